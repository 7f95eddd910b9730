"""Removes rows and files of one municipality in short transactions, and notes what was removed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from shared.errors import DeletionIncomplete
from shared.store.artifact_rows import unused_since
from shared.store.engine import read_scope, session_scope
from shared.store.identity_models import AccountRoleRow, AccountRow, SessionRow, TenantRow
from shared.store.joins import forget_joins
from shared.store.models import (
    ArtifactRow,
    DecisionRow,
    FeedbackRow,
    LayerRow,
    LayerShareRow,
    RunFileRow,
    RunRow,
    SignalRow,
    UnitRow,
)
from shared.store.run_views import ACTIVE
from shared.store.sqlite_files import empty_journal
from shared.store.store import Store

_EVER = datetime(9999, 1, 1, tzinfo=UTC)
_FILES_AT_ONCE = 100
_QUIETLY: dict[str, Any] = {"execution_options": {"synchronize_session": False}}


@dataclass(slots=True)
class Erased:
    """What was removed.

    Args:
        tenant: Of which municipality.
        counts: Rows by table, besides "file" and "byte".
        run_ids: Removed runs.
        layer_ids: Removed versions of layers.
        hashes: Removed files.
    """

    tenant: str
    counts: Counter[str] = field(default_factory=Counter)
    run_ids: set[str] = field(default_factory=set)
    layer_ids: set[str] = field(default_factory=set)
    hashes: set[str] = field(default_factory=set)


class Eraser:
    """Removes what conditions name.

    Args:
        store: From where.
        tenant: Of which municipality.
    """

    def __init__(self, store: Store, tenant: str) -> None:
        self._store = store
        self._tenant = tenant
        self._unnamed: set[str] = set()
        self.erased = Erased(tenant)

    def layers(self, condition: ColumnElement[bool]) -> None:
        """Remove versions of layers.

        Args:
            condition: On `LayerRow`.
        """
        chosen = (LayerRow.tenant == self._tenant) & condition
        with session_scope(self._store.engine) as session:
            found = session.execute(select(LayerRow.id, LayerRow.artifact_id).where(chosen)).all()
            session.execute(delete(LayerRow).where(chosen), **_QUIETLY)
        self._unnamed.update(artifact_id for _, artifact_id in found)
        self.erased.layer_ids.update(layer_id for layer_id, _ in found)
        self.erased.counts["layer"] += len(found)

    def feedback(self, condition: ColumnElement[bool]) -> None:
        """Remove hints.

        Args:
            condition: On `FeedbackRow`.
        """
        chosen = (FeedbackRow.tenant == self._tenant) & condition
        with session_scope(self._store.engine) as session:
            self._count(session, "feedback", chosen)
            session.execute(delete(FeedbackRow).where(chosen), **_QUIETLY)

    def runs(self, condition: ColumnElement[bool]) -> None:
        """Remove runs with all that belongs to them, one after the other.

        Args:
            condition: On `RunRow`.
        """
        chosen = (RunRow.tenant == self._tenant) & condition
        while self._remove_run(chosen):
            pass

    def files(self) -> None:
        """Remove files of the removed rows that nothing else names, also written again since."""
        for ids in _slices(sorted(self._unnamed)):
            self._remove_files(ids)
        self._unnamed.clear()
        for hashes in _slices(sorted(self.erased.hashes)):
            self._remove_strays(hashes)

    def rest_of_tenant(self) -> None:
        """Remove what else the municipality has: people, all files, what others share with it."""
        tenant = self._tenant
        with session_scope(self._store.engine) as session:
            shared = LayerShareRow.tenant == tenant
            session.execute(delete(LayerShareRow).where(shared), **_QUIETLY)
            _remove_people(session, tenant)
        query = select(ArtifactRow.id).where(ArtifactRow.tenant == tenant)
        with read_scope(self._store.engine) as session:
            ids = session.scalars(query).all()
        for some in _slices(ids):
            self._remove_files(some)
        self.erased.counts["file"] += self._store.files.remove_tenant(tenant)

    def finish(self) -> None:
        """Empty the journal of SQLite.

        Raises:
            DeletionIncomplete: Somebody was reading from it all the time.
        """
        if not empty_journal(self._store.engine):
            raise DeletionIncomplete(rows=0, files=1)

    def _remove_run(self, chosen: ColumnElement[bool]) -> bool:
        """Remove a run in one transaction; the supervisor hears of it when it has work with it."""
        with session_scope(self._store.engine) as session:
            query = select(RunRow.id, RunRow.state).where(chosen).order_by(RunRow.id).limit(1)
            found = session.execute(query.with_for_update()).one_or_none()
            if found is None:
                return False
            run_id, state = found
            self._unnamed.update(_files_of_run(session, run_id))
            self._count(session, "unit", UnitRow.run_id == run_id)
            self._count(session, "decision", DecisionRow.run_id == run_id)
            self._count(session, "feedback", FeedbackRow.run_id == run_id)
            session.execute(delete(RunRow).where(RunRow.id == run_id), **_QUIETLY)
            if forget_joins(session, [run_id]) or state in ACTIVE:
                session.add(SignalRow(run_id=run_id, kind="deleted"))
        self.erased.run_ids.add(run_id)
        self.erased.counts["run"] += 1
        return True

    def _remove_files(self, ids: Sequence[str]) -> None:
        """Remove rows of files that nothing names, and the files while the rows are locked.

        Whoever stores equal content meanwhile waits at its row and stores the file anew.
        """
        rows = (ArtifactRow.tenant == self._tenant) & ArtifactRow.id.in_(ids)
        with session_scope(self._store.engine) as session:
            session.execute(select(ArtifactRow.id).where(rows).with_for_update())
            gone = session.execute(
                delete(ArtifactRow)
                .where(rows, unused_since(_EVER))
                .returning(ArtifactRow.sha256, ArtifactRow.bytes),
                **_QUIETLY,
            ).all()
            for sha256, _ in gone:
                self._store.files.remove(self._tenant, sha256)
        self.erased.hashes.update(sha256 for sha256, _ in gone)
        self.erased.counts["file"] += len(gone)
        self.erased.counts["byte"] += sum(size for _, size in gone)

    def _remove_strays(self, hashes: Sequence[str]) -> None:
        """Remove files that a worker has written again after their rows went."""
        query = select(ArtifactRow.sha256).where(
            ArtifactRow.tenant == self._tenant, ArtifactRow.sha256.in_(hashes)
        )
        with session_scope(self._store.engine) as session:
            named = set(session.scalars(query))
            for sha256 in sorted(set(hashes) - named):
                self._store.files.remove(self._tenant, sha256)

    def _count(self, session: Session, table: str, condition: ColumnElement[bool]) -> None:
        model = {"unit": UnitRow, "decision": DecisionRow, "feedback": FeedbackRow}[table]
        query = select(func.count()).select_from(model).where(condition)
        self.erased.counts[table] += session.scalar(query) or 0


def _remove_people(session: Session, tenant: str) -> None:
    """Remove the municipality with its roles, accounts of nobody else, sessions that name it."""
    theirs = AccountRoleRow.tenant == tenant
    ids = session.scalars(select(AccountRoleRow.account_id).where(theirs)).all()
    session.execute(delete(TenantRow).where(TenantRow.slug == tenant), **_QUIETLY)
    session.execute(delete(AccountRoleRow).where(theirs), **_QUIETLY)
    elsewhere = select(AccountRoleRow.account_id)
    for some in _slices(ids):
        only_here = AccountRow.id.in_(some) & AccountRow.id.not_in(elsewhere)
        session.execute(delete(AccountRow).where(only_here), **_QUIETLY)
    found = session.execute(select(SessionRow.id, SessionRow.active_tenant, SessionRow.claims_json))
    naming = [
        session_id
        for session_id, active, claims in found
        if active == tenant or tenant in claims.get("roles_by_tenant", {})
    ]
    for some in _slices(naming):
        session.execute(delete(SessionRow).where(SessionRow.id.in_(some)), **_QUIETLY)


def _files_of_run(session: Session, run_id: str) -> set[str]:
    of_units = select(UnitRow.artifact_id).where(
        UnitRow.run_id == run_id, UnitRow.artifact_id.is_not(None)
    )
    of_run = select(RunFileRow.artifact_id).where(RunFileRow.run_id == run_id)
    named = {*session.scalars(of_units.distinct()), *session.scalars(of_run)}
    return {artifact_id for artifact_id in named if artifact_id is not None}


def _slices(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _FILES_AT_ONCE):
        yield ids[start : start + _FILES_AT_ONCE]
