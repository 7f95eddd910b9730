"""Letters of German: they rank readings, and never bring in a new letter."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from apps.archivair import ngrams
from apps.archivair.language import (
    MAX_COMBINATIONS,
    Slot,
    load_ngrams,
    settle_words,
    word_log_probability,
)


@pytest.mark.parametrize(
    ("true", "wrong"),
    [
        ("zu", "su"),
        ("ist", "iat"),
        ("Fenster", "Penster"),
        ("Zustimmung", "Zuatimmung"),
        ("Entwässerungszeichnung", "Entwässerungsseichnung"),
        ("KELLER", "KELIER"),
        ("(wird,", "(vird,"),
        ("Müller-Lüdenscheid", "Mülier-Lüdenscheid"),
    ],
)
def test_german_words_are_more_likely_than_misreadings(true, wrong):
    assert word_log_probability(true) > word_log_probability(wrong)


@pytest.mark.parametrize("word", ["", "12,50", "§", "63-1/00427"])
def test_signs_and_digits_say_nothing(word):
    assert word_log_probability(word) == 0


def test_unknown_letters_are_unlikely_not_impossible():
    assert -200 < word_log_probability("Łódź") < word_log_probability("Lodz")


def slot(text, *rivals):
    ranked = ((text, 2.0), *((rival, 1.0) for rival in rivals))
    return Slot(text, 1.0 if rivals else 9.0, ranked)


def likes(good):
    return lambda word: 0.0 if word == good else -5.0


def test_close_decisions_follow_the_word():
    line = [slot("s", "z"), slot("u"), slot(" "), slot("k"), slot("e")]
    settled = settle_words(line, 1.0, likes("zu"))
    assert "".join(one.text for one in settled) == "zu ke"
    # votes 1.0 + word 0 against votes 2.0 - 5.0
    assert settled[0].margin == pytest.approx(4.0)
    assert settled[1:] == line[1:]


def test_clear_decisions_stay():
    line = [Slot("s", 9.0, (("s", 10.0), ("z", 1.0))), slot("u")]
    assert settle_words(line, 1.0, likes("zu")) == line


def test_gaps_can_be_chosen_but_blanks_not_touched():
    line = [slot("m", ""), slot("n"), Slot(" ", 0.5, ((" ", 1.5), ("", 1.0)))]
    settled = settle_words(line, 1.0, likes("n"))
    assert [one.text for one in settled] == ["", "n", " "]


def test_many_contested_places_stay_within_bounds():
    asked = []

    def score(word):
        asked.append(word)
        return 0.0

    settle_words([slot("a", "b", "c") for _ in range(30)], 1.0, score)
    assert 1 < len(asked) <= MAX_COMBINATIONS


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from("ab x"), min_size=1, max_size=3, unique=True), max_size=12)
)
def test_only_what_was_read_comes_out(columns):
    line = [slot(texts[0], *texts[1:]) for texts in columns]
    for before, after in zip(line, settle_words(line, 0.7, word_log_probability), strict=True):
        assert after.text in {text for text, _ in before.rivals}


def test_statistics_are_rebuilt_from_a_word_list(tmp_path):
    words = ["Keller", "Kellers", "GROSS", "x1", "Haus", "Hausbau"]
    counted = ngrams.count_ngrams(words)
    assert counted["Kell"] == 2
    assert counted["Hausb"] == 0  # seen once: too rare to keep
    assert counted["_GROS"] == 0
    assert counted["_zu_"] >= ngrams.FREQUENT_WEIGHT
    for name in ("one", "two"):
        ngrams.save_ngrams(counted, tmp_path / f"{name}.npz")
    contents = [np.load(tmp_path / f"{name}.npz") for name in ("one", "two")]
    assert np.array_equal(contents[0]["parts"], contents[1]["parts"])
    assert int(contents[0]["counts"].sum()) == sum(counted.values())


def test_building_needs_tesseracts_tools(monkeypatch, capsys):
    monkeypatch.setattr(ngrams, "find_tesseract", lambda: None)
    assert ngrams.main() == 2
    assert "Tesseract" in capsys.readouterr().err


def test_the_shipped_file_is_small():
    assert ngrams.NGRAMS_FILE.stat().st_size < 500_000
    assert 20_000 < len(load_ngrams()) < 200_000
