"""How fast a run goes: what the forecast of a page is made from, read in one short transaction."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from shared.contracts.identity.policy import RESULT_READ, require
from shared.contracts.identity.principal import Principal
from shared.jobs.forecast import sample_ordinals
from shared.store.engine import read_scope
from shared.store.models import RunRow, UnitRow
from shared.store.rights import own_runs
from shared.store.store import Store


@dataclass(frozen=True, slots=True)
class Pace:
    """What was measured of a run so far.

    Args:
        seconds: Seconds of finished units, oldest first, spread evenly over all of them.
        in_flight: Units that are worked on now.
    """

    seconds: tuple[float, ...]
    in_flight: int


def read_pace(principal: Principal, store: Store, run_id: str, done: int) -> Pace:
    """Return what was measured of a run; nothing for a run of another municipality.

    Args:
        principal: Who looks.
        store: Where it is kept.
        run_id: The run.
        done: Its units that are over, with or without a result.

    Raises:
        NotAllowed: The role may not look.
    """
    require(principal, RESULT_READ)
    of_run = (
        UnitRow.run_id == run_id,
        RunRow.id == UnitRow.run_id,
        own_runs(principal),
    )
    seconds = (
        select(UnitRow.seconds)
        .where(*of_run, UnitRow.ordinal.in_(sample_ordinals(done)), UnitRow.seconds.is_not(None))
        .order_by(UnitRow.ordinal)
    )
    leased = select(func.count()).select_from(UnitRow).where(*of_run, UnitRow.state == "leased")
    with read_scope(store.engine) as session:
        measured = tuple(value for value in session.scalars(seconds) if value is not None)
        return Pace(measured, session.scalar(leased) or 0)
