"""The garbage collector rests while a town is made and runs again afterwards."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from shared.demo_city.garbage_pause import collector_paused


@pytest.fixture(autouse=True)
def _running() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


def test_collector_runs_again_after_a_failure() -> None:
    with pytest.raises(ValueError, match="half way"), collector_paused():
        assert not gc.isenabled()
        raise ValueError("half way")
    assert gc.isenabled()


def test_inner_pause_does_not_end_the_outer_one() -> None:
    with collector_paused():
        with collector_paused():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_who_found_the_collector_stopped_leaves_it_stopped() -> None:
    gc.disable()
    with collector_paused():
        pass
    assert not gc.isenabled()
