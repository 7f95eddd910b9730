"""Measure finding and removal against pages whose personal data are known."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pdfplumber
import pypdfium2
from numpy.typing import NDArray

from apps.archivair.archive_files.page_content import ArchivePage, Box, PageWord
from apps.archivair.documents.folding import fold
from apps.archivair.redaction.hits import PiiHit

COVERED_SHARE = 0.9
"""A datum counts as found when so much of its box is covered; signatures have pale ends."""
COVERED_SIGNATURE = 0.8
_SAME_PLACE = 0.3
_SHORTEST_SEARCHED = 5
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """A personal datum that truly stands on a page.

    Args:
        page: Number of the page in its file, from 1.
        category: One of the categories of hits.
        text: What stands there; empty for a signature.
        box: Where, in pixels of the page image.
    """

    page: int
    category: str
    text: str
    box: Box


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file with everything that is known of it.

    Args:
        pages: Upright pages.
        personal: Personal data of all pages.
        handwriting: Page number and box of signatures and notes by hand.
        documents: First and last page of each document.
        impersonal: Lines without personal data; what stands there may stay.
    """

    pages: tuple[ArchivePage, ...]
    personal: tuple[Known, ...]
    handwriting: tuple[tuple[int, Box], ...]
    documents: tuple[tuple[int, int], ...]
    impersonal: tuple[str, ...]


@dataclass
class Counts:
    """What was counted, by category.

    Args:
        known: Personal data that are there.
        found: Of these, those that were found.
        hits: Hits.
        right: Of these, those at a place with personal data.
    """

    known: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    hits: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)

    def add(self, other: Counts) -> None:
        """Add what was counted elsewhere.

        Args:
            other: Other counts.
        """
        self.known += other.known
        self.found += other.found
        self.hits += other.hits
        self.right += other.right


def count_hits(file: KnownFile, hits: Sequence[PiiHit]) -> tuple[Counts, list[Known], list[Known]]:
    """Compare hits with what is known; return the counts, what was found and what was missed.

    A datum is found when hits of any category cover its box: then it would be removed. A hit is
    right when it lies where personal data or handwriting is.

    Args:
        file: The file.
        hits: Hits on its pages.
    """
    counts, found, missed = Counts(), list[Known](), list[Known]()
    for datum in file.personal:
        boxes = [box for hit in hits if hit.page == datum.page for box in hit.boxes]
        needed = COVERED_SIGNATURE if datum.category == "signature" else COVERED_SHARE
        is_found = covered_share(datum.box, boxes) >= needed
        counts.known[datum.category] += 1
        counts.found[datum.category] += is_found
        (found if is_found else missed).append(datum)
    for hit in hits:
        counts.hits[hit.category] += 1
        counts.right[hit.category] += is_right(file, hit)
    return counts, found, missed


def is_right(file: KnownFile, hit: PiiHit) -> bool:
    """Say whether a hit lies where personal data is.

    Args:
        file: The file.
        hit: The hit.
    """
    places = [one.box for one in file.personal if one.page == hit.page]
    if hit.category == "signature":
        places += [box for page, box in file.handwriting if page == hit.page]
    return any(
        _shared(box, place) > _SAME_PLACE * max(1, min(_area(box), _area(place)))
        for box in hit.boxes
        for place in places
    )


def covered_share(box: Box, boxes: Sequence[Box]) -> float:
    """Return how much of a box others cover, 0 to 1; a pixel on each side counts as covered.

    Args:
        box: The box.
        boxes: The others.
    """
    left, top, right, bottom = box
    mask = np.zeros((max(1, bottom - top), max(1, right - left)), dtype=np.bool_)
    for x0, y0, x1, y1 in boxes:
        mask[
            max(0, y0 - top - 1) : max(0, y1 - top + 1),
            max(0, x0 - left - 1) : max(0, x1 - left + 1),
        ] = True
    return float(mask.mean())


def residues(
    content: bytes, pages: Sequence[ArchivePage], gone: Sequence[Known], stays: Sequence[str],
    read: Callable[[int], str],
) -> list[str]:  # fmt: skip
    """Search a finished file for data that should be gone, by other means than the proof itself.

    Args:
        content: The finished PDF.
        pages: Its pages before redaction.
        gone: What was found and should be gone; pages numbered within the PDF.
        stays: Texts that may stay, because the same words also stand where nothing is removed.
        read: Text that was recognised on a page, by its number.

    Returns:
        Where something was found: "text", "place" or "ocr", one entry per datum and means.
    """
    allowed = [_words(one) for one in stays]
    layers, chars = _layers(content)
    texts = [
        ([_words(one) for one in layer], _words(read(number)))
        for number, layer in enumerate(layers, 1)
    ]
    found: list[str] = []
    for datum in gone:
        if _words_at(chars[datum.page - 1], pages[datum.page - 1].dpi, datum):
            found.append("place")
        words = _words(datum.text)
        if len(words) < _SHORTEST_SEARCHED or any(words in one for one in allowed):
            continue
        for own, recognised in texts:
            found += ["text" for layer in own if words in layer]
            found += ["ocr"] if words in recognised else []
    return found


def _layers(content: bytes) -> tuple[list[tuple[str, str]], list[list[Json]]]:
    """Return the text of each page by two libraries, and its letters with their places."""
    chars: list[list[Json]] = []
    texts: list[tuple[str, str]] = []
    with pdfplumber.open(io.BytesIO(content)) as pdf, pypdfium2.PdfDocument(content) as other:
        for number, page in enumerate(pdf.pages):
            chars.append(page.chars)
            plumber = page.extract_text() or ""
            page.close()
            drawn = other[number]
            text = drawn.get_textpage()
            texts.append((plumber, str(text.get_text_range())))
            text.close()
            drawn.close()
    return texts, chars


def _words_at(chars: Sequence[Json], dpi: float, datum: Known) -> bool:
    """Say whether the text layer holds letters of a datum at its place.

    Letters of a neighbouring line may reach into a tilted box: three in a row must be the same.
    """
    scale = dpi / 72.0
    left, top, right, bottom = datum.box
    there = "".join(
        one["text"]
        for one in chars
        if left < (one["x0"] + one["x1"]) / 2 * scale < right
        and top < (one["top"] + one["bottom"]) / 2 * scale < bottom
    )
    letters, own = _words(there).replace(" ", ""), _words(datum.text).replace(" ", "")
    return any(own[at : at + 3] in letters for at in range(len(own) - 2))


def _words(text: str) -> str:
    """Return the folded words with a blank around each: whole words are compared."""
    return f" {' '.join(re.findall(r'[a-z0-9]+', fold(text)))} "


def _shared(one: Box, other: Box) -> int:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(0, wide) * max(0, high)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def words_alone(text: str) -> list[PageWord]:
    """Return words of a text without places, for a proof over whole pages.

    Args:
        text: Recognised text.
    """
    return [PageWord(word, (0, 0, 0, 0)) for word in text.split()]


def turned_box(box: Sequence[float], turns: int, width: int, height: int) -> Box:
    """Carry a box along with quarter turns clockwise.

    Args:
        box: Left, top, right, bottom in pixels.
        turns: Quarter turns clockwise.
        width: Width of the image before.
        height: Height of the image before.
    """
    left, top, right, bottom = (round(one) for one in box)
    for _ in range(turns % 4):
        left, top, right, bottom = height - bottom, left, height - top, right
        width, height = height, width
    return left, top, right, bottom


def turned_image(image: NDArray[np.uint8], turns: int) -> NDArray[np.uint8]:
    """Turn an image clockwise by quarter turns.

    Args:
        image: The image.
        turns: Quarter turns.
    """
    return np.ascontiguousarray(np.rot90(image, -turns)) if turns % 4 else image
