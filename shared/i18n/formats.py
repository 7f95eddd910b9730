"""Numbers, dates and times as readers of the two languages write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Literal

from babel.dates import format_date as babel_date, format_time as babel_time
from babel.numbers import format_currency as babel_currency, format_decimal

Language = Literal["de", "en"]
LANGUAGES: tuple[Language, ...] = ("de", "en")
NARROW_SPACE = "\u202f"
MISSING = "–"

_LOCALE: dict[Language, str] = {"de": "de_DE", "en": "en_GB"}
_GROUPED_GERMAN = re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d+)?")
_GROUPED_ENGLISH = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_AMBIGUOUS = re.compile(r"[+-]?\d{1,3}[.,]\d{3}")
_SPACES = re.compile(r"[\s\u00a0\u202f']")


@dataclass(frozen=True, slots=True)
class ParsedNumber:
    """A number somebody typed.

    Args:
        value: The number that was read.
        ambiguous: True when the same characters mean another number in the other notation; the
            page then shows how they were read.
    """

    value: float
    ambiguous: bool = False


def format_number(
    value: float | None, digits: int = 0, unit: str = "", language: Language = "de"
) -> str:
    """Write a number with the language's separators and a narrow space before the unit.

    Args:
        value: The number; None and NaN give a dash.
        digits: Digits after the decimal separator, always shown.
        unit: Unit, for example "kW"; empty for none.
        language: "de" or "en".
    """
    if value is None or value != value:
        return MISSING
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    text = str(format_decimal(round(value, digits) + 0.0, pattern, locale=_LOCALE[language]))
    return f"{text}{NARROW_SPACE}{unit}" if unit else text


def format_percent(share: float | None, digits: int = 1, language: Language = "de") -> str:
    """Write a share between 0 and 1 as per cent."""
    return format_number(None if share is None else share * 100, digits, "%", language)


def format_currency(amount_eur: float | None, language: Language = "de") -> str:
    """Write an amount of euros with two digits."""
    if amount_eur is None or amount_eur != amount_eur:
        return MISSING
    return str(babel_currency(amount_eur, "EUR", locale=_LOCALE[language]))


def format_date(value: date | datetime | None, language: Language = "de") -> str:
    """Write a date with the month as a word."""
    return MISSING if value is None else str(babel_date(value, "long", locale=_LOCALE[language]))


def format_short_date(value: date | datetime | None, language: Language = "de") -> str:
    """Write a date in digits, `28.11.2025` in German."""
    if value is None:
        return MISSING
    pattern = "dd.MM.yyyy" if language == "de" else "dd/MM/yyyy"
    return str(babel_date(value, pattern, locale=_LOCALE[language]))


def format_time(value: time | datetime | None, language: Language = "de") -> str:
    """Write a time of day to the minute."""
    if value is None:
        return MISSING
    text = str(babel_time(value, "HH:mm", locale=_LOCALE[language]))
    return f"{text} Uhr" if language == "de" else text


def format_duration(seconds: float, language: Language = "de") -> str:
    """Write a duration the way a person would say it.

    Args:
        seconds: Duration in seconds, not negative.
        language: "de" or "en".
    """
    minute, hour = ("Min.", "Std.") if language == "de" else ("min", "h")
    if seconds < 10:
        return format_number(seconds, 1, "s", language)
    if seconds < 120:
        return format_number(seconds, 0, "s", language)
    if seconds < 7200:
        return format_number(seconds / 60, 0, minute, language)
    return format_number(seconds / 3600, 1, hour, language)


def parse_number(text: str, language: Language = "de") -> ParsedNumber:
    """Read a number in German or English notation.

    Args:
        text: What a person typed, for example "1.234,5", "1234.5" or "+0,12".
        language: Notation that wins where both are possible: "1.234" is 1234 in German.

    Raises:
        ValueError: The text is no number in either notation.
    """
    digits = _SPACES.sub("", text)
    ambiguous = bool(_AMBIGUOUS.fullmatch(digits)) and not digits.lstrip("+-").startswith("0")
    if ambiguous:
        grouping = "." if language == "de" else ","
        digits = digits.replace(grouping, "").replace(",", ".")
    elif _GROUPED_GERMAN.fullmatch(digits) and not digits.lstrip("+-").startswith("0"):
        digits = digits.replace(".", "").replace(",", ".")
    elif _GROUPED_ENGLISH.fullmatch(digits) and not digits.lstrip("+-").startswith("0"):
        digits = digits.replace(",", "")
    elif digits.count(",") == 1 and "." not in digits:
        digits = digits.replace(",", ".")
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", digits):
        message = f"no number: {text[:40]!r}"
        raise ValueError(message)
    try:
        return ParsedNumber(float(Decimal(digits)), ambiguous)
    except InvalidOperation as cause:
        message = f"no number: {text[:40]!r}"
        raise ValueError(message) from cause
