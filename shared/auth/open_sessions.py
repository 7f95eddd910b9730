"""Who is signed in at a municipality, and ending that; what somebody did meanwhile is not told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Engine, delete, select, true

from shared.auth import audit
from shared.auth.audit import AuditEvent, Event
from shared.contracts.identity.policy import SESSION_END, require
from shared.contracts.identity.principal import Principal
from shared.store.engine import read_scope, session_scope
from shared.store.identity_models import SessionRow
from shared.store.store import Store


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that goes on.

    Args:
        id: Names it; no secret.
        display_name: Who.
        created_at: Its beginning.
        ends_at: When it ends at the latest.
        ip_prefix: Network of the browser.
        is_own: Whether it is that of whoever looks.
    """

    id: str
    display_name: str
    created_at: datetime
    ends_at: datetime
    ip_prefix: str
    is_own: bool


def open_sessions(principal: Principal, store: Store, *, now: datetime) -> list[OpenSession]:
    """Return the sessions that show the active municipality, by name.

    Args:
        principal: Who looks.
        store: Where they are kept.
        now: The moment, with zone.

    Raises:
        NotAllowed: Only the administration sees them.
    """
    require(principal, SESSION_END)
    row = SessionRow
    query = (
        select(row.id, row.display_name, row.created_at, row.absolute_expires_at, row.ip_prefix)
        .where(row.active_tenant == principal.active_tenant, row.idle_expires_at > now)
        .order_by(row.display_name, row.id)
    )
    with read_scope(store.engine) as session:
        return [
            OpenSession(*found, is_own=found.id == principal.session_id)
            for found in session.execute(query)
        ]


def end_session(principal: Principal, store: Store, session_id: str, *, now: datetime) -> bool:
    """End a session of the active municipality and say whether it went on until now.

    Args:
        principal: Who ends it.
        store: Where it is kept.
        session_id: The session.
        now: The moment, with zone.

    Raises:
        NotAllowed: Only the administration ends sessions of others.
    """
    require(principal, SESSION_END)
    row = SessionRow
    named = (row.id == session_id) & (row.active_tenant == principal.active_tenant)
    has_ended = _delete(store.engine, named) > 0
    if has_ended:
        event = AuditEvent(Event.SESSION_END, principal, object_id=session_id)
        audit.write(store.engine, store.settings, event, now=now)
    return has_ended


def end_sessions_of(principal: Principal, store: Store, subject: str, *, now: datetime) -> int:
    """End all sessions of a person that show the active municipality; return their number.

    Args:
        principal: Who ends them.
        store: Where they are kept.
        subject: Whose: an account's id, or what the provider calls her.
        now: The moment, with zone.

    Raises:
        NotAllowed: Only the administration ends sessions of others.
    """
    require(principal, SESSION_END)
    count = end_all_of(store.engine, subject, principal.active_tenant)
    if count:
        event = AuditEvent(Event.SESSION_END, principal, reason_code=f"alle:{count}")
        audit.write(store.engine, store.settings, event, now=now)
    return count


def end_all_of(engine: Engine, subject: str, tenant: str) -> int:
    """End a person's sessions that show a municipality; return their number.

    Args:
        engine: The database.
        subject: Whose.
        tenant: The municipality.
    """
    return _delete(engine, (SessionRow.subject == subject) & (SessionRow.active_tenant == tenant))


def end_all(engine: Engine) -> int:
    """End the sessions of everybody, everywhere; return their number."""
    return _delete(engine, true())


def _delete(engine: Engine, condition: ColumnElement[bool]) -> int:
    with session_scope(engine) as session:
        done = session.execute(delete(SessionRow).where(condition))
        return cast("CursorResult[Any]", done).rowcount
