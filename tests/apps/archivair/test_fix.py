"""Repairs by rule: quotes, paragraph signs, spaced-out words, foreign letters."""

import pytest
from hypothesis import given, strategies as st

from apps.archivair.fix import (
    repair_line,
    restore_paragraph_signs,
    restore_quotes,
    to_german_alphabet,
)
from tests.apps.archivair.doubles import candidate


@pytest.mark.parametrize(
    ("read", "true"),
    [
        ('Der „Bauherr" sagt', "Der „Bauherr“ sagt"),
        ('Der ,,Bauherr" sagt', "Der „Bauherr“ sagt"),
        ("Der ,,Bauherr“ sagt", "Der „Bauherr“ sagt"),
        ('Der ,Bauherr" sagt', "Der „Bauherr“ sagt"),
        ("Die „Allgemeinen\nBedingungen” gelten", "Die „Allgemeinen\nBedingungen“ gelten"),
        ("Das Wort ,ja’ fehlt", "Das Wort ‚ja‘ fehlt"),
        ("Das Wort ‚ja' fehlt", "Das Wort ‚ja‘ fehlt"),
        ('„Eins" und „zwei"', "„Eins“ und „zwei“"),
        ('(„Neubau")', "(„Neubau“)"),
    ],
)
def test_german_quotes_come_back(read, true):
    assert restore_quotes(read) == true
    assert restore_quotes(true) == true


@pytest.mark.parametrize(
    "text",
    [
        "Auf Ihren Antrag, der am 3. Mai einging, wird erteilt",
        'Rohr 3/4" und 5/4" verzinkt',
        "Er hat's gesehen, wie's war",
        "Maße 3,50 m, 4,20 m",
        "Nr. 5, 6 und 7",
        'A " B " C',
    ],
)
def test_no_quote_is_invented(text):
    assert restore_quotes(text) == text


def test_a_speck_before_a_word_is_no_quote():
    assert restore_quotes("‚Heizung im Keller") == "Heizung im Keller"
    assert restore_quotes("‚Heizung im‘ Keller") == "‚Heizung im‘ Keller"


@given(st.text(alphabet="ab „“‚‘\",'\n(.", max_size=40))
def test_quotes_are_restored_once_and_no_word_comes_or_goes(text):
    once = restore_quotes(text)
    assert restore_quotes(once) == once
    letters = [[char for char in part if char.isalpha()] for part in (text, once)]
    assert letters[0] == letters[1]
    assert len(once.split(" ")) == len(text.split(" "))


@pytest.mark.parametrize(
    ("read", "true"),
    [
        ("(S 30 Abs. 5)", "(§ 30 Abs. 5)"),
        ("($ 17\nAbs. 2)", "(§ 17\nAbs. 2)"),
        ("nach 5 53 Abs. 1", "nach § 53 Abs. 1"),
        ("S 34 BauGB", "§ 34 BauGB"),
    ],
)
def test_paragraph_signs_come_back_in_legal_references(read, true):
    assert restore_paragraph_signs(read) == true


@pytest.mark.parametrize(
    "text", ["Artikel 53 Abs. 2", "§ 5 Abs. 2", "Stahl S 235", "§ 85 Abs. 1", "Seite 5 12 m lang"]
)
def test_numbers_are_no_paragraph_signs(text):
    assert restore_paragraph_signs(text) == text


@pytest.mark.parametrize(
    ("read", "true"),
    [
        ("Herr  B ö h m  kommt", "Herr Böhm kommt"),
        ("Herr G r ö B e r, hier", "Herr Größer, hier"),
        ("F r ö h 1 i c h", "Fröhlich"),
        ("Herr K a r l-Heinz Weiß", "Herr Karl-Heinz Weiß"),
        ("eine Fläche von 84 m2.", "eine Fläche von 84 m²."),
        ("eine Fläche von 84 m?, dazu", "eine Fläche von 84 m², dazu"),
        ("Fla\u0308che", "Fläche"),
    ],
)
def test_lines_are_repaired(read, true):
    assert repair_line(read) == true
    assert repair_line(true) == true


@pytest.mark.parametrize("text", ["a 1 b 2 c", "A 4 quer", "Nr. 5 m 3", "i n dem Haus", "M 25 m2x"])
def test_lines_that_need_no_repair(text):
    assert repair_line(text) == text


def test_letters_of_other_alphabets_become_german():
    read = to_german_alphabet(candidate("ppocr", "Grőβe В 1。中 …"))
    assert read.text == "Größe B 1. ..."
    assert len(read.scores) == len(read.text)
