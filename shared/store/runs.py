"""Runs as pages see them: order, look, cancel, go on. Each function sees one municipality only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, defer

from shared import __version__
from shared.contracts.identity.policy import RESULT_READ, require
from shared.contracts.identity.principal import Principal
from shared.contracts.jobs import StoredFile, UnitState
from shared.errors import NotFound
from shared.store.demo_copies import HOUSE_SUBJECT, copy_finished
from shared.store.engine import read_scope, session_scope
from shared.store.file_store import LONGEST_NAME, visible_text
from shared.store.ids import new_id
from shared.store.joins import forget_joins, to_be_joined
from shared.store.models import ArtifactRow, RunFileRow, RunRow, SignalRow, UnitRow
from shared.store.orderers import without_right
from shared.store.rights import cancel_action, own_runs, start_action
from shared.store.run_views import (
    ACTIVE,
    RunOrder,
    RunView,
    UnitView,
    file_as_json,
    run_view,
    stored_file,
    unit_view,
)
from shared.store.store import Store
from shared.store.unit_query import units_query

__all__ = [
    "ACTIVE",
    "RunOrder",
    "RunView",
    "UnitView",
    "get",
    "go_on",
    "is_joining",
    "recent",
    "request_cancel",
    "result_files",
    "runs_ahead",
    "submit",
    "units",
]

LONGEST_TITLE = 200
_LARGE_COLUMNS = (RunRow.summary_json, RunRow.provenance_json)


def submit(
    principal: Principal, store: Store, order: RunOrder, *, now: datetime, repeat: bool = False
) -> RunView:
    """Order a run; an equal one of the same person that runs or is done is returned instead.

    A double click or a second tab therefore starts nothing twice.

    Args:
        principal: Who orders.
        store: Where it is kept.
        order: What is ordered.
        now: The moment, with zone.
        repeat: Start again although an equal run is done.

    Raises:
        NotAllowed: The role may not order it.
        NotFound: An input is not a stored file of this municipality.
    """
    require(principal, start_action(order.is_example), app=order.app)
    key = _idempotency_key(principal.subject, order)
    for last_try in (False, True):
        try:
            with session_scope(store.engine) as session:
                existing = _equal_run(session, principal, key)
                if existing is not None and (
                    existing.state in ACTIVE or (existing.state == "done" and not repeat)
                ):
                    return run_view(existing)
                if existing is not None:
                    existing.idempotency_key = existing.id
                    session.flush()
                row = _copied(session, principal, order, key)
                row = row or _insert(session, principal, order, key, now)
                return run_view(row)
        except IntegrityError:
            if last_try:  # somebody else ordered the same in between: then that run is there now
                raise
    raise AssertionError("unreachable")


def get(principal: Principal, store: Store, run_id: str) -> RunView:
    """Return a run.

    Raises:
        NotAllowed: The role may not look.
        NotFound: This municipality has no such run.
    """
    require(principal, RESULT_READ)
    with read_scope(store.engine) as session:
        return run_view(_own_run(session, principal, run_id))


def recent(
    principal: Principal,
    store: Store,
    *,
    app: str | None = None,
    job: str | None = None,
    limit: int = 20,
    everybody: bool = False,
) -> list[RunView]:
    """Return runs, newest first; without `summary` and `provenance`, which may be large.

    Args:
        principal: Who looks.
        store: Where they are kept.
        app: Only those of an app.
        job: Only those of a job of that name.
        limit: Most runs.
        everybody: Those of the whole municipality instead of the person's own.

    Raises:
        NotAllowed: The role may not look.
    """
    require(principal, RESULT_READ)
    query = select(RunRow).where(own_runs(principal))
    if not everybody:
        query = query.where(RunRow.started_by == principal.subject)
    if app is not None:
        query = query.where(RunRow.app == app)
    if job is not None:
        query = query.where(RunRow.job == job)
    query = query.options(*(defer(column) for column in _LARGE_COLUMNS))
    with read_scope(store.engine) as session:
        rows = session.scalars(query.order_by(RunRow.created_at.desc()).limit(limit))
        return [run_view(row, with_result=False) for row in rows]


def units(
    principal: Principal,
    store: Store,
    run_id: str,
    *,
    states: Sequence[UnitState] = ("done", "failed"),
    after: int = -1,
    limit: int | None = None,
) -> list[UnitView]:
    """Return units of a run in their order.

    Args:
        principal: Who looks.
        store: Where they are kept.
        run_id: The run.
        states: Which units.
        after: Only those behind this ordinal.
        limit: Most units; None for all.

    Raises:
        NotAllowed: The role may not look.
        NotFound: This municipality has no such run.
    """
    require(principal, RESULT_READ)
    query = units_query(tuple(dict.fromkeys(states)), limit is not None and bool(states))
    values = {"run_id": run_id, "after": after, "most": limit}
    with read_scope(store.engine) as session:
        _check_own(session, principal, run_id)
        return [unit_view(row) for row in session.execute(query, values)]


def result_files(principal: Principal, store: Store, run_id: str) -> dict[str, StoredFile]:
    """Return the files that `finish` wrote by their name.

    Raises:
        NotAllowed: The role may not look.
        NotFound: This municipality has no such run.
    """
    require(principal, RESULT_READ)
    query = (
        select(RunFileRow, ArtifactRow)
        .join(ArtifactRow, RunFileRow.artifact_id == ArtifactRow.id)
        .where(RunFileRow.run_id == run_id, RunFileRow.role == "result")
        .order_by(RunFileRow.ordinal)
    )
    with read_scope(store.engine) as session:
        _check_own(session, principal, run_id)
        return {
            file.name: stored_file(file.name, file.media_type, artifact)
            for file, artifact in session.execute(query)
        }


def request_cancel(principal: Principal, store: Store, run_id: str, *, now: datetime) -> None:
    """Ask for a run to stop; what is done stays, is joined and can be used.

    One that has stopped but is still being joined is not joined any more.

    Raises:
        NotAllowed: The role may not stop it, or somebody else ordered it.
        NotFound: This municipality has no such run.
    """
    require(principal, RESULT_READ)
    with session_scope(store.engine) as session:
        row = _own_run(session, principal, run_id, lock=True)
        require(principal, cancel_action(principal, row))
        if row.state in ACTIVE and row.cancel_requested_at is None:
            row.cancel_requested_at = now
            session.add(SignalRow(run_id=run_id, kind="cancel"))
        elif row.state == "cancelled" and forget_joins(session, [run_id]):
            session.add(SignalRow(run_id=run_id, kind="cancel"))


def is_joining(principal: Principal, store: Store, run_id: str) -> bool:
    """Say whether what a stopped run has done is still to be joined to a result.

    Raises:
        NotAllowed: The role may not look.
    """
    require(principal, RESULT_READ)
    query = select(RunRow.id).where(own_runs(principal), RunRow.id == run_id, to_be_joined())
    with read_scope(store.engine) as session:
        return session.scalar(query) is not None


def go_on(
    principal: Principal, store: Store, run_id: str, *, now: datetime | None = None
) -> RunView:
    """Let an ended run work on what has no result: failed units, or what a stop has left.

    A run that works, or that has every result, is left as it is. It becomes the person's own when
    whoever ordered it may not any more.

    Args:
        principal: Who goes on.
        store: Where it is kept.
        run_id: The run.
        now: The moment, with zone; None takes the clock.

    Raises:
        NotAllowed: The role may not start it.
        NotFound: This municipality has no such run.
    """
    require(principal, RESULT_READ)
    with session_scope(store.engine) as session:
        row = _own_run(session, principal, run_id, lock=True)
        require(principal, start_action(row.is_example))
        if row.state in ("failed", "cancelled") or (row.state == "done" and row.units_failed):
            session.execute(
                update(UnitRow)
                .where(UnitRow.run_id == run_id, UnitRow.state == "failed")
                .values(
                    state="queued",
                    attempts=0,
                    crashes=0,
                    error_code=None,
                    error_message=None,
                    error_details=None,
                )
            )
            forget_joins(session, [run_id])
            if without_right(session, store.settings, [run_id], now or datetime.now(UTC)):
                row.started_by, row.idempotency_key = principal.subject, run_id
            row.state, row.units_failed = "queued", 0
            row.message_code = row.message_details = None
            row.cancel_requested_at = row.finished_at = None
            session.add(SignalRow(run_id=run_id, kind="retry"))
        return run_view(row)


def runs_ahead(principal: Principal, store: Store, run_id: str) -> int:
    """Return how many active runs of this municipality were ordered earlier.

    Raises:
        NotAllowed: The role may not look.
        NotFound: This municipality has no such run.
    """
    require(principal, RESULT_READ)
    with read_scope(store.engine) as session:
        row = _own_run(session, principal, run_id)
        query = select(func.count()).where(
            RunRow.tenant == principal.active_tenant,
            RunRow.state.in_(ACTIVE),
            RunRow.created_at < row.created_at,
        )
        return session.scalar(query) or 0


def _copied(session: Session, principal: Principal, order: RunOrder, key: str) -> RunRow | None:
    """Copy for a guest what the house has worked off already; None where it has not."""
    if principal.kind != "guest":
        return None
    template_key = _idempotency_key(HOUSE_SUBJECT, order)
    return copy_finished(session, principal.subject, key, template_key)


def _idempotency_key(subject: str, order: RunOrder) -> str:
    facts = [
        subject,
        order.app,
        order.job,
        [file.sha256 for file in order.inputs],
        dict(order.parameters),
        order.fingerprint,
        order.is_example,
        __version__,
    ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _equal_run(session: Session, principal: Principal, key: str) -> RunRow | None:
    query = select(RunRow).where(
        RunRow.tenant == principal.active_tenant, RunRow.idempotency_key == key
    )
    return session.scalars(query.with_for_update()).one_or_none()


def _insert(
    session: Session, principal: Principal, order: RunOrder, key: str, now: datetime
) -> RunRow:
    tenant = principal.active_tenant
    hashes = "".join(file.sha256 for file in order.inputs)
    row = RunRow(
        id=new_id(),
        tenant=tenant,
        app=order.app,
        job=order.job,
        title=visible_text(order.title)[:LONGEST_TITLE],
        started_by=principal.subject,
        state="queued",
        priority=int(order.priority),
        idempotency_key=key,
        input_json=[file_as_json(file) for file in order.inputs],
        input_sha256=order.inputs[0].sha256
        if len(order.inputs) == 1
        else hashlib.sha256(hashes.encode()).hexdigest(),
        parameters_json=dict(order.parameters),
        is_example=order.is_example,
        created_at=now,
    )
    session.add(row)
    session.flush()
    _add_inputs(session, row, order)
    session.add(SignalRow(run_id=row.id, kind="new"))
    session.flush()
    return row


def _add_inputs(session: Session, row: RunRow, order: RunOrder) -> None:
    for ordinal, file in enumerate(order.inputs):
        artifact = session.scalars(
            select(ArtifactRow.id).where(
                ArtifactRow.tenant == row.tenant, ArtifactRow.sha256 == file.sha256
            )
        ).one_or_none()
        if artifact is None:
            raise NotFound()
        session.add(
            RunFileRow(
                run_id=row.id,
                role="input",
                ordinal=ordinal,
                name=file.name[:LONGEST_NAME],
                media_type=file.media_type,
                artifact_id=artifact,
            )
        )


def _check_own(session: Session, principal: Principal, run_id: str) -> None:
    query = select(RunRow.id).where(own_runs(principal), RunRow.id == run_id)
    if session.scalar(query) is None:
        raise NotFound()


def _own_run(session: Session, principal: Principal, run_id: str, *, lock: bool = False) -> RunRow:
    query = select(RunRow).where(own_runs(principal), RunRow.id == run_id)
    row = session.scalars(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise NotFound()
    return row
