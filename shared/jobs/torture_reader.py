"""A process that uses the store like the gallery does, so that the torture can kill it anywhere.

It orders the same run again and again as a double click would, looks at it as a page does, and
stores files; every now and then it is in the middle of a transaction or of a file.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from itertools import cycle

from shared.errors import UrbanKiError
from shared.jobs.forecast import forecast
from shared.jobs.trial import PRINCIPAL
from shared.settings import get_settings
from shared.store import artifacts, runs
from shared.store.progress import read_pace
from shared.store.run_views import RunOrder
from shared.store.store import Store, open_store

_PAUSE_S = 0.05
_UPLOADS = 50
"""Different files, each stored again and again, so that a long torture fills no disk."""
_REPEATS = 50_000


def use_once(store: Store, number: int) -> None:
    """Do once what pages do.

    Args:
        store: Database and files.
        number: Names the file that is stored.

    Raises:
        UrbanKiError: The database or the files are away.
    """
    artifacts.save(
        PRINCIPAL,
        store,
        f"{number:06d}".encode() * _REPEATS,
        name=f"Lesezeichen {number}.bin",
        media_type="application/octet-stream",
        kind="upload",
        is_example=True,
        now=datetime.now(UTC),
    )
    for run in runs.recent(PRINCIPAL, store, limit=3):
        seen = runs.get(PRINCIPAL, store, run.id)
        runs.units(PRINCIPAL, store, run.id, states=("failed",), limit=3)
        runs.runs_ahead(PRINCIPAL, store, run.id)
        runs.result_files(PRINCIPAL, store, run.id)
        over = seen.units_done + seen.units_failed
        pace = read_pace(PRINCIPAL, store, run.id, over)
        forecast(over, max(over, seen.units_total or 0), pace.seconds, pace.in_flight)
        order = RunOrder(
            seen.app, seen.job, seen.title, seen.inputs, seen.parameters, is_example=True
        )
        runs.submit(PRINCIPAL, store, order, now=datetime.now(UTC))


def main() -> int:
    """Read and write until the process is ended or its parent is gone."""
    store = open_store(get_settings())
    parent = os.getppid()
    for number in cycle(range(_UPLOADS)):
        if os.getppid() != parent:
            break
        try:
            use_once(store, number)
        except UrbanKiError as error:
            sys.stderr.write(f"{error.code}\n")
        time.sleep(_PAUSE_S)
    return 0


if __name__ == "__main__":
    sys.exit(main())
