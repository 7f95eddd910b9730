"""Find signatures: ink without print below closing formulae and above lines for signing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from apps.archivair.archive_files.page_content import Box
from apps.archivair.documents.folding import fold
from apps.archivair.redaction.hits import PiiHit, Role, TextRow, around
from apps.archivair.redaction.lexicon import bare
from apps.archivair.redaction.names import closing_role, closings, name_at, stands_alone

_LINES_BELOW = 7.0
_WIDTH_LINES = 22.0
_LEFT_LINES = 3.0
_DARK_SHARE = 0.72
_SMALLEST_HEIGHT_LINES, _SMALLEST_WIDTH_LINES = 0.5, 1.2
_LARGEST_HEIGHT_LINES = 7.0
_JOIN_LINES = (1.0, 0.5)
_WORDS_OF_PROSE, _LINES_OF_PROSE = 6, 2
_SMALLEST_GAP_LINES = 1.5
_SPARE_LINES = 0.35
_LABELS = ("unterschrift", "unterzeichnet", "name, unterschrift", "datum, unterschrift")


def find_signatures(
    page: int, image: NDArray[np.uint8], rows: Sequence[TextRow]
) -> Iterator[PiiHit]:
    """Yield ink that is no printed word where people sign.

    Args:
        page: Number of the page, from 1.
        image: Page image, grey or colour.
        rows: Lines of this page.
    """
    gray = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    taken: list[Box] = []
    for region, role, height in _regions(rows):
        for box in _ink(gray, region, rows, height):
            if not any(_overlap(box, one) for one in taken):
                taken.append(box)
                yield PiiHit(
                    page, "signature", "", "Schriftzug bei einer Unterschrift", (box,), (), role
                )


def _regions(rows: Sequence[TextRow]) -> Iterator[tuple[Box, Role, int]]:
    for number, role in closings(rows):
        row = rows[number]
        left, top, _, bottom = row.box
        yield (
            (
                left - round(_LEFT_LINES * row.height), top,
                left + round(_WIDTH_LINES * row.height), bottom + round(_LINES_BELOW * row.height),
            ),
            role, row.height,
        )  # fmt: skip
    for above, row in pairwise(rows) if _is_letter(rows) else ():
        gap = row.box[1] - above.box[3]
        if stands_alone(row) and _SMALLEST_GAP_LINES * row.height < gap:
            left, top, right, _ = row.box
            room = min(gap, round(_LINES_BELOW * row.height))
            height = row.height
            yield (left - 2 * height, top - room, max(right, left + 14 * height), top), "", height
    for row in rows:
        if fold(row.text).strip(" .:()") in _LABELS:
            left, top, right, _ = row.box
            height = row.height
            yield (left - 2 * height, top - 4 * height, right + 8 * height, top), "", height


def _is_letter(rows: Sequence[TextRow]) -> bool:
    """Say whether a page holds prose: on plans single words with drawn lines are no signatures."""
    prose = sum(
        sum(word.text[:1].isalpha() for word in row.words) >= _WORDS_OF_PROSE for row in rows
    )
    return prose >= _LINES_OF_PROSE


def _ink(
    gray: NDArray[np.uint8], region: Box, rows: Sequence[TextRow], height: int
) -> Iterator[Box]:
    page_height, page_width = gray.shape
    left, top = max(0, region[0]), max(0, region[1])
    right, bottom = min(page_width, region[2]), min(page_height, region[3])
    if right - left < height or bottom - top < height:
        return
    crop = gray[top:bottom, left:right]
    paper = float(np.percentile(crop, 90))
    ink = (crop < _DARK_SHARE * paper).astype(np.uint8)
    strokes = _without_letters(ink, [row.box for row in rows if _is_print(row)], (left, top))
    wide, high = (max(3, round(share * height)) for share in _JOIN_LINES)
    joined = cv2.dilate(strokes, np.ones((high, wide), np.uint8))
    count, labels = cv2.connectedComponents(joined)
    for number in range(1, count):
        ys, xs = np.nonzero(strokes & (labels == number))
        if not len(ys):
            continue
        x0, y0, x1, y1 = (int(one) for one in (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1))
        if (
            x1 - x0 >= _SMALLEST_WIDTH_LINES * height
            and _SMALLEST_HEIGHT_LINES * height <= y1 - y0 <= _LARGEST_HEIGHT_LINES * height
        ):
            yield left + x0, top + y0, left + x1, top + y1


def _without_letters(
    ink: NDArray[np.uint8], prints: Sequence[Box], corner: tuple[int, int]
) -> NDArray[np.uint8]:
    """Take out what lies inside printed lines; a stroke that reaches into one stays whole."""
    kept = np.zeros_like(ink)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(ink)
    for number in range(1, count):
        x, y, width, height, _ = (int(one) for one in stats[number])
        x, y = x + corner[0], y + corner[1]
        if not any(_inside((x, y, x + width, y + height), one) for one in prints):
            kept[labels == number] = 1
    return kept


def _inside(box: Box, print_box: Box) -> bool:
    left, top, right, bottom = print_box
    spare = round(_SPARE_LINES * (bottom - top))
    return (
        box[0] >= left - spare and box[2] <= right + spare
        and box[1] >= top - spare and box[3] <= bottom + spare
    )  # fmt: skip


def _is_print(row: TextRow) -> bool:
    """Say whether a line reads as print: a scrawl that was read gives no word of three letters."""
    if closing_role(row) is not None or name_at(row, 0):
        return True
    return sum(len(bare(word.text)) >= 3 for word in row.words) * 2 >= len(row.words)


def _overlap(one: Box, other: Box) -> bool:
    both = around([one, other])
    return (both[2] - both[0] < one[2] - one[0] + other[2] - other[0]) and (
        both[3] - both[1] < one[3] - one[1] + other[3] - other[1]
    )
