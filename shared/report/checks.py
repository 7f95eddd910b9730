"""Checks that the blocks of a report share; each refusal is one German sentence."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Sequence
from datetime import date, datetime
from numbers import Integral, Real

from shared.errors import ReportInvalid

Cell = str | int | float | bool | datetime | date | None
LONGEST_CELL = 32_000
"""A spreadsheet's cell holds 32,767 characters; an apostrophe and a mark of shortening fit."""
_KEY = re.compile(r"[a-z][a-z0-9_]{0,59}")
_COLOUR = re.compile(r"#[0-9a-f]{6}")


def require(condition: bool, reason: str) -> None:
    """Refuse a report.

    Args:
        condition: True lets it pass.
        reason: German sentence.

    Raises:
        ReportInvalid: The condition is False.
    """
    if not condition:
        raise ReportInvalid(reason=reason)


def check_text(text: str, what: str, longest: int, *, may_be_empty: bool = False) -> None:
    """Refuse a text that is no text, empty or too long.

    Args:
        text: The text.
        what: What it is, in German with its article, at the start of a sentence.
        longest: Most characters.
        may_be_empty: True where nothing has to be said.

    Raises:
        ReportInvalid: It does not fit.
    """
    require(isinstance(text, str), f"{what} ist kein Text.")
    require(may_be_empty or bool(text.strip()), f"{what} ist leer.")
    require(len(text) <= longest, f"{what} hat mehr als {longest} Zeichen.")


def check_key(key: str) -> None:
    """Refuse a name that programs could not use.

    Raises:
        ReportInvalid: Others than small letters, digits and underscores, or over 60 of them.
    """
    usable = isinstance(key, str) and _KEY.fullmatch(key) is not None
    shown = str(key)[:60]
    require(usable, f"„{shown}“ ist kein Name: nur Kleinbuchstaben, Ziffern und Unterstriche.")


def check_colour(colour: str) -> None:
    """Refuse anything but `#rrggbb` in small letters.

    Raises:
        ReportInvalid: It is no such colour.
    """
    usable = isinstance(colour, str) and _COLOUR.fullmatch(colour) is not None
    require(usable, f"„{str(colour)[:20]}“ ist keine Farbe der Form #rrggbb.")


def check_count(count: int, what: str, least: int, most: int) -> None:
    """Refuse too few or too many of something.

    Raises:
        ReportInvalid: The count lies outside the bounds.
    """
    require(least <= count <= most, f"Zu viele oder zu wenige {what}: {count}, höchstens {most}.")


def check_unique(names: Sequence[Hashable], what: str) -> None:
    """Refuse the same name twice.

    Raises:
        ReportInvalid: A name stands twice.
    """
    twice = next((name for name in names if names.count(name) > 1), None)
    require(twice is None, f"Zwei {what} heißen „{twice}“.")


def check_moment(moment: datetime, what: str) -> None:
    """Refuse a moment without time zone.

    Raises:
        ReportInvalid: It has none.
    """
    zoned = isinstance(moment, datetime) and moment.utcoffset() is not None
    require(zoned, f"{what} braucht eine Zeitzone.")


def typed_cells(cells: Sequence[object], kinds: Sequence[str], title: str) -> tuple[Cell, ...]:
    """Return a row with each cell as its column says.

    Args:
        cells: Texts, numbers, dates (also as ISO texts), True or False; None where nothing is
            known. Numbers that are none (NaN, infinity) become None.
        kinds: Kinds of the columns, see `shared.report.blocks.Column`.
        title: Title of the table, for the refusal.

    Raises:
        ReportInvalid: Another number of cells, or a cell of another kind.
    """
    found, expected = len(cells), len(kinds)
    require(found == expected, f"Eine Zeile in „{title}“ hat {found} statt {expected} Zellen.")
    return tuple(
        None if cell is None else _typed(cell, kind, title)
        for cell, kind in zip(cells, kinds, strict=True)
    )


def _typed(cell: object, kind: str, title: str) -> Cell:
    if kind == "text" and isinstance(cell, str):
        require(len(cell) <= LONGEST_CELL, f"Eine Zelle in „{title}“ ist zu lang.")
        return cell
    if isinstance(cell, bool):
        if kind == "yes_no":
            return cell
    elif kind in ("number", "percent") and isinstance(cell, Real):
        if isinstance(cell, Integral):
            return int(cell)
        return float(cell) if math.isfinite(cell) else None
    if kind == "date" and (day := _day(cell)) is not None:
        return day
    if kind == "time" and (moment := _moment(cell)) is not None:
        return moment
    raise ReportInvalid(reason=f"Eine Zelle in „{title}“ passt nicht zu ihrer Spalte ({kind}).")


def _day(cell: object) -> date | None:
    if isinstance(cell, str):
        try:
            return date.fromisoformat(cell)
        except ValueError:
            return None
    return cell if isinstance(cell, date) and not isinstance(cell, datetime) else None


def _moment(cell: object) -> datetime | None:
    if isinstance(cell, str):
        try:
            cell = datetime.fromisoformat(cell)
        except ValueError:
            return None
    if isinstance(cell, datetime) and cell.utcoffset() is not None:
        return cell
    return None
