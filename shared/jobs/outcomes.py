"""What became of the units, as lines of a file: `finish` reads them one by one and holds none.

One JSON object for each unit, in UTF-8, in the order of the units. The supervisor writes such a
file from the database for the worker that joins the results; a headless command as it goes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, BinaryIO

from shared.contracts.jobs import StoredFile
from shared.errors import ResultUnusable
from shared.jobs.definition import UnitOutcome

MEDIA_TYPE = "application/x-ndjson"
_HEAD = b"# "
_NAMES = tuple(field.name for field in fields(UnitOutcome))


def write_outcomes(stream: BinaryIO, outcomes: Iterable[UnitOutcome], owner: str = "") -> int:
    """Write outcomes as lines and return how many there were.

    Args:
        stream: Open for writing bytes.
        outcomes: Read one by one.
        owner: A line for this text comes first. Equal files are stored once, so a file that is
            removed after its use must not be equal to any other.

    Raises:
        ResultUnusable: One of them is no JSON.
    """
    count = 0
    if owner:
        stream.write(_HEAD + owner.encode() + b"\n")
    for outcome in outcomes:
        stream.write(outcome_line(outcome))
        count += 1
    return count


def outcome_line(outcome: UnitOutcome) -> bytes:
    """Return an outcome as one line with its line break.

    Raises:
        ResultUnusable: It is no JSON.
    """
    values = {name: getattr(outcome, name) for name in _NAMES}
    values["file"] = None if outcome.file is None else asdict(outcome.file)
    return _encoded(values) + b"\n"


def read_outcomes(path: Path) -> Iterator[UnitOutcome]:
    """Read the lines of a file one by one; it stays open until the last was read.

    Args:
        path: A file of `write_outcomes`.

    Raises:
        ValueError: A line is damaged.
        OSError: The file cannot be read.
    """
    with path.open("rb") as lines:
        for line in lines:
            if line.startswith(_HEAD):
                continue
            values = json.loads(line)
            if values["file"] is not None:
                values["file"] = StoredFile(**values["file"])
            yield UnitOutcome(**values)


def plain_data(data: object, most_bytes: int) -> dict[str, Any]:
    """Return what remains of the values of a result when they travel as JSON.

    Tuples become lists and so on, in every way of running a job alike.

    Args:
        data: What `process` or `finish` returned.
        most_bytes: Largest size as JSON.

    Raises:
        ResultUnusable: It is no mapping, JSON cannot carry it, or it is too large.
    """
    if not isinstance(data, Mapping):
        raise ResultUnusable()
    encoded = _encoded(dict(data))
    if len(encoded) > most_bytes:
        raise ResultUnusable()
    plain: dict[str, Any] = json.loads(encoded)
    return plain


def _encoded(values: Mapping[str, Any]) -> bytes:
    try:
        text = json.dumps(values, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()
    except (TypeError, ValueError, RecursionError) as cause:
        raise ResultUnusable() from cause
