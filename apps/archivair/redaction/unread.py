"""Writing on a page that was not read: nothing on it can be found by words."""

from __future__ import annotations

import cv2
import numpy as np

from apps.archivair.archive_files.page_content import ArchivePage
from apps.archivair.pipeline import FROM_LAYER
from apps.archivair.reading import PageReading

_HANDWRITING = "handschrift"
_DARK_SHARE = 0.72
_AROUND_WORD = 0.25
_HEIGHT_LINES = (0.35, 2.5)
_WIDEST_LINES = 3.0
_FEWEST_LETTERS = 3


def has_unread_text(page: ArchivePage, reading: PageReading) -> bool:
    """Say whether a person must look for personal data by eye.

    A page whose text comes from the file itself may show more than that text: notes laid over it,
    letters drawn as shapes. On a scan only what the reading calls handwriting counts.

    Args:
        page: The page as it is seen, with the words that were read.
        reading: Its reading.
    """
    if any(one.code == _HANDWRITING for one in reading.findings):
        return True
    return reading.engines == (FROM_LAYER,) and letters_beyond_words(page) >= _FEWEST_LETTERS


def letters_beyond_words(page: ArchivePage) -> int:
    """Count shapes of the size of letters that lie in no word.

    Args:
        page: The page as it is seen, with the words that were read.
    """
    gray = page.image if page.image.ndim == 2 else cv2.cvtColor(page.image, cv2.COLOR_RGB2GRAY)
    heights = [word.box[3] - word.box[1] for line in page.lines for word in line]
    height = float(np.median(heights)) if heights else page.dpi / 8
    ink = (gray < _DARK_SHARE * float(np.percentile(gray, 90))).astype(np.uint8)
    for line in page.lines:
        for word in line:
            left, top, right, bottom = word.box
            around = round(_AROUND_WORD * (bottom - top)) + 1
            ink[max(0, top - around) : bottom + around, max(0, left - around) : right + around] = 0
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink)
    found = stats[1:]
    tall, wide = found[:, cv2.CC_STAT_HEIGHT], found[:, cv2.CC_STAT_WIDTH]
    low, high = (share * height for share in _HEIGHT_LINES)
    return int(((tall >= low) & (tall <= high) & (wide <= _WIDEST_LINES * height)).sum())
