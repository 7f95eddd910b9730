"""Letterheads of the offices, one function each by the number of the family."""

from __future__ import annotations

from dataclasses import replace

from shared.demo_city.building_files.facts import TOWN
from shared.demo_city.building_files.flow import Flow
from shared.demo_city.building_files.sheet import Style


def letterhead(flow: Flow, office: str) -> None:
    """Set the letterhead of the family.

    Args:
        flow: The page.
        office: Name of the office; a newline breaks it.
    """
    number = flow.facts.family.letterhead
    bold = flow.facts.family.print_style(flow.era, bold=True, scale=1.25)
    small = replace(flow.printed, size_pt=flow.printed.size_pt * 0.82)
    if number in {0, 6}:
        _centred(flow, bold, small, office)
    elif number in {1, 7}:
        _left_rule(flow, bold, small, office)
    elif number in {2, 8}:
        _with_arms(flow, bold, small, office)
    elif number in {3, 9}:
        _right_column(flow, bold, small, office)
    elif number == 4:
        _half_sheet(flow, bold, office)
    else:
        _band(flow, bold, small, office)


def _case_line(flow: Flow, indent_mm: float = 0.0) -> None:
    label = flow.facts.family.labels["aktenzeichen"]
    flow.paragraph(flow.rich(f"{label}: {{az}}"), indent_mm=indent_mm, gap_mm=3)


def _place_line(flow: Flow) -> str:
    return f"{TOWN}, den {{heute}}" if flow.era.wording != "new" else f"{TOWN}, {{heute}}"


def _centred(flow: Flow, bold: Style, small: Style, office: str) -> None:
    for text, style in ((f"Stadt {TOWN}", bold), *((line, small) for line in office.split("\n"))):
        wide = sum(flow.sheet.width_of(token, style) for token in
                   flow.sheet.break_lines(flow.rich(text), style, 400)[0])  # fmt: skip
        indent = max(0, (flow.width_mm - wide / flow.sheet.px(1)) / 2)
        flow.paragraph(text, style, indent_mm=indent, gap_mm=0.5)
    y = flow.y_mm + 1.5
    ends = (30, 60) if flow.facts.family.letterhead == 0 else (0, 0)
    flow.sheet.stroke(
        [(flow.left_mm + ends[0], y), (flow.left_mm + flow.width_mm - ends[1], y)], 0.5
    )
    flow.y_mm += 5
    _case_line(flow)
    flow.paragraph(flow.rich(_place_line(flow)), indent_mm=flow.width_mm * 0.55)


def _left_rule(flow: Flow, bold: Style, small: Style, office: str) -> None:
    flow.paragraph(f"{TOWN}", bold, gap_mm=0)
    flow.paragraph(office, small, gap_mm=1)
    y = flow.y_mm + 1
    flow.sheet.stroke([(flow.left_mm, y), (flow.left_mm + flow.width_mm, y)], 0.3)
    if flow.facts.family.letterhead == 7:
        flow.sheet.stroke([(flow.left_mm, y + 1), (flow.left_mm + flow.width_mm, y + 1)], 0.8)
    flow.y_mm += 4
    label = flow.facts.family.labels["aktenzeichen"]
    flow.sheet.block += 1
    flow.y_mm += 5
    flow.sheet.line(flow.left_mm, flow.y_mm, flow.rich(f"{label} {{az}}"), flow.typed)
    right = flow.left_mm + flow.width_mm * 0.54
    flow.sheet.more(right, flow.y_mm, flow.rich(_place_line(flow)), flow.typed)
    flow.y_mm += 4


def _with_arms(flow: Flow, bold: Style, small: Style, office: str) -> None:
    """Set an invented shield beside the name."""
    x, y = flow.left_mm + 8, flow.y_mm + 2
    shield = [(x - 7, y), (x + 7, y), (x + 7, y + 9), (x, y + 16), (x - 7, y + 9), (x - 7, y)]
    flow.sheet.stroke(shield, 0.6)
    flow.sheet.stroke([(x - 7, y + 5), (x + 7, y + 5)], 1.4)
    if flow.facts.family.letterhead == 8:
        flow.sheet.stroke([(x, y), (x, y + 15)], 1.0)
    flow.paragraph(f"Stadtverwaltung {TOWN}", bold, indent_mm=22, gap_mm=0.5)
    flow.paragraph(office, small, indent_mm=22, gap_mm=1)
    flow.y_mm = max(flow.y_mm, y + 19)
    _case_line(flow)
    flow.paragraph(flow.rich(_place_line(flow)), gap_mm=2)


def _right_column(flow: Flow, bold: Style, small: Style, office: str) -> None:
    top = flow.y_mm
    indent = flow.width_mm * (0.58 if flow.facts.family.letterhead == 3 else 0.48)
    flow.paragraph(f"Stadt {TOWN}", bold, indent_mm=indent, gap_mm=0.5)
    flow.paragraph(office, small, indent_mm=indent, gap_mm=0.5)
    contact = "Sachbearbeitung: {beamter}" if flow.era.wording != "old" else "Referent: {beamter}"
    flow.paragraph(flow.rich(contact), small, indent_mm=indent, gap_mm=0.5)
    if flow.era.wording != "old":
        flow.paragraph(flow.rich("Zimmer {c}"), small, indent_mm=indent, gap_mm=0.5)
    _case_line(flow, indent)
    low = flow.y_mm
    x = flow.left_mm + indent - 2
    flow.sheet.stroke([(x, top + 1), (x, low)], 0.3)
    flow.y_mm += 2
    flow.paragraph(flow.rich(_place_line(flow)), indent_mm=indent)


def _half_sheet(flow: Flow, bold: Style, office: str) -> None:
    """Set a letter as offices wrote on the right half of a sheet."""
    flow.paragraph(office, bold, gap_mm=1)
    _case_line(flow)
    flow.paragraph(flow.rich(_place_line(flow)), indent_mm=flow.width_mm * 0.5, gap_mm=5)


def _band(flow: Flow, bold: Style, small: Style, office: str) -> None:
    right = flow.left_mm + flow.width_mm
    flow.sheet.stroke([(flow.left_mm, flow.y_mm), (right, flow.y_mm)], 2.2, 70)
    flow.y_mm += 2
    flow.paragraph(f"{TOWN} - {office.splitlines()[-1]}", bold, gap_mm=1)
    flow.paragraph(flow.rich("Rathaus, Zimmer {c}, Sprechzeit {a} bis 12 Uhr"), small, gap_mm=1)
    flow.sheet.stroke([(flow.left_mm, flow.y_mm + 1), (right, flow.y_mm + 1)], 0.4)
    flow.y_mm += 4
    _case_line(flow)
    flow.paragraph(flow.rich(_place_line(flow)), gap_mm=3)
