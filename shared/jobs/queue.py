"""The database as the supervisor sees it: what there is to do.

Only the supervisor reads across municipalities; what it hands on to a worker belongs to one run.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, cast

from sqlalchemy import ColumnElement, Row, Table, insert, or_, select, true, update
from sqlalchemy.orm import Session

from shared.contracts.jobs import Priority, RunState, StoredFile
from shared.contracts.provenance import ModelUse
from shared.jobs.changes import PendingUnit
from shared.jobs.definition import UnitOutcome
from shared.jobs.lease import Lease
from shared.jobs.messages import Failure
from shared.store.engine import read_scope, session_scope
from shared.store.joins import JOIN, to_be_joined
from shared.store.models import ArtifactRow, RunRow, SignalRow, UnitRow
from shared.store.orderers import without_right
from shared.store.run_views import ACTIVE
from shared.store.store import Store

_ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class RunHead:
    """A run of which nobody needs to know more yet.

    Args:
        id: The run.
        tenant: Its municipality.
        priority: Its class.
    """

    id: str
    tenant: str
    priority: Priority


@dataclass(frozen=True, slots=True)
class StoredRun:
    """An active run as the supervisor needs it.

    Args:
        id: The run.
        tenant: Its municipality.
        priority: Its class.
        app: App id.
        job: Name of the job.
        state: Where it stands; cancelled when only its part is to be joined.
        inputs: Files that it reads.
        parameters: What a person chose.
        is_example: True for synthetic data.
        units_total: Number of units; None until they are known.
        units_done: Units with a result.
        units_failed: Units that were given up.
        seconds_per_unit: Exponential mean of the measured seconds of a unit.
        is_started: True when it was begun before.
        is_cancelled: True when somebody asked to stop it.
        models: Models that took part so far.
    """

    id: str
    tenant: str
    priority: Priority
    app: str
    job: str
    state: RunState
    inputs: tuple[StoredFile, ...]
    parameters: Mapping[str, Any]
    is_example: bool
    units_total: int | None
    units_done: int
    units_failed: int
    seconds_per_unit: float | None
    is_started: bool
    is_cancelled: bool
    models: tuple[ModelUse, ...]

    @property
    def is_active(self) -> bool:
        """True while the run may bring further results; False when only its part is joined."""
        return self.state in ACTIVE


@dataclass(frozen=True, slots=True)
class Signal:
    """News about a run.

    Args:
        id: Number of the row.
        run_id: The run.
        kind: new, cancel, retry or deleted.
    """

    id: int
    run_id: str
    kind: str


class Queue:
    """Reads what there is to do.

    Args:
        store: The database.
        lease: The right to work on it.
        moment: The time for people.
    """

    def __init__(
        self,
        store: Store,
        lease: Lease,
        moment: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.store = store
        self.lease = lease
        self.moment = moment

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a transaction that writes, as the one supervisor that works.

        Raises:
            LeaseLost: Another one took over.
            DatabaseBusy: Another process held the database for more than 10 s.
            DatabaseUnreachable: The database does not answer.
            StorageFull: There is no space left.
        """
        with session_scope(self.store.engine) as session:
            self.lease.check(session)
            yield session

    def active_runs(self) -> list[RunHead]:
        """Return all runs that are to be worked on, in the order of their orders."""
        query = (
            select(RunRow.id, RunRow.tenant, RunRow.priority)
            .where(_has_work())
            .order_by(RunRow.created_at, RunRow.id)
        )
        with read_scope(self.store.engine) as session:
            return [
                RunHead(id, tenant, Priority(rank)) for id, tenant, rank in session.execute(query)
            ]

    def head(self, run_id: str) -> RunHead | None:
        """Return a run that is to be worked on; None when it is gone or has ended."""
        query = select(RunRow.tenant, RunRow.priority).where(RunRow.id == run_id, _has_work())
        with read_scope(self.store.engine) as session:
            row = session.execute(query).one_or_none()
            return None if row is None else RunHead(run_id, row.tenant, Priority(row.priority))

    def load(self, run_id: str) -> StoredRun | None:
        """Return a run that is to be worked on; None when it is gone or has ended."""
        query = select(RunRow).where(RunRow.id == run_id, _has_work())
        with read_scope(self.store.engine) as session:
            row = session.scalars(query).one_or_none()
            return None if row is None else _stored_run(row)

    def without_right(self, run_ids: Collection[str]) -> frozenset[str]:
        """Return which of some runs must stop, because whoever ordered them may not any more."""
        with read_scope(self.store.engine) as session:
            return without_right(session, self.store.settings, run_ids, self.moment())

    def signals(self) -> list[Signal]:
        """Return the news since the last look; `Changes.signals` forgets them."""
        query = (
            select(SignalRow.id, SignalRow.run_id, SignalRow.kind)
            .where(SignalRow.kind != JOIN)
            .order_by(SignalRow.id)
            .limit(_ROWS_AT_ONCE)
        )
        with read_scope(self.store.engine) as session:
            return [Signal(*row) for row in session.execute(query)]

    def queued_units(self, run_id: str, after: int, limit: int) -> list[PendingUnit]:
        """Return units of a run that wait, in their order.

        Args:
            run_id: The run.
            after: Only those behind this ordinal.
            limit: Most units.
        """
        query = (
            select(UnitRow.ordinal, UnitRow.key, UnitRow.attempts, UnitRow.crashes)
            .where(UnitRow.run_id == run_id, UnitRow.state == "queued", UnitRow.ordinal > after)
            .order_by(UnitRow.ordinal)
            .limit(limit)
        )
        with read_scope(self.store.engine) as session:
            return [PendingUnit(*row) for row in session.execute(query)]

    def outcomes(self, run_id: str, *, only_over: bool = False) -> Iterator[UnitOutcome]:
        """Read what became of all units, in their order and never all at once.

        Args:
            run_id: The run.
            only_over: Leave out units that have neither a result nor a failure.
        """
        is_over = or_(UnitRow.result_json.is_not(None), UnitRow.error_code.is_not(None))
        query = (
            select(
                *(UnitRow.ordinal, UnitRow.key, UnitRow.result_json),
                *(UnitRow.error_code, UnitRow.error_message, UnitRow.error_details),
                *(UnitRow.file_name, UnitRow.file_media_type),
                *(ArtifactRow.sha256, ArtifactRow.media_type, ArtifactRow.bytes),
            )
            .outerjoin(ArtifactRow, UnitRow.artifact_id == ArtifactRow.id)
            .where(UnitRow.run_id == run_id, UnitRow.ordinal > -1, is_over if only_over else true())
            .order_by(UnitRow.ordinal)
            .execution_options(yield_per=_ROWS_AT_ONCE)
        )
        with read_scope(self.store.engine) as session:
            for row in session.execute(query):
                yield _outcome(row)

    def requeue_abandoned(self, working_on: Collection[tuple[str, int]]) -> None:
        """Queue every unit again that is handed out and that nobody works on.

        Args:
            working_on: Run and ordinal of the units that this supervisor's workers have.

        Raises:
            LeaseLost: Another one took over.
        """
        active = select(RunRow.id).where(RunRow.state.in_(ACTIVE))
        with self.writing() as session:
            leased = session.execute(
                select(UnitRow.run_id, UnitRow.ordinal, UnitRow.lease_owner).where(
                    UnitRow.run_id.in_(active), UnitRow.state == "leased"
                )
            ).all()
            mine = self.lease.owner.token
            for run_id, ordinal, owner in leased:
                if owner != mine or (run_id, ordinal) not in working_on:
                    session.execute(
                        update(UnitRow)
                        .where(UnitRow.run_id == run_id, UnitRow.ordinal == ordinal)
                        .values(state="queued", lease_owner=None, lease_until=None)
                    )

    def add_units(self, run_id: str, keys: Collection[str]) -> bool:
        """Note the units of a run; False when it was deleted or they are known already.

        Args:
            run_id: The run.
            keys: Their keys in order.

        Raises:
            LeaseLost: Another one took over.
        """
        with self.writing() as session:
            changed = session.connection().execute(
                update(RunRow)
                .where(RunRow.id == run_id, RunRow.state.in_(ACTIVE), RunRow.units_total.is_(None))
                .values(units_total=len(keys))
            )
            if changed.rowcount != 1:
                return False
            # Some at a time: as rows the keys of a large run would take many times their memory.
            numbered = enumerate(keys)
            while some := list(islice(numbered, _ROWS_AT_ONCE)):
                rows = [
                    {
                        "run_id": run_id,
                        "ordinal": ordinal,
                        "key": key,
                        "state": "queued",
                        "attempts": 0,
                        "crashes": 0,
                    }
                    for ordinal, key in some
                ]
                session.connection().execute(insert(cast(Table, UnitRow.__table__)), rows)
            return True

    def first_failure(self, run_id: str) -> Failure | None:
        """Return why the first unit was given up that was; None when none was.

        Args:
            run_id: The run.
        """
        query = (
            select(UnitRow.error_code, UnitRow.error_message, UnitRow.error_details)
            .where(UnitRow.run_id == run_id, UnitRow.state == "failed")
            .order_by(UnitRow.ordinal)
            .limit(1)
        )
        with read_scope(self.store.engine) as session:
            row = session.execute(query).one_or_none()
            return None if row is None else Failure(row[0] or "", row[1] or "", row[2] or {})


def _has_work() -> ColumnElement[bool]:
    return or_(RunRow.state.in_(ACTIVE), to_be_joined())


def _stored_run(row: RunRow) -> StoredRun:
    noted = (row.provenance_json or {}).get("models", ())
    return StoredRun(
        id=row.id,
        tenant=row.tenant,
        priority=Priority(row.priority),
        app=row.app,
        job=row.job,
        state=cast(RunState, row.state),
        inputs=tuple(StoredFile(**file) for file in row.input_json),
        parameters=row.parameters_json,
        is_example=row.is_example,
        units_total=row.units_total,
        units_done=row.units_done or 0,
        units_failed=row.units_failed or 0,
        seconds_per_unit=row.seconds_per_unit,
        is_started=row.started_at is not None,
        is_cancelled=row.cancel_requested_at is not None,
        models=tuple(ModelUse(**model) for model in noted),
    )


def _outcome(row: Row[Any]) -> UnitOutcome:
    file = None
    if row.sha256 is not None:
        name, media_type = row.file_name or row.key, row.file_media_type or row.media_type
        file = StoredFile(name, media_type, row.sha256, row.bytes)
    return UnitOutcome(
        row.ordinal,
        row.key,
        row.result_json,
        file,
        row.error_code,
        row.error_message,
        row.error_details or {},
    )
