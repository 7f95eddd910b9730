"""Drawings: site plan, cadastral map, floor plan, section and view, drainage plan; photographs."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from PIL import Image

from shared.demo_city.building_files.figure_pages import ROOMS
from shared.demo_city.building_files.flow import Flow
from shared.demo_city.building_files.plan_parts import (
    Room,
    chain,
    north_arrow,
    opening,
    split_rooms,
    title_block,
    turned_line,
    walls,
)
from shared.demo_city.building_files.written_pages import Builder


def _block_rows(flow: Flow) -> list[tuple[str, str]]:
    labels = flow.facts.family.labels
    rows = [
        (labels["vorhaben"], "{vorhaben}"), (labels["bauherr"], "{bauherr}"),
        (labels["grundstueck"], "{strasse} {nr}"), (labels["massstab"], "{massstab}"),
        (labels["plan_nr"], "{plan_nr}"), (labels["entwurfsverfasser"], "{architekt}"),
    ]  # fmt: skip
    if flow.sheet.rng.random() < 0.5:
        rows.insert(3, (labels["flurstueck"], "{flurstueck}"))
    return rows


def _head(flow: Flow, extra: bool = True) -> None:
    """Set the title of a drawing and its note."""
    style = flow.facts.family.plan_style(15)
    flow.y_mm = 14
    flow.paragraph(flow.rich(flow.pick("title")), style, gap_mm=1)
    if extra and flow.sheet.rng.random() < 0.7:
        flow.paragraph(flow.sentences(1)[0], flow.facts.family.plan_style(9))


def _drawn(flow: Flow, room: Room, edge: float = 8) -> None:
    px = flow.sheet.px
    box = (px(room.x - edge), px(room.y - edge), px(room.x + room.width + edge),
           px(room.y + room.height + edge))  # fmt: skip
    flow.sheet.mark_area("drawing", box)


def _canvas(flow: Flow) -> Room:
    """Return where a drawing has room."""
    sheet, rng = flow.sheet, flow.sheet.rng
    wide = (sheet.width_mm - 60) * rng.uniform(0.72, 0.95)
    high = (sheet.height_mm - 110) * rng.uniform(0.72, 0.95)
    return Room(32 + float(rng.uniform(0, 8)), 48, float(wide), float(high))


def floor_plan(flow: Flow, _: int) -> None:
    """Draw a floor plan with rooms, areas and chains of measures."""
    sheet, rng = flow.sheet, flow.sheet.rng
    _head(flow)
    outer = _canvas(flow)
    rooms = split_rooms(outer, rng, 26)
    small = flow.facts.family.plan_style(8.5)
    names = ROOMS[flow.era.wording]
    walls(sheet, outer, 1.9)
    for room in rooms:
        walls(sheet, room, 0.9)
        wide = min(11.0, room.width * 0.4)
        opening(sheet, room.x + room.width * 0.3, room.y, wide, door=room.y > outer.y + 1)
        if room.y + room.height > outer.y + outer.height - 1:
            opening(sheet, room.x + room.width * 0.5, room.y + room.height, wide, door=False)
    for room in rooms:
        sheet.block += 1
        x, y = room.x + room.width * 0.18, room.y + room.height * 0.5
        sheet.line(x, y, names[int(rng.integers(len(names)))], small)
        area = f"{room.width * room.height / 100:.2f}".replace(".", ",")
        unit = "qm" if flow.era.wording == "old" else "m²"
        sheet.line(x, y + 4.2, f"{area} {unit}", small)
    xs = sorted({round(one.x, 1) for one in rooms if one.y < outer.y + 1} | {outer.x + outer.width})
    ys = sorted(
        {round(one.y, 1) for one in rooms if one.x < outer.x + 1} | {outer.y + outer.height}
    )
    chain(sheet, xs, outer.y - 7, small, upright=False)
    chain(sheet, ys, outer.x - 7, small, upright=True)
    chain(sheet, [outer.x, outer.x + outer.width], outer.y - 13, small, upright=False)
    _drawn(flow, outer, 16)
    title_block(flow, _block_rows(flow), 96)


def section_view(flow: Flow, _: int) -> None:
    """Draw a section or a view of the house."""
    sheet, rng = flow.sheet, flow.sheet.rng
    _head(flow)
    area = _canvas(flow)
    small = flow.facts.family.plan_style(8.5)
    ground, floors = area.y + area.height * 0.8, flow.facts.floors
    storey = min(30.0, area.height * 0.5 / floors)
    left, right = area.x + 12, area.x + area.width * 0.75
    top = ground - storey * floors
    sheet.stroke([(left, ground), (left, top), (right, top), (right, ground)], 0.8)
    ridge = top - (right - left) * rng.uniform(0.15, 0.32)
    sheet.stroke([(left - 5, top + 2), ((left + right) / 2, ridge), (right + 5, top + 2)], 0.8)
    sheet.stroke([(area.x - 6, ground), (area.x + area.width + 4, ground)], 0.4)
    is_section = rng.random() < 0.5
    for floor in range(floors):
        y = ground - storey * floor
        if is_section:
            sheet.stroke([(left, y), (right, y)], 1.4, 45)
        for column in range(int((right - left) // 24)):
            x = left + 8 + 24 * column
            sheet.frame((x, y - storey * 0.75, x + 9, y - storey * 0.3), 0.3)
            sheet.stroke([(x + 4.5, y - storey * 0.75), (x + 4.5, y - storey * 0.3)], 0.2)
    for floor in range(floors + 1):
        y = ground - storey * floor
        sheet.stroke([(right + 6, y), (right + 14, y)], 0.2)
        sheet.block += 1
        height = f"{2.75 * floor:.2f}".replace(".", ",")
        sheet.line(right + 15, y - 0.5, f"±{height}" if floor == 0 else f"+{height}", small)
    chain(sheet, [ridge, top, ground], area.x, small, upright=True)
    sheet.block += 1
    sheet.line(area.x, ground + 8, "Straße" if rng.random() < 0.5 else "Gelände", small)
    _drawn(flow, Room(area.x, ridge, area.width, ground - ridge), 6)
    title_block(flow, _block_rows(flow), 96)


def site_plan(flow: Flow, _: int) -> None:
    """Draw a site plan with plots, buildings and distances."""
    sheet, rng = flow.sheet, flow.sheet.rng
    _head(flow)
    area = _canvas(flow)
    small = flow.facts.family.plan_style(8.5)
    plots = split_rooms(area, rng, 44)
    mine = int(rng.integers(len(plots)))
    for number, plot in enumerate(plots):
        walls(sheet, plot, 0.3)
        house = Room(plot.x + plot.width * 0.25, plot.y + plot.height * 0.25,
                     plot.width * 0.42, plot.height * 0.36)  # fmt: skip
        _house(flow, house, hatched=number == mine)
        sheet.block += 1
        if number == mine:
            sheet.line(plot.x + 3, plot.y + plot.height - 3, flow.rich("{flurstueck}"), small)
            chain(sheet, [plot.x, house.x], house.y + 6, small, upright=False)
        else:
            sheet.line(plot.x + 3, plot.y + plot.height - 3, str(int(rng.integers(2, 990))), small)
    y = area.y + area.height + 9
    sheet.stroke([(area.x - 6, y - 7), (area.x + area.width + 6, y - 7)], 0.5)
    sheet.block += 1
    sheet.line(
        area.x + area.width * 0.3, y, flow.rich("{strasse}"), flow.facts.family.plan_style(11)
    )
    north_arrow(sheet, sheet.width_mm - 22, 20, small)
    _drawn(flow, area, 6)
    rows = _block_rows(flow)
    labels = flow.facts.family.labels
    rows[4:5] = [(labels["gemarkung"], "{gemarkung}"), (labels["flur"], "{flur}")]
    title_block(flow, rows, 96)


def _house(flow: Flow, house: Room, *, hatched: bool) -> None:
    walls(flow.sheet, house, 0.5)
    if not hatched:
        return
    step = 2.2
    for number in range(int((house.width + house.height) / step)):
        along = number * step
        start = (house.x + min(along, house.width), house.y + max(0.0, along - house.width))
        end = (house.x + max(0.0, along - house.height), house.y + min(along, house.height))
        flow.sheet.stroke([start, end], 0.15, 70)


def cadastral_map(flow: Flow, _: int) -> None:
    """Draw an extract of the cadastral map."""
    sheet, rng = flow.sheet, flow.sheet.rng
    flow.y_mm = 12
    flow.title(flow.pick("title"), scale=1.4)
    labels = flow.facts.family.labels
    flow.row(labels["gemarkung"], flow.rich("{gemarkung}"), 34)
    flow.row(labels["flur"], flow.rich("{flur}"), 34)
    flow.row(labels["flurstueck"], flow.rich("{flurstueck}"), 34)
    flow.row(labels["massstab"], flow.rich("{massstab}"), 34)
    top = flow.y_mm + 8
    area = Room(flow.left_mm, top, flow.width_mm, max(60.0, sheet.height_mm - top - 40))
    slant = rng.uniform(-0.12, 0.12)
    small = flow.facts.family.plan_style(8)
    plots = split_rooms(area, rng, 22)
    mine = int(rng.integers(len(plots)))
    for number, plot in enumerate(plots):
        right, low = plot.x + plot.width, plot.y + plot.height
        corners = [(plot.x, plot.y), (right, plot.y), (right, low), (plot.x, low)]
        bent = [(x + slant * (y - area.y), y) for x, y in corners]
        sheet.stroke([*bent, bent[0]], 0.25, 60)
        if rng.random() < 0.6:
            _house(flow, Room(bent[0][0] + 4, plot.y + 4, plot.width * 0.4, plot.height * 0.35),
                   hatched=flow.era.first_year < 1976)  # fmt: skip
        sheet.block += 1
        place = bent[3][0] + plot.width * 0.3, plot.y + plot.height - 3
        text = flow.rich("{flurstueck}") if number == mine else str(int(rng.integers(2, 990)))
        sheet.line(*place, text, small)
    _drawn(flow, area, 3)
    flow.y_mm = area.y + area.height + 5
    flow.paragraph(flow.sentences(1)[0], flow.printed)


def drainage_plan(flow: Flow, page: int) -> None:
    """Draw the pipes of a house, on later pages set the application."""
    sheet, rng = flow.sheet, flow.sheet.rng
    _head(flow)
    outer = _canvas(flow)
    small = flow.facts.family.plan_style(8.5)
    walls(sheet, outer, 1.2)
    main = outer.y + outer.height * 0.62
    sheet.stroke([(outer.x + 10, main), (outer.x + outer.width + 12, main)], 0.9)
    words = ("Grundleitung", "Fallrohr", "Revisionsschacht", "Bodenablauf", "WC", "Küche", "Kanal")
    for number in range(int(rng.integers(4, 7))):
        x = outer.x + outer.width * (0.12 + 0.13 * number)
        y = outer.y + outer.height * rng.uniform(0.12, 0.45)
        sheet.stroke([(x, y), (x + 8, main)], 0.5)
        sheet.frame((x - 2, y - 2, x + 2, y + 2), 0.4)
        sheet.block += 1
        sheet.line(
            x + 3, y, f"{words[number % len(words)]} DN {rng.choice((100, 125, 150))}", small
        )
    end = outer.x + outer.width + 12
    sheet.frame((end - 8, main - 4, end, main + 4), 0.6)
    sheet.block += 1
    sheet.line(end - 34, main - 6, "Revisionsschacht", small)
    turned_line(sheet, outer.x - 4, main, "Straßenkanal DN 300", small)
    _drawn(flow, outer, 12)
    rows = _block_rows(flow)
    title_block(flow, rows, 96)


def photo(flow: Flow, _: int) -> None:
    """Set one or two photographs with captions."""
    flow.title(flow.pick("title"), scale=1.2)
    count = 1 + int(flow.sheet.rng.random() < 0.5)
    for _number in range(count):
        wide = flow.width_mm * flow.sheet.rng.uniform(0.7, 0.95)
        high = wide * 0.66
        if flow.room_mm < high + 14:
            break
        _picture(flow, flow.left_mm, flow.y_mm + 3, wide, high)
        flow.y_mm += high + 5
        flow.paragraph(flow.rich(flow.texts[flow.era.wording][0]), gap_mm=5)
    if flow.sheet.rng.random() < 0.5:
        flow.labelled("aktenzeichen", "{az}")


def _picture(flow: Flow, x_mm: float, y_mm: float, wide_mm: float, high_mm: float) -> None:
    """Draw a photograph of a house: sky, facade with windows, street, grain."""
    sheet, rng = flow.sheet, flow.sheet.rng
    wide, high = int(sheet.px(wide_mm)), int(sheet.px(high_mm))
    picture = np.repeat(np.linspace(215, 170, high)[:, None], wide, axis=1).astype(np.float32)
    picture[int(high * 0.82) :] = rng.uniform(80, 120)
    left, right, top = (int(wide * 0.2), int(wide * rng.uniform(0.65, 0.85)), int(high * 0.32))
    picture[top : int(high * 0.84), left:right] = rng.uniform(120, 190)
    roof = np.array([(left - 20, top), ((left + right) // 2, int(high * 0.1)), (right + 20, top)])
    cv2.fillPoly(picture, [roof.astype(np.int32)], rng.uniform(50, 110))
    for column in range(4):
        for row in range(max(1, min(3, flow.facts.floors))):
            x = left + (right - left) * (column + 0.3) / 4
            y = top + (high * 0.5) * (row + 0.2) / 3
            low, far = int(y + high * 0.1), int(x + (right - left) * 0.1)
            picture[int(y) : low, int(x) : far] = rng.uniform(30, 70)
    rough = rng.normal(0, 1, (max(2, high // 8), max(2, wide // 8))).astype(np.float32)
    picture += 9 * cv2.resize(rough, (wide, high), interpolation=cv2.INTER_LINEAR)
    for _ in range(6):
        middle = int(rng.uniform(0, wide)), int(high * rng.uniform(0.6, 0.85))
        cv2.circle(picture, middle, int(high * rng.uniform(0.05, 0.14)), rng.uniform(40, 100), -1)
    picture = cv2.GaussianBlur(picture, (0, 0), max(1.0, sheet.dpi / 200))
    place = int(sheet.px(x_mm)), int(sheet.px(y_mm))
    sheet.image.paste(Image.fromarray(np.clip(picture, 12, 245).astype(np.uint8)), place)
    box = (place[0], place[1], place[0] + wide, place[1] + high)
    sheet.mark_area("photo", tuple(float(edge) for edge in box))  # type: ignore[arg-type]


PAGES: Final[dict[str, Builder]] = {
    "lageplan": site_plan, "liegenschaftskarte": cadastral_map, "grundriss": floor_plan,
    "schnitt_ansicht": section_view, "entwaesserung": drainage_plan, "foto": photo,
}  # fmt: skip
