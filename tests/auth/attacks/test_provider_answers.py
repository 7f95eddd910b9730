"""What comes back from the provider, bent on its way: no session begins, none goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from sqlalchemy import Engine, update

from shared.auth.randomness import new_token
from shared.settings import Settings
from shared.store.engine import session_scope
from shared.store.identity_models import SessionRow
from tests.auth.attacks.provider import CERTS, TOKEN, ProviderStack, Realm
from tests.auth.attacks.stack import ATTACKER, assert_nobody
from tests.auth.browsers import Browser, target
from tests.oidc.conftest import stub  # noqa: F401  # fixture
from tests.oidc.forge import (
    EC_KID,
    HEADER,
    JOBS,
    rsa_entry,
    rsa_key,
    with_es256,
    with_mac,
    with_rs256,
)
from tests.oidc.stub_provider import Reply, StubProvider, said


@pytest.fixture
def stack(engine: Engine, settings: Settings, stub: StubProvider) -> Iterator[ProviderStack]:  # noqa: F811
    made = ProviderStack(engine, settings, stub)
    yield made
    made.runner.close()


@pytest.fixture
def browser(stack: ProviderStack) -> Browser:
    return stack.browser()


def another_key(head: bytes) -> bytes:
    return with_rs256(head, "another")


def unsigned(_: bytes) -> bytes:
    return b"x"


def assert_refused(answer: httpx.Response, *statuses: int) -> None:
    assert answer.status_code in statuses, answer.text
    assert "ukg_session=" not in answer.headers.get("set-cookie", "").replace("ukg_session=;", "")


def test_the_right_answer_signs_in(stack: ProviderStack, browser: Browser) -> None:
    """Otherwise nothing here would be an attack."""
    assert target(stack.signs_in(browser)) == ("/sovia", {})
    assert browser.ping() == 204
    assert browser.get("/sovia").text.endswith(" f1e2")


MODULUS = rsa_key("ours").public_key().public_numbers().n.to_bytes(256, "big")
BENT: dict[str, Callable[[Realm], dict[str, str]]] = {
    "identity-unsigned": lambda realm: {
        "id_token": realm.identity(unsigned, {**HEADER, "alg": "none"})
    },
    "identity-of-another-key": lambda realm: {"id_token": realm.identity(another_key)},
    "identity-signed-with-the-public-key": lambda realm: {
        "id_token": realm.identity(with_mac(MODULUS), {**HEADER, "alg": "HS256"})
    },
    "identity-of-an-algorithm-nobody-chose": lambda realm: {
        "id_token": realm.identity(with_es256, {**HEADER, "alg": "ES256", "kid": EC_KID})
    },
    "identity-brings-its-key": lambda realm: {
        "id_token": realm.identity(another_key, {**HEADER, "jwk": rsa_entry(rsa_key("another"))})
    },
    "identity-names-an-address-of-keys": lambda realm: {
        "id_token": realm.identity(another_key, {**HEADER, "jku": f"{realm.stub.base}/keys"})
    },
    "identity-of-another-login": lambda realm: {"id_token": realm.identity(nonce=new_token())},
    "identity-of-another-realm": lambda realm: {
        "id_token": realm.identity(iss=realm.stub.issuer.replace("urbanki", "master"))
    },
    "identity-of-another-client": lambda realm: {"id_token": realm.identity(aud="other-client")},
    "identity-of-another-person": lambda realm: {"id_token": realm.identity(sub="admin")},
    "identity-that-has-ended": lambda realm: {
        "id_token": realm.identity(exp=1_700_000_000, iat=1_699_999_000)
    },
    "identity-missing": lambda _: {"id_token": ""},
    "access-as-identity": lambda realm: {"id_token": realm.access()},
    "identity-as-access": lambda realm: {"access_token": realm.identity()},
    "notice-as-identity": lambda realm: {"id_token": realm.notice()},
    "access-unsigned": lambda realm: {
        "access_token": realm.access(unsigned, {**HEADER, "alg": "None"})
    },
    "access-of-another-key": lambda realm: {"access_token": realm.access(another_key)},
    "access-for-another-server": lambda realm: {"access_token": realm.access(aud="account")},
    "access-of-another-client": lambda realm: {"access_token": realm.access(azp="other-client")},
    "access-of-jobs": lambda realm: {
        "access_token": realm.access(azp=JOBS, realm_access={"roles": ["service"]})
    },
    "access-with-roles-in-a-text": lambda realm: {
        "access_token": realm.access(realm_access={"roles": "admin"})
    },
    "access-without-groups": lambda realm: {"access_token": realm.access(groups=[])},
    "access-too-long": lambda realm: {"access_token": realm.access(more="x" * 20_000)},
}


OTHER_STATUS = {
    "access-with-roles-in-a-text": 403,
    "access-without-groups": 403,
    "access-too-long": 503,
}
"""The person has no role, the provider gives no usable answer; all else is 400."""


@pytest.mark.parametrize("name", BENT)
def test_tokens_that_are_not_right_begin_no_session(
    stack: ProviderStack, browser: Browser, name: str
) -> None:
    asked = stack.begins(browser)
    stack.realm.hands_out(**BENT[name](stack.realm))
    with stack.unchanged():
        answer = stack.comes_back(browser, state=asked["state"])
        assert_refused(answer, OTHER_STATUS.get(name, 400))
    assert browser.ping() == 401
    assert_nobody(stack)


NO_ANSWERS = {
    "error-page": Reply(500, b"<html>error</html>", "text/html"),
    "page-instead-of-tokens": Reply(200, b"<html>sign in</html>", "text/html"),
    "nonsense": Reply(200, b"{"),
    "list": said(["token"]),
    "empty": said({}),
    "numbers": said({"access_token": 1, "id_token": 2, "refresh_token": 3}),
    "redirect": Reply(302, headers={"location": "/elsewhere"}),
    "hangs-up": Reply(None),
}


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_answers_that_are_none_begin_no_session(
    stack: ProviderStack, browser: Browser, name: str
) -> None:
    asked = stack.begins(browser)
    stack.realm.says(TOKEN, NO_ANSWERS[name])
    with stack.unchanged():
        answer = stack.comes_back(browser, state=asked["state"])
        assert_refused(answer, 400, 503)
    assert "<html>sign in" not in answer.text
    assert browser.ping() == 401


@pytest.mark.parametrize(
    "reply",
    [Reply(503), Reply(200, b"<html></html>", "text/html"), said({"keys": []}), Reply(None)],
    ids=["down", "page", "no-keys", "hangs-up"],
)
def test_without_the_provider_s_keys_nobody_gets_in(
    stack: ProviderStack, browser: Browser, reply: Reply
) -> None:
    stack.realm.says(CERTS, reply)
    asked = stack.begins(browser)
    with stack.unchanged():
        assert_refused(stack.comes_back(browser, state=asked["state"]), 400, 503)
    assert browser.ping() == 401


def test_a_planted_cookie_does_not_become_the_session(
    stack: ProviderStack, browser: Browser
) -> None:
    """Fixation: what the attacker has put into the browser opens nothing afterwards."""
    planted = new_token()
    browser.client.cookies.set("ukg_session", planted, "127.0.0.1")
    assert stack.signs_in(browser).status_code == 303
    assert planted not in {cookie.value for cookie in browser.client.cookies.jar if cookie.value}
    assert_nobody(stack, headers={"cookie": f"ukg_session={planted}"})


def test_an_attacker_s_answer_signs_nobody_in_as_the_attacker(
    stack: ProviderStack, browser: Browser
) -> None:
    """Login CSRF, also where the victim has begun a login of her own."""
    attacker = stack.browser(ATTACKER)
    theirs = stack.begins(attacker)
    for prepare in (lambda: None, lambda: stack.begins(browser)):
        prepare()
        with stack.unchanged():
            assert_refused(stack.comes_back(browser, state=theirs["state"]), 400)
    assert browser.ping() == 401


MIX_UPS = {
    "another-provider": {"iss": "https://evil.example/realms/urbanki"},
    "slash": {"iss": "{issuer}/"},
    "empty": {"iss": ""},
    "code-with-line-end": {"code": "a\r\nX-Role: admin"},
    "state-with-wildcards": {"state": "%" * 43},
    "error-with-markup": {"error": "<script>alert(1)</script>"},
    "error-with-line-end": {"error": "a\r\nSet-Cookie: ukg_session=b"},
}


@pytest.mark.parametrize("name", MIX_UPS)
def test_an_answer_that_was_tampered_with_begins_no_session(
    stack: ProviderStack, browser: Browser, name: str
) -> None:
    asked = stack.begins(browser)
    change = {
        key: value.replace("{issuer}", stack.realm.stub.issuer)
        for key, value in MIX_UPS[name].items()
    }
    with stack.unchanged():
        answer = stack.comes_back(browser, **({"state": asked["state"]} | change))
        assert_refused(answer, 400)
    assert "alert(1)" not in answer.text
    assert browser.ping() == 401


def test_head_and_post_bring_no_answer(stack: ProviderStack, browser: Browser) -> None:
    asked = stack.begins(browser)
    query = urlencode({"code": "c", "state": asked["state"], "iss": stack.realm.stub.issuer})
    with stack.unchanged():
        assert browser.post(f"/konto/rueckruf?{query}").status_code == 405
        assert browser.ask("PUT", f"/konto/rueckruf?{query}").status_code == 405
    assert browser.ping() == 401


# --- a session that goes on ------------------------------------------------------------------


@dataclass
class Renewal:
    """A session whose tokens are about to run out."""

    stack: ProviderStack
    browser: Browser

    def pings(self) -> int:
        """Let the provider's word run out, and ask."""
        with session_scope(self.stack.engine) as session:
            soon = self.stack.now + timedelta(seconds=30)
            session.execute(update(SessionRow).values(access_expires_at=soon))
        return self.browser.ping()


@pytest.fixture
def renewal(stack: ProviderStack, browser: Browser) -> Renewal:
    assert stack.signs_in(browser).status_code == 303
    return Renewal(stack, browser)


def new_key_set() -> dict[str, Any]:
    return {"keys": [rsa_entry(rsa_key("next"), "next-key")]}


def next_key(head: bytes) -> bytes:
    return with_rs256(head, "next")


@pytest.fixture
def later_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Known keys are asked for again at once."""
    for name in ("FRESH_S", "UNKNOWN_WAIT_S"):
        monkeypatch.setattr(f"shared.contracts.identity.provider_keys.{name}", 0)


@pytest.mark.usefixtures("later_keys")
def test_a_session_survives_a_change_of_keys(renewal: Renewal) -> None:
    realm, head = renewal.stack.realm, {**HEADER, "kid": "next-key"}
    realm.says(CERTS, said(new_key_set()))
    realm.hands_out(
        access_token=realm.access(next_key, head), id_token=realm.identity(next_key, head)
    )
    assert renewal.pings() == 204


@pytest.mark.usefixtures("later_keys")
def test_a_withdrawn_key_renews_nothing(renewal: Renewal) -> None:
    """Whoever has stolen it signs administrators for herself."""
    realm = renewal.stack.realm
    realm.says(CERTS, said(new_key_set()))
    realm.hands_out(access_token=realm.access(realm_access={"roles": ["admin"]}))
    assert renewal.pings() == 401
    assert renewal.stack.rows()["session"] == []


BENT_RENEWALS: dict[str, Callable[[Realm], dict[str, str]]] = {
    "of-another-person": lambda realm: {
        "access_token": realm.access(sub="admin"),
        "id_token": realm.identity(sub="admin"),
    },
    "of-another-key": lambda realm: {"access_token": realm.access(another_key)},
    "unsigned": lambda realm: {"access_token": realm.access(unsigned, {**HEADER, "alg": "none"})},
    "of-another-client": lambda realm: {"access_token": realm.access(azp="other-client")},
    "of-jobs": lambda realm: {"access_token": realm.access(azp=JOBS)},
    "identity-as-access": lambda realm: {"access_token": realm.identity()},
}


@pytest.mark.parametrize("name", BENT_RENEWALS)
def test_tokens_that_are_not_right_renew_nothing(renewal: Renewal, name: str) -> None:
    renewal.stack.realm.hands_out(**BENT_RENEWALS[name](renewal.stack.realm))
    assert len(renewal.stack.rows()["session"]) == 1
    assert renewal.pings() == 401
    assert renewal.stack.rows()["session"] == []
