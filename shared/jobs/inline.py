"""The same job without database and Dask: for headless commands and tests.

Split, process, finish and the rules for failures are those of the supervisor, with three
differences that follow from working in this one process: what should wait for the model server
raises instead (a command ends with exit code 3), no time limit is kept, and a crash is a crash.

    with run_inline(DEFINITION, [InlineFile(path, path.name, "application/pdf")], {}) as result:
        for outcome in result.outcomes():
            ...
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import BinaryIO, Self

from shared.clients.model_server import ModelServerClient
from shared.contracts.identity.principal import HOME_TENANT
from shared.contracts.jobs import JsonObject, StoredFile
from shared.contracts.provenance import ModelUse
from shared.errors import FileMissing
from shared.jobs.definition import JobDefinition, ResultSummary, UnitOutcome
from shared.jobs.outcomes import outcome_line, read_outcomes
from shared.jobs.placement import back_off_s
from shared.jobs.steps import AppErrors, app_failure, run_summary, unit_keys, unit_result
from shared.settings import Settings, get_settings
from shared.store.file_store import FileStore

_AHEAD = 4
"""Units begun behind one that is slow, as a multiple of those worked on at once."""

Done = tuple[UnitOutcome, tuple[ModelUse, ...]]


@dataclass(frozen=True, slots=True)
class InlineFile:
    """A file that a headless command reads.

    Args:
        path: Where it lies.
        name: File name for people.
        media_type: For example "application/pdf".
    """

    path: Path
    name: str
    media_type: str


@dataclass(frozen=True, slots=True)
class InlineStep:
    """One more unit is over.

    Args:
        outcome: What became of it.
        done: Units that are over, in their order.
        total: All units.
        read: Returns a file of the unit.
    """

    outcome: UnitOutcome
    done: int
    total: int
    read: Callable[[StoredFile], bytes]


@dataclass(frozen=True, slots=True)
class InlineResult:
    """What a run gave; its files are there until the end of the `with` block.

    Args:
        summary: What `finish` returned.
        models: Models that took part, in order of the units, each once.
        units_total: Number of units.
        units_failed: Those without result.
        lines: File with one outcome a line.
        context: Where files are read from.
        close: Removes what lies in a temporary folder; a folder of the caller's own stays.
    """

    summary: ResultSummary
    models: tuple[ModelUse, ...]
    units_total: int
    units_failed: int
    lines: Path
    context: InlineContext
    close: Callable[[], object]

    def outcomes(self) -> Iterator[UnitOutcome]:
        """Read what became of the units, one by one in their order."""
        return read_outcomes(self.lines)

    def read(self, file: StoredFile) -> bytes:
        """Return a file of the summary or of a unit.

        Args:
            file: As it stands there.

        Raises:
            FileDamaged: Somebody changed it.
            FileGone: Somebody removed it.
            StorageUnreachable: The `with` block is over and the folder was temporary.
        """
        return self.context.read(file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class InlineContext:
    """What the functions of a definition work with in this process.

    Args:
        inputs: Files that the run reads.
        parameters: What a person chose.
        is_example: True for synthetic example data.
        models: Client of the model server; None makes one at the first use.
        settings: Settings of the house.
        folder: Where files of the run are kept.
    """

    def __init__(
        self,
        inputs: Sequence[InlineFile],
        parameters: JsonObject,
        *,
        is_example: bool,
        models: ModelServerClient | None,
        settings: Settings,
        folder: Path,
    ) -> None:
        self.inputs = tuple(_described(file) for file in inputs)
        self.parameters: JsonObject = json.loads(json.dumps(dict(parameters), allow_nan=False))
        self.is_example = is_example
        self._paths = [file.path for file in inputs]
        self._settings = settings
        self._models, self._own_models = models, models is None
        self._lock = Lock()
        place = {"storage_url": folder.resolve().as_uri(), "storage_endpoint": ""}
        self._files = FileStore(settings.model_copy(update=place))

    @property
    def models(self) -> ModelServerClient:
        """Client of the model server."""
        with self._lock:
            if self._models is None:
                self._models = ModelServerClient(self._settings)
            return self._models

    def input_path(self, index: int = 0) -> Path:
        """Return where an input lies."""
        return self._paths[index]

    def read(self, file: StoredFile) -> bytes:
        """Return a file that a unit wrote."""
        return self._files.read(HOME_TENANT, file.sha256, file.name)

    def write(self, name: str, content: bytes | BinaryIO, media_type: str) -> StoredFile:
        """Keep a file of a unit or of the result."""
        return self._files.write(HOME_TENANT, content, name=name, media_type=media_type)

    def close(self) -> None:
        """Close a client that was made here."""
        if self._own_models and self._models is not None:
            self._models.close()


def run_inline(
    definition: JobDefinition,
    inputs: Sequence[InlineFile],
    parameters: JsonObject,
    *,
    models: ModelServerClient | None = None,
    is_example: bool = False,
    progress: Callable[[InlineStep], None] | None = None,
    folder: Path | None = None,
    units_at_once: int = 1,
    sleep: Callable[[float], None] = time.sleep,
) -> InlineResult:
    """Do a whole job in this process.

    Args:
        definition: The job.
        inputs: Files that it reads, in the order that it expects.
        parameters: What a person chose.
        models: Client of the model server; None makes one at the first use.
        is_example: True when the input is synthetic example data.
        progress: Hears of each unit in their order; what it raises ends the work.
        folder: Where files are kept; None takes a temporary folder that ends with the result.
        units_at_once: Threads; with 1 everything happens in the calling thread.
        sleep: Waits before a unit is tried again.

    Raises:
        FileMissing: An input cannot be read.
        ResultUnusable: `split` or `finish` returned something that cannot be stored.
        UrbanKiError: What `split` or `finish` raised, or what a unit would have to wait for.
    """
    is_temporary = folder is None
    place = Path(tempfile.mkdtemp(prefix="urbanki-")) if folder is None else folder
    remove = partial(shutil.rmtree, place, ignore_errors=True) if is_temporary else _nothing
    try:
        context = InlineContext(
            inputs,
            parameters,
            is_example=is_example,
            models=models,
            settings=get_settings(),
            folder=place / "files",
        )
        close = weakref.finalize(context, remove)
        try:
            return _run(_Run(definition, context, units_at_once, sleep, progress), place, close)
        finally:
            context.close()
    except BaseException:
        remove()
        raise


@dataclass(frozen=True, slots=True)
class _Run:
    """What belongs together while a job is done."""

    definition: JobDefinition
    context: InlineContext
    units_at_once: int
    sleep: Callable[[float], None]
    progress: Callable[[InlineStep], None] | None


def _run(run: _Run, folder: Path, close: Callable[[], object]) -> InlineResult:
    keys = unit_keys(run.definition, run.context)
    lines = folder / "outcomes.jsonl"
    used: dict[ModelUse, None] = {}
    failed = 0
    with lines.open("wb") as stream:
        for outcome, models in _all_units(run, keys):
            stream.write(outcome_line(outcome))
            used.update(dict.fromkeys(models))
            failed += outcome.error_code is not None
            if run.progress is not None:
                done = outcome.ordinal + 1
                run.progress(InlineStep(outcome, done, len(keys), run.context.read))
    summary = run_summary(run.definition, read_outcomes(lines), run.context)
    return InlineResult(summary, tuple(used), len(keys), failed, lines, run.context, close)


def _all_units(run: _Run, keys: Sequence[str]) -> Iterator[Done]:
    """Do all units, several at once, and give them in their order."""
    if run.units_at_once == 1:
        yield from (_one_unit(run, ordinal, key) for ordinal, key in enumerate(keys))
        return
    pool = ThreadPoolExecutor(run.units_at_once, thread_name_prefix="unit")
    waiting: deque[Future[Done]] = deque()
    try:
        for ordinal, key in enumerate(keys):
            waiting.append(pool.submit(_one_unit, run, ordinal, key))
            if len(waiting) >= _AHEAD * run.units_at_once:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _one_unit(run: _Run, ordinal: int, key: str) -> Done:
    """Do one unit by the rules of the supervisor.

    Raises:
        UrbanKiError: Something that the unit would have to wait for is away.
    """
    tries = 0
    while True:
        try:
            result = unit_result(run.definition, key, run.context)
            return UnitOutcome(ordinal, key, result.data, result.file), result.models
        except AppErrors as error:
            failure = app_failure(error, f"unit {ordinal} of {run.definition.name}")
            tries += 1
            if failure.retry == "wait":
                raise
            if failure.retry == "never" or tries >= run.definition.attempts:
                return UnitOutcome(
                    ordinal,
                    key,
                    None,
                    error_code=failure.code,
                    error_message=failure.message,
                    error_details=failure.details,
                ), ()
        run.sleep(back_off_s(tries))


def _described(file: InlineFile) -> StoredFile:
    try:
        with file.path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256")
            size = stream.tell()
    except OSError as cause:
        raise FileMissing(name=file.name) from cause
    return StoredFile(file.name, file.media_type, digest.hexdigest(), size)


def _nothing() -> None:
    """A folder of the caller's own stays."""
