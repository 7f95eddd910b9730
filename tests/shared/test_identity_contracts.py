"""Tokens, keys and the policy table: what is believed, and all that is not."""

from __future__ import annotations

import base64
import errno
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import OKPKey

from shared.contracts.identity import private_files
from shared.contracts.identity.installation import (
    InstallationToken,
    command_token,
    load_installation_key,
)
from shared.contracts.identity.jwks import (
    ABSENT_WAIT_S,
    PLACEHOLDER,
    REFRESH_S,
    UNKNOWN_WAIT_S,
    KeyCache,
    read_key_set,
)
from shared.contracts.identity.policy import decide
from shared.contracts.identity.principal import Kind, Principal, Role
from shared.contracts.identity.tokens import (
    LEEWAY_S,
    LIFETIME_S,
    TokenRefused,
    TrustedKey,
    sign_token,
    verify_token,
)
from shared.errors import (
    KeySetMissing,
    KeySetPlaceholder,
    KeySetUnusable,
    ModelServerNotReady,
    OperationError,
    SecretUnusable,
)
from shared.settings import REPOSITORY, Settings

NOW = 1_800_000_000.0
ISSUER = "urn:urbanki:0123456789"
KEY = OKPKey.derive_key("one")
OTHER = OKPKey.derive_key("other")
KID = KEY.thumbprint()
HEADER: dict[str, Any] = {"alg": "Ed25519", "typ": "at+jwt", "kid": KID}
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": "urbanki-model-server",
    "sub": "local",
    "tenant": "musterstadt",
    "roles": ["viewer"],
    "kind": "person",
    "iat": int(NOW),
    "exp": int(NOW) + LIFETIME_S,
    "jti": "x1",
}


def settings(folder: Path, **more: Any) -> Settings:
    return Settings(_env_file=None, data_dir=folder, **more)


def person(role: Role, kind: Kind = "person") -> Principal:
    return Principal("local", "", {"musterstadt": role}, "musterstadt", kind=kind)


def b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def text(value: Any) -> str:
    return b64(value if isinstance(value, bytes) else json.dumps(value).encode())


def forged(header: Any, claims: Any, key: OKPKey = KEY) -> str:
    head = f"{text(header)}.{text(claims)}"
    assert key.private_key is not None
    return f"{head}.{b64(key.private_key.sign(head.encode()))}"


def with_mac(secret: bytes) -> str:
    head = f"{text({**HEADER, 'alg': 'HS256'})}.{text(CLAIMS)}"
    return f"{head}.{b64(hmac.new(secret, head.encode(), hashlib.sha256).digest())}"


def trusted(kid: str) -> TrustedKey:
    if kid != KID:
        raise TokenRefused("kid")
    return TrustedKey(OKPKey.import_key(KEY.as_dict(private=False)), ISSUER)


def reason(token: str, now: float = NOW) -> str:
    with pytest.raises(TokenRefused) as refused:
        verify_token(token, trusted, now)
    return str(refused.value)


def test_a_token_says_who_acts() -> None:
    sent = Principal("s1", "Name", {"herten": "admin"}, "herten", frozenset({"sovia"}))
    found = verify_token(sign_token(sent, KEY, ISSUER, NOW), trusted, NOW)
    assert found == Principal("s1", "", {"herten": "admin"}, "herten", frozenset({"sovia"}))
    assert verify_token(forged(HEADER, CLAIMS), trusted, NOW) == person("viewer")
    assert "Name" not in sign_token(sent, KEY, ISSUER, NOW)


def test_a_token_has_the_agreed_form() -> None:
    first, second = (
        sign_token(person("service", "service"), KEY, ISSUER, NOW + 0.7) for _ in range(2)
    )
    header, claims = (json.loads(base64.urlsafe_b64decode(p + "==")) for p in first.split(".")[:2])
    assert header == HEADER
    assert claims == {**CLAIMS, "roles": ["service"], "kind": "service", "jti": claims["jti"]}
    assert first != second, "no two tokens have the same name"


CHANGED_CLAIMS = [
    ({"iss": f"{ISSUER}/"}, "iss"),
    ({"iss": "urn:urbanki:9876543210"}, "iss"),
    ({"iss": None}, "iss"),
    ({"aud": None}, "aud"),
    ({"aud": "account"}, "aud"),
    ({"aud": "urbanki-model-server-2"}, "aud"),
    ({"aud": ["account"]}, "aud"),
    ({"aud": {"urbanki-model-server": 1}}, "aud"),
    ({"exp": int(NOW) - LEEWAY_S}, "exp"),
    ({"exp": None}, "exp"),
    ({"exp": str(int(NOW) + 100)}, "exp"),
    ({"exp": True}, "exp"),
    ({"exp": 1e300}, "exp"),
    ({"exp": 10**400}, "exp"),
    ({"exp": int(NOW) + 24 * 3600 + 1}, "exp"),
    ({"exp": float("nan")}, "exp"),
    ({"exp": float("inf")}, "exp"),
    ({"iat": None}, "iat"),
    ({"iat": True}, "iat"),
    ({"iat": int(NOW) + LEEWAY_S + 1}, "iat"),
    ({"iat": int(NOW) + 5, "exp": int(NOW) + 5}, "iat"),
    ({"nbf": int(NOW) + LEEWAY_S + 1}, "nbf"),
    ({"nbf": "now"}, "nbf"),
    ({"nbf": float("nan")}, "nbf"),
    ({"sub": None}, "sub"),
    ({"sub": ""}, "sub"),
    ({"sub": 7}, "sub"),
    ({"sub": "x" * 201}, "sub"),
    ({"tenant": None}, "tenant"),
    ({"tenant": "../x"}, "tenant"),
    ({"tenant": "a\nb"}, "tenant"),
    ({"kind": None}, "kind"),
    ({"kind": "root"}, "kind"),
    ({"kind": ["person"]}, "kind"),
    ({"jti": None}, "jti"),
    ({"jti": ""}, "jti"),
    ({"apps": "sovia:aviary", "aud": ["a", 1]}, "aud"),
    ({"aud": ["urbanki-model-server", 1]}, "aud"),
    ({"apps": {"sovia": 1}}, "apps"),
    ({"apps": ["sovia", 1]}, "apps"),
]


@pytest.mark.parametrize(
    ("change", "why"), CHANGED_CLAIMS, ids=[str(c)[:60] for c, _ in CHANGED_CLAIMS]
)
def test_a_wrong_claim_is_refused_for_what_it_is(change: dict[str, Any], why: str) -> None:
    claims = {name: value for name, value in {**CLAIMS, **change}.items() if value is not None}
    assert reason(forged(HEADER, claims)) == why


@pytest.mark.parametrize(
    "change",
    [
        {"aud": ["account", "urbanki-model-server"]},
        {"exp": int(NOW) - LEEWAY_S + 1, "iat": int(NOW) - 300},
        {"iat": int(NOW) + LEEWAY_S, "exp": int(NOW) + LEEWAY_S + 60},
        {"nbf": 0},
        {"nbf": int(NOW) + LEEWAY_S},
        {"exp": int(NOW) + 24 * 3600},
        {"exp": NOW + 60.5},
        {"more": {"unknown": [1]}},
    ],
)
def test_what_the_standards_allow_is_accepted(change: dict[str, Any]) -> None:
    assert verify_token(forged(HEADER, {**CLAIMS, **change}), trusted, NOW) == person("viewer")


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ({**HEADER, "alg": "none"}, "header"),
        ({**HEADER, "alg": "None"}, "header"),
        ({**HEADER, "alg": "nOnE"}, "header"),
        ({**HEADER, "alg": "EdDSA"}, "header"),
        ({**HEADER, "alg": ["Ed25519"]}, "header"),
        ({**HEADER, "jwk": OTHER.as_dict(private=False)}, "header"),
        ({**HEADER, "jku": "https://evil.example/jwks"}, "header"),
        ({**HEADER, "x5u": "https://evil.example/x"}, "header"),
        ({**HEADER, "x5c": ["MIIB"]}, "header"),
        ({**HEADER, "crit": ["exp"]}, "header"),
        ({**HEADER, "b64": False, "crit": ["b64"]}, "header"),
        ({**HEADER, "zip": "DEF"}, "header"),
        ({"alg": "Ed25519", "typ": "at+jwt"}, "header"),
        ({"alg": "Ed25519", "kid": KID}, "header"),
        ({**HEADER, "typ": "JWT"}, "typ"),
        ({**HEADER, "typ": "Logout+jwt"}, "typ"),
        ({**HEADER, "kid": "../../etc/passwd"}, "kid"),
        ({**HEADER, "kid": "' OR 1=1 --"}, "kid"),
        ({**HEADER, "kid": "a\r\nb"}, "kid"),
        ({**HEADER, "kid": ""}, "kid"),
        ({**HEADER, "kid": 5}, "kid"),
        ({**HEADER, "kid": "x" * 129}, "kid"),
        ([HEADER], "header"),
        (b"null", "header"),
        (b"\xff\xfe", "header"),
        (b"[" * 5000, "header"),
        (b"{", "header"),
        (f'{{"alg":"Ed25519","alg":"none","typ":"at+jwt","kid":"{KID}"}}'.encode(), "header"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_wrong_header_is_refused_before_any_key_is_used(header: object, why: str) -> None:
    def nobody(kid: str) -> TrustedKey:
        raise AssertionError(kid)

    with pytest.raises(TokenRefused) as refused:
        verify_token(forged(header, CLAIMS), nobody, NOW)
    assert str(refused.value) == why


def test_a_header_that_is_no_text_in_base64_is_refused() -> None:
    assert reason(f"abcde.{text(CLAIMS)}.{b64(bytes(64))}") == "header"


def test_a_key_that_nobody_knows_is_refused() -> None:
    header = {**HEADER, "kid": OTHER.thumbprint()}
    assert reason(forged(header, CLAIMS, OTHER)) == "kid"
    assert reason(forged(header, CLAIMS)) == "kid"


def test_a_subject_may_have_200_characters() -> None:
    found = verify_token(forged(HEADER, {**CLAIMS, "sub": "x" * 200}), trusted, NOW)
    assert found.subject == "x" * 200


@pytest.mark.parametrize(
    "claims",
    [
        b"[]",
        b"null",
        b"x",
        b"[" * 5000,
        json.dumps(CLAIMS).replace("{", '{"roles":["admin"],', 1).encode(),
    ],
    ids=lambda value: value[:20].decode(),
)
def test_signed_nonsense_is_refused(claims: bytes) -> None:
    assert reason(forged(HEADER, claims)) == "claims"


def test_a_signature_of_somebody_else_is_refused() -> None:
    good = forged(HEADER, CLAIMS)
    head, claims, mark = good.split(".")
    public = KEY.as_pem(private=False)
    raw = KEY.public_key.public_bytes_raw()
    for token in (
        forged(HEADER, CLAIMS, OTHER),
        f"{head}.{text({**CLAIMS, 'roles': ['admin']})}.{mark}",
        f"{head}.{claims}.{b64(bytes(64))}",
        f"{head}.{claims}.{mark[:40]}",
    ):
        assert reason(token) == "signature"
    for secret in (public, raw, KEY.as_der(private=False), b""):
        assert reason(with_mac(secret)) == "header"


def test_only_the_compact_form_of_moderate_size_is_a_token() -> None:
    head, claims, mark = forged(HEADER, CLAIMS).split(".")
    large = forged(HEADER, {**CLAIMS, "more": "x" * 16_000})
    for token in (
        "",
        "wrong",
        f"{head}.{claims}",
        f"{head}.{claims}.",
        f"{head}..{mark}",
        f"{head}.{claims}.{mark}.x.y",
        f"{head}.{claims}.{mark}=",
        f" {head}.{claims}.{mark}",
        f"{head}.{claims}.{mark}\n",
        f"{head}.{claims}.ü",
        "a" * 100_000,
        large,
    ):
        assert reason(token) == "form"


@pytest.mark.parametrize(
    ("roles", "kind", "found"),
    [
        (["viewer", "admin", "gast"], "person", "admin"),
        (["sachbearbeitung", "offline_access"], "person", "sachbearbeitung"),
        (["gast"], "guest", "gast"),
        (["admin"], "guest", None),
        (["service"], "service", "service"),
        (["admin"], "service", None),
        (["service"], "person", None),
        (["plattform_admin"], "person", None),
        (["аdmin"], "person", None),
        (["Admin"], "person", None),
        ([], "person", None),
        ("admin", "person", None),
        (["viewer", 1], "person", None),
        ({"admin": True}, "person", None),
        ([["admin"]], "person", None),
        (None, "person", None),
        (7, "person", None),
    ],
)
def test_only_well_formed_roles_that_fit_the_kind_count(
    roles: object, kind: str, found: Role | None
) -> None:
    token = forged(HEADER, {**CLAIMS, "roles": roles, "kind": kind})
    principal = verify_token(token, trusted, NOW)
    assert dict(principal.roles_by_tenant) == ({} if found is None else {"musterstadt": found})
    assert decide(principal, "model.catalog").allowed is (found is not None)


def test_the_first_process_makes_the_key_and_publishes_its_public_half(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    key = load_installation_key(chosen)
    assert chosen.installation_key_file.stat().st_mode & 0o777 == 0o600
    assert chosen.keys_folder.stat().st_mode & 0o777 == 0o700
    published = read_key_set(chosen.key_set_file)
    assert published.issuer == key.issuer
    assert set(published.keys) == {key.key.thumbprint()}
    assert '"d"' not in chosen.key_set_file.read_text(encoding="ascii")
    assert sorted(file.name for file in chosen.keys_folder.iterdir()) == [
        "installation.pem",
        "jwks.json",
    ]
    again = load_installation_key(chosen)
    assert (again.key.thumbprint(), again.issuer) == (key.key.thumbprint(), key.issuer)


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from shared.contracts.identity.installation import load_installation_key\n"
        "from shared.settings import Settings\n"
        "chosen = Settings(_env_file=None, data_dir=Path(sys.argv[1]))\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "key = load_installation_key(chosen)\n"
        "print(key.key.thumbprint(), key.issuer)\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    answers = {process.communicate("go\n", timeout=120)[0] for process in processes}
    assert len(answers) == 1
    kid, issuer = answers.pop().split()
    published = read_key_set(settings(tmp_path).key_set_file)
    assert (set(published.keys), published.issuer) == ({kid}, issuer)


def test_a_new_key_keeps_the_name_and_ends_the_old_one(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    first = load_installation_key(chosen)
    chosen.installation_key_file.unlink()
    second = load_installation_key(chosen)
    assert second.issuer == first.issuer
    assert set(read_key_set(chosen.key_set_file).keys) == {second.key.thumbprint()}
    assert second.key.thumbprint() != first.key.thumbprint()


def test_the_key_may_lie_elsewhere(tmp_path: Path) -> None:
    chosen = settings(tmp_path / "data", keys_dir=tmp_path / "elsewhere")
    load_installation_key(chosen)
    assert (tmp_path / "elsewhere" / "jwks.json").is_file()
    assert not (tmp_path / "data").exists()


def damage_mode(file: Path) -> None:
    file.chmod(0o640)


def damage_content(file: Path) -> None:
    lines = (b"-----BEGIN", b"PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    file.write_bytes(b" ".join(lines))


def damage_kind(file: Path) -> None:
    file.write_bytes(OKPKey.generate_key("X25519").as_pem(private=True))


def damage_half(file: Path) -> None:
    file.write_bytes(KEY.as_pem(private=False))


def damage_empty(file: Path) -> None:
    file.write_bytes(b"")


def damage_folder(file: Path) -> None:
    file.parent.chmod(0o777)


@pytest.mark.parametrize(
    "damage",
    [damage_mode, damage_content, damage_kind, damage_half, damage_empty, damage_folder],
)
def test_a_key_that_cannot_be_trusted_is_refused(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    chosen = settings(tmp_path)
    load_installation_key(chosen)
    damage(chosen.installation_key_file)
    with pytest.raises(SecretUnusable, match=r"installation\.pem"):
        load_installation_key(chosen)


def test_a_shared_folder_in_which_nobody_replaces_files_of_others_will_do(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    made = load_installation_key(chosen)
    chosen.keys_folder.chmod(0o1777)
    assert load_installation_key(chosen).issuer == made.issuer


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file in the way")
    with pytest.raises(SecretUnusable):
        load_installation_key(settings(tmp_path))


def test_files_lie_on_the_disk_before_they_get_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings(tmp_path)
    flushed: list[tuple[int, list[str]]] = []

    def note(handle: int) -> None:
        names = sorted(path.name for path in chosen.keys_folder.glob("[!.]*"))
        flushed.append((os.fstat(handle).st_size, names))

    monkeypatch.setattr(private_files.os, "fsync", note)
    load_installation_key(chosen)
    assert [names for _, names in flushed] == [[], ["installation.pem"]]
    assert all(size > 100 for size, _ in flushed)


@pytest.mark.parametrize("name", ["installation.pem", "jwks.json"])
def test_a_full_disk_is_said_by_the_name_of_the_file_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    chosen = settings(tmp_path)
    load_installation_key(chosen)
    (chosen.keys_folder / name).unlink()
    before = sorted(chosen.keys_folder.iterdir())

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full", str(tmp_path / ".draft"))

    monkeypatch.setattr(private_files.os, "fchmod", refuse)
    with pytest.raises(SecretUnusable, match=re.escape(name)):
        load_installation_key(chosen)
    assert sorted(chosen.keys_folder.iterdir()) == before


def jwk(key: OKPKey = KEY, **more: Any) -> dict[str, Any]:
    return {**key.as_dict(private=False), **more}


def write_set(folder: Path, document: Any) -> Path:
    file = folder / "jwks.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    return file


def test_keys_are_known_by_their_thumbprint_only(tmp_path: Path) -> None:
    rsa = {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "rsa"}
    document = {"issuer": ISSUER, "keys": [jwk(kid="admin"), jwk(OTHER), *[rsa] * 14]}
    found = read_key_set(write_set(tmp_path, document))
    assert (found.issuer, set(found.keys)) == (ISSUER, {KID, OTHER.thumbprint()})


FILLER = {"kty": "OKP", "crv": "Ed25519", "x": "A" * 43}
RFC_8037 = {**FILLER, "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
BAD_SETS = [
    ("", KeySetUnusable),
    ("<html>", KeySetUnusable),
    ([], KeySetUnusable),
    ({"keys": [jwk()]}, KeySetUnusable),
    ({"issuer": ISSUER}, KeySetUnusable),
    ({"issuer": ISSUER, "keys": []}, KeySetUnusable),
    ({"issuer": ISSUER, "keys": {"a": 1}}, KeySetUnusable),
    ({"issuer": 5, "keys": [jwk()]}, KeySetUnusable),
    ({"issuer": "https://evil.example", "keys": [jwk()]}, KeySetUnusable),
    ({"issuer": ISSUER, "keys": ["text"]}, KeySetUnusable),
    ({"issuer": ISSUER, "keys": [jwk(kty="EC")]}, KeySetUnusable),
    ({"issuer": ISSUER, "keys": [jwk(x="short")]}, KeySetUnusable),
    ({"issuer": ISSUER, "keys": [KEY.as_dict(private=True)]}, KeySetUnusable),
    ({"issuer": ISSUER, "keys": [jwk()] * 17}, KeySetUnusable),
    (json.dumps({"issuer": ISSUER, "keys": [jwk()]}) + " " * 70_000, KeySetUnusable),
    ("[" * 50_000, KeySetUnusable),
    (f"# {PLACEHOLDER}", KeySetPlaceholder),
    ({"issuer": ISSUER, "keys": [jwk(kid=PLACEHOLDER)]}, KeySetPlaceholder),
    ({"issuer": ISSUER, "keys": [FILLER]}, KeySetPlaceholder),
    ({"issuer": ISSUER, "keys": [jwk(), RFC_8037]}, KeySetPlaceholder),
]


@pytest.mark.parametrize(("document", "error"), BAD_SETS, ids=range(len(BAD_SETS)))
def test_a_key_set_that_cannot_be_trusted_is_refused(
    tmp_path: Path, document: object, error: type[OperationError]
) -> None:
    file = write_set(tmp_path, document)
    with pytest.raises(error, match=r"jwks\.json"):
        read_key_set(file)
    with pytest.raises(ModelServerNotReady):
        KeyCache(file).key_for(KID, 0)


def test_a_key_set_that_anybody_may_change_is_refused(tmp_path: Path) -> None:
    file = write_set(tmp_path, {"issuer": ISSUER, "keys": [jwk()]})
    file.chmod(0o646)
    with pytest.raises(KeySetUnusable):
        read_key_set(file)
    file.unlink()
    with pytest.raises(KeySetMissing):
        read_key_set(file)
    file.mkdir()
    with pytest.raises(KeySetUnusable):
        read_key_set(file)


def test_the_server_looks_every_two_seconds_for_keys_that_are_not_there(tmp_path: Path) -> None:
    cache = KeyCache(tmp_path / "jwks.json")
    for tick in range(100):
        with pytest.raises(ModelServerNotReady):
            cache.key_for(KID, tick / 10)
    assert cache.reads == 5
    write_set(tmp_path, {"issuer": ISSUER, "keys": [jwk()]})
    with pytest.raises(ModelServerNotReady):
        cache.key_for(KID, 9.9)
    assert cache.key_for(KID, 8 + ABSENT_WAIT_S).issuer == ISSUER


def test_a_flood_of_invented_keys_reads_the_file_once_in_ten_seconds(tmp_path: Path) -> None:
    cache = KeyCache(write_set(tmp_path, {"issuer": ISSUER, "keys": [jwk()]}))
    cache.key_for(KID, 0)
    for tick in range(3000):
        with pytest.raises(TokenRefused, match="kid"):
            cache.key_for(f"invented-{tick}", tick / 100)
    assert cache.reads == 1 + 3
    with pytest.raises(TokenRefused):
        cache.key_for("invented", 30)
    assert cache.reads == 1 + 4
    assert UNKNOWN_WAIT_S == 10


def test_a_new_key_counts_at_once_and_a_withdrawn_one_ends_within_ten_seconds(
    tmp_path: Path,
) -> None:
    cache = KeyCache(write_set(tmp_path, {"issuer": ISSUER, "keys": [jwk()]}))
    cache.key_for(KID, 0)
    write_set(tmp_path, {"issuer": ISSUER, "keys": [jwk(), jwk(OTHER)]})
    cache.key_for(OTHER.thumbprint(), 1)
    write_set(tmp_path, {"issuer": ISSUER, "keys": [jwk(OTHER)]})
    cache.key_for(KID, REFRESH_S + 0.9)
    with pytest.raises(TokenRefused):
        cache.key_for(KID, REFRESH_S + 1)
    (tmp_path / "jwks.json").unlink()
    with pytest.raises(ModelServerNotReady):
        cache.key_for(OTHER.thumbprint(), 2 * REFRESH_S + 1)


def test_a_token_is_kept_until_thirty_seconds_before_its_end(tmp_path: Path) -> None:
    now = NOW
    source = InstallationToken(settings(tmp_path), clock=lambda: now)
    first = source.token()
    now = NOW + LIFETIME_S - 30 - 0.1
    assert source.token() == first
    now = NOW + LIFETIME_S - 30
    second = source.token()
    assert second != first
    assert source.renew() != second


def test_a_renewed_token_is_signed_with_the_key_that_is_there_now(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    source = InstallationToken(chosen, clock=lambda: NOW)
    old = source.token()
    chosen.installation_key_file.unlink()
    new_key = load_installation_key(chosen)
    assert source.token() == old
    cache = KeyCache(chosen.key_set_file)
    found = verify_token(source.renew(), lambda kid: cache.key_for(kid, 0), NOW)
    assert found == person("sachbearbeitung")
    assert set(read_key_set(chosen.key_set_file).keys) == {new_key.key.thumbprint()}


@pytest.mark.parametrize(
    ("role", "kind"),
    [("gast", "guest"), ("viewer", "person"), ("admin", "person"), ("service", "service")],
)
def test_a_source_signs_for_its_role(tmp_path: Path, role: Role, kind: Kind) -> None:
    chosen = settings(tmp_path)
    cache = KeyCache(chosen.key_set_file)
    token = command_token(chosen, role, "herten")
    now = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))["iat"]
    found = verify_token(token, lambda kid: cache.key_for(kid, 0), now)
    assert found == Principal("local", "", {"herten": role}, "herten", kind=kind)


def test_threads_share_a_source(tmp_path: Path) -> None:
    source = InstallationToken(settings(tmp_path), clock=lambda: NOW)
    found: set[str] = set()
    threads = [threading.Thread(target=lambda: found.add(source.token())) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 1


def test_nothing_is_written_over_a_read_only_key_set_that_fits(tmp_path: Path) -> None:
    chosen = settings(tmp_path)
    load_installation_key(chosen)
    before = chosen.key_set_file.stat().st_ino
    load_installation_key(chosen)
    assert chosen.key_set_file.stat().st_ino == before
    assert os.access(chosen.key_set_file, os.R_OK)
