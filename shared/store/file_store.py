"""The files: named by their content, each municipality's apart, hashed before they are given out.

`URBANKI_STORAGE_URL` says where they lie: in a folder of this machine or on an S3 server.
This module knows no database; who may see a file is decided in `shared.store.artifacts`.
"""

from __future__ import annotations

import errno
import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar
from urllib.parse import unquote, urlsplit

from shared.contracts.jobs import StoredFile
from shared.errors import FileDamaged, FileGone, StorageUnreachable
from shared.settings import Settings
from shared.store.file_cache import FileCache
from shared.store.local_files import Draft, Entry, LocalFolder, hash_file
from shared.store.texts import no_device

LONGEST_NAME = 300
_TENANT = re.compile(r"[a-z0-9_-]{1,64}")
_MEDIA_TYPE = re.compile(r"[!-~][ -~]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_KNOWN_INTACT = 10_000
_T = TypeVar("_T")


class Place(Protocol):
    """Where files lie; keys are made and checked by `FileStore`."""

    def write(self, tenant: str, content: bytes | BinaryIO) -> Draft:
        """Write an unfinished file."""

    def keep(self, draft: Path, key: str) -> None:
        """Give it its key, in one step."""

    def fetch(self, key: str) -> Path:
        """Return where it lies on this machine."""

    def hash_of(self, key: str) -> str:
        """Return the hash of the file itself, not of a copy."""

    def forget(self, key: str) -> bool:
        """Throw away the copy on this machine."""

    def exists(self, key: str) -> bool:
        """Say whether it is there."""

    def remove(self, key: str, before: datetime | None = None) -> bool:
        """Remove it."""

    def remove_tenant(self, tenant: str) -> int:
        """Remove all of a municipality."""

    def remove_drafts(self, before: datetime) -> int:
        """Remove what killed processes have left."""

    def entries(self, tenant: str | None) -> Iterator[Entry]:
        """List them."""

    def check(self) -> None:
        """Raise what is wrong with the place."""


def storage_key(tenant: str, sha256: str) -> str:
    """Return where a file lies within its place.

    Args:
        tenant: The municipality.
        sha256: Hash of the content.

    Raises:
        ValueError: One of them could lead elsewhere.
    """
    if not _SHA256.fullmatch(sha256):
        raise ValueError("a hash is 64 hexadecimal digits")
    return f"{_checked_tenant(tenant)}/{sha256[:2]}/{sha256}"


def _checked_tenant(tenant: str) -> str:
    if not _TENANT.fullmatch(tenant):
        raise ValueError("the name of a municipality is lower-case letters, digits, - and _")
    return tenant


def visible_text(text: str) -> str:
    """Return a text without control and direction characters and half surrogates."""
    return "".join(
        character
        for character in text
        if unicodedata.category(character) not in {"Cc", "Cs"} and character not in _DIRECTION
    ).strip()


def file_name(name: str) -> str:
    """Return a name for people: its last part, without invisible control characters, no device.

    Args:
        name: A name as a person or an app gave it.
    """
    last_part = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    visible = no_device(visible_text(last_part))
    if len(visible) <= LONGEST_NAME:
        return visible or "datei"
    stem, dot, ending = visible.rpartition(".")
    if not dot or len(ending) > 20:
        return visible[:LONGEST_NAME]
    return f"{stem[: LONGEST_NAME - len(ending) - 1]}.{ending}"


class FileStore:
    """The files of an installation; threads may share it, and it survives a fork.

    Args:
        settings: Place of the files; copies of remote ones lie in the data folder.
    """

    def __init__(self, settings: Settings) -> None:
        self._place = make_place(settings)
        self._intact: dict[Path, tuple[int, int, int]] = {}

    def write(
        self, tenant: str, content: bytes | BinaryIO, *, name: str, media_type: str
    ) -> StoredFile:
        """Store a file; an error leaves nothing behind. A damaged file of equal content is healed.

        Args:
            tenant: The municipality.
            content: All bytes, or a stream that is read to its end.
            name: File name for people.
            media_type: For example "application/pdf".

        Raises:
            StorageFull: There is no space left, or the folder may not be written.
            StorageUnreachable: The place of the files does not answer.
        """
        draft = self._place.write(_checked_tenant(tenant), content)
        try:
            self._place.keep(draft.path, storage_key(tenant, draft.sha256))
        finally:
            draft.path.unlink(missing_ok=True)
        if not _MEDIA_TYPE.fullmatch(media_type):
            media_type = "application/octet-stream"
        return StoredFile(file_name(name), media_type, draft.sha256, draft.bytes)

    def open(self, tenant: str, sha256: str, name: str) -> BinaryIO:
        """Open a file for reading; its hash was checked.

        Args:
            tenant: The municipality.
            sha256: The file.
            name: What people call it, for the texts of errors.

        Raises:
            FileDamaged: The content is another than was stored.
            FileGone: It is not there any more.
            StorageFull: There is no space left for a copy on this machine.
            StorageUnreachable: The place of the files does not answer.
        """
        path = self.local_path(tenant, sha256, name)
        with self._reading(name):
            return path.open("rb")

    def local_path(self, tenant: str, sha256: str, name: str) -> Path:
        """Return where a file lies on this machine, for an hour at least; its hash was checked.

        Arguments and errors are those of `open`.
        """
        return self._first_intact(tenant, sha256, name, lambda path: self._checked(path, sha256))

    def read(self, tenant: str, sha256: str, name: str) -> bytes:
        """Return a whole file, hashed at every call. Arguments and errors are those of `open`."""

        def attempt(path: Path) -> bytes | None:
            content = path.read_bytes()
            return content if hashlib.sha256(content).hexdigest() == sha256 else None

        return self._first_intact(tenant, sha256, name, attempt)

    def verify(self, tenant: str, sha256: str, name: str) -> None:
        """Read the stored file itself, not a copy, and compare its hash.

        Arguments and errors are those of `open`.
        """
        with self._reading(name):
            found = self._place.hash_of(storage_key(tenant, sha256))
        if found != sha256:
            raise FileDamaged(name=name)

    def exists(self, tenant: str, sha256: str) -> bool:
        """Say whether a file is there.

        Raises:
            StorageUnreachable: The place of the files does not answer.
        """
        return self._place.exists(storage_key(tenant, sha256))

    def remove(self, tenant: str, sha256: str, *, before: datetime | None = None) -> bool:
        """Remove a file and say whether there was one to remove.

        Args:
            tenant: The municipality.
            sha256: The file.
            before: Leave it when it was written after this moment.

        Raises:
            StorageFull: The folder may not be written.
            StorageUnreachable: The place of the files does not answer.
        """
        return self._place.remove(storage_key(tenant, sha256), before)

    def remove_tenant(self, tenant: str) -> int:
        """Remove every file, copy, draft and folder of a municipality; say how many files.

        Raises:
            StorageFull: The folder may not be written.
            StorageUnreachable: The place of the files does not answer.
        """
        return self._place.remove_tenant(_checked_tenant(tenant))

    def remove_drafts(self, before: datetime) -> int:
        """Remove unfinished files that killed processes have left, and say how many.

        Args:
            before: Younger ones may still be written to.
        """
        return self._place.remove_drafts(before)

    def keys(self, tenant: str | None = None) -> Iterator[str]:
        """List the keys of all files, or of a municipality's; stray files are listed too.

        Raises:
            StorageUnreachable: The place of the files does not answer.
        """
        return (entry.key for entry in self.entries(tenant))

    def entries(self, tenant: str | None = None) -> Iterator[Entry]:
        """List all files with size and time, or a municipality's. Errors are those of `keys`."""
        return self._place.entries(None if tenant is None else _checked_tenant(tenant))

    def check_reachable(self) -> None:
        """Make sure that the place answers; for the start and for `/healthz`.

        Raises:
            StorageFull: The folder may not be written.
            StorageUnreachable: The place does not answer or refuses.
            SettingInvalid: The keys of the S3 server are missing.
        """
        self._place.check()

    def _first_intact(
        self, tenant: str, sha256: str, name: str, attempt: Callable[[Path], _T | None]
    ) -> _T:
        """Try the copy on this machine, then the stored file itself."""
        key = storage_key(tenant, sha256)
        with self._reading(name):
            result = attempt(self._place.fetch(key))
            if result is None and self._place.forget(key):
                result = attempt(self._place.fetch(key))
                if result is None:
                    self._place.forget(key)
        if result is None:
            raise FileDamaged(name=name)
        return result

    @contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise FileGone(name=name) from error
        except OSError as error:
            if error.errno == errno.EIO:
                self._place.check()  # the place works, so it is this file
                raise FileDamaged(name=name) from error
            raise StorageUnreachable() from error

    def _checked(self, path: Path, sha256: str) -> Path | None:
        """Return the path when its content fits; a file is hashed again only when it changed."""
        status = path.stat()
        identity = (status.st_ino, status.st_size, status.st_mtime_ns)
        if self._intact.get(path) == identity:
            return path
        if hash_file(path) != sha256:
            return None
        if len(self._intact) >= _KNOWN_INTACT:
            self._intact.clear()
        self._intact[path] = identity
        return path


def make_place(settings: Settings) -> Place:
    """Return the place of the files that the settings name; nothing is connected yet."""
    address = settings.storage_address
    if not address.startswith("s3://"):
        return LocalFolder(Path(unquote(urlsplit(address).path)))
    # Loading the S3 library takes most of a second that a local folder need not pay.
    from shared.store.object_storage import ObjectStorage

    cache = FileCache(settings.data_dir.resolve() / "cache" / "files")
    return ObjectStorage(address, settings.storage_endpoint, cache)
