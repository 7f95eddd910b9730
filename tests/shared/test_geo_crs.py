"""Coordinate systems: degrees are refused, the rest is brought into one metric system."""

import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from pyproj import CRS, Transformer

from shared.errors import CoordinatesInDegrees, CoordinatesUnknown
from shared.geo.crs import (
    guard_crs,
    lies_in_germany,
    parse_crs,
    require_true_metres,
    settle_crs,
    to_map,
)

HERE = (0.2, 0.0, 380000.0, 0.0, -0.2, 5724000.0)
SIDE = 2000


def codes(placed):
    return [finding.code for finding in placed.findings]


def moved(transform, **origin):
    a, b, c, d, e, f = transform
    return a, b, origin.get("x", c), d, e, origin.get("y", f)


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:4258", "EPSG:4979", "OGC:CRS84"])
def test_degrees_are_refused(crs):
    with pytest.raises(CoordinatesInDegrees, match="nicht in Metern"):
        guard_crs(crs, (1e-6, 0, 7.5, 0, -1e-6, 51.5), SIDE, SIDE)


def test_feet_are_refused():
    with pytest.raises(CoordinatesInDegrees):
        guard_crs("EPSG:2263", HERE, SIDE, SIDE)


@pytest.mark.parametrize("crs", ["", "EPSG:99999999", "Quark", 'LOCAL_CS["Halle"]'])
def test_unknown_systems_are_refused(crs):
    with pytest.raises((CoordinatesUnknown, CoordinatesInDegrees)):
        guard_crs(crs, HERE, SIDE, SIDE)


def test_the_common_system_stays_as_it_is():
    placed = guard_crs("EPSG:25832", HERE, SIDE, SIDE)
    assert (placed.crs, placed.transform, placed.scale) == ("EPSG:25832", HERE, 1)
    assert placed.findings == ()


def test_a_height_system_beside_it_changes_nothing():
    assert guard_crs("EPSG:25832+7837", HERE, SIDE, SIDE).crs == "EPSG:25832"


@pytest.mark.parametrize("crs", ["EPSG:4647", "EPSG:25832"])
def test_a_zone_number_before_the_east_value_goes(crs):
    placed = guard_crs(crs, moved(HERE, x=32380000.0), SIDE, SIDE)
    assert (placed.crs, placed.transform) == ("EPSG:25832", HERE)
    assert codes(placed) == ["zonenkennzahl"]


def test_zone_33_loses_its_number_before_it_is_converted():
    transform = moved(HERE, x=390000.0, y=5820000.0)
    plain = guard_crs("EPSG:25833", transform, SIDE, SIDE)
    for crs in ("EPSG:5650", "EPSG:25833"):
        placed = guard_crs(crs, moved(transform, x=33390000.0), SIDE, SIDE)
        assert placed.transform == pytest.approx(plain.transform, abs=1e-6)
        assert codes(placed) == ["zonenkennzahl", "crs_umgerechnet"]


def test_web_mercator_stays_and_names_its_scale():
    x, y = Transformer.from_crs(4326, 3857, always_xy=True).transform(7.5, 51.5)
    placed = guard_crs("EPSG:3857", (0.3, 0, x, 0, -0.3, y), 10, 10)
    assert placed.crs == "EPSG:3857"
    assert placed.scale == pytest.approx(math.cos(math.radians(51.5)), abs=1e-6)
    assert codes(placed) == ["web_mercator"]


@pytest.mark.parametrize(
    ("number", "x", "y"),
    [(25833, 390000, 5820000), (31466, 2570000, 5710000), (31467, 3480000, 5540000)],
)
def test_other_german_systems_are_converted_pixel_by_pixel(number, x, y):
    transform = (0.2, 0.0, x, 0.0, -0.2, y)
    placed = guard_crs(f"EPSG:{number}", transform, 20000, 20000)
    assert placed.crs == "EPSG:25832"
    change = Transformer.from_crs(number, 25832, always_xy=True)
    columns, rows = np.meshgrid([0.0, 10000, 20000], [0.0, 10000, 20000])
    wanted = change.transform(*to_map(transform, columns, rows))
    assert np.hypot(*np.subtract(to_map(placed.transform, columns, rows), wanted)).max() < 0.1
    rough = number in (31466, 31467)
    assert codes(placed) == ["crs_umgerechnet_grob" if rough else "crs_umgerechnet"]


def test_an_image_too_large_for_an_affine_conversion_stays():
    transform = (0.1, 0.0, 390000.0, 0.0, -0.1, 5820000.0)
    placed = guard_crs("EPSG:25833", transform, 100000, 100000)
    assert (placed.crs, placed.transform) == ("EPSG:25833", transform)
    assert codes(placed) == ["crs_nicht_umgerechnet"]
    assert placed.findings[0].details["misfit"] > 0.05


def test_swapped_axes_are_found_and_mended():
    a, b, c, d, e, f = HERE
    placed = guard_crs("EPSG:25832", (d, e, f, a, b, c), SIDE, SIDE)
    assert placed.transform == HERE
    assert codes(placed) == ["achsen_vertauscht"]


def test_swapped_axes_with_a_zone_number_are_mended_too():
    a, b, c, d, e, f = moved(HERE, x=32380000.0)
    placed = guard_crs("EPSG:4647", (d, e, f, a, b, c), SIDE, SIDE)
    assert (placed.crs, placed.transform) == ("EPSG:25832", HERE)
    assert codes(placed) == ["achsen_vertauscht"]


def test_a_place_outside_germany_is_named_and_left():
    transform = moved(HERE, x=0.0, y=0.0)
    placed = guard_crs("EPSG:25832", transform, SIDE, SIDE)
    assert placed.transform == transform
    assert codes(placed) == ["lage_unplausibel"]


@given(x=st.floats(-1e9, 1e9), y=st.floats(-1e9, 1e9), number=st.sampled_from([25832, 25833, 3857]))
def test_any_place_is_answered(x, y, number):
    placed = settle_crs(f"EPSG:{number}", (0.2, 0, x, 0, -0.2, y), SIDE, SIDE)
    assert all(map(math.isfinite, placed.transform))


@pytest.mark.parametrize(
    ("place", "inside"),
    [
        ((8.417, 54.990), True),  # Sylt
        ((10.178, 47.395), True),  # Oberstdorf
        ((5.950, 51.050), True),  # Selfkant
        ((14.980, 51.270), True),  # Görlitz
        ((2.350, 48.860), False),  # Paris
        ((16.370, 48.210), False),  # Wien
    ],
)
def test_the_box_holds_the_ends_of_germany(place, inside):
    crs = CRS.from_epsg(25832)
    x, y = Transformer.from_crs(4326, crs, always_xy=True).transform(*place)
    assert lies_in_germany(crs, x, y) is inside


def test_areas_need_true_metres():
    assert require_true_metres("EPSG:25833").to_epsg() == 25833
    for crs in ("EPSG:3857", "EPSG:4326"):
        with pytest.raises(CoordinatesInDegrees):
            require_true_metres(crs)
    assert parse_crs("EPSG:3857").to_epsg() == 3857
