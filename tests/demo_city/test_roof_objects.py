"""Things on roofs: solar units by hand, places, heights, wishes."""

from __future__ import annotations

from collections import Counter
from functools import cache
from math import cos, radians

import numpy as np
import pytest
import shapely

from shared.demo_city.labels import LABELS
from shared.demo_city.materials import materials
from shared.demo_city.render.grid import Pixels
from shared.demo_city.render.light import Sun
from shared.demo_city.render.looks import COURSE_BITS, looks_of
from shared.demo_city.render.painting import Painter, Painting
from shared.demo_city.render.view import View
from shared.demo_city.roofs.modules import (
    Lattice,
    Modules,
    RoofWish,
    lay_collectors,
    lay_modules,
    stretches,
)
from shared.demo_city.roofs.objects import furnish_roof, furnish_roofs
from shared.demo_city.roofs.planes import Form, build_roof
from shared.demo_city.roofs.roofscape import Roof, put_roof
from shared.demo_city.roofs.samples import draw_homes
from shared.demo_city.roofs.sheets import Sheet, grown
from shared.demo_city.things import Thing
from shared.demo_city.vectors.buildings import Building
from shared.demo_city.vectors.frames import Frame

SEED = 11
MODULES = Modules(1.0, 1.7, is_upright=True, margin_m=0.2)


def building(kind: str, length_m: float, width_m: float, turn_deg: float = 0.0) -> Building:
    along = np.array([np.cos(radians(turn_deg)), np.sin(radians(turn_deg))])
    across = np.array([-along[1], along[0]])
    frame = Frame(np.array([100.0, 100.0]), along, across, length_m, width_m)
    walls = frame.box(0, 0, length_m, width_m)
    return Building(0, kind, walls, frame, 2, True)  # type: ignore[arg-type]


def south_sheet(slope_deg: float = 30.0) -> Sheet:
    """The south plane of a house of 12 x 8 m with its ridge from west to east."""
    outline = shapely.box(0, 0, 12, 8)
    planes = build_roof(outline, "gabled", slope_deg, 5.0)
    number = next(n for n, p in enumerate(planes) if round(p.slope.azimuth_deg) == 180)
    return Sheet.of(number, planes[number], building("detached", 12, 8))


@cache
def homes() -> tuple[tuple[Roof, ...], tuple[Thing, ...]]:
    return draw_homes(SEED, 700)


@cache
def flat_with_pv(length_m: float, width_m: float) -> list[tuple[Roof, tuple[Thing, ...]]]:
    made = []
    for seed in range(40):
        block = building("office", length_m, width_m, turn_deg=seed * 7.0)
        roof = put_roof(seed, 0, block, "flat")
        made.append((roof, furnish_roof(seed, 0, block, roof, RoofWish(pv="add"))))
    return made


def test_sheet_axes_by_hand() -> None:
    sheet = south_sheet()
    assert sheet.up == pytest.approx((0, 1))
    assert sheet.along == pytest.approx((1, 0))
    assert (sheet.length_m, sheet.depth_m) == pytest.approx((12, 4))
    assert sheet.place(3, 1) == pytest.approx((3, 1))
    assert sheet.shortening == pytest.approx(cos(radians(30)))


def test_room_on_a_sheet() -> None:
    sheet = south_sheet()
    assert sheet.holds((0.5, 0.5, 2, 2), 0.5)
    assert not sheet.holds((0.4, 0.5, 2, 2), 0.5)
    assert sheet.take((1, 1, 2, 2), 0.2)
    assert not sheet.take((1.9, 1, 3, 2), 0.2)
    assert sheet.take((2.3, 1, 3, 2), 0.2)


def test_sheet_with_an_inner_corner() -> None:
    outline = shapely.Polygon([(0, 0), (20, 0), (20, 6), (8, 6), (8, 14), (0, 14)])
    (plane,) = build_roof(outline, "flat", 1.0, 5.0)
    sheet = Sheet.of(0, plane, building("office", 20, 14))
    assert not sheet.is_convex
    assert sheet.holds((1, 8, 7, 13), 0.5)
    assert not sheet.holds((7, 5, 10, 8), 0.1)
    inside = sheet.held(np.array([1.0, 9.0]), np.array([8.0, 8.0]), 2.0, 2.0, 0.3)
    assert inside.tolist() == [True, False]


def test_modules_by_hand() -> None:
    # (12 - 0.4) / 1.02 = 11 columns; (4 - 0.4) / (1.72 cos 30) = 2 rows.
    sheet = south_sheet()
    lattice = lay_modules(sheet, MODULES, 500.0, np.random.default_rng(1))
    assert lattice is not None
    assert lattice.is_set.shape == (2, 11)
    (outline,) = lattice.arrays(sheet)
    assert outline.area == pytest.approx(22 * 1.02 * 1.72 * cos(radians(30)))
    assert sheet.plane.area.buffer(-0.2 + 1e-9, join_style="mitre").contains(outline)


def test_modules_leave_out_what_is_there() -> None:
    sheet = south_sheet()
    chimney = (5.5, 1.5, 6.5, 2.5)
    assert sheet.take(chimney, 0.2)
    lattice = lay_modules(sheet, MODULES, 500.0, np.random.default_rng(1))
    assert lattice is not None
    outlines = lattice.arrays(sheet)
    hole = shapely.Polygon(sheet.ring(chimney))
    assert all(not outline.intersects(hole) for outline in outlines)
    cell = lattice.step_u * lattice.step_v
    count = lattice.is_set.sum()
    assert count < 22
    assert sum(outline.area for outline in outlines) == pytest.approx(count * cell, rel=1e-9)


def test_wanted_area_is_met() -> None:
    for wanted in (6.0, 12.0, 20.0):
        sheet = south_sheet()
        lattice = lay_modules(sheet, MODULES, wanted, np.random.default_rng(2))
        assert lattice is not None
        laid = sum(outline.area for outline in lattice.arrays(sheet))
        assert laid == pytest.approx(wanted, rel=0.25)


def test_separate_arrays_are_separate() -> None:
    mask = np.array([[1, 1, 0, 1, 1], [1, 1, 0, 0, 1]], dtype=bool)
    lattice = Lattice(1.0, 0.5, 1.0, 1.5, mask)
    areas = sorted(outline.area for outline in lattice.arrays(south_sheet()))
    assert areas == pytest.approx([4.5, 6.0])
    assert lattice.runs() == [
        (1, 0.5, 3, 2), (4, 0.5, 6, 2), (1, 2, 3, 3.5), (5, 2, 6, 3.5)
    ]  # fmt: skip


def test_stretches_by_hand() -> None:
    assert stretches([True, True, False, True]) == [(0, 2), (3, 4)]
    assert stretches([False, False]) == []


def test_drawn_modules_keep_their_size() -> None:
    rng = np.random.default_rng(5)
    drawn = [Modules.drawn(rng) for _ in range(300)]
    assert all(0.92 <= m.width_m <= 1.08 and 0.2 <= m.margin_m <= 0.6 for m in drawn)
    assert all(1.7 * 0.92 <= m.length_m <= 1.7 * 1.08 for m in drawn)


@pytest.mark.parametrize("is_upright", [True, False])
def test_the_pattern_has_one_course_per_module(is_upright: bool) -> None:
    modules = Modules(0.95, 0.95 * 1.7, is_upright, margin_m=0.2)
    sheet = south_sheet()
    lattice = lay_modules(sheet, modules, 20.0, np.random.default_rng(1))
    assert lattice is not None
    painter = Painter(SEED)
    painter.paint(
        lattice.arrays(sheet)[0], "pv_blue", None, level=1, slope=sheet.raised(0.1),
        direction=modules.across(sheet.along, sheet.up),
    )  # fmt: skip
    pixels, view = Pixels(0.1, 20.0, 0, 0, 100, 100), View(Sun(160, 40), "summer")
    looks = looks_of(Painting.finished(painter), np.array([0]), pixels, view, SEED)
    # The sheet falls to the south: columns follow its eaves, rows go down.
    places = np.array([50, 60, 50]), np.array([50, 50, 60])
    down, east = [], []
    for axis in (looks.courses[0].across, looks.courses[0].along):
        start, ten_rows, ten_columns = axis.counted(*places, np.intp(1)) / 2.0**COURSE_BITS
        down.append(abs(ten_rows - start) * lattice.step_v)
        east.append(abs(ten_columns - start) * lattice.step_u)
    # Ten pixels are one metre: one module to the side and none up, or the other way round.
    assert east == pytest.approx([1, 0] if is_upright else [0, 1], abs=0.003)
    assert down == pytest.approx([0, 1] if is_upright else [1, 0], abs=0.003)


def test_modules_on_racks_lie_along_their_row() -> None:
    for _, things in flat_with_pv(40.0, 18.0):
        for part in (p for one in things if one.solar == "pv" for p in one.parts):
            fall = np.array([part.slope.rise_x, part.slope.rise_y])
            cosine = abs(fall @ part.direction) / np.hypot(*fall) / np.hypot(*part.direction)
            # The short side of a module rises, on the stands of small roofs the long one.
            assert cosine == pytest.approx(1)


def test_glass_houses_show_glass_on_all_planes() -> None:
    house = building("glasshouse", 40.0, 24.0)
    for seed in range(6):
        roof = put_roof(seed, 0, house)
        (glass,) = (t for t in furnish_roof(seed, 0, house, roof) if t.kind == "glazing")
        assert {part.material for part in glass.parts} == {roof.material} == {"thermal"}
        shown = sum(part.area.area for part in glass.parts)
        assert shown == pytest.approx(sum(plane.area.area for plane in roof.planes), rel=0.01)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6])
def test_collectors(count: int) -> None:
    for seed in range(10):
        sheet = south_sheet(40.0)
        boxes = lay_collectors(sheet, count, np.random.default_rng(seed))
        assert len(boxes) in (0, count)
        for left, low, right, high in boxes:
            assert 2.0 <= (right - left) * (high - low) / sheet.shortening <= 2.6


def test_furnishing_one_roof_gives_the_same_things() -> None:
    blocks = [building("detached", 12 + n, 9, n * 20.0) for n in range(8)]
    roofs = [put_roof(SEED, n, block) for n, block in enumerate(blocks)]
    together = furnish_roofs(SEED, blocks, roofs)
    single = [t for n in range(8) for t in furnish_roof(SEED, n, blocks[n], roofs[n])]
    assert list(together) == single
    with pytest.raises(ValueError, match="3"):
        furnish_roof(SEED, 3, blocks[3], roofs[4])


def test_wishes() -> None:
    grew = 0
    for seed in range(60):
        block = building("detached", 14, 10, seed * 11.0)
        roof = put_roof(seed, 0, block, "gabled")
        by_wish = {
            wish: furnish_roof(seed, 0, block, roof, RoofWish(pv=wish))
            for wish in ("as drawn", "none", "add", "enlarge")
        }
        solar = {wish: [t for t in things if t.solar == "pv"] for wish, things in by_wish.items()}
        others = {wish: [t for t in things if t.solar != "pv"] for wish, things in by_wish.items()}
        assert not solar["none"]
        assert solar["as drawn"] in ([], solar["add"])
        assert solar["enlarge"][: len(solar["add"])] == solar["add"]
        grew += len(solar["enlarge"]) > len(solar["add"])
        # Whatever else is on the roof stays, but for small things below the modules.
        assert all(thing in others["none"] for thing in others["add"])
        hidden = {t.kind for t in others["none"] if t not in others["add"]}
        assert hidden <= {"vent", "dish", "ladder", "snow_guard"}
    assert grew > 35


def test_thermal_wishes() -> None:
    for seed in range(20):
        block = building("detached", 14, 10, seed * 11.0)
        roof = put_roof(seed, 0, block, "gabled")
        added = furnish_roof(seed, 0, block, roof, RoofWish(pv="none", thermal="add"))
        bare = furnish_roof(seed, 0, block, roof, RoofWish(pv="none", thermal="none"))
        assert sum(t.solar == "thermal" for t in added) <= 1
        assert not any(t.solar == "thermal" for t in bare)


def test_solar_units_lie_on_their_plane_and_on_nothing_else() -> None:
    roofs, things = homes()
    by_roof: dict[int, list[Thing]] = {}
    for thing in things:
        by_roof.setdefault(thing.building, []).append(thing)
    solid = {"chimney", "roof_window", "dormer", "hvac", "light_dome", "skylight"}
    solid |= {"vent", "dish", "ladder", "snow_guard"}
    checked = 0
    for number, on_roof in by_roof.items():
        units = [t for t in on_roof if t.solar != "none"]
        for unit in units:
            plane = roofs[number].planes[unit.plane].area
            assert plane.buffer(1e-6).contains(unit.area)
            for part in unit.parts:
                for other in on_roof:
                    if other.kind in solid:
                        assert part.area.intersection(other.area).area < 1e-9
            checked += 1
        for first, unit in enumerate(units):
            for other in units[first + 1 :]:
                assert unit.area.intersection(other.area).area < 1e-6
    assert checked > 100


def test_shares() -> None:
    roofs, things = homes()
    carrying = {thing.building for thing in things if thing.solar != "none"}
    assert 0.15 <= len(carrying) / len(roofs) <= 0.25
    kinds = Counter(thing.kind for thing in things)
    for kind, per_roof in (("chimney", 0.75), ("roof_window", 1.2), ("dormer", 0.3)):
        assert kinds[kind] / len(roofs) == pytest.approx(per_roof, rel=0.6)


def test_modules_prefer_the_south() -> None:
    roofs, things = homes()
    azimuths = [
        roofs[t.building].planes[t.plane].slope.azimuth_deg
        for t in things
        if t.solar == "pv" and roofs[t.building].form != "flat"
    ]
    south = sum(90 <= azimuth <= 270 for azimuth in azimuths) / len(azimuths)
    assert south > 0.75


def test_dormers_stand_out_of_the_slope() -> None:
    roofs, things = homes()
    dormers = [thing for thing in things if thing.kind == "dormer"]
    assert len(dormers) > 40
    for dormer in dormers:
        slope = roofs[dormer.building].planes[dormer.plane].slope
        rises = [
            part.slope.height_m(x, y) - slope.height_m(x, y)
            for part in dormer.parts
            for x, y in part.area.exterior.coords
        ]
        assert min(rises) > -1e-6
        assert 0.5 < max(rises) < 4


def test_chimneys_rise_above_the_ridge() -> None:
    roofs, things = homes()
    for thing in things:
        if thing.kind == "chimney":
            plane = roofs[thing.building].planes[thing.plane]
            ridge = max(plane.slope.height_m(x, y) for x, y in plane.area.exterior.coords)
            assert thing.parts[0].slope.base > ridge + 0.2


def test_racks_are_tilted_to_the_sun() -> None:
    racked = 0
    for _, things in flat_with_pv(40.0, 18.0):
        for thing in things:
            if thing.solar != "pv" or len(thing.parts) < 2:
                continue
            racked += 1
            assert shapely.union_all([p.area for p in thing.parts]).within(thing.area.buffer(1e-6))
            azimuths = [part.slope.azimuth_deg for part in thing.parts]
            for part in thing.parts:
                assert 10 <= part.slope.slope_deg <= 15
            spread = max(azimuths) - min(azimuths)
            if spread < 1:
                assert 134 <= azimuths[0] <= 226
            else:
                assert spread == pytest.approx(180)
                assert all(abs(abs(a - 180) - 90) <= 46 for a in azimuths)
    assert racked > 30


def test_small_flat_roofs_have_stands() -> None:
    stands = [
        part.slope
        for _, things in flat_with_pv(12.0, 10.0)
        for thing in things
        if thing.solar == "pv" and len(thing.parts) == 1
        for part in thing.parts
    ]
    assert any(slope.slope_deg > 16 for slope in stands)
    assert all(8 <= slope.slope_deg <= 30.001 for slope in stands)


def test_flat_roofs_have_a_raised_edge() -> None:
    for roof, things in flat_with_pv(40.0, 18.0):
        (edge,) = [thing for thing in things if thing.kind == "parapet"]
        hole = edge.area.interiors[0]
        assert shapely.Polygon(edge.area.exterior).symmetric_difference(roof.outline).area < 1e-6
        assert 0.2 < shapely.LineString(hole.coords).distance(roof.outline.exterior) < 0.45
        has_gravel = any(part.label == "roof_flat" for part in edge.parts)
        assert has_gravel == (roof.material in {"sedum_roof", "grass_roof", "dry_roof"})


def test_things_can_be_painted() -> None:
    _, things = homes()
    known = materials()
    for thing in (*things, *(t for _, row in flat_with_pv(40.0, 18.0) for t in row)):
        assert thing.area.is_valid
        assert thing.parts
        for part in thing.parts:
            assert part.material in known
            assert part.label is None or part.label in LABELS
            assert part.area.area > 0
            assert part.area.is_valid


@pytest.mark.parametrize("form", ["gabled", "flat"])
def test_church_and_hut_carry_no_modules_on_their_own(form: Form) -> None:
    for kind in ("church", "hut", "tank"):
        for seed in range(40):
            block = building(kind, 20, 12)
            things = furnish_roof(seed, 0, block, put_roof(seed, 0, block, form))
            assert not any(thing.solar == "pv" for thing in things)


def test_grown_box() -> None:
    assert grown((1, 2, 3, 4), 0.5) == (0.5, 1.5, 3.5, 4.5)
