"""One built town for all tests of the app: its vectors take seconds, images are not rendered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.demo_city import CitySettings, CityStore
from shared.settings import REPOSITORY, get_settings

TOWNS = REPOSITORY / "var" / "demo_city"


@pytest.fixture(scope="session")
def built() -> CityStore:
    store = CityStore(TOWNS, CitySettings())
    store.build()
    return store


@pytest.fixture
def town_here(built: CityStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[CityStore]:
    """The installation of the test has the built town."""
    monkeypatch.setenv("URBANKI_DEMO_CITY_DIR", str(built.folder.parent))
    get_settings.cache_clear()
    yield built
    get_settings.cache_clear()


@pytest.fixture
def no_town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The installation of the test has no town yet."""
    monkeypatch.setenv("URBANKI_DEMO_CITY_DIR", str(tmp_path / "demo_city"))
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()
