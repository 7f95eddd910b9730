"""Draw PDF pages as grey images and read their own text layer."""

from __future__ import annotations

import io
import math
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np
import pdfplumber
import pypdfium2
from numpy.typing import NDArray
from pdfminer.pdfexceptions import PDFException
from pdfplumber.utils.exceptions import MalformedPDFException, PdfminerException
from pypdfium2 import raw as pdfium

from apps.archivair.errors import (
    PageTooLarge,
    PageTooSmall,
    PdfDamaged,
    PdfLocked,
    PdfWithoutPages,
    TooManyPages,
)
from apps.archivair.file_data import FileData
from apps.archivair.pages import (
    MIN_SIDE_PX,
    MOST_SIDE_PX,
    LayerWord,
    Limits,
    OpenedPixels,
    make_preview,
    reduced_note,
)
from apps.archivair.pdf_forms import MOST_NESTED, has_endless_forms
from apps.archivair.pdf_scripts import has_active_content
from shared.contracts.finding import Finding
from shared.errors import N_

DRAW_DPI = 300
MIN_SCAN_DPI, MAX_SCAN_DPI = 72, 600
MIN_DRAW_DPI = 40
POINTS_PER_INCH = 72
SCAN_SHARE = 0.5
_PARTS_DEEP = MOST_NESTED + 1  # the page itself counts as one
_HALF = 128
MIN_LAYER_CHARACTERS = 20
_PDFIUM = Lock()  # the library is not safe for threads
_BROKEN_LAYER = (
    PDFException,
    PdfminerException,
    MalformedPDFException,
    ValueError,
    KeyError,
    IndexError,
    TypeError,
    AttributeError,
    RecursionError,
    AssertionError,
    pypdfium2.PdfiumError,
)
_ACTIVE = Finding(
    "hint",
    "pdf_aktive_inhalte",
    N_("Das PDF enthält eingebettete Dateien oder Skripte; sie wurden nicht beachtet."),
)
_LAYER_BROKEN = Finding(
    "hint", "textebene_defekt", N_("Die Textebene des PDF ist beschädigt und wurde nicht beachtet.")
)
OLD_LAYER_CODE = "textebene_ueber_scan"


@dataclass(frozen=True, slots=True)
class _Scan:
    """The image that fills a page: dots per inch, and whether it is black and white."""

    dpi: float
    is_bilevel: bool


class PdfOpener:
    """A PDF.

    Args:
        data: Its bytes.
        limits: Largest input.

    Raises:
        PdfLocked: A password is needed.
        PdfDamaged: Unreadable.
        PdfWithoutPages: Zero pages.
        TooManyPages: More pages than the limit.
    """

    def __init__(self, data: FileData, limits: Limits) -> None:
        self._data = data
        self._limits = limits
        with _PDFIUM:
            self._document = _open(data)
            self.count = len(self._document)
            attached = self._document.count_attachments() > 0
        if self.count > limits.pages:
            self.close()
            raise TooManyPages(found=self.count, limit=limits.pages)
        is_active, is_endless = _looked_into(data)
        if is_endless:
            self.close()
            raise PdfDamaged()
        self._notes = (_ACTIVE,) if attached or is_active else ()

    def open_page(self, index: int) -> OpenedPixels:
        """Draw one page and read its text layer.

        Raises:
            PdfDamaged: The page cannot be drawn.
            PageTooLarge: The page is too large even for a coarse drawing.
            PageTooSmall: No line of text fits.
        """
        with _PDFIUM:
            try:
                pixels, dpi, scan, characters = self._draw(index)
            except pypdfium2.PdfiumError as cause:
                raise PdfDamaged() from cause
        notes = self._notes
        megapixels = pixels.shape[0] * pixels.shape[1] / 1e6
        if dpi < MIN_SCAN_DPI:
            notes = (*notes, reduced_note(megapixels * (DRAW_DPI / dpi) ** 2))
        layer: tuple[LayerWord, ...] = ()
        if characters >= MIN_LAYER_CHARACTERS:
            try:
                layer = _read_layer(self._alone(index), dpi / POINTS_PER_INCH)
            except _BROKEN_LAYER:
                notes = (*notes, _LAYER_BROKEN)
        if layer and scan is not None:
            notes = (*notes, Finding("ok", OLD_LAYER_CODE, N_("Das PDF hat eine Textebene.")))
        gray = pixels if pixels.ndim == 2 else np.asarray(pixels[:, :, :3].mean(axis=2), np.uint8)
        preview = make_preview(pixels)
        if scan is not None and scan.is_bilevel and pixels.ndim == 2:
            pixels = np.where(gray < _HALF, np.uint8(0), np.uint8(255))  # drawing smooths edges
        return OpenedPixels(gray, preview, dpi, notes, layer, pixels)

    def close(self) -> None:
        """Release the document."""
        with _PDFIUM:
            self._document.close()

    def _alone(self, index: int) -> bytes:
        """Return one page as a PDF of its own: the parser of layers would read all the others."""
        with _PDFIUM, pypdfium2.PdfDocument.new() as document:
            document.import_pages(self._document, [index - 1])
            target = io.BytesIO()
            document.save(target)
        return target.getvalue()

    def _draw(self, index: int) -> tuple[NDArray[np.uint8], float, _Scan | None, int]:
        page = self._document[index - 1]
        try:
            width_pt, height_pt = page.get_size()
            self._refuse_bombs(page)
            scan = _find_scan(page, width_pt * height_pt)
            dpi = self._bounded_dpi(width_pt, height_pt, scan.dpi if scan else DRAW_DPI)
            bitmap = page.render(scale=dpi / POINTS_PER_INCH, rev_byteorder=True)
            pixels = np.array(bitmap.to_numpy()[:, :, :3], dtype=np.uint8)
            text = page.get_textpage()
            characters = text.count_chars()
            text.close()
        finally:
            page.close()
        if min(pixels.shape[:2]) < MIN_SIDE_PX:
            raise PageTooSmall(width=pixels.shape[1], height=pixels.shape[0])
        if np.array_equal(pixels[:, :, 0], pixels[:, :, 2]):
            pixels = np.ascontiguousarray(pixels[:, :, 1])
        return pixels, dpi, scan, characters

    def _refuse_bombs(self, page: pypdfium2.PdfPage) -> None:
        """Refuse a page with a picture of which a few bytes unpack to gigabytes.

        Only the stated size is looked at: nothing is unpacked for it.
        """
        limit = self._limits.reduced_megapixels
        for item in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=_PARTS_DEEP):
            width_px, height_px = item.get_px_size()
            megapixels = width_px * height_px / 1e6
            if megapixels > limit:
                raise PageTooLarge(megapixels=round(megapixels), limit=limit)

    def _bounded_dpi(self, width_pt: float, height_pt: float, wanted_dpi: float) -> float:
        square_inches = width_pt * height_pt / POINTS_PER_INCH**2
        if not math.isfinite(square_inches) or square_inches <= 0:
            raise PdfDamaged()
        most = math.sqrt(self._limits.page_megapixels * 1e6 / square_inches)
        along = MOST_SIDE_PX * POINTS_PER_INCH / max(width_pt, height_pt)
        if along < MIN_DRAW_DPI <= most:  # a strip of which nothing is left across
            width, height = (round(one * along / POINTS_PER_INCH) for one in (width_pt, height_pt))
            raise PageTooSmall(width=width, height=height)
        most = min(most, along)
        if most < MIN_DRAW_DPI:
            megapixels = square_inches * DRAW_DPI**2 / 1e6
            raise PageTooLarge(megapixels=round(megapixels), limit=self._limits.reduced_megapixels)
        return round(min(wanted_dpi, most), 2)


def _open(data: FileData) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(data.place)
    except pypdfium2.PdfiumError as cause:
        # The library's error code is that of an earlier file when only the wrapper refuses.
        if _has_no_page(data):
            raise PdfWithoutPages() from cause
        if cause.err_code == pdfium.FPDF_ERR_PASSWORD:
            raise PdfLocked() from cause
        raise PdfDamaged() from cause


def _has_no_page(data: FileData) -> bool:
    """Say whether a PDF that the wrapper refuses is sound apart from having no page."""
    place = data.place
    if isinstance(place, bytes):
        document = pdfium.FPDF_LoadMemDocument64(place, len(place), None)
    else:
        document = pdfium.FPDF_LoadDocument(os.fsencode(place), None)
    if not document:
        return False
    count = pdfium.FPDF_GetPageCount(document)
    pdfium.FPDF_CloseDocument(document)
    return int(count) == 0


def _looked_into(data: FileData) -> tuple[bool, bool]:
    """Say whether a PDF can act, and whether drawing it would never end.

    A file on the disk is looked into once, though each page opens it anew.
    """
    if isinstance(data.place, bytes):
        return has_active_content(data), has_endless_forms(data)
    return _file_looked_into(data.place, data.place.stat().st_mtime_ns)


@lru_cache(maxsize=16)
def _file_looked_into(place: Path, changed_ns: int) -> tuple[bool, bool]:
    del changed_ns  # only tells this content from an older one
    return has_active_content(FileData(place)), has_endless_forms(FileData(place))


def _find_scan(page: pypdfium2.PdfPage, page_area_pt: float) -> _Scan | None:
    """Return the image that fills the page, None if there is none."""
    for item in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=_PARTS_DEEP):
        left, bottom, right, top = item.get_bounds()
        area = (right - left) * (top - bottom)
        if area < SCAN_SHARE * page_area_pt:
            continue
        width_px, height_px = item.get_px_size()
        dpi = math.sqrt(width_px * height_px / area) * POINTS_PER_INCH
        bits = item.get_metadata().bits_per_pixel
        return _Scan(float(np.clip(dpi, MIN_SCAN_DPI, MAX_SCAN_DPI)), bits == 1)
    return None


def _read_layer(content: bytes, scale: float) -> tuple[LayerWord, ...]:
    """Return the visible words of a PDF of one page, boxes in pixels."""
    with pdfplumber.open(io.BytesIO(content)) as document:
        page = document.pages[0]
        left, top = page.bbox[0], page.bbox[1]
        words = page.extract_words(keep_blank_chars=False, use_text_flow=False)
    return tuple(
        LayerWord(
            word["text"],
            (
                (word["x0"] - left) * scale,
                (word["top"] - top) * scale,
                (word["x1"] - left) * scale,
                (word["bottom"] - top) * scale,
            ),
        )
        for word in words
        if word["text"].strip()
    )
