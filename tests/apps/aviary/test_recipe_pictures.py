"""Pictures of the cards: drawn from the town where it is rendered, else absent."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from apps.aviary.recipe_book import pictures as recipe_pictures
from apps.aviary.recipes import recipe_names
from shared.demo_city import CitySettings, CityStore, all_tiles, prepare_city
from shared.settings import get_settings


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CityStore:
    settings = get_settings().model_copy(update={"demo_city_dir": tmp_path})
    monkeypatch.setattr(recipe_pictures, "get_settings", lambda: settings)
    return CityStore(settings.demo_city_folder, CitySettings())


def test_every_recipe_has_a_scene() -> None:
    assert set(recipe_pictures.SCENES) == set(recipe_names())


def test_cards_do_without_while_nothing_is_rendered(store: CityStore) -> None:
    assert recipe_pictures.recipe_picture("solar") is None
    assert recipe_pictures.recipe_picture("unknown") is None


@pytest.mark.timeout(600)
def test_a_picture_is_drawn_once_the_town_is_there(store: CityStore) -> None:
    store.build()
    older, newer = (str(day.year) for day in store.settings.flights)
    render(store, newer, "water", "change")
    check(recipe_pictures.recipe_picture("water"))
    painted = recipe_pictures.recipe_picture("change")
    check(painted)
    render(store, older, "change")
    both = recipe_pictures.recipe_picture("change")
    check(both)
    assert both != painted


def test_changes_are_painted_where_the_town_has_one_flight_only(
    store: CityStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The picture shows houses on its right half that its left half does not have."""
    ready = {str(store.settings.flights[-1].year)}
    monkeypatch.setattr(CityStore, "ready_share", lambda self, year, bounds: float(year in ready))
    content = recipe_pictures.recipe_picture("change")
    check(content)
    assert content is not None
    pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)
    width = recipe_pictures.SIZE_PX[0] // 2
    before, after = pixels[:, : width - 2], pixels[:, width : 2 * width - 2]
    changed = np.abs(before - after).sum(axis=2) > 90
    assert 0.03 < changed.mean() < 0.3
    marked = (np.abs(pixels - recipe_pictures.MARK).sum(axis=2) < 120).sum(axis=0)
    assert marked[:width].sum() == pytest.approx(marked[width:].sum(), rel=0.3) and marked.any()
    ready.clear()
    assert recipe_pictures.recipe_picture("change") is None


def render(store: CityStore, vintage: str, *names: str) -> None:
    scenes = [recipe_pictures.SCENES[name].bounds_m for name in names]
    met = [
        tile
        for tile in all_tiles(store.settings)
        if tile.vintage == vintage
        and any(_meets(tile.pixels(store.settings).bounds_m, bounds) for bounds in scenes)
    ]
    prepare_city(store.settings, store, lambda *_: None, now=datetime.now(UTC), tiles=met)


def check(content: bytes | None) -> None:
    assert content is not None
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.format == "JPEG" and picture.size == recipe_pictures.SIZE_PX
    assert len(content) < 60_000


def _meets(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
