"""Streams follow the published rule, whatever the size of the numbers that name them."""

from __future__ import annotations

from zlib import crc32

import numpy as np
import pytest

from shared.demo_city.randomness import place_draws, stream


@pytest.mark.parametrize("ids", [(), (0,), (7, 1_000_000), (2**32 - 1,), (2**32, 5), (10**13,)])
def test_streams_are_those_of_numpy_seeded_with_seed_stage_and_ids(ids: tuple[int, ...]) -> None:
    rule = np.random.Generator(
        np.random.PCG64(np.random.SeedSequence([2026, crc32(b"parcels"), *ids]))
    )
    assert stream(2026, "parcels", *ids).random(4).tolist() == rule.random(4).tolist()


def test_one_more_thing_turns_no_others_round() -> None:
    places = np.array([(i * 31.0 % 400, i * 17.0 % 300) for i in range(40)])
    with_more = np.insert(places, 5, (7.7, 8.8), axis=0)
    draws = place_draws(2026, "plans", places, 3)
    assert draws.shape == (40, 3)
    assert (np.delete(place_draws(2026, "plans", with_more, 3), 5, axis=0) == draws).all()
    assert len(np.unique(draws)) == draws.size
