"""Identity: accounts, sessions, attempts to sign in, things of one use, and the audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

MOMENT = sa.DateTime(timezone=True)
SQLITE = (
    """CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit: rows are never changed'); END""",
    """CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
WHEN NOT EXISTS (SELECT 1 FROM audit_permit)
BEGIN SELECT RAISE(ABORT, 'audit: rows are never deleted'); END""",
    """CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id OR ordinal = NEW.ordinal)
BEGIN SELECT RAISE(ABORT, 'audit: rows are never replaced'); END""",
)
POSTGRESQL = (
    """CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM audit_permit) THEN RETURN OLD; END IF;
  RAISE EXCEPTION 'audit: rows are only added' USING ERRCODE = 'integrity_constraint_violation';
END $$""",
    """CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit
FOR EACH ROW EXECUTE FUNCTION audit_refuse()""",
    """CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()""",
)


def upgrade() -> None:
    """Make the tables, and the triggers that keep the audit as it was written."""
    _tenant()
    _account()
    _account_rights()
    _session()
    _login_attempt()
    _of_one_use()
    _audit()


def downgrade() -> None:
    """Refuse: accounts and audit would be lost."""
    raise NotImplementedError("restore a backup instead")


def _tenant() -> None:
    op.create_table(
        "tenant",
        sa.Column("slug", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("theme", sa.String(64), nullable=False),
        sa.Column("ags", sa.String(12), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("slug", name="pk_tenant"),
    )


def _account() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("username", sa.String(64), nullable=False),
        sa.Column("display_name", sa.String(200), nullable=False),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("is_first", sa.Boolean(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("failed_count", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("username", name="uq_account_username"),
    )


def _account_rights() -> None:
    op.create_table(
        "account_role",
        *_of_account("account_role"),
        sa.Column("role", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "tenant", name="pk_account_role"),
    )
    op.create_index("ix_account_role_tenant", "account_role", ["tenant"])
    op.create_table(
        "account_app",
        *_of_account("account_app"),
        sa.Column("app", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "tenant", "app", name="pk_account_app"),
    )
    op.create_index("ix_account_app_tenant", "account_app", ["tenant"])


def _of_account(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("account_id", sa.String(36), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=f"fk_{table}_account_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["tenant"], ["tenant.slug"], name=f"fk_{table}_tenant", ondelete="CASCADE"
        ),
    )


def _session() -> None:
    op.create_table(
        "session",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("csrf_secret", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("display_name", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("mode", sa.String(8), nullable=False),
        sa.Column("claims_json", sa.JSON(), nullable=False),
        sa.Column("active_tenant", sa.String(64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.Column("idle_expires_at", MOMENT, nullable=False),
        sa.Column("absolute_expires_at", MOMENT, nullable=False),
        sa.Column("provider_sid", sa.String(255), nullable=True),
        sa.Column("id_token_hint_enc", sa.Text(), nullable=True),
        sa.Column("access_token_enc", sa.Text(), nullable=True),
        sa.Column("access_expires_at", MOMENT, nullable=True),
        sa.Column("refresh_token_enc", sa.Text(), nullable=True),
        sa.Column("refresh_lock_until", MOMENT, nullable=True),
        sa.Column("ip_prefix", sa.String(50), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_session"),
        sa.UniqueConstraint("token_sha256", name="uq_session_token_sha256"),
    )
    op.create_index("ix_session_active_tenant", "session", ["active_tenant"])
    op.create_index("ix_session_idle_expires_at", "session", ["idle_expires_at"])
    op.create_index("ix_session_provider_sid", "session", ["provider_sid"])
    op.create_index("ix_session_subject", "session", ["subject"])


def _login_attempt() -> None:
    op.create_table(
        "login_attempt",
        sa.Column("key_sha256", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("blocked_until", MOMENT, nullable=True),
        sa.Column("last_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key_sha256", name="pk_login_attempt"),
    )
    op.create_index("ix_login_attempt_last_at", "login_attempt", ["last_at"])


def _of_one_use() -> None:
    op.create_table(
        "pending_login",
        sa.Column("state_sha256", sa.String(64), nullable=False),
        sa.Column("nonce", sa.String(128), nullable=False),
        sa.Column("code_verifier_enc", sa.Text(), nullable=False),
        sa.Column("browser_binding_sha256", sa.String(64), nullable=False),
        sa.Column("next_path", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("state_sha256", name="pk_pending_login"),
    )
    op.create_index("ix_pending_login_created_at", "pending_login", ["created_at"])
    op.create_table(
        "used_jti",
        sa.Column("jti_sha256", sa.String(64), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("jti_sha256", name="pk_used_jti"),
    )
    op.create_index("ix_used_jti_expires_at", "used_jti", ["expires_at"])


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("ts", MOMENT, nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("subject_hmac", sa.String(64), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("app", sa.String(32), nullable=False),
        sa.Column("object_id", sa.String(200), nullable=False),
        sa.Column("outcome", sa.String(8), nullable=False),
        sa.Column("reason_code", sa.String(64), nullable=False),
        sa.Column("ip_prefix", sa.String(50), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("prev_mac", sa.String(64), nullable=False),
        sa.Column("mac", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sa.UniqueConstraint("ordinal", name="uq_audit_ordinal"),
    )
    op.create_index("ix_audit_newest", "audit", ["tenant", "ordinal"])
    op.create_index("ix_audit_subject_hmac", "audit", ["subject_hmac"])
    op.create_index("ix_audit_ts", "audit", ["ts"])
    op.create_table(
        "audit_subject",
        sa.Column("link_hmac", sa.String(64), nullable=False),
        sa.Column("subject_hmac", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("link_hmac", name="pk_audit_subject"),
        sa.UniqueConstraint("subject_hmac", name="uq_audit_subject_subject_hmac"),
    )
    op.create_table(
        "audit_permit",
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("purpose", name="pk_audit_permit"),
    )
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)
