"""A class map as a picture and in words."""

import io

import numpy as np
import pytest
from PIL import Image
from rasterio.io import MemoryFile
from rasterio.transform import from_origin

from apps.aviary.class_maps.map_file import ClassMap
from apps.aviary.class_maps.picture import (
    LONGEST_PX,
    MapStyle,
    confidence_picture,
    draw_classes,
    reduce_map,
)
from apps.aviary.class_maps.words import class_figures, class_rows, how_sure, remarks, what_came_out
from apps.aviary.objects import FailedTile
from apps.aviary.recipes import find_recipe
from apps.aviary.semantic import Totals
from shared.contracts.provenance import ModelUse
from shared.errors import Cancelled
from shared.geo.raster import RasterInfo
from shared.i18n import get_translator

COLOURS = {0: "#ff0000", 1: "#0000ff"}


def tiff(values: np.ndarray) -> bytes:
    with MemoryFile() as memory:
        height, width = values.shape
        with memory.open(
            driver="GTiff", width=width, height=height, count=1, dtype="uint8",
            transform=from_origin(0, height, 1, 1),
        ) as target:  # fmt: skip
            target.write(values, 1)
        return memory.read()


def reduced(codes, confidence):
    return reduce_map(tiff(np.array(codes, np.uint8)), tiff(np.array(confidence, np.uint8)))


def photo(colour) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (2, 1), colour).save(target, "JPEG", quality=100)
    return target.getvalue()


def test_classes_have_their_colours_and_the_unknown_is_white():
    picture = draw_classes(reduced([[0, 1, 255]], [[90, 90, 255]]), MapStyle(COLOURS))
    assert [picture.getpixel((x, 0)) for x in range(3)] == [
        (255, 0, 0),
        (0, 0, 255),
        (255, 255, 255),
    ]


def test_less_sure_pixels_are_left_out_and_counted():
    few = reduced([[0, 1]], [[90, 40]])
    picture = draw_classes(few, MapStyle(COLOURS, least=0.5))
    assert picture.getpixel((1, 0)) == (255, 255, 255)
    assert few.unsure_share(0.5) == 0.5
    assert few.unsure_share(0.0) == 0.0


def test_the_image_shows_through_and_alone_where_nothing_is_known():
    picture = draw_classes(reduced([[0, 255]], [[90, 255]]), MapStyle(COLOURS), photo("#000000"))
    red, *others = picture.getpixel((0, 0))
    assert red == pytest.approx(153, abs=2) and max(others) < 5
    assert max(picture.getpixel((1, 0))) < 5


def test_the_other_classes_fade_when_one_is_chosen():
    picture = draw_classes(reduced([[0, 1]], [[90, 90]]), MapStyle(COLOURS, chosen=0))
    assert picture.getpixel((0, 0)) == (255, 0, 0)
    assert min(picture.getpixel((1, 0))) > 150


def test_confidence_is_grey_and_the_unknown_is_blue():
    picture = confidence_picture(reduced([[0, 1, 255]], [[100, 0, 255]]))
    assert picture.getpixel((0, 0)) == (255, 255, 255)
    assert picture.getpixel((1, 0)) == (0, 0, 0)
    assert len(set(picture.getpixel((2, 0)))) > 1


def test_large_maps_are_reduced_by_taking_whole_pixels():
    codes = np.zeros((LONGEST_PX * 2, 40), np.uint8)
    codes[:, 20:] = 4
    small = reduced(codes, np.full_like(codes, 80))
    assert small.codes.shape == (LONGEST_PX, 20)
    assert set(np.unique(small.codes)) == {0, 4}


def content(**changes) -> ClassMap:
    values = {
        "format": 1,
        "info": RasterInfo("bild.tif", "ab" * 32, 100, 100, 3, "TIFF", 0.2, 0.2),
        "recipe": find_recipe("sealed"),
        "findings": (),
        "model": ModelUse("landcover", "1.0.0", "cd" * 32),
        "model_gsd_m": 0.2,
        "near_infrared": False,
        "area_px": None,
        "totals": Totals({0: 2500, 2: 7500}, 0, 0, 800_000),
        "tiles": 10,
        "empty_tiles": 0,
        "unusual_tiles": (),
        "failed": (),
    }
    return ClassMap(**(values | changes))


def test_classes_stand_with_area_and_share_the_largest_first():
    rows = class_rows(content(), get_translator("de"))
    assert [(row.key, round(row.area_m2), row.share) for row in rows] == [
        ("unsealed", 300, 0.75),
        ("sealed", 100, 0.25),
        ("partly_sealed", 0, 0.0),
    ]


def test_the_sentence_names_what_there_is():
    said = what_came_out(content(), get_translator("de"))
    assert said.startswith("400\u202fm² sind eingeteilt. Am meisten: unversiegelt 75")
    assert "teilversiegelt" not in said
    nothing = content(totals=Totals({}, 10_000, 0, 0))
    assert "lässt sich etwas sagen" in what_came_out(nothing, get_translator("de"))
    assert class_figures(nothing, get_translator("de")) == []


def test_an_estimate_of_the_model_is_no_hit_rate():
    assert "keine gemessene Trefferquote" in how_sure(content(), get_translator("de"))
    assert "gerechnet" in how_sure(content(model=None), get_translator("de"))


def test_a_formula_is_not_told_to_be_sure_of_itself():
    labels = [one.label for one in class_figures(content(model=None), get_translator("de"))]
    assert labels == ["unversiegelt", "versiegelt"]
    labels = [one.label for one in class_figures(content(), get_translator("de"))]
    assert labels == ["unversiegelt", "versiegelt", "Mittlere Sicherheit"]


def test_gaps_failures_and_stops_are_told():
    failed = FailedTile(1, (0.0, 0.0, 5.0, 5.0), "x", "kaputt")
    stopped = FailedTile(2, (0.0, 0.0, 5.0, 5.0), Cancelled.code, "abgebrochen")
    told = "\n".join(
        remarks(
            content(
                failed=(failed, stopped),
                totals=Totals({0: 5000}, 5000, 0, 400_000),
                unusual_tiles=(3, 4),
            ),
            get_translator("de"),
        )
    )
    assert "1 von 10 Kacheln konnte nicht ausgewertet werden" in told
    assert "ausgewertet sind 8 von 10 Kacheln" in told
    assert "Zu 50,0\u202f% der Fläche ist nichts bekannt." in told
    assert "2 von 10 Kacheln sehen anders aus" in told
    assert remarks(content(), get_translator("de")) == []
