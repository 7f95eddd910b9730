"""The part of OpenStreetMap's syntax of opening hours that the demo city uses, checked strictly.

Source of the syntax: https://wiki.openstreetmap.org/wiki/Key:opening_hours/specification
"""

from __future__ import annotations

import re
from typing import Final

DAYS: Final = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_DAY = f"(?:{'|'.join(DAYS)})"
_DAYS = rf"{_DAY}(?:-{_DAY})?(?:,{_DAY}(?:-{_DAY})?)*"
_MONTH = f"(?:{'|'.join(MONTHS)})"
_MONTHS = rf"{_MONTH}(?: \d{{2}})?(?:-(?:{_MONTH}|\d{{2}}))?"
_SPAN = r"(?:[01]\d|2[0-4]):[0-5]\d-(?:[01]\d|2[0-4]):[0-5]\d"
_TIMES = rf"{_SPAN}(?:,{_SPAN})*"
_RULE = re.compile(
    rf"24/7|PH off|{_MONTHS} (?:off|24/7|{_TIMES})|(?:{_MONTHS} )?{_DAYS} (?:off|{_TIMES})"
)


def is_valid(hours: str) -> bool:
    """Say whether opening hours follow the syntax.

    Args:
        hours: For example "Mo-Fr 08:00-12:00; PH off"; rules are divided by semicolons.
    """
    rules = [rule.strip() for rule in hours.split(";")]
    return bool(hours) and all(_RULE.fullmatch(rule) and _in_order(rule) for rule in rules)


def _in_order(rule: str) -> bool:
    """Say whether each span ends behind its beginning, or passes midnight."""
    spans = re.findall(r"(\d\d):(\d\d)-(\d\d):(\d\d)", rule)
    return all((a, b) != (c, d) and int(a) * 60 + int(b) < 1440 for a, b, c, d in spans)
