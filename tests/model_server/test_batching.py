"""The batching layer: the six properties, with random batches."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings, strategies as st

from model_server.batching import Bad, Good, run_batch
from shared.errors import BatchContractError, EmptyFile, ItemError

EXAMPLES = settings(max_examples=500, deadline=None)
FAULTS = (
    "",
    "inspect",
    "inspect_bug",
    "inspect_memory",
    "key_bug",
    "weigh",
    "weigh_bug",
    "load",
    "load_bug",
    "load_memory",
    "predict",
    "predict_item_error",
    "predict_memory",
    "finish",
    "finish_bug",
    "finish_memory",
)
CODES = {
    "inspect": "datei_leer",
    "inspect_bug": "vorhersage_gescheitert",
    "inspect_memory": "speicher",
    "key_bug": "vorhersage_gescheitert",
    "weigh": "datei_leer",
    "weigh_bug": "vorhersage_gescheitert",
    "load": "datei_leer",
    "load_bug": "vorhersage_gescheitert",
    "load_memory": "speicher",
    "predict": "vorhersage_gescheitert",
    "predict_item_error": "datei_leer",
    "predict_memory": "speicher",
    "finish": "datei_leer",
    "finish_bug": "vorhersage_gescheitert",
    "finish_memory": "speicher",
}


@dataclass(frozen=True)
class Thing:
    """An item with an identity, a group, a weight and perhaps a fault."""

    name: int
    group: int = 0
    weight: int = 1
    fault: str = ""


@dataclass
class Doubler:
    """Steps that double an item's name and fail where the item says so."""

    most_items: int = 4
    memory: int = 10**9
    seen_batches: list[list[Thing]] = field(default_factory=list)
    tries: Counter[int] = field(default_factory=Counter)

    def _fail(self, thing: Thing, stage: str) -> None:
        if thing.fault == stage:
            raise EmptyFile()
        if thing.fault == f"{stage}_bug":
            raise ValueError(stage)
        if thing.fault == f"{stage}_memory":
            raise MemoryError

    def inspect(self, item: Thing) -> Thing:
        self._fail(item, "inspect")
        return item

    def key(self, seen: Thing) -> int:
        self._fail(seen, "key")
        return seen.group

    def weigh_bytes(self, seen: Thing) -> int:
        self._fail(seen, "weigh")
        return seen.weight

    def most(self, key: object) -> int:
        return self.most_items

    def load(self, seen: Thing) -> Thing:
        self._fail(seen, "load")
        return seen

    def predict(self, key: object, loaded: Sequence[Thing]) -> list[int]:
        assert {thing.group for thing in loaded} == {key}
        self.seen_batches.append(list(loaded))
        self.tries.update(thing.name for thing in loaded)
        if sum(thing.weight for thing in loaded) > self.memory:
            raise MemoryError
        for thing in loaded:
            if thing.fault == "predict":
                raise ValueError
            if thing.fault == "predict_item_error":
                raise EmptyFile()
            if thing.fault == "predict_memory":
                raise MemoryError
        return [2 * thing.name for thing in loaded]

    def finish(self, seen: Thing, loaded: Thing, raw: int) -> int:
        assert seen is loaded
        self._fail(seen, "finish")
        return raw


def ticking() -> object:
    """Return a clock that advances one second per look."""
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 1.0
        return now

    return clock


def run(things: Sequence[Thing], steps: Doubler, budget: int = 100) -> list[object]:
    """Run a batch and collect the reports on the steps."""
    reports: list[tuple[Thing, BaseException]] = []
    steps.reports = reports
    return run_batch(things, steps, budget, ticking(), lambda *report: reports.append(report))


def plain(results: Sequence[object]) -> list[object]:
    """Return values and error codes only."""
    return [result.value if isinstance(result, Good) else result.error.code for result in results]


def expected(thing: Thing) -> object:
    """Return what one item alone must give."""
    return CODES[thing.fault] if thing.fault else 2 * thing.name


things = st.lists(
    st.builds(
        Thing,
        name=st.integers(0, 10**6),
        group=st.integers(0, 2),
        weight=st.integers(1, 60),
        fault=st.sampled_from(FAULTS),
    ),
    max_size=16,
    unique_by=lambda thing: thing.name,
)


@EXAMPLES
@given(things, st.integers(1, 8), st.integers(1, 200))
def test_each_item_gets_exactly_its_own_result(batch: list[Thing], most: int, budget: int) -> None:
    steps = Doubler(most_items=most)
    results = run(batch, steps, budget)
    assert plain(results) == [expected(thing) for thing in batch]


@EXAMPLES
@given(things, st.integers(1, 8))
def test_a_poison_costs_its_neighbours_at_most_one_extra_pass(
    batch: list[Thing], most: int
) -> None:
    steps = Doubler(most_items=most)
    clean = [thing for thing in batch if thing.fault in ("", "predict")]
    run(clean, steps, 10**6)
    assert all(steps.tries[thing.name] <= 2 for thing in clean)


@EXAMPLES
@given(things, st.integers(1, 8), st.integers(1, 200))
def test_batches_stay_within_budget_limit_and_group(
    batch: list[Thing], most: int, budget: int
) -> None:
    steps = Doubler(most_items=most)
    run(batch, steps, budget)
    for together in steps.seen_batches:
        assert len(together) <= most
        assert len(together) == 1 or sum(thing.weight for thing in together) <= budget
        assert len({thing.group for thing in together}) == 1


@EXAMPLES
@given(things, st.integers(1, 8), st.randoms(use_true_random=False))
def test_a_permuted_batch_gives_permuted_results(
    batch: list[Thing], most: int, shuffle: random.Random
) -> None:
    order = list(range(len(batch)))
    shuffle.shuffle(order)
    straight = plain(run(batch, Doubler(most_items=most)))
    permuted = plain(run([batch[place] for place in order], Doubler(most_items=most)))
    assert permuted == [straight[place] for place in order]


@EXAMPLES
@given(things, st.integers(1, 8))
def test_running_twice_gives_the_same(batch: list[Thing], most: int) -> None:
    steps = Doubler(most_items=most)
    assert plain(run(batch, steps)) == plain(run(batch, steps))


@EXAMPLES
@given(things, st.integers(1, 60))
def test_short_memory_halves_until_single_items(batch: list[Thing], memory: int) -> None:
    healthy = [replace(thing, fault="", group=0) for thing in batch]
    steps = Doubler(most_items=16, memory=memory)
    results = run(healthy, steps, 10**6)
    wanted = ["speicher" if thing.weight > memory else 2 * thing.name for thing in healthy]
    assert plain(results) == wanted


@pytest.mark.parametrize("change", [lambda raws: raws[:-1], lambda raws: [*raws, raws[0]]])
def test_a_wrong_count_fails_the_whole_group_and_no_other(change: object) -> None:
    class Liar(Doubler):
        def predict(self, key: object, loaded: Sequence[Thing]) -> list[int]:
            raws = super().predict(key, loaded)
            return change(raws) if key == 1 else raws

    batch = [Thing(name, group=name % 2) for name in range(6)]
    steps = Liar(most_items=8)
    results = run(batch, steps)
    assert plain(results) == [0, "stapel_verletzt", 4, "stapel_verletzt", 8, "stapel_verletzt"]
    assert {type(fault) for _, fault in steps.reports} == {BatchContractError}


def test_a_predictor_that_drops_an_item_after_a_poison_yields_only_errors() -> None:
    class Liar(Doubler):
        def predict(self, key: object, loaded: Sequence[Thing]) -> list[int]:
            return super().predict(key, loaded)[1:]

    batch = [Thing(1), Thing(2, fault="predict"), Thing(3)]
    results = run(batch, Liar())
    assert plain(results) == ["stapel_verletzt", "vorhersage_gescheitert", "stapel_verletzt"]


def test_only_faults_that_are_not_the_items_are_reported() -> None:
    steps = Doubler()
    run([Thing(1, fault="load"), Thing(2, fault="load_bug"), Thing(3, fault="predict")], steps)
    assert [(thing.name, type(fault)) for thing, fault in steps.reports] == [
        (2, ValueError),
        (3, ValueError),
    ]


def test_times_and_batch_size_are_told() -> None:
    results = run([Thing(1), Thing(2), Thing(3)], Doubler(most_items=2))
    assert [result.batch_size for result in results] == [2, 2, 1]
    assert all(result.decode_s == 1 for result in results)
    assert all(result.predict_s == 1 for result in results)
    assert all(result.encode_s == 1 for result in results)


def test_an_interrupt_is_not_an_items_fault() -> None:
    class Interrupted(Doubler):
        def predict(self, key: object, loaded: Sequence[Thing]) -> list[int]:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run([Thing(1)], Interrupted())


def test_no_items_give_no_results() -> None:
    assert run([], Doubler()) == []


def test_errors_of_items_are_item_errors() -> None:
    (result,) = run([Thing(1, fault="inspect_bug")], Doubler())
    assert isinstance(result, Bad)
    assert isinstance(result.error, ItemError)
