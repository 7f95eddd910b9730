"""Prove that what was removed is gone: the finished file is taken apart again.

    residues = verify(content, removed, reader)

Text by two libraries, text recognition at the boxes and over the page, every stream after
decompression, every string of every object, attachments, earlier revisions, pixels in the boxes.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pdfplumber
import pikepdf
import pypdfium2
from numpy.typing import NDArray

from apps.archivair.archive_files.page_content import Box, PageWord
from apps.archivair.redaction.pdf_texts import structure_faults, texts_of_objects
from apps.archivair.redaction.removed_strings import RemovedStrings

POINTS_PER_INCH = 72.0
PageReader = Callable[[NDArray[np.uint8], float], Sequence[PageWord]]
"""Reads an image of some dots per inch and returns its words with boxes."""
_EDGE_PX = 2
_READ_IN_BOX = 2
_COVERED_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Removed:
    """What should be gone from a file.

    Args:
        strings: Strings that were removed.
        boxes: Overwritten boxes of each page of the file, in pixels of its image.
        dpi: Dots per inch of each page.
    """

    strings: RemovedStrings
    boxes: tuple[tuple[Box, ...], ...]
    dpi: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Residue:
    """Something that is still there; never the text itself.

    Args:
        place: Where: "text_pdfplumber", "text_pdfium", "objekte", "struktur", "bildpunkte",
            "ocr_kasten" or "ocr_seite".
        page: Number of the page, from 1; None for the file as a whole.
        detail: What, a German phrase without personal data.
    """

    place: str
    page: int | None
    detail: str


CHECKS = (
    "text_pdfplumber", "text_pdfium", "objekte", "struktur", "bildpunkte", "ocr_kasten", "ocr_seite"
)  # fmt: skip


def verify(content: bytes, removed: Removed, reader: PageReader) -> list[Residue]:
    """Return everything that should be gone and is not; an empty list is the proof.

    Args:
        content: The finished PDF.
        removed: What should be gone.
        reader: Text recognition; it must look at pixels only.
    """
    return [
        *_plumber(content, removed),
        *_pdfium(content, removed, reader),
        *_objects(content, removed),
        *_pixels(content, removed),
    ]


def _plumber(content: bytes, removed: Removed) -> Iterator[Residue]:
    with pdfplumber.open(io.BytesIO(content)) as pdf:
        for number, page in enumerate(pdf.pages, 1):
            text = page.extract_text(use_text_flow=True) or ""
            chars = "".join(one["text"] for one in page.chars)
            page.close()  # what it remembers of a page is many times larger than its text
            if found := removed.strings.found_in(text) + removed.strings.found_in(chars):
                yield Residue("text_pdfplumber", number, f"{found} Fundstellen im Text")


def _pdfium(content: bytes, removed: Removed, reader: PageReader) -> Iterator[Residue]:
    document = pypdfium2.PdfDocument(content)
    try:
        for number, (boxes, dpi) in enumerate(zip(removed.boxes, removed.dpi, strict=True), 1):
            page = document[number - 1]
            text_page = page.get_textpage()
            text = text_page.get_text_range()
            text_page.close()
            bitmap = page.render(scale=dpi / POINTS_PER_INCH, rev_byteorder=True)
            pixels = np.array(bitmap.to_numpy()[:, :, :3], dtype=np.uint8)
            page.close()
            if found := removed.strings.found_in(text):
                yield Residue("text_pdfium", number, f"{found} Fundstellen im Text")
            yield from _drawn(number, pixels, boxes)
            yield from _read(number, pixels, dpi, boxes, removed.strings, reader)
    finally:
        document.close()


def _drawn(number: int, pixels: NDArray[np.uint8], boxes: Sequence[Box]) -> Iterator[Residue]:
    """Look at the page as it is drawn; the edge of a box may be mixed with its surroundings."""
    for left, top, right, bottom in boxes:
        inner = pixels[top + _EDGE_PX : bottom - _EDGE_PX, left + _EDGE_PX : right - _EDGE_PX]
        if inner.size and int(inner.max()) != int(inner.min()):
            yield Residue("bildpunkte", number, "ein Kasten ist beim Zeichnen nicht einfarbig")


def _read(
    number: int, pixels: NDArray[np.uint8], dpi: float, boxes: Sequence[Box],
    strings: RemovedStrings, reader: PageReader,
) -> Iterator[Residue]:  # fmt: skip
    words = reader(pixels, dpi)
    if any(_is_text(word.text) and _lies_in(word.box, box) for word in words for box in boxes):
        yield Residue("ocr_kasten", number, "in einem Kasten wurde Text gelesen")
    if found := strings.found_in(" ".join(word.text for word in words)):
        yield Residue("ocr_seite", number, f"{found} Fundstellen im gelesenen Text")


def _is_text(text: str) -> bool:
    return sum(one.isalnum() for one in text) >= _READ_IN_BOX


def _lies_in(word: Box, box: Box) -> bool:
    wide = min(word[2], box[2]) - max(word[0], box[0])
    high = min(word[3], box[3]) - max(word[1], box[1])
    area = max(1, (word[2] - word[0]) * (word[3] - word[1]))
    return wide > 0 and high > 0 and wide * high > _COVERED_SHARE * area


def _objects(content: bytes, removed: Removed) -> Iterator[Residue]:
    with pikepdf.open(io.BytesIO(content)) as pdf:
        for fault in structure_faults(content, pdf):
            yield Residue("struktur", None, fault)
        for place, text in texts_of_objects(pdf):
            if found := removed.strings.found_in(text):
                yield Residue("objekte", None, f"{found} Fundstellen in {place}")


def _pixels(content: bytes, removed: Removed) -> Iterator[Residue]:
    """Look at the stored images themselves: inside a box there is one value, to the last pixel."""
    with pikepdf.open(io.BytesIO(content)) as pdf:
        for number, (page, boxes) in enumerate(zip(pdf.pages, removed.boxes, strict=True), 1):
            images = [
                np.asarray(pikepdf.PdfImage(one).as_pil_image())
                for one in page.get_images().values()
                if isinstance(one, pikepdf.Stream)
            ]
            if len(images) != 1:
                yield Residue("bildpunkte", number, f"{len(images)} Bilder statt eines")
                continue
            for left, top, right, bottom in boxes:
                inner = images[0][top:bottom, left:right]
                if inner.size == 0 or float(inner.astype(np.float64).var()) > 0:
                    yield Residue("bildpunkte", number, "ein Kasten ist nicht einfarbig")
