"""State of the parts behind the pages, asked at most once in five seconds by all pages together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, Literal, TypeVar

from shared.clients.model_server import ModelServerClient
from shared.errors import N_
from shared.settings import get_settings

MAX_AGE_S = 5.0
PAGE_BUDGET_S = 0.05
BUSY_QUEUE_ITEMS = 16

State = Literal["unknown", "ready", "starting", "busy", "down"]
STATE_TEXTS: dict[State, str] = {
    "unknown": N_("Modellserver wird geprüft"),
    "ready": N_("Modellserver bereit"),
    "starting": N_("Modellserver startet"),
    "busy": N_("Modellserver ausgelastet"),
    "down": N_("Modellserver nicht erreichbar"),
}


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What pages show about the model server.

    Args:
        state: One word for the state.
        waiting_for: Models that are not loaded yet.
        queue: Items waiting in the server; None when unknown.
        p50_ms: Median milliseconds of a prediction; None when unknown.
    """

    state: State
    waiting_for: tuple[str, ...] = ()
    queue: int | None = None
    p50_ms: float | None = None

    @property
    def ready(self) -> bool:
        """Say whether requests are answered."""
        return self.state in {"ready", "busy"}


Status = TypeVar("Status")


class Probe(Generic[Status]):
    """Keeps the last state and refreshes it in the background.

    Args:
        ask: Asks; may take seconds, never raises because nobody answers.
        first: State before the first answer.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        ask: Callable[[], Status],
        first: Status,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._status = first
        self._asked_at = float("-inf")
        self._running: threading.Thread | None = None

    def current(self) -> Status:
        """Return the last state within 50 ms; older than five seconds starts a refresh."""
        with self._lock:
            fresh = self._clock() - self._asked_at < MAX_AGE_S
            if not fresh and self._running is None:
                self._running = threading.Thread(target=self._refresh, name="probe", daemon=True)
                self._running.start()
            running = self._running
        if running is not None:
            running.join(PAGE_BUDGET_S)
        return self._status

    def look_now(self) -> Status:
        """Return a state that is at most one second old; for pages that wait for something."""
        with self._lock:
            fresh = self._clock() - self._asked_at < 1.0
        if not fresh:
            self._refresh()
        return self._status

    def _refresh(self) -> None:
        try:
            status = self._ask()
        finally:
            with self._lock:
                self._asked_at = self._clock()
                self._running = None
        self._status = status


class StatusProbe(Probe[ServerStatus]):
    """The probe of the model server.

    Args:
        ask: Asks the server; may take seconds, never raises `ModelServerDown`.
        clock: Monotonic seconds.
    """

    def __init__(
        self, ask: Callable[[], ServerStatus], clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(ask, ServerStatus("unknown"), clock)


def ask_model_server() -> ServerStatus:
    """Ask the model server of this installation for its health."""
    with ModelServerClient(get_settings()) as client:
        health = client.health()
    state: State = health.state
    if state == "ready" and (health.queue or 0) >= BUSY_QUEUE_ITEMS:
        state = "busy"
    return ServerStatus(state, health.waiting_for, health.queue, health.p50_ms)


@lru_cache(maxsize=1)
def probe() -> StatusProbe:
    """Return the one probe of this process."""
    return StatusProbe(ask_model_server)
