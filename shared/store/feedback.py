"""Hints that a result is wrong or right: without a person, read by the administration alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select

from shared.contracts.identity.policy import APP_OPEN, FEEDBACK_READ, require
from shared.contracts.identity.principal import Principal
from shared.errors import N_, NotFound
from shared.report.csv_out import write_csv
from shared.store.engine import read_scope, session_scope
from shared.store.ids import new_id
from shared.store.models import FeedbackRow, RunRow
from shared.store.rights import own_runs
from shared.store.store import Store
from shared.store.texts import checked_text

RATINGS = range(5)
"""0 is the worst; two thumbs use 0 and 1."""
LONGEST_TEXT, LONGEST_APP = 500, 32
HEADINGS = (N_("Zeitpunkt"), N_("Anwendung"), N_("Bewertung"), N_("Hinweis"), N_("Ergebnis"))


@dataclass(frozen=True, slots=True)
class Feedback:
    """One hint.

    Args:
        id: UUID version 7.
        app: App id.
        run_id: The result it is about; None when there is none, or it was deleted.
        rating: 0 to 4.
        text: At most 500 characters; may be empty.
        created_at: When.
    """

    id: str
    app: str
    run_id: str | None
    rating: int
    text: str
    created_at: datetime


def flag(
    principal: Principal,
    store: Store,
    app: str,
    rating: int,
    text: str,
    *,
    now: datetime,
    run_id: str | None = None,
) -> Feedback:
    """Keep a hint; who gave it is not noted.

    Args:
        principal: Whose municipality it belongs to.
        store: Where it is kept.
        app: App id.
        rating: 0 to 4.
        text: What the person says, at most 500 characters.
        now: The moment, with zone.
        run_id: The result it is about.

    Raises:
        NotAllowed: The person may not open the app.
        NotFound: This municipality has no such run of this app.
        TextInvalid: The text holds characters that cannot be stored.
        TextTooLong: The text is too long.
    """
    require(principal, APP_OPEN, app=app)
    if rating not in RATINGS:
        raise ValueError("a rating is a whole number from 0 to 4")
    row = FeedbackRow(
        id=new_id(int(now.timestamp() * 1000)),
        tenant=principal.active_tenant,
        app=checked_text(app, LONGEST_APP),
        run_id=run_id,
        rating=rating,
        text=checked_text(text, LONGEST_TEXT, empty=True),
        created_at=now,
    )
    with session_scope(store.engine) as session:
        if run_id is not None:
            own = select(RunRow.id).where(
                own_runs(principal), RunRow.id == run_id, RunRow.app == app
            )
            if session.scalar(own) is None:
                raise NotFound()
        session.add(row)
        return _feedback(row)


def list_feedback(
    principal: Principal, store: Store, *, app: str | None = None, limit: int = 200
) -> list[Feedback]:
    """Return the hints of the municipality, newest first.

    Args:
        principal: Who looks.
        store: Where they are kept.
        app: Only those about an app.
        limit: Most hints.

    Raises:
        NotAllowed: Only the administration reads them.
    """
    require(principal, FEEDBACK_READ, app=app)
    with read_scope(store.engine) as session:
        rows = session.scalars(_newest_first(principal, app).limit(limit))
        return [_feedback(row) for row in rows]


def export_feedback(
    principal: Principal,
    store: Store,
    translate: Callable[[str], str] = str,
    *,
    app: str | None = None,
) -> bytes:
    """Return all hints of the municipality as a CSV file for German Excel, newest first.

    Args:
        principal: Who takes them along.
        store: Where they are kept.
        translate: Gives the headings in the reader's language.
        app: Only those about an app.

    Raises:
        NotAllowed: Only the administration reads them.
    """
    require(principal, FEEDBACK_READ, app=app)
    with read_scope(store.engine) as session:
        rows = session.scalars(_newest_first(principal, app))
        cells = [(row.created_at, row.app, row.rating, row.text, row.run_id or "") for row in rows]
    return write_csv([translate(heading) for heading in HEADINGS], cells)


def _newest_first(principal: Principal, app: str | None) -> Select[FeedbackRow]:
    query = select(FeedbackRow).where(FeedbackRow.tenant == principal.active_tenant)
    if app is not None:
        query = query.where(FeedbackRow.app == app)
    elif principal.app_grants is not None:
        query = query.where(FeedbackRow.app.in_(sorted(principal.app_grants)))
    return query.order_by(FeedbackRow.created_at.desc(), FeedbackRow.id.desc())


def _feedback(row: FeedbackRow) -> Feedback:
    return Feedback(
        id=row.id,
        app=row.app,
        run_id=row.run_id,
        rating=row.rating,
        text=row.text,
        created_at=row.created_at,
    )
