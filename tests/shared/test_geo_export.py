"""Rasters, map pictures, styles and origin: right in other programs, whole or not at all."""

import io
import json
import os
import stat
from xml.etree import ElementTree

import numpy as np
import pytest
import rasterio
from PIL import Image
from shapely.geometry import LineString, MultiPolygon, Polygon, box

from shared.errors import StorageFull, StorageUnreachable
from shared.geo import export
from shared.geo.export import (
    RasterLayout,
    Strip,
    write_cog,
    write_map_png,
    write_provenance,
    write_qml,
)
from shared.geo.map_picture import MapPicture, MapShape, bar_length_m, map_png
from shared.report.blocks import LegendEntry
from shared.store import local_files
from shared.store.provenance_reading import read_back
from shared.store.provenance_text import to_json
from tests.report.sample import ORIGIN, layer

TRANSFORM = (0.2, 0.0, 380_000.0, 0.0, -0.2, 5_720_200.0)


def layout(**changes):
    given = {
        "width": 1100, "height": 700, "bands": 1, "dtype": "uint8", "kind": "labels",
        "transform": TRANSFORM, "crs": "EPSG:25832",
    }  # fmt: skip
    return RasterLayout(**(given | changes))


def strips(pixels, rows=300, valid=None):
    for first in range(0, pixels.shape[1], rows):
        part = None if valid is None else valid[first : first + rows]
        yield Strip(pixels[:, first : first + rows], part)


def labels():
    rows, columns = np.mgrid[0:700, 0:1100]
    return ((rows // 70 + columns // 110) % 10).astype(np.uint8)[None]


def smooth(bands):
    rows, columns = np.mgrid[0:700, 0:1100]
    base = 120 + 60 * np.sin(rows / 60) + 40 * np.cos(columns / 80)
    return np.stack([base + 10 * band for band in range(bands)]).astype(np.uint8)


def is_cog(path):
    with rasterio.open(path) as raster:
        return raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


def test_labels_come_back_unchanged_with_colours_and_origin(tmp_path):
    path = tmp_path / "klassen.tif"
    colours = {0: "#a03020", 9: "#00ff10"}
    write_cog(path, strips(labels()), layout(nodata=255, colours=colours), ORIGIN)
    assert is_cog(path)
    assert read_back(path) == json.loads(to_json(ORIGIN))
    with rasterio.open(path) as raster:
        assert np.array_equal(raster.read(), labels())
        assert raster.profile["compress"] == "deflate"
        assert raster.block_shapes == [(512, 512)]
        assert raster.overviews(1) == [2, 4]
        assert (raster.crs.to_epsg(), raster.nodata) == (25832, 255)
        assert tuple(raster.transform)[:6] == TRANSFORM
        assert raster.colormap(1)[9] == (0, 255, 16, 255)
        small = raster.read(1, out_shape=(350, 550))
    assert set(np.unique(small)) <= set(range(10))
    assert [one.name for one in tmp_path.iterdir()] == ["klassen.tif"]


@pytest.mark.parametrize("bands", [3, 4])
def test_images_are_packed_as_jpeg_and_near_infrared_is_no_transparency(tmp_path, bands):
    path = tmp_path / "bild.tif"
    pixels = smooth(bands)
    write_cog(path, strips(pixels), layout(kind="image", bands=bands), ORIGIN)
    with rasterio.open(path) as raster:
        assert is_cog(path)
        assert raster.profile["compress"] == "jpeg"
        assert [one.name for one in raster.colorinterp[:3]] == ["red", "green", "blue"]
        assert "alpha" not in [one.name for one in raster.colorinterp]
        assert (raster.dataset_mask() == 255).all()
        difference = np.abs(raster.read().astype(int) - pixels)
        assert difference.max() <= 12
        assert difference.mean() < 2
        quality = raster.tags(ns="IMAGE_STRUCTURE").get("JPEG_QUALITY")
    assert quality == "88"


def test_an_image_keeps_its_mask(tmp_path):
    valid = np.ones((700, 1100), dtype=bool)
    valid[100:200, 300:500] = False
    path = tmp_path / "bild.tif"
    write_cog(path, strips(smooth(4), valid=valid), layout(kind="image", bands=4), ORIGIN)
    with rasterio.open(path) as raster:
        assert np.array_equal(raster.dataset_mask() > 0, valid)


def test_heights_in_centimetres_come_back_unchanged(tmp_path):
    heights = np.arange(-350, 350, dtype=np.int16)[None, :, None].repeat(1100, axis=2)
    path = tmp_path / "hoehen.tif"
    write_cog(path, strips(heights), layout(kind="heights", dtype="int16"), ORIGIN)
    with rasterio.open(path) as raster:
        assert np.array_equal(raster.read(), heights)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: strips(labels()[:, :500]),
        lambda: strips(np.concatenate([labels(), labels()], axis=1)),
        lambda: strips(labels()[:, :, :900]),
        lambda: iter([]),
    ],
    ids=["too few rows", "too many rows", "too narrow", "nothing"],
)
def test_strips_that_do_not_fill_the_raster_leave_nothing(tmp_path, wrong):
    with pytest.raises(ValueError, match=r"rows|fit"):
        write_cog(tmp_path / "a.tif", wrong(), layout(), ORIGIN)
    assert list(tmp_path.iterdir()) == []


def test_an_error_in_the_middle_leaves_the_older_file(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"older")

    def broken():
        yield Strip(labels()[:, :300])
        raise KeyError("model")

    with pytest.raises(KeyError):
        write_cog(path, broken(), layout(), ORIGIN)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_nothing_and_is_said(tmp_path, monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export.provenance_files, "write_cog", full)
    with pytest.raises(StorageFull):
        write_cog(tmp_path / "a.tif", strips(labels()), layout(), ORIGIN)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_though_gdal_names_no_reason(tmp_path, monkeypatch):
    def fails(*_arguments):
        raise rasterio.errors.RasterioIOError("Write failed. See previous exception for details.")

    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export.provenance_files, "write_cog", fails)
    with pytest.raises(StorageUnreachable):
        write_cog(tmp_path / "a.tif", strips(labels()), layout(), ORIGIN)
    monkeypatch.setattr(export.os, "posix_fallocate", full)
    with pytest.raises(StorageFull):
        write_cog(tmp_path / "a.tif", strips(labels()), layout(), ORIGIN)
    assert list(tmp_path.iterdir()) == []


def test_the_disk_has_the_content_before_the_name(tmp_path, monkeypatch):
    path, seen = tmp_path / "herkunft.json", []

    def synced(handle):
        status = os.fstat(handle)
        if stat.S_ISREG(status.st_mode):
            seen.append((status.st_size, path.exists()))

    monkeypatch.setattr(local_files.os, "fsync", synced)
    write_provenance(path, ORIGIN)
    assert seen == [(path.stat().st_size, False)]


def map_picture(**changes):
    ground = np.full((300, 600, 3), 200, dtype=np.uint8)
    given = {
        "picture": ground, "title": "Funde in Musterstadt", "credit": "© Land NRW, Größe ß m²",
        "gsd_m": 0.2,
    }  # fmt: skip
    return MapPicture(**(given | changes))


def opened(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).astype(int)


def top_of(picture):
    """Row at which the picture begins: the first that is grey at its left edge."""
    return int(np.flatnonzero((picture[:, 0] == 200).all(axis=1))[0])


def test_outlines_fills_and_holes_lie_where_they_belong():
    ring = Polygon(
        [(50, 50), (250, 50), (250, 250), (50, 250)],
        [[(100, 100), (200, 100), (200, 200), (100, 200)]],
    )
    inner = box(120, 120, 180, 180)
    shapes = [MapShape(inner, "#0000ff"), MapShape(ring, "#ff0000")]
    page = opened(map_png(map_picture(shapes=shapes)))
    top = top_of(page)
    assert tuple(page[top + 50, 150]) == (255, 0, 0)
    assert tuple(page[top + 75, 75]) == (214, 150, 150)  # a quarter of the colour
    assert tuple(page[top + 110, 110]) == (200, 200, 200)
    assert tuple(page[top + 150, 150]) == (150, 150, 214)


def test_doubtful_outlines_are_dashed_and_lines_have_no_fill():
    lines = [
        MapShape(LineString([(50, 50), (250, 50)]), "#ff0000", dashed=True),
        MapShape(MultiPolygon([box(300, 100, 400, 200)]), "#00aa00"),
    ]
    page = opened(map_png(map_picture(shapes=lines)))
    along = page[top_of(page) + 50, 50:251]
    red = (along == (255, 0, 0)).all(axis=1)
    assert 0.3 < red.mean() < 0.7


def test_classes_are_drawn_half_and_others_not():
    classes = np.zeros((300, 600), dtype=np.uint8)
    classes[100:200] = 3
    page = opened(map_png(map_picture(classes=classes, colours={3: "#ff0000"})))
    top = top_of(page)
    assert tuple(page[top + 150, 300]) == (228, 100, 100)
    assert tuple(page[top + 50, 300]) == (200, 200, 200)
    with pytest.raises(ValueError, match="classes"):
        map_png(map_picture(classes=classes[:100], colours={}))


@pytest.mark.parametrize(
    ("gsd_m", "width", "length"),
    [(0.2, 600, 20), (0.1, 1000, 20), (0.05, 600, 5), (10, 1000, 2000), (0.2, 1250, 50)],
)
def test_the_scale_bar_is_round_and_at_most_three_tenths(gsd_m, width, length):
    # 0.3 * 600 px * 0.2 m = 36 m -> 20 m; 0.3 * 1250 * 0.2 = 75 m -> 50 m
    assert bar_length_m(gsd_m, width) == pytest.approx(length)


def test_the_scale_bar_is_as_long_as_it_says():
    page = opened(map_png(map_picture()))
    # Letters are 14 px high, so the bar lies 12 to 19 px below the picture.
    row = page[top_of(page) + 300 + 15, :300].max(axis=1) < 60
    left, right = np.flatnonzero(row)[[0, -1]]
    assert right - left == 100  # 20 m at 0.2 m
    assert row[left : left + 51].all()  # the first half is dark
    assert not row[left + 52 : right].any()


def test_scale_bar_and_arrow_may_be_left_out_and_north_turns():
    with_all = map_png(map_picture())
    without = map_png(map_picture(gsd_m=None, north_deg=None))
    assert opened(without).shape[0] < opened(with_all).shape[0]
    assert map_png(map_picture(north_deg=90.0)) != with_all
    assert map_png(map_picture()) == with_all


def test_long_texts_wrap_and_all_of_the_legend_is_drawn():
    entries = [LegendEntry("#123456", f"Gründach extensiv {n}") for n in range(8)]
    short = opened(map_png(map_picture()))
    long = opened(map_png(map_picture(legend=entries, credit="© Land NRW " * 30)))
    assert long.shape[0] > short.shape[0] + 100
    assert long.shape[1] == short.shape[1] == 600
    marked = (long == (0x12, 0x34, 0x56)).all(axis=2)
    from scipy.ndimage import label

    assert label(marked)[1] == 8


def test_umlauts_have_shapes_of_their_own():
    """A missing letter would be drawn as the same box as any other missing one."""
    from PIL import ImageFont

    from shared.geo.map_picture import FONT_FILE

    font = ImageFont.truetype(str(FONT_FILE), 30)
    drawn = [bytes(font.getmask(letter)) for letter in "äöüÄÖÜß²–©„“€"]
    missing = bytes(font.getmask("\U0010fffe"))
    assert len(set(drawn)) == len(drawn)
    assert missing not in drawn


def test_a_map_carries_its_origin(tmp_path):
    path = tmp_path / "karte.png"
    write_map_png(path, map_picture(), ORIGIN)
    assert read_back(path) == json.loads(to_json(ORIGIN))
    assert list(tmp_path.iterdir()) == [path]


def test_styles_of_layers_and_rasters_are_xml_with_all_colours(tmp_path):
    path = tmp_path / "stil.qml"
    write_qml(path, layer())
    assert ElementTree.parse(path).getroot().tag == "qgis"  # noqa: S314  # own file
    entries = (LegendEntry("#ff0000", "Dach & Fach", "0"), LegendEntry("#00ff00", "Gras", "7"))
    write_qml(path, entries)
    found = ElementTree.parse(path).getroot().iter("paletteEntry")  # noqa: S314
    assert [(one.get("value"), one.get("color"), one.get("label")) for one in found] == [
        ("0", "#ff0000", "Dach & Fach"),
        ("7", "#00ff00", "Gras"),
    ]


def test_a_code_that_is_no_number_leaves_no_style(tmp_path):
    with pytest.raises(ValueError, match="invalid literal"):
        write_qml(tmp_path / "stil.qml", (LegendEntry("#ff0000", "Dach", "x"),))
    assert list(tmp_path.iterdir()) == []


def test_the_origin_is_json_of_its_own(tmp_path):
    path = tmp_path / "herkunft.json"
    write_provenance(path, ORIGIN)
    assert json.loads(path.read_text(encoding="utf-8")) == json.loads(to_json(ORIGIN))
