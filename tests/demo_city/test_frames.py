"""Cuts of polygons along lines."""

from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given, strategies as st
from shapely import LineString, Polygon

from shared.demo_city.vectors.frames import split_by_line

STEPPED = Polygon([(0, 0), (10, 0), (10, 4), (6, 4), (6, 8), (0, 8)])


def by_overlay(polygon: Polygon, line: LineString) -> list[Polygon]:
    strip = shapely.polygonize([shapely.unary_union([polygon.boundary, line])])
    return [one for one in shapely.get_parts(strip) if polygon.contains(one.point_on_surface())]


@given(
    radii=st.lists(st.floats(2, 30), min_size=3, max_size=12),
    turn=st.floats(0, np.pi),
    aside=st.floats(-12, 12),
)
def test_cuts_are_those_of_an_overlay(radii: list[float], turn: float, aside: float) -> None:
    angles = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    polygon = Polygon(np.stack([np.cos(angles), np.sin(angles)], axis=1) * np.array(radii)[:, None])
    way = np.array([np.cos(turn), np.sin(turn)])
    middle = aside * np.array([-way[1], way[0]])
    line = LineString([middle - 99 * way, middle + 99 * way])
    parts, expected = split_by_line(polygon, line), by_overlay(polygon, line)
    # A part that a cut beside a corner leaves may be too narrow for one of both ways.
    for part in expected:
        assert part.area < 1e-3 or any(part.symmetric_difference(one).area < 1e-6 for one in parts)
    assert abs(sum(part.area for part in parts) - polygon.area) < 1e-6


def test_straight_cut_by_hand() -> None:
    left, right = split_by_line(STEPPED, LineString([(3, -1), (3, 9)]))
    assert (left.bounds, right.bounds) == ((0, 0, 3, 8), (3, 0, 10, 8))
    assert (left.area, right.area) == (24.0, 40.0)


def test_cuts_that_bend_end_inside_or_go_through_a_corner() -> None:
    bent = split_by_line(STEPPED, LineString([(3, -1), (5, 4), (3, 9)]))
    assert sum(one.area for one in bent) == STEPPED.area and len(bent) == 2
    assert [one.area for one in split_by_line(STEPPED, LineString([(3, -1), (3, 5)]))] == [64.0]
    corner = split_by_line(STEPPED, LineString([(-1, 4), (11, 4)]))
    assert sorted(one.area for one in corner) == [24.0, 40.0]
