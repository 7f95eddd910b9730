"""The administration in a real browser: dialogs, what becomes of a double click, outlines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from sqlalchemy import Engine

from shared.auth import local_accounts
from shared.auth.audit_chain import entries
from shared.settings import Settings
from shared.store.engine import make_engine
from shared.ui.accounts.overview import PANELS
from tests.e2e import checks
from tests.e2e.browser import WAIT_MS, Mode, Observed, observed_page
from tests.e2e.gallery_process import running_pages
from tests.e2e.sign_in import PASSWORD, add_account, sign_in_for_all

pytestmark = pytest.mark.timeout(240)
OUTLINES = """() => [...document.querySelectorAll(`[data-testid="stMain"] :is(
    [data-testid="stSelectbox"] [role="group"], [data-testid="stMultiSelect"] [role="group"],
    [data-testid="stRadioOption"]:has(input:not(:checked)) div,
    [data-testid^="stBaseButton-secondary"])`)]
  .filter(part => !part.matches(':hover, :focus-within, :disabled'))
  .map(part => getComputedStyle(part))
  .filter(style => parseFloat(style.borderTopWidth) > 0)
  .map(style => style.borderTopColor)"""
WANTED = """() => {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = "var(--widget-border)";
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Engine]]:
    """Address and database of a gallery process whose administration is signed in."""
    folder: Path = tmp_path_factory.mktemp("administration")
    with running_pages(folder) as url:
        sign_in_for_all(url, folder)
        add_account(folder, "anna", "sachbearbeitung")
        engine = make_engine(Settings(_env_file=None, data_dir=folder))
        yield url, engine
        engine.dispose()


@pytest.fixture
def observed(browser: Browser, house: tuple[str, Engine]) -> Iterator[Observed]:
    with observed_page(browser, house[0]) as page:
        page.open("/konto/verwaltung")
        assert page.page.url.endswith("/verwaltung?bereich=konten")
        yield page


def choose(observed: Observed, name: str) -> None:
    observed.page.get_by_label("Zeile auswählen").click()
    observed.page.get_by_role("option").filter(has_text=name).click()
    expect(observed.page.get_by_role("table")).to_contain_text("(gewählt)", timeout=WAIT_MS)
    observed.settle()


def dialog_of(page: Page, button: str) -> Locator:
    page.get_by_role("button", name=button, exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    return dialog


def test_a_first_password_survives_a_double_click_and_its_dialog_closes(
    observed: Observed, house: tuple[str, Engine]
) -> None:
    page, (_, engine) = observed.page, house
    dialog = dialog_of(page, "Konto anlegen")
    dialog.get_by_label("Anmeldename").fill("dora")
    dialog.get_by_label("Name auf den Seiten").fill("Dora D.")
    dialog.get_by_role("button", name="Anlegen").dblclick()
    observed.settle()
    expect(dialog.locator("code")).to_have_count(1, timeout=WAIT_MS)
    observed.settle()
    password = dialog.locator("code").inner_text()
    account = local_accounts.sign_in(engine, "dora", password, ip_prefix="", now=datetime.now(UTC))
    assert account.must_change
    dialog.get_by_text("Schließen").click()
    expect(page.get_by_role("dialog")).to_have_count(0, timeout=WAIT_MS)
    observed.settle()
    assert "dora" in page.get_by_role("table").inner_text()
    assert password not in page.content()
    assert observed.console_errors == []


def test_a_new_password_is_read_and_gone(observed: Observed, house: tuple[str, Engine]) -> None:
    choose(observed, "anna")
    dialog = dialog_of(observed.page, "Neues Passwort")
    dialog.get_by_role("button", name="Passwort vergeben").click()
    expect(dialog.locator("code")).to_have_count(1, timeout=WAIT_MS)
    password = dialog.locator("code").inner_text()
    assert password != PASSWORD
    dialog.get_by_text("Schließen").click()
    expect(observed.page.get_by_role("dialog")).to_have_count(0, timeout=WAIT_MS)
    local_accounts.sign_in(house[1], "anna", password, ip_prefix="", now=datetime.now(UTC))


def test_locking_is_asked_back_and_said(observed: Observed, house: tuple[str, Engine]) -> None:
    choose(observed, "anna")
    dialog = dialog_of(observed.page, "Sperren")
    dialog.get_by_role("button", name="Zurück").click()
    expect(observed.page.get_by_role("dialog")).to_have_count(0, timeout=WAIT_MS)
    assert not local_accounts.get_account(house[1], "anna").disabled
    dialog = dialog_of(observed.page, "Sperren")
    dialog.get_by_role("button", name="Sperren").click()
    expect(observed.page.get_by_text("Das Konto „anna“ ist gesperrt.")).to_have_count(
        1, timeout=WAIT_MS
    )
    assert local_accounts.get_account(house[1], "anna").disabled
    dialog = dialog_of(observed.page, "Entsperren")
    dialog.get_by_role("button", name="Entsperren").click()
    expect(observed.page.get_by_text("Das Konto „anna“ ist entsperrt.")).to_have_count(
        1, timeout=WAIT_MS
    )


def test_the_audit_is_taken_along(observed: Observed, house: tuple[str, Engine]) -> None:
    observed.open("/verwaltung?bereich=protokoll")
    with observed.page.expect_download() as taken:
        observed.page.get_by_role("button", name="Als Tabelle herunterladen (CSV)").click()
    assert taken.value.suggested_filename.startswith("verwaltung_protokoll_")
    lines = Path(taken.value.path()).read_text("utf-8-sig").splitlines()
    assert lines[0].startswith("Nummer;Zeitpunkt;Vorgang")
    noted = list(entries(house[1]))
    assert len(lines) == len(noted)  # with the headings, without the export itself
    assert noted[-1].event == "audit_export"


@pytest.mark.parametrize("mode", ["light", "dark", "mobile"])
def test_every_panel_passes_axe_and_fits(
    browser: Browser, house: tuple[str, Engine], mode: Mode
) -> None:
    with observed_page(browser, house[0], mode) as observed:
        page = observed.page
        for panel in PANELS:
            observed.open(f"/verwaltung?bereich={panel}")
            if panel in ("konten", "sitzungen"):
                choose(observed, "Kim Lee")
            assert checks.check_axe(page) == [], panel
            wide = "document.documentElement.scrollWidth - innerWidth"
            assert page.evaluate(wide) <= 0, panel
            page.mouse.move(0, 0)
            assert set(page.evaluate(OUTLINES)) <= {page.evaluate(WANTED)}, panel
        assert observed.foreign_requests == observed.console_errors == []
