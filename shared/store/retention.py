"""How long things are kept: what each app says, what the settings say instead, what is over.

Kept results outlive the files they were made from, if the app says so; decisions outlive both. A
published layer stays: somebody decided to publish it. Only its older versions end with the results.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Delete, delete, exists, or_, select, update
from sqlalchemy.orm import Session, aliased

from shared.registry.discover import BrokenApp, find_app
from shared.registry.manifest import AppManifest, Retention
from shared.settings import Settings
from shared.store import artifacts
from shared.store.engine import read_scope, session_scope
from shared.store.joins import forget_joins
from shared.store.layers import app_of
from shared.store.models import (
    DecisionRow,
    FeedbackRow,
    LayerRow,
    LayerUseRow,
    RunFileRow,
    RunRow,
    UnitRow,
)
from shared.store.runs import ACTIVE
from shared.store.sqlite_files import empty_journal
from shared.store.store import Store

LONGEST_SESSION = timedelta(hours=10)
"""What is kept until the session ends is over at the latest then: no session lives longer."""
FEEDBACK_KEPT = timedelta(days=365)
_RUNS_AT_ONCE = 100
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Periods:
    """How long an app's things are kept after its run has ended.

    Args:
        uploads: Files that runs have read.
        results: Units, result files and the run itself.
        decisions: What people decided.
    """

    uploads: timedelta
    results: timedelta
    decisions: timedelta


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge has removed.

    Args:
        runs: Runs with everything they had.
        results: Runs of which only the decisions are kept.
        uploads: Files that runs had read, each run counted.
        decisions: Decisions.
        feedback: Hints.
        layers: Old versions of layers.
        files: Stored files that nothing named any more.
    """

    runs: int = 0
    results: int = 0
    uploads: int = 0
    decisions: int = 0
    feedback: int = 0
    layers: int = 0
    files: int = 0


@dataclass(frozen=True, slots=True)
class _Ended:
    id: str
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None

    @property
    def ended_at(self) -> datetime:
        """A run that was stopped before it began has no other moment than that of its order."""
        return self.finished_at or self.created_at


def periods(settings: Settings, app: str) -> Periods | None:
    """Return how long an app's things are kept; None while its manifest cannot be read.

    An app whose folder is gone keeps its things as long as a manifest without a word about it.

    Args:
        settings: The operator's own periods come first.
        app: App id.
    """
    found = find_app(app)
    if isinstance(found, BrokenApp):
        return None
    said = found.retention if isinstance(found, AppManifest) else Retention()
    uploads, results = settings.retention_uploads_days, settings.retention_results_days
    return Periods(
        uploads=_period(said.uploads_days if uploads is None else uploads),
        results=_period(said.results_days if results is None else results),
        decisions=_period(said.decisions_days),
    )


def expiry(settings: Settings, app: str, ended_at: datetime) -> datetime | None:
    """Return when the results of a run are over; None while the app's manifest cannot be read.

    Args:
        settings: The operator's own periods come first.
        app: App id.
        ended_at: When the run ended.
    """
    kept = periods(settings, app)
    return None if kept is None else ended_at + kept.results


def purge(store: Store, now: datetime) -> Purged:
    """Remove everything that is over, in all municipalities; the supervisor does so daily.

    May be broken off anywhere and run again.

    Args:
        store: What is cleaned.
        now: The moment, with zone.

    Raises:
        DatabaseBusy: Another process holds the database.
        StorageUnreachable: The place of the files does not answer.
    """
    runs = results = uploads = decisions = layers = 0
    for app in _apps(store):
        kept = periods(store.settings, app)
        if kept is None:
            _log.warning("nothing of %s is purged: its manifest cannot be read", app)
            continue
        _date_runs(store, app, kept)
        decisions += _remove(store, _old_decisions(app, now - kept.decisions))
        uploads += _remove(store, _old_inputs(app, now - kept.uploads))
        layers += _remove(store, _old_versions(app, now - kept.results))
        gone, emptied = _remove_runs(store, app, now)
        runs, results = runs + gone, results + emptied
    old = delete(FeedbackRow).where(FeedbackRow.created_at <= now - FEEDBACK_KEPT)
    purged = Purged(
        runs=runs,
        results=results,
        uploads=uploads,
        decisions=decisions,
        feedback=_remove(store, old),
        layers=layers,
        files=artifacts.collect_garbage(store, now).files,
    )
    if not empty_journal(store.engine):
        _log.warning("the journal could not be emptied: somebody still reads from it")
    _log.info("purged: %s", purged)
    return purged


def _period(days: int) -> timedelta:
    return timedelta(days=days) if days else LONGEST_SESSION


def _apps(store: Store) -> list[str]:
    """List apps that have something; a layer outlives the runs of its app."""
    with read_scope(store.engine) as session:
        names = session.scalars(select(LayerRow.name).distinct())
        return sorted({*map(app_of, names), *session.scalars(select(RunRow.app).distinct())})


def _date_runs(store: Store, app: str, kept: Periods) -> None:
    """Write down when each ended run is over; the periods may have changed since it ended."""
    for rows in _ended_runs(store, RunRow.app == app):
        changed = [
            {"id": row.id, "expires_at": over}
            for row in rows
            if row.expires_at != (over := row.ended_at + kept.results)
        ]
        if changed:
            with session_scope(store.engine) as session:
                session.execute(update(RunRow), changed)


def _ended_runs(store: Store, condition: ColumnElement[bool]) -> Iterator[Sequence[_Ended]]:
    last = ""
    while True:
        query = (
            select(RunRow.id, RunRow.created_at, RunRow.finished_at, RunRow.expires_at)
            .where(condition, RunRow.state.not_in(ACTIVE), RunRow.id > last)
            .order_by(RunRow.id)
            .limit(_RUNS_AT_ONCE)
        )
        with read_scope(store.engine) as session:
            rows = [_Ended(*row) for row in session.execute(query)]
        if not rows:
            return
        yield rows
        last = rows[-1].id


def _old_decisions(app: str, before: datetime) -> Delete:
    """Decisions of runs about which nobody has decided anything since; never a part of a log."""
    of_app = select(RunRow.id).where(RunRow.app == app)
    younger = select(DecisionRow.run_id).where(DecisionRow.decided_at > before)
    return delete(DecisionRow).where(
        DecisionRow.run_id.in_(of_app), DecisionRow.run_id.not_in(younger)
    )


def _old_inputs(app: str, before: datetime) -> Delete:
    ended = select(RunRow.id).where(
        RunRow.app == app,
        RunRow.state.not_in(ACTIVE),
        or_(
            RunRow.finished_at <= before,
            RunRow.finished_at.is_(None) & (RunRow.created_at <= before),
        ),
    )
    return delete(RunFileRow).where(RunFileRow.role == "input", RunFileRow.run_id.in_(ended))


def _old_versions(app: str, before: datetime) -> Delete:
    """Versions that are not the newest and that no run has read."""
    newer = aliased(LayerRow)
    return delete(LayerRow).where(
        LayerRow.name.startswith(f"{app}/", autoescape=True),
        LayerRow.created_at <= before,
        exists().where(
            newer.tenant == LayerRow.tenant,
            newer.name == LayerRow.name,
            newer.version > LayerRow.version,
        ),
        ~exists().where(LayerUseRow.layer_id == LayerRow.id),
    )


def _remove(store: Store, statement: Delete) -> int:
    with session_scope(store.engine) as session:
        found = session.execute(statement, execution_options={"synchronize_session": False})
        return int(found.rowcount)  # type: ignore[attr-defined]


def _remove_runs(store: Store, app: str, now: datetime) -> tuple[int, int]:
    """Remove the app's runs whose time is over; return how many, and of how many the results."""
    gone = emptied = 0
    over = (RunRow.app == app) & (RunRow.expires_at <= now)
    for rows in _ended_runs(store, over):
        with session_scope(store.engine) as session:
            # Asked again under the lock: somebody may have let a run go on meanwhile.
            query = select(RunRow.id).where(
                RunRow.id.in_([row.id for row in rows]), over, RunRow.state.not_in(ACTIVE)
            )
            ids = set(session.scalars(query.with_for_update()))
            decided = select(DecisionRow.run_id).where(DecisionRow.run_id.in_(ids))
            kept = set(session.scalars(decided.distinct()))
            emptied += _empty(session, kept)
            forget_joins(session, ids)
            gone += len(ids - kept)
            unnamed = update(FeedbackRow).where(FeedbackRow.run_id.in_(ids - kept))
            session.execute(unnamed.values(run_id=None))
            session.execute(delete(RunRow).where(RunRow.id.in_(ids - kept)))
    return gone, emptied


def _empty(session: Session, run_ids: set[str]) -> int:
    """Remove the results of runs whose decisions are kept; return how many had any."""
    full = select(RunRow.id).where(
        RunRow.id.in_(run_ids),
        or_(
            RunRow.summary_json.is_not(None),
            exists().where(UnitRow.run_id == RunRow.id),
            exists().where(RunFileRow.run_id == RunRow.id),
        ),
    )
    ids = list(session.scalars(full))
    session.execute(delete(UnitRow).where(UnitRow.run_id.in_(ids)))
    session.execute(delete(RunFileRow).where(RunFileRow.run_id.in_(ids)))
    session.execute(update(RunRow).where(RunRow.id.in_(ids)).values(summary_json=None))
    return len(ids)
