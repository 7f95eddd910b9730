"""The tables of identity: accounts, sessions, attempts to sign in, things of one use, the audit.

Rows only; what is done with them stands in `shared.auth`. Secrets are kept as SHA-256 (`_sha256`),
as a salted hash, or encrypted (`_enc`), never as they are.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Connection,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    event,
)
from sqlalchemy.orm import Mapped, mapped_column

from shared.store.models import ID, NAME, TENANT, Base, UtcTime

APP = String(32)
ROLE = String(16)
SHA256 = String(64)
SUBJECT = String(255)
IP_PREFIX = String(50)


class TenantRow(Base):
    """A municipality."""

    __tablename__ = "tenant"

    slug: Mapped[str] = mapped_column(TENANT, primary_key=True)
    name: Mapped[str] = mapped_column(NAME)
    theme: Mapped[str] = mapped_column(String(64))
    ags: Mapped[str | None] = mapped_column(String(12))
    """Official key of the municipality or county."""
    active: Mapped[bool] = mapped_column(Boolean)
    """Nobody has a role in one that is not."""


class AccountRow(Base):
    """A person who signs in by name and password; her subject is the id."""

    __tablename__ = "account"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    username: Mapped[str] = mapped_column(String(64), unique=True)
    """In NFKC and small letters."""
    display_name: Mapped[str] = mapped_column(NAME)
    password_hash: Mapped[str] = mapped_column(String(255))
    must_change: Mapped[bool] = mapped_column(Boolean)
    """Somebody else knows the password: nothing works before it is changed."""
    is_first: Mapped[bool] = mapped_column(Boolean)
    """The first start made it, and its password is still the printed one."""
    disabled: Mapped[bool] = mapped_column(Boolean)
    failed_count: Mapped[int] = mapped_column(Integer)
    """Refused attempts since somebody signed in; for the administration."""
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    changed_at: Mapped[datetime] = mapped_column(UtcTime)


class AccountRoleRow(Base):
    """The role of an account in a municipality."""

    __tablename__ = "account_role"
    __table_args__ = (Index("ix_account_role_tenant", "tenant"),)

    account_id: Mapped[str] = mapped_column(
        ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    )
    tenant: Mapped[str] = mapped_column(
        ForeignKey("tenant.slug", ondelete="CASCADE"), primary_key=True
    )
    role: Mapped[str] = mapped_column(ROLE)


class AccountAppRow(Base):
    """An app that an account may open in a municipality; without any row it may open all."""

    __tablename__ = "account_app"
    __table_args__ = (Index("ix_account_app_tenant", "tenant"),)

    account_id: Mapped[str] = mapped_column(
        ForeignKey("account.id", ondelete="CASCADE"), primary_key=True
    )
    tenant: Mapped[str] = mapped_column(
        ForeignKey("tenant.slug", ondelete="CASCADE"), primary_key=True
    )
    app: Mapped[str] = mapped_column(APP, primary_key=True)


class SessionRow(Base):
    """Somebody is signed in; the row goes when the session ends."""

    __tablename__ = "session"
    __table_args__ = (
        Index("ix_session_subject", "subject"),
        Index("ix_session_provider_sid", "provider_sid"),
        Index("ix_session_active_tenant", "active_tenant"),
        Index("ix_session_idle_expires_at", "idle_expires_at"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    token_sha256: Mapped[str] = mapped_column(SHA256, unique=True)
    """Of the cookie's value."""
    csrf_secret: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(SUBJECT)
    display_name: Mapped[str] = mapped_column(NAME)
    kind: Mapped[str] = mapped_column(String(8))
    """person, guest or service."""
    mode: Mapped[str] = mapped_column(String(8))
    """lokal, keycloak or kiosk: how it began."""
    claims_json: Mapped[Any] = mapped_column(JSON, nullable=False)
    """roles_by_tenant and app_grants at the beginning; in mode lokal the tables are asked."""
    active_tenant: Mapped[str] = mapped_column(TENANT)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    seen_at: Mapped[datetime] = mapped_column(UtcTime)
    idle_expires_at: Mapped[datetime] = mapped_column(UtcTime)
    """Never later than `absolute_expires_at`."""
    absolute_expires_at: Mapped[datetime] = mapped_column(UtcTime)
    provider_sid: Mapped[str | None] = mapped_column(String(255))
    id_token_hint_enc: Mapped[str | None] = mapped_column(Text)
    access_token_enc: Mapped[str | None] = mapped_column(Text)
    access_expires_at: Mapped[datetime | None] = mapped_column(UtcTime)
    refresh_token_enc: Mapped[str | None] = mapped_column(Text)
    refresh_lock_until: Mapped[datetime | None] = mapped_column(UtcTime)
    ip_prefix: Mapped[str] = mapped_column(IP_PREFIX)


class LoginAttemptRow(Base):
    """Refused attempts to sign in under a name, whether or not an account has it."""

    __tablename__ = "login_attempt"
    __table_args__ = (Index("ix_login_attempt_last_at", "last_at"),)

    key_sha256: Mapped[str] = mapped_column(SHA256, primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    """account_ip or account."""
    failed: Mapped[int] = mapped_column(Integer)
    blocked_until: Mapped[datetime | None] = mapped_column(UtcTime)
    last_at: Mapped[datetime] = mapped_column(UtcTime)


class PendingLoginRow(Base):
    """A person has gone to the provider to sign in; taken out when she comes back."""

    __tablename__ = "pending_login"
    __table_args__ = (Index("ix_pending_login_created_at", "created_at"),)

    state_sha256: Mapped[str] = mapped_column(SHA256, primary_key=True)
    nonce: Mapped[str] = mapped_column(String(128))
    code_verifier_enc: Mapped[str] = mapped_column(Text)
    browser_binding_sha256: Mapped[str] = mapped_column(SHA256)
    next_path: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcTime)


class UsedIdRow(Base):
    """The id of a token that counts once."""

    __tablename__ = "used_jti"
    __table_args__ = (Index("ix_used_jti_expires_at", "expires_at"),)

    jti_sha256: Mapped[str] = mapped_column(SHA256, primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(UtcTime)


class AuditRow(Base):
    """Who did what, chained by `mac`; the database refuses changes, see the triggers below."""

    __tablename__ = "audit"
    __table_args__ = (
        Index("ix_audit_ts", "ts"),
        Index("ix_audit_subject_hmac", "subject_hmac"),
        Index("ix_audit_newest", "tenant", "ordinal"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    ordinal: Mapped[int] = mapped_column(BigInteger, unique=True)
    ts: Mapped[datetime] = mapped_column(UtcTime)
    event: Mapped[str] = mapped_column(String(64))
    subject_hmac: Mapped[str] = mapped_column(String(64))
    tenant: Mapped[str] = mapped_column(TENANT)
    role: Mapped[str] = mapped_column(ROLE)
    app: Mapped[str] = mapped_column(APP)
    object_id: Mapped[str] = mapped_column(NAME)
    outcome: Mapped[str] = mapped_column(String(8))
    """ok or refused."""
    reason_code: Mapped[str] = mapped_column(String(64))
    ip_prefix: Mapped[str] = mapped_column(IP_PREFIX)
    request_id: Mapped[str] = mapped_column(String(64))
    prev_mac: Mapped[str] = mapped_column(String(64))
    mac: Mapped[str] = mapped_column(String(64))


class AuditSubjectRow(Base):
    """The only link from a person to the pseudonym in the audit; it goes when she is erased."""

    __tablename__ = "audit_subject"

    link_hmac: Mapped[str] = mapped_column(SHA256, primary_key=True)
    subject_hmac: Mapped[str] = mapped_column(SHA256, unique=True)


class AuditPermitRow(Base):
    """While a transaction has a row here, it may delete from the audit; none is ever committed."""

    __tablename__ = "audit_permit"

    purpose: Mapped[str] = mapped_column(String(16), primary_key=True)
    """purge or erase."""


class SettingRow(Base):
    """A setting as it was at the last start, for the audit; those at their default have no row."""

    __tablename__ = "setting"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value_hmac: Mapped[str] = mapped_column(SHA256)


AUDIT_STATEMENTS = {
    "sqlite": (
        """CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit: rows are never changed'); END""",
        """CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
WHEN NOT EXISTS (SELECT 1 FROM audit_permit)
BEGIN SELECT RAISE(ABORT, 'audit: rows are never deleted'); END""",
        # INSERT OR REPLACE would delete without asking the trigger above.
        """CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id OR ordinal = NEW.ordinal)
BEGIN SELECT RAISE(ABORT, 'audit: rows are never replaced'); END""",
    ),
    "postgresql": (
        """CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND EXISTS (SELECT 1 FROM audit_permit) THEN RETURN OLD; END IF;
  RAISE EXCEPTION 'audit: rows are only added' USING ERRCODE = 'integrity_constraint_violation';
END $$""",
        """CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE ON audit
FOR EACH ROW EXECUTE FUNCTION audit_refuse()""",
        """CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()""",
    ),
}
"""What keeps the audit as it was written, by kind of database."""


@event.listens_for(AuditRow.__table__, "after_create")
def _make_triggers(_table: Table, connection: Connection, **_: object) -> None:
    for statement in AUDIT_STATEMENTS[connection.dialect.name]:
        connection.exec_driver_sql(statement)


@event.listens_for(AuditRow.__table__, "after_drop")
def _drop_function(_table: Table, connection: Connection, **_: object) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("DROP FUNCTION IF EXISTS audit_refuse()")
