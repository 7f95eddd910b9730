"""Brings a backup back into an empty installation: all of it, or nothing.

Everything about the file is doubted until it was checked: names, sizes, hashes, the database.
The files come first; the database, in one step at the end, makes them visible. A restoring that was
killed leaves files that nothing names, and may be started again with the same backup.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, cast

from sqlalchemy import func, inspect, select

from shared.errors import (
    BackupUnusable,
    FileMissing,
    InstallationNotEmpty,
    SchemaDiffers,
    StorageFull,
)
from shared.store.backup_format import DATABASE, FILES, MANIFEST, BackupManifest, split_key
from shared.store.engine import read_scope
from shared.store.identity_models import AUDIT_STATEMENTS, PendingLoginRow, SessionRow
from shared.store.local_files import CHUNK_BYTES, disk_errors, is_file
from shared.store.models import Base
from shared.store.schema import UNPACKED, alone, expected_revision, known_revisions
from shared.store.sqlite_files import sqlite_connection, sqlite_path
from shared.store.store import Store

MOST_MANIFEST_BYTES = 256 << 20
_ENCRYPTED = 1
_SIMPLE = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_REVISION_TABLE = "alembic_version"
_OUR_TRIGGERS = {("trigger", statement) for statement in AUDIT_STATEMENTS["sqlite"]}
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    ValueError,
    OSError,  # places outside the file; faults of the disk we write to are translated before
)


@dataclass(frozen=True, slots=True)
class Restored:
    """A backup that was brought back.

    Args:
        created_at: Moment of the copy of the database.
        revision: Version of the tables.
        files: Stored files.
        bytes: Size of the stored files.
        missing: Keys of files that the backup names but does not hold.
    """

    created_at: datetime
    revision: str
    files: int
    bytes: int
    missing: tuple[str, ...]


def restore(store: Store, source: Path) -> Restored:
    """Bring a backup back; nothing may be stored here yet, and nothing else may run.

    Args:
        store: Where to; the database must be SQLite.
        source: The backup.

    Raises:
        BackupUnusable: The file is no backup of this program, or is damaged.
        DatabaseBusy: Another process has been starting or restoring for a minute.
        FileMissing: There is no such file.
        InputError: The database is not SQLite.
        InstallationNotEmpty: Something is stored here already.
        SchemaDiffers: The backup comes from a newer program.
        StorageFull: There is no space left.
    """
    sqlite_path(store.engine)
    if not is_file(source):
        raise FileMissing(name=source.name)
    with alone(store.settings), _doubting(), zipfile.ZipFile(source) as archive:
        manifest = _read_manifest(archive)
        _check_entries(archive, manifest)
        _check_empty(store, manifest)
        _check_space(store, manifest)
        with disk_errors(store.settings.data_dir):
            store.settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = tempfile.TemporaryDirectory(prefix=UNPACKED, dir=store.settings.data_dir)
        with folder as name:
            copy = Path(name, DATABASE)
            _take_database(archive, manifest, copy)
            _take_files(store, archive, manifest)
            _put_database(store, copy)
    return Restored(
        created_at=manifest.created_at,
        revision=manifest.revision,
        files=len(manifest.files),
        bytes=sum(manifest.files.values()),
        missing=manifest.unreadable,
    )


@contextmanager
def _doubting() -> Iterator[None]:
    try:
        yield
    except _UNREADABLE as error:
        raise BackupUnusable(reason="Die Datei ist beschädigt.") from error


def _read_manifest(archive: zipfile.ZipFile) -> BackupManifest:
    try:
        entry = archive.getinfo(MANIFEST)
    except KeyError as error:
        raise BackupUnusable(reason="Das Verzeichnis fehlt.") from error
    if entry.file_size > MOST_MANIFEST_BYTES or not _is_plain(entry):
        raise BackupUnusable(reason="Das Verzeichnis ist nicht lesbar.")
    try:
        with archive.open(entry) as content:
            manifest = BackupManifest.model_validate_json(content.read(MOST_MANIFEST_BYTES))
    except ValueError as error:
        raise BackupUnusable(reason="Das Verzeichnis passt nicht zu diesem Programm.") from error
    if manifest.revision not in known_revisions():
        raise SchemaDiffers(found=manifest.revision, expected=expected_revision())
    return manifest


def _check_entries(archive: zipfile.ZipFile, manifest: BackupManifest) -> None:
    """Make sure that the archive holds exactly what the manifest says, in plain entries."""
    expected = {FILES + key: size for key, size in manifest.files.items()}
    expected[DATABASE] = manifest.database.bytes
    entries = [entry for entry in archive.infolist() if entry.filename != MANIFEST]
    found = {entry.filename: entry.file_size for entry in entries}
    plain = all(map(_is_plain, entries))
    if found != expected or len(archive.infolist()) != len(expected) + 1 or not plain:
        raise BackupUnusable(reason="Der Inhalt passt nicht zum Verzeichnis.")


def _is_plain(entry: zipfile.ZipInfo) -> bool:
    return entry.compress_type in _SIMPLE and not entry.flag_bits & _ENCRYPTED


def _check_empty(store: Store, manifest: BackupManifest) -> None:
    """Make sure that nothing is stored but what an interrupted restoring has left."""
    if sqlite_path(store.engine).exists():
        with read_scope(store.engine) as session:
            tables = set(inspect(session.connection()).get_table_names()) - {_REVISION_TABLE}
            known = Base.metadata.tables
            if not tables <= set(known) or any(
                session.scalar(select(func.count()).select_from(known[name])) for name in tables
            ):
                raise InstallationNotEmpty()
    if not set(store.files.keys()) <= set(manifest.files):
        raise InstallationNotEmpty()


def _check_space(store: Store, manifest: BackupManifest) -> None:
    """Refuse at once what cannot fit, also a few bytes that would unpack to a great many."""
    needed = 2 * manifest.database.bytes + max(manifest.files.values(), default=0)
    if not store.settings.storage_url.startswith("s3://"):
        needed += sum(manifest.files.values())
    folder = store.settings.data_dir
    while not folder.exists():
        folder = folder.parent
    if needed > shutil.disk_usage(folder).free:
        raise StorageFull(folder=store.settings.data_dir.name)


def _take_database(archive: zipfile.ZipFile, manifest: BackupManifest, copy: Path) -> None:
    digest = hashlib.sha256()
    with archive.open(DATABASE) as content, disk_errors(copy.parent.parent), copy.open("xb") as to:
        while chunk := content.read(CHUNK_BYTES):
            digest.update(chunk)
            to.write(chunk)
    if digest.hexdigest() != manifest.database.sha256:
        raise BackupUnusable(reason="Die Datenbank ist beschädigt.")
    try:
        with closing(sqlite3.connect(copy)) as connection:
            _check_database(connection, manifest)
            _end_sessions(connection)
    except sqlite3.DatabaseError as error:
        raise BackupUnusable(reason="Die Datenbank ist beschädigt.") from error


def _check_database(connection: sqlite3.Connection, manifest: BackupManifest) -> None:
    """Make sure that the database is whole, ours, and names no file that is not there."""
    connection.execute("PRAGMA trusted_schema = OFF")
    active = "SELECT type, sql FROM sqlite_master WHERE type NOT IN ('table', 'index')"
    has_audit = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'audit'").fetchone()
    if set(connection.execute(active)) != (_OUR_TRIGGERS if has_audit else set()):
        raise BackupUnusable(reason="Die Datenbank ist nicht von diesem Programm.")
    if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
        raise BackupUnusable(reason="Die Datenbank ist beschädigt.")
    if connection.execute("PRAGMA foreign_key_check").fetchone() is not None:
        raise BackupUnusable(reason="Die Datenbank ist nicht vollständig.")
    revisions = connection.execute(f"SELECT version_num FROM {_REVISION_TABLE}").fetchall()  # noqa: S608
    if revisions != [(manifest.revision,)]:
        raise BackupUnusable(reason="Die Datenbank passt nicht zum Verzeichnis.")
    named = {key for (key,) in connection.execute("SELECT storage_key FROM artifact")}
    if named != manifest.files.keys() | set(manifest.unreadable):
        raise BackupUnusable(reason="Die Dateien passen nicht zur Datenbank.")


def _end_sessions(connection: sqlite3.Connection) -> None:
    """Nobody is signed in afterwards: a session may have ended since the copy was made."""
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    for table in (SessionRow.__tablename__, PendingLoginRow.__tablename__):
        if table in there:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608
    connection.commit()


def _take_files(store: Store, archive: zipfile.ZipFile, manifest: BackupManifest) -> None:
    """Store all files; when one does not fit its key, remove again what was stored."""
    before = set(store.files.keys())
    stored: list[str] = []
    try:
        for key in manifest.files:
            tenant, sha256 = split_key(key)
            with archive.open(FILES + key) as content:
                file = store.files.write(tenant, cast(BinaryIO, content), name=key, media_type="")
            stored.append(f"{tenant}/{file.sha256[:2]}/{file.sha256}")
            if file.sha256 != sha256:
                raise BackupUnusable(reason="Eine Datei ist beschädigt.")
    except BaseException:
        for key in set(stored) - before:
            store.files.remove(*split_key(key))
        raise


def _put_database(store: Store, copy: Path) -> None:
    """Write the copy into the empty database in one transaction of SQLite."""
    with closing(sqlite3.connect(copy)) as source, sqlite_connection(store.engine) as target:
        source.backup(target)
