"""Slows down whoever guesses passwords, without locking the person out.

Five refused attempts under a name from one network: wait 30 s, after each further one twice as
long, at most 15 min. Thirty from anywhere: 15 min for everybody. An attempt counts as refused
before the password is looked at, so that many at once are no way around; a right one takes that
back. Attempts during a wait change nothing. After a day without any the name starts afresh.
"""

from __future__ import annotations

import hashlib
import ipaddress
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, Engine, delete, select
from sqlalchemy.orm import Session

from shared.store.engine import session_scope
from shared.store.identity_models import LoginAttemptRow
from shared.store.new_rows import insert_unless_there

FREE_ATTEMPTS = 5
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)
FROM_ANYWHERE = 30
FORGOTTEN_AFTER = timedelta(days=1)
_CLOCKS_DIFFER = timedelta(minutes=1)
"""Several processes on several machines share the table."""
_BY_NETWORK, _ANYWHERE = "account_ip", "account"


def ip_prefix(address: str) -> str:
    """Return the network of an address: the first 24 bits of IPv4, 48 of IPv6.

    Args:
        address: What the socket or a trusted proxy says; "" for one that is none.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    bits = 24 if parsed.version == 4 else 48
    return str(ipaddress.ip_network(f"{parsed}/{bits}", strict=False))


def begin(engine: Engine, name: str, prefix: str, now: datetime) -> bool:
    """Count an attempt as refused; False while the name must wait.

    Args:
        engine: The database.
        name: What the person typed; whether there is such an account plays no part.
        prefix: From `ip_prefix`.
        now: The moment, with zone.
    """
    keys = {_key(_BY_NETWORK, name, prefix): _BY_NETWORK, _key(_ANYWHERE, name): _ANYWHERE}
    with session_scope(engine) as session:
        rows = [_locked(session, key, keys[key], now) for key in sorted(keys)]
        if any(_must_wait(row, now) for row in rows):
            return False
        for row in rows:
            _count(row, now)
    return True


def succeeded(engine: Engine, name: str, prefix: str) -> None:
    """Forget the attempts under a name, because its owner has signed in.

    Args:
        engine: The database.
        name: As for `begin`.
        prefix: As for `begin`.
    """
    keys = (_key(_BY_NETWORK, name, prefix), _key(_ANYWHERE, name))
    with session_scope(engine) as session:
        session.execute(delete(LoginAttemptRow).where(LoginAttemptRow.key_sha256.in_(keys)))


def purge(engine: Engine, now: datetime) -> int:
    """Remove attempts of more than a day ago, and return their number."""
    old = LoginAttemptRow.last_at < now - FORGOTTEN_AFTER
    with session_scope(engine) as session:
        done = session.execute(delete(LoginAttemptRow).where(old))
        return cast("CursorResult[Any]", done).rowcount


def _locked(session: Session, key: str, kind: str, now: datetime) -> LoginAttemptRow:
    """Return the row of a key; on PostgreSQL it is locked until the transaction ends."""
    insert_unless_there(session, LoginAttemptRow, key_sha256=key, kind=kind, failed=0, last_at=now)
    query = select(LoginAttemptRow).where(LoginAttemptRow.key_sha256 == key)
    return session.scalars(query.with_for_update()).one()


def _must_wait(row: LoginAttemptRow, now: datetime) -> bool:
    # Nobody waits longer: that one was written while a clock was wrong.
    longest = LONGEST_WAIT + _CLOCKS_DIFFER
    return row.blocked_until is not None and now < row.blocked_until <= now + longest


def _count(row: LoginAttemptRow, now: datetime) -> None:
    if row.last_at < now - FORGOTTEN_AFTER:
        row.failed = 0
    row.failed += 1
    row.last_at = now
    if row.kind == _BY_NETWORK and row.failed >= FREE_ATTEMPTS:
        doublings = min(row.failed - FREE_ATTEMPTS, 10)
        row.blocked_until = now + min(FIRST_WAIT * 2**doublings, LONGEST_WAIT)
    elif row.kind == _ANYWHERE and row.failed >= FROM_ANYWHERE:
        row.blocked_until = now + LONGEST_WAIT
        row.failed = 0


def _key(*parts: str) -> str:
    text = "\x1f".join(parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
