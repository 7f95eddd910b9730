"""Files that are not what they seem: refused at the door, or opened without harm."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from apps.archivair.pages import Limits, open_source
from shared.errors import FileTypeRefused, FileUnlikeName, ItemError, UrbanKiError
from shared.geo.open import open_raster
from shared.store.file_store import file_name
from shared.ui.intake import DataKind, accept_upload, sanitize_name

ALL: tuple[DataKind, ...] = ("jpeg", "png", "tiff", "webp", "pdf")
MOST_MB = 25


def archive(*entries: tuple[str, bytes], link: bool = False) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in entries:
            entry = zipfile.ZipInfo(name)
            if link:
                entry.external_attr = 0o120777 << 16
            made.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return written.getvalue()


def picture(kind: str = "PNG") -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (64, 64), (90, 120, 60)).save(written, kind)
    return written.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


def png_of(width: int, height: int, *more: bytes) -> bytes:
    """A picture that promises a size, and holds next to nothing."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    parts = (chunk(b"IHDR", head), *more, pixels, chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
XXE = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>'
LAUGHS = b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><svg>&b;</svg>'
NOT_AT_THE_DOOR: dict[str, tuple[str, bytes]] = {
    "zip": ("akte.zip", archive(("a.txt", b"a"))),
    "zip-slip": ("akte.pdf", archive(("../../etc/cron.d/a", b"a"))),
    "zip-absolute": ("akte.png", archive(("/etc/passwd", b"a"))),
    "zip-symlink": ("akte.tif", archive(("a", b"/etc/passwd"), link=True)),
    "zip-bomb": ("akte.png", archive(("a", bytes(5_000_000)))),
    "zip-nested": ("akte.pdf", archive(("b.zip", archive(("a", bytes(1_000_000)))))),
    "zip-of-many": ("a.pdf", archive(*((f"{number}", b"") for number in range(2000)))),
    "gzip": ("a.tif", zlib.compress(bytes(1_000_000), wbits=31)),
    "office": ("a.docx", archive(("[Content_Types].xml", b"<Types/>"))),
    "svg-with-script": ("logo.svg", SVG),
    "svg-as-png": ("logo.png", SVG),
    "svg-that-reads-files": ("logo.svg", XXE),
    "svg-that-grows": ("logo.svg", LAUGHS),
    "page": ("a.html", b"<!DOCTYPE html><script>alert(1)</script>"),
    "page-as-jpeg": ("a.jpg", b"<html><script>alert(1)</script></html>"),
    "program": ("a.exe", b"MZ\x90\x00" + bytes(100)),
    "program-as-pdf": ("a.pdf", b"\x7fELF" + bytes(100)),
    "script": ("a.pdf", b"#!/bin/sh\nrm -rf /"),
    "pickle": ("a.tif", b"\x80\x04\x95\x00\x00\x00\x00"),
    "gif": ("a.png", b"GIF89a" + bytes(100)),
    "gif-with-script": ("a.jpg", b"GIF89a/*" + b"x" * 50 + b"*/=alert(1)//"),
    "bmp": ("a.png", b"BM" + bytes(100)),
    "postscript": ("a.pdf", b"%!PS-Adobe-3.0\n(/etc/passwd) (r) file"),
    "table-with-formula": ("a.csv", b"=cmd|' /C calc'!A0;1"),
    "late-pdf": ("a.pdf", b"x" * 2000 + b"%PDF-1.7"),
    "wave": ("a.webp", b"RIFF\x00\x00\x00\x00WAVE"),
}


@pytest.mark.parametrize("name", NOT_AT_THE_DOOR)
def test_what_no_app_reads_is_refused_at_the_door(name: str) -> None:
    file, content = NOT_AT_THE_DOOR[name]
    with pytest.raises(FileTypeRefused) as refused:
        accept_upload(file, content, ALL, MOST_MB)
    assert refused.value.remedy.startswith("Möglich sind")


UNLIKE: dict[str, tuple[str, bytes]] = {
    "png-as-pdf": ("a.pdf", picture()),
    "pdf-as-png": ("a.png", b"%PDF-1.7\n"),
    "jpeg-as-tiff": ("a.tif", picture("JPEG")),
    "webp-as-jpeg": ("a.jpg", picture("WEBP")),
    "in-capitals": ("A.PDF", picture()),
    "two-endings": ("a.pdf.png", picture("JPEG")),
    "turned-around": ("a\u202egnp.pdf", picture()),
    "behind-nul": ("a.png\x00.pdf", picture()),
    "pdf-in-an-archive": ("a.png", archive(("a", b"")) + b"%PDF-1.7"),
}


@pytest.mark.parametrize("name", UNLIKE)
def test_an_ending_does_not_lie(name: str) -> None:
    file, content = UNLIKE[name]
    with pytest.raises(FileUnlikeName):
        accept_upload(file, content, ALL, MOST_MB)


NAMES = {
    "parent": "../../../etc/passwd.png",
    "parent-with-backslash": "..\\..\\windows\\win.ini.png",
    "absolute": "/etc/passwd.png",
    "drive": "C:\\a.png",
    "share": "\\\\server\\share\\a.png",
    "nul": "a\x00.png",
    "line-end": "a\r\nSet-Cookie: b=c.png",
    "stream": "a.png:evil.exe",
    "device": "CON.png",
    "device-with-number": "com1.png",
    "device-alone": "NUL",
    "device-before-spaces": "aux  .png",
    "hidden": ".htaccess.png",
    "only-dots": "....",
    "turned-around": "a\u202egnp.exe",
    "without-width": "a\u200b\u2060.png",
    "markup": "<img src=x onerror=alert(1)>.png",
    "quotes": "a\"';--.png",
    "formula": "=cmd|'!A0.png",
    "long": "x" * 300 + ".png",
    "long-ending": "a." + "x" * 300,
    "wide-slash": "a／b.png",
    "half-pair": "a\ud800.png",
    "template": "{{7*7}}${7*7}.png",
    "percent": "%2e%2e%2fa.png",
}
DEVICES = {"CON", "PRN", "AUX", "NUL"} | {
    f"{kind}{number}" for kind in ("COM", "LPT") for number in range(1, 10)
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_leads_nowhere(name: str, tmp_path: Path) -> None:
    safe = sanitize_name(NAMES[name])
    assert 1 <= len(safe) <= 80
    assert not set(safe) & set("/\\:*?\"'<>|{}$%=;\r\n\0\u202e\u200b\u2060")
    assert not safe.startswith((".", " ", "-", "="))
    assert safe.partition(".")[0].strip().upper() not in DEVICES
    assert (tmp_path / safe).resolve().parent == tmp_path.resolve()
    (tmp_path / safe).write_bytes(b"")
    kept = file_name(NAMES[name])
    assert "/" not in kept and "\0" not in kept
    assert kept.partition(".")[0].strip().upper() not in DEVICES


def scanned(content: bytes, name: str) -> None:
    with open_source(content, name, Limits()) as source:
        for number in range(1, source.count + 1):
            source.load(number)


def photographed(content: bytes, name: str) -> None:
    with open_raster(content, name=name) as source:
        assert source.info.width


READERS: dict[str, Callable[[bytes, str], None]] = {"scan": scanned, "picture": photographed}
BOMBS: dict[str, tuple[str, bytes]] = {
    "wide": ("a.png", png_of(2**31 - 1, 2)),
    "square": ("a.png", png_of(100_000, 100_000)),
    "nothing": ("a.png", png_of(0, 0)),
    "text-that-grows": (
        "a.png",
        png_of(60_000, 60_000, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(20_000_000)))),
    ),
    "cut": ("a.png", picture()[:60]),
    "jpeg-head-alone": ("a.jpg", picture("JPEG")[:200]),
    "tiff-that-goes-round": ("a.tif", b"II*\x00\x08\x00\x00\x00\x00\x00\x08\x00\x00\x00"),
    "tiff-far-away": ("a.tif", b"II*\x00\xff\xff\xff\xff"),
    "webp-head-alone": ("a.webp", b"RIFF\x1a\x00\x00\x00WEBPVP8L"),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.timeout(20)
def test_a_bomb_is_refused_before_it_grows(name: str, reader: str) -> None:
    file, content = BOMBS[name]
    with pytest.raises(UrbanKiError) as refused:
        READERS[reader](content, file)
    assert isinstance(refused.value, ItemError)
    assert str(refused.value)
