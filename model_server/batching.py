"""One batch in, one result per item out: no item ever gets or harms its neighbour's result.

The server framework merges the items of many requests, but neither checks that a model returned as
many results as it got nor contains an exception to the item that caused it. This layer does:

1. `len(results) == len(items)` and the order is kept, whatever is broken.
2. An item that cannot be inspected, loaded or finished fails alone. When a prediction raises, its
   group runs once more item by item, so only the guilty item fails. When memory runs out, the
   group is halved until single items are left.
3. Items run together only if they have the same key, and never more than fit the memory budget and
   the model's limit.
4. A prediction that returns a wrong number of results fails its whole group.

Pure Python; time is a parameter; no state between batches.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

from shared.errors import BatchContractError, ItemError, OutOfModelMemory, PredictionFailed

Item = TypeVar("Item")
Seen = TypeVar("Seen")
Loaded = TypeVar("Loaded")
Raw = TypeVar("Raw")
Value = TypeVar("Value")
Made = TypeVar("Made")
ItemIn = TypeVar("ItemIn", contravariant=True)
ValueOut = TypeVar("ValueOut", covariant=True)


class Steps(Protocol[ItemIn, Seen, Loaded, Raw, ValueOut]):
    """What a task does with its items; all methods but `most` may raise `ItemError`."""

    def inspect(self, item: ItemIn) -> Seen:
        """Check what can be checked without decoding."""

    def key(self, seen: Seen) -> Hashable:
        """Return what items must share to run together."""

    def weigh_bytes(self, seen: Seen) -> int:
        """Return the memory that one item needs while it runs, in bytes."""

    def most(self, key: Hashable) -> int:
        """Return the largest batch for the key."""

    def load(self, seen: Seen) -> Loaded:
        """Decode and prepare one item."""

    def predict(self, key: Hashable, loaded: Sequence[Loaded]) -> Sequence[Raw]:
        """Run the model; one result per loaded item, in order."""

    def finish(self, seen: Seen, loaded: Loaded, raw: Raw) -> ValueOut:
        """Turn the raw result of one item into its value."""


@dataclass(frozen=True, slots=True)
class Good(Generic[Value]):
    """An item that worked.

    Args:
        value: Its result.
        batch_size: Number of items that ran together with it, itself included.
        decode_s: Seconds to load it.
        predict_s: Seconds of the batch it ran in.
        encode_s: Seconds to finish it.
    """

    value: Value
    batch_size: int
    decode_s: float
    predict_s: float
    encode_s: float


@dataclass(frozen=True, slots=True)
class Bad:
    """An item that failed alone."""

    error: ItemError


ItemResult = Good[Value] | Bad


@dataclass(frozen=True, slots=True)
class _Predicted(Generic[Raw]):
    raw: Raw
    batch_size: int
    seconds: float


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Item, Seen]):
    index: int
    item: Item
    seen: Seen
    weight: int


class Batch(Generic[Item, Seen, Loaded, Raw, Value]):
    """Runs items through the steps of a task.

    Args:
        steps: The task.
        budget_bytes: Memory that the items of one chunk may need together; one item always runs.
        clock: Monotonic seconds.
        report: Told about faults that are not the item's; the traceback belongs into the log.
    """

    def __init__(
        self,
        steps: Steps[Item, Seen, Loaded, Raw, Value],
        budget_bytes: int,
        clock: Callable[[], float],
        report: Callable[[Item, BaseException], None],
    ) -> None:
        self._steps = steps
        self._budget_bytes = budget_bytes
        self._clock = clock
        self._report = report

    def run(self, items: Sequence[Item]) -> list[ItemResult[Value]]:
        """Return one result per item, in order."""
        results: dict[int, ItemResult[Value]] = {}
        groups: dict[Hashable, list[_Entry[Item, Seen]]] = {}
        for index, item in enumerate(items):
            placed = self._attempt(item, partial(self._place, index, item))
            if isinstance(placed, ItemError):
                results[index] = Bad(placed)
            else:
                key, entry = placed
                groups.setdefault(key, []).append(entry)
        for key, entries in groups.items():
            for chunk in self._chunks(key, entries):
                results.update(self._run_chunk(key, chunk))
        return [results[index] for index in range(len(items))]

    def _place(self, index: int, item: Item) -> tuple[Hashable, _Entry[Item, Seen]]:
        seen = self._steps.inspect(item)
        return self._steps.key(seen), _Entry(index, item, seen, self._steps.weigh_bytes(seen))

    def _chunks(
        self, key: Hashable, entries: Sequence[_Entry[Item, Seen]]
    ) -> Iterator[list[_Entry[Item, Seen]]]:
        most = max(1, self._steps.most(key))
        chunk: list[_Entry[Item, Seen]] = []
        weight = 0
        for entry in entries:
            if chunk and (len(chunk) == most or weight + entry.weight > self._budget_bytes):
                yield chunk
                chunk, weight = [], 0
            chunk.append(entry)
            weight += entry.weight
        yield chunk

    def _run_chunk(
        self, key: Hashable, entries: Sequence[_Entry[Item, Seen]]
    ) -> dict[int, ItemResult[Value]]:
        results: dict[int, ItemResult[Value]] = {}
        ready: list[tuple[_Entry[Item, Seen], Loaded, float]] = []
        for entry in entries:
            start = self._clock()
            loaded = self._attempt(entry.item, partial(self._steps.load, entry.seen))
            if isinstance(loaded, ItemError):
                results[entry.index] = Bad(loaded)
            else:
                ready.append((entry, loaded, self._clock() - start))
        outcomes = self._predict(key, [(entry.item, loaded) for entry, loaded, _ in ready])
        for (entry, loaded, decode_s), outcome in zip(ready, outcomes, strict=True):
            results[entry.index] = self._finish(entry, loaded, decode_s, outcome)
        return results

    def _predict(
        self, key: Hashable, pairs: Sequence[tuple[Item, Loaded]]
    ) -> list[_Predicted[Raw] | ItemError]:
        if not pairs:
            return []
        start = self._clock()
        try:
            raws = list(self._steps.predict(key, [loaded for _, loaded in pairs]))
        except MemoryError:
            if len(pairs) == 1:
                return [OutOfModelMemory()]
            middle = len(pairs) // 2
            return self._predict(key, pairs[:middle]) + self._predict(key, pairs[middle:])
        except Exception as fault:
            if len(pairs) == 1:
                return [self._blame(pairs[0][0], fault)]
            return [outcome for pair in pairs for outcome in self._predict(key, [pair])]
        if len(raws) != len(pairs):
            violation = BatchContractError()
            for item, _ in pairs:
                self._report(item, violation)
            return [violation for _ in pairs]
        seconds = self._clock() - start
        return [_Predicted(raw, len(pairs), seconds) for raw in raws]

    def _finish(
        self,
        entry: _Entry[Item, Seen],
        loaded: Loaded,
        decode_s: float,
        outcome: _Predicted[Raw] | ItemError,
    ) -> ItemResult[Value]:
        if isinstance(outcome, ItemError):
            return Bad(outcome)
        start = self._clock()
        make = partial(self._steps.finish, entry.seen, loaded, outcome.raw)
        value = self._attempt(entry.item, make)
        if isinstance(value, ItemError):
            return Bad(value)
        encode_s = self._clock() - start
        return Good(value, outcome.batch_size, decode_s, outcome.seconds, encode_s)

    def _attempt(self, item: Item, make: Callable[[], Made]) -> Made | ItemError:
        try:
            return make()
        except MemoryError:
            return OutOfModelMemory()
        except Exception as fault:
            return self._blame(item, fault)

    def _blame(self, item: Item, fault: Exception) -> ItemError:
        if isinstance(fault, ItemError):
            return fault
        self._report(item, fault)
        return PredictionFailed()


def run_batch(
    items: Sequence[Item],
    steps: Steps[Item, Seen, Loaded, Raw, Value],
    budget_bytes: int,
    clock: Callable[[], float],
    report: Callable[[Item, BaseException], None],
) -> list[ItemResult[Value]]:
    """Run items through the steps of a task; the arguments are those of `Batch`."""
    return Batch(steps, budget_bytes, clock, report).run(items)
