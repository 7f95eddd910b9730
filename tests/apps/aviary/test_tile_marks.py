"""Tiles without result and unusual ones are hatched in the picture of the image."""

import io

import numpy as np
import pytest
from PIL import Image

from apps.aviary.finds.tile_marks import GREY, RED, TileMarks, find_marks, hatch
from apps.aviary.objects import FailedTile
from apps.aviary.recipes import find_recipe
from shared.geo.raster import RasterInfo
from tests.apps.aviary import doubles

INFO = RasterInfo("a.png", "00" * 32, 800, 400, 3, "PNG", 0.1, 0.1)


def overview(size=(400, 200)):
    target = io.BytesIO()
    Image.fromarray(np.full((size[1], size[0], 3), (60, 160, 60), np.uint8)).save(target, "JPEG")
    return target.getvalue()


def share_of(colour, picture, box):
    x0, y0, x1, y1 = box
    pixels = np.asarray(Image.open(io.BytesIO(picture)))[y0:y1, x0:x1].astype(int)
    return float((np.abs(pixels - colour).max(axis=2) < 40).mean())


def test_failed_and_unusual_tiles_are_hatched_where_they_lie():
    marks = TileMarks(((0, 0, 400, 400),), ((400, 0, 600, 400),), (1,))
    picture = hatch(overview(), INFO, marks)
    assert Image.open(io.BytesIO(picture)).size == (400, 200)
    assert share_of(RED, picture, (0, 0, 200, 200)) > 0.2
    assert share_of(GREY, picture, (203, 0, 300, 200)) > 0.1
    assert share_of(RED, picture, (210, 0, 400, 200)) == 0
    assert share_of(GREY, picture, (305, 0, 400, 200)) == 0


def test_without_such_a_tile_the_picture_stays_as_it_is():
    assert hatch(overview(), INFO, TileMarks()) == overview()


@pytest.mark.parametrize("size", [(3, 2), (1, 1)])
def test_a_tile_smaller_than_a_pixel_of_the_picture_is_still_marked(size):
    marks = TileMarks(((1, 1, 2, 2),))
    assert hatch(overview(size), INFO, marks) != overview(size)


def test_numbers_of_tiles_become_places():
    failed = FailedTile(0, (0.0, 0.0, 640.0, 400.0), "x", "")
    marks = find_marks(INFO, find_recipe("solar"), 0.1, [failed], [1])
    assert marks.failed == ((0.0, 0.0, 640.0, 400.0),)
    assert marks.unusual == ((160.0, 0.0, 800.0, 400.0),)


def test_a_run_names_its_marks(tmp_path):
    pixels = np.full((640, 1088, 3), 120, dtype=np.uint8)
    pixels[5, 5] = doubles.MARK
    Image.fromarray(pixels).save(tmp_path / "a.png")
    marks = doubles.analyse(tmp_path / "a.png", doubles.fails_on_the_mark(), gsd_m=0.1).marks
    assert marks.failed == ((0.0, 0.0, 640.0, 640.0),)
    assert marks.unusual == ()
    Image.fromarray(pixels + 1).save(tmp_path / "a.png")
    marks = doubles.analyse(tmp_path / "a.png", doubles.knows_no_such_image(), gsd_m=0.1).marks
    assert marks.unusual_ids == (0, 1)
