"""The database: one engine per process, one writer at a time on SQLite."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    OperationalError,
    TimeoutError as PoolTimeout,
)
from sqlalchemy.orm import Session

from shared.errors import (
    DatabaseBusy,
    DatabaseDamaged,
    DatabaseUnreachable,
    StorageFull,
    TextInvalid,
    UrbanKiError,
)
from shared.settings import Settings

BUSY_TIMEOUT_S = 10.0
IDLE_TRANSACTION_S = 60
"""PostgreSQL ends a transaction of a stopped process after this, and so frees its locks."""
_CONNECTIONS, _MORE_CONNECTIONS = 5, 15
_BUSY = {"55P03", "40P01", "40001", "SQLITE_BUSY", "SQLITE_LOCKED"}
_FULL = {
    *("53100", "25006"),
    *("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_IOERR_SHMSIZE"),
}
_DAMAGED = {"XX001", "XX002", "SQLITE_CORRUPT", "SQLITE_NOTADB"}
_NO_TEXT = {"", "22021", "22P05"}
"""Codes of PostgreSQL (https://www.postgresql.org/docs/15/errcodes-appendix.html) and of SQLite
(https://www.sqlite.org/rescode.html); texts differ by language and version."""


def make_engine(settings: Settings, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> Engine:
    """Open the database of the settings; nothing is connected yet.

    Args:
        settings: `database_url`, or a file of the data folder where it is empty.
        busy_timeout_s: Seconds to wait for another process that holds a lock.
    """
    url = make_url(settings.database_address)
    if url.get_backend_name() != "sqlite":
        return _postgresql(url, busy_timeout_s)
    engine = create_engine(
        url,
        json_serializer=to_json,
        hide_parameters=True,  # the values of a statement belong in no log
        pool_size=_CONNECTIONS,
        max_overflow=_MORE_CONNECTIONS,
        pool_timeout=busy_timeout_s,
        connect_args={"timeout": busy_timeout_s, "check_same_thread": False},
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql(url: URL, busy_timeout_s: float) -> Engine:
    server_options = {
        "lock_timeout": f"{round(busy_timeout_s * 1000)}ms",
        "idle_in_transaction_session_timeout": f"{IDLE_TRANSACTION_S}s",
    }
    return create_engine(
        url,
        json_serializer=to_json,
        hide_parameters=True,  # the values of a statement belong in no log
        pool_pre_ping=True,
        pool_size=_CONNECTIONS,
        max_overflow=_MORE_CONNECTIONS,
        pool_timeout=busy_timeout_s,
        connect_args={
            "application_name": "urbanki",
            "connect_timeout": max(1, round(busy_timeout_s)),
            "options": " ".join(f"-c {name}={value}" for name, value in server_options.items()),
            # A server that vanished with its machine is noticed after half a minute.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,
        },
    )


def to_json(value: object) -> str:
    """Write a value as the database keeps it.

    Raises:
        ValueError: It holds NaN or infinity.
        TypeError: It holds something that JSON cannot carry.
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says
    # What is deleted must not stay readable in free pages; Debian's build does so anyway.
    for pragma in (
        "journal_mode = WAL",
        "foreign_keys = ON",
        "synchronous = NORMAL",
        "secure_delete = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at once; a lock taken halfway could only fail."""
    options = connection.get_execution_options()
    if not options.get("one_look", False):
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes", False) else "BEGIN")


@contextmanager
def session_scope(engine: Engine) -> Iterator[Session]:
    """Open a transaction that writes: committed at the end, rolled back by an error.

    Raises:
        DatabaseBusy: Another process held the database for more than 10 s.
        DatabaseUnreachable: The database does not answer.
        DatabaseDamaged: Its file is damaged.
        StorageFull: There is no space left, or the database may not be written.
    """
    with (
        database_errors(engine.url),
        Session(engine.execution_options(writes=True)) as session,
        session.begin(),
    ):
        yield session


@contextmanager
def read_scope(engine: Engine) -> Iterator[Session]:
    """Open a transaction that only reads; it never waits for a writer.

    Raises:
        DatabaseBusy: Too many pages read at once.
        DatabaseUnreachable: The database does not answer.
        DatabaseDamaged: Its file is damaged.
    """
    with database_errors(engine.url), Session(engine) as session, session.begin():
        yield session


@contextmanager
def one_look(engine: Engine) -> Iterator[Connection]:
    """Open a connection for one statement that reads, and so needs no transaction around it.

    Raises:
        DatabaseBusy: Too many pages read at once.
        DatabaseUnreachable: The database does not answer.
        DatabaseDamaged: Its file is damaged.
    """
    with database_errors(engine.url), engine.connect() as connection:
        yield connection.execution_options(one_look=True)


@contextmanager
def database_errors(url: URL) -> Iterator[None]:
    """Turn errors of the database into those of the house, `TextInvalid` among them.

    Violated rules (`IntegrityError`) and errors of our own statements stay what they are.

    Args:
        url: The database.
    """
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseBusy() from error
    except IntegrityError:
        raise
    except DBAPIError as error:
        meaning = _meaning(error, url)
        if meaning is None:
            raise
        raise meaning from error


def _meaning(error: DBAPIError, url: URL) -> UrbanKiError | None:
    name = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", None)
    code = str(name or "")
    # Extended codes of SQLite continue the name of the plain one: SQLITE_READONLY_DIRECTORY.
    if _is_one_of(code, _BUSY):
        return DatabaseBusy()
    if _is_one_of(code, _FULL):
        folder = str(url.database or "").rpartition("/")[0].rpartition("/")[2]
        return StorageFull(folder=folder if code.startswith("SQLITE") else "PostgreSQL")
    if _is_one_of(code, _DAMAGED):
        return DatabaseDamaged()
    if isinstance(error, DataError) and code in _NO_TEXT:
        return TextInvalid()  # psycopg refuses the character NUL by itself, without a code
    is_down = error.connection_invalidated or isinstance(error, OperationalError)
    return DatabaseUnreachable() if is_down else None


def _is_one_of(code: str, codes: set[str]) -> bool:
    return any(code == known or code.startswith(f"{known}_") for known in codes)
