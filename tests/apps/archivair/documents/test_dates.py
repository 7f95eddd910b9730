from datetime import date

import pytest
from hypothesis import given, strategies as st

from apps.archivair.documents.dates import MONTHS, find_dates, full_year, guess_year, month_number


@pytest.mark.parametrize(
    ("text", "hint", "value"),
    [
        ("den 3. Mai 1957", None, "1957-05-03"),
        ("am 03.05.57", 1957, "1957-05-03"),
        ("am 03.05.05", 1905, "1905-05-03"),
        ("am 03.05.05", 2004, "2005-05-03"),
        ("am 14. 3. 98", 1898, "1898-03-14"),
        ("im Mai 1957", None, "1957-05"),
        ("den 17ten October 1898", None, "1898-10-17"),
        ("den 2. Octbr. 1899", None, "1899-10-02"),
        ("den 9. Mårz 1923", None, "1923-03-09"),
        ("den 5. Auguſt 1911", None, "1911-08-05"),
        ("den l2. Septernber I957", None, "1957-09-12"),
        ("den 3.\nMai 1957", None, "1957-05-03"),
        ("2018-06-04", None, "2018-06-04"),
    ],
)
def test_dates_of_all_eras(text: str, hint: int | None, value: str) -> None:
    found = find_dates(text, hint)
    assert [one.value for one in found] == [value]


@pytest.mark.parametrize(
    "text", ["Flur 12 Mauer 1957", "31.02.1957", "DIN 1045", "14/20 cm", "§ 31 BBauG", "3,50 m"]
)
def test_what_is_no_date(text: str) -> None:
    assert find_dates(text, 1957) == []


def test_repaired_figures_and_guessed_centuries_count_less() -> None:
    exact = find_dates("3.5.1957")[0].strictness
    assert find_dates("3.5.57")[0].strictness < exact
    assert find_dates("l3.5.1957")[0].strictness < exact


@given(st.dates(date(1860, 1, 1), date(2039, 12, 31)))
def test_written_dates_are_found_again(day: date) -> None:
    month = MONTHS[day.month - 1][0]
    for text in (f"{day.day}. {month.capitalize()} {day.year}", day.strftime("%d.%m.%Y")):
        assert [one.value for one in find_dates(f"am {text} hier")] == [day.isoformat()]


def test_months_are_told_from_other_words() -> None:
    assert month_number("Juni") == 6
    assert month_number("Juli") == 7
    assert month_number("Mauer") == 0
    assert month_number("Haus") == 0


def test_the_year_of_a_file_is_guessed_from_dates_then_currency() -> None:
    assert guess_year(["am 3.5.1957, DIN 1045", "am 4. Mai 1958", "den 1.1.1957"]) == 1957
    assert guess_year(["Gebühr 12,50 RM"]) == 1934
    assert guess_year(["Küche"]) is None
    assert full_year("57", None) == 1957
