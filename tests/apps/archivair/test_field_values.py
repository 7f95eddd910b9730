"""Values that people type: what is understood, what is refused and in which words."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from apps.archivair.documents.patterns import FIELD_NAMES
from apps.archivair.field_values import FIELD_WORDS, field_word, read_typed, shown_value, year_of
from shared.i18n import get_translator

DE, EN = get_translator("de", "archivair"), get_translator("en", "archivair")


def test_every_field_has_a_word() -> None:
    assert tuple(FIELD_WORDS) == FIELD_NAMES
    assert field_word("bauherr", DE) == "Bauherrschaft"
    assert field_word("bauherr", EN) == "Applicant"


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("datum_antrag", "3.5.1957", "1957-05-03"),
        ("datum_antrag", " 3. Mai 1957 ", "1957-05-03"),
        ("datum_antrag", "03.05.57", "1957-05-03"),
        ("datum_antrag", "im Mai 1957", "1957-05"),
        ("datum_antrag", "05.1957", "1957-05"),
        ("datum_antrag", "1957-05-03", "1957-05-03"),
        ("hausnummer", "12 A", "12a"),
        ("hausnummer", "12-14", "12-14"),
        ("hausnummer", "12 1/2", "121/2"),
        ("flur", "007", "7"),
        ("flurstueck_nenner", "12", "12"),
        ("gebaeudeklasse", "4", "4"),
        ("massstab", "1:100", "1:100"),
        ("massstab", "1 : 1 000", "1:1000"),
        ("massstab", "500", "1:500"),
        ("gebuehr_betrag", "1.184,50", "1184.50"),
        ("gebuehr_betrag", "35", "35.00"),
        ("gebuehr_waehrung", "Reichsmark", "RM"),
        ("gebuehr_waehrung", "€", "EUR"),
        ("bauherr", "Müller,  Karl", "Müller, Karl"),
        ("plan_nr", "B-12/3", "B-12/3"),
        ("aktenzeichen", "63/1957 B", "63/1957 B"),
    ],
)  # fmt: skip
def test_what_is_understood(name: str, typed: str, value: str) -> None:
    assert read_typed(name, typed).value == value
    assert not read_typed(name, typed).problem


def test_the_document_decides_the_century() -> None:
    assert read_typed("datum_antrag", "3.5.12", 1911).value == "1912-05-03"
    assert read_typed("datum_antrag", "3.5.12", 2009).value == "2012-05-03"


@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("datum_antrag", "31.02.1957", "Bitte ein Datum eingeben"),
        ("datum_antrag", "3.5.1957 und 4.5.1957", "Bitte ein Datum eingeben"),
        ("datum_antrag", "Antrag vom 3.5.1957", "Bitte ein Datum eingeben"),
        ("datum_antrag", "gestern", "Bitte ein Datum eingeben"),
        ("datum_antrag", "13.1957", "Bitte ein Datum eingeben"),
        ("hausnummer", "zwölf", "Bitte eine Hausnummer"),
        ("plz", "4S879", "vier oder fünf Ziffern"),
        ("flur", "٣", "Die Flur ist eine Zahl"),
        ("gebaeudeklasse", "6", "von 1 bis 5"),
        ("massstab", "1:101", "üblichen Maßstab"),
        ("gebuehr_betrag", "-3", "Bitte einen Betrag"),
        ("gebuehr_betrag", "viel", "Bitte einen Betrag"),
        ("gebuehr_waehrung", "Taler", "Mk, RM, DM und EUR"),
        ("bauherr", "123", "Namen mit Buchstaben"),
        ("vorhaben", "---", "Buchstaben oder Ziffern"),
        ("vorhaben", "x" * 181, "zu lang"),
        ("vorhaben", "Neu\u0000bau", "unzulässige Zeichen"),
        ("ort", "  ", "Unleserlich"),
    ],
)
def test_what_is_refused_in_plain_words(name: str, typed: str, said: str) -> None:
    found = read_typed(name, typed)
    assert found.value == ""
    assert said in DE(found.problem)
    assert EN(found.problem) != found.problem


def test_values_are_shown_as_people_write_them() -> None:
    assert shown_value("datum_antrag", "1957-05-03", DE) == "03.05.1957"
    assert shown_value("datum_antrag", "1957-05", DE) == "05.1957"
    assert shown_value("datum_antrag", "irgendwann", DE) == "irgendwann"
    assert shown_value("gebuehr_betrag", "1184.50", DE) == "1.184,50"
    assert shown_value("bauherr", "Karl Müller", DE) == "Karl Müller"


@pytest.mark.parametrize("value", ["1957-05-03", "1957-05"])
def test_a_shown_date_can_be_typed_again(value: str) -> None:
    for language in (DE, EN):
        assert (
            read_typed("datum_antrag", shown_value("datum_antrag", value, language)).value == value
        )


def test_the_year_of_a_date() -> None:
    assert (year_of("1957-05-03"), year_of("1957-05"), year_of("57")) == (1957, 1957, None)


@given(st.sampled_from(FIELD_NAMES), st.text(max_size=30))
def test_whatever_is_typed_is_either_understood_or_refused(name: str, typed: str) -> None:
    found = read_typed(name, typed)
    assert bool(found.value) != bool(found.problem)
