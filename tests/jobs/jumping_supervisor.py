"""A supervisor on a machine whose clock jumps by an hour, forth and back, again and again."""

import sys
import time
from datetime import datetime, timedelta, tzinfo

from shared.jobs import commands, lease, queue, results, supervisor

JUMP = timedelta(hours=1)


class JumpingDatetime(datetime):
    """The time for people; every second it is another hour."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        """Return a moment that is an hour early, right, or an hour late."""
        return datetime.now(tz) + (int(time.monotonic()) % 3 - 1) * JUMP


if __name__ == "__main__":
    for module in (lease, queue, results, supervisor):
        if hasattr(module, "datetime"):
            module.datetime = JumpingDatetime  # type: ignore[attr-defined]
    sys.exit(commands.main([]))
