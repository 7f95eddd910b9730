"""A supervisor that measures how long it works on the database: `... timed_supervisor FILE`.

At each SIGUSR1 it appends one JSON line to the file: milliseconds and number of statements so far,
commits included.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine.default import DefaultDialect

from shared.jobs import commands

_CONTEXT = 4
"""Place of the execution context among what SQLAlchemy hands over around a statement."""


class DatabaseTimer:
    """Adds up the time that statements and commits of this process take."""

    def __init__(self) -> None:
        self.milliseconds = 0.0
        self.statements = 0

    def listen(self) -> None:
        """Begin to measure everything that this process sends to any database."""
        event.listen(Engine, "before_cursor_execute", self._begin)
        event.listen(Engine, "after_cursor_execute", self._end)
        commit: Callable[..., None] = DefaultDialect.do_commit

        def timed_commit(dialect: DefaultDialect, connection: Any) -> None:  # noqa: ANN401
            start = time.perf_counter()
            commit(dialect, connection)
            self.milliseconds += 1000 * (time.perf_counter() - start)

        DefaultDialect.do_commit = timed_commit  # type: ignore[method-assign]

    def _begin(self, *values: Any) -> None:  # noqa: ANN401  # whatever SQLAlchemy hands over
        values[_CONTEXT].trial_start = time.perf_counter()

    def _end(self, *values: Any) -> None:  # noqa: ANN401
        self.milliseconds += 1000 * (time.perf_counter() - values[_CONTEXT].trial_start)
        self.statements += 1


def main() -> int:
    """Run a supervisor and write what was measured when asked to."""
    file = Path(sys.argv[1])
    timer = DatabaseTimer()
    timer.listen()

    def write(number: int, frame: FrameType | None) -> None:
        del number, frame
        line = {"milliseconds": timer.milliseconds, "statements": timer.statements}
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(line) + "\n")

    signal.signal(signal.SIGUSR1, write)
    return commands.main([])


if __name__ == "__main__":
    sys.exit(main())
