"""Class rasters become polygons that fit together, whatever strips they come in."""

import tracemalloc

import cv2
import numpy as np
import pytest
import shapely
from hypothesis import given, settings, strategies as st
from hypothesis.extra import numpy as arrays
from rasterio.features import rasterize
from scipy import ndimage
from shapely import affinity
from shapely.geometry import box

from shared.geo.nodata import NO_DATA
from shared.geo.sieve import sieve
from shared.geo.vectorise import OutlineOptions, polygonise, regularise_rectangles

PIXELS = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
HERE = (0.2, 0.0, 380000.0, 0.0, -0.2, 5720000.0)
EXACT = OutlineOptions(classes=(0, 1, 2), least_m2=0, tolerance_m=0)

class_rasters = arrays.arrays(
    np.uint8,
    st.tuples(st.integers(1, 25), st.integers(1, 25)),
    elements=st.sampled_from([0, 0, 1, 2, 255]),
)


def in_strips(codes, rows):
    return [codes[first : first + rows] for first in range(0, len(codes), rows)]


def outlines(codes, rows=10**6, transform=PIXELS, options=EXACT):
    return list(polygonise(in_strips(codes, rows), transform, options))


def count_areas(codes):
    return sum(ndimage.label(codes == code)[1] for code in np.unique(codes) if code != 255)


def cleaned_of(strips, least_px, hole_px):
    return np.concatenate(list(sieve(strips, least_px, hole_px)))


def landscape(size=400, seed=1):
    """Blobs of four classes, specks, and a corner without data."""
    rng = np.random.default_rng(seed)
    fields = cv2.GaussianBlur(rng.normal(size=(size, size, 4)).astype(np.float32), (0, 0), 7)
    codes = fields.argmax(axis=2).astype(np.uint8)
    specks = rng.random(codes.shape) < 0.02
    codes[specks] = rng.integers(0, 4, specks.sum())
    codes[: size // 5, : size // 3] = 255
    return codes


@given(codes=class_rasters, rows=st.integers(1, 25))
def test_outlines_show_exactly_the_raster_in_any_strips(codes, rows):
    found = outlines(codes, rows)
    assert len(found) == count_areas(codes)
    assert all(one.polygon.is_valid and one.polygon.area == one.pixels for one in found)
    back = rasterize(
        [(one.polygon, one.code) for one in found] or [(box(-2, -2, -1, -1), 0)],
        codes.shape, fill=255, dtype="uint8",
    )  # fmt: skip
    assert np.array_equal(back, codes)
    assert shapely.coverage_is_valid([one.polygon for one in found])


@given(codes=class_rasters, rows=st.integers(1, 25))
def test_strips_change_no_outline(codes, rows):
    def shapes(found):
        return sorted(
            (one.code, one.pixels, shapely.normalize(one.polygon.simplify(0)).wkt) for one in found
        )

    assert shapes(outlines(codes, rows)) == shapes(outlines(codes))


def test_no_polygon_ends_at_a_seam():
    """Elsewhere an area stayed cut at every edge of a tile."""
    codes = np.full((40, 30), 255, dtype=np.uint8)
    codes[3:37, 5:25] = 1
    codes[10:30, 10:20] = 2
    (ring, middle) = sorted(outlines(codes, 7, HERE), key=lambda one: one.code)
    assert ring.polygon.equals(
        box(380001, 5720000 - 7.4, 380005, 5720000 - 0.6).difference(middle.polygon)
    )
    assert middle.polygon.equals(box(380002, 5720000 - 6, 380004, 5720000 - 2))


def test_a_comb_whose_teeth_join_late_is_one_area():
    codes = np.full((50, 41), 255, dtype=np.uint8)
    codes[:, ::2] = 1
    codes[-1] = 1
    (comb,) = outlines(codes, 6)
    assert comb.pixels == (codes == 1).sum() == comb.polygon.area


def test_the_order_is_that_of_the_first_pixels():
    codes = np.array([[0, 1, 2], [0, 1, 1], [0, 0, 0]], dtype=np.uint8)
    assert [one.code for one in outlines(codes)] == [0, 1, 2]
    twice = [outlines(landscape(), 64, options=OutlineOptions()) for _ in range(2)]
    assert twice[0] == twice[1]


@pytest.mark.parametrize("rows", [400, 64, 30])
def test_simplified_neighbours_still_fit_together(rows):
    codes = landscape()
    options = OutlineOptions(classes=range(4), least_m2=2, tolerance_m=0.3)
    found = outlines(codes, rows, HERE, options)
    polygons = [one.polygon for one in found]
    assert shapely.is_valid(polygons).all()
    assert shapely.coverage_is_valid(polygons)
    assert shapely.union_all(polygons).area == pytest.approx(shapely.area(polygons).sum())
    exact = outlines(codes, rows, HERE, OutlineOptions(range(4), 2, 0, 0))
    assert [(one.code, one.pixels) for one in found] == [(one.code, one.pixels) for one in exact]
    corners = shapely.get_num_coordinates(polygons).sum()
    assert corners < 0.5 * shapely.get_num_coordinates([one.polygon for one in exact]).sum()
    wrong = sum(
        shapely.symmetric_difference(one.polygon, other.polygon).area
        for one, other in zip(found, exact, strict=True)
    )
    assert wrong < 0.06 * shapely.area(polygons).sum()


def test_a_simplified_slope_loses_its_steps():
    rows, columns = np.mgrid[0:60, 0:60]
    codes = np.where(columns > rows, 1, 0).astype(np.uint8)
    options = OutlineOptions(classes=(0, 1), least_m2=0, tolerance_m=1.5)
    lower, upper = outlines(codes, options=options)
    assert max(len(one.polygon.exterior.coords) for one in (lower, upper)) <= 8


def test_small_areas_take_the_class_around_them():
    codes = np.zeros((20, 20), dtype=np.uint8)
    codes[:, 12:] = 1
    codes[5:7, 5:7] = 2  # in class 0
    codes[5:7, 11:14] = 2  # more border with class 1
    codes[15:18, 2:5] = 2  # 9 pixels stay
    cleaned = cleaned_of([codes], 9, 0)
    expected = np.where(np.arange(20) >= 12, 1, 0)[None].repeat(20, axis=0)
    expected[5:7, 11:14] = 1
    expected[15:18, 2:5] = 2
    assert np.array_equal(cleaned, expected)


def test_a_small_area_never_takes_no_data_while_a_class_touches_it():
    codes = np.full((12, 12), 255, dtype=np.uint8)
    codes[:4] = 1
    codes[4, 5:9] = 2  # four sides with class 1, six with no-data
    codes[9, 9] = 2  # alone in no-data
    cleaned = cleaned_of([codes], 5, 0)
    assert (cleaned[4, 5:9] == 1).all()
    assert cleaned[9, 9] == 255


def test_gaps_close_only_inside_one_class():
    codes = np.zeros((20, 30), dtype=np.uint8)
    codes[:, 20:] = 1
    codes[3:5, 3:5] = 255  # closed
    codes[8:12, 3:8] = 255  # too large
    codes[3:5, 19:21] = 255  # between two classes
    codes[0, 8] = codes[19, 25] = 255  # open to the edge
    cleaned = cleaned_of([codes], 0, 4)
    assert (cleaned[3:5, 3:5] == 0).all()
    expected = codes.copy()
    expected[3:5, 3:5] = 0
    assert np.array_equal(cleaned, expected)
    kept = cleaned_of([codes], 0, 0)
    assert np.array_equal(kept, codes)


def test_nothing_but_small_areas_is_nothing():
    codes = (np.indices((9, 9)).sum(axis=0) % 2).astype(np.uint8)
    cleaned = cleaned_of([codes], 2, 0)
    assert (cleaned == 255).all()


@settings(deadline=None)
@given(codes=class_rasters, least_px=st.integers(0, 6), hole_px=st.integers(0, 6))
def test_no_small_area_is_left(codes, least_px, hole_px):
    cleaned = cleaned_of([codes], least_px, 0)
    for code in np.unique(cleaned[cleaned != 255]):
        labels, count = ndimage.label(cleaned == code)
        assert (np.bincount(labels.ravel(), minlength=count + 1)[1:] >= least_px).all()
    assert (cleaned[codes == 255] == 255).all()
    closed = cleaned_of([codes], least_px, hole_px)
    assert (closed[cleaned != 255] == cleaned[cleaned != 255]).all()


@pytest.mark.parametrize("rows", [1, 13, 64, 399])
def test_the_sieve_does_the_same_in_any_strips(rows):
    codes = landscape(seed=2)
    whole = cleaned_of([codes], 40, 25)
    assert (whole != codes).any()
    assert np.array_equal(cleaned_of(in_strips(codes, rows), 40, 25), whole)


def test_classes_not_asked_for_get_no_outline():
    codes = np.array([[0, 1, 7], [255, 1, 7]], dtype=np.uint8)
    assert [one.code for one in outlines(codes)] == [0, 1]


def test_a_raster_without_data_gives_nothing():
    assert outlines(np.full((30, 10), 255, dtype=np.uint8), 7) == []


@pytest.mark.parametrize(
    "shapes", [[], [(3, 4), (3, 5)], [(3, 4), (0, 4)]], ids=["none", "widths", "empty"]
)
def test_impossible_strips_are_refused(shapes):
    with pytest.raises(ValueError, match="strip"):
        list(polygonise([np.zeros(shape, dtype=np.uint8) for shape in shapes], PIXELS))


def test_memory_does_not_grow_with_the_number_of_strips():
    strip = landscape(200)

    def peak(count):
        tracemalloc.start()
        for _ in polygonise((strip for _ in range(count)), HERE):
            pass
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return held

    assert peak(24) < peak(4) * 1.3


def test_arrays_become_rectangles_and_l_shapes_stay():
    array = affinity.rotate(box(0, 0, 6, 3), 20)
    dented = array.difference(affinity.rotate(box(-0.1, 1, 0.3, 1.4), 20))
    corner = box(0, 0, 6, 6).difference(box(2, 2, 6, 6))
    rectangle, kept = regularise_rectangles([dented, corner], 0.9)
    assert len(rectangle.exterior.coords) == 5
    assert rectangle.symmetric_difference(array).area < 0.3
    assert kept.equals(corner)


@pytest.mark.parametrize("transform", [(float("nan"), 0, 0, 0, -1, 0), (0, 0, 0, 0, -1, 0)])
def test_a_transform_that_leads_nowhere_is_refused(transform):
    with pytest.raises(ValueError, match="nowhere"):
        list(polygonise([np.zeros((2, 2), dtype=np.uint8)], transform))


@pytest.mark.parametrize("name", ["least_m2", "hole_m2", "tolerance_m"])
@pytest.mark.parametrize("size", [-1.0, float("nan"), float("inf")])
def test_sizes_are_numbers(name, size):
    with pytest.raises(ValueError, match="no sizes"):
        OutlineOptions(**{name: size})


def test_each_area_gets_the_mean_of_its_values_across_strips():
    codes = np.zeros((9, 6), dtype=np.uint8)
    codes[:, 3:] = 1
    codes[4, 1] = 2  # a speck, which joins what lies around it
    told = np.arange(54, dtype=np.uint8).reshape(9, 6)
    told[0, 0] = NO_DATA

    def values(y0, cleaned):
        rows = slice(y0, y0 + len(cleaned))
        return np.where(codes[rows] == cleaned, told[rows], np.uint8(NO_DATA))

    options = OutlineOptions(classes=(0, 1, 2), least_m2=2, tolerance_m=0)
    found = {one.code: one for one in polygonise(in_strips(codes, 4), PIXELS, options, values)}
    assert set(found) == {0, 1}
    left = (codes == 0) & (told != NO_DATA)
    assert found[0].mean == pytest.approx(told[left].mean())
    assert found[0].pixels == 27
    assert found[1].mean == pytest.approx(told[codes == 1].mean())
