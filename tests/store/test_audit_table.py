"""The audit's table: the database itself refuses changes, whoever asks for them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from shared.store.engine import read_scope, session_scope
from shared.store.identity_models import AuditPermitRow, AuditRow
from shared.store.store import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TEXTS = (
    *("event", "subject_hmac", "tenant", "role", "app", "object_id", "outcome", "reason_code"),
    *("ip_prefix", "request_id", "prev_mac", "mac"),
)


def row(ordinal: int) -> dict[str, Any]:
    return {"id": f"id-{ordinal}", "ordinal": ordinal, "ts": NOW} | dict.fromkeys(TEXTS, "x")


@pytest.fixture
def filled(store: Store) -> Store:
    with session_scope(store.engine) as session:
        session.execute(insert(AuditRow), [row(1), row(2)])
    return store


def ordinals(store: Store) -> list[int]:
    with read_scope(store.engine) as session:
        return list(session.scalars(select(AuditRow.ordinal).order_by(AuditRow.ordinal)))


@pytest.mark.parametrize(
    "statement",
    [
        update(AuditRow).values(event="y"),
        update(AuditRow).where(AuditRow.ordinal == 2).values(ordinal=3),
        delete(AuditRow),
        delete(AuditRow).where(AuditRow.ordinal == 1),
    ],
)
def test_rows_are_neither_changed_nor_deleted(filled: Store, statement: Any) -> None:
    with (
        pytest.raises(IntegrityError, match="audit: rows are"),
        session_scope(filled.engine) as session,
    ):
        session.execute(statement)
    assert ordinals(filled) == [1, 2]


def test_nothing_replaces_a_row(filled: Store) -> None:
    verb = "INSERT OR REPLACE" if filled.engine.dialect.name == "sqlite" else "INSERT"
    names = [column.name for column in AuditRow.__table__.c]
    statement = text(
        f"{verb} INTO audit ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"
    )
    for other in (row(1) | {"id": "id-9"}, row(9) | {"id": "id-1"}):
        with pytest.raises(IntegrityError), session_scope(filled.engine) as session:
            session.execute(statement, other | {"ts": NOW.isoformat(" ")})
    assert ordinals(filled) == [1, 2]


def test_nobody_empties_the_table(filled: Store) -> None:
    if filled.engine.dialect.name == "sqlite":
        return  # has no such statement
    with pytest.raises(IntegrityError), session_scope(filled.engine) as session:
        session.execute(text("TRUNCATE audit"))
    assert ordinals(filled) == [1, 2]


def test_a_permit_of_the_same_transaction_allows_deleting_and_no_change(filled: Store) -> None:
    with session_scope(filled.engine) as session:
        session.add(AuditPermitRow(purpose="purge"))
        session.flush()
        session.execute(delete(AuditRow).where(AuditRow.ordinal == 1))
        session.execute(delete(AuditPermitRow))
    assert ordinals(filled) == [2]
    with pytest.raises(IntegrityError), session_scope(filled.engine) as session:
        session.add(AuditPermitRow(purpose="erase"))
        session.flush()
        session.execute(update(AuditRow).values(event="y"))
    with read_scope(filled.engine) as session:
        assert session.scalar(select(func.count()).select_from(AuditPermitRow)) == 0
