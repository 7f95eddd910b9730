"""First schema: runs with their units, files, layers, decisions, feedback, signals and leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make every table."""
    _artifact()
    _run()
    _unit()
    _run_file()
    _layer()
    _layer_share()
    _layer_use()
    _decision()
    _feedback()
    _signal()
    _lease()


def downgrade() -> None:
    """Refuse: there is nothing before."""
    raise NotImplementedError("restore a backup instead")


def _artifact() -> None:
    op.create_table(
        "artifact",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("storage_key", sa.String(140), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("is_example", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("last_used_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_artifact"),
        sa.UniqueConstraint("tenant", "sha256", name="uq_artifact_tenant_sha256"),
    )
    op.create_index("ix_artifact_last_used_at", "artifact", ["last_used_at"])


def _run() -> None:
    op.create_table(
        "run",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("app", sa.String(32), nullable=False),
        sa.Column("job", sa.String(64), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("started_by", sa.String(255), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("idempotency_key", sa.String(64), nullable=False),
        sa.Column("input_json", sa.JSON(), nullable=False),
        sa.Column("input_sha256", sa.String(64), nullable=False),
        sa.Column("parameters_json", sa.JSON(), nullable=False),
        sa.Column("provenance_json", sa.JSON(), nullable=True),
        sa.Column("summary_json", sa.JSON(), nullable=True),
        sa.Column("units_total", sa.Integer(), nullable=True),
        sa.Column("units_done", sa.Integer(), nullable=False),
        sa.Column("units_failed", sa.Integer(), nullable=False),
        sa.Column("seconds_per_unit", sa.Float(), nullable=True),
        sa.Column("message_code", sa.String(64), nullable=True),
        sa.Column("message_details", sa.JSON(), nullable=True),
        sa.Column("is_example", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("started_at", MOMENT, nullable=True),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("cancel_requested_at", MOMENT, nullable=True),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_run"),
        sa.UniqueConstraint("tenant", "idempotency_key", name="uq_run_tenant_idempotency_key"),
    )
    op.create_index("ix_run_ahead", "run", ["tenant", "state", "created_at"])
    op.create_index("ix_run_expires_at", "run", ["expires_at"])
    op.create_index("ix_run_newest", "run", ["tenant", "created_at"])
    op.create_index("ix_run_of_app", "run", ["tenant", "app", "created_at"])
    op.create_index("ix_run_own", "run", ["tenant", "started_by", "created_at"])
    op.create_index("ix_run_state", "run", ["state"])


def _unit() -> None:
    op.create_table(
        "unit",
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("crashes", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.String(200), nullable=True),
        sa.Column("lease_until", MOMENT, nullable=True),
        sa.Column("result_json", sa.JSON(), nullable=True),
        sa.Column("artifact_id", sa.String(36), nullable=True),
        sa.Column("file_name", sa.String(300), nullable=True),
        sa.Column("file_media_type", sa.String(100), nullable=True),
        sa.Column("error_code", sa.String(64), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("error_details", sa.JSON(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifact.id"], name="fk_unit_artifact_id"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_unit_run_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "ordinal", name="pk_unit"),
    )
    op.create_index(
        "ix_unit_artifact_id",
        "unit",
        ["artifact_id"],
        sqlite_where=sa.text("artifact_id IS NOT NULL"),
        postgresql_where=sa.text("artifact_id IS NOT NULL"),
    )
    op.create_index("ix_unit_by_state", "unit", ["run_id", "state", "ordinal"])


def _run_file() -> None:
    op.create_table(
        "run_file",
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("role", sa.String(8), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(300), nullable=False),
        sa.Column("media_type", sa.String(100), nullable=True),
        sa.Column("artifact_id", sa.String(36), nullable=False),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifact.id"], name="fk_run_file_artifact_id"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name="fk_run_file_run_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "role", "ordinal", name="pk_run_file"),
    )
    op.create_index("ix_run_file_artifact_id", "run_file", ["artifact_id"])


def _layer() -> None:
    op.create_table(
        "layer",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title_de", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("artifact_id", sa.String(36), nullable=False),
        sa.Column("schema_json", sa.JSON(), nullable=False),
        sa.Column("bbox", sa.JSON(), nullable=True),
        sa.Column("crs", sa.String(40), nullable=True),
        sa.Column("licence", sa.String(200), nullable=False),
        sa.Column("credit_line", sa.String(200), nullable=False),
        sa.Column("is_example", sa.Boolean(), nullable=False),
        sa.Column("provenance_json", sa.JSON(), nullable=False),
        sa.Column("produced_by_run", sa.String(36), nullable=True),
        sa.Column("shared_with_all", sa.Boolean(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifact.id"], name="fk_layer_artifact_id"),
        sa.PrimaryKeyConstraint("id", name="pk_layer"),
        sa.UniqueConstraint("tenant", "name", "version", name="uq_layer_tenant_name_version"),
    )
    op.create_index("ix_layer_artifact_id", "layer", ["artifact_id"])
    op.create_index("ix_layer_produced_by_run", "layer", ["produced_by_run"])


def _layer_share() -> None:
    op.create_table(
        "layer_share",
        sa.Column("layer_id", sa.String(36), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["layer_id"], ["layer.id"], name="fk_layer_share_layer_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("layer_id", "tenant", name="pk_layer_share"),
    )
    op.create_index("ix_layer_share_tenant", "layer_share", ["tenant"])


def _layer_use() -> None:
    op.create_table(
        "layer_use",
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("layer_id", sa.String(36), nullable=False),
        sa.ForeignKeyConstraint(
            ["layer_id"], ["layer.id"], name="fk_layer_use_layer_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name="fk_layer_use_run_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "layer_id", name="pk_layer_use"),
    )
    op.create_index("ix_layer_use_layer_id", "layer_use", ["layer_id"])


def _decision() -> None:
    op.create_table(
        "decision",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("item_key", sa.String(200), nullable=False),
        sa.Column("value", sa.String(40), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("decided_at", MOMENT, nullable=False),
        sa.Column("undone_by", sa.String(36), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name="fk_decision_run_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_decision"),
    )
    op.create_index("ix_decision_item", "decision", ["run_id", "item_key", "id"])


def _feedback() -> None:
    op.create_table(
        "feedback",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("app", sa.String(32), nullable=False),
        sa.Column("run_id", sa.String(36), nullable=True),
        sa.Column("rating", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(500), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name="fk_feedback_run_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_feedback"),
    )
    op.create_index("ix_feedback_newest", "feedback", ["tenant", "created_at"])
    op.create_index("ix_feedback_run_id", "feedback", ["run_id"])


def _signal() -> None:
    op.create_table(
        "signal",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_signal"),
    )


def _lease() -> None:
    op.create_table(
        "lease",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("beat", sa.BigInteger(), nullable=False),
        sa.Column("beat_at", MOMENT, nullable=False),
        sa.Column("details_json", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_lease"),
    )
