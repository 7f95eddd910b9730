"""The gate over all pages: axe, language, requests, errors, structure, keyboard."""

import json
from pathlib import Path
from typing import cast

import pytest
from playwright.sync_api import Browser

from tests.e2e import checks
from tests.e2e.audit import audit, row_grave
from tests.e2e.browser import MODES, Language, Mode, observed_page
from tests.e2e.gallery_process import RunningGallery

PASSES: list[tuple[Mode, Language]] = [*((mode, "de") for mode in MODES), ("light", "en")]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("mode", "language"), PASSES)
def test_every_page_passes_the_gate(
    browser: Browser, gallery: RunningGallery, artefacts: Path, mode: Mode, language: Language
) -> None:
    report = audit(browser, gallery.url, ["all"], [mode], language, artefacts)
    rows = cast("list[dict[str, object]]", report["pages"])
    file = artefacts / f"audit-{mode}-{language}.json"
    file.write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")
    assert len(rows) >= 5
    wrong = [
        f"{row['page']}: {finding['check']}: {finding['text']}"
        for row in rows
        if row_grave(row)
        for finding in cast("list[dict[str, str]]", row["findings"])
        if finding["grave"]
    ]
    assert wrong == []


def test_allow_lists_are_short_and_dated() -> None:
    assert len(checks.axe_allowances()) <= 3


BAD_PAGE = """<!doctype html><html lang="en"><head><title>x</title></head><body>
<h1>Eins</h1><h1>Zwei</h1><img src="/missing.png"><button></button>
<p style="color:#bbb;background:#fff">Kaum zu lesen</p><div tabindex="0" onkeydown="event.
preventDefault()">Falle</div><a href="#" tabindex="0">Browse files</a>
<script src="https://cdn.example/a.js"></script><script>console.error("kaputt")</script>"""


def test_the_gate_sees_a_bad_page(browser: Browser, gallery: RunningGallery) -> None:
    """The checks themselves: a page full of mistakes has all of them found."""
    with observed_page(browser, gallery.url) as observed:
        page = observed.page
        page.route("**/bad", lambda route: route.fulfill(body=BAD_PAGE, content_type="text/html"))
        page.route("https://cdn.example/**", lambda route: route.abort())
        page.goto(f"{gallery.url}/bad")
        page.wait_for_load_state("networkidle")
        findings = [
            *checks.check_structure(page, "de"),
            *checks.check_axe(page),
            *checks.check_language(page, "de"),
            *checks.check_keyboard(page),
            *checks.check_requests(observed),
        ]
    kinds = {finding.check for finding in findings if finding.grave}
    expected = {"lang", "h1", "axe", "language", "keyboard", "foreign request", "console"}
    assert expected <= kinds
    rules = {finding.text.split()[0] for finding in findings if finding.check == "axe"}
    assert {"button-name", "color-contrast", "image-alt"} <= rules


FORBIDDEN = """() => {
  const script = document.createElement("script");
  script.textContent = "window.ran = true";
  const picture = new Image();
  picture.src = "https://cdn.example/a.png";
  document.body.append(script, picture);
}"""


def test_the_gate_sees_what_the_policy_forbids(browser: Browser, gallery: RunningGallery) -> None:
    with observed_page(browser, gallery.url) as observed:
        observed.open("/")
        assert checks.check_requests(observed) == []
        observed.page.evaluate(FORBIDDEN)
        observed.page.wait_for_timeout(1000)
        assert observed.page.evaluate("window.ran") is None
        said = [one.text for one in checks.check_requests(observed) if one.check == "console"]
    assert [text for text in said if "Content Security Policy" in text and "script" in text]
    assert [text for text in said if "Content Security Policy" in text and "a.png" in text]


@pytest.mark.parametrize(
    ("text", "language", "words"),
    [
        ("Browse files", "de", ["Browse", "files"]),
        ("200 MB je Datei", "de", []),
        ("Datei hochladen", "en", ["Datei", "hochladen"]),
        ("Leaflet", "de", []),
        ("Server bereit, Status und Export", "de", []),
    ],
)
def test_word_lists(text: str, language: Language, words: list[str]) -> None:
    assert checks.foreign_words(text, language) == words
