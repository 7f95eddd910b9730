"""Rows that may be there already, also because another process was faster."""

from __future__ import annotations

from typing import Any

from sqlalchemy import literal
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from shared.store.models import Base


def insert_unless_there(session: Session, model: type[Base], **values: Any) -> bool:  # noqa: ANN401
    """Insert a row unless one with its key is there, and say whether it was inserted.

    Args:
        session: A transaction that writes.
        model: The table.
        **values: Columns with their values.
    """
    dialect = session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    statement = insert(model).values(**values).on_conflict_do_nothing().returning(literal(1))
    return session.scalar(statement) is not None
