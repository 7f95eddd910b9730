"""The loop that starts batches: at once, one at a time, nothing for those who have gone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from bentoml._internal.marshal.dispatcher import CorkDispatcher

from model_server.dispatch import run_queue, split_job

HARD_STOP_S = 20


class Worker:
    """Stands in for the service: doubles numbers, one batch at a time, as long as it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, most: int = 4) -> None:
        monkeypatch.setattr(CorkDispatcher, "controller", run_queue)
        monkeypatch.setattr(CorkDispatcher, "split_job", split_job)
        self.dispatcher = CorkDispatcher(
            60_000, most, fallback=lambda: None, get_batch_size=len, batch_dim=(0, 0)
        )
        self.batches: list[list[int]] = []
        self.go = asyncio.Event()
        self.go.set()
        self.running = 0
        self.ask = self.dispatcher(self.run)

    async def run(self, batches: Sequence[list[int]]) -> list[list[int]]:
        self.running += 1
        assert self.running == 1
        self.batches.append([number for batch in batches for number in batch])
        await self.go.wait()
        self.running -= 1
        if any(number < 0 for batch in batches for number in batch):
            raise ValueError("negative")
        return [[2 * number for number in batch] for batch in batches]

    def end(self) -> None:
        self.dispatcher.shutdown()


def sleeps_of_this_loop(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Record this loop's sleeps; other loops, such as a server's in a thread, go on as before."""
    here, sleep, sleeps = asyncio.get_running_loop(), asyncio.sleep, []

    async def recording(seconds: float, result: object = None) -> object:
        if asyncio.get_running_loop() is here:
            sleeps.append(seconds)
        return await sleep(seconds, result)

    monkeypatch.setattr(asyncio, "sleep", recording)
    return sleeps


def test_a_single_request_starts_at_once_even_after_a_rush(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story() -> None:
        worker = Worker(monkeypatch)
        worker.go.clear()
        rush = [asyncio.create_task(worker.ask([number])) for number in range(40)]
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.3, worker.go.set)
        assert await asyncio.gather(*rush) == [[2 * number] for number in range(40)]
        assert max(map(len, worker.batches)) == 4
        # The framework's own loop would hold this one back for about as long as the rush waited.
        sleeps = sleeps_of_this_loop(monkeypatch)
        assert await worker.ask([7]) == [14]
        assert sleeps == []
        worker.end()

    asyncio.run(asyncio.wait_for(story(), HARD_STOP_S))


def test_requests_that_nobody_waits_for_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        worker = Worker(monkeypatch, most=2)
        worker.go.clear()
        first = asyncio.create_task(worker.ask([1]))
        while not worker.batches:
            await asyncio.sleep(0.01)
        gone = asyncio.create_task(worker.ask([2]))
        kept = asyncio.create_task(worker.ask([3]))
        await asyncio.sleep(0.01)
        gone.cancel()
        await asyncio.sleep(0.01)
        worker.go.set()
        assert await asyncio.gather(first, kept) == [[2], [6]]
        assert worker.batches == [[1], [3]]
        worker.end()

    asyncio.run(asyncio.wait_for(story(), HARD_STOP_S))


def test_who_has_gone_is_left_out_wherever_he_stood(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        worker = Worker(monkeypatch)
        worker.go.clear()
        first = asyncio.create_task(worker.ask([1]))
        while not worker.batches:
            await asyncio.sleep(0.01)
        waiting = [asyncio.create_task(worker.ask([number])) for number in (2, 3, 4)]
        await asyncio.sleep(0.01)
        waiting[1].cancel()
        await asyncio.sleep(0.01)
        worker.go.set()
        assert await asyncio.gather(first, waiting[0], waiting[2]) == [[2], [4], [8]]
        assert worker.batches == [[1], [2, 4]]
        worker.end()

    asyncio.run(asyncio.wait_for(story(), HARD_STOP_S))


def test_the_rest_of_a_large_request_goes_with_its_client(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        worker = Worker(monkeypatch, most=4)
        worker.go.clear()
        large = asyncio.create_task(worker.ask(list(range(10))))
        while not worker.batches:
            await asyncio.sleep(0.01)
        large.cancel()
        await asyncio.sleep(0.01)
        worker.go.set()
        assert await worker.ask([7]) == [14]
        assert worker.batches == [[0, 1, 2, 3], [7]]
        worker.end()

    asyncio.run(asyncio.wait_for(story(), HARD_STOP_S))


def test_a_request_larger_than_a_batch_is_put_together_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story() -> None:
        worker = Worker(monkeypatch, most=4)
        assert await worker.ask(list(range(10))) == [2 * number for number in range(10)]
        assert list(map(len, worker.batches)) == [4, 4, 2]
        worker.end()

    asyncio.run(asyncio.wait_for(story(), HARD_STOP_S))


def test_the_loop_outlives_a_batch_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        worker = Worker(monkeypatch)
        with pytest.raises(ValueError, match="negative"):
            await worker.ask([-1])
        assert await worker.ask([5]) == [10]
        worker.end()

    asyncio.run(asyncio.wait_for(story(), HARD_STOP_S))
