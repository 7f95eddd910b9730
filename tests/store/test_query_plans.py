"""Every query of a page finds its rows by an index, however full the tables are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text, update

from shared.contracts.jobs import UnitState
from shared.jobs import results
from shared.jobs.changes import Changes, RunChanges, UnitDone, UnitFailed
from shared.jobs.lease import Lease, Owner
from shared.jobs.messages import Failure
from shared.jobs.queue import Queue
from shared.store import artifacts, runs
from shared.store.engine import session_scope
from shared.store.models import RunRow
from shared.store.progress import read_pace
from shared.store.store import Store
from tests.store.seed import seed_units
from tests.store.servers import acting

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANNA = acting("herten")
UNITS = 3000


@contextmanager
def recorded(store: Store) -> Iterator[list[tuple[str, object]]]:
    """Every statement of the block with its values."""
    found: list[tuple[str, object]] = []

    def note(_c, _cursor, statement, parameters, _context, many) -> None:
        if re.match(r"\s*(SELECT|UPDATE|DELETE|WITH)", statement):
            found.append((statement, parameters[0] if many else parameters))

    event.listen(store.engine, "before_cursor_execute", note)
    yield found
    event.remove(store.engine, "before_cursor_execute", note)


def full_scans(connection: Connection, statement: str, parameters: object) -> set[str]:
    """Tables of which a statement would read every row or every entry of an index."""
    if connection.dialect.name == "sqlite":
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        found = [re.match(r"SCAN (\w+?)(_\d+)?\b", row[3]) for row in plan]
        return {match[1] for match in found if match}
    # Small tables are read whole when they may be; here only what no index can serve is.
    connection.exec_driver_sql("SET enable_seqscan = off")
    plan = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
    return set(whole_tables(plan.scalar_one()[0]["Plan"]))


def whole_tables(node: dict[str, Any]) -> Iterator[str]:
    """Tables that a plan of PostgreSQL reads without a condition that an index serves."""
    is_whole = node["Node Type"] == "Seq Scan" or (
        node["Node Type"] in ("Index Scan", "Index Only Scan") and "Index Cond" not in node
    )
    if is_whole:
        yield node["Relation Name"]
    for child in node.get("Plans", ()):
        yield from whole_tables(child)


def state_of(ordinal: int) -> UnitState:
    """Some are over, eight are worked on, the others wait."""
    if ordinal < UNITS // 2:
        return "failed" if ordinal % 50 == 0 else "done"
    return "leased" if ordinal < UNITS // 2 + 8 else "queued"


@pytest.fixture
def full(store: Store) -> Store:
    """Several runs of several people, units in every state."""
    for number in range(3):
        seed_units(ANNA, store, UNITS, now=NOW, title=str(number), state_of=state_of)
    with session_scope(store.engine) as session:
        session.execute(update(RunRow).where(RunRow.title != "2").values(state="done"))
    for number in range(60):
        order = runs.RunOrder("archivair", "ocr", "Akte", (), {"n": number})
        moment = NOW + timedelta(minutes=number)
        runs.submit(acting("herten", f"p{number % 20}"), store, order, now=moment)
    if store.engine.dialect.name == "postgresql":  # which does it by itself after a while
        with session_scope(store.engine) as session:
            session.execute(text("ANALYZE"))
    return store


def go_on(store: Store, run_id: str) -> None:
    with session_scope(store.engine) as session:
        session.execute(update(RunRow).where(RunRow.id == run_id).values(state="done"))
    assert runs.go_on(ANNA, store, run_id).state == "queued"


QUERIES: dict[str, Callable[[Store, str], object]] = {
    "get": lambda store, run_id: runs.get(ANNA, store, run_id),
    "units": lambda store, run_id: runs.units(ANNA, store, run_id, limit=50),
    "units after": lambda store, run_id: runs.units(ANNA, store, run_id, after=700, limit=50),
    "all units": lambda store, run_id: runs.units(ANNA, store, run_id),
    "failed units": lambda store, run_id: runs.units(ANNA, store, run_id, states=("failed",)),
    "result files": lambda store, run_id: runs.result_files(ANNA, store, run_id),
    "cancel": lambda store, run_id: runs.request_cancel(ANNA, store, run_id, now=NOW),
    "is joining": lambda store, run_id: runs.is_joining(ANNA, store, run_id),
    "own runs": lambda store, _: runs.recent(ANNA, store),
    "own runs of an app": lambda store, _: runs.recent(ANNA, store, app="archivair"),
    "runs of an app": lambda store, _: runs.recent(ANNA, store, app="messung", everybody=True),
    "runs of all": lambda store, _: runs.recent(ANNA, store, everybody=True),
    "runs ahead": lambda store, run_id: runs.runs_ahead(ANNA, store, run_id),
    "submit": lambda store, _: runs.submit(
        ANNA, store, runs.RunOrder("messung", "messung", "0", (), {"title": "0"}), now=NOW
    ),
    "go on": go_on,
    "pace": lambda store, run_id: read_pace(ANNA, store, run_id, 1000),
    "garbage": lambda store, _: artifacts.collect_garbage(store, NOW),
}


def supervise(queue: Queue, run_id: str) -> Iterator[object]:
    """What the supervisor asks and writes, step by step."""
    yield queue.requeue_abandoned(())
    yield queue.active_runs()
    yield queue.head(run_id)
    yield queue.load(run_id)
    yield queue.signals()
    units = queue.queued_units(run_id, 100, 8)
    yield units
    yield queue.first_failure(run_id)
    yield sum(1 for _ in queue.outcomes(run_id))
    yield sum(1 for _ in queue.outcomes(run_id, only_over=True))
    handed_out = Changes({run_id: RunChanges("herten", True, claims=units)})
    yield results.commit(queue, handed_out, NOW)
    done = [UnitDone(unit.ordinal, {}, None, 1.0) for unit in units[:3]]
    failed = [UnitFailed(unit, Failure("auftrag", "gescheitert", {})) for unit in units[3:5]]
    came_back = RunChanges("herten", True, done=done, failed=failed, back=units[5:])
    yield results.commit(queue, Changes({run_id: came_back}), NOW)
    yield results.end_run(queue, run_id, "cancelled", now=NOW)
    yield queue.active_runs()
    yield queue.load(run_id)
    yield results.end_join(queue, run_id, now=NOW, summary={})


def assert_no_full_scan(store: Store, statements: list[tuple[str, object]], name: str) -> None:
    assert statements, name
    with store.engine.connect() as connection:
        for statement, parameters in statements:
            scans = full_scans(connection, statement, parameters)
            assert "unit" not in scans, f"{name}: {statement}"


def test_no_page_reads_all_units(full: Store) -> None:
    run_id = next(run.id for run in runs.recent(ANNA, full) if run.title == "2")
    with full.engine.connect() as connection:
        assert full_scans(connection, "SELECT * FROM unit WHERE seconds > 5", ()) == {"unit"}
    for name, query in QUERIES.items():
        with recorded(full) as statements:
            query(full, run_id)
        assert_no_full_scan(full, statements, name)


def test_the_supervisor_reads_only_the_units_of_a_run(full: Store) -> None:
    run_id = next(run.id for run in runs.recent(ANNA, full) if run.title == "2")
    lease = Lease(full.engine, Owner.this_process())
    assert lease.try_take()
    steps = supervise(Queue(full, lease, lambda: NOW), run_id)
    number = 0
    while True:
        with recorded(full) as statements:
            if next(steps, "end") == "end":
                break
        number += 1
        assert_no_full_scan(full, statements, f"step {number}")
    assert number == 15


def test_a_limited_look_reads_no_waiting_units(store_sqlite: Store) -> None:
    """A million waiting units must not cost a page anything; here counted in steps of SQLite."""
    run_id = seed_units(ANNA, store_sqlite, 20_000, now=NOW)

    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    with store_sqlite.engine.connect() as connection:
        connection.connection.dbapi_connection.set_progress_handler(count, 100)
    runs.units(ANNA, store_sqlite, run_id, limit=20)
    assert steps < 50
