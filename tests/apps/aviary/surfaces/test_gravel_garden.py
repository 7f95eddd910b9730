"""Gravel in front gardens on class maps drawn by hand."""

import numpy as np
import pytest
from shapely import box

from shared.errors import InputUnusable
from tests.apps.aviary.surfaces.grounds import (
    ASPHALT,
    FLAT,
    GRASS,
    GRAVEL,
    ROOF,
    SURE,
    derive,
    ground,
    in_pixels,
)

PARCEL, NEIGHBOUR = box(20, 40, 120, 200), box(120, 40, 220, 200)


def street_with_house():
    """Return a street, a front garden of 8 m with gravel, a house, and gravel behind it."""
    codes = np.full((220, 240), GRASS)
    codes[0:38] = ASPHALT
    codes[80:140, 40:100] = ROOF
    codes[50:70, 40:80] = GRAVEL
    codes[160:190, 40:90] = GRAVEL
    return codes


def found(folder, codes, parcels, **changes):
    folder.mkdir()
    files = {"parcels": in_pixels(folder / "parcels.geojson", parcels)}
    return derive("gravel_garden", ground(folder / "in", codes), files, **changes)


def test_gravel_before_the_house_is_listed_and_that_behind_it_is_not(tmp_path):
    (one,) = found(tmp_path / "a", street_with_house(), [(PARCEL, {"use": "detached"})])
    assert one.class_key == "gravel_garden"
    assert one.polygon.equals(box(40, 50, 80, 70))
    assert one.area_m2 == pytest.approx(32)
    assert (one.doubtful, one.score) == (True, pytest.approx(SURE / 100))
    # From the street at row 38 to the house at row 80: 42 rows less 2 of the verge.
    front_m2 = 100 * 41 * 0.04
    assert dict(one.figures)["front_garden_m2"] == pytest.approx(front_m2, rel=0.03)
    assert dict(one.figures)["front_garden_share"] == pytest.approx(32 / front_m2, rel=0.03)


@pytest.mark.parametrize(
    ("columns", "listed"),
    [
        ({"use": "detached"}, True),
        ({"Nutzung": "Wohnbaufläche"}, True),
        ({"tntxt": "Wohnbaufläche;512"}, True),
        ({"use": "hall"}, False),
        ({"nutzung": "Fläche gemischter Nutzung"}, False),
        ({"use": None}, False),
        ({"flur": "12"}, True),
    ],
    ids=["town", "german", "register", "hall", "mixed", "unknown", "no_column"],
)
def test_the_use_decides(tmp_path, columns, listed):
    parcels = [(PARCEL, columns), (NEIGHBOUR, {"use": "detached"})]
    assert bool(found(tmp_path / "a", street_with_house(), parcels)) == listed


def test_a_file_without_homes_is_refused(tmp_path):
    with pytest.raises(InputUnusable, match="dem Wohnen"):
        found(tmp_path / "a", street_with_house(), [(PARCEL, {"nutzung": "11000"})])


@pytest.mark.parametrize(
    ("rows", "columns", "listed"),
    [(14, 14, False), (15, 14, True), (30, 90, True)],
)
def test_size_decides(tmp_path, rows, columns, listed):
    codes = street_with_house()
    codes[40:80] = GRASS
    codes[42 : 42 + rows, 22 : 22 + columns] = GRAVEL
    assert bool(found(tmp_path / "a", codes, [(PARCEL, {})])) == listed


def test_gravel_above_the_largest_size_is_no_garden(tmp_path):
    codes = street_with_house()
    codes[40:80, 20:120] = GRAVEL
    assert found(tmp_path / "a", codes, [(PARCEL, {})], most_m2=150.0) == []
    assert len(found(tmp_path / "b", codes, [(PARCEL, {})])) == 1


def test_a_drive_of_the_neighbour_is_no_street(tmp_path):
    codes = street_with_house()
    codes[:38] = GRASS
    codes[40:200, 122:160] = ASPHALT
    codes[90:130, 104:118] = GRAVEL
    alone = found(tmp_path / "a", codes, [(PARCEL, {})])
    beside = found(tmp_path / "b", codes, [(PARCEL, {}), (NEIGHBOUR, {})])
    assert [one.bbox_px for one in alone] == [(104, 90, 118, 130)]
    assert beside == []


def test_a_garage_at_the_street_is_no_house_front(tmp_path):
    codes = street_with_house()
    codes[44:60, 95:115] = FLAT  # 12.8 m2
    assert len(found(tmp_path / "a", codes, [(PARCEL, {})])) == 1
    codes[80:140] = GRASS  # without the house a garden is 6 m deep
    (one,) = found(tmp_path / "b", codes, [(PARCEL, {})])
    assert one.bbox_px[3] == 68


def test_a_house_far_back_has_a_front_garden_of_limited_depth(tmp_path):
    codes = street_with_house()
    codes[80:140] = GRASS
    codes[142:150, 40:118] = ROOF
    codes[100:130, 40:80] = GRAVEL
    deep = found(tmp_path / "a", codes, [(PARCEL, {})], most_depth_m=30.0, house_m2=20.0)
    assert sorted(one.bbox_px[1] for one in deep) == [50, 100]
    (one,) = found(tmp_path / "b", codes, [(PARCEL, {})], most_depth_m=12.0, house_m2=20.0)
    assert one.bbox_px[1] == 50


def test_parcels_beside_the_image_are_refused(tmp_path):
    with pytest.raises(InputUnusable, match="Flurstücke"):
        found(tmp_path / "a", street_with_house(), [(box(900, 900, 950, 950), {})])
