"""A report as a workbook: typed cells, one sheet each for result, figures, origin and legend."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared.contracts.provenance import LOCAL_ZONE
from shared.i18n import Translator
from shared.i18n.translator import get_translator
from shared.report.blocks import Callout, Column, Map, Table
from shared.report.cells import format_cell, printable
from shared.report.checks import Cell
from shared.report.csv_out import harmless_text
from shared.report.document import Report
from shared.report.origin import DECISION, EXAMPLE, origin_rows
from shared.store.provenance_files import sheet_cells

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.worksheet import Worksheet

HEAD_ROW = 3
"""Row of the column headings on a sheet with a table; above them stand title and marks."""
MEASURED_ROWS = 300
NARROWEST, WIDEST = 9, 60
EXACT_INTEGER = 2**53
"""Spreadsheets count in floating point; longer numbers are written as text."""


@dataclass(frozen=True, slots=True)
class _Book:
    """A workbook with its formats and its language."""

    workbook: Workbook
    t: Translator
    example: bool

    def format(self, **properties: object) -> Any:  # noqa: ANN401  # the library has no types
        """Return a cell format with the house's font."""
        return self.workbook.add_format({"valign": "top", **properties})

    def sheet(self, name: str, title: str) -> Worksheet:
        """Add a sheet with title and marks, ready to print."""
        sheet = self.workbook.add_worksheet(name)
        sheet.write_string(0, 0, _text(title), self.format(bold=True, font_size=14))
        marks = [self.t(EXAMPLE), self.t(DECISION)] if self.example else [self.t(DECISION)]
        sheet.write_string(1, 0, " ".join(marks), self.format(italic=True))
        sheet.set_landscape()
        sheet.set_paper(9)
        sheet.fit_to_pages(1, 0)
        footer = self.t("Seite {page} von {pages}", page="&P", pages="&N")
        sheet.set_footer(f"&L{marks[0]}&R{footer}")
        sheet.repeat_rows(HEAD_ROW)
        if self.example:
            sheet.set_tab_color("#7a4300")
        return sheet

    def head(self, sheet: Worksheet, headings: Sequence[str]) -> None:
        """Write the column headings and keep them in sight."""
        style = self.format(bold=True, bottom=1, bg_color="#e8f1f9", text_wrap=True)
        for place, heading in enumerate(headings):
            sheet.write_string(HEAD_ROW, place, _text(heading), style)
        sheet.freeze_panes(HEAD_ROW + 1, 0)


def render_xlsx(report: Report) -> bytes:
    """Return the report as a workbook; the same report gives the same bytes.

    Args:
        report: The report.
    """
    from xlsxwriter import Workbook

    target = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    t = get_translator(report.language)
    with Workbook(target, options) as workbook:
        book = _Book(workbook, t, report.is_example)
        workbook.set_properties(
            {
                "title": _text(report.title),
                "author": _text(report.tenant),
                "comments": t(EXAMPLE) if report.is_example else t(DECISION),
                "created": report.created_at.astimezone(UTC).replace(tzinfo=None),
            }
        )
        for number, table in enumerate(report.tables, start=1):
            first = t("Ergebnis")
            name = first if number == 1 else f"{first} {number}"
            _write_table(book, book.sheet(name, table.title), table)
        _write_figures(book, report)
        _write_origin(book, report)
        _write_legend(book, report)
    return target.getvalue()


def _write_table(book: _Book, sheet: Worksheet, table: Table) -> None:
    book.head(sheet, [column.heading for column in table.columns])
    styles = [_style(book, column) for column in table.columns]
    for line, row in enumerate(table.rows, start=HEAD_ROW + 1):
        for place, cell in enumerate(row):
            _write_cell(book, sheet, (line, place), cell, styles[place])
    last = HEAD_ROW + max(1, len(table.rows))
    sheet.autofilter(HEAD_ROW, 0, last, len(table.columns) - 1)
    for place, column in enumerate(table.columns):
        cells = (row[place] for row in table.rows[:MEASURED_ROWS])
        texts = (format_cell(cell, column, book.t) for cell in cells)
        sheet.set_column(place, place, _width([column.heading, *texts]))
    if table.note:
        sheet.write_string(last + 2, 0, _text(table.note), book.format(italic=True))


def _style(book: _Book, column: Column) -> Any:  # noqa: ANN401
    decimals = "." + "0" * column.digits if column.digits else ""
    patterns = {
        "number": f"#,##0{decimals}",
        "percent": f"0{decimals}%",
        "date": "dd.mm.yyyy",
        "time": "dd.mm.yyyy hh:mm",
    }
    if column.kind in patterns:
        return book.format(num_format=patterns[column.kind])
    return book.format(text_wrap=column.kind == "text")


def _write_cell(
    book: _Book,
    sheet: Worksheet,
    place: tuple[int, int],
    cell: Cell,
    style: Any,  # noqa: ANN401
) -> None:
    if cell is None:
        sheet.write_blank(*place, None, style)
    elif isinstance(cell, bool):
        sheet.write_string(*place, book.t("ja") if cell else book.t("nein"), style)
    elif isinstance(cell, int | float):
        if abs(cell) < EXACT_INTEGER:
            sheet.write_number(*place, cell, style)
        else:
            sheet.write_string(*place, str(cell), style)
    elif isinstance(cell, str):
        sheet.write_string(*place, _text(cell), style)
    elif isinstance(cell, datetime):
        local = cell.astimezone(LOCAL_ZONE).replace(tzinfo=None)
        sheet.write_datetime(*place, local, style)
    else:
        sheet.write_datetime(*place, cell, style)


def _write_figures(book: _Book, report: Report) -> None:
    t = book.t
    sheet = book.sheet(t("Kennzahlen"), report.title)
    book.head(
        sheet,
        [t("Kennzahl"), t("Wert"), t("Einheit"), t("Untergrenze"), t("Obergrenze"), t("Bemerkung")],
    )
    for place, figure in enumerate(report.figures, start=HEAD_ROW + 1):
        style = _style(book, Column("value", "value", "number", figure.digits))
        sheet.write_string(place, 0, _text(figure.label), book.format(text_wrap=True))
        sheet.write_string(place, 2, _text(figure.unit), book.format())
        for column, value in ((1, figure.value), (3, figure.low), (4, figure.high)):
            _write_cell(book, sheet, (place, column), value, style)
        sheet.write_string(place, 5, _text(figure.note), book.format(text_wrap=True))
    for column, width in enumerate((36, 16, 12, 14, 14, 60)):
        sheet.set_column(column, column, width)


def _write_origin(book: _Book, report: Report) -> None:
    t = book.t
    sheet = book.sheet(t("Herkunft"), t("Woher kommt das?"))
    book.head(sheet, [t("Angabe"), t("Inhalt")])
    tones = {"hint": t("Hinweis"), "warning": t("Achtung")}
    rows = [(tones[one.tone], one.text) for one in report.blocks if isinstance(one, Callout)]
    rows += origin_rows(report.provenance, t)
    _write_texts(book, sheet, rows)
    # One line each: a cell of thousands of characters would be as high as the screen.
    for place, cell in enumerate(sheet_cells(report.provenance), start=HEAD_ROW + len(rows) + 2):
        sheet.write_string(place, 0, t("Für Programme"), book.format())
        sheet.write_string(place, 1, cell, book.format(font_color="#46535f"))
    sheet.set_column(0, 0, 36)
    sheet.set_column(1, 1, 90)


def _write_legend(book: _Book, report: Report) -> None:
    t = book.t
    sheet = book.sheet(t("Legende"), t("Was die Spalten und Farben bedeuten"))
    book.head(sheet, [t("Wo"), t("Name"), t("Einheit"), t("Bedeutung")])
    rows = [
        (table.title, column.title, column.unit, column.description or "–")
        for table in report.tables
        for column in table.columns
    ]
    rows += [
        (t("Karte"), entry.colour, "", entry.label)
        for block in report.blocks
        if isinstance(block, Map)
        for entry in block.legend
    ]
    _write_texts(book, sheet, rows)
    for column, width in enumerate((30, 36, 12, 80)):
        sheet.set_column(column, column, width)


def _write_texts(book: _Book, sheet: Worksheet, rows: Iterable[Sequence[str]]) -> None:
    style = book.format(text_wrap=True)
    for place, row in enumerate(rows, start=HEAD_ROW + 1):
        for column, text in enumerate(row):
            sheet.write_string(place, column, _text(text), style)


def _text(text: str) -> str:
    return harmless_text(printable(text))


def _width(texts: Sequence[str]) -> int:
    longest = max(len(line) for text in texts for line in (text[:WIDEST] or " ").split("\n"))
    return min(WIDEST, max(NARROWEST, longest + 3))
