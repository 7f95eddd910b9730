"""A clock that was wrong for a while and then was set right: nobody pays for it for days."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine

from shared.auth import attempts, sessions
from shared.auth.provider_session import ProviderTokens
from shared.auth.refreshing import LOCK_S
from shared.auth.secret_box import SecretBox
from shared.auth.session_tokens import StoredTokens
from shared.contracts.identity.principal import Principal
from tests.auth.people import HOME, LIMITS, NOW, later

BOX = SecretBox(b"0123456789abcdef0123456789abcdef")
FREE = attempts.FREE_ATTEMPTS


def refused(engine: Engine, *, times: int, **amount: float) -> None:
    for _ in range(times):
        attempts.begin(engine, "anna", HOME, later(**amount))


def test_a_wait_of_the_future_does_not_last_until_then(house: Engine) -> None:
    refused(house, times=FREE, days=400)
    assert not attempts.begin(house, "anna", HOME, later(days=400))
    assert attempts.begin(house, "anna", HOME, NOW)


def test_a_clock_that_differs_a_little_takes_no_wait_away(house: Engine) -> None:
    refused(house, times=FREE + 5, seconds=0)
    for wait in (30, 60, 120, 240, 480, 900):
        refused(house, times=1, seconds=10_000 + wait)
    assert not attempts.begin(house, "anna", HOME, later(seconds=10_900 - 2))


def stored(engine: Engine) -> StoredTokens:
    tokens = ProviderTokens("s", "id", "access", NOW.timestamp() + 30, "refresh")
    person = Principal("kc-1", "Bea", {"herten": "viewer"}, "herten")
    made = {"mode": "keycloak", "limits": LIMITS, "now": NOW, "provider": (tokens, BOX)}
    _, view = sessions.create(engine, person, **made)  # type: ignore[arg-type]
    return StoredTokens(engine, BOX, view.id)


def test_a_lock_of_the_future_does_not_hold_until_then(house: Engine) -> None:
    """The process that took it was killed, and somebody has set the clock right."""
    session, future = stored(house), (NOW + timedelta(days=1)).timestamp()
    assert session.try_lock(future, future + LOCK_S)
    assert session.try_lock(NOW.timestamp(), NOW.timestamp() + LOCK_S)


def test_a_lock_of_a_clock_that_differs_a_little_holds(house: Engine) -> None:
    session, ahead = stored(house), later(seconds=20).timestamp()
    assert session.try_lock(ahead, ahead + LOCK_S)
    assert not session.try_lock(NOW.timestamp(), NOW.timestamp() + LOCK_S)
