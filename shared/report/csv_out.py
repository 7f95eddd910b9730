"""Tables as CSV that German Excel opens by double click: semicolons, decimal commas, UTF-8 mark."""

from __future__ import annotations

import csv
import io
import json
import math
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from shared.contracts.provenance import Provenance
from shared.errors import ReportInvalid
from shared.report.checks import Cell as Cell
from shared.store.provenance_files import side_file_name
from shared.store.provenance_text import to_dict

if TYPE_CHECKING:
    from shared.report.blocks import Column, Table
    from shared.report.document import Report

BYTE_ORDER_MARK = "\ufeff"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_DATA_TYPES: dict[str, object] = {
    "text": "string",
    "number": {"base": "double", "format": {"decimalChar": ","}},
    "percent": {"base": "double", "format": {"decimalChar": ","}},
    "date": "date",
    "time": {"base": "datetime", "format": "yyyy-MM-dd HH:mm:ssXXX"},
    "yes_no": {"base": "boolean", "format": "ja|nein"},
}


def write_csv(headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Write one header row and the rows; the same input gives the same bytes.

    Args:
        headings: Translated column names.
        rows: Cells in the order of the columns. Text that a spreadsheet would take for a formula
            gets an apostrophe; numbers keep their sign.

    Raises:
        ValueError: A row has another length than the header.
    """
    target = io.StringIO()
    writer = csv.writer(target, delimiter=";", lineterminator="\r\n")
    writer.writerow([harmless_text(heading) for heading in headings])
    for row in rows:
        if len(row) != len(headings):
            message = f"{len(row)} cells for {len(headings)} columns"
            raise ValueError(message)
        writer.writerow([write_cell(cell) for cell in row])
    return (BYTE_ORDER_MARK + target.getvalue()).encode("utf-8", "replace")


def write_cell(cell: Cell) -> str:
    """Return a cell as text: decimal comma, ISO dates, ja/nein, empty for None and NaN."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "ja" if cell else "nein"
    if isinstance(cell, int):
        return str(cell)
    if isinstance(cell, float):
        return repr(cell).replace(".", ",") if math.isfinite(cell) else ""
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ", timespec="seconds")
    if isinstance(cell, date):
        return cell.isoformat()
    return harmless_text(cell)


def harmless_text(text: str) -> str:
    """Keep a text from being run as a formula.

    Source: OWASP, CSV injection.
    """
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def plain_text(text: str) -> str:
    """Return a text as it was before `harmless_text` guarded it."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA_STARTS) else text


def csv_with_origin(name: str, table: Table, provenance: Provenance) -> dict[str, bytes]:
    """Return a table and the file that says what its columns are and where it comes from.

    The second file follows "CSV on the Web", so that other programs read it as well.

    Args:
        name: File name of the table.
        table: The table; shares stay numbers between 0 and 1.
        provenance: Where it comes from.
    """
    headings = [column.heading for column in table.columns]
    described = {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "de"}],
        "url": name,
        "dc:title": table.title,
        "dialect": {"delimiter": ";", "encoding": "utf-8", "lineTerminators": ["\r\n"]},
        "tableSchema": {"columns": [_described(column) for column in table.columns]},
        "notes": [to_dict(provenance)],
    }
    text = json.dumps(described, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
    return {
        name: write_csv(headings, table.rows),
        side_file_name(name): text.encode("utf-8", "replace"),
    }


def render_csv(report: Report, name: str) -> dict[str, bytes]:
    """Return each table of a report with its side file; the first one has the name.

    Args:
        report: A report with at least one table.
        name: File name of the first table; the others add their own names.

    Raises:
        ReportInvalid: The report has no table.
    """
    if not report.tables:
        raise ReportInvalid(reason="Er enthält keine Tabelle.")
    files: dict[str, bytes] = {}
    for number, table in enumerate(report.tables):
        stem = name.removesuffix(".csv")
        own = name if number == 0 else f"{stem}_{table.name}.csv"
        files |= csv_with_origin(own, table, report.provenance)
    return files


def _described(column: Column) -> dict[str, object]:
    described = {
        "name": column.key,
        "titles": harmless_text(column.heading),
        "datatype": _DATA_TYPES[column.kind],
    }
    return described | ({"dc:description": column.description} if column.description else {})


def pack(files: Mapping[str, bytes], moment: datetime) -> bytes:
    """Return several files as one ZIP file; the same input gives the same bytes.

    Args:
        files: Content by name.
        moment: Time that the entries state.
    """
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, moment.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return target.getvalue()
