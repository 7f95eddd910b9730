"""The images of Musterstadt while the runner is killed: told on the page, nothing lost."""

import shutil
from collections.abc import Iterator

import pytest
import rasterio
from playwright.sync_api import Browser

from shared.demo_city import CitySettings, CityStore, all_tiles
from shared.settings import REPOSITORY
from tests.e2e.browser import observed_page
from tests.e2e.jobs_house import JobsHouse, running_house

TOWNS = REPOSITORY / "var" / "demo_city"
SECONDS = 1000
CENTRE_TILES, MISSING_TILES = 16, 4
PANEL = ".st-key-musterstadt_job"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> CityStore:
    """A copy of the town that all tests share, without its last images."""
    shared = CityStore(TOWNS, CitySettings())
    shared.build()
    central = [tile.key for tile in all_tiles(shared.settings)][:CENTRE_TILES]
    kept = tuple(f"{key}-" for key in central[:-MISSING_TILES])

    def left_out(_: str, names: list[str]) -> list[str]:
        return [
            name
            for name in names
            if name.startswith(".part-")
            or name.endswith(".lock")
            or (name.endswith(".tif") and not name.startswith(kept))
        ]

    towns = tmp_path_factory.mktemp("towns")
    shutil.copytree(shared.folder, towns / shared.folder.name, ignore=left_out)
    return CityStore(towns, CitySettings())


@pytest.fixture(scope="module")
def house(town: CityStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JobsHouse]:
    environment = {
        "URBANKI_DEMO_CITY_DIR": str(town.folder.parent),
        "URBANKI_DEMO_CITY_IMAGES": "centre",
    }
    with running_house(tmp_path_factory.mktemp("checkout"), environment) as running:
        yield running


def written(town: CityStore) -> dict[str, int]:
    """When each image was written."""
    return {path.name: path.stat().st_mtime_ns for path in town.folder.rglob("*-image.tif")}


@pytest.mark.timeout(400)
def test_a_killed_runner_loses_no_image(
    browser: Browser, house: JobsHouse, town: CityStore
) -> None:
    at_first = len(written(town))
    with observed_page(browser, house.url) as observed:
        page = observed.page
        page.goto(f"{house.url}/musterstadt?beispiel=1", wait_until="commit")
        page.wait_for_url("**ergebnis=**")
        house.wait_for(lambda: len(written(town)) > at_first, "jobs")
        house.kill("jobs")
        before = written(town)
        assert len(before) < CENTRE_TILES, "the kill came too late to interrupt anything"
        panel = page.locator(PANEL)
        panel.get_by_text("unterbrochen (läuft von selbst weiter)").first.wait_for()
        page.get_by_role("heading", name="Die Stadt in Zahlen").wait_for()
        house.start_jobs()
        panel.wait_for(state="detached", timeout=240 * SECONDS)
        page.get_by_text("Das Luftbild entsteht gerade").wait_for(state="detached")
        assert observed.console_errors == []
    (run,) = house.runs()
    assert (run.state, run.units_done, run.units_failed) == ("done", CENTRE_TILES, 0)
    after = written(town)
    assert len(after) == CENTRE_TILES
    assert {name: after[name] for name in before} == before, "what was there is not made again"
    for path in town.folder.rglob("*-image.tif"):
        with rasterio.open(path) as image:
            assert image.read(1).any(), path.name
