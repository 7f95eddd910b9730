"""Rows of stored files, for whoever writes them together with something else in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from shared.contracts.jobs import FileKind, StoredFile
from shared.errors import NotFound
from shared.store.file_store import storage_key
from shared.store.ids import new_id
from shared.store.models import ArtifactRow, LayerRow, RunFileRow, UnitRow

_ROWS_AT_ONCE = 500
"""Ten values each stay below the limit of placeholders of both databases."""


def remember(
    session: Session,
    tenant: str,
    file: StoredFile,
    *,
    kind: FileKind,
    is_example: bool,
    now: datetime,
) -> str:
    """Note a stored file and return the id of its row. See `remember_all`."""
    return remember_all(session, tenant, [file], kind=kind, is_example=is_example, now=now)[
        file.sha256
    ]


def remember_all(
    session: Session,
    tenant: str,
    files: Iterable[StoredFile],
    *,
    kind: FileKind,
    is_example: bool,
    now: datetime,
) -> dict[str, str]:
    """Note stored files and return the ids of their rows by hash.

    Content that is known already keeps its row; it counts as used now, and as example data only
    while nobody stored it as anything else.

    Args:
        session: A transaction that writes.
        tenant: The municipality.
        files: Files that `FileStore.write` has stored before.
        kind: What they are for.
        is_example: True for synthetic data.
        now: The moment, with zone.
    """
    # Always in the same order: two transactions with the same files would else lock each other.
    unique = sorted({file.sha256: file for file in files}.values(), key=lambda file: file.sha256)
    ids: dict[str, str] = {}
    for start in range(0, len(unique), _ROWS_AT_ONCE):
        rows = [
            {
                "id": new_id(),
                "tenant": tenant,
                "sha256": file.sha256,
                "bytes": file.bytes,
                "media_type": file.media_type,
                "storage_key": storage_key(tenant, file.sha256),
                "kind": kind,
                "is_example": is_example,
                "created_at": now,
                "last_used_at": now,
            }
            for file in unique[start : start + _ROWS_AT_ONCE]
        ]
        ids.update(_upsert(session, rows))
    return ids


def _upsert(session: Session, rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    dialect = session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = insert(ArtifactRow).values(rows)
    new = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=[ArtifactRow.tenant, ArtifactRow.sha256],
        set_={
            "last_used_at": case(
                (new.last_used_at > ArtifactRow.last_used_at, new.last_used_at),
                else_=ArtifactRow.last_used_at,
            ),
            "is_example": and_(ArtifactRow.is_example, new.is_example),
        },
    )
    # Rows in, rows out: no object of the session takes part.
    found = session.execute(
        statement.returning(ArtifactRow.sha256, ArtifactRow.id),
        execution_options={"synchronize_session": False},
    )
    return {sha256: identifier for sha256, identifier in found}


def own_row(session: Session, tenant: str, sha256: str) -> ArtifactRow:
    """Return the row of a municipality's file.

    Raises:
        NotFound: It has no such file.
    """
    query = select(ArtifactRow).where(ArtifactRow.tenant == tenant, ArtifactRow.sha256 == sha256)
    row = session.scalars(query).one_or_none()
    if row is None:
        raise NotFound()
    return row


def unused_since(moment: datetime) -> ColumnElement[bool]:
    """Return the SQL condition for files that nothing names and that nobody stored since then.

    Args:
        moment: Younger files may belong to something that is not written yet.
    """
    named_by = (UnitRow.artifact_id, RunFileRow.artifact_id, LayerRow.artifact_id)
    return and_(
        ArtifactRow.last_used_at < moment,
        *(~exists().where(column == ArtifactRow.id) for column in named_by),
    )
