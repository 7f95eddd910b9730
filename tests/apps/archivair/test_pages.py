"""Opening files of unknown origin: each bad one has a German error, the others go on."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from apps.archivair import errors
from apps.archivair.file_data import FileData
from apps.archivair.pages import Limits, PageFailure, load_pages, open_path, open_source, sniff
from shared.errors import (
    DamagedImage,
    EmptyFile,
    FileMissing,
    FileTooLarge,
    FileTypeRefused,
    FileUnlikeName,
    ItemError,
)
from tests.apps.archivair.doubles import draw_lines

TEXT = draw_lines(["Baugenehmigung", "Der Bauherr ist zufrieden."], size=(600, 300))


def encoded(image, kind, **options):
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def opened(content, name, limits=None):
    source = open_source(content, name, limits)
    try:
        return source.load(1)
    finally:
        source.close()


def codes(page):
    return [note.code for note in page.notes]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_that_claims(width, height):
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("kind", "name"), [("PNG", "a.png"), ("JPEG", "a.jpg"), ("TIFF", "a.tif")])
def test_a_plain_page(kind, name):
    page = opened(encoded(Image.fromarray(TEXT), kind, dpi=(200, 200)), name)
    assert page.gray.shape == TEXT.shape
    assert np.abs(page.gray.astype(int) - TEXT).mean() < 3
    assert page.dpi == 200
    assert (page.index, page.file_name, page.notes) == (1, name, ())
    assert len(page.sha256) == 64


@pytest.mark.parametrize(
    ("content", "name", "error"),
    [
        (b"", "a.pdf", EmptyFile),
        (b"Nur Text, kein PDF", "a.pdf", FileTypeRefused),
        (b"GIF89a" + bytes(100), "a.png", FileTypeRefused),
        (b"\xff\xd8\xff kaputt", "a.jpg", DamagedImage),
        (b"\x89PNG\r\n\x1a\n kaputt", "a.png", DamagedImage),
        (b"II*\x00 kaputt", "a.tif", DamagedImage),
        (b"II*\x00" + bytes(5000), "a.tif", DamagedImage),
        (b"%PDF-1.4 kaputt", "a.pdf", errors.PdfDamaged),
        (encoded(Image.fromarray(TEXT), "PNG"), "a.pdf", FileUnlikeName),
        (encoded(Image.fromarray(TEXT), "JPEG")[:3000], "a.jpg", DamagedImage),
        (encoded(Image.fromarray(TEXT), "TIFF")[:9000], "a.tif", DamagedImage),
        (encoded(Image.new("L", (1, 1)), "PNG"), "a.png", errors.PageTooSmall),
        (encoded(Image.new("L", (3000, 3)), "PNG"), "a.png", errors.PageTooSmall),
        (png_that_claims(60_000, 60_000), "a.png", errors.PageTooLarge),
        (png_that_claims(12_000, 12_000), "a.png", DamagedImage),
    ],
)
def test_bad_files_are_named_in_german(content, name, error):
    with pytest.raises(error) as raised:
        opened(content, name)
    assert isinstance(raised.value, ItemError)
    assert str(raised.value).endswith(".")
    assert raised.value.remedy.startswith(("Bitte", "Möglich"))


def test_an_unknown_ending_is_judged_by_content():
    assert opened(encoded(Image.fromarray(TEXT), "PNG"), "scan.bin").gray.shape == TEXT.shape


def test_missing_files_folders_and_large_files(tmp_path):
    with pytest.raises(FileMissing):
        open_path(tmp_path / "fehlt.pdf")
    with pytest.raises(errors.FolderGiven, match="Ordner"):
        open_path(tmp_path)
    path = tmp_path / "a.png"
    path.write_bytes(encoded(Image.fromarray(TEXT), "PNG") + bytes(2**20))
    with pytest.raises(FileTooLarge):
        open_path(path, Limits(file_mb=1))


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    def denied(self):
        raise PermissionError(13, "denied")

    path = tmp_path / "a.png"
    path.write_bytes(b"x")
    monkeypatch.setattr(FileData, "open", denied)
    with pytest.raises(FileMissing):
        open_path(path)


@pytest.mark.parametrize(
    ("kind", "name"), [("PDF", "a.pdf"), ("TIFF", "a:b?c#.tif"), ("PNG", "a.png")]
)
@pytest.mark.parametrize("limits", [Limits(), Limits(page_megapixels=1)])
def test_a_file_on_the_disk_gives_the_same_pages_as_its_bytes(tmp_path, kind, name, limits):
    """The large pages of a TIFF go through another library, which reads names as addresses."""
    big = Image.fromarray(TEXT).resize((2400, 1200))
    content = (
        encoded(big, kind)
        if kind == "PNG"
        else encoded(big, kind, save_all=True, append_images=[Image.fromarray(TEXT)])
    )
    path = tmp_path / name
    path.write_bytes(content)
    with open_path(path, limits) as stored, open_source(content, name, limits) as held:
        assert (stored.count, stored.sha256, stored.name) == (held.count, held.sha256, name)
        for index in range(1, held.count + 1):
            one, other = stored.load(index), held.load(index)
            assert np.array_equal(one.gray, other.gray)
            assert codes(one) == codes(other)


def test_what_is_known_of_a_stored_file_is_not_computed_again(tmp_path):
    path = tmp_path / ("0" * 64)
    path.write_bytes(encoded(Image.fromarray(TEXT), "PNG"))
    with open_path(path, name="Akte 7.png", sha256="ab" * 32) as source:
        page = source.load(1)
        assert (page.file_name, page.sha256) == ("Akte 7.png", "ab" * 32)
        assert (source.media_type, source.identity(1).stem) == ("image/png", "Akte 7")


def test_group_four_fax_pages_of_one_bit():
    fax = Image.fromarray(TEXT).convert("1")
    page = opened(encoded(fax, "TIFF", compression="group4"), "a.tif")
    assert set(np.unique(page.gray)) == {0, 255}
    assert page.gray[0, 0] == 255


def test_cmyk_sixteen_bits_and_alpha_become_grey():
    gray = Image.fromarray(TEXT)
    cmyk = opened(encoded(gray.convert("CMYK"), "TIFF"), "a.tif")
    assert codes(cmyk) == ["cmyk"]
    deep = Image.fromarray(TEXT.astype(np.uint16) * 257)
    sixteen = opened(encoded(deep, "TIFF"), "a.tif")
    assert codes(sixteen) == ["farbtiefe_16"]
    clear = Image.merge("LA", [Image.new("L", gray.size, 0), Image.fromarray(255 - TEXT)])
    alpha = opened(encoded(clear, "PNG"), "a.png")
    assert codes(alpha) == ["transparenz"]
    for page in (cmyk, sixteen, alpha):
        assert np.abs(page.gray.astype(int) - TEXT).mean() < 12


@pytest.mark.parametrize(("orientation", "turns"), [(3, 2), (6, 1), (8, 3)])
def test_exif_orientation_is_followed(orientation, turns):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(np.rot90(TEXT, turns)))
    page = opened(encoded(stored, "JPEG", exif=exif, quality=95), "a.jpg")
    assert codes(page) == ["gedreht"]
    assert page.gray.shape == TEXT.shape
    assert np.abs(page.gray.astype(int) - TEXT).mean() < 3


@pytest.mark.parametrize(("kind", "name"), [("TIFF", "a.tif"), ("PNG", "a.png"), ("JPEG", "a.jpg")])
def test_oversize_pages_are_read_reduced(kind, name):
    big = Image.fromarray(TEXT).resize((2400, 1200))
    page = opened(encoded(big, kind), name, Limits(page_megapixels=1))
    assert page.gray.size <= 1_000_000
    assert codes(page) == ["verkleinert_gelesen"]
    assert (page.gray < 128).mean() == pytest.approx((TEXT < 128).mean(), rel=0.3)


@pytest.mark.parametrize(("kind", "name"), [("TIFF", "a.tif"), ("PNG", "a.png")])
def test_a_long_strip_is_read_reduced_and_an_endless_one_is_refused(kind, name):
    page = opened(encoded(Image.new("L", (70_000, 60), 200), kind), name)
    assert page.gray.shape == (20, pytest.approx(23_333, abs=1))
    assert codes(page) == ["verkleinert_gelesen"]
    with pytest.raises(errors.PageTooSmall):
        opened(encoded(Image.new("L", (200_000, 60), 200), kind), name)


def test_a_tiff_beyond_what_can_be_reduced_is_refused():
    big = encoded(Image.new("L", (3000, 2000), 255), "TIFF", compression="tiff_lzw")
    with pytest.raises(errors.PageTooLarge, match="6 Megapixel"):
        opened(big, "a.tif", Limits(page_megapixels=1, reduced_megapixels=5))


def test_a_broken_page_of_a_tiff_leaves_its_neighbours(tmp_path):
    pages = [Image.fromarray(TEXT), Image.new("L", (1, 1)), Image.fromarray(TEXT)]
    path = tmp_path / "a.tif"
    path.write_bytes(encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:]))
    loaded = list(load_pages(path))
    assert [type(one).__name__ for one in loaded] == ["PageImage", "PageFailure", "PageImage"]
    assert isinstance(loaded[1], PageFailure)
    assert (loaded[1].index, loaded[1].error.code) == (2, "seite_zu_klein")


def test_names_of_results():
    one = open_source(encoded(Image.fromarray(TEXT), "PNG"), "ordner/Akte 7.png")
    assert (one.name, one.identity(1).stem) == ("Akte 7.png", "Akte 7")
    two = encoded(
        Image.fromarray(TEXT), "TIFF", save_all=True, append_images=[Image.fromarray(TEXT)]
    )
    many = open_source(two, "akte.tif")
    assert [many.identity(1).stem, many.identity(2).stem] == ["akte_p0001", "akte_p0002"]


def test_too_many_pages():
    pages = [Image.new("L", (40, 40), 255)] * 3
    content = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    with pytest.raises(errors.TooManyPages, match="3 Seiten"):
        open_source(content, "a.tif", Limits(pages=2))


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "jpeg"),
        (b"MM\x00*", "tiff"),
        (b"II+\x00", "tiff"),
        (b"junk %PDF-1.7", "pdf"),
        (b"PK\x03\x04", None),
    ],
)
def test_first_bytes_tell_the_kind(start, kind):
    assert sniff(start + bytes(20)) == kind
