"""Measuring the search: known share of wrong letters, passages with their true pages."""

from datetime import date
from itertools import islice

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein

from apps.archivair import evaluate_search
from apps.archivair.evaluate_search import draw_passages, evaluate, misread, true_pages
from apps.archivair.search_folding import fold_text

WORDS = [
    "Bauſchein",
    "Grundſtück",
    "Mühlenweg",
    "Gemarkung",
    "Flurkarte",
    "Abnahme",
    "Kellergeſchoß",
    "Treppenhaus",
    "Dachſtuhl",
    "Ziegelmauerwerk",
    "Entwäſſerung",
    "Nachbar",
    "Gebühren",
    "Statik",
    "Sparren",
    "Fundament",
    "Schornſtein",
    "Waſchküche",
]


def made_pages(count):
    """Pages of lines, each with a word of its own."""
    rng = np.random.default_rng(1)
    return {
        number: [
            [WORDS[int(place)] for place in rng.integers(len(WORDS), size=6)],
            [f"Sonderwort{chr(96 + number)}{chr(96 + number)}", "steht", "hier"],
        ]
        for number in range(1, count + 1)
    }


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.3])
def test_letters_are_misread_at_the_asked_rate(rate):
    page = [WORDS * 20] * 5
    spoilt = misread(page, rate, np.random.default_rng(7))
    text = "\n".join(" ".join(line) for line in page)
    other = "\n".join(" ".join(line) for line in spoilt)
    reached = Levenshtein.distance(text, other) / len(text)
    assert 0.85 * rate <= reached <= 1.05 * rate


def test_a_passage_stands_on_the_pages_it_names_and_on_few():
    pages = made_pages(20)
    passages = draw_passages(pages, seed=3, count=40)
    assert passages == draw_passages(pages, seed=3, count=40)
    assert len(passages) == 40
    for one in passages:
        holders = {
            number
            for number, page in pages.items()
            if f" {fold_text(one.text)} "
            in f" {fold_text(chr(10).join(' '.join(line) for line in page))} "
        }
        assert holders == one.pages
        assert 1 <= len(holders) <= 5


def test_figures_name_rate_number_and_interval(monkeypatch):
    monkeypatch.setattr(evaluate_search, "QUICK_QUERIES", 30)
    monkeypatch.setattr(evaluate_search, "QUICK_SPEED_PAGES", 40)
    figures = evaluate(made_pages(20), 3, date(2026, 11, 28), quick=True)
    recalls = [one for one in figures if "character_error_rate" in one]
    assert [one["items"] for one in recalls] == [30] * 4
    assert recalls[0]["value"] == 1.0
    assert recalls[0]["character_error_rate"] == 0.0
    for one in recalls:
        low, high = one["interval_95"]
        assert low <= one["value"] <= high
    assert all(one["measured_on"] == "2026-11-28" for one in figures)
    assert all(one["value"] > 0 for one in figures if one not in recalls)


def test_pages_are_those_of_the_test_side_with_text():
    pages = list(islice(true_pages(95_000, 1), 3))
    assert all(line for page in pages for line in page)
    assert pages == list(islice(true_pages(95_000, 1), 3))
