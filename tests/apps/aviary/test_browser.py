"""A person's way through the page in a real browser, with the real jobs and the shipped model."""

from datetime import datetime

import pytest
import rasterio
from playwright.sync_api import Page
from rasterio.transform import from_origin

from apps.aviary.painted.sample import render_sample
from shared.contracts.provenance import LOCAL_ZONE
from shared.settings import Settings
from shared.store import dataspace
from shared.store.provenance import read_back
from shared.store.store import open_store
from tests.e2e.browser import chromium, observed_page
from tests.e2e.gallery_process import running_gallery
from tests.shared.people_of_tests import ADMIN

pytestmark = [pytest.mark.browser, pytest.mark.server, pytest.mark.timeout(420)]
WITHIN_MS = 120_000
LAYER = "aviary/solar/strassen_west"


def save(path):
    """An invented neighbourhood with a place on the map."""
    rgb = render_sample(21).rgb[:700, :900]
    with rasterio.open(
        path, "w", driver="GTiff", width=900, height=700, count=3, dtype="uint8",
        crs="EPSG:25832", transform=from_origin(400000, 5700000, 0.1, 0.1),
    ) as target:  # fmt: skip
        target.write(rgb.transpose(2, 0, 1))
    return path


def finds(page: Page) -> str:
    page.get_by_text("Was kam heraus?", exact=True).first.wait_for(timeout=WITHIN_MS)
    return page.locator('[data-testid="stMetricValue"]').first.inner_text()


def download(page: Page, label: str, folder):
    with page.expect_download(timeout=WITHIN_MS) as started:
        page.get_by_role("button", name=label).click()
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    return path


def test_upload_result_export_publication_deletion(tmp_path):
    (tmp_path / "haus").mkdir()
    image = save(tmp_path / "Straßen West.tif")
    with (
        running_gallery(tmp_path / "haus") as gallery,
        chromium() as browser,
        observed_page(browser, gallery.url) as observed,
    ):
        page = observed.page
        observed.open("/aviary?rezept=solar")
        page.get_by_text("Eigene Datei", exact=True).click()
        observed.settle()
        page.locator('input[type="file"]').set_input_files(image)
        page.get_by_text("Das Bild liegt in EPSG:25832.").wait_for(timeout=WITHIN_MS)
        page.get_by_role("button", name="Auswerten", exact=True).click()
        found = finds(page)
        address = page.url.removeprefix(gallery.url)
        assert "ergebnis=" in address
        check_other_tab(browser, gallery.url, address, found)
        check_exports(page, tmp_path)
        check_publication(page)
        check_layer(tmp_path / "haus", int(found))
        check_deletion(page, observed, address)
        assert observed.foreign_requests == []
        assert observed.console_errors == []


def check_other_tab(browser, url: str, address: str, found: str) -> None:
    with observed_page(browser, url) as other:
        other.open(address)
        assert finds(other.page) == found


def check_exports(page: Page, folder) -> None:
    first_day = datetime.now(LOCAL_ZONE).date()
    for label, ending in (("Bericht (PDF)", "pdf"), ("Geodaten (GeoPackage)", "gpkg")):
        path = download(page, label, folder)
        days = {first_day, datetime.now(LOCAL_ZONE).date()}  # it may be midnight
        assert path.name in {f"aviary_strassen-west_{day}.{ending}" for day in days}
        assert read_back(path)["source"] == "Straßen West.tif"


def check_publication(page: Page) -> None:
    page.get_by_text("Für andere Anwendungen freigeben").first.click()
    for label, words in (("Lizenz", "dl-de/zero-2-0"), ("Quellenangabe", "Geobasis NRW")):
        field = page.get_by_label(label)
        field.fill(words)
        field.press("Enter")
        page.wait_for_timeout(500)
    page.get_by_role("button", name="Ergebnis so vorbereiten").click()
    page.locator(".st-key-aviary_publish button").click(timeout=WITHIN_MS)
    page.get_by_role("dialog").get_by_role("button", name="Freigeben").click()
    page.get_by_text(f"Im Datenraum als „{LAYER}“, Fassung 1.").wait_for(timeout=WITHIN_MS)


def check_layer(data_dir, finds_shown: int) -> None:
    store = open_store(Settings(_env_file=None, data_dir=data_dir))
    (layer,) = dataspace.list_layers(ADMIN, store)
    assert (layer.name, layer.crs, layer.licence) == (LAYER, "EPSG:25832", "dl-de/zero-2-0")
    assert len(dataspace.read_layer(ADMIN, store, LAYER)) == finds_shown
    store.engine.dispose()


def check_deletion(page: Page, observed, address: str) -> None:
    page.locator(".st-key-aviary_job_delete button").click()
    page.get_by_role("dialog").get_by_role("button", name="Ja, löschen").click()
    page.get_by_role("button", name="Mit Beispiel ausprobieren").wait_for(timeout=WITHIN_MS)
    assert "ergebnis" not in page.url
    observed.open(address)
    page.get_by_text("Dieses Ergebnis gibt es hier nicht.").wait_for(timeout=WITHIN_MS)
