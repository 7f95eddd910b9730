"""Things on the ground: where they stand, how many there are, that none shifts another."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import shapely
from shapely import Polygon, STRtree, box

from shared.demo_city.ground_objects.furniture import furnish_ground
from shared.demo_city.ground_objects.gardens import GARDEN
from shared.demo_city.ground_objects.lookalikes import LOOK_ALIKES, count_look_alikes
from shared.demo_city.ground_objects.outlines import (
    BOX,
    Batch,
    Layer,
    clear_of,
    comb,
    left_of,
    put,
    ribbons,
)
from shared.demo_city.ground_objects.roadside import Roadside
from shared.demo_city.ground_objects.vehicles import PAINTS, SIZES_M
from shared.demo_city.ground_objects.yard_things import OPEN_LAND, construction_sites
from shared.demo_city.ground_objects.yards import Ground
from shared.demo_city.materials import materials
from shared.demo_city.things import Thing
from shared.demo_city.town import Town

VEHICLES = ("car", "van", "truck", "bus")
DRIVEN = {
    "carriageway", "parking", "pavement", "path", "setts", "paving", "slabs", "asphalt_yard",
    "gravel_yard", "open_paving", "grass_pavers", "bed", "meadow",
}  # fmt: skip
"""Covers a wheel may touch: a car at the kerb may stand half on a tree pit or a verge."""


@pytest.fixture(scope="module")
def things(town: Town) -> tuple[Thing, ...]:
    return tuple(one for one in town.things if one.building < 0)


def _of(things: tuple[Thing, ...], *kinds: str) -> np.ndarray:
    return np.array([one.area for one in things if one.kind in kinds], dtype=object)


def test_a_comb_has_teeth_of_the_asked_size() -> None:
    shape = Polygon(comb(3, 0.6, 0.2, -1.0, 1.0))
    assert shape.is_valid
    # Three teeth of 0.2 m x 2.0 m, joined by two pieces of spine of 0.4 m x 0.2 m.
    assert shape.area == pytest.approx(3 * 0.4 + 2 * 0.08)


def test_outlines_are_put_along_their_direction() -> None:
    (made,) = put(BOX, np.array([[10.0, 20.0]]), np.array([[0.0, 1.0]]), (4.0, 2.0))
    assert made.bounds == pytest.approx((9.0, 18.0, 11.0, 22.0))
    assert left_of(np.array([[1.0, 0.0], [0.0, 1.0]])) == pytest.approx(
        np.array([[0.0, 1.0], [-1.0, 0.0]])
    )


def test_ribbons_follow_their_lines() -> None:
    nodes = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 9.0], [2.0, 9.0], [2.0, 9.0]])
    made = ribbons(nodes, np.tile((0.0, 0.5), (5, 1)), np.array([0, 0, 1, 1, 1]))
    assert shapely.area(made) == pytest.approx([4.0, 2.0])


def test_the_first_thing_has_the_right_of_way() -> None:
    areas = np.array([box(0, 0, 2, 2), box(1, 1, 3, 3), box(5, 5, 6, 6), box(8, 8, 9, 9)])
    flat = Batch("road_mark", areas[:1], (Layer(areas[:1], "asphalt"),), is_solid=False)
    solid = Batch("car", areas, (Layer(areas, "asphalt", np.arange(4.0)),))
    marks, cars = clear_of([flat, solid], np.array([box(5.5, 5.5, 7, 7)], dtype=object))
    assert len(marks.outline) == 1
    assert [area.bounds[0] for area in cars.outline] == [0.0, 8.0]
    assert [thing.parts[0].slope.base for thing in cars.things()] == [0.0, 3.0]


def test_paints_cover_all_cars() -> None:
    assert len(PAINTS) >= 10
    assert sum(share for _, share, _ in PAINTS) == pytest.approx(1.0)


@pytest.mark.parametrize("kind", VEHICLES)
def test_vehicles_have_their_size_and_height(things: tuple[Thing, ...], kind: str) -> None:
    (short, long), (narrow, wide), height_m = SIZES_M[kind]
    found = [one for one in things if one.kind == kind]
    assert found
    for one in found[:200]:
        sides = shapely.length(shapely.oriented_envelope(one.area)) / 2
        assert short + narrow - 0.3 < sides < long + wide + 0.3
        assert max(part.slope.base for part in one.parts) == pytest.approx(height_m)


def test_no_vehicle_stands_in_a_building_or_on_another(
    town: Town, things: tuple[Thing, ...]
) -> None:
    cars = _of(things, *VEHICLES)
    walls = np.array(
        [one.walls for i, one in enumerate(town.buildings) if i not in town.gone], dtype=object
    )
    assert STRtree(walls).query(cars, predicate="intersects").size == 0
    first, second = STRtree(cars).query(cars, predicate="intersects")
    assert (first == second).all()


def test_vehicles_stand_where_vehicles_may(town: Town, things: tuple[Thing, ...]) -> None:
    middles = shapely.centroid(_of(things, *VEHICLES))
    tree = STRtree([one.area for one in town.surfaces])
    found, surface = tree.query(middles, predicate="intersects")
    covers = Counter(town.surfaces[i].cover for i in surface)
    assert len(np.unique(found)) == len(middles)
    assert set(covers) <= DRIVEN
    soft = sum(covers[cover] for cover in ("bed", "meadow", "pavement", "path"))
    assert soft < 0.02 * len(middles)


def test_four_to_eighteen_vehicles_stand_at_100_m_of_kerb(
    town: Town, things: tuple[Thing, ...]
) -> None:
    roadside = Roadside(town.plan.seed, town.network, town.parcels)
    cars = [one for one in things if one.kind in VEHICLES and one.parcel < 0]
    at = shapely.centroid(np.array([one.area for one in cars], dtype=object))
    street = STRtree(roadside.lines).nearest(at)
    # Kerbs with bays: pieces of 6.2 m whose middle lies beside a bay.
    bays = STRtree([one.area for one in town.surfaces if one.cover == "parking" and one.parcel < 0])
    for kind in ("primary", "secondary", "residential"):
        kerb_m = 0.0
        for side in (-1, 1):
            points = roadside.stations("test", 6.2, 1, frozenset({kind}))
            beside = points.beside(
                side * (roadside.carriageway + roadside.parking)[points.street] / 2
            )
            found, _ = bays.query(shapely.points(beside.at), predicate="intersects")
            kerb_m += 6.2 * len(np.unique(found))
        count = int((roadside.kind[street] == kind).sum())
        assert 4 <= 100 * count / kerb_m <= 18


def test_the_town_is_alive(things: tuple[Thing, ...]) -> None:
    counts = Counter(one.kind for one in things)
    assert 5_000 < sum(counts[kind] for kind in VEHICLES) < 14_000
    expected = {
        "road_mark", "zebra", "bus_bay", "manhole", "gully", "patch", "track", "rail", "train",
        "platform", "mast", "hedge", "fence", "wall", "pool", "pool_cover", "trampoline",
        "garden_furniture", "vegetable_bed", "greenhouse", "compost", "tarpaulin", "sandpit",
        "playground", "swimming_pond", "wood_stack", "market_stall", "container", "heap", "skip",
        "pallets", "trailer", "boat", "barge", "reed", "tramline", "bale", "pv_ground", "goal",
    }  # fmt: skip
    assert expected <= set(counts)


def test_streets_are_of_several_ages(town: Town, things: tuple[Thing, ...]) -> None:
    sections = [one for one in things if one.kind == "road_section"]
    assert len({one.parts[0].tint for one in sections}) > 100
    areas = shapely.union_all([one.area for one in sections])
    asphalt = {"carriageway", "parking", "asphalt_yard"}
    below = shapely.union_all([s.area for s in town.surfaces if s.cover in asphalt])
    assert areas.difference(below).area < 0.02 * areas.area
    streets = shapely.union_all([s.area for s in town.surfaces if s.cover == "carriageway"])
    assert 0.3 < areas.intersection(streets).area / streets.area < 0.8


def test_waters_get_darker_from_the_bank_inward(town: Town, things: tuple[Thing, ...]) -> None:
    parts = [one.parts[0] for one in things if one.kind == "water_depth"]
    water = shapely.union_all([s.area for s in town.surfaces if s.cover == "water"])
    # Where a street crosses, a water ends in another one or the town ends, there is no bank.
    ends = [shapely.Point(line.coords[-1]).buffer(wide) for line, wide in town.plan.waters]
    cut = shapely.union_all([town.network.street_land, town.plan.area.boundary, *ends])
    bank = water.boundary.difference(cut.buffer(0.1))
    depth_m = [round(bank.distance(part.area), 1) for part in parts]
    light = [part.tint[0] for part in parts]
    assert shapely.union_all([part.area for part in parts]).difference(water).area < 1
    assert light == sorted(light, reverse=True)
    assert max(depth_m) > 3
    assert all(depth > 0 for depth, gain in zip(depth_m, light, strict=True) if gain < 1)


def test_courtyards_are_furnished(town: Town, things: tuple[Thing, ...]) -> None:
    blocks = {one.parcel for one in town.buildings if one.kind in {"block", "slab", "tower"}}
    bins = [one for one in things if one.kind in {"bins", "shelter", "drying_place"}]
    assert {one.parcel for one in bins} <= blocks
    assert len({one.parcel for one in bins}) > 0.2 * len(blocks)


def test_nothing_is_built_on_planned_open_land(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.demo_city.ground_objects.yard_things.SITE_SHARE", 1.0)
    ground = Ground(town.plan.seed, town.surfaces, town.buildings, town.parcels)
    empty, *_ = construction_sites(ground, town.parcels)
    assert len(empty.parcel) > 5
    assert not {town.parcels[plot].use for plot in empty.parcel} & set(OPEN_LAND)


def test_buses_wait_at_their_stops(things: tuple[Thing, ...]) -> None:
    bays = shapely.union_all(_of(things, "bus_bay").tolist())
    waiting = shapely.area(shapely.intersection(_of(things, "bus"), bays)) > 10
    assert waiting.sum() >= 5
    assert len(_of(things, "truck")) >= 40


def test_look_alikes_occur(things: tuple[Thing, ...]) -> None:
    counts = count_look_alikes(things)
    assert set(counts) == set(LOOK_ALIKES)
    assert min(counts.values()) >= 3


def test_gardens_have_their_share_of_trampolines(town: Town, things: tuple[Thing, ...]) -> None:
    houses = {
        one.parcel for one in town.buildings if one.kind in {"detached", "semi", "row", "villa"}
    }
    with_one = {one.parcel for one in things if one.kind == "trampoline"} & houses
    # Small gardens have no room, so that the share among all plots is lower.
    assert 0.3 * GARDEN["trampoline"].share < len(with_one) / len(houses)
    assert len(with_one) / len(houses) < 1.3 * GARDEN["trampoline"].share


def test_parts_are_sound(things: tuple[Thing, ...]) -> None:
    parts = [part for one in things for part in one.parts]
    areas = np.array([part.area for part in parts], dtype=object)
    assert all(one.parts for one in things)
    assert shapely.is_valid(areas).mean() > 0.999
    assert {part.material for part in parts} <= set(materials())
    unseen = {key for key, one in materials().items() if one.unseen}
    assert not {part.material for part in parts} & unseen


def test_ground_solar_rows_fall_to_the_south(things: tuple[Thing, ...]) -> None:
    rows = [one for one in things if one.kind == "pv_ground"]
    assert {one.solar for one in rows} == {"pv_ground"}
    slope = rows[0].parts[0].slope
    assert slope.azimuth_deg == pytest.approx(180.0)
    assert slope.slope_deg == pytest.approx(20.0)
    west, south, east, _ = rows[0].area.bounds
    assert slope.height_m((west + east) / 2, south) == pytest.approx(0.8, abs=0.02)


def test_things_are_made_alike_twice(town: Town, things: tuple[Thing, ...]) -> None:
    again = furnish_ground(town.plan, town.network, town.parcels, town.buildings, town.surfaces)
    assert [(one.kind, one.number, one.area.wkb) for one in again] == [
        (one.kind, one.number, one.area.wkb) for one in things
    ]


def test_taking_a_plot_away_moves_nothing_elsewhere(town: Town, things: tuple[Thing, ...]) -> None:
    gone = next(i for i, one in enumerate(town.buildings) if one.kind == "detached" and i > 200)
    plot = town.buildings[gone].parcel
    surfaces = tuple(
        replace(one, cover="lawn") if one.parcel == plot else one for one in town.surfaces
    )
    buildings = tuple(one for one in town.buildings if one.parcel != plot)
    other = furnish_ground(town.plan, town.network, town.parcels, buildings, surfaces)
    near = town.parcels[plot].area.buffer(12.0)
    shapely.prepare(near)

    def elsewhere(made: tuple[Thing, ...]) -> list[tuple[str, int, bytes]]:
        return [
            (one.kind, one.number, one.area.wkb) for one in made if not near.intersects(one.area)
        ]

    assert elsewhere(other) == elsewhere(things)
    assert len(other) != len(things)
