"""Many units at once, to see what a full store costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import insert, update

from shared.contracts.identity.principal import Principal
from shared.contracts.jobs import UnitState
from shared.store import runs
from shared.store.engine import session_scope
from shared.store.models import RunRow, UnitRow
from shared.store.store import Store

_ROWS_AT_ONCE = 10_000


def seed_units(
    principal: Principal,
    store: Store,
    count: int,
    *,
    now: datetime,
    title: str = "Messung",
    state_of: Callable[[int], UnitState] = lambda ordinal: "queued",
) -> str:
    """Make a running run with many units and return its id; no supervisor is told of it.

    Args:
        principal: Who orders it.
        store: Where it is kept.
        count: Number of units.
        now: The moment, with zone.
        title: Name of the run; another title makes another run.
        state_of: State of the unit with an ordinal.
    """
    order = runs.RunOrder("messung", "messung", title, (), {"title": title}, is_example=True)
    run = runs.submit(principal, store, order, now=now)
    rows = _rows(run.id, count, state_of)
    done = failed = 0
    while some := list(islice(rows, _ROWS_AT_ONCE)):
        done += sum(row["state"] == "done" for row in some)
        failed += sum(row["state"] == "failed" for row in some)
        with session_scope(store.engine) as session:
            session.execute(insert(UnitRow), some)
    with session_scope(store.engine) as session:
        session.execute(
            update(RunRow)
            .where(RunRow.id == run.id)
            .values(
                state="running",
                started_at=now,
                units_total=count,
                units_done=done,
                units_failed=failed,
                seconds_per_unit=1.0,
            )
        )
    return run.id


def _rows(
    run_id: str, count: int, state_of: Callable[[int], UnitState]
) -> Iterator[dict[str, Any]]:
    for ordinal in range(count):
        state = state_of(ordinal)
        yield {
            "run_id": run_id,
            "ordinal": ordinal,
            "key": f"teil-{ordinal:07d}",
            "state": state,
            "result_json": {"wert": ordinal} if state == "done" else None,
            "error_code": "auftrag" if state == "failed" else None,
            "error_message": "Der Auftrag ist gescheitert." if state == "failed" else None,
            "seconds": 1.0 if state in ("done", "failed") else None,
        }
