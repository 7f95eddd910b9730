"""Outlines get right angles where they fit, and stay as they are elsewhere."""

import numpy as np
import pytest
from hypothesis import assume, given, strategies as st
from shapely import Point, Polygon, affinity, box
from shapely.geometry.polygon import LinearRing

from apps.aviary.surfaces import right_angles
from apps.aviary.surfaces.right_angles import main_directions, square_up
from shared.geo.polygons import intersection_over_union

L_SHAPE = Polygon([(0, 0), (20, 0), (20, 8), (9, 8), (9, 15), (0, 15)])


def corner_angles(polygon: Polygon) -> np.ndarray:
    points = np.array(polygon.exterior.coords[:-1])
    ways = np.roll(points, -1, axis=0) - points
    angles = np.degrees(np.arctan2(ways[:, 1], ways[:, 0]))
    return np.round((np.roll(angles, -1) - angles) % 360, 6)


def shaken(polygon: Polygon, by: float) -> Polygon:
    """Return an outline with corners each 0.5 m, moved in a fixed pattern."""
    ring: LinearRing = polygon.exterior
    places = np.arange(0, ring.length, 0.5)
    points = np.array([ring.interpolate(place).coords[0] for place in places])
    pattern = np.stack([np.sin(places * 7.1), np.cos(places * 5.3)], axis=1)
    return Polygon(points + by * pattern)


@pytest.mark.parametrize("angle", [0, 7, 23, 45, 61, 89])
def test_a_shaken_house_becomes_an_l_of_six_right_angles(angle):
    house = affinity.rotate(L_SHAPE, angle, origin=(0, 0))
    squared = square_up(shaken(house, 0.15), 0.9, 1.0)
    assert len(squared.exterior.coords) - 1 == 6
    assert set(corner_angles(squared)) <= {90.0, 270.0}
    assert intersection_over_union(squared, house) > 0.97


def test_a_round_tower_stays_round():
    tower = Point(5, 5).buffer(5)
    assert square_up(tower, 0.95, 1.0) is tower


def test_a_step_of_less_than_a_metre_is_given_up_and_one_of_more_stays():
    low = box(0, 0, 10, 8).union(box(10, 2, 10.8, 6))
    high = box(0, 0, 10, 8).union(box(10, 2, 11.5, 6))
    assert len(square_up(low, 0.9, 1.0).exterior.coords) - 1 == 4
    assert square_up(high, 0.9, 1.0).equals(high)


def test_a_courtyard_stays_and_turns_with_the_house():
    house = affinity.rotate(box(0, 0, 30, 20).difference(box(10, 6, 20, 14)), 12, origin=(0, 0))
    squared = square_up(house, 0.9, 1.0)
    assert len(squared.interiors) == 1
    assert squared.area == pytest.approx(520, rel=0.01)


def test_an_outline_of_very_many_corners_is_left_alone(monkeypatch):
    house = shaken(affinity.rotate(L_SHAPE, 23, origin=(0, 0)), 0.15)
    monkeypatch.setattr(right_angles, "MOST_CORNERS", len(house.exterior.coords))
    assert square_up(house, 0.9, 1.0) is not house
    monkeypatch.setattr(right_angles, "MOST_CORNERS", len(house.exterior.coords) - 1)
    assert square_up(house, 0.9, 1.0) is house


def test_directions_come_by_length():
    roof = Polygon([(0, 0), (30, 0), (30, 10), (20, 20), (0, 20)])
    directions = main_directions(roof)
    assert directions[0] == pytest.approx(0, abs=1e-6)
    assert directions[1] == pytest.approx(45)


@given(
    points=st.lists(
        st.tuples(st.floats(-40, 40), st.floats(-40, 40)), min_size=3, max_size=12, unique=True
    ),
    least_side=st.floats(0, 5),
)
def test_any_outline_gives_a_valid_one_that_keeps_its_ground(points, least_side):
    outline = Polygon(points).buffer(0)
    assume(outline.geom_type == "Polygon" and outline.area > 1)
    squared = square_up(outline, 0.9, least_side)
    assert squared.is_valid
    assert squared is outline or intersection_over_union(squared, outline) >= 0.9 - 1e-9
