"""Renewal over the real database: ten requests at the end of an access token, one refresh."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from shared.auth import sessions
from shared.auth.keycloak import GrantRefused
from shared.auth.provider_session import ProviderTokens
from shared.auth.refreshing import SessionTokens, fresh_tokens
from shared.auth.secret_box import SecretBox
from shared.auth.session_tokens import StoredTokens
from shared.contracts.identity.principal import Principal
from shared.errors import NotSignedIn
from tests.auth.conftest import engine, settings  # noqa: F401  # fixtures
from tests.store.servers import (  # noqa: F401  # fixtures
    local_settings,
    postgres_server,
)

BOX = SecretBox(b"0123456789abcdef0123456789abcdef")
PERSON = Principal("kc-1", "Bea", {"herten": "viewer"}, "herten")
REQUESTS = 10


def kept(name: str, left_s: float) -> ProviderTokens:
    return ProviderTokens("s", f"id-{name}", f"access-{name}", time.time() + left_s, f"r-{name}")


@pytest.fixture
def stored(engine: Engine) -> StoredTokens:  # noqa: F811
    """A session whose access token ends in 30 s."""
    _, view = sessions.create(
        engine,
        PERSON,
        mode="keycloak",
        limits=sessions.Limits(idle_s=1800, absolute_s=36_000),
        now=datetime.now(UTC),
        provider=(kept("1", 30), BOX),
    )
    return StoredTokens(engine, BOX, view.id)


def test_ten_requests_at_once_cause_one_refresh(stored: SessionTokens) -> None:
    used: list[str] = []
    found: list[ProviderTokens] = []
    ready = threading.Barrier(REQUESTS)

    def renew(tokens: ProviderTokens) -> tuple[ProviderTokens, Principal]:
        used.append(tokens.refresh_token)
        time.sleep(0.3)
        return kept("2", 300), PERSON

    def ask() -> None:
        ready.wait(30)
        found.append(fresh_tokens(stored, renew, clock=time.time, sleep=time.sleep))

    threads = [threading.Thread(target=ask) for _ in range(REQUESTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert used == ["r-1"]
    assert [tokens.refresh_token for tokens in found] == ["r-2"] * REQUESTS


def test_a_refusal_ends_the_session_for_all(stored: SessionTokens) -> None:
    def refuse(_: ProviderTokens) -> tuple[ProviderTokens, Principal]:
        raise GrantRefused("invalid_grant")

    with pytest.raises(NotSignedIn):
        fresh_tokens(stored, refuse, clock=time.time, sleep=time.sleep)
    assert stored.read() is None
