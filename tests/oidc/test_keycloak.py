"""The calls to Keycloak: whose answer comes back, what is repeated, what counts as a refusal."""

from __future__ import annotations

import datetime
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from shared.auth import keycloak
from shared.auth.keycloak import GrantRefused
from shared.auth.oidc_settings import OidcSettings
from shared.contracts.identity.provider_fetch import fetch_document
from shared.errors import SignInServiceDown
from shared.settings import REPOSITORY
from tests.oidc.stub_provider import PROTOCOL, Asked, Reply, StubProvider, said, stub_provider

TOKEN, LOGOUT, USERINFO = (f"{PROTOCOL}/{name}" for name in ("token", "logout", "userinfo"))
THREADS, CALLS = 8, 2000
ANSWER = {"access_token": "a", "refresh_token": "r", "id_token": "i"}


@pytest.fixture
def hectic() -> Iterator[None]:
    """Let threads take turns as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hectic")
def test_nobody_gets_the_answer_of_somebody_else(stub: StubProvider) -> None:
    """With one object for all threads some dozen of these answers are of somebody else."""
    stub.replies[USERINFO] = lambda asked: said(
        {"sub": asked.authorization.removeprefix("Bearer ")}
    )
    settings = stub.settings(timeout_s=30.0)

    def ask(number: int) -> bool:
        token = f"token-{number}"
        info = keycloak.open_client(settings).userinfo(token)
        assert isinstance(info, dict)
        return bool(info["sub"] == token)

    with ThreadPoolExecutor(THREADS) as pool:
        right = sum(pool.map(ask, range(CALLS)))
    assert right == CALLS == len(stub.asked)


def test_each_call_has_its_own_client(stub: StubProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    stub.replies[TOKEN] = lambda _: said(ANSWER)
    stub.replies[LOGOUT] = lambda _: Reply(204)
    made: list[object] = []
    open_client = keycloak.open_client

    def counted(*arguments: Any) -> Any:
        made.append(open_client(*arguments))
        return made[-1]

    monkeypatch.setattr(keycloak, "open_client", counted)
    settings = stub.settings()
    for _ in range(2):
        keycloak.exchange_code(settings, "code", "verifier")
        keycloak.refresh(settings, "r")
        keycloak.jobs_token(settings)
        assert keycloak.end_session(settings, "r")
    assert len({id(client) for client in made}) == 8


def test_the_library_checks_no_token_of_ours() -> None:
    for folder in ("shared", "model_server", "apps"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert ".decode_token(" not in text, path
            if "keycloak import" in text and "shared.auth" not in text:
                assert path == Path(keycloak.__file__)


def test_calls_carry_what_they_must(stub: StubProvider) -> None:
    stub.replies[TOKEN] = lambda _: said(ANSWER)
    stub.replies[LOGOUT] = lambda _: Reply(204)
    settings = stub.settings(jobs_secret="secret-of-jobs")
    keycloak.exchange_code(settings, "code & more", "verifier")
    keycloak.refresh(settings, "r-1")
    keycloak.end_session(settings, "r-2")
    keycloak.jobs_token(settings)
    code, refresh, logout, jobs = (asked.form for asked in stub.asked)
    ours = {"client_id": "urbanki-galerie", "client_secret": "secret-of-the-client"}
    place = "http://localhost:8501/konto/rueckruf"
    exchanged = {"code": "code & more", "code_verifier": "verifier", "redirect_uri": place}
    assert exchanged.items() | ours.items() <= code.items()
    assert refresh == {**ours, "grant_type": "refresh_token", "refresh_token": "r-1"}
    assert logout == {**ours, "refresh_token": "r-2"}
    assert (jobs["client_id"], jobs["client_secret"]) == ("urbanki-jobs", "secret-of-jobs")
    assert jobs["grant_type"] == "client_credentials"


def test_a_call_is_never_repeated(stub: StubProvider) -> None:
    """The provider may have acted on it: a second refresh with one token looks like theft."""
    stub.replies[TOKEN] = stub.replies[LOGOUT] = lambda _: Reply(None)
    settings = stub.settings()
    with pytest.raises(SignInServiceDown):
        keycloak.refresh(settings, "r")
    with pytest.raises(SignInServiceDown):
        keycloak.exchange_code(settings, "code", "verifier")
    assert not keycloak.end_session(settings, "r")
    assert len(stub.asked) == 3


Call = Callable[[OidcSettings], object]
CALLS_FOR_TOKENS: dict[str, Call] = {
    "code": lambda settings: keycloak.exchange_code(settings, "code", "verifier"),
    "refresh": lambda settings: keycloak.refresh(settings, "r"),
    "jobs": keycloak.jobs_token,
}
all_calls = pytest.mark.parametrize("call", CALLS_FOR_TOKENS.values(), ids=CALLS_FOR_TOKENS)


@all_calls
def test_a_grant_that_has_ended_is_a_refusal(stub: StubProvider, call: Call) -> None:
    stub.replies[TOKEN] = lambda _: said({"error": "invalid_grant"}, 400)
    with pytest.raises(GrantRefused):
        call(stub.settings())


FAULTS = {
    "nothing": Reply(None),
    "wrong-secret": said({"error": "unauthorized_client"}, 401),
    "other-refusal": said({"error": "invalid_request"}, 400),
    "refusal-in-html": Reply(400, b"<p>invalid_grant</p>", "text/html"),
    "refusal-list": said(["invalid_grant"], 400),
    "refusal-nested": said({"error": {"invalid_grant": 1}}, 400),
    "down": Reply(503),
    "down-with-words": said({"error": "invalid_grant"}, 503),
    "html": Reply(body=b"<html>Wartung</html>", content_type="text/html"),
    "list": said([ANSWER]),
    "empty": said({}),
    "no-content": Reply(204),
    "no-access-token": said({**ANSWER, "access_token": ""}),
    "number": said({**ANSWER, "access_token": 7}),
    "null": said({**ANSWER, "refresh_token": None}),
    "huge": said({**ANSWER, "id_token": "x" * 20_000}),
}


@all_calls
@pytest.mark.parametrize("reply", FAULTS.values(), ids=FAULTS)
def test_any_other_answer_is_a_fault_of_the_service(
    stub: StubProvider, call: Call, reply: Reply
) -> None:
    stub.replies[TOKEN] = lambda _: reply
    with pytest.raises(SignInServiceDown) as down:
        call(stub.settings())
    assert "secret" not in str(down.value.details)


@pytest.mark.parametrize(
    ("fault", "reason"), [("down", "status_503"), ("nothing", "KeycloakConnectionError")]
)
def test_the_log_says_what_went_wrong(stub: StubProvider, fault: str, reason: str) -> None:
    stub.replies[TOKEN] = lambda _: FAULTS[fault]
    with pytest.raises(SignInServiceDown) as down:
        keycloak.refresh(stub.settings(), "r")
    assert down.value.details == {"reason": reason}


def test_a_slow_service_is_given_up(stub: StubProvider) -> None:
    may_go = threading.Event()

    def wait(_: Asked) -> Reply:
        may_go.wait(10)
        return said(ANSWER)

    stub.replies[TOKEN] = wait
    with pytest.raises(SignInServiceDown):
        keycloak.refresh(stub.settings(timeout_s=0.2), "r")
    may_go.set()


@pytest.mark.parametrize(
    "reply",
    [Reply(200), Reply(400), Reply(500), Reply(None), said({"error": "invalid_grant"}, 400)],
)
def test_a_logout_counts_only_when_it_is_confirmed(stub: StubProvider, reply: Reply) -> None:
    stub.replies[LOGOUT] = lambda _: reply
    assert not keycloak.end_session(stub.settings(), "r")


def test_answers_are_not_shown() -> None:
    shown = repr(keycloak.TokenAnswer("secret-a", "secret-r", "secret-i"))
    assert "secret" not in shown


# --- encryption -----------------------------------------------------------------------------


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[tuple[OidcSettings, Path]]:
    """A service with a certificate of an authority that only this machine knows."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public, private = tmp_path / "ca.pem", tmp_path / "key.pem"
    public.write_bytes(certificate.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    with stub_provider() as stub:
        stub.socket = context.wrap_socket(stub.socket, server_side=True)
        stub.replies[TOKEN] = lambda _: said(ANSWER)
        issuer = f"https://localhost:{stub.server_port}/realms/urbanki"
        yield stub.settings(issuer=issuer), public


def test_a_certificate_that_nobody_vouches_for_is_refused(
    encrypted: tuple[OidcSettings, Path],
) -> None:
    settings, _ = encrypted
    with pytest.raises(SignInServiceDown):
        keycloak.refresh(settings, "r")
    with pytest.raises(SignInServiceDown):
        fetch_document(f"{settings.server_url}{TOKEN[1:]}", 2)


def test_a_municipality_may_have_its_own_authority(encrypted: tuple[OidcSettings, Path]) -> None:
    settings, authority = encrypted
    answer = keycloak.refresh(replace(settings, ca_file=authority), "r")
    assert (answer.access_token, answer.refresh_token) == ("a", "r")
    assert fetch_document(f"{settings.server_url}{TOKEN[1:]}", 2, authority) == ANSWER
