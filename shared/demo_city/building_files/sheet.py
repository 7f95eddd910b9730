"""A white sheet that text is set on; it remembers where every word and every field stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from shared.demo_city.building_files.fonts import (
    LONG_S,
    WITHOUT_LONG_S,
    load_font,
    long_s,
    long_s_mask,
)
from shared.demo_city.building_files.rich import Mark, Piece, Rich, Token, plain, words_of

Gray = NDArray[np.uint8]
Box = tuple[float, float, float, float]
Script = Literal["fraktur", "antiqua", "typewriter", "drawing"]
AreaKind = Literal["handwriting", "signature", "photo", "stamp", "seal", "drawing"]
MM_PER_INCH: Final = 25.4
PT_PER_INCH: Final = 72
EDGE_PX: Final = 1.0
"""Boxes are this much larger than the ink, for its soft edge."""


@dataclass(frozen=True, slots=True)
class Style:
    """How text is set.

    Args:
        font: Font, see `fonts.py`.
        size_pt: Size [pt].
        script: What the text counts as.
        is_struck: Whether letters are struck one by one as by a typewriter.
        slack: How unevenly a typewriter strikes; 1 is a well-kept one.
        ink: Grey of the ink, 0 black.
        leading: Distance of lines as a multiple of the size.
    """

    font: str
    size_pt: float
    script: Script
    is_struck: bool = False
    slack: float = 1.0
    ink: int = 25
    leading: float = 1.32


@dataclass(slots=True)
class Line:
    """One line of text.

    Args:
        text: What stands there.
        words: Words with their quads, shape (number of words, 4, 2) once they are joined.
        script: Script of the line.
        block: Number of its block.
    """

    text: str
    words: list[tuple[str, Box]]
    script: Script
    block: int


@dataclass(slots=True)
class Span:
    """A piece of a line that means something.

    Args:
        mark: What it means.
        text: Its text.
        box: Where it stands [px].
        line: Number of the line; -1 for what has no text.
        part: Number of the piece of one mark that was broken over lines.
    """

    mark: Mark
    text: str
    box: Box
    line: int
    part: int = 0


@dataclass(slots=True)
class Area:
    """A place on the sheet that is not text to be read.

    Args:
        kind: What it is.
        box: Where it lies [px].
    """

    kind: AreaKind
    box: Box


@dataclass(slots=True)
class Sheet:
    """A white sheet.

    Args:
        width_mm: Width [mm].
        height_mm: Height [mm].
        dpi: Dots per inch.
        rng: Random stream of its slips.
    """

    width_mm: float
    height_mm: float
    dpi: int
    rng: np.random.Generator
    lines: list[Line] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    areas: list[Area] = field(default_factory=list)
    block: int = 0
    colour: Gray | None = None
    colour_rgb: tuple[float, float, float] = (0.2, 0.25, 0.55)
    image: Image.Image = field(init=False)
    draw: ImageDraw.ImageDraw = field(init=False)

    def __post_init__(self) -> None:
        size = self.px(self.width_mm), self.px(self.height_mm)
        self.image = Image.new("L", (round(size[0]), round(size[1])), 255)
        self.draw = ImageDraw.Draw(self.image)

    def px(self, millimetres: float) -> float:
        """Return a length in pixels."""
        return millimetres / MM_PER_INCH * self.dpi

    def size_px(self, style: Style) -> float:
        """Return the height of the em square in pixels."""
        return round(style.size_pt * self.dpi / PT_PER_INCH, 1)

    def leading_mm(self, style: Style) -> float:
        """Return the distance of two lines [mm]."""
        return style.size_pt * style.leading / PT_PER_INCH * MM_PER_INCH

    def width_of(self, token: Token, style: Style) -> float:
        """Return the width of a word [px]."""
        font = load_font(style.font, self.size_px(style))
        return sum(font.getlength(as_set(piece.text, style)) for piece in token)

    def break_lines(self, rich: Rich, style: Style, width_mm: float) -> list[list[Token]]:
        """Break text into lines that fit.

        Args:
            rich: Text without line breaks.
            style: How it is set.
            width_mm: Room [mm].
        """
        room, blank = self.px(width_mm), self._blank(style)
        lines: list[list[Token]] = [[]]
        used = 0.0
        for token in words_of(rich):
            wide = self.width_of(token, style)
            if lines[-1] and used + blank + wide > room:
                lines.append([])
                used = 0.0
            used += wide + (blank if lines[-1] else 0.0)
            lines[-1].append(token)
        return lines

    def line(
        self, x_mm: float, y_mm: float, content: Rich | str | Sequence[Token], style: Style,
        *, spaced: bool = False,
    ) -> float:  # fmt: skip
        """Set one line and remember it as a line of the current block.

        Args:
            x_mm: Left edge [mm].
            y_mm: Base line [mm].
            content: Text, or its words.
            style: How it is set.
            spaced: Whether words are letter-spaced; their text is remembered closed up.

        Returns:
            Where it ends [mm].
        """
        self.lines.append(Line("", [], style.script, self.block))
        return self.more(x_mm, y_mm, content, style, spaced=spaced)

    def more(
        self, x_mm: float, y_mm: float, content: Rich | str | Sequence[Token], style: Style,
        *, spaced: bool = False,
    ) -> float:  # fmt: skip
        """Go on with the current line at another place; see `line`."""
        tokens = _tokens(content)
        line = self.lines[-1]
        x, y = self.px(x_mm), self.px(y_mm)
        extra = 0.28 * self.size_px(style) if spaced else 0.0
        for token in tokens:
            start, boxes, text = x, [], ""
            for piece in token:
                x, box, set_text = self._piece(x, y, piece, style, extra)
                boxes.append(box)
                text += set_text
                self._remember(piece, set_text, box)
            line.words.append((text, join_boxes(boxes)))
            x = max(x, start) + self._blank(style) + extra
        line.text = " ".join(text for text, _ in line.words)
        return (x - self._blank(style)) / self.dpi * MM_PER_INCH

    def mark_area(self, kind: AreaKind, box: Box, mark: Mark | None = None) -> None:
        """Remember a place that is not text to be read.

        Args:
            kind: What it is.
            box: Where it lies [px].
            mark: What it means as a personal datum.
        """
        self.areas.append(Area(kind, box))
        if mark is not None:
            self.spans.append(Span(mark, "", box, -1))

    def stroke(self, points: Sequence[tuple[float, float]], width_mm: float, ink: int = 30) -> None:
        """Draw a line through points [mm]."""
        flat = [(self.px(x), self.px(y)) for x, y in points]
        self.draw.line(flat, fill=ink, width=max(1, round(self.px(width_mm))), joint="curve")

    def frame(self, box_mm: Box, width_mm: float = 0.25, ink: int = 40) -> None:
        """Draw a frame [mm]."""
        flat = [self.px(edge) for edge in box_mm]
        self.draw.rectangle(flat, outline=ink, width=max(1, round(self.px(width_mm))))

    def _blank(self, style: Style) -> float:
        return load_font(style.font, self.size_px(style)).getlength(" ")

    def _remember(self, piece: Piece, text: str, box: Box) -> None:
        number = len(self.lines) - 1
        for mark in piece.marks:
            same = [one for one in self.spans if one.mark is mark]
            if same and same[-1].line == number:
                same[-1].text += f" {text}"
                same[-1].box = join_boxes([same[-1].box, box])
            else:
                self.spans.append(Span(mark, text, box, number, len(same)))

    def _piece(
        self, x: float, y: float, piece: Piece, style: Style, extra: float
    ) -> tuple[float, Box, str]:
        """Set a piece at a pen position; return the pen after it, the box of its ink, its text."""
        size = self.size_px(style)
        font = load_font(style.font, size)
        text = as_set(piece.text, style)
        slow = style.is_struck or extra or (LONG_S in text and style.font in WITHOUT_LONG_S)
        if not slow:
            self.draw.text((x, y), text, font=font, fill=style.ink, anchor="ls")
            box = font.getbbox(text, anchor="ls")
            return x + font.getlength(text), _grown(box, x, y, EDGE_PX), text
        boxes = []
        for char in text:
            boxes.append(self._letter(x, y, char, style, size))
            x += font.getlength("f" if char == LONG_S and style.font in WITHOUT_LONG_S else char)
            x += extra
        return x - extra, join_boxes(boxes), text

    def _letter(self, x: float, y: float, char: str, style: Style, size: float) -> Box:
        ink, slack = style.ink, style.slack * size
        if style.is_struck:
            slip = self.rng.normal(0, 1, 3)
            x += 0.012 * slack * float(slip[0])
            y += (0.016 if char.islower() else 0.03) * slack * float(slip[1])
            ink = int(np.clip(style.ink + 16 * style.slack * slip[2], 8, 165))
        if char == LONG_S and style.font in WITHOUT_LONG_S:
            mask, left, top = long_s_mask(style.font, size)
            place = round(x + left), round(y + top)
            self.draw.bitmap(place, mask, fill=ink)
            return _grown((0, 0, *mask.size), *place, EDGE_PX)
        font = load_font(style.font, size)
        self.draw.text((x, y), char, font=font, fill=ink, anchor="ls")
        return _grown(font.getbbox(char, anchor="ls"), x, y, EDGE_PX)


def _tokens(content: Rich | str | Sequence[Token]) -> list[Token]:
    """Return the words of text, or the words that are given."""
    if isinstance(content, str):
        return words_of(plain(content))
    words: list[Token] = []
    for part in content:
        if isinstance(part, Piece):
            return words_of([piece for piece in content if isinstance(piece, Piece)])
        words.append(part)
    return words


def as_set(text: str, style: Style) -> str:
    """Return text as it is printed: Fraktur with its two kinds of s.

    Args:
        text: Text.
        style: How it is set.
    """
    return long_s(text) if style.script == "fraktur" else text


def join_boxes(boxes: Sequence[Box]) -> Box:
    """Return the smallest box around boxes."""
    edges = np.array(boxes, dtype=np.float64)
    low, high = edges[:, :2].min(axis=0), edges[:, 2:].max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _grown(box: Sequence[float], x: float, y: float, edge: float) -> Box:
    return x + box[0] - edge, y + box[1] - edge, x + box[2] + edge, y + box[3] + edge


def ink_of(sheet: Sheet) -> Gray:
    """Return the pixels of a sheet, 0 black, as an array of its own."""
    return np.array(sheet.image, dtype=np.uint8)


def soften(image: Gray, sigma_px: float) -> Gray:
    """Blur an image."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px), dtype=np.uint8)
