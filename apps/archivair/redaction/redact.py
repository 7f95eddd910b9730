"""Take personal data out of pages: pixels are overwritten, words are removed.

A black rectangle over an image hides nothing; here the pixels themselves are replaced before the
image is encoded anew. Boxes end at multiples of 8 pixels, the size of a JPEG block, so that
blocks inside are one value and nothing of what stood there can ring through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from apps.archivair.archive_files.page_content import ArchivePage, Box, PageWord
from apps.archivair.redaction.hits import PiiHit
from apps.archivair.rendering import load_font

GROW_LINES = 0.15
WIDTH_STEP_LINES = 2.0
BLOCK_PX = 8
_FILL = 0
_TOUCHED_SHARE = 0.2
_PALE = 170
_WATERMARK_SHARE = 1 / 14


@dataclass(frozen=True, slots=True, eq=False)
class RedactedPage:
    """A page without what was removed.

    Args:
        page: Its image and remaining words.
        boxes: What was overwritten, in pixels of the image.
    """

    page: ArchivePage
    boxes: tuple[Box, ...]


def redact_pages(pages: Sequence[ArchivePage], hits: Sequence[PiiHit]) -> list[RedactedPage]:
    """Return the pages without the data of the hits.

    Args:
        pages: Upright pages; they are left as they are.
        hits: What is removed; pages numbered from 1.
    """
    return [
        _redacted(page, [hit for hit in hits if hit.page == number])
        for number, page in enumerate(pages, 1)
    ]


def grown(box: Box, line_height: float, width: int, height: int) -> Box:
    """Return a box with a margin, its width rounded up and its sides at block borders.

    Args:
        box: Box around the words.
        line_height: Height of the line in pixels.
        width: Width of the page image.
        height: Its height.
    """
    margin = GROW_LINES * line_height
    left, top, right, bottom = (
        box[0] - margin, box[1] - margin, box[2] + margin, box[3] + margin,
    )  # fmt: skip
    step = max(1.0, WIDTH_STEP_LINES * line_height)
    right = left + -(-(right - left) // step) * step
    return (
        max(0, int(left // BLOCK_PX) * BLOCK_PX),
        max(0, int(top // BLOCK_PX) * BLOCK_PX),
        min(width, -(-int(np.ceil(right)) // BLOCK_PX) * BLOCK_PX),
        min(height, -(-int(np.ceil(bottom)) // BLOCK_PX) * BLOCK_PX),
    )


def watermarked(page: ArchivePage, words: str) -> ArchivePage:
    """Return a page with pale words across it; the text layer stays as it is.

    Args:
        page: The page.
        words: What is written.
    """
    height, width = page.image.shape[:2]
    font = load_font("arimo", max(12.0, width * _WATERMARK_SHARE))
    mark = Image.new("L", (width, height), 255)
    pen = ImageDraw.Draw(mark)
    pen.text(((width - font.getlength(words)) / 2, height / 2), words, fill=_PALE, font=font)
    turned = np.asarray(mark.rotate(35, fillcolor=255), dtype=np.uint8)
    pale = turned if page.image.ndim == 2 else turned[:, :, None]
    image = np.minimum(page.image, pale).astype(np.uint8)
    return ArchivePage(image, page.dpi, page.lines)


def _redacted(page: ArchivePage, hits: Sequence[PiiHit]) -> RedactedPage:
    height, width = page.image.shape[:2]
    gone = {place for hit in hits for place in hit.words}
    usual = _usual_height(page)
    boxes = []
    for hit in hits:
        for box in hit.boxes:
            line_height = min(box[3] - box[1], 2 * usual) if hit.words else usual
            boxes.append(grown(box, line_height, width, height))
    image = page.image.copy()
    for left, top, right, bottom in boxes:
        image[top:bottom, left:right] = _FILL
    lines = []
    for number, line in enumerate(page.lines):
        kept = tuple(
            word
            for place, word in enumerate(line)
            if (number, place) not in gone and not any(_touched(word, box) for box in boxes)
        )
        if kept:
            lines.append(kept)
    return RedactedPage(ArchivePage(image, page.dpi, tuple(lines)), tuple(boxes))


def _usual_height(page: ArchivePage) -> float:
    heights = [word.box[3] - word.box[1] for line in page.lines for word in line]
    return float(np.median(heights)) if heights else page.dpi / 6


def _touched(word: PageWord, box: Box) -> bool:
    """Say whether a box covers enough of a word that it cannot be read any more."""
    wide = min(word.box[2], box[2]) - max(word.box[0], box[0])
    high = min(word.box[3], box[3]) - max(word.box[1], box[1])
    if wide <= 0 or high <= 0:
        return False
    area = (word.box[2] - word.box[0]) * (word.box[3] - word.box[1])
    return wide * high > _TOUCHED_SHARE * area
