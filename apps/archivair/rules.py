"""Vertical rules between columns: text is cut at them, and they are not read as letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from apps.archivair.clean import CleanPage
from apps.archivair.lines import TextBox, ink_mask, median_height

SEARCH_SIDE_PX = 1800
MIN_LENGTH = 6.0
MAX_WIDTH = 0.35
MAX_BREAK = 0.15
MIN_SIDE = 0.8
WHITE = 255


@dataclass(frozen=True, slots=True)
class Rule:
    """A vertical line in pixels of the cleaned page."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def x(self) -> float:
        """Middle in x."""
        return (self.left + self.right) / 2


def find_rules(ink: NDArray[np.bool_], line_height: float) -> list[Rule]:
    """Find thin vertical strokes at least six lines long.

    Args:
        ink: Ink of the cleaned page.
        line_height: Usual height of a line in pixels.
    """
    scale = min(1.0, SEARCH_SIDE_PX / max(ink.shape))
    gray = cv2.resize(
        ink.astype(np.uint8) * WHITE, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
    )
    unit = line_height * scale
    strokes = cv2.dilate((gray > WHITE // 4).astype(np.uint8), np.ones((1, 3), np.uint8))
    bridge = np.ones((max(1, round(MAX_BREAK * unit)), 1), np.uint8)
    strokes = cv2.morphologyEx(strokes, cv2.MORPH_CLOSE, bridge)
    strokes = cv2.morphologyEx(
        strokes, cv2.MORPH_OPEN, np.ones((max(3, round(MIN_LENGTH / 2 * unit)), 1), np.uint8)
    )
    count, _, stats, _ = cv2.connectedComponentsWithStats(strokes)
    found = []
    for number in range(1, count):
        left, top, width, height, _ = (int(value) for value in stats[number])
        if height >= MIN_LENGTH * unit and width <= max(5, MAX_WIDTH * unit):
            edges = (left, top, left + width, top + height)
            found.append(Rule(*(edge / scale for edge in edges)))
    return found


def cut_at_rules(
    clean: CleanPage, boxes: Sequence[TextBox]
) -> tuple[CleanPage, list[TextBox], list[Rule]]:
    """Cut pieces of text that reach over a rule and take the rules out of the page.

    Args:
        clean: The page.
        boxes: Pieces of text.

    Returns:
        The page without rules, the pieces cut, the rules.
    """
    if not boxes:
        return clean, [], []
    usual = median_height(boxes)
    rules = find_rules(ink_mask(clean), usual)
    if not rules:
        return clean, list(boxes), []
    image = clean.image.copy()
    for rule in rules:
        image[int(rule.top) : int(rule.bottom) + 1, int(rule.left) : int(rule.right) + 1] = WHITE
    without = replace(clean, image=image)
    ink = ink_mask(without)
    cut = [part for box in boxes for part in _cut(box, rules, ink, usual)]
    return without, cut, rules


def _cut(
    box: TextBox, rules: Sequence[Rule], ink: NDArray[np.bool_], usual: float
) -> list[TextBox]:
    crossed = [
        rule
        for rule in sorted(rules, key=lambda rule: rule.left)
        if rule.top <= box.middle <= rule.bottom
        and box.left + MIN_SIDE * usual < rule.left
        and rule.right < box.right - MIN_SIDE * usual
    ]
    if not crossed:
        return [box]
    starts = [box.left, *(rule.right for rule in crossed)]
    ends = [*(rule.left for rule in crossed), box.right]
    parts = [_part(box, start, end, ink) for start, end in zip(starts, ends, strict=True)]
    return [part for part in parts if part is not None]


def _part(box: TextBox, start: float, end: float, ink: NDArray[np.bool_]) -> TextBox | None:
    """Return the stretch of a piece between two places, drawn in to its ink; None without ink."""
    rise = abs(box.slope) * box.width / 2
    rows = slice(max(0, round(box.top - rise)), max(0, round(box.bottom + rise)))
    left = max(0, round(start))
    columns = np.flatnonzero(ink[rows, left : max(left, round(end))].any(axis=0))
    if len(columns) == 0:
        return None
    first, last = left + int(columns[0]), left + int(columns[-1]) + 1
    shift = box.slope * ((first + last) / 2 - (box.left + box.right) / 2)
    return replace(box, left=first, right=last, top=box.top + shift, bottom=box.bottom + shift)
