"""What people decided about the items of a run: a log that only grows; the state is a view of it.

Nobody's name is kept, only the role. Taking a decision back adds a row too, so the log stays true.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.contracts.identity.policy import RESULT_READ, REVIEW_DECIDE, require
from shared.contracts.identity.principal import Principal
from shared.errors import ChangedMeanwhile, NotFound
from shared.store.engine import read_scope, session_scope
from shared.store.ids import new_id
from shared.store.models import DecisionRow, RunRow
from shared.store.rights import own_runs
from shared.store.store import Store
from shared.store.texts import checked_text

TAKEN_BACK = "zurueckgenommen"
"""Value of a row that takes an earlier one back; nobody can decide this."""
LONGEST_ITEM, LONGEST_VALUE, LONGEST_REASON = 200, 40, 500
_BELOW_TIMESTAMP = 80


@dataclass(frozen=True, slots=True)
class Decision:
    """One row of the log.

    Args:
        id: UUID version 7; later rows about an item have larger ones.
        item_key: What was decided about.
        value: What was decided, or `TAKEN_BACK`.
        reason: Why, in the person's words; may be empty.
        role: Role of whoever decided.
        decided_at: When.
        taken_back: True when a later row took it back.
    """

    id: str
    item_key: str
    value: str
    reason: str
    role: str
    decided_at: datetime
    taken_back: bool


def decide(
    principal: Principal,
    store: Store,
    run_id: str,
    item_key: str,
    value: str,
    reason: str = "",
    *,
    now: datetime,
    seen: str | None = None,
) -> Decision:
    """Add a decision about an item.

    Args:
        principal: Who decides.
        store: Where it is kept.
        run_id: The run.
        item_key: What is decided about, at most 200 characters.
        value: What is decided, at most 40 characters.
        reason: Why, at most 500 characters.
        now: The moment, with zone.
        seen: Id of the decision that the page showed; None where it showed none.

    Raises:
        ChangedMeanwhile: Another tab or person decided since the page was shown.
        NotAllowed: The role may not decide.
        NotFound: This municipality has no such run.
        TextInvalid: A text holds characters that cannot be stored.
        TextTooLong: A text is too long or empty.
    """
    require(principal, REVIEW_DECIDE)
    if value == TAKEN_BACK:
        raise ValueError("decisions are taken back with undo")
    row = DecisionRow(
        run_id=run_id,
        item_key=checked_text(item_key, LONGEST_ITEM),
        value=checked_text(value, LONGEST_VALUE),
        reason=checked_text(reason, LONGEST_REASON, empty=True),
        role=principal.role,
        decided_at=now,
    )
    with session_scope(store.engine) as session:
        _lock_run(session, principal, run_id)
        log = _log(session, run_id, row.item_key)
        if _valid_id(log) != seen:
            raise ChangedMeanwhile()
        row.id = _id_behind(log, now)
        session.add(row)
        return _decision(row)


def undo(
    principal: Principal, store: Store, run_id: str, item_key: str, *, now: datetime, seen: str
) -> Decision | None:
    """Take the valid decision about an item back; the one before it is valid again.

    Args:
        principal: Who takes it back.
        store: Where it is kept.
        run_id: The run.
        item_key: What was decided about.
        now: The moment, with zone.
        seen: Id of the decision that the page showed.

    Returns:
        What is valid now; None when nothing is decided any more.

    Raises:
        ChangedMeanwhile: Another decision is valid, or none.
        NotAllowed: The role may not decide.
        NotFound: This municipality has no such run.
        TextInvalid: The item holds characters that cannot be stored.
        TextTooLong: The item is too long or empty.
    """
    require(principal, REVIEW_DECIDE)
    item_key = checked_text(item_key, LONGEST_ITEM)
    with session_scope(store.engine) as session:
        _lock_run(session, principal, run_id)
        log = _log(session, run_id, item_key)
        if _valid_id(log) != seen:
            raise ChangedMeanwhile()
        back = DecisionRow(
            id=_id_behind(log, now),
            run_id=run_id,
            item_key=item_key,
            value=TAKEN_BACK,
            reason="",
            role=principal.role,
            decided_at=now,
        )
        session.add(back)
        *before, taken = _standing(log)
        taken.undone_by = back.id
        return _decision(before[-1]) if before else None


def current(principal: Principal, store: Store, run_id: str) -> dict[str, Decision]:
    """Return the valid decision of every item that somebody decided about.

    Args:
        principal: Who looks.
        store: Where they are kept.
        run_id: The run.

    Raises:
        NotAllowed: The role may not look.
        NotFound: This municipality has no such run.
    """
    require(principal, RESULT_READ)
    query = (
        select(DecisionRow)
        .join(RunRow, RunRow.id == DecisionRow.run_id)
        .where(
            own_runs(principal),
            DecisionRow.run_id == run_id,
            DecisionRow.undone_by.is_(None),
            DecisionRow.value != TAKEN_BACK,
        )
        .order_by(DecisionRow.id)
    )
    with read_scope(store.engine) as session:
        _check_run(session, principal, run_id)
        return {row.item_key: _decision(row) for row in session.scalars(query)}


def history(
    principal: Principal, store: Store, run_id: str, item_key: str | None = None
) -> list[Decision]:
    """Return all rows of the log, oldest first.

    Args:
        principal: Who looks.
        store: Where they are kept.
        run_id: The run.
        item_key: Only about this item.

    Raises:
        NotAllowed: The role may not look.
        NotFound: This municipality has no such run.
    """
    require(principal, RESULT_READ)
    query = (
        select(DecisionRow)
        .join(RunRow, RunRow.id == DecisionRow.run_id)
        .where(own_runs(principal), DecisionRow.run_id == run_id)
        .order_by(DecisionRow.id)
    )
    if item_key is not None:
        query = query.where(DecisionRow.item_key == item_key.strip())
    with read_scope(store.engine) as session:
        _check_run(session, principal, run_id)
        return [_decision(row) for row in session.scalars(query)]


def _check_run(session: Session, principal: Principal, run_id: str) -> None:
    query = select(RunRow.id).where(own_runs(principal), RunRow.id == run_id)
    if session.scalar(query) is None:
        raise NotFound()


def _lock_run(session: Session, principal: Principal, run_id: str) -> None:
    """Let nobody else decide about this run until the transaction ends."""
    query = select(RunRow.id).where(own_runs(principal), RunRow.id == run_id)
    if session.scalar(query.with_for_update()) is None:
        raise NotFound()


def _log(session: Session, run_id: str, item_key: str) -> Sequence[DecisionRow]:
    query = select(DecisionRow).where(
        DecisionRow.run_id == run_id, DecisionRow.item_key == item_key
    )
    return session.scalars(query.order_by(DecisionRow.id)).all()


def _standing(log: Sequence[DecisionRow]) -> list[DecisionRow]:
    return [row for row in log if row.undone_by is None and row.value != TAKEN_BACK]


def _valid_id(log: Sequence[DecisionRow]) -> str | None:
    standing = _standing(log)
    return standing[-1].id if standing else None


def _id_behind(log: Sequence[DecisionRow], now: datetime) -> str:
    """Return an id that sorts behind the log, also when the clock went back meanwhile."""
    moment = int(now.timestamp() * 1000)
    if log:
        moment = max(moment, (UUID(log[-1].id).int >> _BELOW_TIMESTAMP) + 1)
    return new_id(moment)


def _decision(row: DecisionRow) -> Decision:
    return Decision(
        id=row.id,
        item_key=row.item_key,
        value=row.value,
        reason=row.reason,
        role=row.role,
        decided_at=row.decided_at,
        taken_back=row.undone_by is not None,
    )
