"""What supervisor and workers tell each other: JSON texts, checked at both ends.

Plain JSON in, plain JSON out: nothing of an app reaches the supervisor but values that its database
can carry.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from shared.contracts.jobs import StoredFile
from shared.contracts.provenance import ModelUse
from shared.errors import Retry

Step = Literal["facts", "split", "units", "finish", "join"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something could not be done.

    Args:
        code: Stable code of `shared.errors`.
        message: The German text.
        details: What fills the placeholders of its texts.
        retry: What to do with it now.
    """

    code: str
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)
    retry: Retry = "never"


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker is told to do.

    Args:
        step: "facts" asks about the job itself, "split" cuts the input, "units" does some units,
            "finish" joins the results, "join" those of a run that was stopped.
        run_id: The run.
        app: App id.
        job: Name of the job.
        tenant: Municipality of the run.
        inputs: Files that it reads.
        parameters: What a person chose.
        is_example: True for synthetic example data.
        units: Ordinal and key of the units to do.
        outcomes: File with what became of the units, for "finish" and "join".
    """

    step: Step
    run_id: str
    app: str
    job: str
    tenant: str
    inputs: tuple[StoredFile, ...]
    parameters: Mapping[str, Any]
    is_example: bool
    units: tuple[tuple[int, str], ...] = ()
    outcomes: StoredFile | None = None

    def to_json(self) -> str:
        """Write it as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Order:
        """Read what `to_json` wrote."""
        values = json.loads(text)
        values["inputs"] = tuple(StoredFile(**file) for file in values["inputs"])
        values["units"] = tuple((ordinal, key) for ordinal, key in values["units"])
        values["outcomes"] = _file(values["outcomes"])
        return cls(**values)


@dataclass(frozen=True, slots=True)
class UnitReply:
    """What became of one unit.

    Args:
        ordinal: Its place.
        seconds: What it took.
        data: Its values; None when it failed.
        file: Its file, if it wrote one.
        models: Models that took part.
        failure: Why it failed; None when it did not.
        calls: Answered calls of the model server that led to the result, by task.
    """

    ordinal: int
    seconds: float
    data: Mapping[str, Any] | None = None
    file: StoredFile | None = None
    models: tuple[ModelUse, ...] = ()
    failure: Failure | None = None
    calls: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a worker answers.

    Args:
        failure: Why the step could not be done at all; None when it was.
        units: What became of units; those missing were not begun.
        unit_timeout_s: Limit of a unit, with "facts".
        attempts: Tries of a unit, with "facts".
        keys: Keys of all units, with "split".
        summary: Figures of the run, with "finish" and "join".
        files: Files of the run, with "finish" and "join".
    """

    failure: Failure | None = None
    units: tuple[UnitReply, ...] = ()
    unit_timeout_s: float = 0.0
    attempts: int = 0
    keys: Sequence[str] = ()
    summary: Mapping[str, Any] | None = None
    files: tuple[StoredFile, ...] = ()

    def to_json(self) -> str:
        """Write it as JSON."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Reply:
        """Read what `to_json` wrote."""
        values = json.loads(text)
        values["failure"] = _failure(values["failure"])
        values["units"] = tuple(_unit(unit) for unit in values["units"])
        values["files"] = tuple(StoredFile(**file) for file in values["files"])
        return cls(**values)


def _unit(values: dict[str, Any]) -> UnitReply:
    values["file"] = _file(values["file"])
    values["models"] = tuple(ModelUse(**model) for model in values["models"])
    values["failure"] = _failure(values["failure"])
    return UnitReply(**values)


def _file(values: dict[str, Any] | None) -> StoredFile | None:
    return None if values is None else StoredFile(**values)


def _failure(values: dict[str, Any] | None) -> Failure | None:
    return None if values is None else Failure(**values)
