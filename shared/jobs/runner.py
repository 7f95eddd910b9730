"""Whether somebody works on the jobs; pages and `/healthz` ask, so this module stays small."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select

from shared.store.engine import read_scope
from shared.store.models import LeaseRow
from shared.store.store import Store

SUPERVISOR = "supervisor"
"""Name of the lease that the one working supervisor of a database holds."""
ALIVE_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class RunnerState:
    """What is known of the process that works on the jobs.

    Args:
        works: True when it gave a sign of life within the last 30 s.
        workers: Units that it works on at the same time.
        version: Version of its program; empty when none ever ran.
        cluster: "lokal", or the address of the Dask cluster.
        message_code: Why it cannot work now, a code of `shared.errors`; None when it can.
        beat_at: Its last sign of life.
    """

    works: bool
    workers: int = 0
    version: str = ""
    cluster: str = ""
    message_code: str | None = None
    beat_at: datetime | None = None


def runner_state(store: Store, now: datetime | None = None) -> RunnerState:
    """Say whether a supervisor works on the jobs of this database.

    Args:
        store: Where it leaves its sign of life.
        now: The moment; None takes the clock.

    Raises:
        DatabaseUnreachable: The database does not answer.
    """
    with read_scope(store.engine) as session:
        row = session.scalars(select(LeaseRow).where(LeaseRow.name == SUPERVISOR)).one_or_none()
        if row is None:
            return RunnerState(works=False)
        # A clock that jumps makes the sign look old or new for the seconds until the next one.
        age_s = abs(((now or datetime.now(UTC)) - row.beat_at).total_seconds())
        details = row.details_json
        return RunnerState(
            works=bool(row.owner) and age_s <= ALIVE_WITHIN_S,
            workers=details.get("workers", 0),
            version=details.get("version", ""),
            cluster=details.get("cluster", ""),
            message_code=details.get("message_code"),
            beat_at=row.beat_at,
        )
