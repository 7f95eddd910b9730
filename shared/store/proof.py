"""Looks for anything that a deletion should have removed, in new tables too."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlalchemy import ColumnElement, Table, func, select
from sqlalchemy.orm import Session

from shared.errors import DeletionIncomplete
from shared.store.engine import read_scope
from shared.store.erasing import Erased
from shared.store.identity_models import AuditRow
from shared.store.models import ArtifactRow, Base, SignalRow
from shared.store.store import Store

NEWS = SignalRow.__tablename__
"""Tells the supervisor which run has gone, until it has heard it."""
AUDIT = AuditRow.__tablename__
"""Keeps for its own time who did what; it has neither content nor names."""
_IDS_AT_ONCE = 500
_NAMES_OF_TENANT = (("session", "active_tenant"), ("tenant", "slug"))
_NAMES_OF_RUN = ("run_id", "produced_by_run")


def prove_gone(store: Store, erased: Erased, *, whole_tenant: bool) -> None:
    """Make sure that nothing of what was removed is left: no row, no key of a file, no file.

    Args:
        store: Where to look.
        erased: What was removed.
        whole_tenant: Whether nothing at all may be left of the municipality.

    Raises:
        DeletionIncomplete: Something is there, for example because a worker has just written it.
    """
    with read_scope(store.engine) as session:
        rows = sum(
            _count(session, table, condition)
            for table, condition in _traces(erased, whole_tenant=whole_tenant)
        )
    files = _files_left(store, erased, whole_tenant=whole_tenant)
    if rows or files:
        raise DeletionIncomplete(rows=rows, files=files)


def _traces(erased: Erased, *, whole_tenant: bool) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """List where the municipality or something removed could still be named."""
    for table in Base.metadata.sorted_tables:
        if whole_tenant and "tenant" in table.c and table.name != AUDIT:
            yield table, table.c.tenant == erased.tenant
        if table.name == NEWS:
            continue
        for name in _NAMES_OF_RUN:
            if name in table.c:
                yield from _named(table, name, erased.run_ids)
        if "layer_id" in table.c:
            yield from _named(table, "layer_id", erased.layer_ids)
    for name, column in _NAMES_OF_TENANT if whole_tenant else ():
        table = Base.metadata.tables[name]
        yield table, table.c[column] == erased.tenant
    yield from _named(Base.metadata.tables["run"], "id", erased.run_ids)
    yield from _named(Base.metadata.tables["layer"], "id", erased.layer_ids)


def _named(
    table: Table, column: str, ids: Collection[str]
) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    ordered = sorted(ids)
    for start in range(0, len(ordered), _IDS_AT_ONCE):
        yield table, table.c[column].in_(ordered[start : start + _IDS_AT_ONCE])


def _count(session: Session, table: Table, condition: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).select_from(table).where(condition)) or 0


def _files_left(store: Store, erased: Erased, *, whole_tenant: bool) -> int:
    """Count files that are there again or still, and that no row names."""
    found = {key.rpartition("/")[2] for key in store.files.keys(erased.tenant)}
    if whole_tenant:
        return len(found)
    left = sorted(found & erased.hashes)
    if not left:
        return 0
    query = select(ArtifactRow.sha256).where(ArtifactRow.tenant == erased.tenant)
    with read_scope(store.engine) as session:
        kept = set(session.scalars(query.where(ArtifactRow.sha256.in_(left))))
    return len(set(left) - kept)
