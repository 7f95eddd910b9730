"""Tokens for the model server in mode `lokal`: whose they are, and how soon they follow changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from shared.auth import local_accounts, sessions
from shared.auth.local_accounts import Account
from shared.auth.person_tokens import person_tokens
from shared.auth.services import account_services
from shared.clients.transport import TokenSource
from shared.contracts.identity.installation import LOCAL_SUBJECT
from shared.contracts.identity.jwks import KeyCache
from shared.contracts.identity.principal import HOME_TENANT, Principal, Role
from shared.contracts.identity.tokens import LIFETIME_S, verify_token
from shared.errors import NotSignedIn
from shared.settings import Settings
from shared.store.store import process_store
from shared.ui import shell
from tests.auth.people import LIMITS, NOW, add_account, add_tenant, later, signed_in
from tests.shared.doubles import StandIn
from tests.shared.process_state import begin_process, forget_process_state

BEGIN = NOW.timestamp()


@dataclass
class Page:
    """What a page has for the person in front of it, at a moment that the test sets."""

    settings: Settings
    engine: Engine
    acting: Principal
    now: float = BEGIN
    source: TokenSource = field(init=False)

    def __post_init__(self) -> None:
        made = account_services(self.engine, self.settings, LIMITS, "Galerie")
        services = replace(made, clock=lambda: datetime.fromtimestamp(self.now, UTC))
        self.source = person_tokens(services, self.acting)

    def asks_as(self, now: float | None = None) -> Principal:
        """Whom the model server sees."""
        self.now = self.now if now is None else now
        keys = KeyCache(self.settings.key_set_file)
        return verify_token(self.source.token(), lambda kid: keys.key_for(kid, 0), self.now)


@pytest.fixture
def page(settings: Settings, house: Engine, anna: Account) -> Page:
    _, session = signed_in(house, anna)
    return Page(settings, house, session.principal)


def test_a_token_names_the_person_her_municipality_role_and_apps(
    settings: Settings, house: Engine
) -> None:
    add_tenant(house, "herten")
    roles: dict[str, Role] = {HOME_TENANT: "viewer", "herten": "sachbearbeitung"}
    bea = add_account(house, "bea", roles, app_grants={"herten": ["sovia"]})
    _, session = signed_in(house, bea)
    _, session = sessions.switch_tenant(house, session.id, "herten", NOW)
    seen = Page(settings, house, session.principal).asks_as()
    assert seen == Principal(
        bea.id, "", {"herten": "sachbearbeitung"}, "herten", frozenset({"sovia"}), "person"
    )


def test_a_withdrawn_role_is_gone_within_two_minutes(page: Page, house: Engine) -> None:
    assert page.asks_as().role == "sachbearbeitung"
    local_accounts.set_role(house, "anna", HOME_TENANT, "viewer", NOW)
    # The old token is good for 120 s; whoever asks then gets another one.
    assert page.asks_as(BEGIN + LIFETIME_S).role == "viewer"
    local_accounts.set_role(house, "anna", HOME_TENANT, None, NOW)
    assert page.asks_as(BEGIN + 2 * LIFETIME_S).roles_by_tenant == {}


def test_a_new_run_of_the_page_sees_a_change_at_once(page: Page, house: Engine) -> None:
    page.asks_as()
    local_accounts.set_role(house, "anna", HOME_TENANT, "viewer", NOW)
    assert replace(page).asks_as().role == "viewer"


def test_a_page_of_the_municipality_before_asks_nothing_more(
    settings: Settings, house: Engine
) -> None:
    add_tenant(house, "herten")
    roles: dict[str, Role] = {HOME_TENANT: "viewer", "herten": "sachbearbeitung"}
    _, session = signed_in(house, add_account(house, "bea", roles))
    page = Page(settings, house, session.principal)
    other = "herten" if session.principal.active_tenant == HOME_TENANT else HOME_TENANT
    _, switched = sessions.switch_tenant(house, session.id, other, NOW)
    with pytest.raises(NotSignedIn):
        page.asks_as()
    assert Page(settings, house, switched.principal).asks_as().active_tenant == other


def sign_out(engine: Engine, page: Page) -> None:
    sessions.end(engine, page.acting.session_id)


def disable(engine: Engine, _page: Page) -> None:
    local_accounts.disable(engine, "anna", NOW)


def reset(engine: Engine, _page: Page) -> None:
    local_accounts.reset_password(engine, "anna", NOW)


@pytest.mark.parametrize("end", [sign_out, disable, reset])
def test_nobody_gets_a_token_after_the_session(
    page: Page, house: Engine, end: Callable[[Engine, Page], None]
) -> None:
    page.asks_as()
    end(house, page)
    with pytest.raises(NotSignedIn):
        page.asks_as(BEGIN + LIFETIME_S)
    with pytest.raises(NotSignedIn):
        page.source.renew()


def test_a_session_that_has_idled_too_long_gives_no_token(page: Page) -> None:
    with pytest.raises(NotSignedIn):
        page.asks_as(later(minutes=31).timestamp())


def test_somebody_who_must_change_the_password_gets_no_token(
    settings: Settings, house: Engine
) -> None:
    account, _ = local_accounts.create_account(
        house, "neu", "Neu", {HOME_TENANT: "viewer"}, now=NOW
    )
    _, session = signed_in(house, account)
    with pytest.raises(NotSignedIn):
        Page(settings, house, session.principal).asks_as()


def test_a_command_without_a_session_acts_with_the_rights_it_was_given(
    settings: Settings, house: Engine
) -> None:
    acting = Principal("os:1000", "", {"herten": "sachbearbeitung"}, "herten")
    assert Page(settings, house, acting).asks_as() == acting


def test_pages_ask_the_model_server_for_their_person_and_the_house_for_itself(
    model_server_stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = model_server_stand_in.settings
    monkeypatch.setenv("URBANKI_DATA_DIR", str(chosen.data_dir))
    monkeypatch.setenv("URBANKI_MODEL_SERVER_URL", chosen.model_server_url)
    begin_process()
    engine = process_store().engine
    local_accounts.first_start(engine, NOW)
    _, session = signed_in(engine, add_account(engine), now=datetime.now(UTC))
    call = {"model": "solar", "gsd_m": 0.1}
    shell.model_client(session.principal).segment([b"a"], **call)
    shell.house_client().segment([b"a"], **call)
    keys, seen = KeyCache(chosen.key_set_file), []
    for header in model_server_stand_in.tokens:
        token = header.removeprefix("Bearer ")
        seen.append(verify_token(token, lambda kid: keys.key_for(kid, 0), time.time()).subject)
    assert seen == [session.principal.subject, LOCAL_SUBJECT]
    shell.house_client().close()
    forget_process_state()
