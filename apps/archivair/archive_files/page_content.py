"""What goes into a page of an archive file: its image and the words that stand on it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.archivair.reading import PageReading

Box = tuple[int, int, int, int]
DEFAULT_DPI = 300.0


@dataclass(frozen=True, slots=True)
class PageWord:
    """A word and where it stands.

    Args:
        text: Its characters.
        box: Left, top, right, bottom in pixels of the page image.
        confidence: Estimated probability that it was read rightly, 0 to 1.
    """

    text: str
    box: Box
    confidence: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class ArchivePage:
    """A page of an archive file.

    Args:
        image: Grey (height, width) or red, green, blue (height, width, 3), 0 to 255.
        dpi: Dots per inch.
        lines: Words of each line, lines in reading order.
    """

    image: NDArray[np.uint8]
    dpi: float
    lines: tuple[tuple[PageWord, ...], ...] = ()

    @property
    def text(self) -> str:
        """Words of all lines, a line per row."""
        return "\n".join(" ".join(word.text for word in line) for line in self.lines)


def upright_page(image: NDArray[np.uint8], reading: PageReading) -> ArchivePage:
    """Turn a page and what was read on it the right way up.

    Args:
        image: The page image that was read; grey or colour.
        reading: What was read on it.
    """
    turns = reading.rotation_deg // 90 % 4
    height, width = image.shape[:2]
    lines = tuple(
        tuple(
            PageWord(
                unicodedata.normalize("NFC", word.text),
                _turned(word.box, turns, width, height),
                word.confidence,
            )
            for word in line.words
        )
        for line in reading.lines
    )
    turned = np.ascontiguousarray(np.rot90(image, -turns)) if turns else image
    return ArchivePage(turned, reading.dpi or DEFAULT_DPI, lines)


def _turned(box: Sequence[int], turns: int, width: int, height: int) -> Box:
    """Carry a box along with quarter turns clockwise."""
    left, top, right, bottom = box
    for _ in range(turns):
        left, top, right, bottom = height - bottom, left, height - top, right
        width, height = height, width
    return left, top, right, bottom
