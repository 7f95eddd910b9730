"""Areas of classes in polygons add up, to the part of a pixel."""

import tracemalloc

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from hypothesis import given, settings, strategies as st
from rasterio.transform import from_origin
from shapely import MultiPolygon, Polygon
from shapely.geometry import Point, box

from shared.errors import CoordinatesInDegrees, CoordinatesMixed
from shared.geo import zonal
from shared.geo.zonal import ClassRaster, class_raster_of, count_classes, open_class_raster

UTM32 = "EPSG:25832"
EAST, NORTH = 380000.0, 5720000.0
GSD = 0.2
PLACE = (GSD, 0.0, EAST, 0.0, -GSD, NORTH)


def raster_of(codes, transform=PLACE, classes=(0, 1, 2)):
    return class_raster_of(np.asarray(codes, dtype=np.uint8), transform, UTM32, classes)


def layer(*polygons):
    return gpd.GeoSeries(list(polygons), crs=UTM32)


def here(x0, y0, x1, y1):
    """A box given in pixels."""
    return box(EAST + x0 * GSD, NORTH - y1 * GSD, EAST + x1 * GSD, NORTH - y0 * GSD)


def parts(table):
    return table.drop(columns="area_m2")


def random_polygon(rng, extent_m):
    """A star with up to 40 corners, sometimes with a hole, anywhere in and around the raster."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 40)))
    reach = rng.uniform(0.02, 30) * rng.uniform(0.3, 1, len(angles))
    middle = np.array([EAST, NORTH - extent_m]) + rng.uniform(-10, extent_m + 10, 2)
    points = middle + reach[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    star = shapely.make_valid(Polygon(points))
    if rng.random() < 0.3:
        star = star.difference(Point(middle).buffer(reach.min() / 3))
    return star


def test_a_thousand_random_polygons_add_up():
    rng = np.random.default_rng(10)
    codes = rng.choice([0, 1, 2, 255], (500, 500), p=[0.4, 0.3, 0.2, 0.1])
    polygons = layer(*(random_polygon(rng, 100) for _ in range(1000)))
    table = count_classes(raster_of(codes), polygons)
    assert np.abs(parts(table).sum(axis=1) - polygons.area).max() < 1e-6
    assert np.abs(table.area_m2 - polygons.area).max() < 1e-6
    assert (table >= 0).all(axis=None)
    beside = polygons.difference(here(0, 0, 500, 500)).area
    assert np.abs(table.outside_m2 - beside).max() < 1e-6
    assert (beside > 0).sum() > 100


def test_pixels_and_parts_of_pixels_by_hand():
    # A box from the middle of pixel (0, 0) to a quarter of pixel (2, 1): columns count 0.5, 1,
    # 0.25, rows 0.5, 1. One pixel has 0.04 m2.
    table = count_classes(raster_of([[0, 1, 255], [2, 2, 0]]), layer(here(0.5, 0.5, 2.25, 2)))
    row = table.iloc[0]
    assert row.class_0_m2 == pytest.approx((0.25 + 0.25) * 0.04, abs=1e-9)
    assert row.class_1_m2 == pytest.approx(0.5 * 0.04, abs=1e-9)
    assert row.class_2_m2 == pytest.approx(1.5 * 0.04, abs=1e-9)
    assert row.no_data_m2 == pytest.approx(0.125 * 0.04, abs=1e-9)
    assert row.outside_m2 == 0
    assert row.area_m2 == pytest.approx(1.75 * 1.5 * 0.04, abs=1e-9)


@pytest.mark.parametrize(
    "place", [(500, 500, 520, 520), (-30, 2, -10, 8), (3, -9, 4, -1), (10, 0, 15, 10)]
)
def test_a_polygon_outside_is_outside_and_nothing_else(place):
    """Elsewhere such parcels came back as 100 % of class 0."""
    table = count_classes(raster_of(np.zeros((10, 10))), layer(here(*place)))
    assert table.outside_m2[0] == table.area_m2[0] > 0
    assert (table.drop(columns=["area_m2", "outside_m2"]) == 0).all(axis=None)


def test_no_data_is_no_class():
    table = count_classes(raster_of(np.full((10, 10), 255)), layer(here(0, 0, 10, 10)))
    assert table.no_data_m2[0] == pytest.approx(4)
    assert parts(table).sum(axis=1)[0] == table.no_data_m2[0]


corner = st.floats(-3, 11, allow_nan=False)


@settings(deadline=None)
@given(
    points=st.lists(st.tuples(corner, corner), min_size=3, max_size=9),
    codes=st.lists(st.sampled_from([0, 1, 2, 255]), min_size=64, max_size=64),
)
def test_every_class_has_the_area_that_cutting_pixel_by_pixel_gives(points, codes):
    codes = np.array(codes).reshape(8, 8)
    shape = shapely.transform(
        shapely.make_valid(Polygon(points)), lambda p: (EAST, NORTH) + p * (GSD, -GSD)
    )
    table = count_classes(raster_of(codes), layer(shape))
    polygonal = zonal._polygonal(shape)
    for code, name in [
        (0, "class_0_m2"),
        (1, "class_1_m2"),
        (2, "class_2_m2"),
        (255, "no_data_m2"),
    ]:
        rows, columns = np.nonzero(codes == code)
        pixels = [here(x, y, x + 1, y + 1) for y, x in zip(rows, columns, strict=True)]
        expected = shapely.area(shapely.intersection(pixels, polygonal)).sum() if pixels else 0
        assert table[name][0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("transform", [
    (0.2, 0.0, EAST, 0.0, 0.2, NORTH),
    (0.15, 0.05, EAST, 0.06, -0.2, NORTH),
    (0.1, 0.0, EAST, 0.0, -0.3, NORTH),
])  # fmt: skip
def test_turned_mirrored_and_oblong_pixels_keep_their_area(transform):
    a, b, c, d, e, f = transform
    codes = np.array([[0, 1], [2, 255]])
    corners = [(0, 0), (2, 0), (2, 2), (0, 2)]
    whole = Polygon([(a * x + b * y + c, d * x + e * y + f) for x, y in corners])
    table = count_classes(raster_of(codes, transform), layer(whole))
    pixel_m2 = abs(a * e - b * d)
    assert parts(table).iloc[0, :4].tolist() == pytest.approx([pixel_m2] * 4, abs=1e-6)
    assert table.outside_m2[0] == pytest.approx(0, abs=1e-6)


def test_holes_and_several_parts():
    ring = here(0, 0, 6, 6).difference(here(2, 2, 4, 4))
    both = MultiPolygon([ring, here(7, 7, 8, 8)])
    codes = np.zeros((10, 10))
    codes[2:4, 2:4] = 1
    codes[7, 7] = 2
    table = count_classes(raster_of(codes), layer(both))
    assert parts(table).iloc[0].tolist() == pytest.approx([32 * 0.04, 0, 0.04, 0, 0], abs=1e-9)


def test_a_hole_counts_as_one_in_whatever_direction_its_corners_run():
    outer, inner = here(0, 0, 6, 6).exterior.coords, here(2, 2, 4, 4).exterior.coords
    both = [Polygon(outer, [inner]), Polygon(outer, [inner[::-1]])]
    table = count_classes(raster_of(np.zeros((10, 10))), layer(*both))
    assert table.class_0_m2.tolist() == pytest.approx([32 * 0.04] * 2, abs=1e-9)


def test_overlapping_polygons_each_get_their_full_area():
    table = count_classes(raster_of(np.ones((10, 10))), layer(*[here(1, 1, 9, 9)] * 3))
    assert table.class_1_m2.tolist() == pytest.approx([64 * 0.04] * 3)


def test_empty_missing_and_broken_geometries_have_a_row():
    bow_tie = Polygon([(EAST, NORTH), (EAST + 2, NORTH - 2), (EAST + 2, NORTH), (EAST, NORTH - 2)])
    polygons = layer(None, Polygon(), bow_tie, Point(EAST + 1, NORTH - 1))
    polygons.index = [7, 8, 9, 7]
    table = count_classes(raster_of(np.ones((10, 10))), polygons)
    assert table.index.tolist() == [7, 8, 9, 7]
    assert table.area_m2.tolist() == pytest.approx([0, 0, 2, 0])
    assert table.class_1_m2.tolist() == pytest.approx([0, 0, 2, 0])


def test_no_polygons_give_an_empty_table():
    table = count_classes(raster_of(np.ones((3, 3))), gpd.GeoSeries([], crs=UTM32))
    assert len(table) == 0
    assert "outside_m2" in table


def test_heights_of_corners_do_not_matter():
    flat = here(1, 1, 5, 5)
    table = count_classes(raster_of(np.ones((10, 10))), layer(shapely.force_3d(flat, 80.0)))
    assert table.class_1_m2[0] == pytest.approx(16 * 0.04)


def test_strips_and_chunks_change_nothing(monkeypatch):
    rng = np.random.default_rng(3)
    codes = rng.choice([0, 1, 2, 255], (120, 90))
    polygons = layer(*(random_polygon(rng, 20) for _ in range(60)), here(0, 0, 90, 120))
    whole = count_classes(raster_of(codes), polygons)
    monkeypatch.setattr(zonal, "STRIP_PX", 90 * 7)
    monkeypatch.setattr(zonal, "CHUNK_PX", 50)
    strips = count_classes(raster_of(codes), polygons)
    assert np.abs(whole - strips).max(axis=None) < 1e-9


def test_layers_in_degrees_and_other_systems_are_refused():
    raster = raster_of(np.ones((10, 10)))
    inside = layer(here(1, 1, 5, 5))
    with pytest.raises(CoordinatesInDegrees):
        count_classes(raster, inside.to_crs("EPSG:4326"))
    with pytest.raises(CoordinatesMixed, match="EPSG:25833"):
        count_classes(raster, inside.to_crs("EPSG:25833"))
    with pytest.raises(CoordinatesMixed):
        count_classes(raster, inside.set_crs(None, allow_override=True))
    for crs in ("EPSG:4326", "EPSG:3857"):
        wrong = ClassRaster(10, 10, PLACE, raster.read, crs, (0, 1))
        with pytest.raises(CoordinatesInDegrees):
            count_classes(wrong, inside)


def test_a_code_that_is_no_class_is_an_error():
    with pytest.raises(ValueError, match="none of its classes"):
        count_classes(raster_of(np.full((10, 10), 9)), layer(here(1, 1, 5, 5)))


def test_a_file_is_read_in_windows(tmp_path):
    rng = np.random.default_rng(4)
    codes = rng.choice([0, 1, 2, 255], (300, 200)).astype(np.uint8)
    path = tmp_path / "klassen.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=200, height=300, count=1, dtype="uint8", crs=UTM32,
        transform=from_origin(EAST, NORTH, GSD, GSD), nodata=255,
    ) as target:  # fmt: skip
        target.write(codes, 1)
    polygons = layer(*(random_polygon(rng, 40) for _ in range(20)))
    with open_class_raster(path, (0, 1, 2)) as raster:
        from_file = count_classes(raster, polygons)
    assert np.abs(from_file - count_classes(raster_of(codes), polygons)).max(axis=None) < 1e-9


def test_memory_does_not_grow_with_the_raster():
    """A polygon as large as the raster needs the same for 4 and for 40 strips."""

    def peak(height):
        read = lambda x0, y0, x1, y1: np.zeros((y1 - y0, x1 - x0), dtype=np.uint8)  # noqa: E731
        raster = ClassRaster(4000, height, PLACE, read, UTM32, (0,))
        polygons = layer(here(0, 0, 4000, height))
        tracemalloc.start()
        table = count_classes(raster, polygons)
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert table.class_0_m2[0] == pytest.approx(4000 * height * 0.04)
        return held

    assert peak(12000) < peak(3000) * 1.1


@pytest.mark.parametrize(
    "transform",
    [
        (float("nan"), 0, 0, 0, -1, 0),
        (1, 0, float("inf"), 0, -1, 0),
        (0, 0, 0, 0, -1, 0),
        (1, 2, 0, 2, 4, 0),
    ],
)
def test_a_transform_that_leads_nowhere_is_refused(transform):
    with pytest.raises(ValueError, match="no place"):
        class_raster_of(np.zeros((2, 2), dtype=np.uint8), transform, "EPSG:25832")


@pytest.mark.parametrize("classes", [(0, 255), (1, 1), (256,), (-1,)])
def test_classes_are_different_codes_of_data(classes):
    transform = (1, 0, 0, 0, -1, 0)
    with pytest.raises(ValueError, match="no classes"):
        class_raster_of(np.zeros((2, 2), dtype=np.uint8), transform, "EPSG:25832", classes)
    with pytest.raises(ValueError, match="no place"):
        class_raster_of(np.zeros((0, 2), dtype=np.uint8), transform, "EPSG:25832")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_corner_that_is_no_number_is_refused(value):
    raster = class_raster_of(np.zeros((2, 2), dtype=np.uint8), (1, 0, 0, 0, -1, 0), "EPSG:25832")
    with np.errstate(invalid="ignore"):
        polygon = shapely.Polygon([(0, 0), (value, 0), (1, 1)])
    with pytest.raises(ValueError, match="no number"):
        count_classes(raster, gpd.GeoSeries([polygon], crs="EPSG:25832"))
