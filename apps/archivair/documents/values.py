"""Values in texts: what a grammar returns and what helps it."""

from __future__ import annotations

import re
from dataclasses import dataclass

FIGURES = str.maketrans({"O": "0", "o": "0", "I": "1", "l": "1", "|": "1", "S": "5", "B": "8"})
_NUMBER_SIGN = r"(?:[NRH][rtf]|N[oe]|Nro|Nummer)"
"""Nr., also as engines misread it."""
_LEAD = re.compile(rf"[\s:.,;=\-–_]*(?:{_NUMBER_SIGN}(?:\b|(?=\.))\.?\s*:?\s*)?")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a value with its place in the text.

    Args:
        name: Name of the part; "value" when the grammar has only one.
        start: First character.
        end: Behind the last character.
        value: Normal form.
        strictness: 0 to 1, how little else could look like this.
    """

    name: str
    start: int
    end: int
    value: str
    strictness: float


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What helps to read values.

    Args:
        year_hint: About when the page was written, if known.
        streets: Names of streets of the municipality, old ones included.
        districts: Names of its Gemarkungen.
    """

    year_hint: int | None = None
    streets: tuple[str, ...] = ()
    districts: tuple[str, ...] = ()


def skip_lead(text: str, start: int) -> int:
    """Return where the value begins behind a label: colons, dots and "Nr." are passed over.

    Args:
        text: Text of a row.
        start: Where the label ends.
    """
    match = _LEAD.match(text, start)
    return match.end() if match else start


def single(match: re.Match[str], value: str, strictness: float, group: str = "value") -> list[Part]:
    """Return one group of a match as the only part of a value.

    Args:
        match: Match of a pattern.
        value: Normal form.
        strictness: 0 to 1.
        group: Name of the group.
    """
    return [Part("value", match.start(group), match.end(group), value, strictness)]
