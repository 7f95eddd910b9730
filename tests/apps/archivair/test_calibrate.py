"""Fitting the weights: known answers come back, and the file is always the same."""

import math
import tomllib

import numpy as np
import pytest

from apps.archivair import calibrate
from apps.archivair.calibrate import (
    LineSample,
    count_edits,
    development_page,
    fit_logistic,
    fit_vote,
    fit_words,
    judge_words,
    to_toml,
)
from apps.archivair.confidence import WordModel, word_confidence
from apps.archivair.evaluation_pages import FIRST_SEED
from apps.archivair.vote import VotedLine, load_weights, vote
from shared.errors import ModelServerDown
from tests.apps.archivair.doubles import candidate

TEXT = "Der Bauherr hat den Antrag am 3. Mai gestellt"


def sample(ppocr, tesseract, ppocr_score=0.95, tesseract_score=0.95):
    """A line on which both engines give wrong letters a low score."""

    def scored(engine, text, score):
        wrong = [0.4 if a != b else score for a, b in zip(text, TEXT, strict=True)]
        return candidate(engine, text, scores=wrong)

    again = candidate("ppocr_filtered", ppocr, 0.9)
    return LineSample(
        (
            scored("ppocr", ppocr, ppocr_score),
            scored("tesseract", tesseract, tesseract_score),
            again,
        ),
        TEXT,
    )


SAMPLES = [
    sample(TEXT, TEXT),
    sample(TEXT.replace("Bauherr", "Bauhorr"), TEXT),
    sample(TEXT, TEXT.replace("Antrag", "Antrog")),
    sample(TEXT.replace("gestellt", "gestollt"), TEXT.replace("Mai", "Moi")),
]


def test_logistic_regression_finds_what_made_the_data():
    rng = np.random.default_rng(1)
    values = rng.normal(0, 2, 20_000)
    right = (rng.random(20_000) < 1 / (1 + np.exp(-(0.5 + 1.2 * values)))).astype(float)
    base, slope = fit_logistic(values[:, None], right)
    assert base == pytest.approx(0.5, abs=0.08)
    assert slope == pytest.approx(1.2, abs=0.08)


def test_fitted_weights_leave_no_more_edits_than_the_start():
    fitted = fit_vote(SAMPLES)
    assert count_edits(SAMPLES, fitted) <= count_edits(SAMPLES, load_weights())
    assert fit_vote(SAMPLES) == fitted
    for one in fitted.engines.values():
        assert one.log_odds(0.99) > one.log_odds(0.3)


def test_words_are_judged_by_their_place():
    voted = VotedLine("Der Bauhorr baut", (5.0,) * 16, 0.9, ("ppocr", "tesseract"))
    judged = judge_words(voted, "Der Bauherr baut")
    assert [is_right for _, is_right in judged] == [True, False, True]
    assert [len(margins) for margins, _ in judged] == [3, 7, 4]


def test_confidence_tells_sure_words_from_unsure_ones():
    weights = fit_vote(SAMPLES)
    model = fit_words(SAMPLES, weights)
    voted = vote(SAMPLES[0].candidates, weights)
    assert word_confidence([8.0], voted, model) > word_confidence([0.1], voted, model)


def test_the_file_is_read_back_as_written(tmp_path):
    weights, words = load_weights(), WordModel(-1.0, 0.5, 0.25, 1.0, -0.5)
    text = to_toml(weights, words, 3, 120)
    content = tomllib.loads(text)
    assert content["word"]["mean_margin"] == 0.25
    assert content["language"]["weight"] == weights.language
    assert content["engines"]["ppocr"]["slope"] == weights.engines["ppocr"].slope
    assert "3 rendered development pages from seed 20000, 120 lines" in text


def test_development_pages_differ_from_those_of_the_evaluation():
    page = development_page(calibrate.FIRST_SEED)
    assert np.array_equal(page.image, development_page(calibrate.FIRST_SEED).image)
    assert calibrate.FIRST_SEED + calibrate.PAGES < FIRST_SEED


def test_scores_become_bounded_log_odds():
    odds = calibrate.log_odds(np.array([0.0, 0.5, 1.0]))
    assert odds[1] == 0
    assert np.isfinite(odds).all()
    assert odds[2] == pytest.approx(math.log(0.9995 / 0.0005))


def test_missing_engines_are_said(monkeypatch, capsys, tmp_path):
    out = tmp_path / "weights.toml"
    monkeypatch.setattr(calibrate, "find_tesseract", lambda: None)
    assert calibrate.main(["--out", str(out)]) == 2
    assert "Tesseract" in capsys.readouterr().err

    def down(settings):
        raise ModelServerDown()

    monkeypatch.setattr(calibrate, "find_tesseract", object)
    monkeypatch.setattr(calibrate, "ensure_model_server", down)
    assert calibrate.main(["--out", str(out)]) == 3
    assert not out.exists()
