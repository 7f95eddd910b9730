"""The tables: runs and their units, files, layers of the data space, decisions, feedback.

Rows only; what is done with them stands in the repositories. Times are UTC, ids are UUID version 7.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text as sql_text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ID = String(36)
TENANT = String(64)
NAME = String(200)
FILE_NAME = String(300)
MEDIA_TYPE = String(100)
LARGE = BigInteger().with_variant(Integer, "sqlite")
"""SQLite counts up by itself only in a column of its plain integer type."""


class UtcTime(TypeDecorator[datetime]):
    """A moment with its zone; SQLite keeps none, so UTC is added again when reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a moment without zone, store the others as UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give a moment its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Base of all tables, with names for every constraint, which migrations need."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class ArtifactRow(Base):
    """A stored file; equal content is stored once per municipality."""

    __tablename__ = "artifact"
    __table_args__ = (
        UniqueConstraint("tenant", "sha256"),
        Index("ix_artifact_last_used_at", "last_used_at"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    tenant: Mapped[str] = mapped_column(TENANT)
    sha256: Mapped[str] = mapped_column(String(64))
    bytes: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(MEDIA_TYPE)
    storage_key: Mapped[str] = mapped_column(String(140))
    kind: Mapped[str] = mapped_column(String(12))
    """upload, intermediate, result or report."""
    is_example: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    last_used_at: Mapped[datetime] = mapped_column(UtcTime)
    """When somebody last stored this content; young files are never collected."""


class RunRow(Base):
    """One order of a person."""

    __tablename__ = "run"
    __table_args__ = (
        UniqueConstraint("tenant", "idempotency_key"),
        Index("ix_run_own", "tenant", "started_by", "created_at"),
        Index("ix_run_of_app", "tenant", "app", "created_at"),
        Index("ix_run_newest", "tenant", "created_at"),
        Index("ix_run_ahead", "tenant", "state", "created_at"),
        Index("ix_run_state", "state"),
        Index("ix_run_expires_at", "expires_at"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    tenant: Mapped[str] = mapped_column(TENANT)
    app: Mapped[str] = mapped_column(String(32))
    job: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(NAME)
    """What a person recognises it by, for example the name of the file."""
    started_by: Mapped[str] = mapped_column(String(255))
    state: Mapped[str] = mapped_column(String(10))
    """queued, running, waiting, done, failed or cancelled."""
    priority: Mapped[int] = mapped_column(Integer)
    """0 interactive, 1 normal, 2 bulk."""
    idempotency_key: Mapped[str] = mapped_column(String(64))
    input_json: Mapped[Any] = mapped_column(JSON, nullable=False)
    """List of input files: name, media_type, sha256, bytes."""
    input_sha256: Mapped[str] = mapped_column(String(64))
    parameters_json: Mapped[Any] = mapped_column(JSON, nullable=False)
    provenance_json: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    summary_json: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    """What `finish` returned: figures and the names of its files."""
    units_total: Mapped[int | None] = mapped_column(Integer)
    units_done: Mapped[int] = mapped_column(Integer, default=0)
    units_failed: Mapped[int] = mapped_column(Integer, default=0)
    seconds_per_unit: Mapped[float | None] = mapped_column(Float)
    """Exponential mean of the measured seconds of one unit."""
    message_code: Mapped[str | None] = mapped_column(String(64))
    """Why it waits or failed: a code of `shared.errors`."""
    message_details: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    is_example: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcTime)
    cancel_requested_at: Mapped[datetime | None] = mapped_column(UtcTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcTime)


class UnitRow(Base):
    """One piece of a run's work; its result and its state change in one transaction."""

    __tablename__ = "unit"
    __table_args__ = (
        Index("ix_unit_by_state", "run_id", "state", "ordinal"),
        Index(
            "ix_unit_artifact_id",
            "artifact_id",
            sqlite_where=sql_text("artifact_id IS NOT NULL"),
            postgresql_where=sql_text("artifact_id IS NOT NULL"),
        ),
    )

    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    ordinal: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(8))
    """queued, leased, done or failed."""
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    """Times it failed with a temporary error."""
    crashes: Mapped[int] = mapped_column(Integer, default=0)
    """Times its process ended under it."""
    lease_owner: Mapped[str | None] = mapped_column(String(200))
    lease_until: Mapped[datetime | None] = mapped_column(UtcTime)
    result_json: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    artifact_id: Mapped[str | None] = mapped_column(ForeignKey("artifact.id"))
    file_name: Mapped[str | None] = mapped_column(FILE_NAME)
    file_media_type: Mapped[str | None] = mapped_column(MEDIA_TYPE)
    """Of the unit's file: equal content may be stored under several names and types."""
    error_code: Mapped[str | None] = mapped_column(String(64))
    error_message: Mapped[str | None] = mapped_column(Text)
    error_details: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    seconds: Mapped[float | None] = mapped_column(Float)
    calls: Mapped[str | None] = mapped_column(Text)
    """Calls of the model server behind the result, as JSON by task; the audit takes them out."""


class RunFileRow(Base):
    """Which files belong to a run as a whole."""

    __tablename__ = "run_file"
    __table_args__ = (Index("ix_run_file_artifact_id", "artifact_id"),)

    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(String(8), primary_key=True)
    """input or result."""
    ordinal: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(FILE_NAME)
    media_type: Mapped[str | None] = mapped_column(MEDIA_TYPE)
    """None: that of the content when it was stored first."""
    artifact_id: Mapped[str] = mapped_column(ForeignKey("artifact.id"))


class LayerRow(Base):
    """One version of a published layer or table; never changed afterwards."""

    __tablename__ = "layer"
    __table_args__ = (
        UniqueConstraint("tenant", "name", "version"),
        Index("ix_layer_artifact_id", "artifact_id"),
        Index("ix_layer_produced_by_run", "produced_by_run"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    tenant: Mapped[str] = mapped_column(TENANT)
    name: Mapped[str] = mapped_column(String(120))
    """`<app>/<what>[/<area>]`."""
    version: Mapped[int] = mapped_column(Integer)
    title_de: Mapped[str] = mapped_column(NAME)
    kind: Mapped[str] = mapped_column(String(8))
    """vector, raster or table."""
    media_type: Mapped[str] = mapped_column(MEDIA_TYPE)
    """Equal content may have been stored as something else before."""
    artifact_id: Mapped[str] = mapped_column(ForeignKey("artifact.id"))
    schema_json: Mapped[Any] = mapped_column(JSON, nullable=False)
    bbox: Mapped[Any] = mapped_column(JSON(none_as_null=True), nullable=True)
    """[west, south, east, north] in the units of `crs`."""
    crs: Mapped[str | None] = mapped_column(String(40))
    licence: Mapped[str] = mapped_column(NAME)
    credit_line: Mapped[str] = mapped_column(NAME)
    is_example: Mapped[bool] = mapped_column(Boolean)
    provenance_json: Mapped[Any] = mapped_column(JSON, nullable=False)
    produced_by_run: Mapped[str | None] = mapped_column(ID)
    shared_with_all: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime] = mapped_column(UtcTime)


class LayerShareRow(Base):
    """Another municipality that may read a layer."""

    __tablename__ = "layer_share"
    __table_args__ = (Index("ix_layer_share_tenant", "tenant"),)

    layer_id: Mapped[str] = mapped_column(
        ForeignKey("layer.id", ondelete="CASCADE"), primary_key=True
    )
    tenant: Mapped[str] = mapped_column(TENANT, primary_key=True)


class LayerUseRow(Base):
    """A run that read a layer; tells who would miss it, and builds the lineage."""

    __tablename__ = "layer_use"
    __table_args__ = (Index("ix_layer_use_layer_id", "layer_id"),)

    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"), primary_key=True)
    layer_id: Mapped[str] = mapped_column(
        ForeignKey("layer.id", ondelete="CASCADE"), primary_key=True
    )


class DecisionRow(Base):
    """What a person decided about one item; rows are only added, never changed."""

    __tablename__ = "decision"
    __table_args__ = (Index("ix_decision_item", "run_id", "item_key", "id"),)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    item_key: Mapped[str] = mapped_column(String(200))
    value: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(500))
    role: Mapped[str] = mapped_column(String(16))
    decided_at: Mapped[datetime] = mapped_column(UtcTime)
    undone_by: Mapped[str | None] = mapped_column(ID)
    """The later row that took this one back; the only column that is ever set afterwards."""


class FeedbackRow(Base):
    """Somebody said that a result is wrong or right; no person is noted."""

    __tablename__ = "feedback"
    __table_args__ = (
        Index("ix_feedback_newest", "tenant", "created_at"),
        Index("ix_feedback_run_id", "run_id"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    tenant: Mapped[str] = mapped_column(TENANT)
    app: Mapped[str] = mapped_column(String(32))
    run_id: Mapped[str | None] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    rating: Mapped[int] = mapped_column(Integer)
    text: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(UtcTime)


class SignalRow(Base):
    """News for the supervisor: a run was ordered, cancelled, or is to be repeated."""

    __tablename__ = "signal"

    id: Mapped[int] = mapped_column(LARGE, primary_key=True, autoincrement=True)
    run_id: Mapped[str] = mapped_column(ID)
    kind: Mapped[str] = mapped_column(String(10))
    """new, cancel, retry, deleted, or join: see `shared.store.joins`."""


class LeaseRow(Base):
    """Which process works on something that only one may work on."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner: Mapped[str] = mapped_column(String(200))
    beat: Mapped[int] = mapped_column(BigInteger)
    """Counts up while the owner lives; watchers compare it by their own clock."""
    beat_at: Mapped[datetime] = mapped_column(UtcTime)
    """For people and the page of the state only: clocks jump."""
    details_json: Mapped[Any] = mapped_column(JSON, nullable=False)
    """Workers, version."""
