"""Folding for the search: one form for all spellings, and the way back to the words."""

import unicodedata

import pytest
from hypothesis import given, strategies as st

from apps.archivair.search_folding import fold_lines, fold_text

LETTERS = "abcdefghijklmnopqrstuvwxyzäöüßſABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÜẞéàç0123456789"
WORDS = st.text(alphabet=LETTERS + "-.,:;/()„“‚‘§\N{COMBINING LATIN SMALL LETTER E}", max_size=12)
LINES = st.lists(st.lists(WORDS.filter(lambda word: word.split() == [word]), max_size=5))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Mühlenſtraße", "Muehlenstrasse"),
        ("MÜHLENSTRASSE", "mühlenstraße"),
        ("Mu\N{COMBINING LATIN SMALL LETTER E}hlenſtraße", "Mühlenstrasse"),
        ("Mu\N{COMBINING DIAERESIS}hlenstraße", "Mühlenstraße"),
        ("GRO\N{LATIN CAPITAL LETTER SHARP S}E Straße", "große strasse"),
        ("Baugeneh-\nmigung", "Baugenehmigung"),
        ("Bauge⸗\nnehmigung", "Baugenehmigung"),
        ("Bau\N{SOFT HYPHEN}\nschein", "Bauschein"),
        ("„Bauherr“,", "Bauherr"),
        ("Müller-\nSchmidt", "Müller-Schmidt"),
        ("Bau- \n und Betriebsbeschreibung", "Bau und Betriebsbeschreibung"),
        ("Haus 12-\n14", "Haus 12-14"),
        ("  zwei \t Wörter ", "zwei Wörter"),
    ],
)
def test_spellings_of_one_word_are_folded_alike(one, other):
    assert fold_text(one) == fold_text(other) != ""


@pytest.mark.parametrize(
    ("one", "other"), [("Bauer", "Bau er"), ("Flur 7", "Flur 17"), ("Straße 12/3", "Straße 123")]
)
def test_different_words_stay_different(one, other):
    assert fold_text(one) != fold_text(other)


@given(st.text(alphabet=LETTERS + " -.,/\n"))
def test_what_is_folded_folds_to_itself(text):
    folded = fold_text(text)
    assert fold_text(folded) == folded


@given(st.text())
def test_any_text_folds_to_small_letters_without_marks_at_its_ends(text):
    folded = fold_text(text)
    assert folded == folded.strip()
    assert not set(folded) & set("äöüßſ\n")
    assert not folded or (folded[0].isalnum() and folded[-1].isalnum())


@given(st.text(alphabet=LETTERS + " "))
def test_decomposed_and_composed_texts_fold_alike(text):
    assert fold_text(unicodedata.normalize("NFD", text)) == fold_text(text)


@given(LINES)
def test_a_page_folds_like_its_text(lines):
    assert fold_lines(lines).text == fold_text("\n".join(" ".join(line) for line in lines))


@given(LINES)
def test_every_word_is_found_where_its_span_says(lines):
    folded = fold_lines(lines)
    assert len(folded.spans) == sum(len(line) for line in lines)
    assert list(folded.spans) == sorted(folded.spans)
    for place, (start, end) in enumerate(folded.spans):
        touched = folded.words_at(start, end)
        assert (place in touched) == (end > start)
        assert all(
            folded.spans[one][0] < end and folded.spans[one][1] > start
            for one in touched
            if folded.spans[one][0] < folded.spans[one][1]
        )


def test_both_halves_of_a_broken_word_are_marked():
    folded = fold_lines([["die", "Baugeneh-"], ["migung", "wird"]])
    start = folded.text.index("baugenehmigung")
    assert list(folded.words_at(start, start + len("baugenehmigung"))) == [1, 2]
