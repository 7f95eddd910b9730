"""Attacks on the way back from the provider, on renewal and on the back channel, without one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from hypothesis import given, strategies as st

from shared.auth import keycloak
from shared.auth.backchannel import MAX_BODY_BYTES, read_logout
from shared.auth.discovery import Provider
from shared.auth.jobs_token import JobsToken
from shared.auth.keycloak import GrantRefused, TokenAnswer
from shared.auth.next_path import safe_next
from shared.auth.oidc_flow import (
    PENDING_S,
    SignedIn,
    begin_login,
    check_tokens,
    finish_login,
    logout_url,
    sign_out,
)
from shared.auth.oidc_settings import OidcSettings
from shared.auth.provider_session import ProviderTokens
from shared.auth.refreshing import LONGEST_WAIT_S, RENEW_BELOW_S, fresh_tokens, renewal
from shared.contracts.identity.principal import Principal
from shared.contracts.identity.provider_tokens import LogoutNotice
from shared.contracts.identity.signed import TokenRefused, TrustedKey
from shared.errors import (
    NotSignedIn,
    RoleMissing,
    SignInFailed,
    SignInServiceDown,
    UrbanKiError,
)
from tests.oidc.forge import (
    ACCESS,
    CLIENT,
    IDENTITY,
    ISSUER,
    JOBS,
    LOGOUT,
    LOGOUT_HEADER,
    NOW,
    RULES,
    changed,
    key_for,
    token,
)
from tests.oidc.memory import Logins, Session, Used
from tests.timing import PATIENCE_S

SETTINGS = OidcSettings(
    issuer=ISSUER,
    client_id=CLIENT,
    client_secret="secret-of-the-client",
    redirect_uri="https://galerie.example/konto/rueckruf",
    post_logout_uri="https://galerie.example/konto/anmelden",
    jobs_secret="secret-of-jobs",
)
PROVIDER = Provider(f"{ISSUER}/auth", f"{ISSUER}/logout", names_itself=False)
KEY_FOR = key_for()
AT = "@"
"""By itself: an address with a password in it may stand in no file."""


class House:
    """The gallery's side; what the provider hands out is set by the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.logins = Logins()
        self.answers: Callable[[str], TokenAnswer] = self.right_answer
        self.exchanged: list[tuple[str, str]] = []
        self.ended: list[str] = []
        self.nonce = ""
        monkeypatch.setattr(keycloak, "exchange_code", self._exchange)
        monkeypatch.setattr(keycloak, "end_session", self._end)

    def right_answer(self, _: str) -> TokenAnswer:
        return TokenAnswer(token(), "refresh-1", token({**IDENTITY, "nonce": self.nonce}))

    def begin(self, next_path: str = "/", binding: str = "") -> tuple[dict[str, str], str]:
        start = begin_login(
            SETTINGS,
            PROVIDER,
            self.logins,
            next_path=next_path,
            browser_binding=binding,
            now=NOW,
        )
        query = {name: value for name, (value,) in parse_qs(urlsplit(start.url).query).items()}
        self.nonce = query["nonce"]
        return query, start.browser_binding

    def finish(
        self,
        answer: dict[str, str] | list[tuple[str, str]],
        binding: str,
        now: float = NOW,
        provider: Provider = PROVIDER,
    ) -> SignedIn:
        pairs = list(answer.items()) if isinstance(answer, dict) else answer
        return finish_login(
            SETTINGS,
            provider,
            self.logins,
            KEY_FOR,
            answer=pairs,
            browser_binding=binding,
            now=now,
        )

    def why(self, *arguments: Any, **named: Any) -> str:
        with pytest.raises(SignInFailed) as refused:
            self.finish(*arguments, **named)
        assert "noch einmal" in refused.value.remedy
        return str(refused.value.details["reason"])

    def _exchange(self, _: OidcSettings, code: str, verifier: str) -> TokenAnswer:
        self.exchanged.append((code, verifier))
        return self.answers(code)

    def _end(self, _: OidcSettings, refresh_token: str) -> bool:
        self.ended.append(refresh_token)
        return True


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    return House(monkeypatch)


def test_a_login_comes_to_its_end(house: House) -> None:
    query, binding = house.begin("/sovia")
    found = house.finish({"state": query["state"], "code": "c-1"}, binding)
    assert (found.principal.subject, found.next_path) == ("f1e2", "/sovia")
    assert found.tokens == ProviderTokens(
        "s-1", token({**IDENTITY, "nonce": query["nonce"]}), token(), NOW + 300, "refresh-1"
    )
    assert house.exchanged[0][0] == "c-1"
    assert house.ended == []


def test_every_login_has_its_own_secrets(house: House) -> None:
    seen: set[str] = set()
    for _ in range(20):
        query, binding = house.begin()
        seen |= {query["state"], query["nonce"], query["code_challenge"], binding}
    assert len(seen) == 80
    assert all(len(value) == 43 for value in seen)
    assert seen & house.logins.waiting.keys() == set(), "only hashes are kept"


def test_the_address_is_well_formed(house: House) -> None:
    query, _ = house.begin()
    assert query["redirect_uri"] == SETTINGS.redirect_uri
    assert query["scope"] == "openid profile"
    assert (query["response_type"], query["client_id"]) == ("code", CLIENT)
    assert query["code_challenge_method"] == "S256"


def test_a_cookie_of_another_form_is_replaced(house: House) -> None:
    for bad in ("", "short", "x" * 44, "ä" * 43, "x" * 42 + "\n"):
        assert house.begin(binding=bad)[1] != bad
    good = house.begin()[1]
    assert house.begin(binding=good)[1] == good


@pytest.mark.parametrize(
    "state", ["", "x" * 43, "short", "x" * 10_000, "ä" * 43, "\x00", "' OR 1=1", "\udcff"]
)
def test_an_unknown_state_is_refused(house: House, state: str) -> None:
    _, binding = house.begin()
    assert house.why({"state": state, "code": "c"}, binding) == "state"
    assert house.why({"code": "c"}, binding) == "state"
    assert house.exchanged == []


def test_a_state_counts_once_even_after_a_failure(house: House) -> None:
    query, binding = house.begin()
    answer = {"state": query["state"], "code": "c"}
    assert house.why(answer, "another browser") == "browser"
    assert house.why(answer, binding) == "state"
    assert house.exchanged == []


@pytest.mark.parametrize("cookie", ["", "x" * 43, "\udcff"])
def test_another_browser_is_refused(house: House, cookie: str) -> None:
    query, _ = house.begin()
    assert house.why({"state": query["state"], "code": "c"}, cookie) == "browser"


def test_a_login_waits_ten_minutes(house: House) -> None:
    query, binding = house.begin()
    late = NOW + PENDING_S + 1
    assert house.why({"state": query["state"], "code": "c"}, binding, now=late) == "late"
    query, binding = house.begin()
    past = NOW - 1
    assert house.why({"state": query["state"], "code": "c"}, binding, now=past) == "late"


@pytest.mark.parametrize("name", ["state", "code", "iss", "error"])
def test_a_name_that_stands_twice_is_refused(house: House, name: str) -> None:
    query, binding = house.begin()
    right = {"state": query["state"], "code": "c", "iss": ISSUER}
    pairs = [*right.items(), (name, right.get(name, "x")), (name, "other")]
    assert house.why(pairs, binding) == "repeated"


@pytest.mark.parametrize(
    "issuer", ["", f"{ISSUER}/", "https://evil.example/realms/urbanki", ISSUER.upper()]
)
def test_another_provider_is_refused(house: House, issuer: str) -> None:
    query, binding = house.begin()
    answer = {"state": query["state"], "code": "c", "iss": issuer}
    assert house.why(answer, binding) == "iss"
    assert house.exchanged == []


def test_a_provider_that_names_itself_always_does(house: House) -> None:
    named = replace(PROVIDER, names_itself=True)
    query, binding = house.begin()
    assert house.why({"state": query["state"], "code": "c"}, binding, provider=named) == "iss"
    query, binding = house.begin()
    answer = {"state": query["state"], "code": "c", "iss": ISSUER}
    assert house.finish(answer, binding, provider=named)


@pytest.mark.parametrize(
    "error", ["access_denied", "<script>alert(1)</script>", "a\r\nSet-Cookie: x=1", "", "\u202e"]
)
def test_words_of_a_refusal_are_never_shown(house: House, error: str) -> None:
    query, binding = house.begin()
    answer = {"state": query["state"], "error": error, "error_description": error, "code": "c"}
    with pytest.raises(SignInFailed) as refused:
        house.finish(answer, binding)
    shown = f"{refused.value}{refused.value.remedy}{refused.value.details}"
    assert not error or error not in shown
    assert house.exchanged == []


@pytest.mark.parametrize("code", ["", " ", "a b", "ä", "a\r\nb", "\x00", "x" * 2049])
def test_a_code_of_another_form_is_refused(house: House, code: str) -> None:
    query, binding = house.begin()
    assert house.why({"state": query["state"], "code": code}, binding) == "code_form"
    assert house.exchanged == []


def test_a_code_that_the_provider_refuses_is_no_login(house: House) -> None:
    def refuse(_: str) -> TokenAnswer:
        raise GrantRefused("invalid_grant")

    house.answers = refuse
    query, binding = house.begin()
    assert house.why({"state": query["state"], "code": "c"}, binding) == "code"
    assert house.ended == []


def answers(
    access: dict[str, Any] | None = None, identity: dict[str, Any] | None = None
) -> Callable[[House], TokenAnswer]:
    def make(house: House) -> TokenAnswer:
        claims = changed({**IDENTITY, "nonce": house.nonce}, **(identity or {}))
        return TokenAnswer(token(changed(ACCESS, **(access or {}))), "refresh-1", token(claims))

    return make


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (answers(identity={"nonce": "other"}), "token_nonce"),
        (answers(identity={"nonce": ...}), "token_nonce"),
        (answers(identity={"sub": "other"}), "token_sub"),
        (answers(identity={"aud": "other"}), "token_aud"),
        (answers(identity={"iss": f"{ISSUER}/"}), "token_iss"),
        (answers(identity={"at_hash": "x"}), "token_at_hash"),
        (answers(access={"aud": "account"}), "token_aud"),
        (answers(access={"azp": "other"}), "token_azp"),
        (answers(access={"azp": JOBS}), "token_azp"),
        (answers(access={"exp": int(NOW) - 60}), "token_exp"),
        (lambda _: TokenAnswer(token(), "refresh-1", ""), "token_form"),
        (lambda _: TokenAnswer("garbage", "refresh-1", token(IDENTITY)), "token_form"),
        (lambda _: TokenAnswer(token(IDENTITY), "refresh-1", token(IDENTITY)), "token_typ"),
    ],
)
def test_tokens_that_are_not_right_are_no_login_and_end_at_the_provider(
    house: House, make: Callable[[House], TokenAnswer], reason: str
) -> None:
    house.answers = lambda _: make(house)
    query, binding = house.begin()
    assert house.why({"state": query["state"], "code": "c"}, binding) == reason
    assert house.ended == ["refresh-1"]


@pytest.mark.parametrize("access", [{"realm_access": ...}, {"groups": ...}, {"groups": []}])
def test_a_lightweight_token_gives_no_access(house: House, access: dict[str, Any]) -> None:
    house.answers = lambda _: answers(access)(house)
    query, binding = house.begin()
    with pytest.raises(RoleMissing) as refused:
        house.finish({"state": query["state"], "code": "c"}, binding)
    assert str(refused.value) == "Ihr Konto hat keine Rolle."
    assert refused.value.remedy == "Bitte wenden Sie sich an Ihre Administration."
    assert house.ended == ["refresh-1"]


def test_without_keys_nobody_is_let_in(house: House) -> None:
    def missing(_: str) -> TrustedKey:
        raise SignInServiceDown(reason="jwks_missing")

    query, binding = house.begin()
    with pytest.raises(SignInServiceDown):
        finish_login(
            SETTINGS,
            PROVIDER,
            house.logins,
            missing,
            answer=[("state", query["state"]), ("code", "c")],
            browser_binding=binding,
            now=NOW,
        )
    assert house.ended == ["refresh-1"]


def test_nothing_secret_is_shown(house: House) -> None:
    query, binding = house.begin()
    login = next(iter(house.logins.waiting.values()))
    verifier = login.code_verifier
    found = house.finish({"state": query["state"], "code": "c"}, binding)
    shown = f"{login}{found}{SETTINGS}"
    for secret in (verifier, query["nonce"], binding, "refresh-1", token(), "secret-of"):
        assert secret not in shown


def test_a_logout_of_the_browser_names_the_session(house: House) -> None:
    query = parse_qs(urlsplit(logout_url(SETTINGS, PROVIDER, "a.b.c")).query)
    assert query == {
        "id_token_hint": ["a.b.c"],
        "client_id": [CLIENT],
        "post_logout_redirect_uri": [SETTINGS.post_logout_uri],
    }


@pytest.mark.parametrize("works", [True, False])
def test_a_logout_goes_over_the_browser_only_if_it_must(
    house: House, monkeypatch: pytest.MonkeyPatch, works: bool
) -> None:
    used: list[str] = []
    monkeypatch.setattr(keycloak, "end_session", lambda _, token: used.append(token) or works)
    expected = None if works else logout_url(SETTINGS, PROVIDER, "id-1")
    assert sign_out(SETTINGS, PROVIDER, kept(30)) == expected
    assert used == ["refresh-1"]


# --- where a login leads --------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "//evil",
        "///evil",
        "https://evil",
        f"http://localhost:8501{AT}evil",
        "http:evil",
        "/.evil",
        ".evil",
        "@evil",
        "evil",
        "\\\\evil",
        "/\\evil",
        "/%5cevil",
        "javascript:alert(1)",
        "/javascript:alert(1)",
        "data:text/html,x",
        "%2f%2fevil",
        "/%2fevil",
        "/%2f%2fevil",
        "https://еvil",
        "/еvil",
        "http://localhost:0/",
        ":0",
        "/a/b",
        "/../a",
        "/a\r\nLocation: x",
        "/a\n",
        "/a\x00",
        "/A",
        "/" + "a" * 41,
        "/a?" + "x" * 501,
        "/a?x=<script>",
        "/a?x=//evil?y",
        "/a#x",
        "/a?x='",
        " /a",
        "",
    ],
)
def test_a_login_leads_to_no_other_place(house: House, path: str) -> None:
    assert safe_next(path) == "/"
    house.begin(path)
    assert next(iter(house.logins.waiting.values())).next_path == "/"


@pytest.mark.parametrize("path", ["/", "/sovia", "/dataspace?layer=roofs&view=1", "/a?x=%C3%A4"])
def test_a_login_leads_back_to_a_page(path: str) -> None:
    assert safe_next(path) == path


@given(st.text(max_size=60) | st.from_regex(r"[/\\@:.%a-z]{0,20}", fullmatch=True))
def test_whatever_is_written_stays_on_this_host(path: str) -> None:
    parts = urlsplit(safe_next(path))
    assert (parts.scheme, parts.netloc) == ("", "")
    assert safe_next(path).startswith("/")
    assert not safe_next(path).startswith(("//", "/\\"))


# --- renewal --------------------------------------------------------------------------------

PRINCIPAL = Principal("f1e2", "Anna", {"musterstadt": "viewer"}, "musterstadt")


class Clock:
    """Runs only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = NOW
        self.sleeps = 0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.sleeps += 1


def kept(left_s: float, name: str = "1") -> ProviderTokens:
    return ProviderTokens("s-1", f"id-{name}", f"access-{name}", NOW + left_s, f"refresh-{name}")


class Provides:
    """A provider that hands out tokens, or an error."""

    def __init__(self, error: Exception | None = None, left_s: float = 300) -> None:
        self.error = error
        self.left_s = left_s
        self.used: list[str] = []

    def __call__(self, tokens: ProviderTokens) -> tuple[ProviderTokens, Principal]:
        self.used.append(tokens.refresh_token)
        if self.error is not None:
            raise self.error
        return kept(self.left_s, f"{len(self.used) + 1}"), PRINCIPAL


def get(session: Session, renew: Provides, clock: Clock | None = None) -> ProviderTokens:
    clock = clock or Clock()
    return fresh_tokens(session, renew, clock=clock, sleep=clock.sleep)


def test_good_tokens_are_left_alone() -> None:
    session, renew = Session(kept(RENEW_BELOW_S)), Provides()
    session.locked_until = NOW + 30
    clock = Clock()
    assert get(session, renew, clock) == kept(RENEW_BELOW_S)
    assert (renew.used, clock.sleeps) == ([], 0), "nobody waits for a lock"


@pytest.mark.parametrize("left_s", [RENEW_BELOW_S - 0.1, 0, -3600])
def test_tokens_are_renewed_sixty_seconds_before_their_end(left_s: float) -> None:
    session, renew = Session(kept(left_s)), Provides()
    assert get(session, renew) == kept(300, "2")
    assert (session.tokens, session.principal) == (kept(300, "2"), PRINCIPAL)
    assert (renew.used, session.locked_until) == (["refresh-1"], 0.0)


@pytest.mark.parametrize(
    "error", [GrantRefused("x"), SignInFailed(reason="token_aud"), RoleMissing()]
)
def test_a_refusal_ends_the_session(error: Exception) -> None:
    session = Session(kept(30))
    with pytest.raises(NotSignedIn):
        get(session, Provides(error))
    assert session.tokens is None
    with pytest.raises(NotSignedIn):
        get(session, Provides())


def test_a_network_failure_leaves_the_session_alone_until_its_token_ends() -> None:
    session, down = Session(kept(30)), Provides(SignInServiceDown(reason="x"))
    assert get(session, down) == kept(30)
    assert (session.tokens, session.locked_until) == (kept(30), 0.0)
    session = Session(kept(0))
    with pytest.raises(NotSignedIn):
        get(session, down)
    assert session.tokens is None


def test_an_unforeseen_fault_gives_the_lock_back() -> None:
    session = Session(kept(30))
    with pytest.raises(ZeroDivisionError):
        get(session, Provides(ZeroDivisionError()))
    assert (session.tokens, session.locked_until) == (kept(30), 0.0)


def test_another_process_is_waited_for() -> None:
    session, renew, clock = Session(kept(30)), Provides(), Clock()
    session.locked_until = NOW + 30

    def other(seconds: float) -> None:
        clock.sleep(seconds)
        if clock.sleeps == 3:
            session.store(kept(300, "other"), PRINCIPAL)

    assert fresh_tokens(session, renew, clock=clock, sleep=other) == kept(300, "other")
    assert renew.used == []


def test_a_session_that_ends_meanwhile_is_no_session() -> None:
    session, clock = Session(kept(30)), Clock()
    session.locked_until = NOW + 30

    def other(seconds: float) -> None:
        clock.sleep(seconds)
        session.end()

    with pytest.raises(NotSignedIn):
        fresh_tokens(session, Provides(), clock=clock, sleep=other)


def test_nobody_waits_longer_than_five_seconds() -> None:
    session, clock = Session(kept(30)), Clock()
    session.locked_until = NOW + 30
    assert get(session, Provides(), clock) == kept(30)
    assert clock.now - NOW == pytest.approx(LONGEST_WAIT_S, abs=0.1)
    session = Session(kept(-1))
    session.locked_until = NOW + 30
    with pytest.raises(SignInServiceDown):
        get(session, Provides())
    assert session.tokens == kept(-1), "the other process may still succeed"


def test_the_lock_of_a_process_that_died_runs_out() -> None:
    session, renew = Session(kept(30)), Provides()
    session.locked_until = NOW + 2
    assert get(session, renew) == kept(300, "2")


def test_who_gets_the_lock_late_does_not_renew_again() -> None:
    session, renew = Session(kept(30)), Provides()
    try_lock = session.try_lock

    def slow_lock(now: float, until: float) -> bool:
        session.store(kept(300, "other"), PRINCIPAL)
        return try_lock(now, until)

    session.try_lock = slow_lock  # type: ignore[method-assign]
    assert get(session, renew) == kept(300, "other")
    assert (renew.used, session.locked_until) == ([], 0.0)


@pytest.mark.parametrize("left_s", [300, 20])
def test_ten_requests_at_once_renew_once(left_s: float) -> None:
    """Also where the provider's tokens are never good for 60 s."""
    session, renew = Session(kept(30)), Provides(left_s=left_s)
    ready = threading.Barrier(10)
    found: list[ProviderTokens] = []

    def slow(tokens: ProviderTokens) -> tuple[ProviderTokens, Principal]:
        time.sleep(0.2)
        return renew(tokens)

    def ask() -> None:
        ready.wait(PATIENCE_S)
        found.append(fresh_tokens(session, slow, clock=lambda: NOW, sleep=time.sleep))

    threads = [threading.Thread(target=ask) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert renew.used == ["refresh-1"]
    assert found == [kept(left_s, "2")] * 10


def renewed(monkeypatch: pytest.MonkeyPatch, answer: TokenAnswer, subject: str = "f1e2") -> Any:
    monkeypatch.setattr(keycloak, "refresh", lambda *_: answer)
    return renewal(SETTINGS, KEY_FOR, subject, lambda: NOW)(kept(30))


def test_an_answer_without_an_id_token_keeps_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    access = token(changed(ACCESS, sid=...))
    tokens, principal = renewed(monkeypatch, TokenAnswer(access, "", ""))
    assert tokens == ProviderTokens("s-1", "id-1", access, NOW + 300, "refresh-1")
    assert principal.subject == "f1e2"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (TokenAnswer(token(changed(ACCESS, sub="other")), "r", ""), SignInFailed),
        (TokenAnswer(token(changed(ACCESS, realm_access=...)), "r", ""), RoleMissing),
        (TokenAnswer(token(changed(ACCESS, aud="account")), "r", ""), SignInFailed),
        (TokenAnswer(token(), "r", token(changed(IDENTITY, sub="other"))), SignInFailed),
        (TokenAnswer(token(), "r", "garbage"), SignInFailed),
    ],
)
def test_renewed_tokens_are_checked_like_new_ones(
    monkeypatch: pytest.MonkeyPatch, answer: TokenAnswer, error: type[UrbanKiError]
) -> None:
    with pytest.raises(error):
        renewed(monkeypatch, answer)


def test_a_number_of_the_provider_is_no_session_name() -> None:
    answer = TokenAnswer(token(), "r", token(changed(IDENTITY, sid=7)))
    _, tokens = check_tokens(SETTINGS, answer, KEY_FOR, NOW, nonce="n-1")
    assert tokens.provider_sid == ""


# --- jobs -----------------------------------------------------------------------------------


def test_the_token_of_jobs_is_renewed_a_minute_before_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, calls = Clock(), []

    def hand_out(_: OidcSettings) -> TokenAnswer:
        calls.append(clock.now)
        claims = changed(ACCESS, azp=JOBS, iat=int(clock.now), exp=int(clock.now) + 300)
        return TokenAnswer(token(claims), "", "")

    monkeypatch.setattr(keycloak, "jobs_token", hand_out)
    source = JobsToken(SETTINGS, KEY_FOR, clock=clock)
    for clock.now in (NOW, NOW + 239, NOW + 240, NOW + 300):
        source.token()
    assert calls == [NOW, NOW + 240]
    source.renew()
    assert len(calls) == 3


@pytest.mark.parametrize("claims", [ACCESS, changed(ACCESS, azp=JOBS, aud="account")])
def test_jobs_take_no_other_token(monkeypatch: pytest.MonkeyPatch, claims: dict[str, Any]) -> None:
    monkeypatch.setattr(keycloak, "jobs_token", lambda _: TokenAnswer(token(claims), "", ""))
    with pytest.raises(SignInServiceDown):
        JobsToken(SETTINGS, KEY_FOR, clock=lambda: NOW).token()


def test_jobs_that_are_refused_have_no_service(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: OidcSettings) -> TokenAnswer:
        raise GrantRefused("invalid_grant")

    monkeypatch.setattr(keycloak, "jobs_token", refuse)
    with pytest.raises(SignInServiceDown):
        JobsToken(SETTINGS, KEY_FOR, clock=lambda: NOW).token()


# --- back channel ---------------------------------------------------------------------------

FORM = "application/x-www-form-urlencoded"
REPORT = token(LOGOUT, LOGOUT_HEADER)


def report(
    body: bytes | None = None,
    method: str = "POST",
    content_type: str = FORM,
    used: Used | None = None,
) -> LogoutNotice:
    return read_logout(
        method,
        content_type,
        urlencode({"logout_token": REPORT}).encode() if body is None else body,
        rules=RULES,
        key_for=KEY_FOR,
        used=Used() if used is None else used,
        now=NOW,
    )


def test_a_report_names_whose_session_has_ended() -> None:
    used = Used()
    notice = report(content_type=f"{FORM}; charset=UTF-8", used=used)
    assert (notice.subject, notice.provider_sid) == ("f1e2", "s-1")
    assert used.names == {"j-1": NOW + 130}
    assert report(urlencode({"logout_token": REPORT, "more": ""}).encode())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"method": "GET"}, "request"),
        ({"method": "PUT"}, "request"),
        ({"content_type": "application/json"}, "request"),
        ({"content_type": ""}, "request"),
        ({"body": b""}, "form"),
        ({"body": b"logout_token"}, "form"),
        ({"body": b"logout_token="}, "form"),
        ({"body": b"\xff=1"}, "form"),
        ({"body": b"a=1&" * 11 + b"logout_token=x"}, "form"),
        ({"body": f"logout_token={REPORT}&logout_token={REPORT}".encode()}, "form"),
        ({"body": b"logout_token=" + b"x" * 2**20}, "size"),
        ({"body": b"x" * (MAX_BODY_BYTES + 1)}, "size"),
        ({"body": b"logout_token=a.b.c"}, "header"),
    ],
)
def test_a_report_of_another_form_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(TokenRefused) as refused:
        report(**change)
    assert str(refused.value) == reason


def test_a_report_counts_once_also_of_two_at_once() -> None:
    used, results = Used(), []

    def send() -> None:
        try:
            results.append(report(used=used).token_id)
        except TokenRefused as refused:
            results.append(str(refused))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert sorted(results) == ["j-1"] + ["replay"] * 7


def test_a_refused_report_uses_up_no_name() -> None:
    used = Used()
    forged = token({**LOGOUT, "nonce": "n"}, LOGOUT_HEADER)
    with pytest.raises(TokenRefused):
        report(urlencode({"logout_token": forged}).encode(), used=used)
    assert report(used=used)
