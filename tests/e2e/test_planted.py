"""What people type, send and upload is looked for afterwards in all logs and in the database."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser

from tests.e2e.browser import WAIT_MS, observed_page
from tests.e2e.gallery_process import RunningGallery
from tests.e2e.sign_in import COOKIE, PASSWORD, add_account, new_cookie
from tests.e2e.test_journeys import assert_download_works

pytestmark = pytest.mark.timeout(600)
WRONG_PASSWORD = "Gepflanzt-Falsch-Kiesel-881"
TOKEN = ".".join(["eyJhbGciOiJub25lIn0", "eyJzdWIiOiJnZXBmbGFuenQifQ", "Z2VwZmxhbnp0"])
FORGED_COOKIE = "GepflanztesCookie".ljust(43, "x")
FILE = "Bauakte-Gepflanzt-Lindenweg-4711"
REFUSED_FILE = "Bauakte-Gepflanzt-Kaputt-4712"
OF_THE_CASE = {"run", "run_file", "unit"}
"""Whoever ordered a run reads in it which file it is about; all of it goes with the run."""
DONE_WITHIN_S = 240.0


def test_no_secret_is_kept_and_no_file_name_beside_its_case(
    browser: Browser, gallery: RunningGallery, tmp_path: Path
) -> None:
    person = add_account(gallery.data_dir, "petra.pflanze", "sachbearbeitung").username
    with pytest.raises(RuntimeError, match="nobody was signed in"):
        new_cookie(gallery.url, person, WRONG_PASSWORD)
    cookie = new_cookie(gallery.url, person)
    send_forged(gallery.url)
    with observed_page(browser, gallery.url, signed_in=False) as observed:
        observed.page.context.add_cookies([{"name": COOKIE, "value": cookie, "url": gallery.url}])
        observed.open("/archivair")
        page = observed.page
        page.get_by_text("Eigene Datei", exact=True).click()
        page.locator('input[type="file"]').set_input_files(damaged(tmp_path))
        refusal = page.locator('[data-testid="stAlert"]').filter(has_text="Vorgangsnummer")
        refusal.wait_for(timeout=WAIT_MS)
        page.locator('input[type="file"]').set_input_files(scan(tmp_path))
        page.locator('[data-testid="stBaseButton-primary"]:enabled').click(timeout=WAIT_MS)
        wait_until_done(gallery.data_dir / "gallery.db")
        page.locator('[data-testid="stDownloadButton"]').first.wait_for(timeout=2 * WAIT_MS)
        assert_download_works(page)
    folder = gallery.data_dir / "logs"
    logged = b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
    assert b'"event":"login"' in logged, "the audit's copy is among the logs"
    tables = dict(dumped(gallery.data_dir / "gallery.db"))
    for secret in (PASSWORD, WRONG_PASSWORD, TOKEN, FORGED_COOKIE, cookie):
        assert secret.encode() not in logged
        assert [name for name, text in tables.items() if secret in text] == []
    for name in (FILE, REFUSED_FILE):
        assert name.encode() not in logged
        assert {table for table, text in tables.items() if name in text} <= OF_THE_CASE
    assert FILE in tables["run"], "it was planted"


def send_forged(url: str) -> None:
    """Try to get in with a token and a cookie that nobody gave."""
    for headers in ({"Authorization": f"Bearer {TOKEN}"}, {"Cookie": f"{COOKIE}={FORGED_COOKIE}"}):
        assert httpx.get(url, headers=headers, trust_env=False).status_code == 302
        answer = httpx.put(f"{url}/_stcore/upload_file/a/b", headers=headers, trust_env=False)
        assert answer.status_code == 401


def damaged(folder: Path) -> Path:
    file = folder / f"{REFUSED_FILE}.png"
    file.write_bytes(b"kein Bild")
    return file


def scan(folder: Path) -> Path:
    """A page with one line."""
    file = folder / f"{FILE}.png"
    image = Image.new("L", (1240, 400), 255)
    ImageDraw.Draw(image).text((100, 150), "Bauantrag Wohnhaus", fill=0, font_size=60)
    image.save(file, dpi=(150, 150))
    return file


def wait_until_done(database: Path) -> None:
    deadline = time.monotonic() + DONE_WITHIN_S
    query = "select state from run where title like ?"
    while True:
        with contextlib.closing(read_only(database)) as connection:
            found = connection.execute(query, (f"{FILE}%",)).fetchall()
        if found == [("done",)]:
            return
        assert time.monotonic() < deadline, found
        time.sleep(0.5)


def dumped(database: Path) -> Iterator[tuple[str, str]]:
    """Every table and all that is in it."""
    with contextlib.closing(read_only(database)) as connection:
        names = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
        for (name,) in names:
            yield name, repr(connection.execute(f"select * from {name}").fetchall())  # noqa: S608


def read_only(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{database}?mode=ro", uri=True)
