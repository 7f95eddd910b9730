"""Renewal over the real database: ten requests at the end of an access token, one refresh."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
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
from shared.errors import NotSignedIn, RoleMissing, SignInServiceDown
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


def signed_in(engine: Engine, person: Principal, left_s: float) -> StoredTokens:  # noqa: F811
    _, view = sessions.create(
        engine,
        person,
        mode="keycloak",
        limits=sessions.Limits(idle_s=1800, absolute_s=36_000),
        now=datetime.now(UTC),
        provider=(kept("1", left_s), BOX),
    )
    return StoredTokens(engine, BOX, view.id)


@pytest.fixture
def stored(engine: Engine) -> StoredTokens:  # noqa: F811
    """A session whose access token ends in 30 s."""
    return signed_in(engine, PERSON, 30)


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


@pytest.fixture
def beside(engine: Engine) -> dict[str, StoredTokens]:  # noqa: F811
    """Other sessions, whose access tokens are good for long."""
    people = {
        "same": PERSON,
        "same-but-demoted": replace(PERSON, roles_by_tenant={"herten": "gast"}),
        "somebody-else": replace(PERSON, subject="kc-2"),
    }
    return {name: signed_in(engine, person, 300) for name, person in people.items()}


def doubted(beside: dict[str, StoredTokens]) -> set[str]:
    """Whose rights the provider must confirm before anything else."""
    found = {name: tokens.read() for name, tokens in beside.items()}
    assert None not in found.values()
    return {name for name, one in found.items() if one is not None and one.access_expires_at == 0}


def test_a_role_that_one_session_has_lost_is_asked_for_in_all(
    stored: StoredTokens, beside: dict[str, StoredTokens]
) -> None:
    demoted = replace(PERSON, roles_by_tenant={"herten": "gast"})
    fresh_tokens(stored, lambda _: (kept("2", 300), demoted), clock=time.time, sleep=time.sleep)
    assert doubted(beside) == {"same"}


def test_a_renewal_without_changes_asks_for_no_other(
    stored: StoredTokens, beside: dict[str, StoredTokens]
) -> None:
    fresh_tokens(stored, lambda _: (kept("2", 300), PERSON), clock=time.time, sleep=time.sleep)
    assert doubted(beside) == set()


@pytest.mark.parametrize(
    "refusal", [GrantRefused("invalid_grant"), RoleMissing()], ids=["grant", "role"]
)
def test_a_refusal_is_asked_for_in_all_sessions(
    stored: StoredTokens, beside: dict[str, StoredTokens], refusal: Exception
) -> None:
    def refuse(_: ProviderTokens) -> tuple[ProviderTokens, Principal]:
        raise refusal

    with pytest.raises(NotSignedIn):
        fresh_tokens(stored, refuse, clock=time.time, sleep=time.sleep)
    assert doubted(beside) == {"same", "same-but-demoted"}


def test_a_silent_provider_makes_no_other_session_doubtful(
    engine: Engine,  # noqa: F811
    beside: dict[str, StoredTokens],
) -> None:
    def silent(_: ProviderTokens) -> tuple[ProviderTokens, Principal]:
        raise SignInServiceDown(reason="test")

    with pytest.raises(NotSignedIn):
        expired = signed_in(engine, PERSON, -1)
        fresh_tokens(expired, silent, clock=time.time, sleep=time.sleep)
    assert doubted(beside) == set()
