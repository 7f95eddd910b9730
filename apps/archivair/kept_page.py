"""What is stored of a page that was read: its reading and a small picture, in one file."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from apps.archivair.documents.look import PageLook
from apps.archivair.errors import ReadingUnusable
from apps.archivair.packing import entry
from apps.archivair.pages import PageIdentity
from apps.archivair.reading import PageReading

MEDIA_TYPE = "application/zip"
MOST_READING_BYTES = 64 * 2**20
MOST_PICTURE_BYTES = 16 * 2**20
_READING, _PICTURE = "reading.json", "picture.jpg"
_JPEG_START = b"\xff\xd8\xff"


@dataclass(frozen=True, slots=True)
class KeptPage:
    """A page that was read.

    Args:
        identity: Which page.
        reading: What was read.
        picture: JPEG for the screen, the right way up; never the pixels of the scan.
        look: What the picture shows without reading; None in files of earlier versions.
    """

    identity: PageIdentity
    reading: PageReading
    picture: bytes
    look: PageLook | None = None


@dataclass(frozen=True, slots=True)
class _Content:
    schema: Literal["archivair-reading/1"]
    identity: PageIdentity
    reading: PageReading
    look: PageLook | None = None


_CONTENT = TypeAdapter(_Content)


def encode_page(page: KeptPage) -> bytes:
    """Return the stored form; the same bytes for the same page.

    Args:
        page: The page.
    """
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(entry(_READING), encode_reading(page))
        archive.writestr(entry(_PICTURE, compressed=False), page.picture)
    return target.getvalue()


def encode_reading(page: KeptPage) -> bytes:
    """Return a page without its picture as JSON; the same bytes for the same page.

    Args:
        page: The page.
    """
    return _CONTENT.dump_json(
        _Content("archivair-reading/1", page.identity, page.reading, page.look)
    )


def decode_reading(content: bytes) -> KeptPage:
    """Return a page of which no picture is kept.

    Args:
        content: What `encode_reading` returned.

    Raises:
        ReadingUnusable: It is something else, or another version of this program wrote it.
    """
    try:
        found = _CONTENT.validate_json(content)
    except ValidationError as cause:
        raise ReadingUnusable() from cause
    return KeptPage(found.identity, found.reading, b"", found.look)


def decode_page(content: bytes) -> KeptPage:
    """Return the page of a stored file.

    Args:
        content: What `encode_page` returned.

    Raises:
        ReadingUnusable: It is something else, or another version of this program wrote it.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            found = _CONTENT.validate_json(_member(archive, _READING, MOST_READING_BYTES))
            picture = _member(archive, _PICTURE, MOST_PICTURE_BYTES)
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError) as cause:
        raise ReadingUnusable() from cause
    except ValidationError as cause:
        raise ReadingUnusable() from cause
    if not picture.startswith(_JPEG_START):
        raise ReadingUnusable()
    return KeptPage(found.identity, found.reading, picture, found.look)


def _member(archive: zipfile.ZipFile, name: str, most_bytes: int) -> bytes:
    """Unpack one entry, but never more than it may hold."""
    with archive.open(name) as stream:
        content = stream.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise ReadingUnusable()
    return content
