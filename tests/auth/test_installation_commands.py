"""Commands for the installation: may it start, what may each role, its key, tokens signed by it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine

from shared.auth import __main__ as command, first_start
from shared.auth.policy_table import policy_json, policy_table
from shared.auth.services import account_services
from shared.auth.sessions import Limits
from shared.contracts.identity.installation import load_installation_key
from shared.contracts.identity.jwks import KeyCache, read_key_set
from shared.contracts.identity.tokens import verify_token
from shared.settings import Settings
from tests.auth.audit_trail import trail

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs a command here; exit code, stdout, stderr."""
    monkeypatch.setattr(command, "load_settings", lambda: settings)

    def call(*words: str) -> tuple[int, str, str]:
        code = command.main(words)
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_check_says_that_all_is_well_and_writes_nothing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "new"))
    code, out, err = run("check")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"mode": "lokal", "problems": [], "ok": True}
    assert not (tmp_path / "new").exists()


def test_check_names_every_problem(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("URBANKI_HOST", "192.168.0.7")
    monkeypatch.setenv("URBANKI_AUTH_MODE", "keycloak")
    code, out, err = run("check")
    answer = json.loads(out)
    assert (code, answer["ok"], answer["mode"]) == (2, False, "keycloak")
    assert [problem["code"] for problem in answer["problems"]] == [
        "einstellung_fehlt",
        "rechnernamen_fehlen",
        "adresse_unverschluesselt",
    ]
    assert answer["problems"][0]["message"].startswith("Die Einstellung URBANKI_OIDC_ISSUER fehlt.")
    assert err == "Die Galerie darf so nicht starten.\n"


def test_check_works_with_settings_that_cannot_be_read(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("URBANKI_MODE", "beides")
    monkeypatch.setenv("URBANKI_MODUS", "kiosk")
    code, out, _ = run("check")
    answer = json.loads(out)
    assert (code, answer["ok"], answer["mode"]) == (2, False, "")
    assert [problem["code"] for problem in answer["problems"]] == [
        "einstellung_ungueltig",
        "einstellung_unbekannt",
    ]


def test_the_policy_is_printed_for_people_and_programs(run: Run) -> None:
    assert run("policy") == (0, policy_table("de"), "")
    assert run("policy", "--format", "markdown", "--language", "en") == (0, policy_table("en"), "")
    code, out, _ = run("policy", "--format", "json")
    assert (code, json.loads(out)) == (0, policy_json())
    code, out, err = run("policy", "--format", "html")
    assert (code, out) == (2, "")
    assert err.startswith("Die Eingabe ist ungültig: Für --format gibt es nur markdown, json.")


def test_the_key_is_replaced_and_that_is_noted(
    engine: Engine, settings: Settings, run: Run
) -> None:
    old = load_installation_key(settings).key.thumbprint()
    code, out, err = run("rotate-key")
    answer = json.loads(out)
    assert (code, err, answer["old_kid"]) == (0, "", old)
    assert answer["kid"] == load_installation_key(settings).key.thumbprint() != old
    assert set(read_key_set(settings.key_set_file).keys) == {old, answer["kid"]}
    (entry,) = trail(engine)
    assert (entry.event, entry.reason_code) == ("key_rotation", "command")


def test_a_token_is_signed_for_an_operator_and_noted(
    engine: Engine, settings: Settings, run: Run
) -> None:
    words = ("--subject", "probe", "--role", "viewer", "--tenant", "musterstadt")
    code, out, err = run("token", *words)
    answer = json.loads(out)
    assert (code, err, answer["lasts_s"]) == (0, "", 120)
    (entry,) = trail(engine)
    cache = KeyCache(settings.key_set_file)
    acting = verify_token(answer["token"], partial(cache.key_for, now=0), entry.ts.timestamp())
    assert (acting.subject, acting.kind) == ("probe", "person")
    assert dict(acting.roles_by_tenant) == {"musterstadt": "viewer"}
    assert (entry.event, entry.role, entry.tenant) == ("token_issue", "viewer", "musterstadt")
    assert entry.subject_hmac
    assert "probe" not in str(entry)


@pytest.mark.parametrize("values", [{"mode": "kiosk"}, {"auth_mode": "keycloak"}])
def test_where_others_sign_in_no_token_is_signed(
    engine: Engine,
    settings: Settings,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    values: dict[str, str],
) -> None:
    monkeypatch.setattr(command, "load_settings", lambda: settings.model_copy(update=values))
    words = ("--subject", "probe", "--role", "viewer", "--tenant", "musterstadt")
    code, out, err = run("token", *words)
    assert (code, out) == (2, "")
    assert err.startswith("Die Eingabe ist ungültig: Zugangstokens gibt es nur mit")
    assert trail(engine) == []


@pytest.mark.parametrize(
    ("values", "mode"),
    [({}, "lokal"), ({"auth_mode": "keycloak"}, "keycloak"), ({"mode": "kiosk"}, "kiosk")],
)
def test_a_start_is_noted_with_mode_and_version(
    engine: Engine, settings: Settings, values: dict[str, str], mode: str
) -> None:
    chosen = settings.model_copy(update=values)
    services = account_services(engine, chosen, Limits(idle_s=60, absolute_s=60), "Galerie")
    first_start.note_start(services)
    (entry,) = trail(engine)
    assert (entry.event, entry.object_id, entry.outcome) == ("start", mode, "ok")
    assert entry.reason_code == first_start.__version__
