"""Only one supervisor works, and the next one takes over."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from shared.jobs.lease import BEAT_EVERY_S, TAKE_OVER_AFTER_S, Lease, LeaseLost, Owner
from shared.jobs.runner import runner_state
from shared.store.engine import session_scope
from shared.store.models import LeaseRow
from shared.store.store import Store

ELSEWHERE = Owner("another-host/boot/1", "1:1", "1234")


class Clock:
    """Monotonic seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_first_one_works_and_the_second_one_watches(store: Store) -> None:
    first = Lease(store.engine, Owner.this_process())
    second = Lease(store.engine, Owner.this_process())
    assert first.try_take()
    assert not second.try_take()
    with session_scope(store.engine) as session:
        first.check(session)
    with pytest.raises(LeaseLost), session_scope(store.engine) as session:
        second.check(session)


def test_who_is_silent_for_20_seconds_is_replaced_and_cannot_write_any_more(store: Store) -> None:
    clock = Clock()
    old, new = (
        Lease(store.engine, ELSEWHERE, clock),
        Lease(store.engine, Owner.this_process(), clock),
    )
    assert old.try_take()
    assert not new.try_take()
    clock.now += TAKE_OVER_AFTER_S - 1
    assert not new.try_take()
    old.beat()
    clock.now += TAKE_OVER_AFTER_S - 1
    assert not new.try_take(), "it gave a sign of life in between"
    clock.now += TAKE_OVER_AFTER_S
    assert new.try_take()
    clock.now += BEAT_EVERY_S
    with pytest.raises(LeaseLost):
        old.beat()


def test_the_lease_of_a_process_that_ended_here_is_taken_at_once(store: Store) -> None:
    script = "from shared.jobs.lease import Owner; print(Owner.this_process())"
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    owner = Owner.parse(ended.stdout.strip())
    assert owner is not None
    assert owner.is_gone()
    assert Lease(store.engine, owner).try_take()
    assert Lease(store.engine, Owner.this_process()).try_take()


def test_a_released_lease_is_taken_at_once(store: Store) -> None:
    first = Lease(store.engine, ELSEWHERE)
    assert first.try_take()
    first.release()
    assert Lease(store.engine, Owner.this_process()).try_take()


def test_a_process_id_that_was_given_away_again_is_another_process() -> None:
    mine = Owner.this_process()
    assert not mine.is_gone()
    assert Owner(mine.place, f"{os.getpid()}:1", mine.token).is_gone()
    assert not ELSEWHERE.is_gone(), "nobody can know that from here"


@pytest.mark.parametrize("text", ["", "a|b", "a|b|c|d"])
def test_an_unknown_owner_is_none(text: str) -> None:
    assert Owner.parse(text) is None


def test_pages_see_who_works(store: Store) -> None:
    assert not runner_state(store).works
    lease = Lease(store.engine, Owner.this_process())
    lease.describe({"workers": 2, "version": "1.2", "cluster": "lokal", "message_code": None})
    assert lease.try_take()
    with session_scope(store.engine) as session:
        lease.check(session)
    state = runner_state(store)
    assert (state.works, state.workers, state.version, state.cluster) == (True, 2, "1.2", "lokal")
    assert not runner_state(store, datetime.now(UTC) + timedelta(seconds=31)).works
    lease.release()
    assert not runner_state(store).works


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_clock_that_jumps_takes_nothing_over(store: Store, jump: timedelta) -> None:
    clock = Clock()
    assert Lease(store.engine, ELSEWHERE, clock).try_take()
    watcher = Lease(store.engine, Owner.this_process(), clock)
    assert not watcher.try_take()
    with session_scope(store.engine) as session:
        row = session.get_one(LeaseRow, "supervisor")
        row.beat_at = datetime.now(UTC) + jump
    clock.now += 1
    assert not watcher.try_take()
