"""Outlines are repaired, compared and written in one fixed form."""

import pytest
from hypothesis import example, given, strategies as st
from shapely import Polygon, affinity
from shapely.geometry import box

from shared.geo.polygons import (
    canonical_ring,
    clip,
    intersection_over_union,
    make_polygon,
    regularise_rectangle,
    shared_area,
    suppress_duplicates,
    tidy,
    union_area,
)

coordinate = st.floats(-1000, 1000, allow_nan=False)
boxes = st.builds(
    lambda x, y, w, h: box(x, y, x + w, y + h),
    coordinate,
    coordinate,
    st.floats(1, 200),
    st.floats(1, 200),
)


def test_bow_tie_becomes_its_largest_part():
    polygon = make_polygon([(0, 0), (10, 10), (10, 0), (0, 4)])
    assert polygon is not None
    assert polygon.is_valid
    assert polygon.area > 0


@pytest.mark.parametrize(
    "points",
    [[], [(0, 0)], [(0, 0), (1, 1)], [(0, 0), (1, 1), (2, 2)], [(0, 0), (1, float("nan")), (2, 0)]],
)
def test_points_without_area_give_no_polygon(points):
    assert make_polygon(points) is None


def test_intersection_over_union_by_hand():
    assert intersection_over_union(box(0, 0, 2, 2), box(1, 0, 3, 2)) == pytest.approx(2 / 6)
    assert intersection_over_union(box(0, 0, 1, 1), box(5, 5, 6, 6)) == 0


@given(polygons=st.lists(boxes, max_size=25), seed=st.randoms(use_true_random=False))
def test_suppression_keeps_the_best_and_no_near_doubles(polygons, seed):
    scores = [round(seed.random(), 2) for _ in polygons]
    kept = suppress_duplicates(polygons, scores, 0.5)
    assert [scores[i] for i in kept] == sorted((scores[i] for i in kept), reverse=True)
    for place, i in enumerate(kept):
        for j in kept[:place]:
            assert intersection_over_union(polygons[i], polygons[j]) <= 0.5
    for lost in set(range(len(polygons))) - set(kept):
        assert any(
            scores[i] >= scores[lost] and intersection_over_union(polygons[i], polygons[lost]) > 0.5
            for i in kept
        )


@given(polygons=st.lists(boxes, max_size=12), seed=st.randoms(use_true_random=False))
def test_suppression_does_not_depend_on_the_order(polygons, seed):
    scores = [seed.random() for _ in polygons]
    order = list(range(len(polygons)))
    seed.shuffle(order)
    straight = {polygons[i].wkb for i in suppress_duplicates(polygons, scores, 0.5)}
    shuffled = suppress_duplicates([polygons[i] for i in order], [scores[i] for i in order], 0.5)
    assert {polygons[order[i]].wkb for i in shuffled} == straight


@example(box(0, 0, 148, 1), 161.0)  # with full precision these share "nothing"
@given(boxes, st.floats(0, 180))
def test_nearly_rectangular_outlines_become_rectangles(rectangle, angle):
    turned = affinity.rotate(rectangle, angle)
    dented = turned.difference(turned.centroid.buffer(0.05))
    regular = regularise_rectangle(Polygon(dented.exterior), 0.9)
    assert len(regular.exterior.coords) == 5
    assert intersection_over_union(regular, turned) > 0.99


def test_an_l_shape_stays():
    shape = Polygon([(0, 0), (10, 0), (10, 2), (2, 2), (2, 10), (0, 10)])
    assert regularise_rectangle(shape, 0.9).equals(shape)


@given(boxes, st.integers(0, 4), st.booleans())
def test_ring_is_the_same_wherever_it_starts(rectangle, shift, reverse):
    corners = list(rectangle.exterior.coords[:-1])
    corners = corners[shift % 4 :] + corners[: shift % 4]
    if reverse:
        corners.reverse()
    ring = canonical_ring(Polygon(corners), 2)
    assert ring == canonical_ring(rectangle, 2)
    assert ring[0] == ring[-1] == min(ring)


def test_ring_has_no_negative_zero_and_no_double_corner():
    ring = canonical_ring(Polygon([(-0.001, 0), (5, 0), (5.001, 0), (5, 5)]), 2)
    assert str(ring[0][0]) == "0.0"
    assert len(ring) == len(set(ring)) + 1


def test_clip_cuts_to_the_image():
    inside = clip(box(-5, -5, 5, 5), 100, 100)
    assert inside is not None
    assert inside.bounds == (0, 0, 5, 5)
    assert clip(box(200, 0, 300, 10), 100, 100) is None


def test_tidy_drops_small_bends_and_holes():
    bent = Polygon([(0, 0), (5, 0.1), (10, 0), (10, 10), (0, 10)], [[(2, 2), (3, 2), (3, 3)]])
    assert tidy(bent, 0.5).equals(box(0, 0, 10, 10))


def test_overlap_counts_once():
    assert union_area([box(0, 0, 2, 2), box(1, 0, 3, 2)]) == pytest.approx(6)
    assert union_area([]) == 0


def test_lines_beside_areas_share_nothing() -> None:
    """What a straight cut leaves of an outline may be areas and lines."""
    stairs = Polygon([(0, 0), (4, 0), (4, 2), (2, 2), (2, 4), (4, 4), (4, 6), (0, 6)])
    cut = stairs.intersection(box(2, 0, 9, 9))
    assert cut.geom_type == "GeometryCollection"
    assert shared_area(cut, box(0, 0, 3, 3)) == pytest.approx(2)
    assert shared_area(box(0, 0, 3, 3), cut) == pytest.approx(2)
    assert intersection_over_union(cut, cut) == pytest.approx(1)
