"""What the supervisor writes: results and states of units, each exactly once.

A unit's result, its state and the counters of its run change in one transaction, and only while the
unit is still handed out by this very supervisor. Whatever comes late or twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import Table, bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from shared.auth import audit_chain
from shared.contracts.jobs import RunState, StoredFile, UnitState
from shared.contracts.provenance import FailedUnit, ModelUse
from shared.jobs import model_calls
from shared.jobs.changes import Changes, PendingUnit, RunChanges
from shared.jobs.lease import Lease
from shared.jobs.messages import Failure
from shared.jobs.queue import Queue
from shared.store import artifact_rows, provenance, retention
from shared.store.joins import JOIN, forget_joins, to_be_joined
from shared.store.models import ArtifactRow, RunFileRow, RunRow, SignalRow, UnitRow
from shared.store.run_views import ACTIVE, run_view

LEASE_S = 60.0
_UNIT = cast(Table, UnitRow.__table__)
_RUN = cast(Table, RunRow.__table__)
_OWN = (
    _UNIT.c.run_id == bindparam("of_run"),
    _UNIT.c.ordinal == bindparam("of_ordinal"),
    _UNIT.c.state == "leased",
    _UNIT.c.lease_owner == bindparam("of_owner"),
)
_RELEASED: dict[str, Any] = {"lease_owner": None, "lease_until": None}


class Inconsistent(Exception):
    """The database is not as remembered: somebody else changed a unit or a run."""


@dataclass
class Written:
    """What a transaction found.

    Args:
        stray: Files that belong to nothing any more, with their municipality.
        is_as_expected: False when a unit was not handed out by us any more; then its run was
            counted again, and what is remembered of it is wrong.
    """

    stray: list[tuple[str, StoredFile]] = field(default_factory=list)
    is_as_expected: bool = True


def commit(queue: Queue, changes: Changes, now: datetime) -> Written:
    """Write changes in one transaction and say what was found.

    Args:
        queue: Where to write.
        changes: What to write; of runs that were deleted meanwhile nothing is.
        now: The moment, with zone.

    Raises:
        Inconsistent: A unit to be handed out does not wait any more; nothing was written.
        LeaseLost: Another supervisor took over; nothing was written.
        DatabaseUnreachable: The database does not answer.
        DatabaseBusy: Another process holds the database.
        StorageFull: There is no space left.
    """
    written = Written()
    with queue.writing() as session:
        known = set(
            session.scalars(
                select(RunRow.id)
                .where(RunRow.id.in_(changes.runs), RunRow.state.in_(ACTIVE))
                .order_by(RunRow.id)
                .with_for_update()
            )
        )
        for run_id, run in sorted(changes.runs.items()):
            if run_id in known:
                written.is_as_expected &= _write_run(session, queue.lease, run_id, run, now)
            else:
                files = (done.file for done in run.done)
                written.stray.extend((run.tenant, file) for file in files if file is not None)
                if run.claims:
                    raise Inconsistent
        if changes.signals:
            session.execute(delete(SignalRow).where(SignalRow.id.in_(changes.signals)))
    return written


def _write_run(session: Session, lease: Lease, run_id: str, run: RunChanges, now: datetime) -> bool:
    own = {"of_run": run_id, "of_owner": lease.owner.token}
    changed = _write_done(session, own, run, now) + _write_failed(session, own, run)
    is_as_expected = changed == len(run.done) + len(run.failed)
    _write_back(session, own, run.back)
    columns = dict(run.columns)
    if is_as_expected:
        columns["units_done"] = _RUN.c.units_done + len(run.done)
        columns["units_failed"] = _RUN.c.units_failed + len(run.failed)
    else:
        columns |= _counted(session, run_id)
    session.execute(update(_RUN).where(_RUN.c.id == run_id).values(**columns))
    _write_claims(session, own, run.claims, now)
    return is_as_expected


def _write_done(session: Session, own: Mapping[str, Any], run: RunChanges, now: datetime) -> int:
    if not run.done:
        return 0
    files = [done.file for done in run.done if done.file is not None]
    ids: dict[str, str] = {}
    if files:
        ids = artifact_rows.remember_all(
            session, run.tenant, files, kind="intermediate", is_example=run.is_example, now=now
        )
    rows = [
        {
            **own,
            "of_ordinal": done.ordinal,
            "result_json": dict(done.data),
            "artifact_id": None if done.file is None else ids[done.file.sha256],
            "file_name": None if done.file is None else done.file.name,
            "file_media_type": None if done.file is None else done.file.media_type,
            "seconds": done.seconds,
            "calls": model_calls.to_text(done.calls),
        }
        for done in run.done
    ]
    names = ("result_json", "artifact_id", "file_name", "file_media_type", "seconds", "calls")
    return _execute(session, "done", names, rows)


def _write_failed(session: Session, own: Mapping[str, Any], run: RunChanges) -> int:
    rows = [
        {
            **own,
            "of_ordinal": failed.unit.ordinal,
            "attempts": failed.unit.attempts,
            "crashes": failed.unit.crashes,
            "error_code": failed.failure.code,
            "error_message": failed.failure.message,
            "error_details": dict(failed.failure.details),
            "seconds": failed.seconds,
        }
        for failed in run.failed
    ]
    names = ("attempts", "crashes", "error_code", "error_message", "error_details", "seconds")
    return _execute(session, "failed", names, rows)


def _write_back(session: Session, own: Mapping[str, Any], units: Iterable[PendingUnit]) -> None:
    rows = [
        {**own, "of_ordinal": unit.ordinal, "attempts": unit.attempts, "crashes": unit.crashes}
        for unit in units
    ]
    _execute(session, "queued", ("attempts", "crashes"), rows)


def _write_claims(
    session: Session, own: Mapping[str, Any], units: Sequence[PendingUnit], now: datetime
) -> None:
    if not units:
        return
    statement = (
        update(_UNIT)
        .where(
            _UNIT.c.run_id == bindparam("of_run"),
            _UNIT.c.ordinal == bindparam("of_ordinal"),
            _UNIT.c.state == "queued",
        )
        .values(
            state="leased",
            lease_owner=bindparam("of_owner"),
            lease_until=now + timedelta(seconds=LEASE_S),
        )
    )
    rows = [{**own, "of_ordinal": unit.ordinal} for unit in units]
    if session.connection().execute(statement, rows).rowcount != len(rows):
        raise Inconsistent


def _execute(
    session: Session, state: UnitState, names: Sequence[str], rows: list[dict[str, Any]]
) -> int:
    """Give units that are handed out by us a new state; return how many there were."""
    if not rows:
        return 0
    values: dict[str, Any] = {name: bindparam(name) for name in names}
    statement = update(_UNIT).where(*_OWN).values(state=state, **_RELEASED, **values)
    return session.connection().execute(statement, rows).rowcount


def _counted(session: Session, run_id: str) -> dict[str, int]:
    """Count again what was believed; needed when a transaction ended in an unknown way."""
    query = (
        select(UnitRow.state, func.count()).where(UnitRow.run_id == run_id).group_by(UnitRow.state)
    )
    counts = dict(session.execute(query).all())
    return {"units_done": counts.get("done", 0), "units_failed": counts.get("failed", 0)}


def end_run(
    queue: Queue,
    run_id: str,
    state: RunState,
    *,
    now: datetime,
    failure: Failure | None = None,
    summary: Mapping[str, Any] | None = None,
    files: Sequence[StoredFile] = (),
    models: Sequence[ModelUse] = (),
) -> bool:
    """Write the end of a run; False when it was deleted or has ended already.

    Units that are still handed out are queued again, so that the run can go on later. One that was
    stopped and has a result is marked: its part is still to be joined, see `end_join`. The audit
    is told of the calls of the model server in the same transaction, see `model_calls`.

    Args:
        queue: Where to write.
        run_id: The run.
        state: done, failed or cancelled.
        now: The moment, with zone.
        failure: Why it failed, or why the house has stopped it.
        summary: What `finish` returned.
        files: Files that `finish` wrote.
        models: Models that took part.

    Raises:
        LeaseLost: Another supervisor took over; nothing was written.
        DatabaseUnreachable: The database does not answer.
    """
    with queue.writing() as session:
        calls = model_calls.uncounted(session, run_id)
        if calls:  # before the run, as whoever erases a person does
            audit_chain.lock(session)
        row = session.scalars(
            select(RunRow).where(RunRow.id == run_id, RunRow.state.in_(ACTIVE)).with_for_update()
        ).one_or_none()
        if row is None:
            return False
        if calls:
            model_calls.tell_audit(session, queue.store.settings, row, calls, now)
        session.execute(
            update(UnitRow)
            .where(UnitRow.run_id == run_id, UnitRow.state == "leased")
            .values(state="queued", **_RELEASED)
        )
        row.state, row.finished_at = state, now
        row.message_code = None if failure is None else failure.code
        row.message_details = None if failure is None else dict(failure.details)
        if summary is not None:
            row.summary_json = dict(summary)
            _write_result_files(session, row, files, now)
        row.expires_at = retention.expiry(queue.store.settings, row.app, now)
        row.provenance_json = _provenance(session, row, models)
        if state == "cancelled" and row.units_done:
            session.add(SignalRow(run_id=run_id, kind=JOIN))
    return True


def end_join(
    queue: Queue,
    run_id: str,
    *,
    now: datetime,
    summary: Mapping[str, Any] | None,
    files: Sequence[StoredFile] = (),
    models: Sequence[ModelUse] = (),
) -> bool:
    """Write what `finish` made of a stopped run, which stays stopped; False when it was withdrawn.

    Args:
        queue: Where to write.
        run_id: The run.
        now: The moment, with zone.
        summary: What `finish` returned; None when it failed: then nothing is joined any more.
        files: Files that `finish` wrote.
        models: Models that took part.

    Raises:
        LeaseLost: Another supervisor took over; nothing was written.
        DatabaseUnreachable: The database does not answer.
    """
    with queue.writing() as session:
        row = session.scalars(
            select(RunRow).where(RunRow.id == run_id, to_be_joined()).with_for_update()
        ).one_or_none()
        if row is None:
            return False
        if summary is not None:
            row.summary_json = dict(summary)
            _write_result_files(session, row, files, now)
            row.provenance_json = _provenance(session, row, models)
        forget_joins(session, [run_id])
    return True


def _write_result_files(
    session: Session, row: RunRow, files: Sequence[StoredFile], now: datetime
) -> None:
    session.execute(
        delete(RunFileRow).where(RunFileRow.run_id == row.id, RunFileRow.role == "result")
    )
    if not files:
        return
    ids = artifact_rows.remember_all(
        session, row.tenant, files, kind="result", is_example=row.is_example, now=now
    )
    for ordinal, file in enumerate(files):
        session.add(
            RunFileRow(
                run_id=row.id,
                role="result",
                ordinal=ordinal,
                name=file.name,
                media_type=file.media_type,
                artifact_id=ids[file.sha256],
            )
        )


def _provenance(session: Session, row: RunRow, models: Sequence[ModelUse]) -> dict[str, Any]:
    query = (
        select(UnitRow.key, UnitRow.error_code, UnitRow.error_message)
        .where(UnitRow.run_id == row.id, UnitRow.state == "failed")
        .order_by(UnitRow.ordinal)
        .limit(provenance.MOST_NAMED_FAILURES)
    )
    failed = [
        FailedUnit(key, code or "", message or "") for key, code, message in session.execute(query)
    ]
    described = provenance.describe(run_view(row), tenant=row.tenant, models=models, failed=failed)
    return provenance.to_dict(described)


def forget_files(queue: Queue, files: Iterable[tuple[str, StoredFile]]) -> None:
    """Remove files that a worker wrote for a run that was deleted meanwhile.

    Args:
        queue: Where rows would name them.
        files: Municipality and file.

    Raises:
        StorageUnreachable: The place of the files does not answer.
        DatabaseUnreachable: The database does not answer.
    """
    for tenant, file in files:
        # The transaction keeps everybody else from noting equal content in between.
        with queue.writing() as session:
            named = session.scalars(
                select(ArtifactRow.id).where(
                    ArtifactRow.tenant == tenant, ArtifactRow.sha256 == file.sha256
                )
            ).first()
            if named is None:
                queue.store.files.remove(tenant, file.sha256)
