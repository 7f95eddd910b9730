"""What the other modules see of a page: placed words, the right way up, from any source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from apps.archivair.documents.look import PageLook
from apps.archivair.reading import PageReading

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class PlacedWord:
    """One word.

    Args:
        text: Its characters.
        box: Left, top, right, bottom in pixels of the page turned upright.
        source_box: The same in pixels of the delivered page image.
        confidence: Estimated probability that every character is right, 0 to 1.
    """

    text: str
    box: Box
    source_box: Box
    confidence: float = 1.0


@dataclass(frozen=True)
class PlacedLine:
    """One line of words.

    Args:
        words: From left to right, at least one.
        block: Number of the paragraph, form row or stamp on its page.
    """

    words: tuple[PlacedWord, ...]
    block: int = 0

    @cached_property
    def text(self) -> str:
        """Words joined by blanks."""
        return " ".join(word.text for word in self.words)

    @cached_property
    def box(self) -> Box:
        """Box around all words, upright pixels."""
        return union([word.box for word in self.words])


@dataclass(frozen=True)
class PageContent:
    """One page of a stream.

    Args:
        number: Place in the stream, from 1.
        width: Width in pixels, the right way up.
        height: Height in pixels, the right way up.
        lines: Lines in reading order; empty when nothing was read.
        dpi: Dots per inch if known.
        script: "antiqua", "typewriter", "fraktur", "drawing" or "" when unknown.
        is_blank: True for a page without ink, such as the back of a sheet.
        look: What the picture shows without reading; None when no picture was measured.
    """

    number: int
    width: float
    height: float
    lines: tuple[PlacedLine, ...] = ()
    dpi: float | None = None
    script: str = ""
    is_blank: bool = False
    look: PageLook | None = None

    @cached_property
    def text(self) -> str:
        """One text line per line."""
        return "\n".join(line.text for line in self.lines)


def union(boxes: Sequence[Box]) -> Box:
    """Return the box around boxes.

    Args:
        boxes: At least one.
    """
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )


def turn_box(box: Sequence[float], width: float, height: float, rotation_deg: int) -> Box:
    """Turn a box with its page.

    Args:
        box: Left, top, right, bottom in pixels of the page before the turn.
        width: Width of the page before the turn in pixels.
        height: Height of the page before the turn in pixels.
        rotation_deg: Clockwise turn of the page: 0, 90, 180 or 270.

    Returns:
        The box on the turned page, pixels.
    """
    left, top, right, bottom = box
    if rotation_deg == 90:
        return height - bottom, left, height - top, right
    if rotation_deg == 180:
        return width - right, height - bottom, width - left, height - top
    if rotation_deg == 270:
        return top, width - right, bottom, width - left
    return left, top, right, bottom


def page_content(
    reading: PageReading, number: int, *, is_blank: bool = False, look: PageLook | None = None
) -> PageContent:
    """Return what was read on a page as input of this package.

    Args:
        reading: The page's reading.
        number: Place in the stream, from 1.
        is_blank: Whether the scan check called the page blank.
        look: What the picture shows.
    """
    turns = reading.rotation_deg
    lines = tuple(
        PlacedLine(
            tuple(
                PlacedWord(
                    word.text,
                    turn_box(word.box, reading.width, reading.height, turns),
                    word.box,
                    word.confidence,
                )
                for word in line.words
            ),
            block,
        )
        for block, lines_of_block in enumerate(reading.blocks)
        for line in lines_of_block
    )
    lies = turns in (90, 270)
    return PageContent(
        number=number,
        width=reading.height if lies else reading.width,
        height=reading.width if lies else reading.height,
        lines=lines,
        dpi=reading.dpi,
        script=reading.script,
        is_blank=is_blank,
        look=look,
    )
