"""Stored files as pages see them: each municipality its own, and nothing kept that nobody needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import delete, select, tuple_

from shared.contracts.identity.policy import JOB_PART, RESULT_READ, SAMPLE_RUN, UPLOAD, require
from shared.contracts.identity.principal import Principal
from shared.contracts.jobs import FileKind, StoredFile
from shared.errors import FileGone
from shared.store.artifact_rows import own_row, remember, unused_since
from shared.store.engine import read_scope, session_scope
from shared.store.local_files import Entry
from shared.store.models import ArtifactRow
from shared.store.store import Store

KEEP_UNUSED = timedelta(hours=24)
"""Longer than any upload waits for its order, any worker for its row, and any clock jumps."""
_ROWS_AT_ONCE = 25
"""Their files go within one transaction, and on SQLite everybody waits for it."""
_FILES_AT_ONCE = 500
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collection of garbage has removed.

    Args:
        rows: Rows of files that nothing named any more.
        files: Stored files, those without row included.
        bytes: Size of those files.
        drafts: Unfinished files.
    """

    rows: int
    files: int
    bytes: int
    drafts: int


def save(
    principal: Principal,
    store: Store,
    content: bytes | BinaryIO,
    *,
    name: str,
    media_type: str,
    kind: FileKind,
    is_example: bool,
    now: datetime,
) -> StoredFile:
    """Store a file; equal content is stored once per municipality.

    Args:
        principal: Who stores it, for the municipality that is active.
        store: Where it is kept.
        content: All bytes, or a stream from its present place to its end.
        name: File name for people.
        media_type: For example "application/pdf".
        kind: What it is for.
        is_example: True for synthetic data.
        now: The moment, with zone.

    Raises:
        StorageFull: There is no space left, or the folder may not be written.
        StorageUnreachable: The place of the files does not answer.
        FileGone: It was deleted while it was stored, and the stream cannot be read again.
        NotAllowed: The role may not store it.
    """
    is_upload = kind == "upload"
    require(
        principal,
        SAMPLE_RUN if is_upload and is_example else UPLOAD,
        given=() if is_upload else JOB_PART,
    )
    tenant = principal.active_tenant
    can_repeat = isinstance(content, bytes) or content.seekable()
    start = content.tell() if can_repeat and not isinstance(content, bytes) else 0
    for _ in range(_TRIES):
        file = store.files.write(tenant, content, name=name, media_type=media_type)
        with session_scope(store.engine) as session:
            remember(session, tenant, file, kind=kind, is_example=is_example, now=now)
        # A collection of garbage may have removed equal old content after it was written above;
        # from the row on it leaves it alone.
        if store.files.exists(tenant, file.sha256):
            return file
        if not can_repeat:
            break
        if not isinstance(content, bytes):
            content.seek(start)
    raise FileGone(name=file.name)


def read(principal: Principal, store: Store, file: StoredFile) -> bytes:
    """Return the content of a stored file; its hash was checked.

    Raises:
        NotAllowed: The role may not look.
        NotFound: This municipality has no such file.
        FileDamaged: The content is another than was stored.
        FileGone: The file is missing although it should be there.
        StorageUnreachable: The place of the files does not answer.
    """
    require(principal, RESULT_READ)
    return store.files.read(_own_tenant(principal, store, file), file.sha256, file.name)


def open_file(principal: Principal, store: Store, file: StoredFile) -> BinaryIO:
    """Open a stored file for reading; its hash was checked. Errors are those of `read`."""
    require(principal, RESULT_READ)
    return store.files.open(_own_tenant(principal, store, file), file.sha256, file.name)


def local_path(principal: Principal, store: Store, file: StoredFile) -> Path:
    """Return where a stored file lies on this machine, for libraries that need a path.

    The path is good for an hour; nobody may write to it. Errors are those of `read`.
    """
    require(principal, RESULT_READ)
    return store.files.local_path(_own_tenant(principal, store, file), file.sha256, file.name)


def _own_tenant(principal: Principal, store: Store, file: StoredFile) -> str:
    tenant = principal.active_tenant
    with read_scope(store.engine) as session:
        own_row(session, tenant, file.sha256)
    return tenant


def collect_garbage(store: Store, now: datetime) -> Collected:
    """Remove stored files that nothing names and that nobody stored for a day; all municipalities.

    May run beside everything else, also twice at once.

    Args:
        store: What is cleaned.
        now: The moment, with zone.

    Raises:
        StorageFull: The folder of the files may not be written.
        StorageUnreachable: The place of the files does not answer.
    """
    before = now - KEEP_UNUSED
    rows = files = size = 0
    for ids in _unused_rows(store, before):
        found, removed, freed = _remove_rows(store, ids, before)
        rows, files, size = rows + found, files + removed, size + freed
    removed, freed = _remove_files_without_row(store, before)
    drafts = store.files.remove_drafts(before)
    return Collected(rows, files + removed, size + freed, drafts)


def _unused_rows(store: Store, before: datetime) -> Iterator[list[str]]:
    """List ids of rows that look unused, some at a time, without keeping writers waiting."""
    last = ""
    while True:
        query = select(ArtifactRow.id).where(ArtifactRow.id > last, unused_since(before))
        with read_scope(store.engine) as session:
            ids = list(session.scalars(query.order_by(ArtifactRow.id).limit(_ROWS_AT_ONCE)))
        if not ids:
            return
        yield ids
        last = ids[-1]


def _remove_rows(store: Store, ids: list[str], before: datetime) -> tuple[int, int, int]:
    """Remove rows with their files; return numbers of rows and files, and bytes.

    The files go while the rows are locked: whoever stores equal content waits at its row, and finds
    afterwards that the file is missing.
    """
    rows = ArtifactRow.id.in_(ids)
    with session_scope(store.engine) as session:
        # Locked first, asked again then: another transaction may have named one in between.
        session.execute(select(ArtifactRow.id).where(rows).with_for_update(skip_locked=True))
        gone = session.execute(
            delete(ArtifactRow)
            .where(rows, unused_since(before))
            .returning(ArtifactRow.tenant, ArtifactRow.sha256, ArtifactRow.bytes),
            execution_options={"synchronize_session": False},
        ).all()
        removed = [row for row in gone if store.files.remove(row.tenant, row.sha256, before=before)]
    return len(gone), len(removed), sum(row.bytes for row in removed)


def _remove_files_without_row(store: Store, before: datetime) -> tuple[int, int]:
    """Remove files that no row names, for example of a worker whose result was never noted."""
    files = size = 0
    old = (entry for entry in store.files.entries() if entry.changed_at < before)
    while some := list(islice(old, _FILES_AT_ONCE)):
        stored = {
            (parts[0], parts[2]): entry for entry, parts in map(_parts, some) if _is_key(parts)
        }
        query = select(ArtifactRow.tenant, ArtifactRow.sha256).where(
            tuple_(ArtifactRow.tenant, ArtifactRow.sha256).in_(list(stored))
        )
        with read_scope(store.engine) as session:
            known = {(tenant, sha256) for tenant, sha256 in session.execute(query)}
        for tenant, sha256 in stored.keys() - known:
            if store.files.remove(tenant, sha256, before=before):
                files, size = files + 1, size + stored[tenant, sha256].bytes
    return files, size


def _parts(entry: Entry) -> tuple[Entry, list[str]]:
    return entry, entry.key.split("/")


def _is_key(parts: list[str]) -> bool:
    return len(parts) == 3 and len(parts[2]) == 64 and parts[2].startswith(parts[1])
