"""People who sit in front of the pages in tests, without an account behind them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from shared.auth import session
from shared.auth.sessions import LOCAL, SessionView
from shared.contracts.identity.principal import HOME_TENANT, Principal, Role

FAR_AWAY = datetime(9999, 1, 1, tzinfo=UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def person(role: Role, tenant: str = HOME_TENANT, **more: Any) -> Principal:
    """Somebody with one role in one municipality."""
    about = {"subject": f"test-{role}", "display_name": f"Test {role}"}
    return Principal(**(about | more), roles_by_tenant={tenant: role}, active_tenant=tenant)


ADMIN = person("admin")
CLERK = person("sachbearbeitung")
VIEWER = person("viewer")
GUEST = person("gast")


def session_of(acting: Principal, **more: Any) -> SessionView:
    """A session that does not end."""
    about: dict[str, Any] = {
        "id": acting.session_id,
        "principal": acting,
        "csrf_secret": "secret-of-the-session-of-a-test",
        "mode": LOCAL,
        "must_change": False,
        "created_at": LONG_AGO,
        "idle_expires_at": FAR_AWAY,
        "absolute_expires_at": FAR_AWAY,
        "provider_sid": "",
    }
    return SessionView(**(about | more))


def sit_down(acting: Principal, put: Callable[[object, str, object], None] = setattr) -> None:
    """Let the pages of this process believe that somebody is signed in.

    Args:
        acting: Who.
        put: Replaces a function, such as `monkeypatch.setattr`; by default for good.
    """
    put(session, "current_session", lambda beside="": session_of(acting))
