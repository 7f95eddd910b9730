"""The mark of a stopped run whose part is still to be joined: a signal that stays until it is done.

It is set in the transaction that stops the run, and removed by the one that writes what was joined,
lets the run go on, stops it once more, or deletes it. So a killed supervisor forgets nothing.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, delete, exists
from sqlalchemy.orm import Session

from shared.store.models import RunRow, SignalRow

JOIN = "join"
"""Kind of the signal."""


def to_be_joined() -> ColumnElement[bool]:
    """Return the condition on `RunRow` for stopped runs with the mark."""
    marked = exists().where(SignalRow.run_id == RunRow.id, SignalRow.kind == JOIN)
    return (RunRow.state == "cancelled") & marked


def forget_joins(session: Session, run_ids: Collection[str]) -> bool:
    """Remove the marks of runs; True when there was any."""
    marks = delete(SignalRow).where(SignalRow.run_id.in_(run_ids), SignalRow.kind == JOIN)
    return session.connection().execute(marks).rowcount > 0
