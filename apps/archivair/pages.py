"""Open files of unknown origin as grey pages: PDF, TIFF, JPEG and PNG, guarded and bounded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from apps.archivair.errors import FolderGiven
from apps.archivair.file_data import FileData
from shared.contracts.finding import Finding
from shared.errors import (
    N_,
    EmptyFile,
    FileMissing,
    FileTooLarge,
    FileTypeRefused,
    FileUnlikeName,
    ItemError,
)

Gray = NDArray[np.uint8]
Color = NDArray[np.uint8]
FileKind = Literal["pdf", "tiff", "jpeg", "png"]

ALLOWED = "PDF, TIFF, JPG, PNG"
ENDINGS: dict[str, FileKind] = {
    ".pdf": "pdf",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".png": "png",
}
MEDIA_TYPES: dict[FileKind, str] = {
    "pdf": "application/pdf",
    "tiff": "image/tiff",
    "jpeg": "image/jpeg",
    "png": "image/png",
}
PREVIEW_SIDE_PX = 1600
MIN_SIDE_PX = 16
MOST_SIDE_PX = 30_000
"""Longer sides are read in reduced scale: pictures are turned by 16-bit coordinates."""
_PDF_SEARCH_BYTES = 1024
_PALE_SPREAD = 6


@dataclass(frozen=True, slots=True)
class Limits:
    """Largest input that is accepted.

    Args:
        file_mb: Megabytes (2**20 bytes) per file.
        pages: Pages per file.
        page_megapixels: Pixels per page that are read in full scale; more are read reduced.
        reduced_megapixels: Pixels per page that can be read reduced; more are refused.
    """

    file_mb: int = 500
    pages: int = 2000
    page_megapixels: int = 50
    reduced_megapixels: int = 400


@dataclass(frozen=True, slots=True)
class PageIdentity:
    """Which page a result belongs to.

    Args:
        stem: Name of its files without ending.
        file_name: Name of the source file without folder.
        sha256: Hash of the source file.
        index: Number of the page in its file, from 1.
        pages: Number of pages of the file.
    """

    stem: str
    file_name: str
    sha256: str
    index: int
    pages: int


@dataclass(frozen=True, slots=True)
class LayerWord:
    """A word of a PDF's own text, box (x0, y0, x1, y1) in pixels of the page image."""

    text: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class PageImage:
    """One page, upright as its file says, before any cleaning.

    Args:
        gray: 0 black to 255 white, shape (height, width).
        dpi: Dots per inch as the file says or as the page was drawn; None if unknown.
        index: Number of the page in its file, from 1.
        sha256: Hash of the file, 64 hexadecimal digits.
        file_name: Name of the file without folder.
        preview: Colour page for the screen, longest side at most 1,600 pixels.
        notes: What a reader should know about how the page was opened.
        layer: Words of a PDF's own text layer; empty without one.
    """

    gray: Gray
    dpi: float | None
    index: int
    sha256: str
    file_name: str
    preview: Color
    notes: tuple[Finding, ...] = ()
    layer: tuple[LayerWord, ...] = ()


@dataclass(frozen=True, slots=True)
class PageFailure:
    """A page that could not be opened; its neighbours go on."""

    file_name: str
    index: int
    error: ItemError


@dataclass(frozen=True, slots=True)
class OpenedPixels:
    """What an opener returns for one page; see `PageImage`.

    `pixels` is the page as it is, grey or red, green, blue; None where it was read in reduced
    scale: then there is only `gray`.
    """

    gray: Gray
    preview: Color
    dpi: float | None
    notes: tuple[Finding, ...] = ()
    layer: tuple[LayerWord, ...] = field(default=())
    pixels: NDArray[np.uint8] | None = None


class Opener(Protocol):
    """A file whose pages can be decoded one by one."""

    count: int

    def open_page(self, index: int) -> OpenedPixels:
        """Decode page `index` (from 1); raises an `ItemError` of this page alone."""
        ...

    def close(self) -> None:
        """Release the file."""
        ...


class Source:
    """One checked file.

    Args:
        name: File name without folder.
        sha256: Hash of its bytes.
        media_type: What it is.
        opener: Decoder of its pages.
    """

    def __init__(self, name: str, sha256: str, media_type: str, opener: Opener) -> None:
        self.name = name
        self.sha256 = sha256
        self.media_type = media_type
        self._opener = opener

    @property
    def count(self) -> int:
        """Number of pages."""
        return self._opener.count

    @property
    def stem(self) -> str:
        """File name without ending."""
        return Path(self.name).stem

    def identity(self, index: int) -> PageIdentity:
        """Return which page it is; its stem has the page number if there are several.

        Args:
            index: Number from 1.
        """
        stem = page_stem(self.stem, index, self.count)
        return PageIdentity(stem, self.name, self.sha256, index, self.count)

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def load(self, index: int) -> PageImage:
        """Decode one page.

        Args:
            index: Number from 1.

        Raises:
            ItemError: This page cannot be used.
        """
        opened = self._opener.open_page(index)
        return PageImage(
            gray=opened.gray,
            dpi=opened.dpi,
            index=index,
            sha256=self.sha256,
            file_name=self.name,
            preview=opened.preview,
            notes=opened.notes,
            layer=opened.layer,
        )

    def load_pixels(self, index: int) -> NDArray[np.uint8]:
        """Decode one page for a copy of it: colour stays colour, black and white stays so.

        It lies over the grey image of `load` pixel by pixel, is decoded anew and not kept.

        Args:
            index: Number from 1.

        Returns:
            Grey (height, width), or (height, width, 3) where there is colour.

        Raises:
            ItemError: This page cannot be used.
        """
        opened = self._opener.open_page(index)
        pixels = opened.gray if opened.pixels is None else opened.pixels
        if pixels.ndim == 3 and not _has_colour(pixels):
            return opened.gray
        return pixels

    def close(self) -> None:
        """Release the file."""
        self._opener.close()


def _has_colour(pixels: NDArray[np.uint8]) -> bool:
    """Say whether colours differ anywhere by more than what the coding of a picture makes."""
    small = pixels[::2, ::2].astype(np.int16)
    spread = small.max(axis=2) - small.min(axis=2)
    return bool((spread > _PALE_SPREAD).any())


def page_stem(stem: str, index: int, pages: int) -> str:
    """Return the name of a page's files without ending.

    Args:
        stem: Name of its file without ending.
        index: Number of the page in its file, from 1.
        pages: Number of pages of the file.
    """
    return stem if pages == 1 else f"{stem}_p{index:04d}"


def open_source(content: bytes, name: str, limits: Limits | None = None) -> Source:
    """Check a file in memory and prepare its pages; nothing is decoded yet.

    Args:
        content: All bytes.
        name: File name; only its last part is used.
        limits: Largest input.

    Raises:
        ItemError: The file cannot be used; the class says why.
    """
    return _open(FileData(content), name, None, limits or Limits())


def open_path(
    path: Path, limits: Limits | None = None, *, name: str = "", sha256: str | None = None
) -> Source:
    """Open a file of the disk; pages are read from there one by one, never the whole file.

    Args:
        path: File.
        limits: Largest input.
        name: What people call the file; empty takes the name it has on the disk.
        sha256: Hash of its bytes where it is known; None computes it.

    Raises:
        FileMissing: There is no such file, or it may not be read.
        ItemError: The file cannot be used.
    """
    name = name or path.name
    if path.is_dir():
        raise FolderGiven(name=name)
    if not path.is_file():
        raise FileMissing(name=name)
    try:
        return _open(FileData(path.absolute()), name, sha256, limits or Limits())
    except OSError as cause:
        raise FileMissing(name=name) from cause


def _open(data: FileData, name: str, sha256: str | None, limits: Limits) -> Source:
    from apps.archivair.pdf_pages import PdfOpener
    from apps.archivair.raster_pages import RasterOpener

    file_name = Path(name).name
    size = data.size
    if not size:
        raise EmptyFile()
    if size > limits.file_mb * 2**20:
        raise FileTooLarge(limit_mb=limits.file_mb)
    kind = sniff(data.start(_PDF_SEARCH_BYTES))
    if kind is None:
        raise FileTypeRefused(allowed=ALLOWED)
    ending = Path(file_name).suffix.lower()
    if ENDINGS.get(ending, kind) != kind:
        raise FileUnlikeName(ending=ending.lstrip("."), found=kind.upper())
    opener: Opener = PdfOpener(data, limits) if kind == "pdf" else RasterOpener(data, kind, limits)
    return Source(file_name, sha256 or data.sha256(), MEDIA_TYPES[kind], opener)


def load_pages(path: Path, limits: Limits | None = None) -> Iterator[PageImage | PageFailure]:
    """Yield the pages of a file one after another; a broken page becomes a `PageFailure`.

    Args:
        path: File.
        limits: Largest input.

    Raises:
        FileMissing: There is no such file.
        ItemError: The file as a whole cannot be used.
    """
    with open_path(path, limits) as source:
        for index in range(1, source.count + 1):
            try:
                yield source.load(index)
            except ItemError as error:
                yield PageFailure(source.name, index, error)


def sniff(content: bytes) -> FileKind | None:
    """Return what the first bytes say the content is, None if it is nothing we read.

    Args:
        content: The first 1,024 bytes or more.
    """
    if content.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if content[:4] in {b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"}:
        return "tiff"
    if b"%PDF-" in content[:_PDF_SEARCH_BYTES]:
        return "pdf"
    return None


def reduced_note(megapixels: float) -> Finding:
    """Say that a page was read in reduced scale.

    Args:
        megapixels: Pixels of the page in millions.
    """
    return Finding(
        "hint",
        "verkleinert_gelesen",
        N_("Die Seite hat {megapixels} Megapixel und wurde verkleinert gelesen."),
        N_("Sehr kleine Schrift kann fehlen."),
        {"megapixels": round(megapixels)},
    )


def make_preview(image: NDArray[np.uint8]) -> Color:
    """Shrink a grey or RGB page for the screen.

    Args:
        image: Shape (height, width) or (height, width, 3).
    """
    scale = min(1.0, PREVIEW_SIDE_PX / max(image.shape[:2]))
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
    if small.ndim == 2:
        small = cv2.cvtColor(small, cv2.COLOR_GRAY2RGB)
    return np.ascontiguousarray(small, dtype=np.uint8)
