"""The schema of the database: made and brought up to date on SQLite, only checked on PostgreSQL."""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.engine import make_url

from shared.errors import DatabaseBusy, SchemaDiffers
from shared.settings import Settings
from shared.store import identity_models  # noqa: F401  # its tables belong to the schema too
from shared.store.engine import database_errors, make_engine
from shared.store.local_files import disk_errors
from shared.store.models import Base

MIGRATIONS = Path(__file__).with_name("migrations")
NOTHING_YET = "0000"
"""Revision of an empty database."""
UNPACKED = ".restore."
"""How a folder of the data folder begins in which a restoring unpacks a database."""
_LOCK_TIMEOUT_S = 60.0
_LOOK_EVERY_S = 0.05
_POSTGRESQL_LOCK = 0x75726B69
"""Any number; all who migrate the same database must use the same."""


def prepare_database(settings: Settings) -> None:
    """Make the database ready at the start of a process; several may start at once.

    On SQLite the schema is created or brought up to date. On PostgreSQL the administration does
    that with `python -m shared.store migrate`, and only the revision is compared.

    Args:
        settings: The database.

    Raises:
        SchemaDiffers: It is newer than the program, or on PostgreSQL older.
        DatabaseBusy: Another process has been at it for a minute.
        DatabaseUnreachable: The database does not answer.
        StorageFull: There is no space left, or the folder may not be written.
    """
    engine = make_engine(settings)
    try:
        if engine.dialect.name == "sqlite":
            with alone(settings):
                _remove_unpacked(settings)
                migrate(engine)
        check_schema(engine)
    finally:
        engine.dispose()


def expected_revision() -> str:
    """Return the revision that this program needs."""
    return str(_script().get_current_head())


def known_revisions() -> frozenset[str]:
    """Return the revisions that this program can bring up to date, its own included."""
    return frozenset(step.revision for step in _script().walk_revisions())


def found_revision(engine: Engine) -> str:
    """Return the revision of the database, `NOTHING_YET` when it is empty or not there.

    Raises:
        DatabaseUnreachable: The database does not answer.
    """
    if engine.dialect.name == "sqlite" and not Path(str(engine.url.database)).is_file():
        return NOTHING_YET  # only asking SQLite would make an empty one
    with database_errors(engine.url), engine.connect() as connection:
        return _revision(connection)


def check_schema(engine: Engine) -> None:
    """Make sure that the database has the schema of this program.

    Raises:
        SchemaDiffers: It is older or newer.
        DatabaseUnreachable: The database does not answer.
    """
    found, expected = found_revision(engine), expected_revision()
    if found != expected:
        raise SchemaDiffers(found=found, expected=expected)


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the schema up to date, in one transaction; nothing happens where it is.

    Args:
        engine: The database.
        revision: Where to stop; tests stop early.

    Raises:
        SchemaDiffers: It is newer than this program.
        DatabaseBusy: Another process holds the database.
        DatabaseUnreachable: The database does not answer.
        StorageFull: There is no space left, or the database may not be written.
    """
    writing = engine.execution_options(writes=True)
    with (
        database_errors(engine.url),
        writing.connect() as connection,
        _checks_late(connection),
        connection.begin(),
    ):
        if engine.dialect.name == "postgresql":
            connection.execute(
                text("SELECT pg_advisory_xact_lock(:number)"), {"number": _POSTGRESQL_LOCK}
            )
        found, expected = _revision(connection), expected_revision()
        if found == expected:
            return
        if found == NOTHING_YET and _has_tables(connection):
            raise SchemaDiffers(found="?", expected=expected)
        if found not in known_revisions() and found != NOTHING_YET:
            raise SchemaDiffers(found=found, expected=expected)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def _revision(connection: Connection) -> str:
    """Return the revision; several, which only a mishap writes, are one that nobody knows."""
    return "+".join(MigrationContext.configure(connection).get_current_heads()) or NOTHING_YET


def _has_tables(connection: Connection) -> bool:
    return not Base.metadata.tables.keys().isdisjoint(inspect(connection).get_table_names())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


@contextmanager
def _checks_late(connection: Connection) -> Iterator[None]:
    """Let SQLite copy tables that others refer to; it can only be told so outside a transaction."""
    if connection.dialect.name != "sqlite":
        yield
        return
    plain = connection.connection.dbapi_connection
    if plain is None:
        raise AssertionError("unreachable")
    plain.cursor().execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        plain.cursor().execute("PRAGMA foreign_keys = ON")


def _remove_unpacked(settings: Settings) -> None:
    """Remove databases that a killed restoring has unpacked; nobody would ever delete from them."""
    for folder in settings.data_dir.glob(f"{UNPACKED}*"):
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Keep others out who begin to work with an SQLite database, or restore one.

    The lock is one on a file and ends with its process.

    Args:
        settings: The database; its folder is made.

    Raises:
        DatabaseBusy: Another process has been at it for a minute.
        StorageFull: The folder may not be written.
    """
    database = Path(str(make_url(settings.database_address).database))
    give_up_at = time.monotonic() + _LOCK_TIMEOUT_S
    with disk_errors(database.parent):
        database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened = database.with_name(f"{database.name}.lock").open("ab")
    with opened:
        while True:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > give_up_at:
                    raise DatabaseBusy() from error
                time.sleep(_LOOK_EVERY_S)
        yield
