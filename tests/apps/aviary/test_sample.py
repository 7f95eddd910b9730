"""The painted scene is deterministic, says what it is, and its truth lies where it is painted."""

import io

import numpy as np
import pytest
from PIL import Image
from shapely.geometry import Point, box

from apps.aviary.painted.sample import NOTE, render_sample, sample_png


@pytest.fixture(scope="module")
def scene():
    return render_sample(3)


def test_same_seed_same_bytes(scene):
    assert sample_png(render_sample.__wrapped__(3)) == sample_png(scene)
    assert not np.array_equal(render_sample(4).rgb, scene.rgb)


def test_the_file_names_itself_artificial(scene):
    image = Image.open(io.BytesIO(sample_png(scene)))
    assert image.size == (1600, 1120)
    assert image.text["Description"] == NOTE
    assert "künstlich" in NOTE


def test_truth_lies_inside_and_apart(scene):
    frame = box(0, 0, 1600, 1120)
    assert len(scene.objects) >= 8
    for index, one in enumerate(scene.objects):
        assert frame.contains(one.polygon)
        for other in scene.objects[:index]:
            assert one.polygon.intersection(other.polygon).area < 1


def test_pixels_inside_the_truth_look_like_modules(scene):
    """Registration: the painted arrays are bluish dark inside and not outside."""
    for one in (o for o in scene.objects if o.class_key == "pv"):
        x0, y0, x1, y1 = (round(edge) for edge in one.polygon.bounds)
        ys, xs = np.mgrid[y0:y1, x0:x1]
        inside = np.array(
            [
                one.polygon.contains(Point(x + 0.5, y + 0.5))
                for x, y in zip(xs.flat, ys.flat, strict=True)
            ]
        ).reshape(xs.shape)
        pixels = scene.rgb[y0:y1, x0:x1].astype(int)
        assert np.median((pixels[..., 2] - pixels[..., 0])[inside]) > 10


def test_a_scene_without_solar_has_nothing_true(scene):
    bare = render_sample(3, with_solar=False)
    assert bare.objects == ()
    assert bare.rgb.shape == scene.rgb.shape
