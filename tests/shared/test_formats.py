"""Numbers, dates and times in both languages."""

import math
from datetime import date, datetime

import pytest
from hypothesis import given, strategies as st

from shared.i18n.formats import (
    format_currency,
    format_date,
    format_duration,
    format_number,
    format_percent,
    format_short_date,
    format_time,
    parse_number,
)

NARROW = "\u202f"


def test_german_numbers() -> None:
    assert format_number(1234567.89, 1) == "1.234.567,9"
    assert format_number(12.5, 1, "kW") == f"12,5{NARROW}kW"
    assert format_number(-0.04, 1) == "0,0"
    assert format_percent(0.052) == f"5,2{NARROW}%"
    assert format_currency(1234.5).replace("\xa0", " ") == "1.234,50 €"


def test_english_numbers() -> None:
    assert format_number(1234567.89, 1, language="en") == "1,234,567.9"
    assert format_percent(0.5, 0, "en") == f"50{NARROW}%"
    assert format_currency(1234.5, "en") == "€1,234.50"


def test_missing_values_get_a_dash() -> None:
    assert format_number(None) == "–"
    assert format_number(math.nan, 2, "m") == "–"
    assert format_percent(None) == "–"
    assert format_currency(None) == "–"
    assert format_date(None) == "–"
    assert format_time(None) == "–"


def test_dates_and_times() -> None:
    moment = datetime(2025, 11, 28, 14, 5)
    assert format_date(moment) == "28. November 2025"
    assert format_date(moment, "en") == "28 November 2025"
    assert format_short_date(date(2025, 3, 1)) == "01.03.2025"
    assert format_time(moment) == "14:05 Uhr"
    assert format_time(moment, "en") == "14:05"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "0,2 s"), (4.7, "4,7 s"), (59, "59 s"), (600, "10 Min."), (9000, "2,5 Std.")],
)
def test_durations(seconds: float, text: str) -> None:
    assert format_duration(seconds).replace(NARROW, " ") == text


@pytest.mark.parametrize(
    ("text", "value", "ambiguous"),
    [
        ("1.234,5", 1234.5, False),
        ("1234.5", 1234.5, False),
        ("1234,5", 1234.5, False),
        ("1.234", 1234.0, True),
        ("1,234", 1.234, True),
        ("0,125", 0.125, False),
        ("0.125", 0.125, False),
        ("1.234.567", 1234567.0, False),
        ("1,234,567.5", 1234567.5, False),
        ("12 345,6", 12345.6, False),
        ("+7", 7.0, False),
        ("-3,5", -3.5, False),
        (",5", 0.5, False),
    ],
)
def test_typed_numbers_in_german(text: str, value: float, ambiguous: bool) -> None:
    parsed = parse_number(text)
    assert parsed.value == pytest.approx(value)
    assert parsed.ambiguous is ambiguous


def test_ambiguous_number_in_english() -> None:
    assert parse_number("1,234", "en").value == 1234
    assert parse_number("1.234", "en").value == pytest.approx(1.234)


@pytest.mark.parametrize(
    "text", ["", "abc", "1,2,3", "1..2", "12 kW", "1e5", "--1", "nan", "1.2.3"]
)
def test_other_texts_are_no_numbers(text: str) -> None:
    with pytest.raises(ValueError, match="no number"):
        parse_number(text)


@given(st.floats(-1e12, 1e12), st.integers(0, 4))
def test_written_german_numbers_are_read_back(value: float, digits: int) -> None:
    text = format_number(value, digits)
    assert parse_number(text).value == pytest.approx(round(value, digits), abs=10.0**-digits)


@given(st.text(max_size=12))
def test_any_text_is_a_number_or_a_value_error(text: str) -> None:
    try:
        value = parse_number(text).value
    except ValueError:
        return
    assert math.isfinite(value)
