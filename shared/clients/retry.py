"""When to ask the model server again: bounded, jittered, stoppable."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field

from shared.errors import Cancelled

MAX_TRIES = 6
MAX_WAIT_S = 20.0
FIRST_WAIT_S = 0.5
RECONNECT_WAIT_S = 0.3
JITTER = 0.25
_SLICE_S = 0.1

Stop = Callable[[], bool]


def never() -> bool:
    """Say that nobody wants to stop."""
    return False


@dataclass(frozen=True, slots=True)
class Pace:
    """Clock, sleep and jitter of a client; tests replace them.

    Args:
        clock: Monotonic time in seconds.
        sleep: Waits a number of seconds.
        sleep_async: The same without holding up the other work of an event loop.
        jitter: Seeded generator that spreads the waits of many clients.
    """

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    sleep_async: Callable[[float], Awaitable[None]] = asyncio.sleep
    jitter: random.Random = field(
        # The process id spreads the waits of several processes; nothing is hidden by it.
        default_factory=lambda: random.Random(os.getpid())  # noqa: S311
    )

    def wait(self, seconds: float, stop: Stop) -> None:
        """Wait and look at `stop` at least every 0.1 s.

        Raises:
            Cancelled: `stop` said yes.
        """
        for piece in self._pieces(seconds, stop):
            self.sleep(piece)

    async def wait_async(self, seconds: float, stop: Stop) -> None:
        """Wait like `wait` in an event loop."""
        for piece in self._pieces(seconds, stop):
            await self.sleep_async(piece)

    def backoff_s(self, headers: Mapping[str, str], tries: int) -> float:
        """Return the seconds to wait after a 429 or 503.

        Args:
            headers: Headers of the refusal; `Retry-After` in whole seconds is honoured.
            tries: How often the request was refused before this time.
        """
        asked = headers.get("retry-after", "")
        if asked.isascii() and asked.isdigit():
            # Never earlier than asked for, so the spread only goes upwards.
            return min(float(asked), MAX_WAIT_S) * (1 + JITTER * self.jitter.random())
        spread = 1 + JITTER * (2 * self.jitter.random() - 1)
        return float(min(FIRST_WAIT_S * 2**tries, MAX_WAIT_S) * spread)

    def _pieces(self, seconds: float, stop: Stop) -> Iterator[float]:
        until = self.clock() + seconds
        while True:
            if stop():
                raise Cancelled()
            left = until - self.clock()
            if left <= 0:
                return
            yield min(left, _SLICE_S)
