"""Random draws in bulk are the draws of each stream."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from shared.demo_city.randomness import draw_index, place_draws, place_ids, stream
from shared.demo_city.streams import WORD, uniform_draws

numbers = st.integers(0, WORD - 1)


@given(
    seed=numbers,
    ids=st.integers(0, 4).flatmap(
        lambda width: st.lists(st.tuples(*[numbers] * width), min_size=1, max_size=4)
    ),
    count=st.integers(0, 5),
)
def test_draws_in_bulk_are_those_of_the_streams(
    seed: int, ids: list[tuple[int, ...]], count: int
) -> None:
    found = uniform_draws(seed, "stage", np.reshape(ids, (len(ids), -1)), count)
    expected = [stream(seed, "stage", *one).random(count) for one in ids]
    np.testing.assert_array_equal(found, np.reshape(expected, (len(ids), count)))


@pytest.mark.parametrize("count", [2, 20])
def test_draws_at_places(count: int) -> None:
    places = np.array([[12.345, 67.85], [-3.05, 4000.0]] * (count // 2))
    found = place_draws(7, "trees", places, 3)
    for row, (x, y) in zip(found, places.tolist(), strict=True):
        np.testing.assert_array_equal(row, stream(7, "trees", *place_ids(x, y)).random(3))
    assert place_draws(7, "trees", np.empty((0, 2)), 3).shape == (0, 3)


@pytest.mark.parametrize(("seed", "number"), [(WORD, 1), (-1, 1), (1, WORD), (1, -1)])
def test_numbers_that_do_not_fit_are_refused(seed: int, number: int) -> None:
    with pytest.raises(ValueError, match="stage"):
        uniform_draws(seed, "stage", [[number]], 1)


@given(seed=st.integers(0, 10_000), shares=st.lists(st.floats(0.01, 9), min_size=1, max_size=9))
def test_index_is_drawn_as_choice_does(seed: int, shares: list[float]) -> None:
    weights = np.array(shares)
    expected = stream(seed, "one").choice(len(shares), p=weights / weights.sum())
    assert draw_index(stream(seed, "one"), tuple(shares)) == expected
