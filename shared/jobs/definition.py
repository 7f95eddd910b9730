"""How an app declares a job: cut the input, do one unit, join the results.

An app's `jobs.py` holds `JOBS`, a tuple of definitions; `app.toml` names them. The three functions
run in other processes, perhaps on other machines: they know no database and no Streamlit, take
everything from their context, and return plain values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from shared.clients.model_server import ModelServerClient
from shared.contracts.jobs import JsonObject, StoredFile
from shared.contracts.provenance import ModelUse

MOST_ROW_BYTES = 64 * 1024
"""Largest `UnitResult.data` as JSON; more belongs into its file."""
MOST_SUMMARY_BYTES = 256 * 1024
"""Largest `ResultSummary.data` as JSON."""


@dataclass(frozen=True, slots=True)
class UnitResult:
    """What became of one unit.

    Args:
        data: Small values for the row, at most `MOST_ROW_BYTES` as JSON.
        file: Larger content, written with `JobContext.write`.
        models: Models that took part.
    """

    data: JsonObject
    file: StoredFile | None = None
    models: tuple[ModelUse, ...] = ()


@dataclass(frozen=True, slots=True)
class UnitOutcome:
    """One unit as `finish` sees it.

    Args:
        ordinal: Place in the list that `split` made, from 0.
        key: The unit.
        data: What `process` returned; None when the unit failed.
        file: The unit's file, if it wrote one.
        error_code: Why it failed; None when it did not.
        error_message: The same in German.
        error_details: What fills the placeholders of the texts of `error_code`.
    """

    ordinal: int
    key: str
    data: JsonObject | None
    file: StoredFile | None = None
    error_code: str | None = None
    error_message: str | None = None
    error_details: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResultSummary:
    """What a whole run gave.

    Args:
        data: Figures for the page, at most 256 KiB as JSON.
        files: Files for the page and for exports, each name once.
    """

    data: JsonObject
    files: tuple[StoredFile, ...] = ()


class JobContext(Protocol):
    """What the three functions work with."""

    @property
    def inputs(self) -> tuple[StoredFile, ...]:
        """Files that the run reads, in the order of its order."""

    @property
    def parameters(self) -> JsonObject:
        """What a person chose."""

    @property
    def is_example(self) -> bool:
        """True when the input is synthetic example data."""

    @property
    def models(self) -> ModelServerClient:
        """Client of the model server; made at the first use, shared by the units of a process."""

    def input_path(self, index: int = 0) -> Path:
        """Return where an input lies on this machine; its hash was checked.

        Args:
            index: Place in `inputs`.

        Raises:
            FileDamaged: The content is another than was stored.
            FileGone: It was deleted.
            StorageUnreachable: The place of the files does not answer.
        """

    def read(self, file: StoredFile) -> bytes:
        """Return a unit's file; its hash was checked. Errors are those of `input_path`."""

    def write(self, name: str, content: bytes | BinaryIO, media_type: str) -> StoredFile:
        """Keep a file of this unit or result.

        Args:
            name: File name for people.
            content: All bytes, or a stream of them for what is too large for the memory.
            media_type: For example "application/json".

        Raises:
            StorageFull: There is no space left.
            StorageUnreachable: The place of the files does not answer.
        """


@dataclass(frozen=True, slots=True)
class JobDefinition:
    """A job of an app.

    Args:
        name: Name of the job within its app, for example "ocr".
        app: App id.
        split: Names the units of a run; deterministic, each key once.
        process: Does one unit.
        finish: Joins the results; streams over them in order and never holds all. Of a run that
            was stopped it gets only the units that are over, perhaps more than once.
        unit_timeout_s: Seconds after which a unit is given up.
        attempts: Tries of a unit that fails with an error of which `retry` is "attempts".
        unit_word: German words for one and several units, marked with `N_`.
    """

    name: str
    app: str
    split: Callable[[JobContext], Sequence[str]]
    process: Callable[[str, JobContext], UnitResult]
    finish: Callable[[Iterator[UnitOutcome], JobContext], ResultSummary]
    unit_timeout_s: float
    unit_word: tuple[str, str]
    attempts: int = 3
