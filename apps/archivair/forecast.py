"""How long the remaining pages will take, measured on the pages already read."""

from __future__ import annotations

from collections import deque

WINDOW = 20


class Forecast:
    """Counts pages and predicts from the last 20.

    Args:
        total: Number of pages.
        started_s: Monotonic seconds at the start; None takes the first count.
    """

    def __init__(self, total: int, started_s: float | None = None) -> None:
        self.total = total
        self.done = 0
        self._times: deque[float] = deque(maxlen=WINDOW + 1)
        if started_s is not None:
            self._times.append(started_s)

    def count(self, now_s: float) -> None:
        """Note that one more page is done.

        Args:
            now_s: Monotonic seconds.
        """
        self.done += 1
        self._times.append(now_s)

    @property
    def remaining_s(self) -> float | None:
        """Seconds until the end; None while nothing is measured."""
        if len(self._times) < 2:
            return None
        per_page = (self._times[-1] - self._times[0]) / (len(self._times) - 1)
        return per_page * (self.total - self.done)

    def german_line(self) -> str:
        """Return the progress as a German sentence."""
        line = f"Seite {self.done} von {self.total} gelesen"
        remaining = self.remaining_s
        if remaining is None or self.done == self.total:
            return line
        return f"{line}, noch etwa {max(1, round(remaining))} s"
