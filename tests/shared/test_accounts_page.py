"""Page "Verwaltung": its panels for an administration, and nothing for anybody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from shared.auth import administration, audit, audit_view, local_accounts, sessions
from shared.auth.audit import AuditEvent, Event
from shared.auth.local_accounts import get_account
from shared.auth.sessions import Limits, SessionView
from shared.contracts.identity.principal import HOME_TENANT, Principal, Role
from shared.contracts.jobs import StoredFile
from shared.errors import NotAllowed, NotSignedIn, SignInRefused, UrbanKiError
from shared.i18n import get_translator
from shared.report.csv_out import write_csv
from shared.settings import REPOSITORY
from shared.store import artifacts, dataspace, feedback, runs
from shared.store.layers import Layer, Publication
from shared.store.run_views import RunOrder
from shared.store.store import Store, process_store
from shared.ui.accounts import acting, audit_panel, overview, settings_panel
from shared.ui.accounts.reason_words import reason_words
from tests.auth.conftest import cheap_passwords  # noqa: F401  # fixture
from tests.auth.people import add_account, add_tenant
from tests.e2e.checks import foreign_words
from tests.shared.people_of_tests import CLERK, person, sit_down
from tests.shared.process_state import begin_process, forget_process_state

NOW = datetime.now(UTC)
LIMITS = Limits(idle_s=86_400, absolute_s=86_400)
"""The pages look at the real clock, and a whole test run may take an hour."""
DIALOG = """
from shared.auth import administration
from shared.auth.session import principal
from shared.store.store import process_store
from shared.ui.accounts import account_dialogs as dialogs
from shared.ui.language import translator
acting, store = principal(), process_store()
account = next(a for a in administration.accounts(acting, store) if a.username == "{name}")
dialogs.{dialog}(acting, store, account, translator())
"""
NEW_ACCOUNT = """
from shared.auth.session import principal
from shared.store.store import process_store
from shared.ui.accounts.account_dialogs import make_account
from shared.ui.language import translator
make_account(principal(), process_store(), translator())
"""
TAKE_IN = """
from shared.auth.session import principal
from shared.store.store import process_store
from shared.ui.accounts.account_dialogs import take_account_in
from shared.ui.language import translator
take_account_in(principal(), process_store(), ["fern"], translator())
"""
END_SESSION = """
from datetime import UTC, datetime
from shared.auth.open_sessions import open_sessions
from shared.auth.session import principal
from shared.store.store import process_store
from shared.ui.accounts.sessions_panel import confirm_end
from shared.ui.language import translator
acting, store = principal(), process_store()
found = open_sessions(acting, store, now=datetime.now(UTC))
if found:
    confirm_end(acting, store, found[0], translator())
"""


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Store]:
    """A fresh installation after its first start; in front of the page sits its administration."""
    monkeypatch.setenv("URBANKI_MODEL_SERVER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    begin_process()
    opened = process_store()
    local_accounts.first_start(opened.engine, NOW)
    sit_down(get_account(opened.engine, "admin").principal(), monkeypatch.setattr)
    yield opened
    forget_process_state()


def open_page(panel: str = "konten", language: str = "de") -> AppTest:
    page = AppTest.from_file(str(REPOSITORY / "apps" / "accounts.py"), default_timeout=60)
    page.query_params["sprache"] = language
    page.query_params["bereich"] = panel
    page.run()
    assert not page.exception
    return page


def open_dialog(script: str, **words: str) -> AppTest:
    page = AppTest.from_string(script.format(**words), default_timeout=60)
    page.query_params["sprache"] = "de"
    page.run()
    assert not page.exception
    return page


def choose(page: AppTest, key: str, row: int) -> AppTest:
    page.selectbox(key=f"{key}_selected").select_index(row).run()
    assert not page.exception
    return page


def click(page: AppTest, label: str) -> AppTest:
    next(one for one in page.button if one.label == label).click().run()
    assert not page.exception
    return page


def texts(page: AppTest) -> str:
    kinds = ("title", "header", "subheader", "markdown", "caption", "info", "success", "warning")
    parts = [str(element.value) for kind in kinds for element in page.get(kind)]
    parts += [str(error.proto) for error in page.error]
    return "\n".join([*parts, *(button.label for button in page.button)])


def username(account_id: str, store: Store) -> str:
    found = local_accounts.list_accounts(store.engine)
    return next(one.username for one in found if one.id == account_id)


def reasons(store: Store) -> list[str]:
    chief = get_account(store.engine, "admin").principal()
    wanted = audit_view.AuditFilter(NOW - timedelta(days=1))
    return [line.reason_code for line in audit_view.newest(chief, store, wanted)]


@pytest.mark.parametrize(
    ("code", "german", "english"),
    [
        ("", "", ""),
        ("passwort", "Passwort geändert", "password changed"),
        ("anmeldung_abgelehnt", "Anmeldung nicht möglich", "Signing in is not possible"),
        (
            "letzte_administration",
            "Das ist die letzte Administration der Kommune",
            "This is the last administration of the municipality",
        ),
        (
            "rolle:viewer:anwendungen",
            "Rolle: Ansicht, andere Anwendungen",
            "Role: View only, other apps",
        ),
        ("rolle:keine", "Rolle: keine Rolle mehr", "Role: no role any more"),
        ("freigabe:alle", "alle Kommunen", "all municipalities"),
        ("segment:250", "Flächen und Objekte finden: 250", "Find areas and objects: 250"),
        ("0.1.0", "0.1.0", "0.1.0"),
    ],
)
def test_reasons_are_words(code: str, german: str, english: str) -> None:
    assert reason_words(code, get_translator("de")) == german
    assert reason_words(code, get_translator("en")) == english


@pytest.mark.parametrize("panel", list(overview.PANELS))
@pytest.mark.parametrize("language", ["de", "en"])
def test_every_panel_opens_complete_in_both_languages(panel: str, language: str) -> None:
    page = open_page(panel, language)
    assert len(page.title) == len(page.header) == 1
    assert "UK-" not in texts(page)
    headings = [str(name) for one in page.table for name in one.value.columns]
    assert foreign_words("\n".join([texts(page), *headings]), language) == []


def test_the_address_keeps_the_panel() -> None:
    page = open_page("sitzungen")
    assert [one.value for one in page.header] == ["Sitzungen"]
    page.radio(key="accounts_panel").set_value("protokoll").run()
    assert page.query_params["bereich"] == "protokoll"
    assert [one.value for one in open_page("<script>").header] == ["Konten"]


@pytest.mark.parametrize("panel", list(overview.PANELS))
@pytest.mark.parametrize("role", ["viewer", "sachbearbeitung"])
def test_nobody_else_sees_anything(panel: str, role: Role, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.ui.failures.note_denial", lambda *_: None)
    somebody = Principal("x", "X", {HOME_TENANT: role, "herten": "admin"}, HOME_TENANT)
    sit_down(somebody, monkeypatch.setattr)
    page = open_page(panel)
    assert not page.table
    assert not page.radio
    assert not page.button
    assert "UK-" in texts(page)


@pytest.mark.parametrize("panel", list(overview.PANELS))
def test_each_panel_asks_the_policy_itself(panel: str, store: Store) -> None:
    with pytest.raises(NotAllowed):
        overview.PANELS[panel].show(CLERK, store, None)  # type: ignore[arg-type]


def test_the_list_shows_each_account_with_its_rights(store: Store) -> None:
    add_account(store.engine, "anna", app_grants={HOME_TENANT: frozenset({"aviary", "unbekannt"})})
    local_accounts.disable(store.engine, "ansicht", NOW)
    rows = open_page().table[0].value
    assert rows["Anmeldename"].tolist() == ["admin", "anna", "ansicht", "sachbearbeitung"]
    assert rows["Rolle"].tolist() == [
        "Administration",
        "Sachbearbeitung",
        "Ansicht",
        "Sachbearbeitung",
    ]
    assert rows["Anwendungen"].tolist()[0:2] == ["alle", "aviary, unbekannt"]
    assert rows["Zustand"].tolist()[1:3] == ["aktiv", "gesperrt"]


def test_a_first_password_is_shown_once_and_kept_nowhere(store: Store) -> None:
    page = open_dialog(NEW_ACCOUNT)
    page.text_input(key="accounts_new_name").input("Bea")
    page.text_input(key="accounts_new_shown").input("Bea *B.*")
    page.multiselect(key="accounts_new_apps").select("aviary")
    click(page, "Anlegen")
    password = page.code[0].value
    assert "Es wird nur jetzt gezeigt." in texts(page)
    assert password not in repr(page.session_state)
    account = local_accounts.sign_in(store.engine, "bea", password, ip_prefix="", now=NOW)
    assert account.must_change
    assert dict(account.rights.roles) == {HOME_TENANT: "sachbearbeitung"}
    assert dict(account.rights.apps) == {HOME_TENANT: frozenset({"aviary"})}
    click(page, "Schließen")
    assert not page.code


@pytest.mark.parametrize(
    ("name", "shown", "words"),
    [
        ("admin", "X", "gibt es schon"),
        ("a/b", "X", "kein Name für ein Konto"),
        ("", "X", "kein Name für ein Konto"),
        ("bea", "", "Der Text"),
        ("bea", "a\0b", "Zeichen"),
    ],
)
def test_a_refused_account_says_why(store: Store, name: str, shown: str, words: str) -> None:
    page = open_dialog(NEW_ACCOUNT)
    page.text_input(key="accounts_new_name").input(name)
    page.text_input(key="accounts_new_shown").input(shown)
    click(page, "Anlegen")
    assert words in texts(page)
    assert not page.code
    assert len(local_accounts.list_accounts(store.engine)) == 3


def test_guessing_is_said(store: Store) -> None:
    for _ in range(5):
        with pytest.raises(SignInRefused):
            local_accounts.sign_in(store.engine, "ansicht", "falsch", ip_prefix="", now=NOW)
    page = choose(open_page(), "accounts_list", 1)
    assert "mehrfach ein falsches Passwort" in texts(page)
    assert "mehrfach" not in texts(choose(page, "accounts_list", 0))


def test_rights_are_saved_and_end_the_sessions(store: Store) -> None:
    anna = add_account(store.engine, "anna")
    cookie, _ = sessions.create(
        store.engine, anna.principal(), mode="lokal", limits=LIMITS, now=NOW
    )
    page = choose(open_page(), "accounts_list", 1)
    fields = [one for one in page.selectbox if str(one.key).startswith("accounts_rights_")]
    fields[0].set_value("viewer")
    page.multiselect[0].select("aviary")
    click(page, "Rechte speichern")
    assert "Die Rechte sind gespeichert." in texts(page)
    rights = get_account(store.engine, "anna").rights
    assert dict(rights.roles) == {HOME_TENANT: "viewer"}
    assert dict(rights.apps) == {HOME_TENANT: frozenset({"aviary"})}
    assert sessions.lookup(store.engine, cookie, datetime.now(UTC)) is None
    assert [one for one in reasons(store) if one] == ["rolle:viewer:anwendungen"]
    page.run()
    assert "Die Rechte sind gespeichert." not in texts(page)


def test_apps_that_this_process_does_not_know_are_not_lost(store: Store) -> None:
    grants = {HOME_TENANT: frozenset({"unbekannt"})}
    add_account(store.engine, "anna", app_grants=grants)
    page = choose(open_page(), "accounts_list", 1)
    page.multiselect[0].select("aviary")
    click(page, "Rechte speichern")
    assert get_account(store.engine, "anna").rights.apps[HOME_TENANT] == {"aviary", "unbekannt"}


def test_the_last_administration_cannot_demote_or_lock_itself(store: Store) -> None:
    page = choose(open_page(), "accounts_list", 0)
    assert "Das ist Ihr eigenes Konto." in texts(page)
    fields = [one for one in page.selectbox if str(one.key).startswith("accounts_rights_")]
    fields[0].set_value("viewer")
    page.multiselect[0].select("aviary")
    click(page, "Rechte speichern")
    assert "letzte Administration" in texts(page)
    assert dict(get_account(store.engine, "admin").rights.apps) == {}
    dialog = open_dialog(DIALOG, name="admin", dialog="lock_or_unlock")
    assert "Sie werden abgemeldet." in texts(dialog)
    click(dialog, "Sperren")
    assert "letzte Administration" in texts(dialog)
    assert get_account(store.engine, "admin").disabled is False


def states(page: AppTest) -> dict[str, bool]:
    """Whether each button below an account can be pressed."""
    return {one.label: not one.disabled for one in page.button if one.label != "Konto anlegen"}


def test_what_cannot_be_done_is_disabled_and_says_why(store: Store) -> None:
    add_tenant(store.engine, "herten")
    add_account(store.engine, "beide", {"herten": "admin", HOME_TENANT: "viewer"})
    page = choose(open_page(), "accounts_list", 0)
    own = states(page)
    assert (own["Neues Passwort"], own["Sperren"], "Rolle nehmen" in own) == (False, True, False)
    assert "Ihr Passwort ändern Sie im Menü" in texts(page)
    page = choose(page, "accounts_list", 2)
    shared = states(page)
    assert (shared["Neues Passwort"], shared["Sperren"]) == (False, False)
    assert shared["Rolle nehmen"] is True
    assert "wer alle seine Kommunen verwaltet" in texts(page)
    page = choose(page, "accounts_list", 1)
    assert set(states(page).values()) == {True}


@pytest.mark.parametrize(
    ("button", "confirm"),
    [
        ("Neues Passwort", "Passwort vergeben"),
        ("Sperren", "Sperren"),
        ("Sitzungen beenden", "Beenden"),
    ],
)
def test_each_action_is_asked_back(store: Store, button: str, confirm: str) -> None:
    before = local_accounts.list_accounts(store.engine)
    page = choose(open_page(), "accounts_list", 1)
    click(page, button)
    assert [one.label for one in page.button][-2:] == [confirm, "Zurück"]
    assert local_accounts.list_accounts(store.engine) == before


def test_a_new_password_is_shown_once(store: Store) -> None:
    dialog = open_dialog(DIALOG, name="ansicht", dialog="reset_password")
    assert not dialog.code
    click(dialog, "Passwort vergeben")
    password = dialog.code[0].value
    local_accounts.sign_in(store.engine, "ansicht", password, ip_prefix="", now=NOW)
    assert password not in repr(dialog.session_state)
    assert reasons(store) == ["passwort_neu"]


def test_an_account_is_locked_and_unlocked(store: Store) -> None:
    click(open_dialog(DIALOG, name="ansicht", dialog="lock_or_unlock"), "Sperren")
    assert get_account(store.engine, "ansicht").disabled is True
    page = choose(open_page(), "accounts_list", 1)
    assert "Entsperren" in states(page)
    dialog = open_dialog(DIALOG, name="ansicht", dialog="lock_or_unlock")
    click(dialog, "Entsperren")
    assert get_account(store.engine, "ansicht").disabled is False
    assert reasons(store) == ["entsperrt", "gesperrt"]


def signed_in(store: Store, name: str) -> tuple[str, SessionView]:
    who = get_account(store.engine, name).principal()
    return sessions.create(store.engine, who, mode="lokal", limits=LIMITS, now=NOW)


def test_the_sessions_of_an_account_end(store: Store) -> None:
    cookie, _ = signed_in(store, "ansicht")
    click(open_dialog(DIALOG, name="ansicht", dialog="end_sessions"), "Beenden")
    assert sessions.lookup(store.engine, cookie, NOW) is None
    assert reasons(store) == ["alle:1"]


def test_a_role_is_taken_where_another_stays(store: Store) -> None:
    add_tenant(store.engine, "herten")
    add_account(store.engine, "beide", {"herten": "viewer", HOME_TENANT: "viewer"})
    page = AppTest.from_string(DIALOG.format(name="beide", dialog="take_role"), default_timeout=60)
    page.query_params["sprache"] = "de"
    page.run().button(key="accounts_leave_yes").click().run()
    assert dict(get_account(store.engine, "beide").rights.roles) == {"herten": "viewer"}


def test_an_account_of_an_own_municipality_is_taken_in(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_tenant(store.engine, "herten")
    add_account(store.engine, "fern", {"herten": "viewer"})
    assert "aufnehmen" not in texts(open_page())
    both = Principal("both", "B", {HOME_TENANT: "admin", "herten": "admin"}, HOME_TENANT)
    sit_down(both, monkeypatch.setattr)
    page = click(open_page(), "Konto einer anderen Kommune aufnehmen")
    assert page.selectbox(key="accounts_take_name").options == ["fern"]
    click(open_dialog(TAKE_IN), "Aufnehmen")
    assert get_account(store.engine, "fern").rights.roles[HOME_TENANT] == "viewer"


def test_where_the_provider_keeps_accounts_none_are_changed_here(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("URBANKI_AUTH_MODE", "keycloak")
    monkeypatch.setattr("shared.ui.accounts.overview.tenant_names", lambda _: {})
    keycloak = Store(
        store.engine, store.files, store.settings.model_copy(update={"auth_mode": "keycloak"})
    )
    monkeypatch.setattr("shared.store.store.process_store", lambda: keycloak)
    page = open_page()
    assert not page.button
    assert "verwaltet hier der Anmeldedienst" in texts(page)
    assert "muss dort gesperrt werden" in texts(open_page("sitzungen"))


def test_a_session_is_ended_but_not_the_own_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookie, _ = signed_in(store, "ansicht")
    _, view = signed_in(store, "admin")
    sit_down(view.principal, monkeypatch.setattr)
    page = open_page("sitzungen")
    assert page.table[0].value["Name"].tolist() == [
        r"Administration \(diese Sitzung\)",
        "Ansicht",
    ]
    choose(page, "accounts_sessions", 0)
    assert "Sitzung beenden" not in [one.label for one in page.button]
    assert "Das ist Ihre eigene Sitzung." in texts(page)
    choose(page, "accounts_sessions", 1)
    click(page, "Sitzung beenden")
    assert sessions.lookup(store.engine, cookie, NOW) is not None
    sit_down(get_account(store.engine, "admin").principal(), monkeypatch.setattr)
    sessions.end(store.engine, view.id)
    click(open_dialog(END_SESSION), "Beenden")
    assert sessions.lookup(store.engine, cookie, NOW) is None


def test_an_open_dialog_asks_anew_who_acts(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    bodies: list[Callable[[], None]] = []

    def keep(body: Callable[[], None]) -> Callable[[], None]:
        bodies.append(body)
        return body

    def note(error: UrbanKiError, *_: object) -> None:
        shown.append(error.code)

    def show(who: Principal, name: str) -> None:
        shown.append(f"{name} {who.role}")

    def nobody() -> Principal:
        raise NotSignedIn()

    monkeypatch.setattr(acting.st, "dialog", lambda *_, **__: keep)
    monkeypatch.setattr("shared.ui.failures.show_failure", note)
    monkeypatch.setattr(acting, "principal", lambda: CLERK)
    acting.open_dialog("Titel", show, "ignore", "anna")
    monkeypatch.setattr(acting, "principal", lambda: person("viewer"))
    bodies[0]()
    monkeypatch.setattr(acting, "principal", nobody)
    bodies[0]()
    assert shown == ["anna sachbearbeitung", "anna viewer", NotSignedIn.code]


def test_the_audit_names_accounts_but_nobody_who_acted(store: Store) -> None:
    chief = get_account(store.engine, "admin").principal()
    administration.disable(chief, store, "ansicht", now=NOW)
    event = AuditEvent(Event.DENIED, CLERK, app="aviary", outcome="refused", object_id="run:1")
    audit.write(store.engine, store.settings, event, now=NOW)
    page = open_page("protokoll")
    rows = page.table[0].value
    assert rows["Vorgang"].tolist() == ["Abgewiesen", "Konto geändert"]
    assert rows["Gegenstand"].tolist() == [r"run\:1", "ansicht"]
    assert rows["Anwendung"].tolist() == ["aviary", "–"]
    assert {len(one) for one in rows["Pseudonym"]} == {audit_panel._SHORT}
    assert "2 Einträge" in texts(page)
    page.selectbox(key="accounts_audit_outcome").set_value("refused").run()
    assert page.table[0].value["Vorgang"].tolist() == ["Abgewiesen"]
    page.selectbox(key="accounts_audit_event").set_value("login").run()
    assert not page.table
    assert "0 Einträge" in texts(page)


def test_the_period_of_the_audit_begins_at_midnight_here(store: Store) -> None:
    now = datetime.now(UTC)  # a long run of all tests may have passed midnight since NOW
    for days in (0, 5, 20, 60):
        event = AuditEvent(Event.START, object_id="lokal")
        audit.write(store.engine, store.settings, event, now=now - timedelta(days=60 - days))
    page = open_page("protokoll")
    counts = []
    for period in ("heute", "woche", "monat", "alles"):
        page.selectbox(key="accounts_audit_period").set_value(period).run()
        counts.append(len(page.table[0].value))
    assert counts == [1, 1, 1, 4]


def test_an_audit_too_large_for_a_table_is_not_offered_as_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        event = AuditEvent(Event.START)
        audit.write(store.engine, store.settings, event, now=NOW)
    assert len(open_page("protokoll").get("download_button")) == 1
    monkeypatch.setattr(audit_panel, "EXPORTED_ROWS", 1)
    monkeypatch.setattr(audit_panel, "SHOWN_ROWS", 1)
    page = open_page("protokoll")
    assert not page.get("download_button")
    assert "Für eine Tabelle sind es zu viele." in texts(page)
    assert "Gezeigt werden die neuesten 1." in texts(page)


def test_hints_are_shown_as_they_are_and_by_app(store: Store) -> None:
    clerk = person("sachbearbeitung")
    feedback.flag(clerk, store, "aviary", 0, "<b>Pool</b> *fehlt*", now=NOW)
    feedback.flag(clerk, store, "archivair", 1, "", now=NOW + timedelta(seconds=1))
    page = open_page("hinweise")
    rows = page.table[0].value
    assert rows["Bewertung"].tolist() == ["stimmt", "stimmt nicht"]
    assert rows["Hinweis"].tolist() == ["–", r"\<b\>Pool\</b\> \*fehlt\*"]
    assert len(page.get("download_button")) == 1
    page.selectbox(key="accounts_hints_app").set_value("aviary").run()
    assert page.table[0].value["Anwendung"].tolist() == ["aviary"]


def publish(store: Store, name: str = "aviary/daecher") -> Layer:
    who = get_account(store.engine, "admin").principal()
    file: StoredFile = artifacts.save(
        who,
        store,
        write_csv(["Name"], [(name,)]),
        name="dächer.csv",
        media_type="text/csv",
        kind="result",
        is_example=True,
        now=NOW,
    )
    run = runs.submit(who, store, RunOrder("aviary", "x", "X", (file,), is_example=True), now=NOW)
    publication = Publication(name, "Dächer *1*", file, {"Name": "text"}, "CC0-1.0", "Musterstadt")
    return dataspace.publish(who, store, run.id, publication, now=NOW)


def test_a_layer_is_shared_with_named_municipalities(store: Store) -> None:
    add_tenant(store.engine, "herten")
    add_tenant(store.engine, "demo")
    layer = publish(store)
    page = choose(open_page("freigaben"), "accounts_layers", 0)
    key = f"accounts_share_{layer.id}"
    page.radio(key=f"{key}_kind").set_value("genannte").run()
    click(page, "Freigabe speichern")
    assert "Bitte wählen Sie mindestens eine Kommune." in texts(page)
    field = page.multiselect(key=f"{key}_tenants")
    assert field.options == ["herten"]
    field.select("herten")
    click(page, "Freigabe speichern")
    assert r"Die Freigabe von „Dächer \*1\*“ ist gespeichert." in texts(page)
    assert page.table[0].value["Wer darf es lesen?"].tolist() == ["herten"]
    far = person("viewer", "herten")
    assert [one.id for one in dataspace.list_layers(far, store)] == [layer.id]
    page.radio(key=f"{key}_kind").set_value("eigene").run()
    click(page, "Freigabe speichern")
    assert dataspace.list_layers(far, store) == []
    assert reasons(store)[:2] == ["freigabe:eigene", "freigabe:genannte"]


def test_layers_of_others_are_not_offered(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    add_tenant(store.engine, "herten")
    layer = publish(store)
    who = get_account(store.engine, "admin").principal()
    dataspace.share(who, store, layer.id, "alle")
    sit_down(person("admin", "herten"), monkeypatch.setattr)
    page = open_page("freigaben")
    assert not page.table
    assert "noch nichts im Datenraum" in texts(page)


def test_settings_show_nothing_that_may_be_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("URBANKI_SECRET_KEY", "geheim-" * 8)
    monkeypatch.setenv("URBANKI_METRICS_TOKEN", "geheim-metrics")
    monkeypatch.setenv("URBANKI_OIDC_CLIENT_SECRET", "geheim-oidc")
    monkeypatch.setenv("URBANKI_SESSION_IDLE_MIN", "17")
    database = process_store().settings.database_address
    monkeypatch.setenv("URBANKI_DATABASE_URL", database)
    begin_process()
    rows = open_page("einstellungen").table[0].value.to_string()
    assert "17" in rows
    assert "geheim" not in rows
    assert "sqlite" not in rows
    assert not [
        name
        for name in settings_panel.SHOWN
        for word in ("secret", "token", "key", "password", "database", "storage", "_dir", "file")
        if word in name
    ]
