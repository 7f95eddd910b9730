"""Audit of all pages in a real browser.

`python -m tests.e2e.audit --pages all --modes light,dark,mobile --lang de --out audit.json` starts
the gallery, opens every page and writes what is wrong; exit 1 on any grave finding.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser

from tests.e2e import checks
from tests.e2e.browser import MODES, Language, Mode, chromium, observed_page
from tests.e2e.checks import Finding
from tests.e2e.gallery_process import running_gallery
from tests.e2e.pages import GalleryPage, account_pages, app_pages, house_pages
from tests.e2e.sign_in import share_cookie

RESULT_WAIT_MS = 60_000


def audit_page(
    browser: Browser,
    origin: str,
    page: GalleryPage,
    mode: Mode,
    language: Language,
    screenshots: Path | None = None,
) -> tuple[str, list[Finding]]:
    """Open a page in one mode and language and run every check.

    Returns:
        Title of the page and its findings.
    """
    with observed_page(browser, origin, mode, language, signed_in=page.signed_in) as observed:
        if page.is_plain:
            observed.open_plain(page.path)
        else:
            observed.open(page.path)
        if page.shows_result:
            observed.wait_for_result(RESULT_WAIT_MS)
        findings = [
            *checks.check_structure(observed.page, language),
            *checks.check_axe(observed.page),
            *checks.check_language(observed.page, language),
        ]
        if screenshots is not None:
            file = screenshots / f"{page.name}-{mode}-{language}.png"
            observed.screenshot(file)
        if mode == "light":
            findings += checks.check_keyboard(observed.page)
        findings += checks.check_requests(observed)
        return observed.page.title(), findings


def audit(
    browser: Browser,
    origin: str,
    names: Sequence[str],
    modes: Sequence[Mode],
    language: Language,
    screenshots: Path | None = None,
) -> dict[str, object]:
    """Audit pages of a running gallery; `names` may be ["all"]."""
    rows: list[dict[str, object]] = []
    titles: dict[str, str] = {}
    for page in [*account_pages(), *house_pages(browser, origin), *app_pages()]:
        if names != ["all"] and page.name not in names:
            continue
        for mode in modes:
            title, findings = audit_page(browser, origin, page, mode, language, screenshots)
            if page.owns_title and titles.setdefault(title, page.name) != page.name:
                text = f"{title!r} is also the title of {titles[title]}"
                findings.append(Finding("title", text))
            found = [asdict(finding) for finding in findings]
            rows.append({"page": page.name, "mode": mode, "title": title, "findings": found})
    return {
        "language": language,
        "audited_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "axe_allowances": len(checks.axe_allowances()),
        "grave": sum(row_grave(row) for row in rows),
        "pages": rows,
    }


def row_grave(row: dict[str, object]) -> int:
    """Count the grave findings of one row."""
    findings = row["findings"]
    return sum(1 for finding in findings if finding["grave"]) if isinstance(findings, list) else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.audit")
    parser.add_argument("--pages", default="all")
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--lang", choices=("de", "en"), default="de")
    parser.add_argument("--out", type=Path, default=Path("audit.json"))
    parser.add_argument("--screenshots", type=Path)
    parser.add_argument("--url", help="a gallery that runs already")
    parser.add_argument("--cookie", default="", help="value of the session's cookie there")
    given = parser.parse_args(arguments)
    modes = [mode for mode in MODES if mode in given.modes.split(",")]
    if given.screenshots:
        given.screenshots.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        url = given.url
        if not url:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            url = stack.enter_context(running_gallery(folder)).url
        elif given.cookie:
            share_cookie(url, given.cookie)
        browser = stack.enter_context(chromium())
        names = given.pages.split(",")
        report = audit(browser, url, names, modes, given.lang, given.screenshots)
    given.out.write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")
    sys.stdout.write(f"{report['grave']} grave findings, {given.out}\n")
    return 1 if report["grave"] else 0


if __name__ == "__main__":
    sys.exit(main())
