"""A kiosk in a real browser: the story, the countdown, and no way out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from shared.auth.cookies import session_cookie
from shared.auth.kiosk import COUNTDOWN_S, IDLE_S, MOST_GUESTS, guests_at
from shared.jobs.samples import HOUSE
from shared.registry.discover import manifests
from shared.registry.manifest import AppManifest
from shared.registry.story import find_story
from shared.settings import Settings
from shared.store import runs
from shared.store.engine import read_scope
from shared.store.identity_models import SessionRow
from shared.store.models import RunRow
from shared.store.store import Store, open_store
from tests.e2e.browser import Language, Observed, observed_page
from tests.e2e.checks import Finding, check_axe, check_requests
from tests.e2e.gallery_process import RunningGallery, running_gallery

SAMPLES_WITHIN_S = 240
STEP_WITHIN_MS = 60_000
COOKIE = session_cookie(secure=False).name
LEGAL_PAGES = ("/impressum", "/datenschutz", "/barrierefreiheit")
SMALL_TYPE = """() => [...document.querySelectorAll("body *")]
  .filter((part) => part.offsetParent)
  .filter((part) =>
    [...part.childNodes].some((one) => one.nodeType === 3 && one.textContent.trim()))
  .filter((part) => parseFloat(getComputedStyle(part).fontSize) < 20)
  .map((part) => part.textContent)"""
COUNTDOWN = "dialog.kiosk-countdown"
every_app = pytest.mark.parametrize("app", manifests(), ids=lambda app: app.id)
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def kiosk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGallery]:
    """A kiosk whose examples are worked off."""
    folder = tmp_path_factory.mktemp("kiosk")
    with running_gallery(folder, {"URBANKI_MODE": "kiosk"}) as running:
        wait_for_samples(folder)
        yield running


@pytest.fixture
def store(kiosk: RunningGallery) -> Iterator[Store]:
    made = open_store(Settings(_env_file=None, data_dir=kiosk.data_dir))
    yield made
    made.engine.dispose()


def wait_for_samples(data_dir: Path) -> None:
    store = open_store(Settings(_env_file=None, data_dir=data_dir))
    deadline = time.monotonic() + SAMPLES_WITHIN_S
    while {run.app for run in runs.recent(HOUSE, store) if run.state == "done"} != {
        app.id for app in manifests()
    }:
        assert time.monotonic() < deadline, runs.recent(HOUSE, store)
        time.sleep(0.5)
    store.engine.dispose()


@pytest.fixture
def visit(browser: Browser, kiosk: RunningGallery) -> Iterator[Observed]:
    """A guest at the start page whose clock the test sets."""
    with observed_page(browser, kiosk.url, signed_in=False) as observed:
        observed.page.clock.install()
        observed.open("/")
        yield observed
        leave(observed)


def leave(observed: Observed) -> None:
    observed.page.evaluate(
        "fetch('/konto/neustart', { method: 'POST', body: new URLSearchParams() })"
    )


def begin_story(page: Page, app: AppManifest) -> None:
    page.locator(f".st-key-try_{app.id} button").click()
    page.locator(".st-key-story_panel").wait_for(timeout=STEP_WITHIN_MS)


def go_on(page: Page, number: int, *, by_key: bool = False) -> None:
    if by_key:
        page.locator("body").press("ArrowRight")
    else:
        page.locator(".st-key-story_next button").click()
    shown = page.locator(".st-key-story_panel", has_text=f"{number} von ")
    shown.wait_for(timeout=STEP_WITHIN_MS)


def grave(page: Page) -> list[Finding]:
    return [finding for finding in check_axe(page) if finding.grave]


def sessions_of(store: Store) -> set[str]:
    with read_scope(store.engine) as session:
        return set(session.scalars(select(SessionRow.id)))


@every_app
def test_a_story_is_told_to_its_end(visit: Observed, app: AppManifest, artefacts: Path) -> None:
    story = find_story(app.id)
    assert story is not None
    page = visit.page
    begin_story(page, app)
    for number, step in enumerate(story.step, 1):
        if number > 1:
            go_on(page, number, by_key=number % 2 == 0)
        if step.show is not None:
            framed = page.locator(f".st-key-{step.show}[data-urbanki-shown]")
            framed.wait_for(timeout=STEP_WITHIN_MS)
            visit.settle()
            expect(framed).to_be_in_viewport(timeout=STEP_WITHIN_MS)
            below = page.locator(".st-key-story_panel").bounding_box()
            box = framed.bounding_box()
            assert below is not None
            assert box is not None
            assert box["y"] >= below["y"] + below["height"] - 1, step.title
        page.screenshot(path=artefacts / f"kiosk-{app.id}-{number}.png")
    assert page.locator('input[type="file"], input[type="password"]').count() == 0
    assert page.locator('[data-testid="stDownloadButton"]').count() == 1
    page.locator(".st-key-story_end button").click()
    page.locator(f".st-key-try_{app.id}").wait_for(timeout=STEP_WITHIN_MS)
    assert check_requests(visit) == []


def focus_in_frame(page: Page) -> None:
    """Put the focus where the page itself hears no event: into a frame like that of a map."""
    page.evaluate(
        """() => {
          const frame = document.createElement("iframe");
          Object.assign(frame, { id: "rahmen", title: "Karte", srcdoc: "<button>x</button>" });
          document.querySelector('[data-testid="stMain"]').append(frame);
        }"""
    )
    page.frame_locator("#rahmen").locator("button").focus()


def test_nobody_there_begins_anew_also_with_the_focus_in_a_frame(
    visit: Observed, store: Store
) -> None:
    page = visit.page
    before = sessions_of(store)
    begin_story(page, manifests()[0])
    go_on(page, 2)
    visit.settle()
    focus_in_frame(page)
    page.clock.fast_forward((IDLE_S - 5) * 1000)
    page.wait_for_timeout(1500)
    assert page.locator(COUNTDOWN).count() == 0
    page.clock.fast_forward(5_000)
    dialog = page.get_by_role("alertdialog", name="Sind Sie noch da?")
    expect(dialog).to_be_visible(timeout=10_000)
    expect(dialog).to_contain_text("Sekunden beginnt die Vorführung von vorn.")
    expect(page.get_by_role("button", name="Weiter nutzen")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    page.clock.fast_forward((IDLE_S + 1) * 1000)
    expect(dialog).to_be_visible(timeout=10_000)
    page.clock.fast_forward(COUNTDOWN_S * 1000)
    page.locator(".st-key-try_aviary").wait_for(timeout=STEP_WITHIN_MS)
    assert page.url.rstrip("/") == visit.origin
    assert sessions_of(store).isdisjoint(before)
    with read_scope(store.engine) as session:
        assert set(session.scalars(select(RunRow.started_by))) == {HOUSE.subject}


def test_the_button_begins_anew_and_the_way_back_shows_nothing(
    visit: Observed, store: Store
) -> None:
    page = visit.page
    begin_story(page, manifests()[0])
    go_on(page, 2)
    page.locator('[data-testid="stMetric"]').first.wait_for(timeout=STEP_WITHIN_MS)
    left = page.url
    page.locator(".st-key-kiosk_restart button").click()
    page.locator(".st-key-try_aviary").wait_for(timeout=STEP_WITHIN_MS)
    assert page.url.rstrip("/") == visit.origin
    page.goto(left.replace("geschichte=2&", ""))
    page.get_by_text("Dieses Ergebnis gibt es hier nicht").wait_for(timeout=STEP_WITHIN_MS)
    assert page.locator('[data-testid="stMetric"]').count() == 0


def test_the_question_can_be_read_and_answered_by_everybody(visit: Observed) -> None:
    page = visit.page
    page.locator("h1").click()
    page.clock.fast_forward((IDLE_S + 1) * 1000)
    expect(page.get_by_role("alertdialog")).to_be_visible(timeout=10_000)
    assert grave(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("alertdialog")).to_have_count(0)


def test_an_untouched_start_page_asks_nobody(visit: Observed) -> None:
    visit.page.clock.fast_forward((IDLE_S + 5) * 1000)
    visit.page.wait_for_timeout(2500)
    assert visit.page.locator(COUNTDOWN).count() == 0


def test_no_link_leads_away(visit: Observed) -> None:
    page = visit.page
    page.evaluate(
        """() => {
          const places = { weg: "https://example.org/", mail: "mailto:a@example.org" };
          for (const [id, href] of Object.entries(places)) {
            const link = document.createElement("a");
            const left = id === "weg" ? 0 : 500;
            const style = `position:fixed;top:0;left:${left}px;z-index:9999999`;
            Object.assign(link, { id, href, textContent: id, style });
            document.body.append(link);
          }
        }"""
    )
    page.locator("#weg").click()
    page.wait_for_timeout(1500)
    assert page.locator("#weg[href], #mail[href]").count() == 0
    assert page.url.startswith(visit.origin)
    for path in LEGAL_PAGES:
        visit.open(path)
        page.wait_for_timeout(1500)
        hrefs = page.evaluate("[...document.querySelectorAll('a[href]')].map((a) => a.href)")
        assert [href for href in hrefs if not href.startswith(visit.origin)] == []


@pytest.mark.parametrize("language", ["de", "en"])
def test_pages_of_the_kiosk_can_be_used_by_everybody(
    browser: Browser, kiosk: RunningGallery, language: Language
) -> None:
    with observed_page(browser, kiosk.url, language=language, signed_in=False) as observed:
        observed.open("/")
        assert grave(observed.page) == []
        begin_story(observed.page, manifests()[0])
        observed.settle()
        assert grave(observed.page) == []
        sizes = observed.page.evaluate(
            """[...document.querySelectorAll("button, [data-testid='stPageLink'] a")]
               .filter((part) => part.offsetParent)
               .map((part) => [part.textContent, part.getBoundingClientRect()])
               .filter(([, box]) => box.width < 44 || box.height < 44).map(([text]) => text)"""
        )
        assert sizes == []
        assert observed.page.evaluate(SMALL_TYPE) == []
        for path in LEGAL_PAGES:
            observed.open(path)
            assert grave(observed.page) == [], path
        leave(observed)
        assert check_requests(observed) == []


def test_less_motion_shows_all_pictures_at_once(browser: Browser, kiosk: RunningGallery) -> None:
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(kiosk.url)
    pictures = page.locator('[class*="st-key-attract_moving_3"] > *')
    expect(pictures).to_have_count(3, timeout=STEP_WITHIN_MS)
    for place in range(3):
        expect(pictures.nth(place)).to_have_css("opacity", "1")
        expect(pictures.nth(place)).to_have_css("animation-name", "none")
    context.close()


def test_nothing_can_be_uploaded_and_nobody_signs_in(kiosk: RunningGallery) -> None:
    with httpx.Client(base_url=kiosk.url, trust_env=False) as client:
        assert client.get("/").status_code == 200
        assert client.cookies.get(COOKIE)
        for method in ("PUT", "DELETE", "POST"):
            answer = client.request(method, "/_stcore/upload_file/abc/def", content=b"x")
            assert answer.status_code == 403, method
        closed = ("/konto/anmelden", "/konto/passwort", "/konto/verwaltung", "/verwaltung")
        for path in (*closed, "/datenraum", "/modelle"):
            assert client.get(path).status_code == 404, path
        client.post("/konto/neustart", data={"a": "b"}, headers={"origin": kiosk.url})


def takes_place(kiosk: RunningGallery, client: httpx.Client) -> bool:
    """Open the websocket of a page, as a browser does; a moment is enough for a place."""
    with connect(
        f"{kiosk.url.replace('http', 'ws', 1)}/_stcore/stream",
        origin=Origin(kiosk.url),
        subprotocols=[Subprotocol("streamlit")],
        additional_headers={"cookie": f"{COOKIE}={client.cookies[COOKIE]}"},
        proxy=None,
    ) as connection:
        return connection.subprotocol == "streamlit"


def test_the_21st_guest_waits_and_comes_in_when_one_goes(
    kiosk: RunningGallery, store: Store
) -> None:
    clients = [httpx.Client(base_url=kiosk.url, trust_env=False) for _ in range(MOST_GUESTS)]
    try:
        here = guests_at(store.engine, datetime.now(UTC))
        answers = [client.get("/") for client in clients[here:]]
        assert [answer.status_code for answer in answers] == [200] * (MOST_GUESTS - here)
        assert all(takes_place(kiosk, client) for client in clients[here:])
        last = httpx.get(kiosk.url, trust_env=False)
        assert last.status_code == 503
        assert "Bitte warten" in last.text
        assert "set-cookie" not in last.headers
        inside = next(client for client in clients if client.cookies.get(COOKIE))
        inside.post("/konto/neustart", data={"a": "b"}, headers={"origin": kiosk.url})
        assert inside.get("/").status_code == 200
    finally:
        for client in clients:
            if client.cookies.get(COOKIE):
                client.post("/konto/neustart", data={"a": "b"}, headers={"origin": kiosk.url})
            client.close()
