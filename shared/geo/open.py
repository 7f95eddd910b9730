"""The one door for images: recognise the format by content, then open it."""

from __future__ import annotations

from pathlib import Path

from shared.errors import EmptyFile, FileMissing, FileTooCostly, UnsupportedImage
from shared.geo.plain import open_plain
from shared.geo.raster import OpenOptions, RasterSource, first_bytes
from shared.geo.windowed import open_windowed

IMAGE_SUFFIXES = (".tif", ".tiff", ".jpg", ".jpeg", ".png", ".webp", ".jp2", ".j2k")
HEADER_BYTES = 16

_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"\x00\x00\x00\x0cjP  ", "JP2"),
    (b"\xff\x4f\xff\x51", "JP2"),
)


def recognise_format(header: bytes) -> str | None:
    """Name the image format of a file by its first bytes; None for anything else."""
    if header[:4] == b"RIFF" and header[8:12] == b"WEBP":
        return "WEBP"
    return next((name for magic, name in _MAGIC if header.startswith(magic)), None)


def open_raster(
    file: Path | bytes,
    *,
    name: str = "",
    options: OpenOptions | None = None,
    sha256: str | None = None,
) -> RasterSource:
    """Open an aerial image of unknown origin.

    Args:
        file: Path or content of a TIFF, GeoTIFF, COG, JPEG 2000, JPEG, PNG or WEBP.
        name: File name shown to people; the path's own by default.
        options: What a person said about the image, and the limits.
        sha256: Hash of the content where it is known already; a large file is not read for it.

    Raises:
        FileMissing: No such file, a folder, or not readable.
        EmptyFile: Zero bytes.
        UnsupportedImage: Another format.
        ItemError: The image cannot be used; see `open_plain` and `open_windowed`.
        CoordinatesInDegrees: The coordinate system has no metres.
        CoordinatesUnknown: The coordinate system cannot be read.
    """
    options = options or OpenOptions()
    shown = name or (file.name if isinstance(file, Path) else "Bild")
    try:
        header = first_bytes(file, HEADER_BYTES)
    except OSError as cause:
        raise FileMissing(name=shown) from cause
    if not header:
        raise EmptyFile()
    file_format = recognise_format(header)
    if file_format is None:
        raise UnsupportedImage()
    try:
        if file_format in ("TIFF", "JP2"):
            return open_windowed(file, shown, file_format, options, sha256)
        return open_plain(file, shown, options, sha256)
    except MemoryError as cause:
        raise FileTooCostly() from cause
