"""Whose tokens the model server accepts: those of one mode, never of both."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.datastructures import Headers

from model_server.access import Access
from model_server.security import Guard
from model_server.start import check_start
from shared.auth.jobs_token import process_jobs_token
from shared.clients.own_tokens import own_tokens
from shared.contracts.identity.installation import InstallationToken
from shared.contracts.identity.principal import Principal
from shared.contracts.identity.tokens import TokenRefused
from shared.errors import ModelServerNotReady, SettingInvalid, SignInServiceDown
from shared.settings import Settings
from tests.oidc import forge
from tests.oidc.browser import Browser
from tests.oidc.conftest import House
from tests.oidc.realm import CLERK, GALLERY, GRANTED, JOBS, SECRETS, Realm
from tests.oidc.stub_provider import PROTOCOL, Reply, StubProvider, said
from tests.timing import PATIENCE_S

CERTIFICATES = f"{PROTOCOL}/certs"


def keycloak_settings(folder: Path, issuer: str, **more: Any) -> Settings:
    values = {"oidc_client_id": GALLERY, "oidc_jobs_client": JOBS}
    return Settings(
        _env_file=None,
        data_dir=folder,
        auth_mode="keycloak",
        oidc_issuer=issuer,
        **(values | more),
    )


def bearer(token: str) -> Headers:
    return Headers({"Authorization": f"Bearer {token}"})


async def answer(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


async def ask(guard: Guard, token: str, path: str = "/models") -> httpx.Response:
    transport = httpx.ASGITransport(guard)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.get(path, headers={"Authorization": f"Bearer {token}"})


# --- real tokens ----------------------------------------------------------------------------


def test_the_access_token_of_a_person_says_who_she_is(
    realm: Realm, house: House, browser: Browser, tmp_path: Path
) -> None:
    signed_in = house.sign_in(browser, GRANTED)
    access = Access(keycloak_settings(tmp_path, realm.issuer))
    seen = access.identify("/models", bearer(signed_in.tokens.access_token))
    assert seen == signed_in.principal
    assert (seen.role, seen.app_grants) == ("viewer", frozenset({"sovia"}))
    for other in (signed_in.tokens.id_token, signed_in.tokens.refresh_token, "", "a.b.c"):
        with pytest.raises(TokenRefused):
            access.identify("/models", bearer(other))


def test_jobs_and_commands_come_with_the_client_for_jobs(realm: Realm, tmp_path: Path) -> None:
    secret = tmp_path / "jobs.secret"
    secret.touch(0o600)
    secret.write_text(SECRETS[JOBS], encoding="utf-8")
    chosen = keycloak_settings(tmp_path, realm.issuer, oidc_jobs_secret_file=secret)
    source = own_tokens(chosen, tenant="musterstadt")
    assert own_tokens(chosen, role="service", tenant="herten") is source
    seen = Access(chosen).identify("/segment", bearer(source.token()))
    assert isinstance(seen, Principal)
    assert (seen.role, seen.kind, seen.active_tenant) == ("service", "service", "musterstadt")
    process_jobs_token.cache_clear()


def test_the_tokens_of_the_other_mode_are_refused(
    realm: Realm, house: House, browser: Browser, tmp_path: Path
) -> None:
    by_provider = keycloak_settings(tmp_path, realm.issuer)
    by_installation = by_provider.model_copy(update={"auth_mode": "lokal"})
    ours = InstallationToken(by_installation, role="admin").token()
    theirs = house.sign_in(browser, CLERK).tokens.access_token
    assert Access(by_provider).identify("/models", bearer(theirs)) is not None
    assert Access(by_installation).identify("/models", bearer(ours)) is not None
    with pytest.raises(TokenRefused):
        Access(by_provider).identify("/models", bearer(ours))
    with pytest.raises(TokenRefused):
        Access(by_installation).identify("/models", bearer(theirs))


def test_the_client_of_somebody_else_is_refused(
    realm: Realm, house: House, browser: Browser, tmp_path: Path
) -> None:
    theirs = house.sign_in(browser, CLERK).tokens.access_token
    access = Access(keycloak_settings(tmp_path, realm.issuer, oidc_client_id="another"))
    with pytest.raises(TokenRefused, match="azp"):
        access.identify("/models", bearer(theirs))
    allowed = keycloak_settings(
        tmp_path, realm.issuer, oidc_client_id="another", oidc_other_clients=GALLERY
    )
    assert Access(allowed).identify("/models", bearer(theirs)) is not None


# --- keys -----------------------------------------------------------------------------------


class Keys:
    """The key set of a stub, and tokens that are signed with it."""

    def __init__(self, stub: StubProvider, folder: Path) -> None:
        self.stub = stub
        self.settings = keycloak_settings(folder, stub.issuer)
        self.clock = 0.0
        self.access = Access(
            self.settings, wall_clock=lambda: forge.NOW, steady_clock=lambda: self.clock
        )
        self.publish(forge.KID)

    def publish(self, *kids: str) -> None:
        keys = [forge.rsa_entry(forge.rsa_key("ours"), kid) for kid in kids]
        self.stub.replies[CERTIFICATES] = lambda _: said({"keys": keys})

    def token(self, kid: str = forge.KID) -> str:
        claims = forge.changed(forge.ACCESS, iss=self.stub.issuer)
        return forge.token(claims, {**forge.HEADER, "kid": kid})

    def asked(self) -> int:
        return len([one for one in self.stub.asked if one.path == CERTIFICATES])


@pytest.fixture
def keys(stub: StubProvider, tmp_path: Path) -> Keys:
    return Keys(stub, tmp_path)


def test_the_keys_are_fetched_once(keys: Keys) -> None:
    guard = Guard(answer, keys.settings, access=keys.access)
    for _ in range(3):
        assert asyncio.run(ask(guard, keys.token())).status_code == 200
    assert keys.asked() == 1


def test_a_new_key_counts_at_once_and_invented_ones_cost_one_question(keys: Keys) -> None:
    guard = Guard(answer, keys.settings, access=keys.access)
    asyncio.run(ask(guard, keys.token()))
    keys.publish(forge.KID, "new")
    assert asyncio.run(ask(guard, keys.token("new"))).status_code == 200
    for number in range(30):
        assert asyncio.run(ask(guard, keys.token(f"invented-{number % 2}"))).status_code == 401
    assert keys.asked() == 2


def test_without_keys_the_server_is_not_ready_and_asks_again(keys: Keys) -> None:
    keys.stub.replies[CERTIFICATES] = lambda _: Reply(503)
    guard = Guard(answer, keys.settings, access=keys.access)
    response = asyncio.run(ask(guard, keys.token()))
    assert (response.status_code, response.json()["code"]) == (503, "nicht_bereit")
    with pytest.raises(ModelServerNotReady):
        keys.access.identify("/models", bearer(keys.token()))
    keys.publish(forge.KID)
    keys.clock += 10
    assert asyncio.run(ask(guard, keys.token())).status_code == 200


def test_nobody_waits_for_the_key_of_somebody_else(keys: Keys) -> None:
    guard = Guard(answer, keys.settings, access=keys.access)
    release = threading.Event()

    def slow(_: object) -> Reply:
        release.wait(100)
        return Reply(503)

    async def both() -> None:
        await ask(guard, keys.token())
        keys.stub.replies[CERTIFICATES] = slow
        asked = keys.asked()
        stranger = asyncio.create_task(ask(guard, keys.token("invented")))
        while keys.asked() == asked:
            await asyncio.sleep(0.01)
        assert (await ask(guard, keys.token())).status_code == 200
        assert not stranger.done()
        release.set()
        assert (await stranger).status_code == 401

    asyncio.run(asyncio.wait_for(both(), PATIENCE_S))


def test_the_token_for_figures_needs_no_keys(keys: Keys, tmp_path: Path) -> None:
    keys.stub.replies[CERTIFICATES] = lambda _: Reply(503)
    chosen = keycloak_settings(tmp_path, keys.stub.issuer, metrics_token="only-for-figures")
    guard = Guard(answer, chosen)
    assert asyncio.run(ask(guard, "only-for-figures", "/metrics")).status_code == 200
    assert asyncio.run(ask(guard, "only-for-figures")).status_code == 401
    assert keys.asked() == 0


# --- the start ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "issuer", ["", "http://anmeldung.example/realms/urbanki", "https://anmeldung.example/"]
)
def test_nothing_starts_with_a_provider_that_is_none(tmp_path: Path, issuer: str) -> None:
    chosen = keycloak_settings(tmp_path, issuer)
    arguments = ["bentoml", "serve", "--host", "127.0.0.1"]
    with pytest.raises(SettingInvalid):
        check_start(arguments, {}, chosen)
    # Whoever only checks tokens reads no secret.
    right = "https://anmeldung.example/realms/a"
    missing = tmp_path / "not-for-me"
    check_start(arguments, {}, keycloak_settings(tmp_path, right, oidc_client_secret_file=missing))


def test_a_job_waits_for_the_provider() -> None:
    assert SignInServiceDown.retry == "wait"
