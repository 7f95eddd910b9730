"""Find signatures: ink without print below closing formulae and above lines for signing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from apps.archivair.archive_files.page_content import Box
from apps.archivair.redaction.hits import PiiHit, Role, TextRow, around
from apps.archivair.redaction.lexicon import bare, load_lexicon
from apps.archivair.redaction.misread import nearest, starts_nearly
from apps.archivair.redaction.names import closing_role, closings, name_at, stands_alone

_LINES_BELOW = 7.0
_WIDTH_LINES = 22.0
_LEFT_LINES = 3.0
_BLUR_LINES, _LEAST_BLUR_PX = 1 / 24, 0.8
_PAPER_SCALE, _PAPER_MEDIAN = 0.125, 31
_MAD_TO_SIGMA = 1.4826
_NOISE_TIMES = 4.0
_INK_PERCENTILE, _INK_SHARE = 99.5, 0.35
_LEAST_CONTRAST = 6.0
_LEAST_SPECK_PX, _SPECK_LINES = 4, 0.02
_SMALLEST_HEIGHT_LINES, _SMALLEST_WIDTH_LINES = 0.5, 1.2
_LARGEST_HEIGHT_LINES = 7.0
_JOIN_LINES = (1.0, 0.5)
_WORDS_OF_PROSE, _LINES_OF_PROSE = 6, 2
_SMALLEST_GAP_LINES = 1.5
_SPARE_LINES = 0.35
_BEYOND_LINES = 4.0
_RULE_LINES = 4.0
_INSIDE_SHARE = 0.25
_WALL_LINES, _STRAIGHT_SHARE = 2.0, 0.5
_FILLED_SHARE = 0.65
_PALE_ENDS_LINES = 0.2
_SCRAWL_HEIGHT, _SCRAWL_CONFIDENCE = 1.6, 0.6
_STROKES_PER_ROW = 2.2
_LONGEST_LABEL = 3
_LABELS = ("unterschrift", "unterzeichne")
_REASON = "Schriftzug bei einer Unterschrift"


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
    found: list[tuple[Box, Role]] = []
    printed = _printed(rows)
    for region, role, height in _regions(printed):
        for box in _ink(gray, region, printed, height):
            found = _with(found, box, role)
    for box, role in found:
        yield PiiHit(page, "signature", "", _REASON, (box,), (), role)


def _with(found: list[tuple[Box, Role]], box: Box, role: Role) -> list[tuple[Box, Role]]:
    """Add a box; those that it overlaps become one with it and keep whose signature it is."""
    apart: list[tuple[Box, Role]] = []
    for one, known in found:
        if _overlap(box, one):
            box, role = around([box, one]), known or role
        else:
            apart.append((one, known))
    return [*apart, (box, role)]


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
        asked = _open_label(row)
        if asked is not None:
            height, (_, top, right, bottom) = row.height, row.box
            yield (
                (right, top - height // 2, right + round(_WIDTH_LINES * height),
                 bottom + height // 2),
                asked, height,
            )  # fmt: skip
        for word in row.words:
            if any(starts_nearly(bare(word.text), one) for one in _LABELS):
                left, top, right, bottom = word.box
                height = row.height
                yield (
                    (left - 2 * height, top - 4 * height, right + 14 * height, bottom + height),
                    "", height,
                )  # fmt: skip


def _open_label(row: TextRow) -> Role | None:
    """Return whose name is asked for at the end of a line where no name was read, None if none."""
    if not row.words[-1].text.endswith(":"):
        return None
    labels = load_lexicon().labels
    words = [bare(word.text) for word in row.words[-_LONGEST_LABEL:]]
    found = (nearest(" ".join(words[first:]), labels) for first in range(len(words)))
    label = next((one for one in found if one), None)
    return labels[label] if label else None


def _is_letter(rows: Sequence[TextRow]) -> bool:
    """Say whether a page holds prose: on plans single words with drawn lines are no signatures."""
    prose = sum(
        sum(word.text[:1].isalpha() for word in row.words) >= _WORDS_OF_PROSE for row in rows
    )
    return prose >= _LINES_OF_PROSE


def _ink(
    gray: NDArray[np.uint8], region: Box, printed: Sequence[TextRow], height: int
) -> Iterator[Box]:
    """Yield boxes of strokes that begin in a region; a stroke is followed beyond its border."""
    window = _grown(region, round(_BEYOND_LINES * height), gray.shape)
    core = _grown(region, 0, gray.shape)
    left, top, right, bottom = window
    if core[2] - core[0] < height or core[3] - core[1] < height:
        return
    ink = _ink_mask(gray[top:bottom, left:right], height)
    ink &= 1 - _straight(ink, round(_RULE_LINES * height))
    prints = [row.box for row in printed]
    strokes = _without_letters(ink, prints, (left, top), height)
    straight = _straight(strokes, round(_WALL_LINES * height))
    wide, high = (max(3, round(share * height)) for share in _JOIN_LINES)
    joined = cv2.dilate(strokes, np.ones((high, wide), np.uint8))
    count, labels = cv2.connectedComponents(joined)
    inner = (slice(core[1] - top, core[3] - top), slice(core[0] - left, core[2] - left))
    for number in range(1, count):
        own = (strokes & (labels == number)).astype(np.uint8)
        total = int(own.sum())
        inside = int(own[inner].sum())
        if not total or inside < _INSIDE_SHARE * total:
            continue
        if int((own & straight).sum()) > _STRAIGHT_SHARE * total or not _is_wavy(own):
            continue
        box = _box_of(own, (left, top))
        if not _is_sized(box, height):
            box = _box_of(own[inner], (core[0], core[1]))
        area = (box[2] - box[0]) * (box[3] - box[1])
        if _is_sized(box, height) and total <= _FILLED_SHARE * area:
            yield _grown(box, round(_PALE_ENDS_LINES * height), gray.shape)


def _grown(region: Box, margin: int, shape: tuple[int, ...]) -> Box:
    left, top, right, bottom = region
    return (
        max(0, left - margin), max(0, top - margin),
        min(shape[1], right + margin), min(shape[0], bottom + margin),
    )  # fmt: skip


def _straight(ink: NDArray[np.uint8], length: int) -> NDArray[np.uint8]:
    """Return ink in straight runs, level or upright: rules of forms and walls of plans."""
    length = max(3, length)
    level = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    upright = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((length, 1), np.uint8))
    return np.asarray(level | upright, dtype=np.uint8)


def _is_wavy(ink: NDArray[np.uint8]) -> bool:
    """Say whether rows of pixels meet strokes again and again: arcs and holes they meet once."""
    filled = ink[ink.any(axis=1)].astype(np.int8)
    begins = np.diff(filled, axis=1, prepend=np.int8(0)) == 1
    return float(begins.sum()) >= _STROKES_PER_ROW * len(filled)


def _box_of(ink: NDArray[np.uint8], corner: tuple[int, int]) -> Box:
    left, top, width, height = cv2.boundingRect(ink)
    return corner[0] + left, corner[1] + top, corner[0] + left + width, corner[1] + top + height


def _is_sized(box: Box, height: int) -> bool:
    return (
        box[2] - box[0] >= _SMALLEST_WIDTH_LINES * height
        and _SMALLEST_HEIGHT_LINES * height <= box[3] - box[1] <= _LARGEST_HEIGHT_LINES * height
    )


def _ink_mask(crop: NDArray[np.uint8], height: int) -> NDArray[np.uint8]:
    """Tell ink from paper that may be dark, shaded or noisy; pale ink counts above the noise."""
    smooth = cv2.GaussianBlur(crop, (0, 0), max(_LEAST_BLUR_PX, _BLUR_LINES * height))
    small = cv2.resize(smooth, None, fx=_PAPER_SCALE, fy=_PAPER_SCALE, interpolation=cv2.INTER_AREA)
    paper = cv2.medianBlur(small, _PAPER_MEDIAN)
    paper = cv2.resize(paper, (crop.shape[1], crop.shape[0]), interpolation=cv2.INTER_LINEAR)
    darker = paper.astype(np.float32) - smooth
    middle = float(np.median(darker))
    noise = _MAD_TO_SIGMA * float(np.median(np.abs(darker - middle)))
    deepest = float(np.percentile(darker, _INK_PERCENTILE))
    least = max(middle + _NOISE_TIMES * noise, _INK_SHARE * deepest, _LEAST_CONTRAST)
    return np.asarray(darker > least, dtype=np.uint8)


def _without_letters(
    ink: NDArray[np.uint8], prints: Sequence[Box], corner: tuple[int, int], height: int
) -> NDArray[np.uint8]:
    """Take out specks and what lies inside printed lines; what reaches beyond one stays whole."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink)
    kept = stats[:, cv2.CC_STAT_AREA] >= max(_LEAST_SPECK_PX, _SPECK_LINES * height**2)
    kept[0] = False
    for number in np.flatnonzero(kept):
        x, y, width, tall = (int(one) for one in stats[number][:4])
        x, y = x + corner[0], y + corner[1]
        box = (x, y, x + width, y + tall)
        kept[number] = not any(_inside(box, one) for one in prints)
    return np.asarray(kept[labels], dtype=np.uint8)


def _inside(box: Box, print_box: Box) -> bool:
    left, top, right, bottom = print_box
    spare = round(_SPARE_LINES * (bottom - top))
    return (
        box[0] >= left - spare and box[2] <= right + spare
        and box[1] >= top - spare and box[3] <= bottom + spare
    )  # fmt: skip


def _printed(rows: Sequence[TextRow]) -> list[TextRow]:
    """Return the lines that are print, not scrawls in which somebody read letters.

    A scrawl is higher than the lines around it, its reading doubtful or without real words.
    """
    usual = float(np.median([row.height for row in rows])) if rows else 0.0
    return [row for row in rows if _is_print(row, usual)]


def _is_print(row: TextRow, usual_height: float) -> bool:
    sure = sum(word.confidence for word in row.words) / len(row.words)
    if row.height > _SCRAWL_HEIGHT * usual_height or sure < _SCRAWL_CONFIDENCE:
        return closing_role(row) is not None
    if closing_role(row) is not None or name_at(row, 0):
        return True
    return sum(len(bare(word.text)) >= 3 for word in row.words) * 2 >= len(row.words)


def _overlap(one: Box, other: Box) -> bool:
    both = around([one, other])
    return (both[2] - both[0] < one[2] - one[0] + other[2] - other[0]) and (
        both[3] - both[1] < one[3] - one[1] + other[3] - other[1]
    )
