"""Runs and units as values: what pages order and what they see."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Row

from shared.contracts.jobs import JsonObject, Priority, RunState, StoredFile, UnitState
from shared.store.models import ArtifactRow, RunRow, UnitRow

ACTIVE: tuple[RunState, ...] = ("queued", "running", "waiting")
"""States in which a run may still bring results by itself."""


@dataclass(frozen=True, slots=True)
class RunOrder:
    """What a person orders.

    Args:
        app: App id.
        job: Name of the job within the app.
        title: What the person recognises it by, for example the name of the file.
        inputs: Stored files in the order that the job expects.
        parameters: What the person chose; no secrets.
        priority: Which runs come first.
        is_example: True when the input is synthetic example data.
        fingerprint: Anything else that would change the result, for example hashes of models.
    """

    app: str
    job: str
    title: str
    inputs: tuple[StoredFile, ...]
    parameters: JsonObject = field(default_factory=dict)
    priority: Priority = Priority.NORMAL
    is_example: bool = False
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as it stands.

    Args:
        id: UUID version 7.
        app: App id.
        job: Name of the job.
        title: What the person recognises it by.
        started_by: Who ordered it.
        state: Where it stands.
        inputs: Stored files that it reads.
        parameters: What the person chose.
        is_example: True for synthetic data.
        units_total: Number of units; None until they are known.
        units_done: Units with a result.
        units_failed: Units without one.
        seconds_per_unit: Exponential mean of the measured seconds of a unit; None before the first.
        message_code: Why it waits or failed, a code of `shared.errors`.
        message_details: What fills the placeholders of its texts.
        summary: What `finish` returned; None before.
        provenance: Origin of the result as JSON; None before.
        created_at: When it was ordered.
        started_at: When the first unit was handed out.
        finished_at: When it ended.
        cancel_requested: True when somebody asked to stop it.
        expires_at: When it will be deleted.
    """

    id: str
    app: str
    job: str
    title: str
    started_by: str
    state: RunState
    inputs: tuple[StoredFile, ...]
    parameters: JsonObject
    is_example: bool
    units_total: int | None
    units_done: int
    units_failed: int
    seconds_per_unit: float | None
    message_code: str | None
    message_details: JsonObject
    summary: JsonObject | None
    provenance: JsonObject | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested: bool
    expires_at: datetime | None

    @property
    def is_active(self) -> bool:
        """True while the run may still bring results by itself."""
        return self.state in ACTIVE

    @property
    def units_left(self) -> int:
        """Units that nobody worked on before the run was stopped; 0 for any other run."""
        if self.state != "cancelled" or self.units_total is None:
            return 0
        return max(0, self.units_total - self.units_done - self.units_failed)


@dataclass(frozen=True, slots=True)
class UnitView:
    """A unit as it stands.

    Args:
        ordinal: Place in the run, from 0.
        key: The unit.
        state: Where it stands.
        data: What `process` returned; None without a result.
        file: Its file, if it wrote one.
        error_code: Why it failed, a code of `shared.errors`.
        error_message: The same in German.
        error_details: What fills the placeholders of the texts of `error_code`.
        seconds: What it took.
    """

    ordinal: int
    key: str
    state: UnitState
    data: JsonObject | None
    file: StoredFile | None
    error_code: str | None
    error_message: str | None
    error_details: JsonObject
    seconds: float | None


def file_as_json(file: StoredFile) -> dict[str, object]:
    """Return a stored file as a row keeps it."""
    return {
        "name": file.name,
        "media_type": file.media_type,
        "sha256": file.sha256,
        "bytes": file.bytes,
    }


def stored_file(name: str, media_type: str | None, artifact: ArtifactRow) -> StoredFile:
    """Return a file from its row; without a type of its own it has that of its content."""
    return StoredFile(name, media_type or artifact.media_type, artifact.sha256, artifact.bytes)


def run_view(row: RunRow, *, with_result: bool = True) -> RunView:
    """Return a run from its row.

    Args:
        row: The row.
        with_result: False leaves out summary and provenance.
    """
    return RunView(
        id=row.id,
        app=row.app,
        job=row.job,
        title=row.title,
        started_by=row.started_by,
        state=cast(RunState, row.state),
        inputs=tuple(StoredFile(**file) for file in row.input_json),
        parameters=row.parameters_json,
        is_example=row.is_example,
        units_total=row.units_total,
        units_done=row.units_done or 0,
        units_failed=row.units_failed or 0,
        seconds_per_unit=row.seconds_per_unit,
        message_code=row.message_code,
        message_details=row.message_details or {},
        summary=row.summary_json if with_result else None,
        provenance=row.provenance_json if with_result else None,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        cancel_requested=row.cancel_requested_at is not None,
        expires_at=row.expires_at,
    )


UNIT_COLUMNS = (
    UnitRow.ordinal,
    UnitRow.key,
    UnitRow.state,
    UnitRow.result_json,
    UnitRow.error_code,
    UnitRow.error_message,
    UnitRow.error_details,
    UnitRow.seconds,
    UnitRow.file_name,
    UnitRow.file_media_type,
    ArtifactRow.sha256,
    ArtifactRow.bytes,
    ArtifactRow.media_type,
)
"""What `unit_view` needs, of a unit and its file."""


def unit_view(row: Row[*tuple[Any, ...]]) -> UnitView:
    """Return a unit from its `UNIT_COLUMNS`."""
    file = None
    if row.sha256 is not None:
        media_type = row.file_media_type or row.media_type
        file = StoredFile(row.file_name or row.key, media_type, row.sha256, row.bytes)
    return UnitView(
        ordinal=row.ordinal,
        key=row.key,
        state=row.state,
        data=row.result_json,
        file=file,
        error_code=row.error_code,
        error_message=row.error_message,
        error_details=row.error_details or {},
        seconds=row.seconds,
    )
