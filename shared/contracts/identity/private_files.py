"""Files with secrets: made once by whichever process comes first, readable by one account."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from shared.errors import SecretUnusable

PRIVATE = 0o600
PUBLIC = 0o644
_FOR_OTHERS = 0o077


def make_once(file: Path, content: bytes) -> None:
    """Write a secret unless a faster process has written one; its folder is made.

    Args:
        file: Where.
        content: The secret.

    Raises:
        OSError: It cannot be written.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A link appears whole or not at all, and never replaces the file of a faster process.
    with draft(file, content, PRIVATE) as written, contextlib.suppress(FileExistsError):
        file.hardlink_to(written)


def read_private(file: Path) -> bytes:
    """Return a secret.

    Args:
        file: Where.

    Raises:
        OSError: It cannot be read.
        SecretUnusable: Others can read or replace it.
    """
    with file.open("rb") as opened:
        mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
        content = opened.read()
    folder_mode = file.parent.stat().st_mode
    # With the sticky bit nobody can replace the file of another account.
    is_open = folder_mode & stat.S_IWOTH and not folder_mode & stat.S_ISVTX
    if is_open or mode & _FOR_OTHERS:
        raise SecretUnusable(file=file.name)
    return content


@contextlib.contextmanager
def draft(file: Path, content: bytes, mode: int) -> Iterator[Path]:
    """Write a file beside another; it is gone after the block unless it was moved.

    Args:
        file: The other.
        content: What to write.
        mode: Its permissions.

    Raises:
        OSError: It cannot be written.
    """
    path = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as opened:
            os.fchmod(handle, mode)
            opened.write(content)
            opened.flush()
            # Otherwise a power cut may leave an empty file under the final name.
            os.fsync(handle)
        yield path
    finally:
        path.unlink(missing_ok=True)
