"""Copies database and files into one ZIP file while everything runs, and back into an empty place.

The database is copied first, in one moment; then the files that this copy names: they never change.
What was deleted before is in neither: the copy is written anew, without the database's free pages.
Keys and settings are not part of it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import select

from shared import __version__
from shared.errors import DatabaseBusy, FileDamaged, FileGone, InputError
from shared.store.backup_format import (
    DATABASE,
    FILES,
    FORMAT,
    FORMAT_VERSION,
    MANIFEST,
    BackupManifest,
    StoredDatabase,
    zip_date,
)
from shared.store.engine import read_scope
from shared.store.local_files import CHUNK_BYTES, disk_errors
from shared.store.models import ArtifactRow, LeaseRow
from shared.store.sqlite_files import sqlite_connection, sqlite_path
from shared.store.store import Store

UNFINISHED = ".backup."
"""How the folder of a backup that is being written begins."""
_TRIES = 3
_PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was written.

    Args:
        file: Its name.
        bytes: Its size.
        files: Stored files in it.
        revision: Version of the tables.
        created_at: Moment of the copy of the database.
        unreadable: Keys of stored files that are missing or damaged, so they are not in it.
    """

    file: str
    bytes: int
    files: int
    revision: str
    created_at: datetime
    unreadable: tuple[str, ...]


class _FileVanished(Exception):
    """Somebody deleted a file between the copy of the database and its turn."""


def backup(store: Store, target: Path, now: datetime) -> Backup:
    """Write a backup; nobody has to wait or to stop meanwhile.

    Args:
        store: What is copied; the database must be SQLite.
        target: ZIP file that does not exist yet.
        now: The moment, with zone.

    Raises:
        DatabaseBusy: Things were deleted all the time, so no consistent copy came about.
        InputError: The file exists, or the database is not SQLite.
        StorageFull: There is no space left.
        StorageUnreachable: The place of the files does not answer.
    """
    sqlite_path(store.engine)
    try:
        exists = target.exists()
    except OSError as error:
        raise InputError(reason="Unter diesem Namen entsteht keine Datei.") from error
    if exists:
        raise InputError(reason=f"Die Datei „{target.name}“ gibt es schon.")
    with disk_errors(target.parent):
        _remove_left(target.parent)
        folder = tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=target.parent)
    with folder as name, _in_use(Path(name)):
        for _ in range(_TRIES):
            with suppress(_FileVanished):
                return _write(store, target, Path(name), now)
    raise DatabaseBusy()


@contextmanager
def _in_use(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder, which ends with its process.

    Raises:
        OSError: Another process holds it, or the file system knows no such locks.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)


def _remove_left(place: Path) -> None:
    """Remove what killed backups have left: copies that nobody knows of and nobody deletes from."""
    for folder in place.glob(f"{UNFINISHED}*"):
        with suppress(OSError), _in_use(folder):
            shutil.rmtree(folder)


def _write(store: Store, target: Path, folder: Path, now: datetime) -> Backup:
    snapshot, draft = folder / DATABASE, folder / MANIFEST
    snapshot.unlink(missing_ok=True)
    _copy_database(store, snapshot)
    with disk_errors(target.parent):
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE))
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
            manifest = _fill(store, archive, snapshot, now)
        with draft.open("rb") as written:
            os.fsync(written.fileno())
        draft.replace(target)
    return Backup(
        file=target.name,
        bytes=target.stat().st_size,
        files=len(manifest.files),
        revision=manifest.revision,
        created_at=now,
        unreadable=manifest.unreadable,
    )


def _copy_database(store: Store, snapshot: Path) -> None:
    """Copy what is in the database now; whoever works in it now does not in the copy."""
    with sqlite_connection(store.engine) as connection:
        connection.execute("VACUUM INTO ?", (str(snapshot),))
    with closing(sqlite3.connect(snapshot)) as copy, copy:
        copy.execute(f"DELETE FROM {LeaseRow.__tablename__}")  # noqa: S608  # a table's name


def _fill(store: Store, archive: zipfile.ZipFile, snapshot: Path, now: datetime) -> BackupManifest:
    files: dict[str, int] = {}
    unreadable: list[str] = []
    for tenant, sha256, key in _files_of(snapshot):
        try:
            with store.files.open(tenant, sha256, sha256) as content:
                files[key] = _add(archive, FILES + key, content, now)
        except (FileGone, FileDamaged) as error:
            if not _still_named(store, tenant, sha256):
                raise _FileVanished from error
            unreadable.append(key)
    with snapshot.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
        content.seek(0)
        size = _add(archive, DATABASE, content, now, zipfile.ZIP_DEFLATED)
    manifest = BackupManifest(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        software_version=__version__,
        created_at=now,
        revision=_revision(snapshot),
        database=StoredDatabase(sha256=digest, bytes=size),
        files=files,
        unreadable=tuple(unreadable),
    )
    archive.writestr(_entry(MANIFEST, now, zipfile.ZIP_DEFLATED), manifest.model_dump_json())
    return manifest


def _files_of(snapshot: Path) -> Iterator[tuple[str, str, str]]:
    query = "SELECT tenant, sha256, storage_key FROM artifact ORDER BY storage_key"
    with closing(sqlite3.connect(snapshot)) as copy:
        yield from copy.execute(query)


def _revision(snapshot: Path) -> str:
    with closing(sqlite3.connect(snapshot)) as copy:
        return str(copy.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def _still_named(store: Store, tenant: str, sha256: str) -> bool:
    query = select(ArtifactRow.id).where(ArtifactRow.tenant == tenant, ArtifactRow.sha256 == sha256)
    with read_scope(store.engine) as session:
        return session.scalar(query) is not None


def _add(
    archive: zipfile.ZipFile,
    name: str,
    content: BinaryIO,
    now: datetime,
    compression: int = zipfile.ZIP_STORED,
) -> int:
    """Copy a stream into the archive, of any size; return its bytes."""
    size = 0
    with archive.open(_entry(name, now, compression), "w", force_zip64=True) as entry:
        while chunk := content.read(CHUNK_BYTES):
            entry.write(chunk)
            size += len(chunk)
    return size


def _entry(name: str, now: datetime, compression: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, zip_date(now))
    entry.compress_type = compression
    entry.external_attr = _PRIVATE << 16
    return entry
