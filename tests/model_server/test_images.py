"""The image guard: header first, allow-list, limits, one German error per bad image."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image

from model_server.images import decode_image, decode_with_gaps, inspect_image
from model_server.tiff import count_directories, read_layout, with_fourth_band
from shared.errors import ItemError
from shared.settings import REPOSITORY
from tests.model_server.pictures import empty_png, encode, noise, sixteen_bit_rgb_png
from tests.timing import fastest_s


def inspect(data: bytes, *, pages: bool = False) -> object:
    return inspect_image(data, min_side_px=32, max_side_px=8000, apply_orientation=pages)


def code_of(data: bytes) -> str:
    with pytest.raises(ItemError) as caught:
        decode_image(data, inspect(data), "rgb")
    assert caught.value.http_status in (422, 500)
    assert str(caught.value)
    return caught.value.code


TRUNCATED_JPEG = encode(noise(), "JPEG")[:-400]
FLOAT_TIFF = encode(Image.fromarray(np.ones((64, 64), dtype=np.float32)), "TIFF")
DEEP_TIFF = encode(Image.fromarray(np.ones((64, 64), dtype=np.uint16)), "TIFF")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "datei_leer"),
        (b"%PDF-1.7\n%...", "bild_format"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "bild_format"),
        (b"just text", "bild_format"),
        (encode(noise(), "GIF"), "bild_format"),
        (encode(noise(), "BMP"), "bild_format"),
        (TRUNCATED_JPEG, "bild_beschaedigt"),
        (encode(noise())[:900], "bild_beschaedigt"),
        (encode(Image.new("RGB", (1, 1))), "bild_kantenlaenge"),
        (empty_png(30_000, 2), "bild_kantenlaenge"),
        (empty_png(9_000, 9_000), "bild_zu_gross"),
        (empty_png(20_000, 20_000), "bild_zu_gross"),
        (FLOAT_TIFF, "farbtiefe"),
        (DEEP_TIFF, "farbtiefe"),
        (sixteen_bit_rgb_png(), "farbtiefe"),
    ],
)
def test_bad_images_get_their_error(data: bytes, code: str) -> None:
    assert code_of(data) == code


def test_a_large_transparent_page_takes_little_more_than_its_pixels() -> None:
    """49 megapixels in 190 kB: 196 MB decoded and as much for the result; not five copies."""
    code = (
        "import re, sys\n"
        "from pathlib import Path\n"
        "from model_server.images import decode_image, inspect_image\n"
        "data = sys.stdin.buffer.read()\n"
        "limits = {'min_side_px': 32, 'max_side_px': 8000, 'apply_orientation': True}\n"
        "header = inspect_image(data, **limits)\n"
        "pixels = decode_image(data, header, 'rgb')\n"
        "assert pixels.min() == 255\n"
        # What `getrusage` reports would begin with the size of the process that started this one.
        "status = Path('/proc/self/status').read_text()\n"
        "print(int(re.search(r'VmHWM:\\s+(\\d+) kB', status)[1]) // 1024)\n"
    )
    data = encode(Image.new("RGBA", (7000, 7000)), compress_level=9)
    assert len(data) < 200_000
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=data,
        cwd=REPOSITORY,
        env=os.environ | {"MALLOC_ARENA_MAX": "1"},
        capture_output=True,
        timeout=120,
        check=True,
    )
    assert int(done.stdout) < 600


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_strips_of_a_page_fit_together(mode: str) -> None:
    image = noise(40, 600).convert("RGBA")
    image.putalpha(Image.fromarray(np.tile(np.arange(40, dtype=np.uint8) * 6, (600, 1))))
    image = image.convert(mode)
    data = encode(image)
    pixels = decode_image(data, inspect(data), "rgb")
    paper = Image.new("RGBA", image.size, "white")
    whole = np.asarray(Image.alpha_composite(paper, image.convert("RGBA")).convert("RGB"))
    assert np.array_equal(pixels, whole)


def test_a_bomb_is_refused_from_its_header_alone() -> None:
    bomb = empty_png(20_000, 20_000)
    assert len(bomb) < 500_000

    def refuse() -> None:
        with pytest.raises(ItemError, match="400 Megapixel"):
            inspect(bomb)

    assert fastest_s(refuse, 0.05, time.thread_time) <= 0.05
    tracemalloc.start()
    refuse()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak <= 20 * 2**20


def geotiff(bands: int, kind: str, values: np.ndarray | None = None, **options: str) -> bytes:
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning
    from rasterio.io import MemoryFile

    if values is None:
        values = np.ones((64, 64, bands), dtype=kind)
    height, width = values.shape[:2]
    shape = {"width": width, "height": height, "count": bands, "dtype": kind}
    with pytest.warns(NotGeoreferencedWarning), MemoryFile() as file:
        with rasterio.open(file.name, "w", driver="GTiff", **shape, **options) as target:
            target.write(values.transpose(2, 0, 1))
        return bytes(file.read())


@pytest.mark.parametrize(
    ("bands", "kind", "options", "code"),
    [
        (5, "uint8", {}, "baender_fehlen"),
        (5, "uint8", {"photometric": "RGB"}, "baender_fehlen"),
        (5, "uint8", {"photometric": "RGB", "alpha": "YES"}, "baender_fehlen"),
        # Read carelessly, this one is a grey image.
        (5, "uint8", {"interleave": "band", "compress": "deflate"}, "baender_fehlen"),
        (6, "uint8", {"photometric": "RGB"}, "baender_fehlen"),
        (9, "uint8", {}, "baender_fehlen"),
        (3, "uint16", {}, "farbtiefe"),
        (4, "uint16", {}, "farbtiefe"),
        (4, "float32", {}, "farbtiefe"),
    ],
)
def test_what_is_wrong_with_a_geotiff_is_named(
    bands: int, kind: str, options: dict[str, str], code: str
) -> None:
    data = geotiff(bands, kind, **options)
    assert code_of(data) == code
    with pytest.raises(ItemError) as caught:
        decode_image(data, inspect(data), "rgbi")
    assert caught.value.code == code


FOUR = np.random.default_rng(8).integers(0, 255, (48, 80, 4), dtype=np.uint8)


@pytest.mark.parametrize("compress", ["none", "deflate", "lzw"])
@pytest.mark.parametrize("interleave", ["pixel", "band"])
@pytest.mark.parametrize(
    "meaning",
    [
        {},
        {"photometric": "RGB", "alpha": "NO"},
        {"photometric": "RGB", "alpha": "PREMULTIPLIED"},
        {"photometric": "RGB", "alpha": "YES"},
        {"photometric": "MINISBLACK"},
        {"photometric": "RGB", "alpha": "NO", "bigtiff": "YES"},
        {"photometric": "RGB", "alpha": "NO", "endianness": "BIG"},
    ],
)
def test_the_fourth_band_of_a_tiff_is_kept_whatever_the_file_calls_it(
    meaning: dict[str, str], interleave: str, compress: str
) -> None:
    data = geotiff(4, "uint8", FOUR, interleave=interleave, compress=compress, **meaning)
    header = inspect(data)
    assert (header.width, header.height) == (80, 48)
    for bands in ("rgbi", "rgbm"):
        assert np.array_equal(decode_image(data, header, bands), FOUR)


@pytest.mark.parametrize(
    "meaning", [{"photometric": "RGB", "alpha": "NO"}, {"photometric": "MINISBLACK"}]
)
def test_a_fourth_band_that_is_no_transparency_leaves_the_colours_alone(
    meaning: dict[str, str],
) -> None:
    data = geotiff(4, "uint8", FOUR, **meaning)
    pixels, shown = decode_with_gaps(data, inspect(data), "rgb")
    assert np.array_equal(pixels, FOUR[..., :3])
    assert shown is None


def test_what_is_wholly_transparent_is_a_gap() -> None:
    picture = noise(64, 48).convert("RGBA")
    picture.paste((9, 9, 9, 0), (0, 0, 20, 48))
    picture.paste((9, 9, 9, 1), (20, 0, 30, 48))
    for kind in ("PNG", "TIFF"):
        data = encode(picture, kind)
        pixels, shown = decode_with_gaps(data, inspect(data), "rgb")
        assert shown is not None
        assert not shown[:, :20].any()
        assert shown[:, 20:].all()
        assert (pixels[:, :20] == 255).all()
        assert np.array_equal(pixels[:, 30:], np.asarray(picture)[:, 30:, :3])
        assert decode_with_gaps(data, inspect(data), "rgbi")[1] is None


@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
def test_one_transparent_colour_is_a_gap_too(mode: str) -> None:
    picture = Image.new("RGB", (64, 48), (200, 200, 200))
    picture.paste((10, 10, 10), (0, 0, 20, 48))
    picture = picture.convert(mode, dither=Image.Dither.NONE)
    hidden = picture.getpixel((0, 0))
    data = encode(picture, transparency=hidden)
    pixels, shown = decode_with_gaps(data, inspect(data), "rgb")
    assert shown is not None
    assert not shown[:, :20].any()
    assert shown[:, 20:].all()
    assert (pixels[:, :20] == 255).all()


def test_an_image_without_transparency_has_no_gap() -> None:
    for mode in ("RGB", "L", "P", "CMYK", "RGBA"):
        data = encode(noise().convert(mode), "TIFF" if mode == "CMYK" else "PNG")
        assert decode_with_gaps(data, inspect(data), "rgb")[1] is None


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6), st.data())
def test_no_change_of_a_tiff_gives_anything_but_pixels_or_an_item_error(
    changes: list[tuple[int, int]], more: st.DataObject
) -> None:
    data = bytearray(PLAIN_TIFF)
    for place, value in changes:
        data[place % len(data)] = value
    end = more.draw(st.integers(4, len(data)))
    for changed in (bytes(data), bytes(data[:end])):
        read_layout(changed)
        with_fourth_band(changed)
        assert count_directories(changed) >= 1
        try:
            header = inspect(changed)
            for bands in ("rgb", "rgbi"):
                decode_image(changed, header, bands)
        except ItemError:
            continue


PLAIN_TIFF = encode(Image.fromarray(FOUR[:32, :32]), "TIFF")


@pytest.mark.parametrize("mode", ["L", "1", "LA", "P", "CMYK", "RGBA", "YCbCr"])
def test_all_common_modes_become_rgb(mode: str) -> None:
    kind = {"CMYK": "JPEG", "YCbCr": "JPEG"}.get(mode, "PNG")
    data = encode(noise().convert(mode), kind)
    pixels = decode_image(data, inspect(data), "rgb")
    assert pixels.shape == (96, 128, 3)
    assert pixels.dtype == np.uint8


def test_transparent_paper_is_white() -> None:
    data = encode(Image.new("RGBA", (64, 64), (0, 0, 0, 0)))
    assert decode_image(data, inspect(data), "rgb").min() == 255


def test_palette_with_transparency_is_white_too() -> None:
    picture = Image.new("P", (64, 64), 0)
    picture.putpalette([10, 20, 30, 200, 200, 200])
    data = encode(picture, transparency=0)
    assert decode_image(data, inspect(data), "rgb").min() == 255


def test_the_fourth_band_is_a_measurement_and_not_transparency() -> None:
    values = np.random.default_rng(0).integers(0, 255, (64, 64, 4), dtype=np.uint8)
    data = encode(Image.fromarray(values, "RGBA"))
    assert np.array_equal(decode_image(data, inspect(data), "rgbi"), values)
    with pytest.raises(ItemError) as caught:
        decode_image(encode(noise()), inspect(encode(noise())), "rgbi")
    assert caught.value.code == "baender_fehlen"


def test_pages_are_turned_as_their_tag_says_and_aerial_images_are_not() -> None:
    tagged = Image.new("RGB", (64, 40), "white")
    tagged.paste((255, 0, 0), (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encode(tagged, exif=exif)
    header = inspect(data, pages=True)
    assert (header.width, header.height) == (40, 64)
    turned = decode_image(data, header, "rgb")
    assert turned.shape == (64, 40, 3)
    assert turned[5, 35].tolist() == [255, 0, 0]
    header = inspect(data)
    assert (header.width, header.height) == (64, 40)
    assert decode_image(data, header, "rgb")[5, 5].tolist() == [255, 0, 0]


def test_only_the_first_frame_counts() -> None:
    frames = [noise(seed=seed) for seed in range(3)]
    for kind in ("TIFF", "WEBP"):
        data = (
            encode(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
            if kind == "WEBP"
            else encode(frames[0], kind, save_all=True, append_images=frames[1:])
        )
        header = inspect(data)
        assert header.frames == 3
        assert np.array_equal(decode_image(data, header, "rgb"), np.asarray(frames[0]))


@pytest.mark.parametrize("kind", ["TIFF", "JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_of_every_format(kind: str, orientation: int) -> None:
    stored = np.zeros((64, 96, 3), dtype=np.uint8)
    stored[:, :, 0] = np.arange(96) * 2
    stored[:, :, 1] = np.arange(64)[:, np.newaxis] * 3
    exif = Image.Exif()
    exif[0x0112] = orientation
    more = {"tiffinfo": {0x0112: orientation}} if kind == "TIFF" else {"exif": exif}
    data = encode(Image.fromarray(stored), kind, **more)
    header = inspect(data)
    assert (header.width, header.height) == (96, 64)
    assert np.abs(decode_image(data, header, "rgb").astype(int) - stored).max() < 60
    header = inspect(data, pages=True)
    upright = decode_image(data, header, "rgb")
    assert upright.shape[:2] == (header.height, header.width)
    assert (header.width, header.height) == ((64, 96) if orientation > 4 else (96, 64))


def chained_tiff(count: int) -> bytes:
    """Return a grey TIFF with many directories that share one strip."""
    directory = struct.Struct("<" + "HHII" * 9)
    size = 2 + directory.size + 4
    strip = 8 + count * size
    entries = [(256, 64), (257, 64), (258, 8), (259, 1), (262, 1)]
    entries += [(273, strip), (277, 1), (278, 64), (279, 4096)]
    body = directory.pack(*(field for tag, value in entries for field in (tag, 4, 1, value)))
    chain = b"".join(
        struct.pack("<H", 9) + body + struct.pack("<I", 8 + (place + 1) % count * size)
        for place in range(count)
    )
    return b"II*\0" + struct.pack("<I", 8) + chain + bytes(4096)


def test_a_tiff_made_of_directories_costs_no_time() -> None:
    data = chained_tiff(60_000)

    def read() -> None:
        assert decode_image(data, inspect(data), "rgb").shape == (64, 64, 3)

    assert fastest_s(read, 1, time.process_time) <= 1
    assert inspect(data).frames == 10_000
    assert inspect(chained_tiff(3)).frames == 3


def test_a_broken_later_image_does_not_harm_the_first() -> None:
    data = bytearray(chained_tiff(3))
    second = 8 + 114
    data[second : second + 2] = b"\xff\xff"
    header = inspect(bytes(data))
    assert decode_image(bytes(data), header, "rgb").shape == (64, 64, 3)


def test_one_pixel_too_many_is_said_in_a_way_that_makes_sense() -> None:
    with pytest.raises(ItemError, match="hat 51 Megapixel, erlaubt sind 50"):
        inspect(empty_png(7_200, 6_945))
