"""The database: what goes wrong has a German text, and times keep their zone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, event, insert, select, text
from sqlalchemy.exc import IntegrityError, StatementError

from shared.errors import DatabaseBusy, DatabaseDamaged, DatabaseUnreachable, StorageFull
from shared.settings import Settings
from shared.store import store as store_module
from shared.store.engine import make_engine, read_scope, session_scope, to_json
from shared.store.models import LeaseRow, SignalRow
from shared.store.schema import prepare_database
from shared.store.store import Store
from tests.ports import free_port
from tests.store.faults import Fault, disk_full, read_only_folder  # noqa: F401
from tests.store.servers import PostgresServer

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def lease(beat_at: datetime = NOW) -> LeaseRow:
    return LeaseRow(name="x", owner="a", beat=1, beat_at=beat_at, details_json={})


@pytest.fixture
def impatient(store: Store) -> Iterator[Engine]:
    """The same database for somebody who waits a tenth of a second."""
    engine = make_engine(store.settings, busy_timeout_s=0.1)
    yield engine
    engine.dispose()


def test_a_database_that_is_held_too_long_says_so(store: Store, impatient: Engine) -> None:
    with session_scope(store.engine) as session:
        session.add(lease())
    with session_scope(store.engine) as holder:
        holder.execute(delete(LeaseRow))
        with pytest.raises(DatabaseBusy) as caught, session_scope(impatient) as session:
            session.execute(delete(LeaseRow))
    assert str(caught.value) == "Die Datenbank ist gerade belegt."
    assert caught.value.retry == "wait"


def test_readers_do_not_wait_for_a_writer(store: Store, impatient: Engine) -> None:
    with session_scope(store.engine) as writer:
        writer.add(lease())
        writer.flush()
        with read_scope(impatient) as session:
            assert session.scalars(select(LeaseRow)).all() == []


def test_an_error_rolls_back(store: Store) -> None:
    with pytest.raises(KeyError), session_scope(store.engine) as session:
        session.add(lease())
        session.flush()
        raise KeyError
    with read_scope(store.engine) as session:
        assert session.scalars(select(LeaseRow)).all() == []


def test_a_violated_rule_stays_what_it_is(store: Store) -> None:
    with session_scope(store.engine) as session:
        session.add(lease())
    with pytest.raises(IntegrityError) as raised, session_scope(store.engine) as session:
        session.add(lease())
    assert "hide_parameters" in str(raised.value)  # the values of a statement belong in no log


def test_foreign_keys_are_kept(store: Store) -> None:
    unit = text(
        "INSERT INTO unit (run_id, ordinal, key, state, attempts, crashes) "
        "VALUES ('gibt-es-nicht', 0, 'a', 'queued', 0, 0)"
    )
    with pytest.raises(IntegrityError), session_scope(store.engine) as session:
        session.execute(unit)


def test_too_many_at_once_are_told_to_wait(store: Store) -> None:
    engine = make_engine(store.settings, busy_timeout_s=0.1)
    try:
        opened = [engine.connect() for _ in range(20)]
        with pytest.raises(DatabaseBusy), read_scope(engine) as session:
            session.execute(text("SELECT 1"))
        for connection in opened:
            connection.close()
    finally:
        engine.dispose()


def test_moments_keep_their_zone(store: Store) -> None:
    berlin = timezone(timedelta(hours=2))
    local = datetime(2026, 7, 1, 0, 30, 0, 123456, tzinfo=berlin)
    with session_scope(store.engine) as session:
        session.add(lease(local))
    with read_scope(store.engine) as session:
        found = session.scalars(select(LeaseRow.beat_at)).one()
        earlier = session.scalars(
            select(LeaseRow.name).where(LeaseRow.beat_at < local + timedelta(seconds=1))
        ).all()
    assert found == local
    assert found.utcoffset() == timedelta(0)
    assert earlier == ["x"]


def test_a_moment_without_zone_is_refused(store: Store) -> None:
    naive = datetime(2026, 3, 1)
    with (
        pytest.raises(StatementError, match="needs its time zone"),
        session_scope(store.engine) as session,
    ):
        session.add(lease(naive))


def test_texts_are_stored_as_people_write_them(store: Store) -> None:
    details = {"Straße": "Ä ß 👩‍🚒 „x“", "leer": None}
    with session_scope(store.engine) as session:
        session.add(LeaseRow(name="x", owner="a", beat=1, beat_at=NOW, details_json=details))
    with read_scope(store.engine) as session:
        assert session.scalars(select(LeaseRow.details_json)).one() == details
        raw = session.scalar(text("SELECT CAST(details_json AS TEXT) FROM lease"))
    assert "Straße" in raw


def test_no_row_holds_what_json_cannot_carry() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json({"wert": float("nan")})


def test_ids_of_signals_count_up(store: Store) -> None:
    with session_scope(store.engine) as session:
        for _ in range(3):
            session.execute(insert(SignalRow), [{"run_id": "r", "kind": "new"}])
    with read_scope(store.engine) as session:
        assert session.scalars(select(SignalRow.id).order_by(SignalRow.id)).all() == [1, 2, 3]


def test_a_full_disk_says_so(disk_full: tuple[Path, Fault]) -> None:  # noqa: F811
    folder, fill = disk_full
    settings = Settings(_env_file=None, data_dir=folder)
    prepare_database(settings)
    engine = make_engine(settings)
    if not folder.is_mount():
        fill_sqlite_double(engine)
    else:
        fill()
    try:
        with (
            pytest.raises(StorageFull, match="voll oder nicht beschreibbar"),
            session_scope(engine) as session,
        ):
            session.add(lease())
            session.flush()
            session.execute(text("UPDATE lease SET owner = hex(zeroblob(500000))"))
    finally:
        engine.dispose()


def fill_sqlite_double(engine: Engine) -> None:
    """A database that may not grow, where no small disk can be mounted."""

    @event.listens_for(engine, "connect")
    def limit(connection, _record) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")


def test_a_read_only_folder_says_so(read_only_folder: tuple[Path, Fault]) -> None:  # noqa: F811
    folder, forbid = read_only_folder
    settings = Settings(_env_file=None, data_dir=folder)
    prepare_database(settings)
    forbid()
    engine = make_engine(settings)
    try:
        with pytest.raises(StorageFull), session_scope(engine) as session:
            if not folder.is_mount():
                session.execute(text("PRAGMA query_only = ON"))
            session.add(lease())
    finally:
        engine.dispose()


def test_a_damaged_database_says_so(local_settings: Settings) -> None:
    local_settings.data_dir.mkdir()
    (local_settings.data_dir / "gallery.db").write_bytes(b"keine Datenbank" * 500)
    engine = make_engine(local_settings)
    try:
        with (
            pytest.raises(DatabaseDamaged, match="Die Datenbank ist beschädigt"),
            read_scope(engine) as session,
        ):
            session.execute(text("SELECT * FROM run"))
    finally:
        engine.dispose()


def test_a_server_that_is_away_says_so(local_settings: Settings) -> None:
    url = f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/nothing"
    engine = make_engine(local_settings.model_copy(update={"database_url": url}))
    with (
        pytest.raises(DatabaseUnreachable, match="Die Datenbank ist nicht erreichbar"),
        read_scope(engine) as session,
    ):
        session.execute(text("SELECT 1"))


def test_a_server_that_breaks_off_says_so_and_the_next_transaction_works(
    store_postgres: Store, postgres_server: PostgresServer
) -> None:
    store = store_postgres
    with pytest.raises(DatabaseUnreachable), session_scope(store.engine) as session:
        session.add(lease())
        session.flush()
        number = session.scalar(text("SELECT pg_backend_pid()"))
        postgres_server.run(f"SELECT pg_terminate_backend({number})")
        session.execute(text("SELECT 1"))
    with session_scope(store.engine) as session:
        session.add(lease())


def test_locks_of_a_stopped_process_end(store_postgres: Store) -> None:
    with read_scope(store_postgres.engine) as session:
        limit = session.scalar(text("SHOW idle_in_transaction_session_timeout"))
    assert limit == "1min"


def test_a_forked_process_opens_its_own_store(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "get_settings", lambda: store.settings)
    store_module.process_store.cache_clear()
    shared = store_module.process_store()
    with read_scope(shared.engine) as session:
        session.execute(text("SELECT 1"))
    child = os.fork()
    if child == 0:
        os._exit(0 if store_module.process_store() is not shared else 1)
    assert os.waitpid(child, 0)[1] == 0
    with read_scope(shared.engine) as session:
        assert session.scalar(text("SELECT 1")) == 1
    shared.engine.dispose()
    store_module.process_store.cache_clear()
