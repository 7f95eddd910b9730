"""Parts of drawings: walls, chains of measures, turned labels, the title block."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from shared.demo_city.building_files.flow import Flow
from shared.demo_city.building_files.fonts import load_font
from shared.demo_city.building_files.rich import Rich
from shared.demo_city.building_files.sheet import Line, Sheet, Style


@dataclass(frozen=True, slots=True)
class Room:
    """A room of a plan [mm on paper].

    Args:
        x: Left edge.
        y: Upper edge.
        width: Width.
        height: Height.
    """

    x: float
    y: float
    width: float
    height: float


def split_rooms(room: Room, rng: np.random.Generator, least_mm: float) -> list[Room]:
    """Split a rectangle into rooms.

    Args:
        room: The rectangle.
        rng: Random stream.
        least_mm: Smallest side of a room.
    """
    along_x = room.width >= room.height
    side = room.width if along_x else room.height
    if side < 2 * least_mm or (side < 3 * least_mm and rng.random() < 0.25):
        return [room]
    cut = float(rng.uniform(least_mm, side - least_mm))
    if along_x:
        parts = [Room(room.x, room.y, cut, room.height),
                 Room(room.x + cut, room.y, room.width - cut, room.height)]  # fmt: skip
    else:
        parts = [Room(room.x, room.y, room.width, cut),
                 Room(room.x, room.y + cut, room.width, room.height - cut)]  # fmt: skip
    return [one for part in parts for one in split_rooms(part, rng, least_mm)]


def walls(sheet: Sheet, room: Room, thick_mm: float) -> None:
    """Draw the walls of a room.

    Args:
        sheet: The sheet.
        room: The room.
        thick_mm: Thickness of the walls [mm].
    """
    x0, y0, x1, y1 = room.x, room.y, room.x + room.width, room.y + room.height
    sheet.stroke([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)], thick_mm, 35)


def opening(sheet: Sheet, x_mm: float, y_mm: float, width_mm: float, *, door: bool) -> None:
    """Cut a window or a door into a wall that runs across the sheet.

    Args:
        sheet: The sheet.
        x_mm: Its left edge.
        y_mm: Middle of the wall.
        width_mm: Its width.
        door: Whether it is a door.
    """
    half = 0.9
    sheet.draw.rectangle(
        [sheet.px(x_mm), sheet.px(y_mm - half), sheet.px(x_mm + width_mm), sheet.px(y_mm + half)],
        fill=255,
    )
    if door:
        arc = [(x_mm + width_mm * np.cos(a), y_mm - width_mm * np.sin(a))
               for a in np.linspace(0, np.pi / 2, 9)]  # fmt: skip
        sheet.stroke(arc, 0.15, 70)
        sheet.stroke([(x_mm, y_mm), arc[-1]], 0.3, 50)
        return
    for shift in (-half, 0.0, half):
        sheet.stroke([(x_mm, y_mm + shift), (x_mm + width_mm, y_mm + shift)], 0.15, 50)


def chain(
    sheet: Sheet, stops_mm: Sequence[float], at_mm: float, style: Style, *, upright: bool,
    scale: float = 10.0,
) -> None:  # fmt: skip
    """Draw a chain of measures with its figures.

    Args:
        sheet: The sheet.
        stops_mm: Where the measures begin and end, along the chain.
        at_mm: Where the chain lies across.
        style: How the figures are set.
        upright: Whether the chain runs up the sheet, with turned figures.
        scale: How many millimetres of paper are a metre.
    """

    def point(along: float, across: float) -> tuple[float, float]:
        return (across, along) if upright else (along, across)

    sheet.stroke([point(stops_mm[0] - 2, at_mm), point(stops_mm[-1] + 2, at_mm)], 0.15, 50)
    for stop in stops_mm:
        sheet.stroke([point(stop - 0.9, at_mm + 0.9), point(stop + 0.9, at_mm - 0.9)], 0.3, 40)
    for start, end in pairwise(stops_mm):
        if end - start < 7:
            continue
        text = f"{(end - start) / scale:.2f}".replace(".", ",")
        middle = (start + end) / 2
        sheet.block += 1
        if upright:
            turned_line(sheet, at_mm - 0.8, middle + 3.5, text, style)
        else:
            sheet.line(middle - 3.5, at_mm - 0.8, text, style)


def turned_line(sheet: Sheet, x_mm: float, y_mm: float, text: str, style: Style) -> None:
    """Set a line that runs up the sheet.

    Args:
        sheet: The sheet.
        x_mm: Its base line [mm].
        y_mm: Where it begins, below [mm].
        text: Its text.
        style: How it is set.
    """
    font = load_font(style.font, sheet.size_px(style))
    left, top, right, bottom = font.getbbox(text, anchor="ls")
    wide, high = int(right - left) + 2, int(bottom - top) + 2
    patch = Image.new("L", (wide, high), 0)
    ImageDraw.Draw(patch).text((1 - left, 1 - top), text, font=font, fill=255, anchor="ls")
    turned = patch.transpose(Image.Transpose.ROTATE_90)
    x, y = round(sheet.px(x_mm) + top), round(sheet.px(y_mm) - wide)
    sheet.image.paste(style.ink, (x, y), turned)
    words = []
    for found in re.finditer(r"\S+", text):
        start, end = (font.getlength(text[:at]) for at in found.span())
        upper, lower = y + wide - end - 1, y + wide - start + 2
        words.append(
            (found[0], (float(x) - 1, float(upper) - 1, float(x + high) + 1, float(lower)))
        )
    sheet.lines.append(Line(text, words, style.script, sheet.block))


def title_block(flow: Flow, rows: Sequence[tuple[str, Rich | str]], width_mm: float) -> None:
    """Set the title block in the lower right corner.

    Args:
        flow: The page.
        rows: Labels and values, from above.
        width_mm: Its width [mm].
    """
    sheet = flow.sheet
    style = flow.facts.family.plan_style(9.0)
    if flow.era.first_year >= 1976:
        style = Style(f"{flow.facts.family.sans}_400", 8.5, "antiqua")
    elif sheet.rng.random() < 0.3:
        style = flow.typed
    step = sheet.leading_mm(style) + 1.8
    high = step * len(rows) + 3
    left, low = sheet.width_mm - 10 - width_mm, sheet.height_mm - 10
    sheet.draw.rectangle(
        [sheet.px(left), sheet.px(low - high), sheet.px(left + width_mm), sheet.px(low)], fill=255
    )
    sheet.frame((left, low - high, left + width_mm, low), 0.5)
    sheet.block += 1
    y = low - high
    for label, value in rows:
        y += step
        content = flow.rich(value) if isinstance(value, str) else value
        lines = sheet.break_lines(content, style, width_mm - 34)
        end = sheet.line(left + 2, y, f"{label}:", style)
        sheet.more(max(left + 30, end + 1.5), y, lines[0], style)
        sheet.stroke([(left, y + 1.6), (left + width_mm, y + 1.6)], 0.15, 90)


def north_arrow(sheet: Sheet, x_mm: float, y_mm: float, style: Style) -> None:
    """Draw a north arrow.

    Args:
        sheet: The sheet.
        x_mm: Its middle [mm].
        y_mm: Its top [mm].
        style: How its letter is set.
    """
    sheet.stroke([(x_mm, y_mm + 16), (x_mm, y_mm), (x_mm - 2.5, y_mm + 6), (x_mm + 2.5, y_mm + 6),
                  (x_mm, y_mm)], 0.4)  # fmt: skip
    sheet.block += 1
    sheet.line(x_mm - 1.5, y_mm - 1.5, "N", style)
