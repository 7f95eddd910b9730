"""Tokens that somebody forged, bent or meant for another purpose: each is refused by name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import OKPKey

from shared.contracts.identity.principal import Principal
from shared.contracts.identity.provider_tokens import (
    LogoutNotice,
    ProviderRules,
    principal_of,
    verify_access_token,
    verify_id_token,
    verify_logout_token,
)
from shared.contracts.identity.signed import KEY_NAME, LEEWAY_S, TokenRefused, TrustedKey
from shared.contracts.identity.tokens import sign_token, verify_token
from tests.oidc.forge import (
    ACCESS,
    CLIENT,
    EC_KID,
    HEADER,
    IDENTITY,
    ISSUER,
    JOBS,
    KID,
    LOGOUT,
    LOGOUT_HEADER,
    NOW,
    RULES,
    b64,
    changed,
    key_for,
    part,
    rsa_entry,
    rsa_key,
    token,
    with_es256,
    with_mac,
    with_ps256,
    with_rs256,
)

KEY_FOR = key_for()
ANY = replace(RULES, algorithms=("RS256", "ES256", "PS256"))
PUBLIC = rsa_key("ours").public_key()
PEM = PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
DER = PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
MODULUS = PUBLIC.public_numbers().n.to_bytes(256, "big")
GOOD = token()


def access(given: str, rules: ProviderRules = RULES) -> dict[str, Any]:
    return verify_access_token(given, rules, KEY_FOR, NOW)


def identity(given: str, rules: ProviderRules = RULES, nonce: str | None = "n-1") -> dict[str, Any]:
    return verify_id_token(given, rules, KEY_FOR, NOW, access_token=GOOD, nonce=nonce)


def logout(given: str, rules: ProviderRules = RULES) -> LogoutNotice:
    return verify_logout_token(given, rules, KEY_FOR, NOW)


def why(call: Callable[[], object]) -> str:
    with pytest.raises(TokenRefused) as refused:
        call()
    return str(refused.value)


def test_right_tokens_are_accepted() -> None:
    assert access(GOOD)["sub"] == "f1e2"
    assert identity(token(IDENTITY))["sid"] == "s-1"
    assert logout(token(LOGOUT, LOGOUT_HEADER)) == LogoutNotice("f1e2", "s-1", "j-1", NOW + 130)
    assert access(token(header={"alg": "RS256", "kid": KID}))
    assert access(token(header={**HEADER, "typ": "at+jwt"}))
    assert identity(token(IDENTITY, {"alg": "RS256", "kid": KID}))


@pytest.mark.parametrize(
    ("algorithm", "kid", "sign"), [("ES256", EC_KID, with_es256), ("RS256", KID, with_rs256)]
)
def test_an_algorithm_counts_when_it_was_chosen(
    algorithm: str, kid: str, sign: Callable[[bytes], bytes]
) -> None:
    given = token(header={**HEADER, "alg": algorithm, "kid": kid}, sign=sign)
    assert access(given, replace(RULES, algorithms=(algorithm,)))
    others = tuple(name for name in ANY.algorithms if name != algorithm)
    assert why(lambda: access(given, replace(RULES, algorithms=others))) == "header"


def nothing(_: bytes) -> bytes:
    return b"x"


def ours_for_another(head: bytes) -> bytes:
    return with_rs256(head, "another")


HEADERS: list[tuple[str, dict[str, Any], Callable[[bytes], bytes], str]] = [
    *((f"alg-{name}", {"alg": name}, nothing, "header") for name in ("none", "None", "nOnE", "")),
    ("alg-list", {"alg": ["RS256"]}, with_rs256, "header"),
    ("alg-null", {"alg": None}, with_rs256, "header"),
    ("alg-absent", {"alg": ...}, with_rs256, "header"),
    ("alg-case", {"alg": "rs256"}, with_rs256, "header"),
    ("hs256-pem", {"alg": "HS256"}, with_mac(PEM), "header"),
    ("hs256-pem-stripped", {"alg": "HS256"}, with_mac(PEM.strip()), "header"),
    ("hs256-der", {"alg": "HS256"}, with_mac(DER), "header"),
    ("hs256-modulus", {"alg": "HS256"}, with_mac(MODULUS), "header"),
    ("hs256-empty", {"alg": "HS256"}, with_mac(b""), "header"),
    ("rs256-to-es256", {"alg": "ES256"}, with_es256, "alg"),
    ("rs256-to-ps256", {"alg": "PS256"}, with_ps256, "alg"),
    ("es256-to-rs256", {"kid": EC_KID}, with_rs256, "alg"),
    ("wrong-key-same-kid", {}, ours_for_another, "signature"),
    ("no-signature", {}, nothing, "signature"),
    ("mac-under-rs256", {}, with_mac(PEM), "signature"),
    ("jwk", {"jwk": rsa_entry(rsa_key("another"))}, ours_for_another, "header"),
    ("jwk-small", {"jwk": {"kty": "oct", "k": "eA"}}, with_rs256, "header"),
    ("jku", {"jku": "https://evil.example/jwks"}, ours_for_another, "header"),
    ("x5u", {"x5u": "https://evil.example/x"}, ours_for_another, "header"),
    ("x5c", {"x5c": ["MIIB"]}, ours_for_another, "header"),
    ("crit", {"crit": ["exp"]}, with_rs256, "header"),
    ("b64", {"b64": False, "crit": ["b64"]}, with_rs256, "header"),
    ("zip", {"zip": "DEF"}, with_rs256, "header"),
    ("cty", {"cty": "JWT"}, with_rs256, "header"),
    ("kid-absent", {"kid": ...}, with_rs256, "header"),
    ("kid-empty", {"kid": ""}, with_rs256, "kid"),
    ("kid-null", {"kid": None}, with_rs256, "kid"),
    ("kid-number", {"kid": 1}, with_rs256, "kid"),
    ("kid-list", {"kid": [KID]}, with_rs256, "kid"),
    ("kid-unknown", {"kid": "other"}, with_rs256, "kid"),
    ("kid-path", {"kid": "../../dev/null"}, with_rs256, "kid"),
    ("kid-sql", {"kid": "x' OR 1=1 --"}, with_rs256, "kid"),
    ("kid-crlf", {"kid": f"{KID}\r\nX-Role: admin"}, with_rs256, "kid"),
    ("kid-newline", {"kid": f"{KID}\n"}, with_rs256, "kid"),
    ("kid-long", {"kid": "k" * 129}, with_rs256, "kid"),
    ("kid-fullwidth", {"kid": "ｒsa-key"}, with_rs256, "kid"),
    ("typ-logout", {"typ": "logout+jwt"}, with_rs256, "typ"),
    ("typ-list", {"typ": ["JWT"]}, with_rs256, "typ"),
    ("typ-number", {"typ": 1}, with_rs256, "typ"),
    ("typ-secevent", {"typ": "secevent+jwt"}, with_rs256, "typ"),
]


@pytest.mark.parametrize(
    ("change", "sign", "reason"),
    [case[1:] for case in HEADERS],
    ids=[case[0] for case in HEADERS],
)
def test_a_forged_header_or_signature_is_refused(
    change: dict[str, Any], sign: Callable[[bytes], bytes], reason: str
) -> None:
    given = token(header=changed(HEADER, **change), sign=sign)
    assert why(lambda: access(given, ANY)) == reason


HEAD, BODY, SIGNATURE = GOOD.split(".")
TWICE_HEADER = json.dumps(HEADER)[:-1].encode() + b', "alg": "none"}'
TWICE_CLAIMS = json.dumps(ACCESS)[:-1].encode() + b', "sub": "admin"}'
FORMS = [
    ("two-parts", f"{HEAD}.{BODY}", "form"),
    ("empty-signature", f"{HEAD}.{BODY}.", "form"),
    ("five-parts", f"{GOOD}.x.x", "form"),
    ("four-parts", f"{GOOD}.x", "form"),
    ("empty", "", "form"),
    ("dots", "..", "form"),
    ("space", f" {GOOD}", "form"),
    ("newline", f"{GOOD}\n", "form"),
    ("padding", f"{HEAD}=.{BODY}.{SIGNATURE}", "form"),
    ("json-form", json.dumps({"payload": BODY, "signature": SIGNATURE}), "form"),
    ("non-ascii", f"{HEAD}.{BODY}.ä", "form"),
    ("surrogate", "\udcff.a.b", "form"),
    ("nul", f"{GOOD}\x00", "form"),
    ("100-kB", token(changed(ACCESS, filler="x" * 100_000)), "form"),
    ("just-too-long", token(changed(ACCESS, filler="x" * 12_300)), "form"),
    ("header-no-json", f"{b64(b'no json')}.{BODY}.{SIGNATURE}", "header"),
    ("header-list", f"{part([])}.{BODY}.{SIGNATURE}", "header"),
    ("header-latin", f"{b64(bytes([255, 254]))}.{BODY}.{SIGNATURE}", "header"),
    ("header-nested", f"{b64(b'[' * 9000)}.{BODY}.{SIGNATURE}", "header"),
    ("header-twice", token(header=TWICE_HEADER), "header"),
    ("claims-twice", token(TWICE_CLAIMS), "claims"),
    ("claims-list", token([ACCESS]), "claims"),
    ("claims-text", token(b'"text"'), "claims"),
    ("claims-no-json", token(b"no json"), "claims"),
    ("claims-latin", token(bytes([255, 254])), "claims"),
    ("claims-nested", token(b"[" * 9000), "claims"),
    ("claims-huge-number", token(b'{"exp": ' + b"9" * 5000 + b"}"), "claims"),
    ("changed-claims", f"{HEAD}.{part(changed(ACCESS, sub='admin'))}.{SIGNATURE}", "signature"),
    ("changed-header", f"{part({**HEADER, 'typ': 'at+jwt'})}.{BODY}.{SIGNATURE}", "signature"),
]


@pytest.mark.parametrize(
    ("given", "reason"), [case[1:] for case in FORMS], ids=[case[0] for case in FORMS]
)
def test_a_bent_form_is_refused(given: str, reason: str) -> None:
    assert why(lambda: access(given, ANY)) == reason


SOON = int(NOW) + LEEWAY_S + 1
TIME_CLAIMS: list[tuple[str, dict[str, Any], str]] = [
    ("exp-past", {"exp": int(NOW) - LEEWAY_S}, "exp"),
    ("exp-absent", {"exp": ...}, "exp"),
    ("exp-null", {"exp": None}, "exp"),
    ("exp-text", {"exp": str(int(NOW) + 60)}, "exp"),
    ("exp-true", {"exp": True}, "exp"),
    ("exp-nan", {"exp": float("nan")}, "exp"),
    ("exp-infinite", {"exp": float("inf")}, "exp"),
    ("exp-huge", {"exp": 1e300}, "exp"),
    ("exp-huge-whole", {"exp": 10**400}, "exp"),
    ("exp-negative", {"exp": -1}, "exp"),
    ("exp-list", {"exp": [int(NOW) + 60]}, "exp"),
    ("iat-absent", {"iat": ...}, "iat"),
    ("iat-future", {"iat": SOON}, "iat"),
    ("iat-text", {"iat": str(int(NOW))}, "iat"),
    ("iat-nan", {"iat": float("nan")}, "iat"),
    ("iat-after-exp", {"iat": int(NOW) + 5, "exp": int(NOW) + 5}, "iat"),
    ("nbf-future", {"nbf": SOON}, "nbf"),
    ("nbf-text", {"nbf": "0"}, "nbf"),
    ("nbf-null", {"nbf": None}, "nbf"),
]
ISSUER_CLAIMS: list[tuple[str, dict[str, Any], str]] = [
    ("iss-slash", {"iss": f"{ISSUER}/"}, "iss"),
    ("iss-other-realm", {"iss": ISSUER.replace("urbanki", "master")}, "iss"),
    ("iss-http", {"iss": ISSUER.replace("https", "http")}, "iss"),
    ("iss-case", {"iss": ISSUER.upper()}, "iss"),
    ("iss-prefix", {"iss": f"{ISSUER}.evil.example"}, "iss"),
    ("iss-list", {"iss": [ISSUER]}, "iss"),
    ("iss-absent", {"iss": ...}, "iss"),
    ("iss-null", {"iss": None}, "iss"),
    ("sub-absent", {"sub": ...}, "sub"),
    ("sub-empty", {"sub": ""}, "sub"),
    ("sub-number", {"sub": 7}, "sub"),
    ("sub-list", {"sub": ["f1e2"]}, "sub"),
    ("sub-long", {"sub": "x" * 201}, "sub"),
]
ACCESS_CLAIMS: list[tuple[str, dict[str, Any], str]] = [
    ("exp-after-a-day", {"exp": int(NOW) + 24 * 3600 + 1}, "exp"),
    ("aud-absent", {"aud": ...}, "aud"),
    ("aud-null", {"aud": None}, "aud"),
    ("aud-other", {"aud": "account"}, "aud"),
    ("aud-other-list", {"aud": ["account", CLIENT]}, "aud"),
    ("aud-empty-list", {"aud": []}, "aud"),
    ("aud-prefix", {"aud": "urbanki-model-server-2"}, "aud"),
    ("aud-part", {"aud": "urbanki"}, "aud"),
    ("aud-mixed-list", {"aud": ["urbanki-model-server", 1]}, "aud"),
    ("aud-nested", {"aud": [["urbanki-model-server"]]}, "aud"),
    ("aud-object", {"aud": {"urbanki-model-server": 1}}, "aud"),
    ("azp-foreign", {"azp": "other-client"}, "azp"),
    ("azp-absent", {"azp": ...}, "azp"),
    ("azp-list", {"azp": [CLIENT]}, "azp"),
    ("azp-prefix", {"azp": f"{CLIENT}-2"}, "azp"),
    ("typ-id", {"typ": "ID"}, "typ"),
    ("typ-refresh", {"typ": "Refresh"}, "typ"),
    ("typ-offline", {"typ": "Offline"}, "typ"),
    ("typ-logout", {"typ": "Logout"}, "typ"),
    ("typ-case", {"typ": "bearer"}, "typ"),
    ("typ-absent", {"typ": ...}, "typ"),
    ("typ-list", {"typ": ["Bearer"]}, "typ"),
]
IDENTITY_CLAIMS: list[tuple[str, dict[str, Any], str]] = [
    ("aud-model-server", {"aud": "urbanki-model-server"}, "aud"),
    ("aud-absent", {"aud": ...}, "aud"),
    ("aud-other-client", {"aud": ["other-client"]}, "aud"),
    ("aud-two-without-azp", {"aud": [CLIENT, "other-client"], "azp": ...}, "azp"),
    ("azp-foreign", {"azp": "other-client"}, "azp"),
    ("azp-null", {"azp": None}, "azp"),
    ("typ-access", {"typ": "Bearer"}, "typ"),
    ("typ-absent", {"typ": ...}, "typ"),
    ("nonce-other", {"nonce": "n-2"}, "nonce"),
    ("nonce-absent", {"nonce": ...}, "nonce"),
    ("nonce-list", {"nonce": ["n-1"]}, "nonce"),
    ("nonce-surrogate", {"nonce": "\udcff"}, "nonce"),
    ("at-hash-other", {"at_hash": "x" * 22}, "at_hash"),
    ("at-hash-null", {"at_hash": None}, "at_hash"),
]
LOGOUT_CLAIMS: list[tuple[str, dict[str, Any], str]] = [
    ("exp-after-two-minutes", {"exp": int(NOW) + 120 + LEEWAY_S + 1}, "exp"),
    ("aud-other", {"aud": "other-client"}, "aud"),
    ("aud-absent", {"aud": ...}, "aud"),
    ("nonce", {"nonce": "n-1"}, "nonce"),
    ("nonce-null", {"nonce": None}, "nonce"),
    ("events-absent", {"events": ...}, "events"),
    ("events-list", {"events": list(LOGOUT["events"])}, "events"),
    ("events-other", {"events": {"http://schemas.openid.net/event/other": {}}}, "events"),
    ("events-null", {"events": dict.fromkeys(LOGOUT["events"])}, "events"),
    ("jti-absent", {"jti": ...}, "jti"),
    ("jti-empty", {"jti": ""}, "jti"),
    ("jti-number", {"jti": 1}, "jti"),
    ("nobody", {"sub": ..., "sid": ...}, "sid"),
    ("sid-number", {"sid": 1}, "sid"),
    ("sid-null", {"sid": None}, "sid"),
    ("sub-empty", {"sub": ""}, "sub"),
    ("sub-number", {"sub": 1}, "sub"),
    ("typ-access", {"typ": "Bearer"}, "typ"),
    ("typ-null", {"typ": None}, "typ"),
]
Cases = list[tuple[str, dict[str, Any], str]]


def cases(listed: Cases) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("change", "reason"), [case[1:] for case in listed], ids=[case[0] for case in listed]
    )


@cases([*TIME_CLAIMS, *ISSUER_CLAIMS, *ACCESS_CLAIMS])
def test_a_wrong_access_token_is_refused_for_what_it_is(
    change: dict[str, Any], reason: str
) -> None:
    given = token(changed(ACCESS, **change))
    assert why(lambda: access(given)) == reason


@cases([*TIME_CLAIMS, *ISSUER_CLAIMS, *IDENTITY_CLAIMS])
def test_a_wrong_id_token_is_refused_for_what_it_is(change: dict[str, Any], reason: str) -> None:
    given = token(changed(IDENTITY, **change))
    assert why(lambda: identity(given)) == reason


@cases([*TIME_CLAIMS, *ISSUER_CLAIMS[:8], *LOGOUT_CLAIMS])
def test_a_wrong_logout_token_is_refused_for_what_it_is(
    change: dict[str, Any], reason: str
) -> None:
    given = token(changed(LOGOUT, **change), LOGOUT_HEADER)
    assert why(lambda: logout(given)) == reason


@pytest.mark.parametrize(
    "change",
    [
        {"aud": ["account", "urbanki-model-server"]},
        {"exp": int(NOW) - LEEWAY_S + 1, "iat": int(NOW) - 300},
        {"exp": int(NOW) + 24 * 3600},
        {"iat": int(NOW) + LEEWAY_S},
        {"nbf": 0},
        {"nbf": int(NOW) + LEEWAY_S},
        {"azp": JOBS},
        {"more": {"unknown": [1]}},
    ],
)
def test_an_access_token_may_say_more(change: dict[str, Any]) -> None:
    assert access(token(changed(ACCESS, **change)))


def test_an_id_token_may_say_more() -> None:
    half = b64(hashlib.sha256(GOOD.encode()).digest()[:16])
    assert identity(token(changed(IDENTITY, at_hash=half)))
    assert identity(token(changed(IDENTITY, azp=...)))
    assert identity(token(changed(IDENTITY, aud=[CLIENT, "other-client"])))
    assert identity(token(changed(IDENTITY, nonce=...)), nonce=None)


def test_a_logout_may_name_a_session_or_a_person() -> None:
    by_session = logout(token(changed(LOGOUT, sub=...), LOGOUT_HEADER))
    by_person = logout(token(changed(LOGOUT, sid=..., typ=...), LOGOUT_HEADER))
    assert (by_session.subject, by_session.provider_sid) == ("", "s-1")
    assert (by_person.subject, by_person.provider_sid) == ("f1e2", "")


def test_older_logout_tokens_count_only_by_setting() -> None:
    old = token(LOGOUT)
    assert why(lambda: logout(old)) == "typ"
    assert logout(old, replace(RULES, old_logout_type=True)).token_id == "j-1"
    assert why(lambda: logout(token(LOGOUT, {"alg": "RS256", "kid": KID}))) == "header"


def test_tokens_are_good_for_one_purpose_only() -> None:
    tokens = {access: GOOD, identity: token(IDENTITY), logout: token(LOGOUT, LOGOUT_HEADER)}
    for verify in tokens:
        for other, given in tokens.items():
            if other is not verify:
                assert why(lambda verify=verify, given=given: verify(given)) == "typ"
    logout_as_access = token(LOGOUT)
    assert why(lambda: access(logout_as_access)) == "typ"


def test_the_two_ways_to_sign_in_do_not_mix() -> None:
    installation = OKPKey.derive_key("installation")
    person = Principal("s1", "", {"musterstadt": "admin"}, "musterstadt")
    theirs = sign_token(person, installation, "urn:urbanki:0123456789", NOW)
    kid = installation.thumbprint()
    assert why(lambda: access(theirs)) == "header"
    assert why(lambda: access(theirs, ANY)) == "header"
    trusted = TrustedKey(installation, "urn:urbanki:0123456789")
    assert verify_token(theirs, lambda _: trusted, NOW)
    assert why(lambda: verify_token(GOOD, lambda _: trusted, NOW)) == "header"
    bent = token(header={"alg": "Ed25519", "typ": "at+jwt", "kid": kid})
    assert why(lambda: verify_token(bent, lambda _: trusted, NOW)) == "signature"


def test_a_key_serves_only_its_own_issuer() -> None:
    foreign = TrustedKey(KEY_FOR(KID).key, "https://other.example/realms/urbanki", ("RS256",))
    assert why(lambda: verify_access_token(GOOD, RULES, lambda _: foreign, NOW)) == "iss"


# --- rights ---------------------------------------------------------------------------------


def rights(**values: Any) -> Principal:
    return principal_of(access(token(changed(ACCESS, **values))), RULES)


@pytest.mark.parametrize(
    "realm_access",
    [
        ...,
        None,
        "admin",
        7,
        ["admin"],
        {},
        {"roles": None},
        {"roles": "admin"},
        {"roles": 1},
        {"roles": {"admin": True}},
        {"roles": [["admin"]]},
        {"roles": ["admin", None]},
        {"roles": ["viewer", 1]},
        {"roles": [{"name": "admin"}]},
        {"roles": ["аdmin"]},
        {"roles": ["ａｄｍｉｎ"]},
        {"roles": ["admin\u200b"]},
        {"roles": [" admin"]},
        {"roles": ["Admin", "ADMIN"]},
        {"roles": ["service"]},
        {"roles": ["offline_access", "uma_authorization", "default-roles-urbanki"]},
        {"roles": ["admin,viewer"]},
    ],
    ids=repr,
)
def test_what_is_no_plain_role_gives_no_right(realm_access: Any) -> None:
    found = rights(realm_access=realm_access)
    assert (dict(found.roles_by_tenant), found.kind) == ({}, "person")


@pytest.mark.parametrize(
    "groups",
    [
        ...,
        None,
        "/kommune/musterstadt",
        {"/kommune/musterstadt": 1},
        ["/kommune/musterstadt", 1],
        ["musterstadt"],
        ["kommune/musterstadt"],
        ["/kommune"],
        ["/kommune/"],
        ["/Kommune/musterstadt"],
        ["/andere/kommune/musterstadt"],
        ["/kommune/musterstadt/bauamt"],
        ["/kommune/../musterstadt"],
        ["/kommune/Musterstadt"],
        ["/kommune/mustеrstadt"],
        ["/kommune/musterstadt\n"],
        ["/kommune/" + "m" * 65],
    ],
    ids=repr,
)
def test_what_is_no_group_of_a_municipality_gives_no_right(groups: Any) -> None:
    found = rights(groups=groups)
    assert (dict(found.roles_by_tenant), found.active_tenant) == ({}, "")


def test_the_highest_role_counts_in_each_municipality_of_the_person() -> None:
    found = rights(
        realm_access={"roles": ["viewer", "admin", "gast"]},
        groups=["/kommune/musterstadt", "/kommune/herten"],
    )
    assert found.roles_by_tenant == {"herten": "admin", "musterstadt": "admin"}
    assert (found.active_tenant, found.subject) == ("herten", "f1e2")


def test_the_platform_is_run_by_its_own_role_alone() -> None:
    both = {"roles": ["admin", "plattform_admin"]}
    found = rights(realm_access=both, groups=["/kommune/herten", "/kommune/plattform"])
    assert found.roles_by_tenant == {"herten": "admin", "plattform": "plattform_admin"}
    assert found.active_tenant == "herten"
    alone = rights(realm_access={"roles": ["plattform_admin"]}, groups=["/kommune/herten"])
    assert alone.roles_by_tenant == {"plattform": "plattform_admin"}
    assert alone.active_tenant == "plattform"
    without = rights(realm_access={"roles": ["plattform_admin"]}, groups=[])
    assert without.active_tenant == "plattform"
    admin = rights(realm_access={"roles": ["admin"]}, groups=["/kommune/plattform"])
    assert (dict(admin.roles_by_tenant), admin.active_tenant) == ({}, "")
    job = rights(azp=JOBS, realm_access={"roles": ["service", "plattform_admin"]})
    assert "plattform" not in job.roles_by_tenant


def test_only_jobs_may_serve() -> None:
    found = rights(azp=JOBS, realm_access={"roles": ["service", "admin"]})
    assert (found.kind, dict(found.roles_by_tenant)) == ("service", {"musterstadt": "service"})
    assert dict(rights(azp=JOBS, realm_access={"roles": ["admin"]}).roles_by_tenant) == {}


@pytest.mark.parametrize(
    ("values", "apps"),
    [
        ({}, None),
        ({"resource_access": {}}, None),
        ({"resource_access": {"account": {"roles": ["app:sovia"]}}}, None),
        ({"resource_access": {CLIENT: {"roles": ["other"]}}}, None),
        (
            {"resource_access": {CLIENT: {"roles": ["app:sovia", "app:aviary"]}}},
            ["sovia", "aviary"],
        ),
        ({"groups": ["/app:sovia", "/kommune/musterstadt"]}, ["sovia"]),
        ({"resource_access": {CLIENT: {"roles": ["app:"]}}}, []),
        ({"resource_access": {CLIENT: {"roles": ["app:../x", "app:A"]}}}, []),
        ({"resource_access": {CLIENT: {"roles": [1]}}}, []),
        ({"resource_access": {CLIENT: {}}}, []),
        ({"resource_access": {CLIENT: None}}, []),
        ({"resource_access": None}, []),
        ({"resource_access": 7}, []),
    ],
    ids=repr,
)
def test_apps_are_granted_by_roles_or_groups(
    values: dict[str, Any], apps: list[str] | None
) -> None:
    assert rights(**values).app_grants == (None if apps is None else frozenset(apps))


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"name": "  Anna Beispiel "}, "Anna Beispiel"),
        ({"name": "x" * 300}, "x" * 100),
        ({"name": "Anna\u202eleipsieB"}, ""),
        ({"name": "a\r\nb", "preferred_username": "anna"}, "anna"),
        ({"name": ["Anna"]}, ""),
        ({"name": ""}, ""),
        ({"name": "  ", "preferred_username": "anna"}, "anna"),
        ({"name": ...}, ""),
    ],
    ids=repr,
)
def test_a_name_disguises_nothing(values: dict[str, Any], name: str) -> None:
    assert rights(**values).display_name == name


def test_our_own_key_names_fit_the_pattern() -> None:
    assert KEY_NAME.fullmatch(KID)
    assert KEY_NAME.fullmatch(EC_KID)
