"""Cells and texts as people read them."""

from __future__ import annotations

import unicodedata
from datetime import datetime

from shared.contracts.provenance import LOCAL_ZONE
from shared.i18n import Translator
from shared.i18n.formats import MISSING, format_short_date
from shared.report.blocks import Column, Figure
from shared.report.checks import Cell

_LINE_ENDS = {"\n", "\t"}
_INVISIBLE = {"Cc", "Cs", "Co", "Cn"}
_TURNING = {chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def format_cell(cell: Cell, column: Column, t: Translator) -> str:
    """Write one cell in the reader's language.

    Args:
        cell: Content; None gives a dash.
        column: How to write it.
        t: Translator.
    """
    if cell is None:
        return MISSING
    if isinstance(cell, bool):
        return t("ja") if cell else t("nein")
    if isinstance(cell, int | float):
        return (
            t.percent(cell, column.digits)
            if column.kind == "percent"
            else t.number(cell, column.digits)
        )
    if isinstance(cell, datetime):
        local = cell.astimezone(LOCAL_ZONE)
        return f"{format_short_date(local, t.language)}, {t.time(local)}"
    if isinstance(cell, str):
        return printable(cell)
    return format_short_date(cell, t.language)


def format_range(figure: Figure, t: Translator) -> str:
    """Write the range of a number; empty where none is known."""
    if figure.low is None or figure.high is None:
        return ""
    low = t.number(figure.low, figure.digits)
    return t(
        "Bereich: {low} bis {high}",
        low=low,
        high=t.number(figure.high, figure.digits, figure.unit),
    )


def printable(text: str) -> str:
    """Return a text without characters that no paper shows or that turn the order of others.

    Control characters would break XML; turning marks make a name look like another one.

    Args:
        text: Anything, for example a file name.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character
        if character in _LINE_ENDS or unicodedata.category(character) not in _INVISIBLE
        else "\ufffd"
        for character in text
        if character not in _TURNING and character != "\r"
    )
