"""Files on this machine: written whole under a draft name, then moved to their place."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from shared.errors import StorageFull, StorageUnreachable, UrbanKiError

CHUNK_BYTES = 1 << 20
DRAFTS = ".new"
"""Folder of unfinished files; the leading dot keeps it apart from hashes and municipalities."""
_MOVED_MEANWHILE = {errno.ENOTEMPTY, errno.ENOENT}
"""A worker writes into a folder that is being removed; whoever removes it looks again."""
_TRIES = 20
"""While workers still write into a folder that is removed."""
_NOT_WRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM}


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored file as its place lists it.

    Args:
        key: `<tenant>/<sha256[:2]>/<sha256>`; anything else is a stray file.
        bytes: Size.
        changed_at: When it was written last.
    """

    key: str
    bytes: int
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Draft:
    """An unfinished file.

    Args:
        path: Where it lies.
        sha256: Hash of its content.
        bytes: Size.
    """

    path: Path
    sha256: str
    bytes: int


@contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn errors of the operating system into those of the house.

    Args:
        folder: Folder that people read about; only its last part is named.

    Raises:
        StorageFull: There is no space left, or the folder may not be written.
        StorageUnreachable: Any other fault of the disk.
    """
    try:
        yield
    except OSError as error:
        raise disk_error(error, folder) from error


def disk_error(error: OSError, folder: Path) -> UrbanKiError:
    """Say what a fault of the disk means for people."""
    full = error.errno in _NOT_WRITABLE
    return StorageFull(folder=folder.name) if full else StorageUnreachable()


def write_draft(folder: Path, content: bytes | BinaryIO, *, durable: bool, place: Path) -> Draft:
    """Write content under a fresh name and hash it on the way; an error leaves nothing behind.

    Args:
        folder: Folder for drafts; made when missing.
        content: All bytes, or a stream that is read to its end.
        durable: Wait until the disk has it.
        place: Folder that people read about when the disk refuses.

    Raises:
        StorageFull: There is no space left, or the folder may not be written.
        StorageUnreachable: Any other fault of the disk.
    """
    with disk_errors(place):
        handle, name = _new_file(folder)
    path = Path(name)
    digest, size = hashlib.sha256(), 0
    try:
        # Errors of the stream are not the disk's, so only the writing is translated.
        for chunk in _chunks(content):
            digest.update(chunk)
            size += len(chunk)
            with disk_errors(place):
                _write_all(handle, chunk)
        if durable:
            with disk_errors(place):
                os.fsync(handle)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(handle)
    return Draft(path, digest.hexdigest(), size)


def is_file(path: Path) -> bool:
    """Say whether there is such a file; a name that the system refuses names none.

    Args:
        path: What a person has typed.
    """
    try:
        return path.is_file()
    except OSError:
        return False


def hash_file(path: Path) -> str:
    """Return the hash of a file's content.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _new_file(folder: Path) -> tuple[int, str]:
    try:
        return tempfile.mkstemp(dir=folder)
    except FileNotFoundError:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.mkstemp(dir=folder)


def _chunks(content: bytes | BinaryIO) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    while chunk := content.read(CHUNK_BYTES):
        yield chunk


def _write_all(handle: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(handle, rest) :]


def move(draft: Path, target: Path, *, durable: bool) -> None:
    """Give a finished draft its name in one step; an older file of that name is replaced.

    Args:
        draft: Finished file on the same file system.
        target: Its name; folders are made.
        durable: Wait until the disk has the name.

    Raises:
        OSError: The file system refuses.
    """
    try:
        draft.replace(target)
    except FileNotFoundError:
        made = [folder for folder in (target.parent, *target.parent.parents) if not folder.exists()]
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.replace(target)
        if durable:
            for folder in made:
                _sync_folder(folder.parent)
    if durable:
        _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Give a path for a library that writes files itself; it becomes `target` in one step.

    After an error nothing is left, nor of what the library has put beside its file.

    Args:
        target: The file; its folder is made, an older file of that name is replaced.

    Raises:
        StorageFull: There is no space left, or the folder may not be written.
        StorageUnreachable: Any other fault of the disk.
    """
    with disk_errors(target.parent):
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".part-", dir=target.parent))
        try:
            draft = folder / target.name
            yield draft
            with draft.open("rb") as written:
                os.fsync(written.fileno())  # before its name: else power can fail between the two
            move(draft, target, durable=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove_drafts(folder: Path, before: datetime) -> int:
    """Remove drafts that a killed process has left, and say how many.

    Args:
        folder: Folder of drafts; it need not exist.
        before: Younger drafts may still be written to.
    """
    removed = 0
    with suppress(FileNotFoundError):
        for path in folder.iterdir():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()
                    removed += 1
    return removed


class LocalFolder:
    """A folder of this machine as the place of the files.

    Args:
        root: The folder; made at the first write.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, tenant: str, content: bytes | BinaryIO) -> Draft:
        """Write a draft of a municipality; see `write_draft` for errors."""
        folder = self._root / tenant / DRAFTS
        return write_draft(folder, content, durable=True, place=self._root)

    def keep(self, draft: Path, key: str) -> None:
        """Give a draft its key.

        Raises:
            StorageFull: There is no space left, or the folder may not be written.
            StorageUnreachable: Any other fault of the disk.
        """
        with disk_errors(self._root):
            move(draft, self._root / key, durable=True)

    def fetch(self, key: str) -> Path:
        """Return where a file lies.

        Raises:
            FileNotFoundError: There is no such file.
            StorageUnreachable: The whole folder is not there, for example not mounted.
        """
        path = self._root / key
        if not path.is_file():
            if not self._root.is_dir():
                raise StorageUnreachable()
            raise FileNotFoundError(key)
        return path

    def hash_of(self, key: str) -> str:
        """Return the hash of a file as it lies there. Errors are those of `fetch`."""
        return hash_file(self.fetch(key))

    def forget(self, key: str) -> bool:
        """Throw away the copy on this machine: there is none."""
        return False

    def exists(self, key: str) -> bool:
        """Say whether a file is there.

        Raises:
            StorageUnreachable: The disk cannot say.
        """
        with disk_errors(self._root):
            return (self._root / key).is_file()

    def remove(self, key: str, before: datetime | None = None) -> bool:
        """Remove a file and say whether there was one to remove.

        Args:
            key: The file.
            before: Leave it when it was written after this moment.

        Raises:
            StorageFull: The folder may not be written.
            StorageUnreachable: Any other fault of the disk.
        """
        path = self._root / key
        with disk_errors(self._root):
            try:
                if before is None:
                    path.unlink()
                    return True
                return self._remove_old(path, key, before)
            except FileNotFoundError:
                return False

    def _remove_old(self, path: Path, key: str, before: datetime) -> bool:
        # Set aside first: a file that somebody writes under this name meanwhile is not touched.
        drafts = self._root / key.partition("/")[0] / DRAFTS
        drafts.mkdir(mode=0o700, exist_ok=True)
        aside = drafts / f"{path.name}.{os.getpid()}"
        path.replace(aside)
        if aside.stat().st_mtime < before.timestamp():
            aside.unlink()
            return True
        with suppress(FileExistsError):
            path.hardlink_to(aside)
        aside.unlink()
        return False

    def remove_tenant(self, tenant: str) -> int:
        """Remove every file, draft and folder of a municipality; say how many files there were.

        Raises:
            StorageFull: The folder may not be written.
            StorageUnreachable: Any other fault of the disk.
        """
        count = sum(1 for _ in self.entries(tenant))
        folder = self._root / tenant
        with disk_errors(self._root):
            for _ in range(_TRIES):
                try:
                    shutil.rmtree(folder)
                except FileNotFoundError:
                    if not folder.exists():
                        break
                except OSError as error:
                    if error.errno not in _MOVED_MEANWHILE:
                        raise
        return count

    def remove_drafts(self, before: datetime) -> int:
        """Remove drafts that killed processes have left.

        Raises:
            StorageFull: The folder may not be written.
        """
        with disk_errors(self._root):
            folders = [folder / DRAFTS for folder in self._root.glob("*/")]
            return sum(remove_drafts(folder, before) for folder in folders)

    def entries(self, tenant: str | None) -> Iterator[Entry]:
        """List the files of a municipality, or all, stray ones too; drafts are none.

        Raises:
            StorageUnreachable: The folder cannot be read.
        """
        top = self._root if tenant is None else self._root / tenant
        with disk_errors(self._root):
            for folder, folders, names in os.walk(top, onerror=_raise_unless_gone):
                folders[:] = sorted(name for name in folders if name != DRAFTS)
                for name in sorted(names):
                    path = Path(folder, name)
                    with suppress(FileNotFoundError):
                        status = path.lstat()
                        changed_at = datetime.fromtimestamp(status.st_mtime, UTC)
                        # Names that are no UTF-8 must pass the database and standard output.
                        key = os.fsencode(path.relative_to(self._root).as_posix())
                        shown = key.decode(errors="backslashreplace")
                        yield Entry(shown, status.st_size, changed_at)

    def check(self) -> None:
        """Make sure that files can be written here.

        Raises:
            StorageFull: There is no space left, or the folder may not be written.
            StorageUnreachable: Any other fault of the disk.
        """
        draft = write_draft(self._root / DRAFTS, b".", durable=False, place=self._root)
        draft.path.unlink(missing_ok=True)


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
