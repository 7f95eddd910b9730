import itertools
import math

import pytest
from hypothesis import given, strategies as st

from apps.archivair.documents.splitting import (
    LengthPrior,
    PairChance,
    fit_prior,
    split_stream,
    stream_score,
)

PRIOR = fit_prior([1, 1, 2, 2, 2, 3, 4, 1, 6])
chances = st.lists(st.floats(0.001, 0.999), min_size=0, max_size=8)
priors = st.builds(
    LengthPrior,
    st.lists(st.floats(0.01, 0.5), min_size=1, max_size=5).map(tuple),
    st.floats(0.1, 0.95),
    st.floats(0.05, 0.95),
)


def pairs_of(values: list[float], blank: frozenset[int] = frozenset()) -> list[PairChance]:
    return [PairChance(page, value, page in blank) for page, value in enumerate(values, 2)]


@given(chances, priors)
def test_no_other_way_to_cut_scores_higher(values: list[float], prior: LengthPrior) -> None:
    cuts = [one.starts_document for one in split_stream(pairs_of(values), prior)]
    ways = itertools.product((False, True), repeat=len(values))
    best = max(stream_score(values, way, prior) for way in ways)
    assert stream_score(values, cuts, prior) == pytest.approx(best, abs=1e-9)


@given(chances, priors)
def test_probabilities_are_the_shares_of_all_ways(values: list[float], prior: LengthPrior) -> None:
    ways = list(itertools.product((False, True), repeat=len(values)))
    weights = [math.exp(stream_score(values, way, prior)) for way in ways]
    for place, boundary in enumerate(split_stream(pairs_of(values), prior)):
        share = sum(weight for weight, way in zip(weights, ways, strict=True) if way[place])
        assert boundary.probability == pytest.approx(share / sum(weights), abs=1e-6)


def test_a_blank_back_belongs_to_the_document_before() -> None:
    found = split_stream(pairs_of([0.99, 0.99, 0.99], frozenset({3})), PRIOR)
    assert [one.page for one in found] == [2, 3, 4]
    assert [one.starts_document for one in found] == [True, False, True]
    assert found[1].probability == 0.0


def test_usual_lengths_decide_where_pages_say_nothing() -> None:
    pairs = LengthPrior((0.01, 0.97, 0.01), 0.1, 0.5)
    cuts = [one.starts_document for one in split_stream(pairs_of([0.5] * 5), pairs)]
    assert cuts == [False, True, False, True, False]


def test_a_single_page_has_no_boundary() -> None:
    assert split_stream([], PRIOR) == []


def test_clear_pairs_overrule_lengths() -> None:
    found = split_stream(pairs_of([0.999, 0.001, 0.999]), PRIOR)
    assert [one.starts_document for one in found] == [True, False, True]
    assert all(max(one.probability, 1 - one.probability) > 0.9 for one in found)
