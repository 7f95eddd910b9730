"""Jobs of the fixture app: units that sleep, and units that fail until a file is there."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from shared.errors import FileTooLarge
from shared.jobs.definition import (
    JobContext,
    JobDefinition,
    ResultSummary,
    UnitOutcome,
    UnitResult,
)
from shared.report.csv_out import write_csv


def split(context: JobContext) -> Sequence[str]:
    """Name as many units as were ordered."""
    return [str(number) for number in range(int(context.parameters["units"]))]


def process(key: str, context: JobContext) -> UnitResult:
    """Sleep, note that the unit ran, and fail where that was ordered."""
    folder = Path(context.parameters["folder"])
    with (folder / "ran.txt").open("a", encoding="utf-8") as ran:
        ran.write(f"{key}\n")
    time.sleep(float(context.parameters["seconds"]))
    if int(key) in context.parameters["bad"] and not (folder / "mended").exists():
        raise FileTooLarge(limit_mb=20)
    return UnitResult({"square": int(key) ** 2})


def finish(outcomes: Iterator[UnitOutcome], context: JobContext) -> ResultSummary:
    """Add up what there is and write it as a table."""
    squares = [(int(one.key), one.data["square"]) for one in outcomes if one.data]
    content = write_csv(["Zahl", "Quadrat"], squares)
    return ResultSummary(
        {"sum": sum(square for _, square in squares)},
        (context.write("quadrate.csv", content, "text/csv"),),
    )


JOBS = (JobDefinition("quadrate", "zehnte", split, process, finish, 30.0, ("Zahl", "Zahlen")),)
