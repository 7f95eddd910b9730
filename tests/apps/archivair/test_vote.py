"""The vote: columns, abstaining engines, lost lines, and what it must never do."""

import pytest
from hypothesis import given, settings, strategies as st

from apps.archivair.confidence import WordModel, word_confidence, word_features
from apps.archivair.vote import EngineWeight, VotedLine, VoteWeights, load_weights, vote
from tests.apps.archivair.doubles import candidate

ENGINES = ("ppocr", "ppocr_filtered", "tesseract")
EQUAL = VoteWeights(
    {name: EngineWeight(base=1.0, slope=0.5, gap=0.8, blank=0.2) for name in ENGINES}, language=0.0
)


def chosen(*texts, weights=EQUAL, scores=(0.95, 0.95, 0.95)):
    return vote(
        [
            candidate(name, text, score)
            for name, text, score in zip(ENGINES, texts, scores, strict=False)
        ],
        weights,
    )


def test_two_of_three_win():
    assert chosen("Bauherr", "Bauhorr", "Bauherr").text == "Bauherr"
    assert chosen("Bauherr", "Bauherr", "Bauhrr").text == "Bauherr"
    assert chosen("Bauher", "Bauherr", "Bauherr").text == "Bauherr"


def test_agreement_and_margins():
    same = chosen("Keller", "Keller", "Keller")
    assert (same.agreement, same.engines) == (1.0, ENGINES)
    split = chosen("Keller", "Kel1er", "Keller")
    assert split.text == "Keller"
    assert split.agreement == pytest.approx(5 / 6)
    assert split.margins[3] == min(split.margins) > 0
    assert len(split.margins) == len(split.text)


def test_one_engine_alone_is_believed_without_agreement():
    alone = vote([candidate("ppocr", "Keller")], EQUAL)
    assert (alone.text, alone.agreement, alone.engines) == ("Keller", 0.0, ("ppocr",))


def test_nothing_read_gives_nothing():
    assert vote([], EQUAL) == VotedLine("", (), 0.0, ())
    assert vote([candidate("ppocr", "")], EQUAL).text == ""


def test_a_reading_of_another_line_does_not_vote():
    voted = chosen("Der Bauherr ist zufrieden", "xxxx yyy zz", scores=(0.98, 0.5))
    assert voted.text == "Der Bauherr ist zufrieden"
    assert voted.engines == ("ppocr",)


def test_who_cannot_write_a_character_abstains():
    assert chosen("Allgemeinen", "Allgemeinen", "„Allgemeinen").text == "„Allgemeinen"
    assert chosen(",Allgemeinen", ",Allgemeinen", "„Allgemeinen").text == "„Allgemeinen"
    assert chosen("84 m²", "84 m?", "84 m2").text != "84 m2"


def test_a_blank_needs_less_than_a_letter():
    assert chosen("zuversehen", "zuversehen", "zu versehen").text == "zu versehen"
    assert chosen("versehen", "versehen", "verssehen").text == "versehen"


def test_letters_of_german_decide_between_readings():
    with_words = VoteWeights(EQUAL.engines, language=0.6)
    readings = ("swei Fenster", "swei Penster", "zwei Fenster")
    assert chosen(*readings).text == "swei Fenster"
    assert chosen(*readings, weights=with_words).text == "zwei Fenster"


def test_the_shipped_weights_are_sensible():
    weights = load_weights()
    assert set(weights.engines) == set(ENGINES)
    for one in weights.engines.values():
        assert one.log_odds(0.99) > one.log_odds(0.5) > 0
    assert weights.language > 0


LETTERS = st.text(alphabet="abeSß. ", min_size=1, max_size=18)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(LETTERS, st.floats(0, 1)), min_size=1, max_size=3))
def test_the_vote_only_uses_what_was_read(readings):
    candidates = [
        candidate(name, text, score) for name, (text, score) in zip(ENGINES, readings, strict=False)
    ]
    voted = vote(candidates)
    assert len(voted.margins) == len(voted.text)
    assert set(voted.text) <= {char for one in candidates for char in one.text}
    assert 0 <= voted.agreement <= 1
    assert vote(candidates) == voted


@settings(max_examples=60, deadline=None)
@given(LETTERS, st.floats(0, 1))
def test_engines_that_agree_are_repeated(text, score):
    assert vote([candidate(name, text, score) for name in ENGINES]).text == text


MODEL = WordModel(base=-1.0, least_margin=0.5, mean_margin=0.1, agreement=1.0, single_engine=-0.5)


def test_confidence_follows_the_margin_and_stays_a_probability():
    line = VotedLine("Wort", (), 0.9, ("ppocr", "tesseract"))
    values = [word_confidence([margin] * 4, line, MODEL) for margin in (-3, 0, 1, 4, 50)]
    assert values == sorted(values)
    assert values[0] >= 0.02
    assert values[-1] <= 0.995
    # -1 + 0.5 * 4 + 0.1 * 4 + 1.0 * 0.9 = 2.3; 1 / (1 + exp(-2.3)) = 0.909
    assert word_confidence([4.0, 4.0], line, MODEL) == 0.909


def test_a_single_engine_and_no_letters_are_features_too():
    assert word_features([], 0.0, 1) == (0.0, 0.0, 0.0, 1.0)
    assert word_features([20.0, 2.0], 0.5, 3) == (2.0, 7.0, 0.5, 0.0)
