"""What is written by hand or stamped: signatures, notes, stamps, seals; no real writing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from shared.demo_city.building_files.fonts import load_font
from shared.demo_city.building_files.rich import Mark, Rich, text_of
from shared.demo_city.building_files.sheet import (
    AreaKind,
    Box,
    Line,
    Sheet,
    Span,
    Style,
    as_set,
    join_boxes,
)
from shared.demo_city.vectors.frames import dot

INKS: Final = ((0.20, 0.22, 0.55), (0.62, 0.16, 0.20), (0.35, 0.16, 0.45), (0.12, 0.36, 0.22))
"""Blue, red, violet and green ink: share of red, green and blue light that comes back."""


def strokes(rng: np.random.Generator, width_mm: float, height_mm: float) -> NDArray[np.float64]:
    """Return a path that looks like a word written by hand.

    Args:
        rng: Random stream.
        width_mm: Length [mm].
        height_mm: Height of small letters [mm].

    Returns:
        Points from the start on the base line, right and down, shape (number of points, 2) [mm].
    """
    turns = max(4, int(width_mm / height_mm * 1.5))
    t = np.linspace(0, turns, turns * 9)
    sizes = np.repeat(rng.choice((0.7, 1.0, 1.0, 2.1), turns + 1), 9)[: len(t)]
    phase = 2 * np.pi * t + rng.uniform(-0.5, 0.5)
    smooth = np.convolve(sizes, np.ones(5) / 5, mode="same")
    up = (1 - np.cos(phase)) / 2 * height_mm * smooth
    slant = 0.45 * up
    x = t / turns * width_mm + slant + 0.32 * height_mm * np.sin(phase)
    drop = np.where(rng.random(turns + 1) < 0.15, 1.4, 0.0)
    y = -up + np.repeat(drop, 9)[: len(t)] * height_mm * (np.sin(phase) < 0)
    return np.stack([x, y], axis=1)


def sign(sheet: Sheet, x_mm: float, y_mm: float, role: str) -> None:
    """Draw a signature.

    Args:
        sheet: The sheet.
        x_mm: Where it begins [mm].
        y_mm: Its base line [mm].
        role: Whose signature it is.
    """
    rng = sheet.rng
    width, height = rng.uniform(24, 42), rng.uniform(2.2, 3.6)
    path = strokes(rng, width, height)
    path[:9, 1] *= 2.2
    flourish = np.array([(width + 5, -height * 0.4), (width * 0.3, height * 0.8)])
    points = np.add(np.concatenate([path, flourish]), (x_mm, y_mm))
    box = _draw(sheet, points, rng.uniform(0.3, 0.55))
    sheet.mark_area("signature", box, Mark(category="signature", role=role))


def scribble(sheet: Sheet, x_mm: float, y_mm: float, width_mm: float, lines: int) -> float:
    """Draw a block of writing by hand.

    Args:
        sheet: The sheet.
        x_mm: Left edge [mm].
        y_mm: Base line of the first line [mm].
        width_mm: Width [mm].
        lines: Number of lines.

    Returns:
        Where the block ends [mm].
    """
    rng, boxes = sheet.rng, []
    height, pen = rng.uniform(1.8, 2.8), rng.uniform(0.25, 0.45)
    tilt = rng.uniform(-0.03, 0.01)
    for number in range(lines):
        x = x_mm + rng.uniform(0, 4)
        end = x_mm + width_mm * (rng.uniform(0.4, 0.8) if number == lines - 1 else 1)
        while x < end:
            word = float(rng.uniform(7, 24))
            base = y_mm + tilt * (x - x_mm) + rng.normal(0, 0.3)
            boxes.append(_draw(sheet, np.add(strokes(rng, word, height), (x, base)), pen))
            x += word + rng.uniform(2.5, 4.5)
        y_mm += 3.4 * height
    sheet.mark_area("handwriting", join_boxes(boxes))
    return float(y_mm)


def _draw(sheet: Sheet, points_mm: NDArray[np.float64], pen_mm: float) -> Box:
    """Draw a path with a pen; return the box of its ink [px]."""
    flat = points_mm * sheet.px(1)
    wide = max(1, round(sheet.px(pen_mm)))
    ink = int(sheet.rng.integers(25, 90))
    sheet.draw.line([(x, y) for x, y in flat.tolist()], fill=ink, width=wide, joint="curve")
    low, high = flat.min(axis=0) - wide, flat.max(axis=0) + wide
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


@dataclass(frozen=True, slots=True)
class Stamp:
    """A stamp.

    Args:
        lines: Its text.
        x_mm: Its middle from the left [mm].
        y_mm: Its middle from above [mm].
        angle_deg: Its tilt, positive counter-clockwise.
        shape: 0 frame, 1 double frame, 2 none, 3 round.
        style: How its text is set.
    """

    lines: tuple[Rich, ...]
    x_mm: float
    y_mm: float
    angle_deg: float
    shape: int
    style: Style


def press(sheet: Sheet, stamp: Stamp) -> None:
    """Press a stamp onto a sheet in coloured ink; its text is lines of a block of their own.

    Args:
        sheet: The sheet.
        stamp: The stamp.
    """
    font = load_font(stamp.style.font, sheet.size_px(stamp.style))
    step = sheet.px(sheet.leading_mm(stamp.style))
    texts = [as_set(text_of(line), stamp.style) for line in stamp.lines]
    pad = 0.5 * step
    wide = max(font.getlength(text) for text in texts) + 2 * pad
    high = step * len(texts) + 2 * pad
    if stamp.shape == 3:
        wide = high = 1.15 * float(np.hypot(wide, high))
    patch = Image.new("L", (int(wide) + 4, int(high) + 4), 0)
    draw = ImageDraw.Draw(patch)
    _outline(draw, stamp.shape, wide, high, max(1, round(sheet.px(0.4))))
    turn = cv2.getRotationMatrix2D((wide / 2, high / 2), stamp.angle_deg, 1)
    turn[:, 2] += sheet.px(stamp.x_mm) - wide / 2, sheet.px(stamp.y_mm) - high / 2
    sheet.block += 1
    top = (high - step * len(texts)) / 2
    for number, (line, text) in enumerate(zip(stamp.lines, texts, strict=True)):
        x, y = (wide - font.getlength(text)) / 2, top + (number + 0.8) * step
        draw.text((x, y), text, font=font, fill=255, anchor="ls")
        _remember(sheet, line, stamp.style, (x, y), turn)
    _paste(sheet, np.array(patch), turn)
    kind: AreaKind = "seal" if stamp.shape == 3 else "stamp"
    corners = np.array([(0, 0), (wide, 0), (wide, high), (0, high)])
    sheet.mark_area(kind, _around(corners, turn))


def _outline(draw: ImageDraw.ImageDraw, shape: int, wide: float, high: float, pen: int) -> None:
    if shape == 3:
        draw.ellipse((1, 1, wide, high), outline=255, width=pen)
        draw.ellipse((pen * 4, pen * 4, wide - pen * 4, high - pen * 4), outline=255, width=pen)
        return
    if shape in {0, 1}:
        draw.rectangle((1, 1, wide, high), outline=255, width=pen)
    if shape == 1:
        gap = 3 * pen
        draw.rectangle((gap, gap, wide - gap, high - gap), outline=255, width=pen)


def _remember(
    sheet: Sheet, line: Rich, style: Style, pen: tuple[float, float], turn: NDArray[np.float64]
) -> None:
    """Remember a line of a stamp, word by word."""
    font = load_font(style.font, sheet.size_px(style))
    x, y = pen
    number = len(sheet.lines)
    words: list[tuple[str, tuple[float, float, float, float]]] = []
    for piece in line:
        for mark in piece.marks:
            text = as_set(piece.text, style)
            box = _text_box(font, text, x, y, turn)
            sheet.spans.append(Span(mark, text, box, number))
        start = x
        for word in as_set(piece.text, style).split():
            found = as_set(piece.text, style).index(word)
            start = x + font.getlength(as_set(piece.text, style)[:found])
            words.append((word, _text_box(font, word, start, y, turn)))
        x += font.getlength(as_set(piece.text, style))
    sheet.lines.append(Line(" ".join(word for word, _ in words), words, style.script, sheet.block))


def _text_box(
    font: object, text: str, x: float, y: float, turn: NDArray[np.float64]
) -> tuple[float, float, float, float]:
    left, top, right, bottom = font.getbbox(text, anchor="ls")  # type: ignore[attr-defined]
    box = (x + left - 1, y + top - 1, x + right + 1, y + bottom + 1)
    return _around(np.array([box[:2], (box[2], box[1]), box[2:], (box[0], box[3])]), turn)


def _around(
    corners: NDArray[np.float64], turn: NDArray[np.float64]
) -> tuple[float, float, float, float]:
    moved = np.column_stack([dot(corners, row[:2]) + row[2] for row in turn[:2]])
    low, high = moved.min(axis=0), moved.max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def _paste(sheet: Sheet, patch: NDArray[np.uint8], turn: NDArray[np.float64]) -> None:
    """Put a stamp into the layer of coloured ink, uneven as stamps are."""
    wide, high = sheet.image.size
    uneven = sheet.rng.uniform(0.35, 1.0, (4, 4)).astype(np.float32)
    strength = cv2.resize(uneven, (patch.shape[1], patch.shape[0]), interpolation=cv2.INTER_CUBIC)
    inked = np.clip(patch * np.clip(strength, 0.25, 1), 0, 255).astype(np.uint8)
    moved = cv2.warpAffine(inked, turn, (wide, high))
    before = sheet.colour
    sheet.colour = np.asarray(moved if before is None else cv2.max(before, moved), dtype=np.uint8)
