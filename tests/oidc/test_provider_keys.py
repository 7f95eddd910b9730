"""The realm's keys and what it says about itself: down, slow, garbage, flooded, changed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from shared.auth.discovery import Discovery, discover
from shared.contracts.identity.provider_fetch import MAX_BYTES, fetch_document
from shared.contracts.identity.provider_keys import (
    FRESH_S,
    LONGEST_WITHOUT_PROVIDER_S,
    ProviderKeys,
    provider_keys,
    read_provider_keys,
)
from shared.contracts.identity.signed import TokenRefused
from shared.errors import SettingInvalid, SignInServiceDown
from tests.oidc.forge import (
    EC_KID,
    ISSUER,
    KID,
    ec_entry,
    ec_key,
    key_set,
    number,
    rsa_entry,
    rsa_key,
)
from tests.oidc.stub_provider import PROTOCOL, WELL_KNOWN, Reply, StubProvider, said
from tests.timing import PATIENCE_S

CERTS = f"{PROTOCOL}/certs"
AT = "@"
"""By itself: an address with a password in it may stand in no file."""
NEW = {"keys": [rsa_entry(rsa_key("new"), "new")]}


class Source:
    """A realm's key set that can change and go away."""

    def __init__(self) -> None:
        self.document: dict[str, Any] | None = key_set()

    def fetch(self) -> dict[str, Any]:
        if self.document is None:
            raise SignInServiceDown(reason="down")
        return self.document


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def keys(source: Source) -> ProviderKeys:
    return ProviderKeys(ISSUER, source.fetch)


def test_keys_know_their_issuer_and_algorithms() -> None:
    found = read_provider_keys(key_set(), ISSUER)
    assert {kid: key.algorithms for kid, key in found.items()} == {
        KID: ("RS256",),
        EC_KID: ("ES256",),
    }
    assert {key.issuer for key in found.values()} == {ISSUER}
    entry = rsa_entry(rsa_key("ours"))
    del entry["alg"]
    assert read_provider_keys({"keys": [entry]}, ISSUER)[KID].algorithms == ("RS256", "PS256")


def test_keys_that_may_not_sign_are_left_out() -> None:
    ours, curve = rsa_entry(rsa_key("ours")), ec_entry(ec_key("ours"))
    private = rsa_key("another").private_numbers().d
    point = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
    wide = {**curve, "x": number(point.x, 48), "y": number(point.y, 48)}
    left_out = [
        rsa_entry(rsa_key("other"), "enc", use="enc", alg="RSA-OAEP"),
        rsa_entry(rsa_key("small", 1024), "small"),
        rsa_entry(rsa_key("another"), "private", d=hex(private)),
        {**wide, "kid": "p-384", "crv": "P-384"},
        {**curve, "kid": "other-kind", "kty": "OKP"},
        {**curve, "kid": "no-point", "x": "AAAA"},
        {**ours, "kid": "no-number", "n": 7},
        {**ours, "kid": "no-base64", "n": "!"},
        {**ours, "kid": "../path"},
        {**ours, "kid": None},
        {"kty": "oct", "kid": "mac", "k": "AAAA"},
        {"kty": "RSA", "kid": "empty"},
        "text",
        None,
    ]
    assert set(read_provider_keys({"keys": [ours, *left_out]}, ISSUER)) == {KID}
    with pytest.raises(SignInServiceDown):
        read_provider_keys({"keys": left_out}, ISSUER)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"keys": None},
        {"keys": {}},
        {"keys": []},
        {"keys": [rsa_entry(rsa_key("ours"), f"key-{index}") for index in range(33)]},
        {"keys": [rsa_entry(rsa_key("ours")), rsa_entry(rsa_key("another"))]},
    ],
    ids=["empty", "null", "object", "none", "too-many", "same-name-twice"],
)
def test_a_set_that_cannot_be_trusted_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(SignInServiceDown):
        read_provider_keys(document, ISSUER)


def test_known_keys_are_fetched_again_after_ten_minutes(keys: ProviderKeys) -> None:
    for now in (0, 1, FRESH_S - 1):
        keys.key_for(KID, now)
    assert keys.fetches == 1
    keys.key_for(KID, FRESH_S)
    assert keys.fetches == 2


def test_thirty_invented_names_cause_one_fetch(keys: ProviderKeys) -> None:
    keys.key_for(KID, 0)
    for index in range(30):
        with pytest.raises(TokenRefused, match="kid"):
            keys.key_for(f"invented-{index}", 1 + index / 10)
    assert keys.fetches == 2
    with pytest.raises(TokenRefused):
        keys.key_for("invented", 11)
    assert keys.fetches == 3


def test_a_new_key_counts_at_once_and_a_withdrawn_one_ends(
    source: Source, keys: ProviderKeys
) -> None:
    keys.key_for(KID, 0)
    keys.key_for(KID, FRESH_S)
    source.document = NEW
    assert keys.key_for("new", FRESH_S + 1)
    with pytest.raises(TokenRefused):
        keys.key_for(KID, FRESH_S + 2)


def test_known_keys_outlive_the_provider_for_a_day(source: Source, keys: ProviderKeys) -> None:
    keys.key_for(KID, 0)
    source.document = None
    for now in (FRESH_S, 3600, LONGEST_WITHOUT_PROVIDER_S):
        assert keys.key_for(KID, now)
    with pytest.raises(SignInServiceDown):
        keys.key_for(KID, LONGEST_WITHOUT_PROVIDER_S + 1)
    source.document = key_set()
    assert keys.key_for(KID, LONGEST_WITHOUT_PROVIDER_S + 12)


def test_a_provider_that_is_down_is_asked_every_ten_seconds(
    source: Source, keys: ProviderKeys
) -> None:
    source.document = None
    for tick in range(300):
        with pytest.raises(SignInServiceDown):
            keys.key_for(f"kid-{tick}", tick / 10)
    assert keys.fetches == 3
    source.document = key_set()
    assert keys.key_for(KID, 30)


def test_garbage_does_not_replace_known_keys(source: Source, keys: ProviderKeys) -> None:
    keys.key_for(KID, 0)
    source.document = {"keys": "garbage"}
    assert keys.key_for(KID, FRESH_S)


def test_known_keys_do_not_wait_for_a_slow_provider() -> None:
    asked, may_go = threading.Event(), threading.Event()

    def fetch() -> dict[str, Any]:
        if asked.is_set() or keys.fetches > 1:
            asked.set()
            assert may_go.wait(PATIENCE_S)
        return key_set()

    keys = ProviderKeys(ISSUER, fetch)
    keys.key_for(KID, 0)
    slow = threading.Thread(target=lambda: keys.key_for(KID, FRESH_S))
    slow.start()
    assert asked.wait(PATIENCE_S)
    assert keys.key_for(KID, FRESH_S + 11)
    assert slow.is_alive()
    may_go.set()
    slow.join(PATIENCE_S)
    assert keys.fetches == 2


@pytest.mark.parametrize("is_change", [False, True], ids=["first-keys", "changed-keys"])
def test_threads_wait_for_the_one_fetch_that_brings_their_key(is_change: bool) -> None:
    may_go = threading.Event()

    def fetch() -> dict[str, Any]:
        if is_change and keys.fetches == 1:
            return key_set()
        assert may_go.wait(PATIENCE_S)
        return NEW

    keys = ProviderKeys(ISSUER, fetch)
    if is_change:
        keys.key_for(KID, 0)
    before = keys.fetches
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(keys.key_for("new", 0))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    may_go.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert (len(found), keys.fetches) == (8, before + 1)


# --- over HTTP ------------------------------------------------------------------------------


def test_keys_come_from_the_realm(stub: StubProvider) -> None:
    stub.replies[CERTS] = lambda _: said(key_set())
    keys = provider_keys(stub.settings())
    assert keys.key_for(KID, 0).issuer == stub.issuer
    assert [asked.path for asked in stub.asked] == [CERTS]


GARBAGE: dict[str, Reply] = {
    "nothing": Reply(None),
    "status-500": said(key_set(), 500),
    "status-204": Reply(204),
    "redirect": Reply(302, headers={"location": "/elsewhere"}),
    "html": Reply(body=b"<html>Wartung</html>", content_type="text/html"),
    "list": said([key_set()]),
    "latin": Reply(body=b"\xff\xfe"),
    "nested": Reply(body=b"[" * 100_000),
    "too-large": Reply(body=b'{"keys": "' + b"x" * MAX_BYTES + b'"}'),
    "drips": Reply(body=json.dumps(key_set()).encode(), byte_pause_s=0.2),
    "compressed": Reply(body=b"no gzip", headers={"content-encoding": "gzip"}),
}


@pytest.mark.parametrize("reply", GARBAGE.values(), ids=GARBAGE)
def test_an_answer_that_is_no_document_is_refused(stub: StubProvider, reply: Reply) -> None:
    stub.replies[CERTS] = lambda _: reply
    stub.replies["/elsewhere"] = lambda _: said(key_set())
    with pytest.raises(SignInServiceDown):
        fetch_document(f"{stub.base}{CERTS}", timeout_s=0.5)
    with pytest.raises(SignInServiceDown):
        provider_keys(stub.settings(timeout_s=0.5)).key_for(KID, 0)


def test_nobody_listens(stub: StubProvider) -> None:
    for url in ("http://127.0.0.1:9/x", "http://[::1/x", "nonsense"):
        with pytest.raises(SignInServiceDown):
            fetch_document(url, timeout_s=0.5)


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://evil.example/realms/urbanki"},
        {"issuer": None},
        {"code_challenge_methods_supported": ["plain"]},
        {"code_challenge_methods_supported": "S256"},
        {"authorization_endpoint": "https://evil.example/auth"},
        {"authorization_endpoint": None},
        {"end_session_endpoint": "javascript:alert(1)"},
        {"end_session_endpoint": ["x"]},
    ],
    ids=str,
)
def test_a_realm_that_says_something_else_is_refused(
    stub: StubProvider, change: dict[str, Any]
) -> None:
    stub.replies[WELL_KNOWN] = lambda _: said(stub.document(**change))
    with pytest.raises(SignInServiceDown):
        discover(stub.settings())


def addressed(change: Callable[[StubProvider], dict[str, Any]]) -> Any:
    return change


@pytest.mark.parametrize(
    "change",
    [
        addressed(lambda stub: {"issuer": f"{stub.issuer}/"}),
        addressed(lambda stub: {"authorization_endpoint": f"{stub.issuer}x/auth"}),
        addressed(lambda stub: {"authorization_endpoint": f"{stub.issuer}/auth?x=1"}),
        addressed(lambda stub: {"end_session_endpoint": f"{stub.issuer}/logout#x"}),
    ],
    ids=["slash", "beside-the-realm", "query", "fragment"],
)
def test_an_address_almost_in_the_realm_is_refused(
    stub: StubProvider, change: Callable[[StubProvider], dict[str, Any]]
) -> None:
    stub.replies[WELL_KNOWN] = lambda _: said(stub.document(**change(stub)))
    with pytest.raises(SignInServiceDown):
        discover(stub.settings())


def test_a_realm_is_asked_again_every_ten_seconds_until_it_answers(stub: StubProvider) -> None:
    discovery = Discovery(stub.settings())
    for now in (0, 1, 9.9, 10, 15):
        with pytest.raises(SignInServiceDown, match="nicht erreichbar"):
            discovery.provider(now)
    assert len(stub.asked) == 2
    stub.replies[WELL_KNOWN] = lambda _: said(stub.document())
    assert discovery.provider(20).names_itself
    del stub.replies[WELL_KNOWN]
    for now in (21, 40, 620, 621, 700):
        assert discovery.provider(now)
    assert len(stub.asked) == 5


def test_an_internal_address_is_asked_and_the_public_name_counts(stub: StubProvider) -> None:
    public = "https://anmeldung.example/realms/urbanki"
    addresses = {
        "issuer": public,
        "authorization_endpoint": f"{public}/auth",
        "end_session_endpoint": f"{public}/logout",
    }
    stub.replies[WELL_KNOWN] = lambda _: said(stub.document(**addresses))
    settings = stub.settings(issuer=public, internal_url=stub.base)
    assert discover(settings).authorization_url == f"{public}/auth"
    assert settings.server_url == f"{stub.base}/"


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "http://anmeldung.example/realms/urbanki"},
        {"issuer": "https://anmeldung.example/realms/urbanki/"},
        {"issuer": "https://anmeldung.example/realms/"},
        {"issuer": "https://anmeldung.example"},
        {"issuer": f"https://name:word{AT}anmeldung.example/realms/urbanki"},
        {"issuer": "https://anmeldung.example/realms/urbanki?x=1"},
        {"issuer": "https://anmeldung.example/realms/../urbanki"},
        {"issuer": "ftp://anmeldung.example/realms/urbanki"},
        {"issuer": ""},
        {"internal_url": "anmeldung:8080"},
        {"internal_url": "http://anmeldung:8080/"},
        {"algorithms": ()},
        {"algorithms": ("HS256",)},
        {"algorithms": ("RS256", "none")},
    ],
    ids=str,
)
def test_settings_that_would_sign_in_elsewhere_or_in_the_open_are_refused(
    stub: StubProvider, change: dict[str, Any]
) -> None:
    with pytest.raises(SettingInvalid):
        stub.settings(**change)


@pytest.mark.parametrize(
    ("issuer", "server"),
    [
        ("https://anmeldung.example/realms/urbanki", "https://anmeldung.example/"),
        ("https://anmeldung.example/auth/realms/urbanki", "https://anmeldung.example/auth/"),
        ("http://localhost:8480/realms/urbanki", "http://localhost:8480/"),
        ("http://[::1]:8480/realms/urbanki", "http://[::1]:8480/"),
    ],
)
def test_the_realm_is_found_in_its_name(stub: StubProvider, issuer: str, server: str) -> None:
    settings = stub.settings(issuer=issuer)
    assert (settings.server_url, settings.realm) == (server, "urbanki")
    assert settings.realm_url == issuer
    assert "secret" not in repr(settings)
