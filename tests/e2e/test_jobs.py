"""A run in real browsers with a real runner: reload, tabs, kills, double click, stop, retry."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from playwright.sync_api import Browser, Page

from tests.e2e import checks
from tests.e2e.browser import MODES, Mode, Observed, observed_page
from tests.e2e.gallery_process import RunningGallery
from tests.e2e.jobs_house import JobsHouse, running_house

pytestmark = pytest.mark.timeout(240)
START = "Mit Beispiel ausprobieren"
SECONDS = 1000


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobsHouse]:
    with running_house(tmp_path_factory.mktemp("checkout")) as running:
        yield running


def start(observed: Observed, path: str) -> str:
    """Order a run on the page and return its id from the address."""
    observed.open(path)
    observed.page.get_by_role("button", name=START).click()
    observed.page.wait_for_url("**ergebnis=**", timeout=30 * SECONDS)
    return run_id(observed.page)


def run_id(page: Page) -> str:
    return page.url.partition("ergebnis=")[2].partition("&")[0]


def panel(page: Page) -> str:
    return page.locator(".st-key-zehnte_job").inner_text()


def wait_for_panel(page: Page, text: str, seconds: float = 60) -> None:
    found = page.locator(".st-key-zehnte_job").get_by_text(text).first
    found.wait_for(timeout=seconds * SECONDS)


def wait_for_sum(page: Page, units: int, seconds: float = 90) -> None:
    total = sum(number**2 for number in range(units))
    page.get_by_text(f"Summe: {total}", exact=True).wait_for(timeout=seconds * SECONDS)


def started(folder: Path) -> Counter[str]:
    """How often each unit was started."""
    return Counter((folder / "ran.txt").read_text(encoding="utf-8").split())


def test_reload_and_second_tab_show_the_same_run(
    browser: Browser, house: JobsHouse, tmp_path: Path
) -> None:
    with (
        observed_page(browser, house.url) as first,
        observed_page(browser, house.url) as second,
    ):
        run = start(first, house.page_path(tmp_path, 40, 0.5))
        wait_for_panel(first.page, "läuft")
        assert "Sie können diese Seite schließen" in panel(first.page)
        first.page.reload()
        wait_for_panel(first.page, "läuft")
        assert run_id(first.page) == run
        second.open(f"/zehnte?ergebnis={run}")
        wait_for_panel(second.page, "läuft")
        wait_for_sum(first.page, 40)
        wait_for_sum(second.page, 40)
        assert "Zahlen: 40 von 40 fertig" in panel(second.page)
        assert first.console_errors == second.console_errors == []
    assert set(started(tmp_path).values()) == {1}


def test_a_killed_gallery_loses_nothing(browser: Browser, house: JobsHouse, tmp_path: Path) -> None:
    with observed_page(browser, house.url) as observed:
        run = start(observed, house.page_path(tmp_path, 40, 0.5))
        wait_for_panel(observed.page, "läuft")
        house.kill("gallery")
        house.start_gallery()
        wait_for_sum(observed.page, 40)  # the open page connects again by itself
        assert run_id(observed.page) == run
    with observed_page(browser, house.url) as later:
        later.open(f"/zehnte?ergebnis={run}")
        wait_for_sum(later.page, 40)
    assert set(started(tmp_path).values()) == {1}


def test_a_killed_runner_is_told_and_its_run_goes_on(
    browser: Browser, house: JobsHouse, tmp_path: Path
) -> None:
    with observed_page(browser, house.url) as observed:
        run = start(observed, house.page_path(tmp_path, 30, 0.5))
        house.wait_for(lambda: house.runs()[0].units_done >= 10, "jobs")
        house.kill("jobs")
        wait_for_panel(observed.page, "unterbrochen (läuft von selbst weiter)")
        wait_for_panel(observed.page, "Der Auftragsdienst läuft nicht.")
        assert "Die zehnte Anwendung antwortet." in observed.page.locator("body").inner_text()
        house.start_jobs()
        wait_for_sum(observed.page, 30)
        assert "30 von 30" in panel(observed.page)
    (finished,) = [one for one in house.runs() if one.id == run]
    assert (finished.units_done, finished.units_failed) == (30, 0)
    again = [key for key, times in started(tmp_path).items() if times > 1]
    assert len(again) <= 8, "only what was being worked on runs again"


def test_double_click_and_two_tabs_make_one_run(
    browser: Browser, house: JobsHouse, tmp_path: Path
) -> None:
    before = len(house.runs())
    path = house.page_path(tmp_path, 8, 0.3)
    with (
        observed_page(browser, house.url) as first,
        observed_page(browser, house.url) as second,
    ):
        first.open(path)
        second.open(path)
        buttons = [tab.page.get_by_role("button", name=START) for tab in (first, second)]
        buttons[0].dblclick()
        buttons[1].click()
        for tab in (first, second):
            wait_for_sum(tab.page, 8)
        assert run_id(first.page) == run_id(second.page)
    assert len(house.runs()) == before + 1
    assert set(started(tmp_path).values()) == {1}


def test_a_stop_is_confirmed_and_keeps_what_is_done(
    browser: Browser, house: JobsHouse, tmp_path: Path, artefacts: Path
) -> None:
    with observed_page(browser, house.url) as observed:
        page = observed.page
        run = start(observed, house.page_path(tmp_path, 60, 0.5))
        house.wait_for(lambda: house.runs()[0].units_done >= 2, "jobs")
        page.get_by_role("button", name="Abbrechen", exact=True).click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_text("Was fertig ist, bleibt erhalten.").wait_for()
        page.wait_for_timeout(5 * SECONDS)  # the panel refreshes meanwhile
        assert dialog.is_visible()
        observed.screenshot(artefacts / "job-stop.png")
        dialog.get_by_role("button", name="Ja, abbrechen").click()
        ended = page.locator(".st-key-zehnte_job").get_by_text("abgebrochen", exact=True)
        ended.first.wait_for(timeout=60 * SECONDS)
        (stopped,) = [one for one in house.runs() if one.id == run]
        assert stopped.state == "cancelled"
        assert 2 <= stopped.units_done < 60
        page.get_by_role("button", name="Fortsetzen").click()
        wait_for_sum(page, 60)
        assert observed.console_errors == []


@pytest.mark.parametrize("mode", MODES)
def test_failed_units_are_listed_and_tried_again(
    browser: Browser, house: JobsHouse, tmp_path: Path, artefacts: Path, mode: Mode
) -> None:
    with observed_page(browser, house.url, mode) as observed:
        page = observed.page
        start(observed, house.page_path(tmp_path, 40, 0.8, bad="2,5"))
        page.get_by_text("fertigen Teilen).").first.wait_for(timeout=60 * SECONDS)
        wait_for_panel(page, "Zahl 3: Die Datei ist größer als 20 MB.")
        observed.screenshot(artefacts / f"job-running-{mode}.png")
        assert grave(page, observed) == []
        wait_for_panel(page, "fertig mit Fehlern")
        wait_for_panel(page, "38 von 40 fertig, 2 gescheitert")
        wait_for_panel(page, "Die Datei ist größer als 20 MB.")
        observed.settle()
        observed.screenshot(artefacts / f"job-failed-{mode}.png")
        assert grave(page, observed) == []
        (tmp_path / "mended").touch()
        page.get_by_role("button", name="Gescheiterte erneut versuchen").click()
        wait_for_sum(page, 40)
    repeated = {key for key, times in started(tmp_path).items() if times > 1}
    assert repeated == {"2", "5"}


@pytest.mark.parametrize("mode", MODES)
def test_a_result_is_taken_along_shared_and_judged(
    browser: Browser, house: JobsHouse, tmp_path: Path, artefacts: Path, mode: Mode
) -> None:
    with observed_page(browser, house.url, mode) as observed:
        page = observed.page
        start(observed, house.page_path(tmp_path, 3, 0.1))
        wait_for_sum(page, 3)
        observed.settle()
        with page.expect_download() as download:
            page.get_by_role("button", name="Quadrate (CSV)").click()
        assert download.value.path().read_text(encoding="utf-8-sig").splitlines() == [
            *("Zahl;Quadrat", "0;0", "1;1", "2;4")
        ]
        page.get_by_text("Stimmt das Ergebnis?").click()
        page.get_by_label("Passt nicht").click()
        page.get_by_role("textbox").first.fill("Die 4 fehlt")
        observed.screenshot(artefacts / f"result-feedback-{mode}.png")
        assert grave(page, observed) == []
        page.get_by_role("button", name="Hinweis senden").click()
        page.get_by_text("Danke, Ihr Hinweis ist angekommen.").wait_for()
        page.get_by_role("button", name="Für andere Anwendungen freigeben").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Titel").wait_for()
        observed.screenshot(artefacts / f"result-publish-{mode}.png")
        assert grave(page, observed) == []
        dialog.get_by_role("button", name="Freigeben", exact=True).click()
        page.get_by_text("Im Datenraum als „zehnte/quadrate“").wait_for()
        observed.open("/datenraum")
        page.get_by_label("Zeile auswählen").click()
        page.get_by_role("option").first.click()
        page.get_by_role("heading", name="Vorschau").wait_for()
        observed.settle()
        observed.screenshot(artefacts / f"dataspace-{mode}.png")
        assert grave(page, observed) == []


def test_a_deleted_run_is_gone(browser: Browser, house: JobsHouse, tmp_path: Path) -> None:
    with observed_page(browser, house.url) as observed:
        page = observed.page
        run = start(observed, house.page_path(tmp_path, 3, 0.1))
        wait_for_sum(page, 3)
        observed.settle()
        page.get_by_role("button", name="Löschen", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Ja, löschen").click()
        page.locator(".st-key-zehnte_job").wait_for(state="detached")
        assert "ergebnis=" not in page.url
        assert run not in [one.id for one in house.runs()]
        observed.open(f"/zehnte?ergebnis={run}")
        page.get_by_text("Dieses Ergebnis gibt es hier nicht.").wait_for()


@pytest.mark.timeout(180)
def test_a_killed_runner_is_started_again_by_the_start_command(gallery: RunningGallery) -> None:
    before = {process.pid for process in gallery.part("shared.jobs")}
    (runner,) = [
        process
        for process in gallery.part("shared.jobs")
        if process.cmdline()[1:] == ["-m", "shared.jobs"]
    ]
    runner.kill()
    deadline = time.monotonic() + 60
    while not {process.pid for process in gallery.part("shared.jobs")} - before:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    while httpx.get(f"{gallery.url}/healthz").json()["jobs"] != "running":
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert not before & set(psutil.pids()), "no worker outlives its runner"


def grave(page: Page, observed: Observed) -> list[str]:
    findings = [
        *checks.check_axe(page),
        *checks.check_language(page, "de"),
        *checks.check_requests(observed),
    ]
    return [f"{finding.check}: {finding.text}" for finding in findings if finding.grave]


@pytest.mark.parametrize("mode", MODES)
def test_home_lists_the_last_runs(
    browser: Browser, house: JobsHouse, tmp_path: Path, artefacts: Path, mode: Mode
) -> None:
    with observed_page(browser, house.url, mode) as observed:
        page = observed.page
        run = start(observed, house.page_path(tmp_path, 3, 0.1))
        wait_for_sum(page, 3)
        observed.open("/")
        page.get_by_role("heading", name="Zuletzt bearbeitet").wait_for()
        page.get_by_text("Auftragsdienst läuft", exact=True).wait_for(timeout=30 * SECONDS)
        observed.screenshot(artefacts / f"home-runs-{mode}.png")
        assert grave(page, observed) == []
        page.locator(f".st-key-user_run_{run}").get_by_role("link").click()
        wait_for_sum(page, 3)
        assert run_id(page) == run
