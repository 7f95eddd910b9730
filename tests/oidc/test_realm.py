"""The whole sign-in against a real OpenID provider, from the first click to the last logout."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from shared.auth import keycloak
from shared.auth.backchannel import read_logout
from shared.auth.discovery import discover
from shared.auth.jobs_token import JobsToken
from shared.auth.keycloak import GrantRefused, TokenAnswer
from shared.auth.oidc_flow import SignedIn, check_tokens, logout_url, sign_out
from shared.auth.oidc_settings import OidcSettings
from shared.auth.provider_session import ProviderTokens
from shared.auth.refreshing import fresh_tokens, renewal
from shared.contracts.identity.principal import Principal
from shared.contracts.identity.provider_tokens import (
    LogoutNotice,
    principal_of,
    verify_access_token,
    verify_id_token,
    verify_logout_token,
)
from shared.contracts.identity.signed import TokenRefused
from shared.errors import NotSignedIn, RoleMissing, SignInFailed, SignInServiceDown
from tests.oidc.browser import Browser, SignInPage
from tests.oidc.conftest import House
from tests.oidc.memory import Session, Used, only
from tests.oidc.realm import (
    CHANGED,
    CLERK,
    DISABLED,
    GALLERY,
    GRANTED,
    JOBS,
    LOCKED,
    NOBODY,
    RETURN,
    SECOND,
    Notice,
    Realm,
    settings_of,
)

NOTICE_WITHIN_S = 60
ALMOST_OVER_S = 30
"""An access token that ends so soon is renewed."""


def claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


def changed(answer: list[tuple[str, str]], **values: str) -> list[tuple[str, str]]:
    return [*((name, value) for name, value in answer if name not in values), *values.items()]


def without(url: str, *names: str, **values: str) -> str:
    """Return an address without some members of its query, and with others."""
    parts = urlsplit(url)
    query = [pair for pair in parse_qsl(parts.query) if pair[0] not in {*names, *values}]
    return parts._replace(query=urlencode([*query, *values.items()])).geturl()


def assert_failed(reason: str, call: Callable[[], object]) -> None:
    with pytest.raises(SignInFailed) as refused:
        call()
    assert refused.value.details["reason"] == reason


def assert_asked_again(house: House, browser: Browser) -> None:
    with pytest.raises(SignInPage):
        browser.go(house.begin()[0])


def almost_over(signed_in: SignedIn) -> Session:
    """Return a session whose access token must be renewed now."""
    return Session(replace(signed_in.tokens, access_expires_at=time.time() + ALMOST_OVER_S))


def fresh(house: House, session: Session, subject: str) -> ProviderTokens:
    renew = renewal(house.settings, house.key_for, subject, time.time)
    return fresh_tokens(session, renew, clock=time.time, sleep=time.sleep)


def renewed(house: House, signed_in: SignedIn) -> tuple[Session, ProviderTokens]:
    session = almost_over(signed_in)
    return session, fresh(house, session, signed_in.principal.subject)


def read(house: House, notice: Notice, used: Used | None = None) -> LogoutNotice:
    return read_logout(
        notice.method,
        notice.content_type,
        notice.body,
        rules=house.settings.rules,
        key_for=house.key_for,
        used=used or Used(),
        now=time.time(),
    )


@pytest.fixture
def no_notices(realm: Realm) -> Realm:
    """The realm, after what earlier tests have left in the back channel is gone."""
    while not realm.notices.empty():
        realm.notices.get()
    return realm


# --- the realm ------------------------------------------------------------------------------


def test_the_realm_names_itself(realm: Realm, house: House) -> None:
    assert house.provider.authorization_url.startswith(f"{realm.issuer}/")
    assert house.provider.logout_url.startswith(f"{realm.issuer}/")


def test_a_realm_of_another_name_is_not_asked(realm: Realm) -> None:
    with_address = realm.issuer.replace("localhost", "127.0.0.1")
    for issuer in (f"{realm.issuer}x", with_address):
        settings = settings_of(realm, internal_url=realm.issuer.partition("/realms/")[0])
        with pytest.raises(SignInServiceDown):
            discover(replace(settings, issuer=issuer))


def test_the_keys_are_fetched_once(house: House, browser: Browser) -> None:
    for _ in range(3):
        house.sign_in(browser, CLERK if browser.forms == 0 else None)
    assert house.keys.fetches == 1


# --- login ----------------------------------------------------------------------------------


def test_a_clerk_signs_in(house: House, browser: Browser) -> None:
    found = house.sign_in(browser, CLERK).principal
    assert found.display_name == CLERK.name
    assert found.roles_by_tenant == dict.fromkeys(("herten", "musterstadt"), "sachbearbeitung")
    assert (found.active_tenant, found.app_grants, found.kind) == ("herten", None, "person")
    assert found.subject and found.subject != CLERK.username


def test_the_server_keeps_what_it_needs_and_shows_none_of_it(
    house: House, browser: Browser
) -> None:
    tokens = house.sign_in(browser, CLERK).tokens
    assert tokens.refresh_token and tokens.id_token and tokens.provider_sid
    assert tokens.access_expires_at == pytest.approx(time.time() + 300, abs=20)
    for secret in (tokens.access_token, tokens.id_token, tokens.refresh_token):
        assert secret not in repr(tokens)


def test_apps_may_be_granted_one_by_one(house: House, browser: Browser) -> None:
    assert house.sign_in(browser, GRANTED).principal.app_grants == frozenset({"sovia"})


def test_no_e_mail_address_is_asked_for(house: House, browser: Browser) -> None:
    tokens = house.sign_in(browser, CLERK).tokens
    assert "email" not in claims(tokens.access_token) | claims(tokens.id_token)
    assert "email" not in house.begin()[0]


def test_without_a_role_nobody_gets_in_and_may_try_another_account(
    house: House, browser: Browser
) -> None:
    with pytest.raises(RoleMissing, match="keine Rolle"):
        house.sign_in(browser, NOBODY)
    assert_asked_again(house, browser)


def test_the_login_leads_back_to_the_page(house: House, browser: Browser) -> None:
    url, binding = house.begin("/sovia?tab=karte")
    assert house.finish(browser.answer(url, CLERK), binding).next_path == "/sovia?tab=karte"


def test_a_wrong_password_does_not_get_in(house: House, browser: Browser) -> None:
    with pytest.raises(SignInPage):
        browser.go(house.begin()[0], CLERK, password="wrong")
    house.sign_in(browser, CLERK)


def test_after_five_wrong_passwords_the_right_one_is_refused(
    house: House, browser: Browser
) -> None:
    for _ in range(5):
        with pytest.raises(SignInPage):
            browser.go(house.begin()[0], LOCKED, password="wrong")
    with pytest.raises(SignInPage):
        browser.go(house.begin()[0], LOCKED)


# --- what must not work ---------------------------------------------------------------------


def test_a_wrong_pkce_secret_is_refused(house: House, browser: Browser) -> None:
    answer = browser.answer(house.begin()[0], CLERK)
    with pytest.raises(GrantRefused):
        keycloak.exchange_code(house.settings, only(answer, "code"), "x" * 43)


def test_a_login_without_pkce_is_refused(house: House, browser: Browser) -> None:
    url, binding = house.begin()
    url = without(url, "code_challenge", "code_challenge_method")
    assert_failed("provider_said_no", lambda: house.finish(browser.answer(url), binding))


def test_plain_pkce_is_refused(house: House, browser: Browser) -> None:
    url, binding = house.begin()
    url = without(url, code_challenge_method="plain")
    assert_failed("provider_said_no", lambda: house.finish(browser.answer(url), binding))


def test_a_code_without_its_pkce_secret_is_refused(house: House, browser: Browser) -> None:
    answer = browser.answer(house.begin()[0], CLERK)
    with pytest.raises(GrantRefused):
        keycloak.exchange_code(house.settings, only(answer, "code"), "")


def test_a_code_works_once(house: House, browser: Browser) -> None:
    url, binding = house.begin()
    answer = browser.answer(url, CLERK)
    verifier = next(iter(house.logins.waiting.values())).code_verifier
    house.finish(answer, binding)
    with pytest.raises(GrantRefused):
        keycloak.exchange_code(house.settings, only(answer, "code"), verifier)


def test_an_answer_works_once(house: House, browser: Browser) -> None:
    url, binding = house.begin()
    answer = browser.answer(url, CLERK)
    house.finish(answer, binding)
    assert_failed("state", lambda: house.finish(answer, binding))


def test_the_code_of_another_client_is_refused(
    realm: Realm, house: House, browser: Browser
) -> None:
    second = House(realm, SECOND)
    code = only(browser.answer(second.begin()[0], CLERK), "code")
    url, binding = house.begin()
    answer = changed(browser.answer(url), code=code)
    assert_failed("code", lambda: house.finish(answer, binding))


def test_the_code_of_another_login_is_refused(house: House, browser: Browser) -> None:
    """What an attacker would inject into somebody's answer."""
    with Browser() as attacker:
        code = only(attacker.answer(house.begin()[0], GRANTED), "code")
    url, binding = house.begin()
    answer = changed(browser.answer(url, CLERK), code=code)
    assert_failed("code", lambda: house.finish(answer, binding))


def test_an_answer_in_another_browser_is_refused(house: House, browser: Browser) -> None:
    """Otherwise an attacker could sign somebody in to the attacker's account."""
    url, _ = house.begin()
    answer = browser.answer(url, CLERK)
    assert_failed("browser", lambda: house.finish(answer, house.begin()[1]))


def test_another_nonce_is_refused(house: House, browser: Browser) -> None:
    url, binding = house.begin()
    url = without(url, nonce="another-nonce")
    assert_failed("token_nonce", lambda: house.finish(browser.answer(url, CLERK), binding))


def test_an_answer_that_names_another_provider_is_refused(house: House, browser: Browser) -> None:
    url, binding = house.begin()
    answer = changed(browser.answer(url, CLERK), iss="https://evil.example/realms/urbanki")
    assert_failed("iss", lambda: house.finish(answer, binding))


def test_the_name_of_the_provider_may_not_be_left_out(house: House, browser: Browser) -> None:
    assert house.provider.names_itself
    url, binding = house.begin()
    answer = [pair for pair in browser.answer(url, CLERK) if pair[0] != "iss"]
    assert_failed("iss", lambda: house.finish(answer, binding))


def test_a_refusal_of_the_provider_is_no_login(house: House, browser: Browser) -> None:
    url, binding = house.begin()
    answer = browser.answer(without(url, prompt="none"))
    assert only(answer, "error") == "login_required"
    assert_failed("provider_said_no", lambda: house.finish(answer, binding))


@pytest.mark.parametrize(
    "place",
    [
        "https://evil.example/konto/rueckruf",
        f"{RETURN[GALLERY]}/konto/rueckruf/",
        f"{RETURN[GALLERY]}/konto/rueckruf?next=x",
        f"{RETURN[GALLERY]}/konto/rueckruf@evil.example",
        f"{RETURN[SECOND]}/konto/rueckruf",
    ],
)
def test_the_provider_sends_nobody_to_another_place(
    realm: Realm, house: House, browser: Browser, place: str
) -> None:
    end = browser.go(without(house.begin()[0], redirect_uri=place))
    assert end.startswith(f"{realm.issuer}/")


def test_each_token_is_good_for_one_purpose(house: House, browser: Browser) -> None:
    tokens, rules, now = house.sign_in(browser, CLERK).tokens, house.settings.rules, time.time()
    verify_access_token(tokens.access_token, rules, house.key_for, now)
    for other in (tokens.id_token, tokens.refresh_token):
        with pytest.raises(TokenRefused):
            verify_access_token(other, rules, house.key_for, now)
    for other in (tokens.access_token, tokens.id_token):
        with pytest.raises(TokenRefused):
            verify_logout_token(other, rules, house.key_for, now)
    with pytest.raises(TokenRefused):
        verify_id_token(tokens.access_token, rules, house.key_for, now, access_token="", nonce=None)


def test_the_tokens_of_two_people_do_not_go_together(house: House, browser: Browser) -> None:
    one = house.sign_in(browser, CLERK).tokens
    with Browser() as second:
        other = house.sign_in(second, GRANTED).tokens
    mixed = TokenAnswer(one.access_token, one.refresh_token, other.id_token)
    with pytest.raises(SignInFailed):
        check_tokens(house.settings, mixed, house.key_for, time.time(), nonce=None)


def test_the_tokens_of_another_client_are_no_login(
    realm: Realm, house: House, browser: Browser
) -> None:
    other = House(realm, SECOND).sign_in(browser, CLERK).tokens
    answer = TokenAnswer(other.access_token, other.refresh_token, other.id_token)
    for settings in (house.settings, replace(house.settings, other_clients=(SECOND,))):
        assert_failed(
            "token_azp",
            lambda settings=settings: check_tokens(
                settings, answer, house.key_for, time.time(), nonce=None
            ),
        )


# --- renewal --------------------------------------------------------------------------------


def test_a_renewal_gives_new_tokens(house: House, browser: Browser) -> None:
    signed_in = house.sign_in(browser, CLERK)
    before = signed_in.tokens
    session, after = renewed(house, signed_in)
    assert session.tokens == after
    assert session.principal == signed_in.principal
    assert after.access_token != before.access_token
    assert after.refresh_token != before.refresh_token
    assert after.provider_sid == before.provider_sid
    verify_access_token(after.access_token, house.settings.rules, house.key_for, time.time())


def test_a_used_refresh_token_is_refused(house: House, browser: Browser) -> None:
    signed_in = house.sign_in(browser, CLERK)
    renewed(house, signed_in)
    with pytest.raises(GrantRefused):
        keycloak.refresh(house.settings, signed_in.tokens.refresh_token)


def test_the_refresh_token_of_another_client_is_refused(
    realm: Realm, house: House, browser: Browser
) -> None:
    other = House(realm, SECOND).sign_in(browser, CLERK).tokens
    with pytest.raises(GrantRefused):
        keycloak.refresh(house.settings, other.refresh_token)


def test_ten_requests_at_once_cause_one_renewal(
    house: House, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in = house.sign_in(browser, CLERK)
    session = almost_over(signed_in)
    calls: list[str] = []
    found: list[ProviderTokens] = []
    refresh = keycloak.refresh

    def counted(settings: OidcSettings, refresh_token: str) -> TokenAnswer:
        calls.append(refresh_token)
        time.sleep(0.3)
        return refresh(settings, refresh_token)

    monkeypatch.setattr(keycloak, "refresh", counted)

    def ask() -> None:
        found.append(fresh(house, session, signed_in.principal.subject))

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert calls == [signed_in.tokens.refresh_token]
    assert found == [session.tokens] * 10
    keycloak.refresh(house.settings, found[0].refresh_token)


def test_a_changed_role_comes_with_the_next_renewal(
    realm: Realm, house: House, browser: Browser
) -> None:
    signed_in = house.sign_in(browser, CHANGED)
    assert signed_in.principal.role == "admin"
    realm.give_roles(CHANGED, ("viewer",))
    session, _ = renewed(house, signed_in)
    assert isinstance(session.principal, Principal)
    assert session.principal.role == "viewer"


def test_the_session_of_somebody_who_was_locked_out_ends(
    realm: Realm, house: House, browser: Browser
) -> None:
    signed_in = house.sign_in(browser, DISABLED)
    session = almost_over(signed_in)
    realm.disable(DISABLED)
    with pytest.raises(NotSignedIn):
        fresh(house, session, signed_in.principal.subject)
    assert session.tokens is None


def test_tokens_of_somebody_else_end_the_session(house: House, browser: Browser) -> None:
    signed_in = house.sign_in(browser, CLERK)
    session = almost_over(signed_in)
    with pytest.raises(NotSignedIn):
        fresh(house, session, "somebody else")
    assert session.tokens is None


# --- one login for all ----------------------------------------------------------------------


def test_a_second_client_asks_nobody_again(realm: Realm, house: House, browser: Browser) -> None:
    first = house.sign_in(browser, CLERK)
    second = House(realm, SECOND).sign_in(browser)
    assert browser.forms == 1
    assert second.principal.subject == first.principal.subject


def test_a_second_process_asks_nobody_again(realm: Realm, house: House, browser: Browser) -> None:
    first = house.sign_in(browser, CLERK)
    second = House(realm).sign_in(browser)
    assert browser.forms == 1
    assert second.principal == first.principal


def test_a_second_login_leaves_the_first_one_alone(house: House, browser: Browser) -> None:
    first = house.sign_in(browser, CLERK)
    second = house.sign_in(browser)
    _, tokens = renewed(house, first)
    assert tokens.refresh_token not in (first.tokens.refresh_token, second.tokens.refresh_token)


def test_logins_in_two_tabs_do_not_end_each_other(house: House, browser: Browser) -> None:
    first_url, binding = house.begin("/sovia")
    second_url, same = house.begin("/aviary", binding)
    assert same == binding
    first, second = browser.answer(first_url, CLERK), browser.answer(second_url)
    assert house.finish(second, binding).next_path == "/aviary"
    assert house.finish(first, binding).next_path == "/sovia"


# --- logout ---------------------------------------------------------------------------------


def test_a_logout_ends_the_session_at_the_provider(house: House, browser: Browser) -> None:
    tokens = house.sign_in(browser, CLERK).tokens
    assert sign_out(house.settings, house.provider, tokens) is None
    with pytest.raises(GrantRefused):
        keycloak.refresh(house.settings, tokens.refresh_token)
    assert_asked_again(house, browser)


def test_without_a_logout_the_provider_signs_in_silently(house: House, browser: Browser) -> None:
    """Why ending only our own session is none."""
    house.sign_in(browser, CLERK)
    house.sign_in(browser)
    assert browser.forms == 1


@pytest.mark.parametrize("token", ["", "invented", "a.b.c"])
def test_a_logout_that_the_provider_refuses_is_said(house: House, token: str) -> None:
    assert not keycloak.end_session(house.settings, token)


def test_the_browser_can_sign_out_itself(house: House, browser: Browser) -> None:
    tokens = house.sign_in(browser, CLERK).tokens
    url = sign_out(house.settings, house.provider, replace(tokens, refresh_token="lost"))
    assert url is not None
    end = browser.go(url)
    assert end.partition("?")[0] == house.settings.post_logout_uri
    with pytest.raises(GrantRefused):
        keycloak.refresh(house.settings, tokens.refresh_token)
    assert_asked_again(house, browser)


def test_a_logout_leads_to_no_other_place(realm: Realm, house: House, browser: Browser) -> None:
    tokens = house.sign_in(browser, CLERK).tokens
    url = logout_url(house.settings, house.provider, tokens.id_token)
    end = browser.go(without(url, post_logout_redirect_uri="https://evil.example/"))
    assert end.startswith(f"{realm.issuer}/")


def test_a_logout_of_another_client_is_reported(
    no_notices: Realm, house: House, browser: Browser
) -> None:
    ours = house.sign_in(browser, CLERK)
    theirs = House(no_notices, SECOND).sign_in(browser)
    assert keycloak.end_session(settings_of(no_notices, SECOND), theirs.tokens.refresh_token)
    notice = read(house, no_notices.notices.get(timeout=NOTICE_WITHIN_S))
    assert notice.provider_sid == ours.tokens.provider_sid
    assert notice.subject in ("", ours.principal.subject)


def test_a_logout_of_the_browser_is_reported(
    no_notices: Realm, house: House, browser: Browser
) -> None:
    ours = house.sign_in(browser, CLERK)
    browser.go(logout_url(house.settings, house.provider, ours.tokens.id_token))
    notice = read(house, no_notices.notices.get(timeout=NOTICE_WITHIN_S))
    assert notice.provider_sid == ours.tokens.provider_sid


def test_a_report_counts_once_and_for_nothing_else(
    no_notices: Realm, house: House, browser: Browser
) -> None:
    ours, used = house.sign_in(browser, CLERK), Used()
    browser.go(logout_url(house.settings, house.provider, ours.tokens.id_token))
    sent = no_notices.notices.get(timeout=NOTICE_WITHIN_S)
    read(house, sent, used)
    with pytest.raises(TokenRefused, match="replay"):
        read(house, sent, used)
    token, rules, now = (
        dict(parse_qsl(sent.body.decode()))["logout_token"],
        house.settings.rules,
        time.time(),
    )
    with pytest.raises(TokenRefused):
        verify_access_token(token, rules, house.key_for, now)
    with pytest.raises(TokenRefused):
        verify_id_token(token, rules, house.key_for, now, access_token="", nonce=None)
    foreign = House(no_notices, SECOND)
    with pytest.raises(TokenRefused, match="aud"):
        read(foreign, sent)


# --- jobs and single calls ------------------------------------------------------------------


def test_jobs_have_their_own_role(house: House) -> None:
    source = JobsToken(house.settings, house.key_for)
    token = source.token()
    found = verify_access_token(token, house.settings.rules, house.key_for, time.time())
    principal = principal_of(found, house.settings.rules)
    assert (principal.kind, principal.role, found["azp"]) == ("service", "service", JOBS)
    assert source.token() == token
    assert source.renew() != token


def test_the_token_of_jobs_is_no_login(house: House) -> None:
    answer = keycloak.jobs_token(house.settings)
    assert_failed(
        "token_azp",
        lambda: check_tokens(house.settings, answer, house.key_for, time.time(), nonce=None),
    )


def test_a_wrong_client_secret_is_a_fault_of_ours_and_ends_no_session(
    house: House, browser: Browser
) -> None:
    tokens = house.sign_in(browser, CLERK).tokens
    settings = replace(house.settings, client_secret="wrong" * 10)
    with pytest.raises(SignInServiceDown):
        keycloak.refresh(settings, tokens.refresh_token)
    keycloak.refresh(house.settings, tokens.refresh_token)


def test_a_new_client_asks_about_the_person_of_its_token(house: House, browser: Browser) -> None:
    signed_in = house.sign_in(browser, CLERK)
    info = keycloak.open_client(house.settings).userinfo(signed_in.tokens.access_token)
    assert isinstance(info, dict)
    assert info["sub"] == signed_in.principal.subject


def test_the_address_of_a_login_holds_no_secret_of_ours(house: House) -> None:
    url, binding = house.begin("/sovia?tab=karte")
    login = next(iter(house.logins.waiting.values()))
    for secret in (house.settings.client_secret, binding, login.code_verifier, "sovia"):
        assert secret not in url
    assert re.search(r"[?&]code_challenge_method=S256(&|$)", url)
