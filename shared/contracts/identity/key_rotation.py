"""Replacing the installation's key while everything runs.

The new public half is published first, so that no server meets a token of a key it cannot know.
Whoever signs reads the key for each token, so the old one signs for two minutes at most.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from joserfc.jwk import OKPKey

from shared.contracts.identity.installation import load_installation_key, write_key_set
from shared.contracts.identity.jwks import MAX_KEYS, read_key_set
from shared.contracts.identity.private_files import PRIVATE, draft
from shared.errors import SecretUnusable
from shared.settings import Settings

KEEP_S = 600
"""Seconds for which tokens of the old key still count."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """What has been replaced.

    Args:
        kid: Thumbprint of the new key.
        old_kid: That of the old one.
        old_ends_at: Unix time in seconds after which the old one counts no more.
    """

    kid: str
    old_kid: str
    old_ends_at: float


def rotate_key(settings: Settings, now: float) -> Rotation:
    """Replace the installation's key; tokens of the old one count for ten minutes more.

    Args:
        settings: Folder of the keys.
        now: Unix time in seconds.

    Raises:
        KeySetUnusable: The key set cannot be trusted.
        SecretUnusable: A file is damaged, cannot be read or written, or others can read or replace
            the key.
    """
    load_installation_key(settings)  # also makes the folder
    touched = settings.key_set_file
    try:
        with _alone(settings.keys_folder):
            old = load_installation_key(settings)
            new = OKPKey.generate_key("Ed25519")
            known = read_key_set(touched, now)
            old_kid = old.key.thumbprint()
            end = int(now) + KEEP_S
            # Also that of a key which a killed process has published and never signed with.
            ends = {**dict.fromkeys(known.keys, end), **known.ends, old_kid: end}
            others = [key for kid, key in known.keys.items() if kid != old_kid]
            # The newest are first; more changes in ten minutes than a key set holds lose the rest.
            keys = [new, old.key, *others][:MAX_KEYS]
            write_key_set(touched, old.issuer, keys, ends)
            touched = settings.installation_key_file
            _remove_drafts(touched)
            with draft(touched, new.as_pem(private=True), PRIVATE) as written:
                written.replace(touched)
    except OSError as cause:
        raise SecretUnusable(file=touched.name) from cause
    return Rotation(new.thumbprint(), old_kid, ends[old_kid])


def _remove_drafts(file: Path) -> None:
    """Remove what killed processes have left of a key: it was published, so it must not lie about.

    Raises:
        OSError: It cannot be removed.
    """
    for left in file.parent.glob(f".{file.name}.*"):
        left.unlink(missing_ok=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one process at a time replace the key; the lock ends with the process."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)
