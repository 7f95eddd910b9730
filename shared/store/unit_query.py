"""The query for units of a run, which pages ask again and again."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Integer, Select, bindparam, select, union_all
from sqlalchemy.orm import aliased

from shared.contracts.jobs import UnitState
from shared.store.models import ArtifactRow, UnitRow
from shared.store.run_views import UNIT_COLUMNS


@cache
def units_query(states: tuple[UnitState, ...], is_limited: bool) -> Select[*tuple[Any, ...]]:
    """Return the query for units in some states; made once, because a page asks every 2 s.

    With a limit each state is looked up by itself in its index: one search for all of them would
    read every unit in between, and with a million units waiting that takes a second.
    """
    query = (
        select(*UNIT_COLUMNS)
        .outerjoin(ArtifactRow, UnitRow.artifact_id == ArtifactRow.id)
        .where(UnitRow.run_id == bindparam("run_id"))
        .order_by(UnitRow.ordinal)
    )
    if not is_limited:
        return query.where(UnitRow.state.in_(states), UnitRow.ordinal > bindparam("after"))
    unit = aliased(UnitRow)
    parts = [
        select(unit.ordinal)
        .where(
            unit.run_id == bindparam("run_id"),
            unit.state == state,
            unit.ordinal > bindparam("after"),
        )
        .order_by(unit.ordinal)
        .limit(bindparam("most", type_=Integer))
        .subquery()
        for state in states
    ]
    chosen = union_all(*(select(part.c.ordinal) for part in parts))
    return query.where(UnitRow.ordinal.in_(chosen)).limit(bindparam("most", type_=Integer))
