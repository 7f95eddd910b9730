"""CSV for German spreadsheets: readable, re-readable, harmless."""

import csv
import io
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, strategies as st

from shared.report.csv_out import FORMULA_STARTS, harmless_text, write_cell, write_csv


def read(content: bytes) -> list[list[str]]:
    text = content.decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:], newline=""), delimiter=";"))


def test_german_spreadsheet_form() -> None:
    content = write_csv(["Größe", "Fläche"], [["eins", 120.5], ["zwei; drei", -3]])
    expected = '\ufeffGröße;Fläche\r\neins;120,5\r\n"zwei; drei";-3\r\n'
    assert content.decode("utf-8") == expected


def test_cells() -> None:
    assert write_cell(None) == ""
    assert write_cell(float("nan")) == ""
    assert write_cell(float("-inf")) == ""
    assert write_cell(True) == "ja"
    assert write_cell(-0.25) == "-0,25"
    assert write_cell(date(2026, 11, 24)) == "2026-11-24"
    assert write_cell(datetime(2026, 11, 24, 14, 5, tzinfo=UTC)) == "2026-11-24 14:05:00+00:00"


@pytest.mark.parametrize("text", ["=1+1", "+49", "-2", "@SUM(A1)", "\tx", "\rx", "=cmd|' /C'!A0"])
def test_formulas_are_neutralised(text: str) -> None:
    assert harmless_text(text) == f"'{text}"
    assert read(write_csv(["a"], [[text]]))[1] == [f"'{text}"]


def test_rows_must_fit_the_header() -> None:
    with pytest.raises(ValueError, match="2 cells for 1 columns"):
        write_csv(["a"], [["x", "y"]])


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_any_text_is_read_back_and_never_a_formula(cells: list[str]) -> None:
    row = read(write_csv([str(i) for i in range(len(cells))], [cells]))[1]
    assert row == [harmless_text(cell) for cell in cells]
    assert not any(cell.startswith(FORMULA_STARTS) for cell in row)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_read_back_exactly(number: float) -> None:
    (text,) = read(write_csv(["n"], [[number]]))[1]
    assert float(text.replace(",", ".")) == number


@given(st.lists(st.tuples(st.text("ab;\"'\n", max_size=6), st.integers()), max_size=6))
def test_same_input_gives_same_bytes(rows: list[tuple[str, int]]) -> None:
    assert write_csv(["a", "b"], rows) == write_csv(["a", "b"], rows)
