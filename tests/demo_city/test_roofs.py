"""Roofs: planes of every form by hand, wings, styles of every kind, age."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from math import exp, radians, tan
from typing import get_args

import numpy as np
import pytest
import shapely

from shared.demo_city.materials import materials
from shared.demo_city.roofs.draws import COMPLEX_FILL, winged_walls
from shared.demo_city.roofs.planes import Form, RoofPlane, Slope, build_roof
from shared.demo_city.roofs.roofscape import Roof, plane_wear, put_roof, wear_on
from shared.demo_city.roofs.styles import STYLES
from shared.demo_city.roofs.wings import build_winged_roof, split_wings
from shared.demo_city.vectors.buildings import Building, Kind
from shared.demo_city.vectors.frames import Frame

HOUSE = shapely.box(0, 0, 12, 8)
SKEW = shapely.Polygon([(0, 0), (12, 1), (11, 9), (-1, 8)])
L_SHAPE = shapely.Polygon([(0, 0), (20, 0), (20, 9), (8, 9), (8, 17), (0, 17)])
T_SHAPE = shapely.Polygon([(0, 0), (20, 0), (20, 9), (13, 9), (13, 15), (6, 15), (6, 9), (0, 9)])
SLOPED: tuple[Form, ...] = ("gabled", "hip", "half_hip", "mono_pitch", "pyramid", "shed")


def areas_of(planes: list[RoofPlane]) -> list[float]:
    return sorted(round(plane.area.area, 3) for plane in planes)


def house(kind: Kind, x_m: float = 0.0, length_m: float = 12.0) -> Building:
    frame = Frame(np.array([x_m, 0.0]), np.array([1.0, 0.0]), np.array([0.0, 1.0]), length_m, 8.0)
    return Building(0, kind, frame.box(0, 0, length_m, 8.0), frame, 2, True)


def test_gabled_roof_by_hand() -> None:
    planes = build_roof(HOUSE, "gabled", 30, 5.0)
    assert areas_of(planes) == [48, 48]
    assert sorted(plane.slope.azimuth_deg for plane in planes) == [0, 180]
    for plane in planes:
        assert plane.slope.slope_deg == pytest.approx(30)
        assert plane.slope.height_m(6, 4) == pytest.approx(5 + 4 * tan(radians(30)))
        assert plane.true_area_m2 == pytest.approx(48 / 0.8660254)


def test_hip_roof_by_hand() -> None:
    # Hips rise at 45 degrees from above: each end is a triangle 8 m wide and 4 m deep.
    assert areas_of(build_roof(HOUSE, "hip", 30, 5.0)) == [16, 16, 32, 32]


def test_mono_pitch_by_hand() -> None:
    (plane,) = build_roof(HOUSE, "mono_pitch", 10, 3.0)
    assert plane.slope.height_m(6, 0) == pytest.approx(3.0)
    assert plane.slope.height_m(6, 8) == pytest.approx(3 + 8 * tan(radians(10)))


@pytest.mark.parametrize("form", SLOPED)
@pytest.mark.parametrize("outline", [HOUSE, SKEW], ids=["rectangle", "skew"])
def test_planes_cover_the_outline_once(form: Form, outline: shapely.Polygon) -> None:
    areas = [plane.area for plane in build_roof(outline, form, 35, 4.0)]
    assert sum(area.area for area in areas) == pytest.approx(outline.area, abs=1e-6)
    assert shapely.union_all(areas).symmetric_difference(outline).area < 1e-6


@pytest.mark.parametrize("form", ["gabled", "hip", "half_hip", "pyramid"])
def test_planes_meet_at_one_height(form: Form) -> None:
    planes = build_roof(SKEW, form, 35, 4.0, Frame.around(HOUSE))
    for plane in planes:
        for x, y in plane.area.exterior.coords:
            lowest = min(one.slope.height_m(x, y) for one in planes[:2])
            assert plane.slope.height_m(x, y) <= lowest + 1e-6


@pytest.mark.parametrize(
    ("outline", "wings"), [(L_SHAPE, [136, 180]), (T_SHAPE, [105, 180])], ids=["L", "T"]
)
def test_wings_reach_through_the_corner(outline: shapely.Polygon, wings: list[float]) -> None:
    assert sorted(wing.area for wing in split_wings(outline)) == pytest.approx(wings)


@pytest.mark.parametrize("outline", [L_SHAPE, T_SHAPE], ids=["L", "T"])
def test_winged_roof(outline: shapely.Polygon) -> None:
    planes = build_winged_roof(outline, 30, 5.0)
    assert planes is not None
    assert sum(plane.area.area for plane in planes) == pytest.approx(outline.area, abs=0.05)
    assert len(planes) >= 4
    # The main wing is 9 m wide: no place is higher than its ridge, the ridge is whole.
    ridge = 5 + 4.5 * tan(radians(30))
    heights = [p.slope.height_m(*place) for p in planes for place in p.area.exterior.coords]
    assert max(heights) == pytest.approx(ridge, abs=1e-3)
    # Where both wings are, the higher plane is seen: the ridge of the main wing runs on.
    on_ridge = [p for p in planes if p.area.distance(shapely.Point(16, 4.5)) < 1e-6]
    assert all(p.slope.height_m(16, 4.5) == pytest.approx(ridge) for p in on_ridge)
    # The other wing ends at that ridge: behind it the eaves of the main wing run on.
    place = shapely.Point(outline.centroid.x if len(planes) > 4 else 4, 0.5)
    (behind,) = [p for p in planes if p.area.contains(place)]
    assert behind.slope.height_m(place.x, 0.5) == pytest.approx(5 + 0.5 * tan(radians(30)))


def test_outline_with_too_many_corners_has_no_wings() -> None:
    comb = [(0, 0), (50, 0)]
    for x in range(48, -1, -8):
        comb += [(x + 2, 6), (x + 2, 12), (x, 12), (x, 6)]
    assert build_winged_roof(shapely.Polygon(comb).buffer(0), 30, 5.0) is None


@pytest.mark.parametrize("kind", sorted(get_args(Kind)))
def test_every_kind_has_a_style(kind: Kind) -> None:
    style = STYLES[kind]
    for shares in (style.forms, style.sloped, style.level):
        assert sum(share for _, share in shares) == pytest.approx(1, abs=0.011)
    assert {name for name, _ in (*style.sloped, *style.level)} <= set(materials())
    roof = put_roof(7, 0, house(kind))
    covered = sum(plane.area.area for plane in roof.planes)
    assert covered == pytest.approx(roof.outline.area, abs=0.05)
    assert roof.outline.buffer(1e-6).contains(house(kind).walls)


def test_styles_have_kinds() -> None:
    assert set(STYLES) == set(get_args(Kind))


def test_same_house_same_roof() -> None:
    assert put_roof(7, 0, house("detached")) == put_roof(7, 0, house("detached"))
    looks = {put_roof(seed, 0, house("detached")).look for seed in range(20)}
    assert len(looks) == 20


def test_halves_of_a_pair_share_their_roof_line() -> None:
    frame = house("semi", length_m=16).ridge
    halves = [
        Building(0, "semi", frame.box(start, 0, 8, 8), frame, 2, True) for start in (0.0, 8.0)
    ]
    roofs = [put_roof(3, index, half) for index, half in enumerate(halves)]
    slopes = [[plane.slope for plane in roof.planes] for roof in roofs]
    assert slopes[0] == slopes[1]
    assert roofs[0].form == roofs[1].form
    assert roofs[0].outline.intersection(roofs[1].outline).area < 1e-6


def test_walls_of_a_wing_give_a_complex_roof() -> None:
    frame = house("detached", length_m=18).ridge
    for seed in range(10):
        walls = winged_walls(np.random.default_rng(seed), frame)
        assert walls.area == pytest.approx(COMPLEX_FILL * 18 * 8, rel=0.06)
        roof = put_roof(seed, 0, replace(house("detached"), walls=walls, ridge=frame), "complex")
        assert roof.form == "complex"
        assert len(roof.planes) >= 4


def test_wear_by_hand() -> None:
    # After 22 years 1 - 1/e of the age shows; metal shows 40 percent of that.
    day, laid = date(2023, 9, 5), date(2001, 9, 5)
    assert wear_on("tile_red", laid, day) == pytest.approx(1 - exp(-1), abs=1e-3)
    assert wear_on("sheet_grey", laid, day) == pytest.approx(0.4 * (1 - exp(-1)), abs=1e-3)
    assert wear_on("tile_red", day, day) == 0
    assert wear_on("tile_red", date(2025, 1, 1), day) == 0


def test_moss_grows_on_the_north_side() -> None:
    planes = build_roof(HOUSE, "gabled", 30, 5.0)
    roof = Roof(0, "gabled", "tile_red", HOUSE, 5.0, tuple(planes), wear=0.4)
    wears = {round(p.slope.azimuth_deg): plane_wear(roof, p) for p in planes}
    assert wears == pytest.approx({0: 0.5, 180: 0.18})
    level = RoofPlane(HOUSE, Slope(0, 0, 5))
    assert plane_wear(roof, level) == 0.4


def test_roofs_carry_their_age() -> None:
    roofs = [put_roof(seed, 0, house("detached")) for seed in range(200)]
    years = sorted((date(2023, 9, 5) - roof.covered_on).days / 365.25 for roof in roofs)
    assert years[0] >= 0
    assert years[-1] <= 91
    assert 10 < years[100] < 30
    assert all(
        roof.wear == wear_on(roof.material, roof.covered_on, date(2023, 9, 5)) for roof in roofs
    )
