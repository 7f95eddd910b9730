"""Foreign image files: opened right, or refused with a German sentence."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.transform import from_origin

from shared.errors import (
    AnimatedImage,
    BandsMissing,
    CoordinatesInDegrees,
    CoordinatesUnknown,
    DamagedImage,
    EmptyFile,
    FileMissing,
    ImageTooLarge,
    ImageWithoutColour,
    UnsupportedBitDepth,
    UnsupportedImage,
)
from shared.geo import windowed
from shared.geo.open import open_raster
from shared.geo.raster import OpenOptions, RasterLimits, hash_file, read_resampled

UTM32 = "EPSG:25832"


def colours(width=60, height=40):
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([columns * 4 % 256, rows * 6 % 256, columns + rows], axis=2).astype(np.uint8)


def encoded(image, kind, **options):
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def tiff(path, bands, **profile):
    count, height, width = bands.shape
    settings = {
        "driver": "GTiff",
        "width": width,
        "height": height,
        "count": count,
        "dtype": bands.dtype,
        "crs": UTM32,
        "transform": from_origin(400000, 5700000, 0.1, 0.1),
    } | profile
    with rasterio.open(path, "w", **settings) as target:
        target.write(bands)
    return path


def huge_png(width, height):
    def chunk(kind, data):
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b""))


def huge_jpeg(width, height):
    """A small JPEG whose header claims another size."""
    data = bytearray(encoded(Image.fromarray(colours()), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_the_four_plain_formats_open_with_a_stated_resolution(kind):
    image = encoded(
        Image.fromarray(colours()), kind, **({"lossless": True} if kind == "WEBP" else {})
    )
    with open_raster(image, name="bild", options=OpenOptions(gsd_m=0.12)) as source:
        assert (source.info.width, source.info.height) == (60, 40)
        assert source.info.gsd_m == pytest.approx(0.12)
        assert source.info.gsd_source == "given"
        assert source.info.crs is None
        patch = source.read(10, 5, 30, 25)
        assert patch.rgb.shape == (20, 20, 3)
        assert patch.valid.all()
        if kind != "JPEG":
            assert np.array_equal(patch.rgb, colours()[5:25, 10:30])


def test_resolution_stays_unknown_without_a_word_about_it():
    with open_raster(encoded(Image.fromarray(colours()), "PNG")) as source:
        assert source.info.gsd_m is None


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", EmptyFile),
        (b"%PDF-1.7 nothing", UnsupportedImage),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", UnsupportedImage),
        (b"<VRTDataset/>", UnsupportedImage),
        (b"GIF89a", UnsupportedImage),
        (b"\xff\xd8\xff", DamagedImage),
        (b"\x89PNG\r\n\x1a\nrest", DamagedImage),
        (b"II*\x00\x08\x00\x00\x00", DamagedImage),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", DamagedImage),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n", DamagedImage),
    ],
)
def test_what_is_no_image_is_refused(content, error):
    with pytest.raises(error):
        open_raster(content)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
def test_truncated_images_are_refused(kind, kept):
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 255, (80, 90, 3), dtype=np.uint8))
    whole = encoded(noise, kind)
    with pytest.raises(DamagedImage):
        open_raster(whole[: int(len(whole) * kept)])


def test_truncated_tiff_is_refused_at_the_latest_when_read(tmp_path, capfd):
    rng = np.random.default_rng(0)
    bands = rng.integers(0, 255, (3, 200, 200), dtype=np.uint8)
    path = tiff(tmp_path / "a.tif", bands, compress="deflate", blockysize=16)
    short = path.read_bytes()
    # The directory stands at the end after compression, so the middle is what gets lost.
    path.write_bytes(short[: len(short) // 2] + b"\x00" * (len(short) - len(short) // 2))
    with pytest.raises(DamagedImage), open_raster(path) as source:
        source.read(0, 0, 200, 200)
    assert capfd.readouterr().err == ""


def test_missing_file_and_folder_are_refused(tmp_path):
    with pytest.raises(FileMissing, match=r"fehlt\.png"):
        open_raster(tmp_path / "fehlt.png")
    with pytest.raises(FileMissing):
        open_raster(tmp_path)


@pytest.mark.parametrize("mode", ["L", "LA", "1"])
def test_grey_images_are_refused(mode):
    with pytest.raises(ImageWithoutColour, match="Graubild"):
        open_raster(encoded(Image.fromarray(colours()).convert(mode), "PNG"))


def test_grey_palette_is_a_grey_image():
    grey = Image.fromarray(colours()).convert("L").convert("P")
    with pytest.raises(ImageWithoutColour):
        open_raster(encoded(grey, "PNG"))


def test_sixteen_bit_colours_are_refused(tmp_path):
    deep = Image.fromarray(np.full((40, 60), 40000, dtype=np.uint16))
    with pytest.raises(UnsupportedBitDepth):
        open_raster(encoded(deep, "PNG"))
    bands = np.full((3, 40, 60), 40000, dtype=np.uint16)
    with pytest.raises(UnsupportedBitDepth):
        open_raster(tiff(tmp_path / "deep.tif", bands))


def test_sixteen_bit_rgb_png_is_refused():
    import cv2

    written, data = cv2.imencode(".png", np.full((40, 60, 3), 40000, dtype=np.uint16))
    assert written
    with pytest.raises(UnsupportedBitDepth):
        open_raster(data.tobytes())


def test_animated_webp_is_refused():
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue", "green")]
    moving = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:])
    with pytest.raises(AnimatedImage, match="3 Einzelbilder"):
        open_raster(moving)


def test_cmyk_jpeg_is_converted_and_said_so():
    cmyk = Image.new("CMYK", (50, 40), (0, 255, 255, 0))
    with open_raster(encoded(cmyk, "JPEG"), options=OpenOptions(gsd_m=0.1)) as source:
        assert [note.code for note in source.info.notes] == ["cmyk"]
        red, green, blue = source.read(0, 0, 50, 40).rgb[20, 20]
        assert red > 200
        assert max(green, blue) < 60


def test_transparent_palette_pixels_are_no_data():
    image = Image.new("P", (50, 40), 0)
    image.putpalette([0, 0, 0, 200, 30, 30, 30, 30, 200])
    image.paste(1, (10, 10, 30, 30))
    data = encoded(image, "PNG", transparency=0)
    with open_raster(data) as source:
        patch = source.read(0, 0, 50, 40)
        assert tuple(patch.rgb[20, 20]) == (200, 30, 30)
        assert patch.valid.sum() == 400


def test_camera_orientation_is_applied():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(Image.fromarray(colours(60, 40)), "PNG", exif=exif)
    with open_raster(data) as source:
        assert (source.info.width, source.info.height) == (40, 60)
        assert np.array_equal(source.read(0, 0, 40, 60).rgb, np.rot90(colours(60, 40), k=-1))
        assert [note.code for note in source.info.notes] == ["gedreht"]


def test_broken_camera_data_are_ignored():
    data = encoded(Image.fromarray(colours()), "JPEG", exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff")
    with open_raster(data) as source:
        assert (source.info.width, source.info.height) == (60, 40)


@pytest.mark.parametrize("make", [huge_png, huge_jpeg])
@pytest.mark.parametrize("size", [(12000, 12000), (30000, 30000)])
def test_huge_images_are_refused_by_their_header(make, size):
    with pytest.raises(ImageTooLarge, match="erlaubt sind 120"):
        open_raster(make(*size))


def test_a_hundred_megapixels_are_within_the_limit():
    with pytest.raises(DamagedImage):
        open_raster(huge_png(10000, 10000))


def test_windowed_images_have_their_own_limit(tmp_path):
    path = tiff(tmp_path / "a.tif", np.zeros((3, 1000, 1100), dtype=np.uint8))
    with pytest.raises(ImageTooLarge, match="erlaubt sind 1"):
        open_raster(path, options=OpenOptions(limits=RasterLimits(windowed_megapixels=1)))


def test_a_tiff_in_one_huge_strip_is_refused(tmp_path):
    path = tiff(
        tmp_path / "a.tif", np.zeros((3, 1500, 1500), dtype=np.uint8), blockysize=1500,
        interleave="pixel", compress="deflate",
    )  # fmt: skip
    limits = RasterLimits(decoded_megapixels=1, block_megabytes=5)
    with pytest.raises(ImageTooLarge):
        open_raster(path, options=OpenOptions(limits=limits))


def test_geotiff_brings_resolution_and_coordinates(tmp_path):
    pixels = colours().transpose(2, 0, 1)
    with open_raster(tiff(tmp_path / "a.tif", pixels)) as source:
        info = source.info
        assert (info.crs, info.gsd_source) == (UTM32, "georeference")
        assert info.gsd_m == pytest.approx(0.1)
        assert info.transform == pytest.approx((0.1, 0, 400000, 0, -0.1, 5700000))
        assert np.array_equal(source.read(3, 2, 20, 30).rgb, colours()[2:30, 3:20])
        assert source.overview(30).rgb.shape == (20, 30, 3)


def test_geotiff_opens_from_bytes_too(tmp_path):
    path = tiff(tmp_path / "a.tif", colours().transpose(2, 0, 1))
    with open_raster(path.read_bytes(), name="a.tif") as source:
        assert source.info.crs == UTM32
        assert np.array_equal(source.read(0, 0, 60, 40).rgb, colours())


def test_tiff_without_place_takes_the_stated_resolution(tmp_path):
    path = tmp_path / "a.tif"
    Image.fromarray(colours()).save(path)
    with open_raster(path, options=OpenOptions(gsd_m=0.2)) as source:
        assert source.info.gsd_m == pytest.approx(0.2)
        assert source.info.crs is None


def test_fourth_band_is_not_shown_and_alpha_means_no_data(tmp_path):
    alpha = np.full((40, 60), 255, dtype=np.uint8)
    alpha[:, :20] = 0
    bands = np.concatenate([colours().transpose(2, 0, 1), alpha[None]])
    path = tiff(tmp_path / "a.tif", bands, photometric="RGB", alpha="yes")
    with open_raster(path) as source:
        patch = source.read(0, 0, 60, 40)
        assert patch.valid.mean() == pytest.approx(2 / 3)
        assert patch.rgb.shape == (40, 60, 3)


def four_bands(tmp_path, **profile):
    near_infrared = np.arange(2400, dtype=np.uint32).reshape(40, 60) // 10
    bands = np.concatenate([colours().transpose(2, 0, 1), near_infrared[None].astype(np.uint8)])
    return tiff(tmp_path / "a.tif", bands, **profile), bands


def test_near_infrared_is_read_where_it_is_asked_for(tmp_path):
    path, bands = four_bands(tmp_path, photometric="RGB", alpha="no")
    with open_raster(path) as source:
        assert source.info.has_near_infrared
        assert source.read(0, 0, 60, 40).nir is None
        assert source.info.notes == ()
    with open_raster(path, options=OpenOptions(near_infrared=True)) as source:
        patch = source.read(10, 5, 30, 25)
        assert np.array_equal(patch.nir, bands[3, 5:25, 10:30])
        assert np.array_equal(patch.rgb, colours()[5:25, 10:30])
        assert patch.valid.all()
        assert source.overview(30).nir.shape == (20, 30)
        assert [note.code for note in source.info.notes] == ["nahes_infrarot"]
        coarse = read_resampled(source, (0, 0, 64, 40), (32, 20))
        assert coarse.nir.shape == (20, 32)
        mean = bands[3, :2, :2].mean()
        assert abs(int(coarse.nir[0, 0]) - mean) <= 0.5
        assert not coarse.valid[:, 30:].any()


def test_near_infrared_can_lie_in_any_band(tmp_path):
    path, bands = four_bands(tmp_path)
    with open_raster(path, options=OpenOptions(bands=(4, 1, 2, 3), near_infrared=True)) as source:
        patch = source.read(0, 0, 60, 40)
        assert np.array_equal(patch.nir, bands[2])
        assert np.array_equal(patch.rgb, bands[[3, 0, 1]].transpose(1, 2, 0))
    with open_raster(path, options=OpenOptions(bands=(1, 2, 3), near_infrared=True)) as source:
        assert not source.info.has_near_infrared
        assert source.read(0, 0, 60, 40).nir is None


def test_alpha_is_no_near_infrared(tmp_path):
    path, _ = four_bands(tmp_path, photometric="RGB", alpha="yes")
    with open_raster(path, options=OpenOptions(near_infrared=True)) as source:
        assert not source.info.has_near_infrared
        assert source.read(0, 0, 60, 40).nir is None


@pytest.mark.parametrize("clear", [0, 20])
def test_opacity_that_has_another_name_is_no_near_infrared(tmp_path, clear):
    """Some programs write opacity as a fourth band and say nothing about it."""
    opacity = np.full((40, 60), 255, dtype=np.uint8)
    opacity[:, :clear] = 0
    bands = np.concatenate([colours().transpose(2, 0, 1), opacity[None]])
    path = tiff(tmp_path / "a.tif", bands, photometric="RGB", alpha="no")
    with open_raster(path, options=OpenOptions(near_infrared=True)) as source:
        assert not source.info.has_near_infrared
        assert source.read(0, 0, 60, 40).nir is None
        assert [note.code for note in source.info.notes] == ["vierter_kanal_deckung"]
    named = OpenOptions(near_infrared=True, bands=(1, 2, 3, 4))
    with open_raster(path, options=named) as source:
        assert source.info.has_near_infrared, "somebody said so"


def test_a_plain_image_has_no_fourth_band_to_choose(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(colours()).save(path)
    with pytest.raises(BandsMissing):
        open_raster(path, options=OpenOptions(bands=(1, 2, 3, 1), gsd_m=0.2))


def test_no_data_value_counts(tmp_path):
    bands = colours().transpose(2, 0, 1).copy()
    bands[:, :10] = 0
    bands[:, 10:] = np.maximum(bands[:, 10:], 1)
    with open_raster(tiff(tmp_path / "a.tif", bands, nodata=0)) as source:
        valid = source.read(0, 0, 60, 40).valid
        assert not valid[:10].any()
        assert valid[10:].all()


def test_more_bands_need_a_word_and_can_be_chosen(tmp_path):
    bands = np.stack([np.full((40, 60), value, dtype=np.uint8) for value in (10, 20, 30, 40, 50)])
    path = tiff(tmp_path / "a.tif", bands)
    with open_raster(path) as source:
        assert [note.code for note in source.info.notes] == ["mehr_baender"]
    with open_raster(path, options=OpenOptions(bands=(4, 1, 2))) as source:
        assert tuple(source.read(0, 0, 1, 1).rgb[0, 0]) == (40, 10, 20)
        assert source.info.notes == ()
    with pytest.raises(BandsMissing):
        open_raster(path, options=OpenOptions(bands=(6, 1, 2)))


def test_palette_tiff_is_coloured(tmp_path):
    path = tmp_path / "a.tif"
    image = Image.new("P", (50, 40), 1)
    image.putpalette([0, 0, 0, 200, 30, 30] + [0] * 762)
    image.save(path)
    with open_raster(path) as source:
        assert tuple(source.read(0, 0, 50, 40).rgb[0, 0]) == (200, 30, 30)


def test_one_band_tiff_is_a_grey_image(tmp_path):
    with pytest.raises(ImageWithoutColour):
        open_raster(tiff(tmp_path / "a.tif", np.zeros((1, 40, 60), dtype=np.uint8)))


@pytest.mark.parametrize("mode", ["L", "LA", "1"])
def test_grey_images_are_taken_where_asked_for(mode):
    grey = Image.fromarray(colours()).convert(mode)
    with open_raster(encoded(grey, "PNG"), options=OpenOptions(grey=True)) as source:
        patch = source.read(0, 0, 40, 30)
    wanted = np.asarray(grey.convert("L"))[:30, :40]
    assert all(np.array_equal(patch.rgb[..., band], wanted) for band in range(3))
    assert patch.valid.all()


@pytest.mark.parametrize("opaque", [True, False])
def test_grey_tiff_is_taken_where_asked_for(tmp_path, opaque):
    values = np.arange(2400, dtype=np.uint16).reshape(40, 60).astype(np.uint8)
    alpha = np.full((40, 60), 255, dtype=np.uint8)
    alpha[:10] = 0
    bands = values[None] if opaque else np.stack([values, alpha])
    profile = {} if opaque else {"alpha": "YES"}
    path = tiff(tmp_path / "a.tif", bands, **profile)
    with open_raster(path, options=OpenOptions(grey=True)) as source:
        patch = source.read(0, 0, 60, 40)
        assert source.overview(30).rgb.shape[2] == 3
    assert all(np.array_equal(patch.rgb[..., band][10:], values[10:]) for band in range(3))
    assert patch.valid.sum() == (2400 if opaque else 1800)
    with pytest.raises(ImageWithoutColour):
        open_raster(path)


def test_degrees_are_refused(tmp_path):
    path = tiff(
        tmp_path / "a.tif",
        colours().transpose(2, 0, 1),
        crs="EPSG:4326",
        transform=from_origin(7.5, 51.5, 1e-6, 1e-6),
    )
    with pytest.raises(CoordinatesInDegrees, match="EPSG:4326"):
        open_raster(path)


def test_web_mercator_is_corrected_for_latitude(tmp_path):
    path = tiff(
        tmp_path / "a.tif",
        colours().transpose(2, 0, 1),
        crs="EPSG:3857",
        transform=from_origin(835000, 6700000, 0.16, 0.16),
    )
    with open_raster(path) as source:
        assert source.info.gsd_m == pytest.approx(0.16 * 0.6242, abs=0.002)
        assert [note.code for note in source.info.notes] == ["web_mercator"]


def test_pixels_that_are_not_square_are_named(tmp_path):
    path = tiff(
        tmp_path / "a.tif",
        colours().transpose(2, 0, 1),
        transform=from_origin(400000, 5700000, 0.1, 0.2),
    )
    with open_raster(path) as source:
        assert (source.info.pixel_width_m, source.info.pixel_height_m) == pytest.approx((0.1, 0.2))
        assert [note.code for note in source.info.notes] == ["bildpunkte_nicht_quadratisch"]


def test_stated_resolution_that_contradicts_the_file_is_named(tmp_path):
    path = tiff(tmp_path / "a.tif", colours().transpose(2, 0, 1))
    with open_raster(path, options=OpenOptions(gsd_m=0.2, crs="EPSG:25833")) as source:
        assert source.info.gsd_m == pytest.approx(0.1)
        assert source.info.crs == UTM32
        assert {note.code for note in source.info.notes} == {"angabe_weicht_ab", "crs_weicht_ab"}


def with_world_file(folder: Path, text: str) -> Path:
    path = folder / "bild.jpg"
    Image.fromarray(colours()).save(path)
    path.with_suffix(".jgw").write_text(text, encoding="ascii")
    return path


WORLD = "0.1\n0\n0\n-0.1\n400000.05\n5699999.95\n"


def test_world_file_with_stated_crs_places_the_image(tmp_path):
    path = with_world_file(tmp_path, WORLD)
    with open_raster(path, options=OpenOptions(crs=UTM32)) as source:
        assert source.info.crs == UTM32
        assert source.info.transform == pytest.approx((0.1, 0, 400000, 0, -0.1, 5700000))


@pytest.mark.parametrize("letters", [251, 252, 255])
def test_an_image_whose_name_leaves_no_room_for_a_world_file(tmp_path, letters):
    path = tmp_path / ("a" * (letters - 4) + ".jpg")
    Image.fromarray(colours()).save(path)
    with open_raster(path, options=OpenOptions(gsd_m=0.1)) as source:
        assert source.info.gsd_source == "given"


def test_world_file_without_crs_gives_pixels_and_a_warning(tmp_path):
    with open_raster(with_world_file(tmp_path, WORLD)) as source:
        assert source.info.crs is None
        assert source.info.gsd_m == pytest.approx(0.1)
        assert source.info.gsd_source == "world_file"
        assert [note.code for note in source.info.notes] == ["crs_fehlt"]


@pytest.mark.parametrize(
    "text", ["", "0.1\n0\n0\n", "a\nb\nc\nd\ne\nf\n", "nan 0 0 0.1 0 0", "x" * 9999]
)
def test_what_is_no_world_file_is_ignored(tmp_path, text):
    with open_raster(with_world_file(tmp_path, text)) as source:
        assert source.info.gsd_m is None


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("EPSG:4326", CoordinatesInDegrees),
        ("EPSG:1", CoordinatesUnknown),
        ("quark", CoordinatesUnknown),
    ],
)
def test_unusable_stated_crs_is_refused(tmp_path, text, error):
    with pytest.raises(error):
        open_raster(with_world_file(tmp_path, WORLD), options=OpenOptions(crs=text))


def test_resampled_windows_join_without_a_seam():
    data = encoded(Image.fromarray(colours(300, 200)), "PNG")
    with open_raster(data, options=OpenOptions(gsd_m=0.12)) as source:
        whole = read_resampled(source, (0, 0, 300, 200), (360, 240)).rgb
        left = read_resampled(source, (0, 0, 150, 200), (180, 240)).rgb
        right = read_resampled(source, (150, 0, 300, 200), (180, 240)).rgb
    assert np.array_equal(np.concatenate([left, right], axis=1), whole)


def test_same_scale_passes_pixels_through_unchanged():
    data = encoded(Image.fromarray(colours(300, 200)), "PNG")
    with open_raster(data) as source:
        patch = read_resampled(source, (40, 30, 140, 130), (100, 100))
    assert np.array_equal(patch.rgb, colours(300, 200)[30:130, 40:140])


def test_shrinking_takes_the_area_average():
    checks = np.zeros((40, 40, 3), dtype=np.uint8)
    checks[::2, ::2] = checks[1::2, 1::2] = 200
    with open_raster(encoded(Image.fromarray(checks), "PNG")) as source:
        patch = read_resampled(source, (0, 0, 40, 40), (20, 20))
    assert (patch.rgb == 100).all()


def test_a_known_hash_is_not_computed_again(tmp_path):
    tile, tiff = tmp_path / "a.png", tmp_path / "a.tif"
    Image.fromarray(colours()).save(tile)
    Image.fromarray(colours()).save(tiff)
    for path in (tile, tiff):
        with open_raster(path, sha256="cd" * 32) as image:
            assert image.info.sha256 == "cd" * 32
        with open_raster(path) as image:
            assert image.info.sha256 == hash_file(path)


def test_only_formats_without_windows_are_held_decoded(tmp_path):
    for name, decoded in (("a.png", True), ("a.tif", False)):
        Image.fromarray(colours()).save(tmp_path / name)
        with open_raster(tmp_path / name) as image:
            assert image.decoded is decoded


def test_the_library_keeps_few_decoded_pieces(tmp_path):
    """By itself it would take a twentieth of the machine's memory."""
    Image.fromarray(colours()).save(tmp_path / "a.tif")
    seen = []

    class Spy:
        def __init__(self, dataset):
            self.dataset = dataset

        def __getattr__(self, name):
            seen.append(rasterio.env.getenv().get("GDAL_CACHEMAX"))
            return getattr(self.dataset, name)

    with open_raster(tmp_path / "a.tif") as image:
        image._dataset = Spy(image._dataset)
        image.read(0, 0, 5, 5)
        image.overview(10)
        image._dataset = image._dataset.dataset
    assert seen == [256 * 2**20] * 4


def test_an_overview_made_of_strips_has_no_seams(tmp_path, monkeypatch):
    pixels = np.random.default_rng(5).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.tif")
    with open_raster(tmp_path / "a.tif") as image:
        whole = image.overview(30)
        monkeypatch.setattr(windowed, "STRIP_BYTES", 60 * 3 * 7)
        strips = image.overview(30)
    assert whole.rgb.shape == (20, 30, 3)
    assert np.array_equal(whole.rgb, strips.rgb)
    assert np.array_equal(whole.valid, strips.valid)


def test_pixels_of_two_shapes_with_the_area_of_one_are_resampled():
    """Twice as wide and half as high: the area stays, the grid does not."""
    pixels = np.zeros((40, 40, 3), dtype=np.uint8)
    pixels[:, 20:] = 200
    with open_raster(encoded(Image.fromarray(pixels), "PNG")) as source:
        patch = read_resampled(source, (0, 0, 40, 20), (20, 40))
    assert patch.rgb.shape == (40, 20, 3)
    assert (patch.rgb[:, :8] < 10).all()
    assert (patch.rgb[:, 12:] > 190).all()
