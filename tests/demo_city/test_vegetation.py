"""Trees: where they stand, how high they are, how much of the streets they hide."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from rasterio.features import rasterize
from rasterio.transform import from_origin
from shapely import STRtree, box

from shared.demo_city.render.crowns import stamp_crowns
from shared.demo_city.render.grid import Pixels
from shared.demo_city.town import Town
from shared.demo_city.trees.species import BROAD, COPPER, SPECIES, SPRUCE, TABLE
from shared.demo_city.trees.vegetation import Trees, furrow_direction, plant_trees
from shared.demo_city.vectors.ground import Surface

STREET = {"carriageway", "parking", "pavement"}
RESIDENTIAL = ("Nordviertel", "Gartenstadt", "Siedlung Ost", "Am Kanal")
CELL_M = 1.0


@pytest.fixture(scope="module")
def trees(town: Town) -> Trees:
    return plant_trees(town)


def _one(species: int, radius: float, height: float) -> Trees:
    return Trees(
        np.array([[50.0, 50.0]]),
        np.array([radius]),
        np.array([height]),
        np.array([species], np.uint8),
        np.array([0.0], np.float32),
    )


def test_fields_are_worked_along_their_long_side() -> None:
    x, y = furrow_direction(Surface("field_crop", box(0, 0, 300, 100)))
    assert (abs(x), abs(y)) == pytest.approx((0.0, 1.0))


def test_a_crown_is_a_dome_and_a_spruce_is_a_cone() -> None:
    pixels = Pixels(0.2, 100.0, 150, 150, 200, 200)
    tops = {}
    for species in (BROAD, SPRUCE):
        height = np.zeros(pixels.shape, np.float32)
        seen = stamp_crowns(height, pixels, _one(species, 4.0, 12.0), 1)
        area_m2 = (seen == 1).sum() * 0.04
        assert 0.6 * np.pi * 16 < area_m2 < 1.4 * np.pi * 16
        assert (height[seen == 0] == 0).all()
        assert 9 < height.max() < 16
        tops[species] = height[100, 100] - height[100, 112]
    # 2.4 m from the trunk a dome has fallen 0.45 x 0.36 of its height, a cone 0.8 x 0.6.
    assert tops[SPRUCE] > tops[BROAD]


def test_trees_stand_in_order_of_height_within_limits(trees: Trees) -> None:
    assert (np.diff(trees.height) >= 0).all()
    assert trees.height.max() <= 25
    assert (trees.radius > 0.3).all()
    counts = np.bincount(trees.species, minlength=len(TABLE))
    assert (counts > 100).all()
    assert len(trees.radius) > 20_000


def test_no_trunk_stands_in_a_building_or_a_lane(town: Town, trees: Trees) -> None:
    at = shapely.points(trees.place)
    walls = [one.walls for i, one in enumerate(town.buildings) if i not in town.gone]
    assert STRtree(walls).query(at, predicate="intersects").size == 0
    lanes = [one.area for one in town.surfaces if one.cover in {"carriageway", "water", "pool"}]
    found, _ = STRtree(lanes).query(at, predicate="intersects")
    assert len(np.unique(found)) < 0.001 * len(at)


def test_crowns_hide_no_roof_but_a_rim(town: Town, trees: Trees) -> None:
    large = [one.walls for one in town.buildings if one.is_main and one.walls.area > 60]
    middles = shapely.centroid(np.array(large, dtype=object))
    crowns = STRtree(shapely.points(trees.place))
    _, nearest = crowns.query_nearest(middles, all_matches=False)
    far = shapely.distance(middles, shapely.points(trees.place[nearest]))
    assert (far > trees.radius[nearest]).mean() > 0.99


def test_crowns_hide_15_to_30_percent_of_residential_streets(town: Town, trees: Trees) -> None:
    size = int(4_000 / CELL_M)
    grid = {"out_shape": (size, size), "transform": from_origin(0, 4_000, CELL_M, CELL_M)}
    discs = shapely.buffer(shapely.points(trees.place), trees.radius * 0.93, quad_segs=3)
    crowns = rasterize(((one, 1) for one in discs), **grid, dtype="uint8") > 0
    streets = [one.area for one in town.surfaces if one.cover in STREET and one.parcel < 0]
    street = rasterize(((one, 1) for one in streets), **grid, dtype="uint8") > 0
    quarters = [one.built for one in town.plan.districts if one.name in RESIDENTIAL]
    inside = rasterize(((one, 1) for one in quarters), **grid, dtype="uint8") > 0
    assert 0.15 < crowns[street & inside].mean() < 0.30


def test_training_scenes_have_no_copper_beeches(town: Town) -> None:
    assert SPECIES[COPPER] == "tree_copper"
    made = plant_trees(town, has_unseen=False)
    assert not (made.species == COPPER).any()


def test_trees_are_planted_alike_twice(town: Town, trees: Trees) -> None:
    again = plant_trees(town)
    assert (again.place == trees.place).all()
    assert (again.radius == trees.radius).all()
    assert (again.species == trees.species).all()
