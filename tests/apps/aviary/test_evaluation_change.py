"""What the evaluation counts as a found change, on squares made by hand."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from rasterio.transform import from_origin
from shapely.geometry import Polygon, box, mapping

from apps.aviary.evaluation import change, squares
from apps.aviary.evaluation.change import ChangeFigures, Report
from apps.aviary.evaluation.squares import SIDE_M, TownEvent, TownSquare
from apps.aviary.kinds.change_picture import changed_kinds, draw_change
from apps.aviary.recipes import find_recipe
from shared.demo_city import NO_DATA, CitySettings

RECIPE = find_recipe("change")
CODES = {one.key: one.code for one in RECIPE.classes}
SIZE, GSD_M = 200, 0.2
WEST, NORTH = 380_000.0, 5_720_040.0
ROOF, ASPHALT, GRASS, TREE = 0, 3, 7, 8
HOUSE, DRIVE, CROWN = np.s_[20:60, 20:60], np.s_[120:160, 20:60], np.s_[120:160, 140:180]


def outline(place: tuple[slice, slice]) -> Polygon:
    rows, columns = place
    return box(
        WEST + columns.start * GSD_M,
        NORTH - rows.stop * GSD_M,
        WEST + columns.stop * GSD_M,
        NORTH - rows.start * GSD_M,
    )


def square() -> TownSquare:
    """A new house, a new drive under a crown that grew over half of it, a crown elsewhere."""
    before = np.full((SIZE, SIZE), GRASS, np.uint8)
    ground = before.copy()
    ground[HOUSE], ground[DRIVE] = ROOF, ASPHALT
    after = ground.copy()
    after[120:140, 20:60] = TREE
    after[CROWN] = TREE
    quiet = np.zeros((SIZE, SIZE), bool)
    quiet[:, 100:] = True
    return TownSquare(
        before=Path(),
        after=Path(),
        transform=from_origin(WEST, NORTH, GSD_M, GSD_M),
        labels=(before, after),
        ground=(before, ground),
        events=(
            TownEvent("new_building", outline(np.s_[0:100, 0:100])),
            TownEvent("new_sealing", outline(np.s_[100:200, 0:100])),
            TownEvent("demolition", outline(np.s_[0:100, 0:100])),
        ),
        quiet=quiet,
    )


def report(*areas: tuple[tuple[slice, slice], str]) -> Report:
    objects, codes = np.zeros((SIZE, SIZE), np.int32), [NO_DATA]
    for place, key in areas:
        objects[place] = len(codes)
        codes.append(CODES[key])
    return Report(objects, np.array(codes, np.uint8))


def counted(told: Report) -> ChangeFigures:
    figures, one = ChangeFigures(), square()
    change.add_square(figures, RECIPE, one, change.find_truth(RECIPE, one), told)
    return figures


def of(figures: ChangeFigures, kind: str) -> tuple[int, int, int, int]:
    one = figures.events[kind]
    return one.events, one.visible, one.noticed, one.found


def test_the_true_maps_give_everything_that_can_be_seen() -> None:
    one = square()
    figures = counted(change.find_truth(RECIPE, one).ruled)
    assert of(figures, "new_building") == (1, 1, 1, 1)
    assert of(figures, "new_sealing") == (1, 1, 1, 1), "the half that no crown hides"
    assert of(figures, "demolition") == (1, 0, 0, 0), "nothing was pulled down there"
    summary = figures.summary()
    assert summary["recall"] == summary["precision_by_area"] == summary["recall_by_area"] == 1
    assert summary["false_per_hectare_without_event"] == 0
    assert summary["hectares_without_event"] == pytest.approx(100 * 200 * 0.04 / 10_000)


def test_an_event_is_found_by_its_kind_and_noticed_by_any() -> None:
    figures = counted(report((np.s_[20:60, 20:60], "sealed"), (np.s_[145:160, 20:60], "sealed")))
    assert of(figures, "new_building") == (1, 1, 1, 0)
    assert of(figures, "new_sealing") == (1, 1, 1, 1)
    summary = figures.summary()
    assert (summary["visible"], summary["recall"], summary["noticed"]) == (2, 0.5, 1.0)
    assert summary["changed_by_area"] == 1
    assert summary["precision_by_area"] == pytest.approx(15 / 55, abs=1e-3)


def test_less_than_half_of_an_event_is_not_found() -> None:
    figures = counted(report((np.s_[20:60, 20:36], "building_new")))
    assert of(figures, "new_building") == (1, 1, 1, 0)
    figures = counted(report((np.s_[20:60, 20:44], "building_new")))
    assert of(figures, "new_building") == (1, 1, 1, 1)


def test_false_alarms_count_where_nothing_happened() -> None:
    grown = (CROWN, "trees_new")
    invented = (np.s_[20:60, 140:180], "building_new")
    on_an_event = (np.s_[70:95, 70:95], "building_new")
    assert counted(report(grown)).false_alarms == 0
    figures = counted(report(grown, invented, on_an_event))
    assert figures.false_alarms == 1
    assert figures.summary()["false_per_hectare_without_event"] == pytest.approx(12.5)


def test_nothing_reported_and_nothing_to_find_has_no_share() -> None:
    summary = ChangeFigures().summary()
    assert summary["recall"] is summary["precision_by_area"] is None
    assert summary["false_per_hectare_without_event"] is None
    assert counted(report()).summary()["precision_by_area"] is None


def test_objects_of_a_result_are_drawn_where_they_lie(tmp_path: Path) -> None:
    features = [
        {
            "type": "Feature",
            "properties": {"class": "building_new"},
            "geometry": mapping(outline(HOUSE)),
        }
    ]
    path = tmp_path / "objects.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    read = change.read_report(tmp_path, RECIPE, square())
    assert (read.kinds == report((HOUSE, "building_new")).kinds).all()
    path.write_text(json.dumps({"type": "FeatureCollection", "features": []}))
    assert (change.read_report(tmp_path, RECIPE, square()).kinds == NO_DATA).all()


def test_expected_kinds_are_kinds_of_the_recipe() -> None:
    assert {key for keys in squares.EXPECTED.values() for key in keys} <= set(CODES)


def test_squares_are_drawn_where_land_cover_changed() -> None:
    settings = CitySettings()
    east, north = settings.origin_m
    places = {"a": (0, 0), "b": (3, 2), "c": (3, 2), "d": (7, 7)}
    parcels = gpd.GeoSeries(
        {
            name: box(*(east + x * SIDE_M + 10, north + y * SIDE_M + 10) * 2).buffer(5)
            for name, (x, y) in places.items()
        }
    )
    kinds = ["unsealing", "new_pool", "pv_added", "pv_added"]
    events = pd.DataFrame({"kind": kinds, "parcel_id": list("abcd")})
    drawn = squares.choose_squares(events, parcels, settings, 8)
    assert sorted(drawn) == [(east, north), (east + 3 * SIDE_M, north + 2 * SIDE_M)]
    assert squares.choose_squares(events, parcels, settings, 1) == drawn[:1]


def test_the_picture_outlines_what_changed_in_both_flights() -> None:
    before, after = square().labels
    photo = np.full((SIZE, SIZE, 3), 90, np.uint8)
    drawn = draw_change(photo, photo, (before, after), gsd_m=GSD_M, colour=(230, 0, 126))
    assert drawn.shape == (SIZE, 2 * SIZE, 3)
    for left in (0, SIZE):
        assert tuple(drawn[20, left + 40]) == (230, 0, 126)
        assert tuple(drawn[40, left + 40]) == (90, 90, 90)
    assert tuple(drawn[100, SIZE]) == (255, 255, 255)
    kinds = changed_kinds((before, after), GSD_M)
    assert (kinds[HOUSE] == CODES["building_new"]).all()
    small = before.copy()
    small[:15, :15] = ROOF  # 9 m2
    assert (changed_kinds((before, small), GSD_M) == NO_DATA).all()
