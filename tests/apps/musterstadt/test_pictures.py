"""Pictures, parts of the town and outlines, against geometry worked by hand."""

from __future__ import annotations

import io
import os
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shapely
from PIL import Image

from apps.musterstadt import town
from apps.musterstadt.areas import areas
from apps.musterstadt.layers import LAYERS, rings_of, within
from apps.musterstadt.pictures import PALETTE, TownPicture, colours, draw_map, take_picture
from apps.musterstadt.words import EVENTS, PARCEL_USES, SOLAR, USES, cell_of
from shared.demo_city import LABELS, CityStore, all_tiles
from shared.i18n import get_translator


def test_a_place_of_the_town_is_found_in_the_picture() -> None:
    picture = TownPicture(b"", 400, 200, (1_000.0, 500.0, 1_200.0, 600.0), 1.0)
    assert picture.to_pixels(1_000, 600) == (0, 0)
    assert picture.to_pixels(1_100, 550) == (200, 100)
    assert picture.to_pixels(1_200, 500) == (400, 200)


def test_the_map_shows_what_the_vectors_say(built: CityStore) -> None:
    painted = built.painted("2026")
    bounds = (1_900.0, 1_900.0, 2_100.0, 2_100.0)
    rgb = draw_map(painted, bounds, (400, 400))
    roofs = [
        area
        for area, label in zip(painted.painting.areas, painted.painting.label, strict=True)
        if label == LABELS.index("roof_pitched") and area.area > 60
    ]
    inside = [area for area in roofs if area.within(shapely.box(*bounds))]
    assert len(inside) > 20
    wanted = tuple(bytes.fromhex(PALETTE["roof_pitched"][1:]))
    hits = 0
    for area in inside:
        place = area.representative_point()
        column, row = int((place.x - 1_900) * 2), int((2_100 - place.y) * 2)
        hits += tuple(rgb[row, column]) == wanted
    assert hits > 0.8 * len(inside)


def test_without_tiles_the_aerial_image_is_the_map(built: CityStore, tmp_path) -> None:
    bounds = (2_900.0, 2_900.0, 3_000.0, 3_000.0)
    if built.ready_in("2023", bounds):
        pytest.skip("these tiles are rendered on this machine")
    image = take_picture(built, "image", "2023", bounds)
    assert image.ready == 0
    assert image.jpeg == take_picture(built, "map", "2023", bounds).jpeg
    assert Image.open(io.BytesIO(image.jpeg)).size == (image.width_px, image.height_px)


def test_colours_differ() -> None:
    assert len(np.unique(colours(), axis=0)) == len(LABELS)


def test_parts_lie_in_the_town_and_hold_their_houses(built: CityStore) -> None:
    city = built.city()
    made = areas(city.layer("districts"), city.layer("buildings"), city.settings)
    assert [area.key for area in made[:2]] == ["centre", "whole"]
    assert len({area.key for area in made}) == len(made)
    for area in made:
        west, south, east, north = area.bounds_m
        assert 0 <= west < east <= 4_000
        assert 0 <= south < north <= 4_000
    old_town = next(area for area in made if area.title == "Altstadt")
    found = within(city.layer("buildings"), old_town.bounds_m, city.settings)
    counted = (city.table("buildings")["district_id"] == old_town.key).sum()
    assert (found["district_id"] == old_town.key).sum() == counted


@pytest.mark.usefixtures("town_here")
def test_every_column_of_every_layer_is_there() -> None:
    whole = (0.0, 0.0, 4_000.0, 4_000.0)
    for layer in LAYERS:
        objects = town.objects_in(layer.name, whole)
        assert len(objects) > 0
        assert {column.key for column in layer.columns} <= set(objects.columns)
        assert objects.geometry.notna().all()


def test_every_kind_has_a_word(built: CityStore) -> None:
    city = built.city()
    assert set(city.table("events")["kind"]) <= set(EVENTS)
    assert set(city.table("solar_units")["kind"]) <= set(SOLAR)
    assert set(city.table("buildings")["use"]) <= set(USES)
    assert set(city.table("parcels")["use"]) <= set(PARCEL_USES)


def test_cells_are_words_days_and_exact_numbers() -> None:
    t = get_translator("de", "musterstadt")
    shown = {(layer.name, column.key): column for layer in LAYERS for column in layer.columns}
    cases = [
        ("parcels", "use", "block", "Blockrand"),
        ("parcels", "use", "", None),
        ("events", "building_id", "", None),
        ("events", "date", pd.Timestamp(2024, 3, 9), date(2024, 3, 9)),
        ("solar_units", "kwp", 4.314, 4.314),
        ("solar_units", "kwp", float("nan"), None),
        ("buildings", "floors", np.int64(3), 3),
    ]
    for layer, key, value, cell in cases:
        assert cell_of(layer, shown[layer, key], value, t) == cell, (layer, key, value)


@pytest.mark.usefixtures("town_here")
def test_what_a_caller_does_with_objects_is_its_own() -> None:
    part = (1_900.0, 1_900.0, 2_000.0, 2_000.0)
    town.objects_in("buildings", part)["use"] = "changed"
    assert set(town.objects_in("buildings", part)["use"]) <= set(USES)


def test_a_tile_that_is_made_again_makes_a_new_picture(
    town_here: CityStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tile = all_tiles(town_here.settings)[0]
    image = tmp_path / "image.tif"
    image.touch()
    taken: list[str] = []
    monkeypatch.setattr(CityStore, "ready_in", lambda *_: (tile,))
    monkeypatch.setattr(CityStore, "path", lambda *_: image)
    monkeypatch.setattr(town, "take_picture", lambda *_: taken.append("taken"))
    part = (1_950.0, 1_950.0, 1_960.5, 1_960.5)
    for moment in (1, 1, 2):
        os.utime(image, ns=(moment, moment))
        town.picture_of("image", "2026", part)
    assert len(taken) == 2
    town._picture.cache_clear()


def test_rings() -> None:
    square = shapely.box(0, 0, 4, 4).difference(shapely.box(1, 1, 2, 2))
    outer, inner = rings_of(square)
    assert set(outer) == {(0, 0), (4, 0), (4, 4), (0, 4)}
    assert set(inner) == {(1, 1), (2, 1), (2, 2), (1, 2)}
    assert rings_of(shapely.Point(3, 5)) == (((3.0, 5.0),),)
    assert rings_of(shapely.MultiPolygon([shapely.box(0, 0, 1, 1), square]))[0] == outer
    assert rings_of(shapely.Polygon()) == ()
    (line,) = rings_of(shapely.LineString([(0, 0), (10, 0)]))
    assert shapely.Polygon(line).area == pytest.approx(10 + np.pi / 4, abs=0.02)
