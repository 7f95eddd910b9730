"""Workers that come, go, differ or do not answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from shared.errors import ClusterUnreachable
from shared.jobs.board import Task
from shared.jobs.fleet import LOOK_EVERY_S, LOST_S, WITHOUT_WORKERS_S, Fleet
from shared.jobs.worker import versions
from tests.timing import wait_until


class Workers:
    """A cluster that is what the test says."""

    kind = "lokal"

    def __init__(self, *names: str) -> None:
        self.names = set(names)
        self.versions: dict[str, Mapping[str, str] | None] = {}
        self.is_there = True
        self.closed = 0

    def connect(self) -> None:
        if not self.is_there:
            raise ClusterUnreachable()

    def places(self) -> Mapping[str, int]:
        if not self.is_there:
            raise ClusterUnreachable()
        return dict.fromkeys(self.names, 1)

    def versions_of(self, worker: str) -> Mapping[str, str] | None:
        return self.versions.get(worker, versions())

    def submit(self, token: str, worker: str, order: str) -> None:
        raise NotImplementedError

    def forget(self, token: str) -> None:
        raise NotImplementedError

    def restart(self, worker: str) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self.closed += 1


class Clock:
    """Monotonic seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def looking(fleet: Fleet, is_so: Callable[[], object]) -> None:
    """Look until something is so; connecting happens in a thread."""

    def look() -> object:
        fleet.look()
        return is_so()

    wait_until(look)


def task(worker: str) -> Task:
    return Task("t", "run", "a", "units", (), worker, 0.0, 10.0, is_probe=False)


def test_each_worker_is_offered_until_it_is_busy() -> None:
    fleet = Fleet(Workers("one", "two"), Clock())
    looking(fleet, lambda: fleet.size == 2)
    assert sorted(fleet.free_places([])) == ["one", "two"]
    assert fleet.free_places([task("one")]) == ["two"]


def test_a_worker_with_other_versions_is_refused_and_said_so() -> None:
    workers = Workers("one", "old")
    workers.versions["old"] = {**versions(), "Dask": "2020.1"}
    fleet = Fleet(workers, Clock())
    looking(fleet, lambda: fleet.size)
    assert fleet.free_places([]) == ["one"]
    assert fleet.trouble is None

    alone = Workers("old")
    alone.versions = workers.versions
    fleet = Fleet(alone, Clock())
    looking(fleet, lambda: fleet.trouble)
    assert fleet.details()["message_code"] == "fassungen_verschieden"
    assert "2020.1" in str(fleet.trouble)


def test_a_worker_without_our_code_is_refused() -> None:
    workers = Workers("one")
    workers.versions["one"] = {}
    fleet = Fleet(workers, Clock())
    looking(fleet, lambda: fleet.trouble)
    assert fleet.trouble is not None
    assert fleet.trouble.code == "fassungen_verschieden"


def test_a_worker_that_does_not_answer_yet_is_asked_again() -> None:
    clock, workers = Clock(), Workers("one")
    workers.versions["one"] = None
    fleet = Fleet(workers, clock)
    looking(fleet, lambda: workers.versions)
    assert fleet.size == 0
    workers.versions.clear()
    clock.now += 1
    looking(fleet, lambda: fleet.size == 1)


def test_one_silent_look_is_no_lost_cluster_but_three_are() -> None:
    clock, workers = Clock(), Workers("one")
    fleet = Fleet(workers, clock)
    looking(fleet, lambda: fleet.size == 1)
    workers.is_there = False
    for _ in range(2):
        clock.now += LOOK_EVERY_S
        fleet.look()
    assert fleet.size == 1
    clock.now += LOOK_EVERY_S
    with pytest.raises(ClusterUnreachable):
        fleet.look()


def test_a_lost_cluster_is_found_again() -> None:
    clock, workers = Clock(), Workers("one")
    fleet = Fleet(workers, clock)
    looking(fleet, lambda: fleet.size == 1)
    fleet.lose(ClusterUnreachable())
    assert fleet.size == 0
    assert fleet.details()["message_code"] == "rechenverbund_weg"
    looking(fleet, lambda: fleet.size == 1)
    assert fleet.trouble is None
    assert workers.closed == 1


def test_a_cluster_without_workers_is_said_so_after_a_while() -> None:
    clock = Clock()
    fleet = Fleet(Workers(), clock)
    looking(fleet, lambda: not fleet._connecting)
    assert fleet.trouble is None
    clock.now += WITHOUT_WORKERS_S
    fleet.look()
    assert isinstance(fleet.trouble, ClusterUnreachable)


def test_a_worker_that_went_without_a_word_is_lost() -> None:
    clock, workers = Clock(), Workers("one", "two")
    fleet = Fleet(workers, clock)
    looking(fleet, lambda: fleet.size == 2)
    workers.names.remove("two")
    clock.now += LOOK_EVERY_S
    fleet.look()
    assert not fleet.is_lost("two"), "the news of its end may still come"
    clock.now += LOST_S
    fleet.look()
    assert fleet.is_lost("two")
    assert not fleet.is_lost("one")


def test_workers_of_the_past_are_forgotten() -> None:
    clock, workers = Clock(), Workers("one")
    fleet = Fleet(workers, clock)
    looking(fleet, lambda: fleet.size == 1)
    for number in range(20):
        workers.names = {f"worker {number}"}
        clock.now += LOOK_EVERY_S
        fleet.look()
    assert len(fleet._last_seen) <= 4
    assert fleet.is_lost("one")
    assert not fleet.is_lost("worker 18")
