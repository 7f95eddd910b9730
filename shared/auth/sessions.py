"""Who is signed in: opaque sessions in the database, shared by all processes.

The cookie holds 256 random bits, the table only their SHA-256. Every moment is a parameter, with
its zone. A session that has ended, in whichever way, has no row or is not found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Engine,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    select,
    update,
)

from shared.auth.provider_session import ProviderTokens
from shared.auth.randomness import new_token
from shared.auth.secret_box import SecretBox
from shared.auth.session_tokens import claims_of, sealed_columns
from shared.contracts.identity.principal import Principal
from shared.errors import NotAllowed, NotSignedIn
from shared.store.engine import one_look, read_scope, session_scope
from shared.store.identity_models import (
    AccountAppRow,
    AccountRoleRow,
    AccountRow,
    SessionRow,
    TenantRow,
)
from shared.store.ids import new_id

Mode = Literal["lokal", "keycloak", "kiosk"]
LOCAL: Mode = "lokal"
KEYCLOAK: Mode = "keycloak"
_COOKIE_CHARACTERS = 43
_TOUCH_S = 60
_TOUCHES_PER_IDLE = 6


@dataclass(frozen=True, slots=True)
class Limits:
    """When sessions end by themselves.

    Args:
        idle_s: Seconds without anything that a person does.
        absolute_s: Seconds altogether.
    """

    idle_s: int
    absolute_s: int


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session that goes on.

    Args:
        id: Names it; no secret.
        principal: Who acts, with the roles of this moment.
        csrf_secret: Ties forms to the session.
        mode: How it began.
        must_change: Whether the password must be changed before anything else.
        created_at: Its beginning.
        idle_expires_at: When it ends unless the person does something.
        absolute_expires_at: When it ends anyway.
        provider_sid: The provider's name of its own session; empty if there is none.
        access_expires_at: Until when the provider has confirmed the rights; None without one.
    """

    id: str
    principal: Principal
    csrf_secret: str = field(repr=False)
    mode: Mode
    must_change: bool
    created_at: datetime
    idle_expires_at: datetime
    absolute_expires_at: datetime
    provider_sid: str
    access_expires_at: datetime | None = None


def create(
    engine: Engine,
    principal: Principal,
    *,
    mode: Mode,
    limits: Limits,
    now: datetime,
    ip_prefix: str = "",
    provider: tuple[ProviderTokens, SecretBox] | None = None,
) -> tuple[str, SessionView]:
    """Begin a session; return the value of its cookie, which is kept nowhere, and the session.

    Args:
        engine: The database.
        principal: Who has signed in; in mode `lokal` the subject is the account's id.
        mode: How.
        limits: When it ends.
        now: The moment.
        ip_prefix: Network of the browser, see `shared.auth.attempts`.
        provider: What the provider has handed out, and what encrypts it.

    Raises:
        NotSignedIn: The account has been disabled meanwhile.
    """
    cookie, row = new_row(
        principal, mode=mode, limits=limits, now=now, ip_prefix=ip_prefix, provider=provider
    )
    session_id = row.id
    with session_scope(engine) as session:
        session.add(row)
    return cookie, _required(by_id(engine, session_id, now))


def new_row(
    principal: Principal,
    *,
    mode: Mode,
    limits: Limits,
    now: datetime,
    ip_prefix: str = "",
    provider: tuple[ProviderTokens, SecretBox] | None = None,
) -> tuple[str, SessionRow]:
    """Return the value of a cookie and the row of its session, for a transaction of the caller.

    The arguments are those of `create`.
    """
    cookie = new_token()
    absolute = now + timedelta(seconds=limits.absolute_s)
    return cookie, SessionRow(
        id=new_id(round(now.timestamp() * 1000)),
        token_sha256=_sha256(cookie),
        csrf_secret=new_token(),
        subject=principal.subject,
        display_name=principal.display_name,
        kind=principal.kind,
        mode=mode,
        claims_json=claims_of(principal),
        active_tenant=principal.active_tenant,
        created_at=now,
        seen_at=now,
        idle_expires_at=min(now + timedelta(seconds=limits.idle_s), absolute),
        absolute_expires_at=absolute,
        ip_prefix=ip_prefix,
        **({} if provider is None else sealed_columns(*provider)),
    )


def lookup(engine: Engine, cookie_value: str, now: datetime) -> SessionView | None:
    """Find the session of a cookie; nothing is written.

    Args:
        engine: The database.
        cookie_value: As the browser sent it.
        now: The moment.

    Returns:
        None when there is none, it has ended, or the account is disabled.
    """
    if len(cookie_value) != _COOKIE_CHARACTERS or not cookie_value.isascii():
        return None
    return _find(engine, _BY_TOKEN, _sha256(cookie_value), now)


def by_id(engine: Engine, session_id: str, now: datetime) -> SessionView | None:
    """Find a session by its name; see `lookup`."""
    return _find(engine, _BY_ID, session_id, now)


def living(engine: Engine, session_ids: Collection[str], now: datetime) -> frozenset[str]:
    """Return which of many sessions go on; whoever keeps connections open asks now and then.

    Args:
        engine: The database.
        session_ids: Names of sessions.
        now: The moment.
    """
    query = select(SessionRow.id).where(
        SessionRow.id.in_(session_ids), SessionRow.idle_expires_at > now
    )
    with read_scope(engine) as session:
        return frozenset(session.scalars(query))


def touch(engine: Engine, session_id: str, limits: Limits, now: datetime) -> None:
    """Note that the person has done something; written at most once a minute.

    Short limits, as in the kiosk, are written six times as often as they end.

    Args:
        engine: The database.
        session_id: The session; one that has ended stays so.
        limits: When it ends.
        now: The moment.
    """
    pause = timedelta(seconds=min(_TOUCH_S, limits.idle_s // _TOUCHES_PER_IDLE))
    asked = {"key": session_id, "now": now, "before": now - pause}
    with one_look(engine) as connection:
        absolute = connection.scalar(_DUE, asked)
    if absolute is not None:
        idle = min(now + timedelta(seconds=limits.idle_s), absolute)
        going_on = and_(SessionRow.id == session_id, SessionRow.idle_expires_at > now)
        noted = update(SessionRow).where(going_on).values(seen_at=now, idle_expires_at=idle)
        with session_scope(engine) as session:
            session.execute(noted)


def renew(engine: Engine, session_id: str, now: datetime) -> str:
    """Return a new value for the cookie; the old one finds nothing any more.

    Args:
        engine: The database.
        session_id: The session.
        now: The moment.

    Raises:
        NotSignedIn: It has ended.
    """
    return _changed(engine, session_id, now)


def switch_tenant(
    engine: Engine, session_id: str, tenant: str, now: datetime
) -> tuple[str, SessionView]:
    """Show another municipality under a new name, so open pages end; return cookie and session.

    Args:
        engine: The database.
        session_id: The session.
        tenant: Where the person has a role.
        now: The moment.

    Raises:
        NotAllowed: She has none there.
        NotSignedIn: The session has ended.
    """
    if tenant not in _required(by_id(engine, session_id, now)).principal.roles_by_tenant:
        raise NotAllowed()
    name = new_id(round(now.timestamp() * 1000))
    cookie = _changed(engine, session_id, now, id=name, active_tenant=tenant)
    return cookie, _required(by_id(engine, name, now))


def end(engine: Engine, session_id: str) -> bool:
    """End a session and say whether it went on until now."""
    return _delete(engine, SessionRow.id == session_id) > 0


def end_by_subject(engine: Engine, subject: str, *, but: str = "") -> int:
    """End all sessions of a person and return their number.

    Args:
        engine: The database.
        subject: Who.
        but: Name of one that goes on.
    """
    return _delete(engine, and_(SessionRow.subject == subject, SessionRow.id != but))


def end_by_provider_session(engine: Engine, sid: str, subject: str) -> int:
    """End what the provider has ended, and return the number of sessions.

    OpenID Connect Back-Channel Logout 1.0, section 2.4: a notice names a session, a person or both.

    Args:
        engine: The database.
        sid: The provider's name of its session; empty means all sessions of the person.
        subject: Who; empty when the notice names only a session.
    """
    if not sid and not subject:
        return 0
    named = [SessionRow.provider_sid == sid] if sid else [SessionRow.mode == KEYCLOAK]
    if subject:
        named.append(SessionRow.subject == subject)
    return _delete(engine, and_(*named))


def purge(engine: Engine, now: datetime) -> int:
    """Remove sessions that have ended by themselves, and return their number."""
    return _delete(engine, SessionRow.idle_expires_at <= now)


def _statement(key: str) -> Select[Any]:
    """All of a session in one query: one row for each role and app of a local account.

    It stands on the tables, not on the mapped classes, because it runs at every request.

    Args:
        key: Column of the session that is asked for.
    """
    own, account, tenant, role, app = (
        cast(Table, row.__table__).c
        for row in (SessionRow, AccountRow, TenantRow, AccountRoleRow, AccountAppRow)
    )
    of_account = and_(own.mode == LOCAL, account.id == own.subject, account.disabled.is_(False))
    return (
        select(
            *(own.id, own.csrf_secret, own.subject, own.display_name, own.kind, own.mode),
            *(own.claims_json, own.active_tenant, own.created_at, own.idle_expires_at),
            *(own.absolute_expires_at, own.provider_sid, own.access_expires_at),
            *(account.id.label("account_id"), account.must_change, tenant.slug, role.role, app.app),
        )
        .select_from(SessionRow.__table__)
        .outerjoin(AccountRow.__table__, of_account)
        .outerjoin(AccountRoleRow.__table__, role.account_id == account.id)
        .outerjoin(TenantRow.__table__, and_(tenant.slug == role.tenant, tenant.active.is_(True)))
        .outerjoin(
            AccountAppRow.__table__,
            and_(app.account_id == account.id, app.tenant == own.active_tenant),
        )
        .where(own[key] == bindparam("key"), own.idle_expires_at > bindparam("now"))
    )


_OWN = cast(Table, SessionRow.__table__).c
_DUE = select(_OWN.absolute_expires_at).where(
    _OWN.id == bindparam("key"),
    _OWN.idle_expires_at > bindparam("now"),
    _OWN.seen_at <= bindparam("before"),
)
_BY_TOKEN = _statement("token_sha256")
_BY_ID = _statement("id")


def _find(engine: Engine, statement: Select[Any], key: str, now: datetime) -> SessionView | None:
    with one_look(engine) as connection:
        rows = connection.execute(statement, {"key": key, "now": now}).all()
    if not rows or (rows[0].mode == LOCAL and rows[0].account_id is None):
        return None
    first = rows[0]
    return SessionView(
        id=first.id,
        principal=_principal(rows),
        csrf_secret=first.csrf_secret,
        mode=first.mode,
        must_change=bool(first.must_change),
        created_at=first.created_at,
        idle_expires_at=first.idle_expires_at,
        absolute_expires_at=first.absolute_expires_at,
        provider_sid=first.provider_sid or "",
        access_expires_at=first.access_expires_at,
    )


def _principal(rows: Sequence[Row[Any]]) -> Principal:
    first = rows[0]
    if first.mode == LOCAL:
        roles = {row.slug: row.role for row in rows if row.slug is not None}
        apps = {row.app for row in rows if row.app is not None} or None
    else:
        roles, apps = first.claims_json["roles_by_tenant"], first.claims_json["app_grants"]
    return Principal(
        subject=first.subject,
        display_name=first.display_name,
        roles_by_tenant=roles,
        active_tenant=first.active_tenant,
        app_grants=None if apps is None else frozenset(apps),
        kind=first.kind,
        session_id=first.id,
    )


def _changed(engine: Engine, session_id: str, now: datetime, **values: str) -> str:
    cookie = new_token()
    going_on = and_(SessionRow.id == session_id, SessionRow.idle_expires_at > now)
    statement = update(SessionRow).where(going_on).values(token_sha256=_sha256(cookie), **values)
    with session_scope(engine) as session:
        done = cast("CursorResult[Any]", session.execute(statement))
    if not done.rowcount:
        raise NotSignedIn()
    return cookie


def _delete(engine: Engine, condition: ColumnElement[bool]) -> int:
    with session_scope(engine) as session:
        statement = delete(SessionRow).where(condition)
        return cast("CursorResult[Any]", session.execute(statement)).rowcount


def _required(view: SessionView | None) -> SessionView:
    if view is None:
        raise NotSignedIn()
    return view


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
