"""The chain of the audit's rows: each carries an HMAC over itself and the HMAC before it.

Rows are numbered without gaps and ordered by their number. The first row of a UTC day continues the
last one of the day before, so no whole day can vanish. Purging removes whole days from the
beginning and adds an anchor: a row of the chain that names the last row removed and its HMAC.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Generator
from contextlib import closing
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any, TypeVarTuple

from sqlalchemy import ColumnElement, Engine, Row, Select, insert, select, text
from sqlalchemy.orm import Session

from shared.auth.secret_box import load_secret_box
from shared.settings import Settings
from shared.store.engine import read_scope
from shared.store.identity_models import AuditRow

Columns = TypeVarTuple("Columns")
GENESIS = ""
"""What the first row of all has before it."""
_LOCK = "audit"
_ROWS_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class AuditKeys:
    """Keys of the audit, 32 bytes each.

    Args:
        chain: Of the chain's HMACs.
        subject: Of the pseudonyms.
    """

    chain: bytes
    subject: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the audit, see `AuditRow`; `ts` in UTC."""

    id: str
    ordinal: int
    ts: datetime
    event: str
    subject_hmac: str
    tenant: str
    role: str
    app: str
    object_id: str
    outcome: str
    reason_code: str
    ip_prefix: str
    request_id: str
    prev_mac: str = GENESIS
    mac: str = ""


_NAMES = tuple(one.name for one in fields(Entry))


def audit_keys(settings: Settings) -> AuditKeys:
    """Return the keys, made from the installation's secret.

    Raises:
        SecretUnusable: Its file is damaged, cannot be read or written, or others can read it.
        SecretWeak: The secret of the settings is too short or a placeholder.
    """
    box = load_secret_box(settings)
    return AuditKeys(box.key("audit chain"), box.key("audit subject"))


def mac_of(key: bytes, entry: Entry) -> str:
    """Return the HMAC-SHA256 of everything in a row except its own, hexadecimal.

    Args:
        key: Of the chain.
        entry: The row.
    """
    content = to_line(replace(entry, mac="")).encode("ascii")
    return hmac.new(key, content, hashlib.sha256).hexdigest()


def is_genuine(key: bytes, entry: Entry) -> bool:
    """Say whether a row is as it was written."""
    return hmac.compare_digest(mac_of(key, entry).encode(), entry.mac.encode())


def sealed(key: bytes, entry: Entry) -> Entry:
    """Return a row with its HMAC."""
    return replace(entry, mac=mac_of(key, entry))


def to_line(entry: Entry) -> str:
    """Return a row as one line of JSON in ASCII."""
    moment = entry.ts.astimezone(UTC).isoformat(timespec="microseconds")
    return json.dumps(asdict(entry) | {"ts": moment}, separators=(",", ":"))


def from_line(line: bytes) -> Entry | None:
    """Read what `to_line` has written; None for anything else.

    Args:
        line: A line without its break.
    """
    try:
        found = json.loads(line)
        entry = Entry(**found | {"ts": datetime.fromisoformat(found["ts"])})
        is_same = type(entry.ordinal) is int and to_line(entry).encode("ascii") == line
        return entry if is_same else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def lock(session: Session) -> None:
    """Let nobody else add or remove rows until the transaction ends.

    On SQLite every transaction that writes is alone as soon as it has begun.

    Args:
        session: A transaction that writes.

    Raises:
        DatabaseBusy: Another process holds the lock.
    """
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        statement = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
        connection.execute(statement, {"name": _LOCK})


def last_link(session: Session) -> tuple[int, str]:
    """Return number and HMAC of the last row; 0 and `GENESIS` before the first."""
    query = select(AuditRow.ordinal, AuditRow.mac).order_by(AuditRow.ordinal.desc()).limit(1)
    found = session.execute(query).one_or_none()
    return (0, GENESIS) if found is None else (found.ordinal, found.mac)


def append(session: Session, key: bytes, entry: Entry) -> Entry:
    """Add a row and return it as it was written.

    Args:
        session: A transaction that holds `lock`.
        key: Of the chain.
        entry: The row; its number and HMACs are given here.
    """
    ordinal, before = last_link(session)
    written = sealed(key, replace(entry, ordinal=ordinal + 1, prev_mac=before))
    session.execute(insert(AuditRow).values(asdict(written)))
    return written


def entries(engine: Engine, *conditions: ColumnElement[bool]) -> Generator[Entry, None, None]:
    """Yield rows in the order of their numbers, as they are at the beginning.

    Args:
        engine: The database.
        *conditions: On `AuditRow`.

    Raises:
        DatabaseUnreachable: The database does not answer.
    """
    columns: list[Any] = [getattr(AuditRow, name) for name in _NAMES]
    query: Select[*tuple[Any, ...]] = select(*columns).where(*conditions).order_by(AuditRow.ordinal)
    # One statement, so that a purge in between takes away nothing.
    with closing(stream_rows(engine, query)) as rows:
        for row in rows:
            yield Entry(*tuple(row))


def stream_rows(engine: Engine, query: Select[*Columns]) -> Generator[Row[*Columns], None, None]:
    """Yield the rows of a query with only a few of them in memory; close it when broken off.

    Args:
        engine: The database.
        query: What to read.
    """
    with (
        read_scope(engine) as session,
        closing(session.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE})) as rows,
    ):
        yield from rows
