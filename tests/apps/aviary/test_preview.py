"""Trying a recipe out: which part, what it shows, and how long the whole will take."""

import base64
import io

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.io import MemoryFile
from rasterio.transform import from_origin
from shapely import MultiPolygon, box

from apps.aviary.inputs.image_check import cut_out_tiff, look_over
from apps.aviary.parameters import IMAGE, make_parameters
from apps.aviary.pinned import pin_model
from apps.aviary.plan import plan_run
from apps.aviary.preview import Pace, has_preview, preview_box, try_out
from apps.aviary.recipes import find_recipe
from shared.geo.raster import OpenOptions, RasterInfo
from tests.apps.aviary import doubles
from tests.apps.aviary.cell_doubles import CellDouble

SOLAR, SEALED = find_recipe("solar"), find_recipe("sealed")
OPTIONS = OpenOptions(gsd_m=0.1)


def info(width, height, pixel_m=0.1):
    return RasterInfo("bild.png", "ab" * 32, width, height, 3, "PNG", pixel_m, pixel_m)


def png(pixels) -> bytes:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    return target.getvalue()


class Clock:
    """Every look at it takes a second."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        self.now += 1.0
        return self.now


def test_two_tiles_around_the_middle_are_tried_out():
    # 640 px and a step of 448 px: columns begin at 0, 448, 896, 1344, ..., rows at 896 and 1344.
    assert preview_box(info(4000, 3000), SOLAR, None, None) == (1344, 1344, 2432, 1984)


def test_the_part_follows_the_area_and_stays_in_the_image():
    corner = MultiPolygon([box(3900, 2900, 4000, 3000)])
    assert preview_box(info(4000, 3000), SOLAR, None, corner) == (3136, 2360, 4000, 3000)


def test_a_small_image_is_tried_out_whole():
    assert preview_box(info(300, 200), SOLAR, None, None) == (0, 0, 300, 200)


def test_coarser_pixels_need_fewer_of_them():
    left, upper, right, lower = preview_box(info(4000, 3000, 0.2), SOLAR, 0.1, None)
    assert (right - left, lower - upper) == (544, 320)


@pytest.mark.parametrize("size", [(1500, 1300), (1090, 700), (700, 1500)])
@pytest.mark.parametrize("name", ["solar", "sealed"])
def test_the_tiles_of_the_preview_are_tiles_of_the_run(size, name):
    recipe = find_recipe(name)
    whole = info(*size, recipe.gsd_native_m)
    left, upper, right, lower = preview_box(whole, recipe, None, None)
    part = info(int(right - left), int(lower - upper), recipe.gsd_native_m)
    inner = {
        (x0 + left, y0 + upper, x1 + left, y1 + upper)
        for x0, y0, x1, y1 in (one.box for one in plan_run(part, recipe).tiles)
    }
    assert inner <= {one.box for one in plan_run(whole, recipe).tiles}


def test_what_is_compared_with_other_images_has_no_preview():
    assert has_preview(SOLAR)
    assert not has_preview(find_recipe("change"))
    assert not has_preview(find_recipe("similar"))


def test_the_forecast_grows_with_tiles_and_pixels():
    assert Pace(tile_s=0.5, finish_s=0.1).forecast_s(100, 36) == pytest.approx(53.6)


def test_objects_are_found_and_the_time_is_measured(tmp_path):
    pixels = np.full((640, 1088, 3), 120, np.uint8)
    pixels[100:200, 300:400] = doubles.BLUE
    image = tmp_path / "ausschnitt.png"
    image.write_bytes(png(pixels))
    client = doubles.finds_blue()
    parameters = make_parameters(
        SOLAR, pin_model(client, SOLAR), OPTIONS, force=False, use_cache=False, inputs=(IMAGE,)
    )
    preview = try_out(image, {}, parameters, client, at_once=1, clock=Clock())
    assert preview.tiles == 2
    assert len(client.asked) == 4  # once to load the model, once with the watch
    # Begin and end of two tiles one after the other: 1, 2, 3, 4.
    assert preview.pace.tile_s == 1.5
    assert preview.pace.finish_s == pytest.approx(1 / 0.69632)
    assert preview.analysis is not None
    assert preview.content is None
    assert Image.open(io.BytesIO(preview.overview)).size == (1088, 640)


def test_a_map_is_made_of_the_part(tmp_path):
    image = tmp_path / "ausschnitt.png"
    image.write_bytes(png(np.full((320, 320, 3), (35, 90, 90), np.uint8)))  # class 3, asphalt
    client = CellDouble()
    parameters = make_parameters(
        SEALED,
        pin_model(client, SEALED),
        OpenOptions(gsd_m=0.2),
        force=False,
        use_cache=False,
        inputs=(IMAGE,),
    )
    preview = try_out(image, {}, parameters, client, at_once=2, clock=Clock())
    assert preview.analysis is None
    assert preview.content.share["sealed"] == 1.0
    assert set(np.unique(preview.reduced.codes)) == {0}


def four_bands() -> bytes:
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=60, height=40, count=4, dtype="uint8", crs="EPSG:25832",
            transform=from_origin(380_000, 5_720_000, 0.2, 0.2), photometric="RGB",
        ) as target:  # fmt: skip
            for band in range(4):
                target.write(np.full((40, 60), 10 * (band + 1), np.uint8), band + 1)
            target.colorinterp = (*target.colorinterp[:3], rasterio.enums.ColorInterp.undefined)
        return memory.read()


def test_a_part_keeps_its_place_and_near_infrared():
    text = cut_out_tiff(
        four_bands(), SEALED, OpenOptions(), name="bild.tif", box=(10.0, 20.0, 50.0, 40.0)
    )
    again = look_over(
        base64.b64decode(text), SEALED, OpenOptions(), name="teil.tif", force=False
    ).info
    assert (again.width, again.height) == (40, 20)
    assert again.crs == "EPSG:25832"
    assert (again.transform[2], again.transform[5]) == (380_002, 5_719_996)
    assert again.has_near_infrared
    with MemoryFile(base64.b64decode(text)) as memory, memory.open() as part:
        assert part.read()[:, 0, 0].tolist() == [10, 20, 30, 40]


def test_a_part_of_colours_has_three_bands():
    text = cut_out_tiff(
        four_bands(), SOLAR, OpenOptions(), name="bild.tif", box=(0.0, 0.0, 60.0, 40.0)
    )
    with MemoryFile(base64.b64decode(text)) as memory, memory.open() as part:
        assert part.count == 3
