"""Guard for uploads: content decides, names are made harmless."""

import unicodedata

import pytest
from hypothesis import given, strategies as st

from shared.errors import EmptyFile, FileTooLarge, FileTypeRefused, FileUnlikeName
from shared.ui.intake import DataKind, accept_upload, describe_kinds, sanitize_name, sniff_kind

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20
JPEG = b"\xff\xd8\xff\xe0" + b"\x00" * 20
PDF = b"%PDF-1.7\n"
WEBP = b"RIFF\x00\x00\x00\x00WEBPVP8 "
ALL: tuple[DataKind, ...] = ("jpeg", "png", "tiff", "webp", "pdf")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PNG, "png"),
        (JPEG, "jpeg"),
        (b"II*\x00" + b"\x00" * 9, "tiff"),
        (b"MM\x00*" + b"\x00" * 9, "tiff"),
        (b"II+\x00" + b"\x00" * 9, "tiff"),
        (WEBP, "webp"),
        (PDF, "pdf"),
        (b"\n\nPrinter header\n" + PDF, "pdf"),
        (b"GIF89a", None),
        (b"PK\x03\x04", None),
        (b"MZ\x90\x00", None),
        (b"<svg/>", None),
        (b"RIFF\x00\x00\x00\x00WAVE", None),
        (b"", None),
    ],
)
def test_the_first_bytes_decide(content: bytes, kind: str | None) -> None:
    assert sniff_kind(content) == kind


def test_a_good_file_is_accepted() -> None:
    file = accept_upload("Luftbild Süd.png", PNG, ALL, 1)
    assert (file.name, file.kind, file.content) == ("Luftbild Süd.png", "png", PNG)
    assert len(file.sha256) == 64


def test_empty_large_and_foreign_files_are_refused() -> None:
    with pytest.raises(EmptyFile, match="Die Datei ist leer"):
        accept_upload("a.png", b"", ALL, 1)
    with pytest.raises(FileTooLarge, match="größer als 1 MB"):
        accept_upload("a.png", PNG + b"\x00" * 2**20, ALL, 1)
    with pytest.raises(FileTypeRefused) as refused:
        accept_upload("a.png", b"GIF89a", ("png", "jpeg"), 1)
    assert refused.value.remedy == "Möglich sind: PNG, JPEG."
    with pytest.raises(FileTypeRefused):
        accept_upload("a.pdf", PDF, ("png",), 1)


def test_exactly_the_limit_is_accepted() -> None:
    content = PNG + b"\x00" * (2**20 - len(PNG))
    assert accept_upload("a.png", content, ALL, 1).kind == "png"


def test_an_ending_that_promises_another_kind_is_refused() -> None:
    with pytest.raises(FileUnlikeName, match=r"endet auf \.jpg, enthält aber PNG"):
        accept_upload("foto.jpg", PNG, ALL, 1)
    assert accept_upload("foto", PNG, ALL, 1).name == "foto"
    assert accept_upload("foto.dat", PNG, ALL, 1).name == "foto.dat"
    assert accept_upload("foto.JPEG", JPEG, ALL, 1).name == "foto.JPEG"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\eva\\plan.tif", "plan.tif"),
        ("a\x00b\n.png", "ab.png"),
        ("foto\u202egnp.exe", "fotognp.exe"),
        ("  .versteckt.png", "versteckt.png"),
        ("<b>x</b>.png", "b_.png"),
        ("", "datei"),
        ("...", "datei"),
        ("Größe (2).tif", "Größe (2).tif"),
    ],
)
def test_names_are_made_harmless(name: str, safe: str) -> None:
    assert sanitize_name(name) == safe


def test_long_names_keep_their_ending() -> None:
    name = sanitize_name("x" * 300 + ".tiff")
    assert len(name) == 80
    assert name.endswith(".tiff")


@given(st.text(max_size=400))
def test_any_name_is_safe_and_stays_so(name: str) -> None:
    safe = sanitize_name(name)
    assert 1 <= len(safe) <= 80
    assert not set(safe) & set('/\\<>:"|?*')
    assert all(unicodedata.category(c)[0] not in "C" for c in safe)
    assert not safe.startswith((".", " "))
    assert sanitize_name(safe) == safe


@given(st.binary(max_size=64))
def test_any_content_is_accepted_or_refused_in_german(content: bytes) -> None:
    try:
        file = accept_upload("a", content, ALL, 1)
    except (EmptyFile, FileTypeRefused) as error:
        assert error.remedy
    else:
        assert file.content == content


def test_kinds_in_words() -> None:
    assert describe_kinds(("jpeg", "pdf")) == "JPEG, PDF"
