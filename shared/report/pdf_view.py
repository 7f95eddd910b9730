"""What the template of a PDF report is filled with: texts only, shortened where paper ends."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.i18n import Translator
from shared.report.blocks import (
    Block,
    Callout,
    Column,
    Figure,
    Figures,
    Heading,
    Image,
    Map,
    PageBreak,
    Paragraph,
    SignatureField,
    Table,
)
from shared.report.cells import format_cell, format_range, printable
from shared.report.document import Report
from shared.report.origin import DECISION, EXAMPLE, origin_rows
from shared.report.pdf_assets import picture_address
from shared.report.pdf_columns import arrange, measure, widths

MOST_PDF_ROWS = 1_000
LONGEST_PDF_CELL = 600
LONGEST_WORD = 80
"""Longer ones get places to break at; a SHA-256 has 64 characters and stays whole."""
BREAK = "\u200b"
SHORT_TITLE = 80
_EMPTY_LINES = re.compile(r"\n\s*\n")
_LONG_WORD = re.compile(rf"\S{{{LONGEST_WORD + 1},}}")
_PIECE = re.compile(r"\S{16}(?=\S)")


@dataclass(frozen=True, slots=True)
class PdfColumn:
    """A column as the template writes it; `width` is in per cent."""

    heading: str
    style: str
    width: float


@dataclass(frozen=True, slots=True)
class TablePart:
    """As many columns as fit beside each other.

    Args:
        columns: The columns.
        rows: Their cells.
        width: In per cent of the line.
        name: Which part it is; empty where there is one only.
    """

    columns: tuple[PdfColumn, ...]
    rows: tuple[tuple[str, ...], ...]
    width: float
    name: str


def template_values(report: Report, t: Translator) -> dict[str, Any]:
    """Return every value of `report.html`.

    Args:
        report: The report.
        t: Translator of the report's language.
    """
    title = printable(report.title)
    foot = [t(EXAMPLE), t(DECISION)] if report.is_example else [t(DECISION)]
    return {
        "labels": _labels(t),
        "language": report.language,
        "title": title,
        "short_title": title if len(title) <= SHORT_TITLE else title[: SHORT_TITLE - 1] + "…",
        "subtitle": paper(report.subtitle),
        "tenant": printable(report.tenant),
        "day": t.date(report.created_at),
        "created": report.created_at.isoformat(timespec="seconds"),
        "description": printable(report.subtitle) or title,
        "generator": f"urbanki-gallery {report.provenance.software_version}",
        "foot": " ".join(foot),
        "is_example": report.is_example,
        "blocks": _with_their_tables([block_values(block, t) for block in report.blocks]),
        "origin": [
            (paper(name), shortened(content)[0])
            for name, content in origin_rows(report.provenance, t)
        ],
    }


def _with_their_tables(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Let headings turn with the wide table that follows; else they would fill a page alone."""
    turned = False
    for block in reversed(blocks):
        if block["kind"] == "heading":
            block["is_wide"] = turned
        else:
            turned = block.get("is_wide", False)
    return blocks


def _labels(t: Translator) -> dict[str, str]:
    """Return the fixed words of the template."""
    return {
        "page": t("Seite"),
        "of": t("von"),
        "empty": t("Die Tabelle ist leer."),
        "example": t("Beispieldaten"),
        "example_long": t(
            "Alle Angaben in diesem Bericht sind künstlich erzeugt und gelten für keinen "
            "wirklichen Ort."
        ),
        "place_day": t("Ort, Datum"),
        "signature": t("Unterschrift"),
        "origin": t("Woher kommt das?"),
        "decision": t("Dieser Bericht ist eine Arbeitshilfe. Die Entscheidung trifft ein Mensch."),
    }


def block_values(block: Block, t: Translator) -> dict[str, Any]:
    """Return the values of one block.

    Args:
        block: The block.
        t: Translator.
    """
    match block:
        case Heading():
            return {"kind": block.kind, "text": paper(block.text), "level": block.level}
        case Paragraph():
            texts = [text for text in _EMPTY_LINES.split(paper(block.text)) if text.strip()]
            return {"kind": block.kind, "texts": texts}
        case Callout():
            word = t("Achtung") if block.tone == "warning" else t("Hinweis")
            text = paper(block.text)
            return {"kind": block.kind, "text": text, "tone": block.tone, "word": word}
        case Figures():
            return {"kind": block.kind, "entries": [_figure(item, t) for item in block.items]}
        case Table():
            return {"kind": block.kind, **_table(block, t)}
        case Image() | Map():
            return _picture(block)
        case SignatureField():
            return {"kind": block.kind, "label": paper(block.label)}
        case PageBreak():
            return {"kind": block.kind}


def paper(text: str) -> str:
    """Return a text that can be printed; endless words may break, which also saves much time."""
    return _LONG_WORD.sub(
        lambda word: _PIECE.sub(lambda piece: piece[0] + BREAK, word[0]), printable(text)
    )


def shortened(text: str) -> tuple[str, bool]:
    """Return a cell's text for paper and whether something was cut off."""
    if len(text) <= LONGEST_PDF_CELL:
        return paper(text), False
    return paper(text[:LONGEST_PDF_CELL]) + " […]", True


def _figure(figure: Figure, t: Translator) -> dict[str, str]:
    return {
        "label": paper(figure.label),
        "value": t.number(figure.value, figure.digits, paper(figure.unit)),
        "range": format_range(figure, t),
        "note": paper(figure.note),
    }


def _picture(block: Image | Map) -> dict[str, Any]:
    legend = block.legend if isinstance(block, Map) else ()
    return {
        "kind": block.kind,
        "source": picture_address(block.name),
        "alt": printable(block.alt),
        "caption": paper(block.caption),
        "legend": [{"colour": entry.colour, "label": paper(entry.label)} for entry in legend],
    }


def _table(table: Table, t: Translator) -> dict[str, Any]:
    rows: list[tuple[str, ...]] = []
    any_cut = False
    for row in table.rows[:MOST_PDF_ROWS]:
        cells = [
            shortened(format_cell(cell, column, t))
            for cell, column in zip(row, table.columns, strict=True)
        ]
        any_cut = any_cut or any(cut for _, cut in cells)
        rows.append(tuple(text for text, _ in cells))
    notes = [paper(table.note)] if table.note else []
    if len(rows) < len(table.rows):
        notes.append(
            t(
                "Hier stehen die ersten {shown} von {total} Zeilen; alle enthält die Excel-Datei.",
                shown=t.number(len(rows)),
                total=t.number(len(table.rows)),
            )
        )
    if any_cut:
        notes.append(t("Lange Texte sind hier gekürzt, vollständig stehen sie in der Excel-Datei."))
    return {"title": paper(table.title), "notes": notes, **_arranged(table.columns, rows, t)}


def _arranged(
    columns: Sequence[Column], rows: Sequence[tuple[str, ...]], t: Translator
) -> dict[str, Any]:
    headings = [paper(column.heading) for column in columns]
    measures = [
        measure(heading, [row[place] for row in rows], may_wrap=not _style(column))
        for place, (heading, column) in enumerate(zip(headings, columns, strict=True))
    ]
    layout = arrange(measures)
    count, parts = len(layout.parts), []
    for number, places in enumerate(layout.parts, start=1):
        share, each = widths([measures[place] for place in places], is_wide=layout.is_wide)
        head = tuple(
            PdfColumn(headings[place], _style(columns[place]), width)
            for place, width in zip(places, each, strict=True)
        )
        kept = tuple(tuple(row[at] for at in places) for row in rows)
        name = t("Teil {number} von {count}", number=number, count=count) if count > 1 else ""
        parts.append(TablePart(head, kept, share if rows else 100.0, name))
    return {"is_wide": layout.is_wide, "parts": parts}


def _style(column: Column) -> str:
    """Return the class of a column whose cells stay on one line; empty for the others."""
    if column.is_number:
        return "number"
    return "whole" if column.kind in ("date", "time") else ""
