"""Guests of the kiosk: their sessions, how many at once, and what becomes of what they did.

A guest is nobody's account: role `gast` in the municipality `demo`, which holds example data only.
The 20 places are counted in the table of sessions, under a lock, over all processes.

Whoever asks for a page stands at the door for 20 s, which takes no place; a guest gets one when her
page opens its websocket. A program that asks again and again without a cookie so fills no place,
and a whole conference behind one address may come in. At the door there is room for 20 of each
network: the next one takes the room of whoever stands there longest, and of no other network.

Example data are fresh for each guest without being computed or copied as files: what a guest orders
is answered by a copy of the rows of a run that was worked off before
(`shared.store.demo_copies`), in her own name. Stored files never change and have the name of
their content, so the copies share them. Nothing that one guest does is seen by the next: the copies
go with the session, or within the hour if the browser just went away.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import Engine, and_, delete, func, select, text
from sqlalchemy.orm import Session

from shared.auth import sessions
from shared.auth.attempts import ip_prefix
from shared.auth.sessions import Limits, Mode, SessionView
from shared.contracts.identity.principal import DEMO_TENANT, Principal
from shared.store.engine import session_scope
from shared.store.guest_data import GUEST_PREFIX, remove_guest
from shared.store.identity_models import SessionRow
from shared.store.store import Store

KIOSK: Mode = "kiosk"
MOST_GUESTS = 20
IDLE_S, COUNTDOWN_S = 90, 15
LATE_S = 30
"""The browser says now and then that somebody is there; so late may its notice count."""
GUEST_LIMITS = Limits(idle_s=IDLE_S + COUNTDOWN_S + LATE_S, absolute_s=30 * 60)
"""The browser ends the session after 90 s and a countdown of 15 s; this is for one that went."""
DOOR_S = 20
"""A page on a slow line opens its websocket within that time. Shorter than the pause of
`sessions.touch`, so that nothing but the websocket lets anybody in."""
MOST_AT_THE_DOOR = 20
_LOCK = "urbanki guests"
_OF_KIOSK = SessionRow.mode == KIOSK
_IS_IN = SessionRow.seen_at > SessionRow.created_at
_AT_THE_DOOR = and_(_OF_KIOSK, SessionRow.seen_at == SessionRow.created_at)


def new_guest() -> Principal:
    """Return somebody whom nobody knows."""
    return Principal(
        subject=f"{GUEST_PREFIX}{uuid4()}",
        display_name="",
        roles_by_tenant={DEMO_TENANT: "gast"},
        active_tenant=DEMO_TENANT,
        kind="guest",
    )


@dataclass(frozen=True, slots=True)
class KioskGuests:
    """Begins and ends the sessions of guests.

    Args:
        store: Database and files.
        most: Guests at once.
    """

    store: Store
    most: int = MOST_GUESTS

    def begin(self, ip: str, now: datetime) -> tuple[str, SessionView] | None:
        """Begin a session at the door; return the value of its cookie and the session.

        Args:
            ip: Address of the browser; its network is kept.
            now: The moment, with zone.

        Returns:
            None when all places are taken.
        """
        cookie, row = sessions.new_row(
            new_guest(), mode=KIOSK, limits=GUEST_LIMITS, now=now, ip_prefix=ip_prefix(ip)
        )
        session_id, row.idle_expires_at = row.id, now + timedelta(seconds=DOOR_S)
        with session_scope(self.store.engine) as session:
            _lock(session)
            if _guests(session, now) >= self.most:
                return None
            _make_room_at_the_door(session, row.ip_prefix, now)
            session.add(row)
        view = sessions.by_id(self.store.engine, session_id, now)
        return None if view is None else (cookie, view)

    def enter(self, session_id: str, now: datetime) -> bool:
        """Give a place to the guest whose page has opened; say whether she has one.

        Without a place her session ends, and her browser asks for a page again.

        Args:
            session_id: Name of the session.
            now: The moment, with zone.
        """
        with session_scope(self.store.engine) as session:
            _lock(session)
            row = session.get(SessionRow, session_id)
            if row is None or row.idle_expires_at <= now:
                return False
            if row.seen_at > row.created_at:
                return True
            if _guests(session, now) >= self.most:
                session.delete(row)
                return False
            row.seen_at = max(now, row.created_at + timedelta(microseconds=1))
            idle = now + timedelta(seconds=GUEST_LIMITS.idle_s)
            row.idle_expires_at = min(idle, row.absolute_expires_at)
        return True

    def end(self, session: SessionView) -> bool:
        """End a guest's session, remove what she did, and say whether it went on until now.

        Args:
            session: The session.
        """
        has_ended = sessions.end(self.store.engine, session.id)
        remove_guest(self.store, session.principal.subject)
        return has_ended


def guests_at(engine: Engine, now: datetime) -> int:
    """Return how many guests have a place at a moment."""
    with session_scope(engine) as session:
        return _guests(session, now)


def _guests(session: Session, now: datetime) -> int:
    query = select(func.count()).where(_OF_KIOSK, _IS_IN, SessionRow.idle_expires_at > now)
    return session.scalar(query) or 0


def _make_room_at_the_door(session: Session, network: str, now: datetime) -> None:
    session.execute(delete(SessionRow).where(_AT_THE_DOOR, SessionRow.idle_expires_at <= now))
    newest = (
        select(SessionRow.id)
        .where(_AT_THE_DOOR, SessionRow.ip_prefix == network)
        .order_by(SessionRow.created_at.desc(), SessionRow.id.desc())
    )
    too_many = session.scalars(newest.offset(MOST_AT_THE_DOOR - 1)).all()
    session.execute(delete(SessionRow).where(SessionRow.id.in_(too_many)))


def _lock(session: Session) -> None:
    """Let nobody else begin until the transaction ends; on SQLite whoever writes is alone."""
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        statement = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
        connection.execute(statement, {"name": _LOCK})
