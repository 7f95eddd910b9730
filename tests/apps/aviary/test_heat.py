"""The heat map: its scale, its colours over the image, places where nothing is known."""

import io

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.io import MemoryFile

from apps.aviary.finds.heat import COLOURS, HeatMap, draw_heat, heat_steps, read_heat


def tiff(values: np.ndarray) -> bytes:
    height, width = values.shape
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=width, height=height, count=1, dtype="float32", nodata=-9999
        ) as target:
            target.write(values.astype(np.float32), 1)
        return memory.read()


def grey(width: int, height: int) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (width, height), "#808080").save(target, "JPEG", quality=95)
    return target.getvalue()


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_scores_are_read_and_unknown_places_stay_unknown():
    heat = read_heat(tiff(np.array([[0.0, 0.31], [0.62, -9999]])))
    assert np.isnan(heat.scores[1, 1])
    assert heat.top == pytest.approx(0.65)
    assert heat.levels.tolist() == [[0, 2], [4, -1]]


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(("best", "top"), [(0.0, 0.05), (0.05, 0.05), (0.6, 0.6), (1.0, 1.0)])
def test_the_scale_ends_at_the_best_score(best, top):
    heat = read_heat(tiff(np.array([[0.0, best]])))
    assert heat.top == pytest.approx(top)
    assert heat_steps(heat)[0].high == pytest.approx(top)


def test_the_steps_share_the_known_area():
    scores = np.array([[0.05, 0.15, 0.95, np.nan], [0.05, 0.45, 0.95, np.nan]], dtype=np.float32)
    steps = heat_steps(HeatMap(scores, 1.0))
    assert [round(one.low, 2) for one in steps] == [0.8, 0.6, 0.4, 0.2, 0.0]
    assert [one.share for one in steps] == pytest.approx([2 / 6, 0, 1 / 6, 0, 3 / 6])
    assert [one.colour for one in steps] == list(reversed(COLOURS))


def test_colours_get_lighter_with_the_score_and_the_image_shows_where_nothing_is_known():
    scores = np.array([[0.05, 0.25, 0.45, 0.65, 0.95, np.nan]], dtype=np.float32)
    picture = Image.open(io.BytesIO(draw_heat(HeatMap(scores, 1.0), grey(240, 40))))
    assert picture.size == (240, 40)
    light = np.asarray(picture.convert("L")).astype(int)[20, 20::40]
    assert (np.diff(light[1:5]) > 8).all()
    assert light[0] < 128
    assert light[5] == pytest.approx(128, abs=3)


def test_each_step_is_lighter_than_the_one_before():
    light = [Image.new("RGB", (1, 1), one).convert("L").getpixel((0, 0)) for one in COLOURS]
    assert (np.diff(light) > 20).all()


def test_a_file_that_is_no_raster_is_refused():
    with pytest.raises(rasterio.errors.RasterioIOError):
        read_heat(b"no raster")
