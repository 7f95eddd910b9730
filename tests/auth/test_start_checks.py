"""What keeps the gallery from starting, one problem at a time and all at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from shared.auth import local_accounts, secret_box, start_checks
from shared.auth.start_checks import check_startup, load_or_refuse, refuse_start, unknown_settings
from shared.contracts.identity.installation import load_installation_key
from shared.contracts.identity.principal import DEMO_TENANT
from shared.settings import OTHER_VARIABLES, Settings
from shared.store.engine import session_scope
from shared.store.models import FeedbackRow
from tests.auth.people import NOW, PASSWORD, add_account, add_tenant

EVERYWHERE = "0.0.0.0"  # noqa: S104  # what is refused here
PUBLIC = {"public_url": "https://ki.example", "allow_local_accounts_public": True}
ISSUER = "https://anmeldung.example/realms/urbanki"
KEYCLOAK = {"auth_mode": "keycloak", "oidc_issuer": ISSUER, "oidc_client_secret": "x" * 32}
ADDRESSES = (EVERYWHERE, "::", "192.168.0.7", "stadt.example", "", None)


def codes(settings: Settings, host: str | None = "127.0.0.1", **values: Any) -> list[str]:
    chosen = Settings.model_validate({**settings.model_dump(), **values})
    return [problem.code for problem in check_startup(chosen, host)]


def change_first_passwords(engine: Engine) -> None:
    with session_scope(engine) as session:
        session.execute(text("UPDATE account SET must_change = false, is_first = false"))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.5", "::1", "localhost"])
def test_this_machine_alone_needs_nothing(house: Engine, settings: Settings, host: str) -> None:
    assert codes(settings, host) == []


def test_a_new_installation_on_this_machine_needs_nothing(tmp_path: Path) -> None:
    assert codes(Settings(_env_file=None, data_dir=tmp_path / "data")) == []
    assert list(tmp_path.iterdir()) == [], "nothing is written"


@pytest.mark.parametrize("host", ADDRESSES)
def test_first_passwords_are_not_for_others(
    house: Engine, settings: Settings, host: str | None
) -> None:
    assert codes(settings, host, **PUBLIC) == ["erste_passwoerter"]
    change_first_passwords(house)
    assert codes(settings, host, **PUBLIC) == []


@pytest.mark.parametrize("host", ADDRESSES)
def test_an_address_of_its_own_is_seen_by_others(tmp_path: Path, host: str | None) -> None:
    assert start_checks.is_reachable(Settings(_env_file=None, data_dir=tmp_path), host)


def test_first_passwords_behind_a_proxy_are_not_for_others(
    house: Engine, settings: Settings
) -> None:
    assert codes(settings, "127.0.0.1", **PUBLIC) == ["erste_passwoerter"]
    assert codes(settings, "127.0.0.1", public_url="http://localhost:8501") == []


def test_the_problem_names_the_accounts_that_can_still_sign_in_so(
    house: Engine, settings: Settings
) -> None:
    local_accounts.disable(house, "ansicht", NOW)
    local_accounts.reset_password(house, "sachbearbeitung", NOW)
    (problem,) = check_startup(settings.model_copy(update=PUBLIC), EVERYWHERE)
    assert str(problem).endswith("haben noch ihr erstes Passwort: admin.")


def test_accounts_are_not_made_while_others_could_come_in(
    engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    assert codes(settings, EVERYWHERE, **PUBLIC) == ["konten_fehlen"]
    assert codes(Settings(_env_file=None, data_dir=tmp_path), EVERYWHERE, **PUBLIC) == [
        "konten_fehlen"
    ]
    local_accounts.first_start(engine, NOW)
    change_first_passwords(engine)
    assert codes(settings, EVERYWHERE, **PUBLIC) == []


def test_an_account_made_by_command_replaces_the_first_start(
    engine: Engine, settings: Settings
) -> None:
    add_tenant(engine, "musterstadt")
    add_account(engine)
    assert codes(settings, EVERYWHERE, **PUBLIC) == []


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({}, ["rechnernamen_fehlen", "adresse_unverschluesselt", "konten_oeffentlich"]),
        ({"allowed_hosts": "ki.example"}, ["adresse_unverschluesselt", "konten_oeffentlich"]),
        ({"public_url": "http://ki.example"}, ["adresse_unverschluesselt", "konten_oeffentlich"]),
        ({"public_url": "https://ki.example"}, ["konten_oeffentlich"]),
        (
            {"allow_local_accounts_public": True, "allowed_hosts": "ki.example"},
            ["adresse_unverschluesselt"],
        ),
        ({**PUBLIC}, []),
        ({**KEYCLOAK}, ["rechnernamen_fehlen", "adresse_unverschluesselt"]),
        ({**KEYCLOAK, "public_url": "https://ki.example"}, []),
        ({"mode": "kiosk"}, ["kiosk_fremde_daten", "rechnernamen_fehlen"]),
    ],
)
def test_others_need_encryption_a_name_and_a_word(
    house: Engine, settings: Settings, values: dict[str, Any], found: list[str]
) -> None:
    change_first_passwords(house)
    assert sorted(codes(settings, EVERYWHERE, **values)) == sorted(found)


@pytest.mark.parametrize("secret", ["kurz", "x" * 31, secret_box.PLACEHOLDER])
def test_a_secret_that_protects_nothing_is_refused(settings: Settings, secret: str) -> None:
    assert codes(settings, secret_key=secret) == ["geheimnis_schwach"]
    assert codes(settings, secret_key="ä" * 16) == []


def test_the_placeholder_is_the_one_of_the_template() -> None:
    template = (Path(__file__).parents[2] / ".env.example").read_text(encoding="utf-8")
    assert f"URBANKI_SECRET_KEY={secret_box.PLACEHOLDER}\n" in template


@pytest.mark.parametrize("name", ["secret.key", "installation.pem"])
def test_secrets_that_others_can_read_are_refused(settings: Settings, name: str) -> None:
    secret_box.load_secret_box(settings)
    load_installation_key(settings)
    assert codes(settings) == []
    (settings.keys_folder / name).chmod(0o640)
    assert codes(settings) == ["geheimnis_unbrauchbar"]


def test_an_empty_secret_file_is_refused(settings: Settings) -> None:
    settings.keys_folder.mkdir(mode=0o700, parents=True)
    settings.secret_key_file.touch(mode=0o600)
    assert codes(settings) == ["geheimnis_unbrauchbar"]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (KEYCLOAK, []),
        ({**KEYCLOAK, "oidc_issuer": ""}, ["einstellung_fehlt"]),
        ({**KEYCLOAK, "oidc_client_secret": ""}, ["einstellung_fehlt"]),
        ({**KEYCLOAK, "oidc_issuer": ISSUER.replace("https", "http")}, ["einstellung_ungueltig"]),
        ({**KEYCLOAK, "oidc_issuer": "http://localhost:8480/realms/urbanki"}, []),
        ({**KEYCLOAK, "oidc_issuer": "https://anmeldung.example"}, ["einstellung_ungueltig"]),
    ],
)
def test_keycloak_needs_an_encrypted_realm_and_a_secret(
    settings: Settings, values: dict[str, Any], found: list[str]
) -> None:
    assert codes(settings, **values) == found


def test_a_secret_of_the_provider_lies_in_a_private_file(
    settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "galerie.secret"
    values = {**KEYCLOAK, "oidc_client_secret": "", "oidc_client_secret_file": file}
    assert codes(settings, **values) == ["geheimnis_unbrauchbar"]
    file.touch(mode=0o600)
    assert codes(settings, **values) == ["geheimnis_unbrauchbar"]
    file.write_text("geheim\n", encoding="utf-8")
    assert codes(settings, **values) == []
    file.chmod(0o644)
    assert codes(settings, **values) == ["geheimnis_unbrauchbar"]


@pytest.mark.parametrize(
    "values",
    [
        {"mode": "kiosk", **KEYCLOAK},
        {"oidc_issuer": ISSUER},
        {"oidc_client_secret": "x"},
        {"oidc_client_secret_file": "x"},
        {"mode": "kiosk", "oidc_issuer": ISSUER},
    ],
)
def test_two_ways_of_signing_in_are_refused(tmp_path: Path, values: Any) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path)
    assert codes(settings, **values) == ["betriebsarten_zugleich"]


def test_a_kiosk_holds_nothing_but_examples(engine: Engine, settings: Settings) -> None:
    assert codes(settings, mode="kiosk") == []
    add_tenant(engine, DEMO_TENANT)
    assert codes(settings, mode="kiosk") == []
    with session_scope(engine) as session:
        row = FeedbackRow(id="f", tenant="herten", app="aviary", rating=1, text="", created_at=NOW)
        session.add(row)
    add_tenant(engine, "marl")
    (problem,) = check_startup(settings.model_copy(update={"mode": "kiosk"}), "127.0.0.1")
    assert "Daten von herten, marl." in str(problem)


@pytest.mark.parametrize("revision", ["zukunft", "0001"])
def test_a_database_of_another_version_is_refused(
    house: Engine, settings: Settings, revision: str
) -> None:
    with session_scope(house) as session:
        session.execute(text(f"UPDATE alembic_version SET version_num = '{revision}'"))  # noqa: S608  # words of this test
    is_migrated_at_start = house.dialect.name == "sqlite" and revision != "zukunft"
    assert codes(settings) == ([] if is_migrated_at_start else ["datenbank_fassung"])


def test_a_database_that_does_not_answer_is_said_within_seconds(settings: Settings) -> None:
    address = "postgresql+psycopg://nobody@127.0.0.1:9/none"
    assert codes(settings, database_url=address) == ["datenbank_weg"]


def test_unknown_settings_are_said_with_the_most_similar_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Settings
) -> None:
    file = tmp_path / ".env"
    file.write_text("URBANKI_ALOWED_HOSTS=ki.example\nAWS_REGION=x\n#URBANKI_X=1\n", "utf-8")
    monkeypatch.setitem(Settings.model_config, "env_file", file)
    monkeypatch.setenv("URBANKI_AUTHMODE", "keycloak")
    monkeypatch.setenv("urbanki_port", "8501")
    for name in OTHER_VARIABLES:
        monkeypatch.setenv(name, "1")
    told = [str(problem) + problem.remedy for problem in unknown_settings()]
    assert [line.split()[2] for line in told] == ["URBANKI_ALOWED_HOSTS", "URBANKI_AUTHMODE"]
    assert told[0].endswith("am ähnlichsten ist URBANKI_ALLOWED_HOSTS.")
    assert told[1].endswith("am ähnlichsten ist URBANKI_AUTH_MODE.")
    assert codes(settings) == ["einstellung_unbekannt"] * 2


def test_every_problem_is_one_line_in_both_languages(
    house: Engine, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = settings.model_copy(update={"secret_key": "kurz"})
    with pytest.raises(SystemExit) as refused:
        refuse_start(wrong, EVERYWHERE)
    assert refused.value.code == 2
    out, lines = capsys.readouterr()
    assert out == ""
    assert len(lines.splitlines()) == 5 == len(check_startup(wrong, EVERYWHERE))
    for line in lines.splitlines():
        german, english = line.split(" / ")
        assert "Bitte" in german or "Ist das gewollt" in german
        assert "lease" in english or "If this is intended" in english
    assert PASSWORD not in lines


def test_nothing_is_said_where_all_is_well(
    house: Engine, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse_start(settings, "127.0.0.1")
    assert capsys.readouterr() == ("", "")


def test_every_wrong_setting_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("URBANKI_MODE", "beides")
    monkeypatch.setenv("URBANKI_PORT", "abc")
    monkeypatch.setenv("URBANKI_TRUSTED_PROXIES", "10.0.0.1, proxy")
    monkeypatch.setenv("URBANKI_PUBLIC_URL", "ki.example")
    monkeypatch.setenv("URBANKI_TENANT", "x")
    with pytest.raises(SystemExit) as refused:
        load_or_refuse()
    assert refused.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[2] for line in lines] == [
        f"URBANKI_{name}" for name in ("MODE", "PUBLIC_URL", "TRUSTED_PROXIES", "PORT", "TENANT")
    ]


def test_settings_that_can_be_read_are_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("URBANKI_PUBLIC_URL", "https://KI.Stadt.example:8443/")
    monkeypatch.setenv("URBANKI_ALLOWED_HOSTS", "Intern.example, [::1]")
    monkeypatch.setenv("URBANKI_TRUSTED_PROXIES", "10.0.0.1, 10.1.0.0/16")
    settings = load_or_refuse()
    assert settings.public_url == "https://ki.stadt.example:8443"
    assert settings.served_hosts == {"ki.stadt.example", "intern.example", "[::1]"}
    assert [str(one) for one in settings.proxy_networks] == ["10.0.0.1/32", "10.1.0.0/16"]
    assert start_checks.is_reachable(settings, "127.0.0.1")
