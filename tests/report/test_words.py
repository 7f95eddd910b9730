"""The origin in words, cells as people read them, widths of columns."""

from dataclasses import replace
from datetime import date, datetime

import pytest
from hypothesis import given, strategies as st

from shared.contracts.provenance import InputFile, Provenance
from shared.i18n.translator import get_translator
from shared.report.blocks import Column, ColumnKind
from shared.report.cells import format_cell, printable
from shared.report.origin import failure_words, origin_rows
from shared.report.pdf_columns import (
    LANDSCAPE_CHARACTERS,
    Measure,
    arrange,
    measure,
    widths,
)
from shared.ui.result import describe_origin
from tests.report.sample import BERLIN, MOMENT, ORIGIN

DE, EN = get_translator("de"), get_translator("en")
PLAIN = Provenance("Foto", "ab" * 32, (), {}, MOMENT, 1.0, "0.1.0")


def test_every_fact_has_its_line() -> None:
    assert origin_rows(ORIGIN, DE) == [
        ("Eingabe", "Musterstadt <Mitte> 2026.tif"),
        ("Daten", "Beispieldaten, künstlich erzeugt."),
        ("Prüfsumme der Eingabe (SHA-256)", "ab" * 32),
        ("Modell", "solar 0.1.0 (cdcdcdcdcdcd)"),
        (
            "Rechtsstand",
            "Bauordnung NRW, Fassung 3, Stand 1. September 2026 (§ 42a BauO NRW) – "
            "gilt nur bis 1. Oktober 2026",
        ),
        ("Einstellung „mindestfläche_m2“", "4"),
        ("Einstellung „ränder“", "[1, 2]"),
        ("Einstellung „schwelle“", "0,5"),
        ("Einstellung „verbinden“", "ja"),
        ("Startwert des Zufalls „stichprobe“", "1"),
        ("Ausgewertet", "24. November 2026, 14:05 Uhr"),
        ("Dauer", "74\u202fs"),
        ("Programmversion", "0.1.0+g2d7a1a1"),
        ("Kommune", "musterstadt"),
        ("Kennung des Laufs", ORIGIN.run_id),
        ("Vollständigkeit", "3 von 140 Teilen ohne Ergebnis"),
        ("Ohne Ergebnis", "Kachel 12/7: Das Bild ist beschädigt."),
        ("Entscheidung", "Die Entscheidung trifft ein Mensch."),
    ]


def test_a_model_that_ran_in_two_places_is_named_once() -> None:
    """What it said earlier about the same pixels knows no place."""
    (model,) = ORIGIN.models
    twice = replace(ORIGIN, models=(replace(model, runtime="", device=""), model))
    assert origin_rows(twice, DE) == origin_rows(ORIGIN, DE)
    assert describe_origin(twice, DE) == describe_origin(ORIGIN, DE)
    other = replace(ORIGIN, models=(model, replace(model, version="0.2.0")))
    assert describe_origin(other, DE).count("Modell: ") == 2


def test_what_is_unknown_has_no_line() -> None:
    names = [name for name, _ in origin_rows(PLAIN, DE)]
    assert names == [
        "Eingabe",
        "Prüfsumme der Eingabe (SHA-256)",
        "Ausgewertet",
        "Dauer",
        "Programmversion",
        "Entscheidung",
    ]
    assert failure_words(PLAIN, DE) == ""


def test_many_inputs_are_named_up_to_a_bound() -> None:
    inputs = tuple(InputFile(f"{at}.tif", f"{at:064x}") for at in range(25))
    rows = dict(origin_rows(replace(PLAIN, inputs=inputs), DE))
    assert rows["Eingabedatei 20"].startswith("19.tif (")
    assert rows["Weitere Eingabedateien"] == "5"
    one = replace(PLAIN, inputs=(InputFile("scan.pdf", "ab" * 32),))
    assert dict(origin_rows(one, DE))["Eingabedatei"] == "scan.pdf"


def test_the_page_says_rules_and_gaps() -> None:
    text = describe_origin(ORIGIN, DE)
    assert "Rechtsstand: Bauordnung NRW, Fassung 3, Stand 1\\. September 2026" in text
    assert "3 von 140 Teilen ohne Ergebnis." in text
    assert "\\<Mitte\\>" in text


def test_everything_is_there_in_english() -> None:
    rows = dict(origin_rows(ORIGIN, EN))
    assert rows["Completeness"] == "3 of 140 parts without result"
    assert rows["Decision"] == "The decision is made by a person."
    assert not EN.missing & {"Eingabe", "Rechtsstand", "Dauer"}


@pytest.mark.parametrize(
    ("cell", "kind", "german", "english"),
    [
        (None, "text", "–", "–"),
        ("x\u202ey", "text", "xy", "xy"),
        (1234.5, "number", "1.234,5", "1,234.5"),
        (0.256, "percent", "25,6\u202f%", "25.6\u202f%"),
        (True, "yes_no", "ja", "yes"),
        (date(2026, 11, 24), "date", "24.11.2026", "24/11/2026"),
        (
            datetime.fromisoformat("2026-11-24T13:05:00+00:00"),
            "time",
            "24.11.2026, 14:05 Uhr",
            "24/11/2026, 14:05",
        ),
    ],
)
def test_cells(cell: object, kind: ColumnKind, german: str, english: str) -> None:
    column = Column("a", "A", kind, digits=1)
    assert format_cell(cell, column, DE) == german  # type: ignore[arg-type]
    assert format_cell(cell, column, EN) == english  # type: ignore[arg-type]


@given(st.text(max_size=50))
def test_printed_texts_hold_nothing_invisible(text: str) -> None:
    shown = printable(text)
    shown.encode("utf-8")
    assert not set(shown) & set("\u0000\u0007\r\u202e\u2066\ud800")
    assert printable(shown) == shown


def test_zone_of_the_sample() -> None:
    assert MOMENT.tzinfo is BERLIN


texts = st.lists(st.text(max_size=40), max_size=20)


@given(st.lists(st.tuples(texts, st.booleans()), min_size=1, max_size=40))
def test_every_column_stands_somewhere_and_numbers_fit(
    columns: list[tuple[list[str], bool]],
) -> None:
    measures = [measure("Spalte", cells, may_wrap=not number) for cells, number in columns]
    layout = arrange(measures)
    assert {place for part in layout.parts for place in part} == set(range(len(columns)))
    assert all(part[0] == 0 for part in layout.parts)
    for part in layout.parts:
        chosen = [measures[place] for place in part]
        share, each = widths(chosen, is_wide=layout.is_wide)
        assert 0 < share <= 100
        assert sum(each) == pytest.approx(100, abs=0.5)
        if sum(one.needed for one in chosen) <= LANDSCAPE_CHARACTERS and layout.is_wide:
            room = LANDSCAPE_CHARACTERS * share / 100
            for one, width in zip(chosen, each, strict=True):
                assert width / 100 * room >= one.needed * 0.99 - 0.1


def test_parts_are_of_similar_size() -> None:
    layout = arrange([Measure(14, 14)] * 12)
    assert [len(part) for part in layout.parts] == [7, 6]
