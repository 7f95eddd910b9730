"""The day of an aerial image comes from a person, from the camera's notes, or is not known."""

import io
from datetime import date

import numpy as np
import pytest
from PIL import Image
from rasterio.io import MemoryFile
from rasterio.transform import from_origin

from shared.geo.open import open_raster
from shared.geo.raster import OpenOptions
from shared.geo.taken_on import parse_day

PIXELS = np.random.default_rng(4).integers(40, 200, (48, 64, 3), dtype=np.uint8)


def picture(file_format, taken=None, written=None):
    notes = Image.Exif()
    if taken is not None:
        notes.get_ifd(0x8769)[36867] = taken
    if written is not None:
        notes[306] = written
    target = io.BytesIO()
    Image.fromarray(PIXELS).save(target, file_format, exif=notes)
    return target.getvalue()


def tiff(**tags):
    with MemoryFile() as memory:
        place = {"crs": "EPSG:25832", "transform": from_origin(405_000, 5_720_000, 0.2, 0.2)}
        with memory.open(
            driver="GTiff", width=64, height=48, count=3, dtype="uint8", **place
        ) as target:
            target.write(PIXELS.transpose(2, 0, 1))
            target.update_tags(**tags)
        return bytes(memory.read())


def day_of(content, **options):
    with open_raster(content, options=OpenOptions(gsd_m=0.2, **options)) as source:
        return source.info.taken_on


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026:05:09 10:31:00", date(2026, 5, 9)),
        ("2026-05-09T10:31:00Z", date(2026, 5, 9)),
        ("  2026:05:09", date(2026, 5, 9)),
        ("0000:00:00 00:00:00", None),
        ("2026:02:30 00:00:00", None),
        ("1800:05:09", None),
        ("2026:05:091", None),
        ("    :  :     :  :  ", None),
        ("Mai 2026", None),
        ("", None),
        (None, None),
        (20260509, None),
    ],
)
def test_a_note_is_read_or_is_none(text, day):
    assert parse_day(text) == day


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_the_moment_of_the_camera_beats_that_of_the_file(file_format):
    both = picture(file_format, "2025:07:01 11:00:00", "2026:01:15 09:00:00")
    assert day_of(both) == date(2025, 7, 1)
    assert day_of(picture(file_format, written="2026:01:15 09:00:00")) == date(2026, 1, 15)
    assert day_of(picture(file_format, "    :  :  ", "2026:01:15 09:00:00")) == date(2026, 1, 15)
    assert day_of(picture(file_format)) is None


def test_a_tiff_states_its_day():
    assert day_of(tiff(TIFFTAG_DATETIME="2026:05:09 10:31:00")) == date(2026, 5, 9)
    assert day_of(tiff(TIFFTAG_DATETIME="nonsense")) is None
    assert day_of(tiff()) is None


def test_what_a_person_states_beats_the_file():
    stated = date(2024, 8, 3)
    assert day_of(tiff(TIFFTAG_DATETIME="2026:05:09 10:31:00"), taken_on=stated) == stated
    assert day_of(picture("JPEG", "2025:07:01 11:00:00"), taken_on=stated) == stated


def test_broken_notes_of_a_camera_harm_no_image():
    content = picture("JPEG", "2025:07:01 11:00:00")
    place = content.index(b"Exif\0\0") + 6
    broken = content[: place + 4] + b"\xff\xff\xff\x7f" + content[place + 8 :]
    assert day_of(broken) is None
