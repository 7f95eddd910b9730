"""The file of an SQLite database, for what SQLAlchemy has no words for."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from shared.errors import InputError
from shared.store.engine import database_errors

JOURNAL_PATIENCE_S = 2.0
_TRY_AGAIN_S = 0.05


def sqlite_path(engine: Engine) -> Path:
    """Return where the database lies.

    Raises:
        InputError: The database is another one.
    """
    if engine.dialect.name != "sqlite":
        raise InputError(
            reason="Dieser Befehl sichert nur SQLite. "
            "Wie Sie PostgreSQL sichern, steht in docs/betrieb.md."
        )
    return Path(str(engine.url.database))


@contextmanager
def sqlite_connection(engine: Engine) -> Iterator[sqlite3.Connection]:
    """Lend a connection outside any transaction.

    Args:
        engine: An SQLite database.

    Raises:
        DatabaseBusy: Another process holds the database.
        DatabaseUnreachable: The database does not answer.
        StorageFull: There is no space left, or the database may not be written.
    """
    with database_errors(engine.url):
        lent = engine.raw_connection()
        try:
            yield cast(sqlite3.Connection, lent.driver_connection)
        except sqlite3.Error as error:
            raise OperationalError(None, None, error) from error
        finally:
            lent.close()


def empty_journal(engine: Engine) -> bool:
    """Let SQLite empty its journal, in which removed rows would stay readable.

    Args:
        engine: Any database; the others keep no such file.

    Returns:
        False when somebody was reading from it all the time.
    """
    if engine.dialect.name != "sqlite":
        return True
    give_up_at = time.monotonic() + JOURNAL_PATIENCE_S
    with sqlite_connection(engine) as connection:
        # SQLite waits for readers by itself, but not for others that empty it at this moment.
        while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            if time.monotonic() >= give_up_at:
                return False
            time.sleep(_TRY_AGAIN_S)
    return True
