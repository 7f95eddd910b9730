"""Tables as CSV that German Excel opens by double click: semicolons, decimal commas, UTF-8 mark."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from datetime import date, datetime

BYTE_ORDER_MARK = "\ufeff"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
Cell = str | int | float | bool | date | None


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
    return (BYTE_ORDER_MARK + target.getvalue()).encode("utf-8")


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
