"""Finds go into the cache and come back the same to the last bit; a second run asks nobody."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image

from apps.aviary.finds.analysis import count
from apps.aviary.kinds.cached_finds import finds_from_arrays, finds_to_arrays
from apps.aviary.objects import Find, TileFinds
from apps.aviary.outputs import objects_geojson
from tests.apps.aviary import doubles

numbers = st.floats(-1e4, 1e4)
finds = st.builds(
    Find,
    st.sampled_from(["pv", "solar_thermal", "pv_ground", "straße"]),
    st.floats(0, 1),
    st.tuples(numbers, numbers, numbers, numbers),
    st.lists(st.tuples(numbers, numbers), max_size=6).map(tuple),
)
tiles = st.builds(
    TileFinds,
    st.just(3),
    st.lists(finds, max_size=8).map(tuple),
    unusual=st.booleans(),
    domain_distance=st.none() | st.floats(0, 100),
)


@given(tiles)
def test_finds_come_back_the_same(tile):
    assert finds_from_arrays(3, finds_to_arrays(tile)) == tile


def picture(folder, mark=False):
    pixels = np.full((700, 900, 3), 120, dtype=np.uint8)
    pixels[..., 1] = 100 + np.add.outer(np.arange(700) // 20, np.arange(900) // 30)
    pixels[100:180, 120:200] = doubles.BLUE
    if mark:
        pixels[650, 850] = doubles.MARK
    path = folder / "a.png"
    Image.fromarray(pixels).save(path)
    return path


def text(analysis):
    return objects_geojson(
        analysis, count(analysis, threshold=0.25, min_area_m2=1.0), threshold=0.25
    )


def test_a_second_run_asks_no_model(tmp_path):
    image, double = picture(tmp_path), doubles.finds_blue()
    first = doubles.analyse(image, double, gsd_m=0.1)
    asked = len(double.asked)
    second = doubles.analyse(image, double, gsd_m=0.1)
    assert (asked, len(double.asked)) == (4, 4)
    assert text(first) == text(second)
    assert '"class": "pv"' in text(second)


@pytest.mark.parametrize("change", ["threshold", "gsd", "pixels"])
def test_what_changes_the_answer_is_asked_again(tmp_path, change):
    double = doubles.finds_blue()
    doubles.analyse(picture(tmp_path), double, gsd_m=0.1)
    words = {
        "threshold": {"gsd_m": 0.1, "threshold": 0.001},
        "gsd": {"gsd_m": 0.11},
        "pixels": {"gsd_m": 0.1},
    }[change]
    doubles.analyse(picture(tmp_path, mark=change == "pixels"), double, **words)
    assert len(double.asked) > 4


def test_a_moved_threshold_asks_no_model(tmp_path):
    image, double = picture(tmp_path), doubles.finds_blue()
    for threshold in (0.5, 0.2, 0.01):
        doubles.analyse(image, double, gsd_m=0.1, threshold=threshold)
    assert len(double.asked) == 4


def test_a_failed_tile_is_never_kept(tmp_path):
    image = picture(tmp_path, mark=True)
    first = doubles.analyse(image, doubles.fails_on_the_mark(), gsd_m=0.1)
    assert len(first.detection.failed) == 1
    double = doubles.finds_blue()
    second = doubles.analyse(image, double, gsd_m=0.1)
    assert second.complete
    assert len(double.asked) == 1
