"""Whether those who ordered the open runs may still do so: looked at now and then, not per unit."""

from __future__ import annotations

from collections.abc import Callable

from shared.jobs.board import Board
from shared.jobs.queue import Queue

LOOK_EVERY_S = 3.0


class Revoking:
    """Notes which open runs must stop, because whoever ordered them has lost the right.

    Only the database is asked: the next supervisor finds the same, and who gets the right back in
    time loses nothing.

    Args:
        board: Open runs.
        queue: The database.
        clock: Monotonic seconds.
    """

    def __init__(self, board: Board, queue: Queue, clock: Callable[[], float]) -> None:
        self._board = board
        self._queue = queue
        self._clock = clock
        self._look_at = float("-inf")

    def look(self) -> None:
        """Look at runs that were just opened, and at all every 3 s.

        Raises:
            DatabaseUnreachable: The database does not answer.
        """
        runs = {id: work for id, work in self._board.runs.items() if not work.is_join}
        if self._clock() >= self._look_at:
            self._look_at = self._clock() + LOOK_EVERY_S
            due = list(runs)
        else:
            due = [run_id for run_id, work in runs.items() if work.is_revoked is None]
        revoked = self._queue.without_right(due) if due else ()
        for run_id in due:
            runs[run_id].is_revoked = run_id in revoked
