"""The schema: every way to it ends at the same tables, and no other one is worked on."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, inspect, text

from shared.errors import DatabaseBusy, SchemaDiffers, StorageFull
from shared.settings import Settings
from shared.store import schema
from shared.store.engine import make_engine, read_scope, session_scope
from shared.store.models import Base
from shared.store.schema import (
    MIGRATIONS,
    NOTHING_YET,
    check_schema,
    expected_revision,
    found_revision,
    migrate,
    prepare_database,
)
from shared.store.store import Store
from tests.store.faults import Fault, read_only_folder  # noqa: F401
from tests.store.servers import PostgresServer
from tests.timing import PATIENCE_S

REVISIONS = [
    NOTHING_YET,
    *sorted(step.revision for step in ScriptDirectory(str(MIGRATIONS)).walk_revisions()),
]


@pytest.fixture(params=["sqlite", "postgres"])
def empty(
    request: pytest.FixtureRequest, local_settings: Settings, postgres_server: PostgresServer
) -> Iterator[Settings]:
    """Settings of an empty database."""
    if request.param == "sqlite":
        local_settings.data_dir.mkdir()
        yield local_settings
        return
    name = postgres_server.new_database()
    yield local_settings.model_copy(update={"database_url": postgres_server.url(name)})
    postgres_server.drop(name)


@pytest.fixture
def engine(empty: Settings) -> Iterator[Engine]:
    engine = make_engine(empty)
    yield engine
    engine.dispose()


def tables(connection: Connection) -> dict[str, object]:
    """Everything that the database says about its tables, in an order that does not matter."""
    found = inspect(connection)
    parts = (
        found.get_columns,
        found.get_foreign_keys,
        found.get_unique_constraints,
        found.get_indexes,
    )
    return {
        name: [
            plain(found.get_pk_constraint(name)),
            *(sorted(str(plain(part)) for part in get(name)) for get in parts),
        ]
        for name in found.get_table_names()
        if name != "alembic_version"
    }


def programs(connection: Connection) -> set[str]:
    """Triggers and functions as the database keeps them."""
    if connection.dialect.name == "sqlite":
        statement = "SELECT sql FROM sqlite_master WHERE type NOT IN ('table', 'index')"
    else:
        statement = (
            "SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal UNION ALL "
            "SELECT pg_get_functiondef(oid) FROM pg_proc "
            "WHERE pronamespace = 'public'::regnamespace"
        )
    return set(connection.exec_driver_sql(statement).scalars())


def plain(value: object) -> object:
    """The same with texts in place of SQLAlchemy's objects."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    return value if isinstance(value, list | tuple) else str(value)


@pytest.mark.parametrize("earlier", REVISIONS)
def test_every_way_gives_the_same_schema(engine: Engine, earlier: str) -> None:
    with engine.begin() as connection:
        Base.metadata.create_all(connection)
        fresh = tables(connection), programs(connection)
        Base.metadata.drop_all(connection)
        assert programs(connection) == set()
    if earlier != NOTHING_YET:
        migrate(engine, earlier)
        assert found_revision(engine) == earlier
    migrate(engine)
    with engine.connect() as connection:
        assert (tables(connection), programs(connection)) == fresh
        assert len(fresh[1]) == 3
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    check_schema(engine)


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    migrate(engine)
    migrate(engine)
    check_schema(engine)


def test_foreign_keys_are_checked_again_afterwards(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        migrate(engine)
        with engine.connect() as connection:
            assert connection.scalar(text("PRAGMA foreign_keys")) == 1


def test_a_schema_from_the_future_refuses(empty: Settings, engine: Engine) -> None:
    migrate(engine)
    with session_scope(engine) as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    message = f"hat die Fassung 9999, das Programm braucht die Fassung {expected_revision()}"
    for refuse in (check_schema, migrate):
        with pytest.raises(SchemaDiffers, match=message):
            refuse(engine)
    with pytest.raises(SchemaDiffers, match=message):
        prepare_database(empty)


def test_postgresql_is_never_migrated_at_the_start(
    store_postgres, local_settings: Settings, postgres_server: PostgresServer
) -> None:
    prepare_database(store_postgres.settings)
    name = postgres_server.new_database()
    settings = local_settings.model_copy(update={"database_url": postgres_server.url(name)})
    with pytest.raises(SchemaDiffers, match="hat die Fassung 0000"):
        prepare_database(settings)
    postgres_server.drop(name)


def test_sqlite_is_made_with_its_folder_at_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "Ämter & Büros" / "100%"
    prepare_database(Settings(_env_file=None, data_dir=folder))
    assert folder.stat().st_mode & 0o077 == 0
    engine = make_engine(Settings(_env_file=None, data_dir=folder))
    with read_scope(engine) as session:
        assert session.scalar(text("PRAGMA journal_mode")) == "wal"
    engine.dispose()


def test_a_folder_that_cannot_be_made_says_so(
    read_only_folder: tuple[Path, Fault],  # noqa: F811
) -> None:
    folder, forbid = read_only_folder
    forbid()
    if not folder.is_mount() and os.geteuid() == 0:
        pytest.skip("root may write everywhere, and this one may not mount a disk")
    with pytest.raises(StorageFull):
        prepare_database(Settings(_env_file=None, data_dir=folder / "data"))


def test_several_processes_may_start_at_once(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path / "data")
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=prepare_database, args=(settings,)) for _ in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE_S)
    assert [process.exitcode for process in processes] == [0] * 6
    engine = make_engine(settings)
    check_schema(engine)
    engine.dispose()


def test_a_start_that_hangs_in_another_process_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "_LOCK_TIMEOUT_S", 0.1)
    settings = Settings(_env_file=None, data_dir=tmp_path)
    with schema.alone(settings), pytest.raises(DatabaseBusy):
        prepare_database(settings)


def test_postgresql_migrates_once_at_a_time(
    local_settings: Settings, postgres_server: PostgresServer
) -> None:
    name = postgres_server.new_database()
    settings = local_settings.model_copy(update={"database_url": postgres_server.url(name)})
    engine = make_engine(settings, busy_timeout_s=0.2)
    holder = create_engine(postgres_server.url(name))
    with holder.begin() as connection:
        connection.execute(text(f"SELECT pg_advisory_xact_lock({schema._POSTGRESQL_LOCK})"))
        with pytest.raises(DatabaseBusy):
            migrate(engine)
    migrate(engine)
    engine.dispose()
    holder.dispose()
    postgres_server.drop(name)


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (
            "INSERT INTO alembic_version VALUES ('zzzz')",
            f"{expected_revision()}+zzzz",
        ),
        ("UPDATE alembic_version SET version_num = 'äöü'", "äöü"),
        ("DELETE FROM alembic_version", "?"),
    ],
)
def test_a_version_that_nobody_knows_is_refused_and_left_alone(
    store_sqlite: Store, statement: str, found: str
) -> None:
    path = Path(str(store_sqlite.engine.url.database))
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)
    with pytest.raises(SchemaDiffers, match=re.escape(found)):
        prepare_database(store_sqlite.settings)
    assert inspect(store_sqlite.engine).has_table("run")


def test_an_unpacked_database_of_a_killed_restoring_goes_at_the_next_start(
    local_settings: Settings,
) -> None:
    left = local_settings.data_dir / f"{schema.UNPACKED}abc"
    left.mkdir(parents=True)
    (left / "datenbank.sqlite").write_bytes(b"jemand")
    prepare_database(local_settings)
    assert not left.exists()
