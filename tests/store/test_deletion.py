"""Deletion: everything goes, nothing of others does, and the proof looks everywhere."""

import contextlib
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import MetaData, event, func, inspect, select

from shared.auth import sessions
from shared.auth.local_accounts import create_account, list_accounts
from shared.auth.sessions import Limits
from shared.contracts.identity.principal import Principal, Role
from shared.errors import (
    DeletionIncomplete,
    LayerInUse,
    NotAllowed,
    NotFound,
    StorageUnreachable,
)
from shared.settings import Settings
from shared.store import (
    artifacts,
    dataspace,
    deletion,
    erasing,
    feedback,
    retention,
    runs,
    sqlite_files,
)
from shared.store.deletion import Deleted
from shared.store.engine import make_engine, read_scope, session_scope
from shared.store.file_store import FileStore
from shared.store.identity_models import TenantRow
from shared.store.models import ArtifactRow, Base, RunRow, SignalRow
from shared.store.store import Store
from tests.store.filled import DAY, NOW, decided, finished, ordered, published, stored
from tests.store.servers import acting

MARK, TENANT = "spurwort", "spurstadt"
ANNA, ADMIN = acting(TENANT), acting(TENANT, "chefin", "admin")
BERT, BERTS_ADMIN = acting("herten", "bert"), acting("herten", "bertha", "admin")
NO_CONTENT = {
    "signal",
    "lease",
    "alembic_version",
    "login_attempt",
    "pending_login",
    "used_jti",
} | {
    "audit_subject",
    "audit_permit",
    "setting",
}
"""Tables without a word of anybody, only hashes."""
KEPT = {"audit"}
"""Says for its own time who did what, without content."""


def plant(store: Store) -> runs.RunView:
    """Put the mark into every table and every kind of file of the municipality."""
    run = finished(store, ANNA, MARK)
    decided(store, ANNA, run, MARK)
    published(store, ADMIN, run, word=MARK, share=("herten",))
    feedback.flag(ANNA, store, "archivair", 2, MARK, now=NOW)
    ordered(store, ANNA, f"{MARK} laeuft")
    stored(store, ANNA, f"{MARK} ungenutzt".encode(), f"{MARK}.txt")
    reader = finished(store, ANNA, f"{MARK} leser", app="archivair")
    dataspace.note_use(ANNA, store, reader.id, [dataspace.list_layers(ANNA, store)[0].id])
    shared = published(store, BERTS_ADMIN, finished(store, BERT, "bleibt"), share=(TENANT, "marl"))
    dataspace.as_input(ANNA, store, shared.id, now=NOW)
    plant_people(store)
    return run


def plant_people(store: Store) -> None:
    """Give the municipality an account and sessions of both ways to sign in."""
    with session_scope(store.engine) as session:
        for slug in (TENANT, "herten"):
            session.add(TenantRow(slug=slug, name=slug, theme="default", ags=None, active=True))
    rights: dict[str, Role] = {TENANT: "viewer"}
    here = {TENANT: frozenset({"aviary"})}
    create_account(store.engine, MARK, MARK, rights, app_grants=here, now=NOW)
    both: dict[str, Role] = {TENANT: "viewer", "herten": "viewer"}
    account, _ = create_account(store.engine, "berta", "bleibt", both, now=NOW)
    for principal, mode in (
        (Principal(account.id, "bleibt", both, "herten"), "lokal"),
        (Principal(MARK, MARK, rights, TENANT), "keycloak"),
        (Principal("someone", "", both, "herten"), "keycloak"),
    ):
        sessions.create(store.engine, principal, mode=mode, limits=Limits(900, 900), now=NOW)


def dump(store: Store) -> dict[str, str]:
    """Everything in the database as text, by table; asked of the database itself."""
    found = MetaData()
    found.reflect(store.engine)
    with read_scope(store.engine) as session:
        return {
            table.name: "\n".join(repr(tuple(row)) for row in session.execute(select(table)))
            for table in found.sorted_tables
        }


def traces(store: Store, word: str) -> list[str]:
    """Where a word stands: tables, stored files, names of files, raw bytes of this machine."""
    found = [name for name, text in dump(store).items() if word in text]
    for entry in store.files.entries():
        key = entry.key
        content = store.files.read(key.split("/")[0], key.split("/")[-1], key)
        found += [key] if word in key or word.encode() in content else []
    for path in sorted(store.settings.data_dir.rglob("*")):
        if word in path.name or (path.is_file() and word.encode() in path.read_bytes()):
            found.append(str(path))
    return found


def rows_of(store: Store, tenant: str) -> int:
    with read_scope(store.engine) as session:
        query = select(func.count()).select_from(RunRow).where(RunRow.tenant == tenant)
        return session.scalar(query) or 0


def test_every_table_is_part_of_the_test(store: Store) -> None:
    plant(store)
    planted = dump(store)
    words = {name for name, text in planted.items() if MARK in text or TENANT in text}
    by_id = {name for name, text in planted.items() if text} - words
    assert by_id <= {"layer_use", "signal", "alembic_version"}
    assert set(planted) == words | by_id | NO_CONTENT | KEPT
    assert set(planted) == set(Base.metadata.tables) | {"alembic_version"}


def test_a_deleted_municipality_leaves_no_trace(store: Store) -> None:
    plant(store)
    assert len(traces(store, MARK)) > 10
    deleted = deletion.delete_tenant(ADMIN, store)
    assert (deleted.runs, deleted.units, deleted.decisions) == (3, 4, 1)
    assert (deleted.feedback, deleted.layers, deleted.files) == (2, 1, 10)
    assert deleted.bytes > 0
    assert traces(store, MARK) == []
    assert traces(store, TENANT) == []
    assert list(store.files.keys(TENANT)) == []


def test_nothing_of_others_is_touched(store: Store) -> None:
    plant(store)
    before = dump(store)
    deletion.delete_tenant(ADMIN, store)
    for name in ("run", "artifact", "layer", "unit", "run_file"):
        kept = {line for line in before[name].splitlines() if "bleibt" in line or "herten" in line}
        assert kept <= set(dump(store)[name].splitlines())
    [layer] = dataspace.list_layers(BERT, store)
    assert layer.shared_with == ("marl",)
    assert len(dataspace.read_table(BERT, store, "aviary/dach")) == 2
    run = runs.recent(BERT, store)[0]
    assert artifacts.read(BERT, store, run.inputs[0]) == b"Eingabe bleibt"
    [account] = list_accounts(store.engine)
    assert (account.username, dict(account.rights.roles)) == ("berta", {"herten": "viewer"})


def test_deleting_twice_finds_nothing_and_that_is_fine(store: Store) -> None:
    plant(store)
    deletion.delete_tenant(ADMIN, store)
    assert deletion.delete_tenant(ADMIN, store) == Deleted(0, 0, 0, 0, 0, 0, 0)


def test_the_supervisor_hears_of_runs_that_were_active(store: Store) -> None:
    active, done = ordered(store, ANNA, "laeuft"), finished(store, ANNA, "fertig")
    deletion.delete_tenant(ADMIN, store)
    with read_scope(store.engine) as session:
        news = {(row.run_id, row.kind) for row in session.scalars(select(SignalRow))}
    assert (active.id, "deleted") in news
    assert (done.id, "deleted") not in news


def test_a_late_result_resurrects_nothing(store: Store) -> None:
    run = finished(store, ANNA, MARK, state="running")
    deletion.delete_run(ANNA, store, run.id)
    late = store.files.write(TENANT, f"Teil {MARK}".encode(), name="x", media_type="text/plain")
    with pytest.raises(NotFound):
        artifacts.read(ANNA, store, late)
    assert retention.purge(store, NOW + 2 * DAY).files == 1
    assert traces(store, MARK) == []


def test_a_worker_that_writes_during_the_deletion_is_outlived(store: Store) -> None:
    plant(store)
    stop = threading.Event()

    def work() -> None:
        for number in range(1000):
            if stop.wait(0.01) or number > 40:
                return
            with contextlib.suppress(StorageUnreachable):  # its folder went just then
                content = f"{MARK} {number}".encode()
                store.files.write(TENANT, content, name="x", media_type="text/plain")

    worker = threading.Thread(target=work)
    worker.start()
    try:
        deletion.delete_tenant(ADMIN, store, patience_s=30)
        worker.join()
        deletion.delete_tenant(ADMIN, store, patience_s=30)
    finally:
        stop.set()
        worker.join()
    assert traces(store, MARK) == []


def test_what_is_left_is_said(store_sqlite: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    run = finished(store_sqlite, ANNA, MARK)
    monkeypatch.setattr(FileStore, "remove", lambda *_, **__: True)
    with pytest.raises(DeletionIncomplete, match="0 Zeilen und 3 Dateien"):
        deletion.delete_run(ANNA, store_sqlite, run.id)
    monkeypatch.setattr(erasing.Eraser, "feedback", lambda *_: None)
    monkeypatch.setattr(FileStore, "remove_tenant", lambda *_: 0)
    feedback.flag(ANNA, store_sqlite, "aviary", 1, "", now=NOW)
    with pytest.raises(DeletionIncomplete, match="1 Zeilen und 3 Dateien"):
        deletion.delete_tenant(ADMIN, store_sqlite)


def test_a_deletion_that_was_broken_off_is_ended_by_repeating_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(store)

    def storage_down(*_: object, **__: object) -> bool:
        raise StorageUnreachable()

    with monkeypatch.context() as patched:
        patched.setattr(FileStore, "remove", storage_down)
        with pytest.raises(StorageUnreachable):
            deletion.delete_tenant(ADMIN, store)
    assert rows_of(store, TENANT) == 0
    deletion.delete_tenant(ADMIN, store)
    assert traces(store, MARK) == []


def test_a_run_goes_with_everything_that_is_its_alone(store: Store) -> None:
    plant(store)
    other = finished(store, ANNA, "anderer")
    run = finished(store, ANNA, "opfer")
    twin = runs.submit(
        ANNA, store, runs.RunOrder("aviary", "suchen", "zwilling", run.inputs), now=NOW
    )
    decided(store, ANNA, run, "opfer")
    published(store, ANNA, run, name="aviary/opfer", rows=5)
    deleted = deletion.delete_run(ANNA, store, run.id)
    assert (deleted.runs, deleted.units, deleted.decisions, deleted.feedback) == (1, 2, 1, 1)
    assert (deleted.layers, deleted.files) == (1, 3)
    assert artifacts.read(ANNA, store, twin.inputs[0]) == b"Eingabe opfer"
    assert len(runs.units(ANNA, store, other.id)) == 2
    with pytest.raises(NotFound):
        runs.get(ANNA, store, run.id)
    with pytest.raises(NotFound):
        dataspace.find_layer(ANNA, store, "aviary/opfer")
    deletion.delete_run(ANNA, store, twin.id)
    assert traces(store, "opfer") == []


def test_an_app_goes_in_its_municipality_alone(store: Store) -> None:
    plant(store)
    kept = finished(store, ANNA, "akte", app="archivair")
    with pytest.raises(LayerInUse):
        deletion.delete_app(ADMIN, store, "aviary")
    deleted = deletion.delete_app(ADMIN, store, "aviary", force=True)
    assert (deleted.runs, deleted.layers) == (2, 1)
    assert {run.app for run in runs.recent(ANNA, store)} == {"archivair"}
    assert runs.get(ANNA, store, kept.id).title == "Auftrag akte"
    assert rows_of(store, "herten") == 1
    assert deletion.delete_app(ADMIN, store, "avi").runs == 0
    assert deletion.delete_app(ADMIN, store, "%").layers == 0


def test_own_work_goes_and_that_of_colleagues_stays(store: Store) -> None:
    mine, theirs = finished(store, ANNA, "meins"), finished(store, ADMIN, "deins")
    decided(store, ANNA, mine, "meins")
    published(store, ANNA, mine, word="meins")
    deleted = deletion.delete_own(ANNA, store)
    assert (deleted.runs, deleted.layers, deleted.feedback, deleted.files) == (1, 1, 1, 4)
    assert traces(store, "meins") == []
    assert [run.id for run in runs.recent(ADMIN, store, everybody=True)] == [theirs.id]


def test_who_uses_a_layer_is_named_and_asked_first(store: Store) -> None:
    run = finished(store, ANNA, "eins")
    layer = published(store, ADMIN, run, share="alle")
    reader = finished(store, BERT, "zwei", app="sovia")
    dataspace.note_use(BERT, store, reader.id, [layer.id])
    own = finished(store, ANNA, "drei", app="smartenergie")
    dataspace.note_use(ANNA, store, own.id, [layer.id])
    assert deletion.readers(ADMIN, store, layer.id) == ["herten", "smartenergie"]
    assert deletion.readers(BERTS_ADMIN, store, layer.id) == []
    with pytest.raises(NotAllowed):
        deletion.readers(ANNA, store, layer.id)
    everything = dump(store)
    for attempt in (
        lambda: deletion.delete_run(ANNA, store, run.id),
        lambda: deletion.delete_layer(ADMIN, store, layer.id),
        lambda: deletion.delete_app(ADMIN, store, "aviary"),
    ):
        with pytest.raises(LayerInUse, match="„aviary/dach“") as refused:
            attempt()
        assert set(refused.value.details["readers"].split(", ")) == {"herten", "smartenergie"}
    with pytest.raises(LayerInUse) as refused:
        deletion.delete_tenant(ADMIN, store)
    assert refused.value.details["readers"] == "herten"
    assert dump(store) == everything
    deletion.delete_layer(ADMIN, store, layer.id, force=True)
    assert dataspace.list_layers(BERT, store) == []
    assert runs.get(BERT, store, reader.id).title == "Auftrag zwei"
    assert deletion.delete_tenant(ADMIN, store).runs == 2


def test_one_version_goes_and_its_run_stays(store: Store) -> None:
    run = finished(store, ANNA, "eins")
    first, second = published(store, ANNA, run, rows=1), published(store, ANNA, run, rows=2)
    assert deletion.delete_layer(ADMIN, store, second.id) == Deleted(
        0, 0, 0, 0, 1, 1, second.file.bytes
    )
    assert dataspace.find_layer(ANNA, store, "aviary/dach") == first
    assert runs.get(ANNA, store, run.id).state == "done"


def test_only_the_owner_and_only_the_administration_delete(store: Store) -> None:
    run = finished(store, ANNA, "eins")
    layer = published(store, ADMIN, run, share="alle")
    everything = dump(store)
    colleague, viewer = acting(TENANT, "otto"), acting(TENANT, role="viewer")
    for attempt, error in (
        (lambda: deletion.delete_run(colleague, store, run.id), NotAllowed),
        (lambda: deletion.delete_run(viewer, store, run.id), NotAllowed),
        (lambda: deletion.delete_own(viewer, store), NotAllowed),
        (lambda: deletion.delete_app(ANNA, store, "aviary"), NotAllowed),
        (lambda: deletion.delete_tenant(ANNA, store), NotAllowed),
        (lambda: deletion.delete_layer(ANNA, store, layer.id), NotAllowed),
        (lambda: deletion.delete_run(BERTS_ADMIN, store, run.id), NotFound),
        (lambda: deletion.delete_layer(BERTS_ADMIN, store, layer.id), NotFound),
    ):
        with pytest.raises(error):
            attempt()
    assert deletion.delete_tenant(BERTS_ADMIN, store).runs == 0
    assert dump(store) == everything
    assert deletion.delete_run(ADMIN, store, run.id).runs == 1


def test_the_bytes_of_the_database_are_overwritten(store_sqlite: Store) -> None:
    @event.listens_for(store_sqlite.engine, "connect", insert=True)
    def like_other_builds(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA secure_delete = OFF")  # Debian's build has it on

    plant(store_sqlite)
    path = Path(str(store_sqlite.engine.url.database))
    deletion.delete_tenant(ADMIN, store_sqlite)
    for file in path.parent.glob("gallery.db*"):
        assert MARK.encode() not in file.read_bytes(), file.name
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_proof_looks_into_tables_of_tomorrow(store_sqlite: Store) -> None:
    names = set(inspect(store_sqlite.engine).get_table_names())
    with_tenant = {name for name, table in Base.metadata.tables.items() if "tenant" in table.c}
    assert with_tenant >= {"run", "artifact", "layer", "layer_share", "feedback"}
    assert names - {"alembic_version"} == set(Base.metadata.tables)


def test_more_files_go_than_fit_into_one_transaction(store_sqlite: Store) -> None:
    finished(store_sqlite, ANNA, "viele")
    for number in range(250):
        stored(store_sqlite, ANNA, f"{number}".encode())
    assert deletion.delete_tenant(ADMIN, store_sqlite).files == 253
    with read_scope(store_sqlite.engine) as session:
        assert session.scalar(select(func.count()).select_from(ArtifactRow)) == 0


def test_a_journal_that_somebody_still_reads_is_no_finished_deletion(
    store_sqlite: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_files, "JOURNAL_PATIENCE_S", 0.0)
    plant(store_sqlite)
    store = replace(store_sqlite, engine=make_engine(store_sqlite.settings, busy_timeout_s=0.1))
    with read_scope(store.engine) as reading:
        reading.scalar(select(func.count()).select_from(RunRow))
        with pytest.raises(DeletionIncomplete):
            deletion.delete_tenant(ADMIN, store)
    deletion.delete_tenant(ADMIN, store)
    for file in store.settings.data_dir.glob("gallery.db*"):
        assert MARK.encode() not in file.read_bytes(), file.name
    store.engine.dispose()


def test_drafts_and_half_sent_files_go_with_their_municipality(s3_settings: Settings) -> None:
    files = FileStore(s3_settings)
    files.check_reachable()
    place = files._place
    left = {tenant: place.write(tenant, MARK.encode()).path for tenant in (TENANT, "herten")}
    for tenant in left:
        place._call("create_multipart_upload", Key=f"{place._prefix}{tenant}/00/halb")
    files.remove_tenant(TENANT)
    assert [path.exists() for path in left.values()] == [False, True]
    uploads = place._call("list_multipart_uploads")["Uploads"]
    assert [upload["Key"] for upload in uploads] == ["gallery/herten/00/halb"]


def test_a_name_that_begins_like_another_is_another(s3_settings: Settings) -> None:
    files = FileStore(s3_settings)
    for tenant in (TENANT, f"{TENANT}-sued", f"{TENANT}2"):
        files.write(tenant, b"x", name="x", media_type="text/plain")
    assert files.remove_tenant(TENANT) == 1
    assert {entry.key.partition("/")[0] for entry in files.entries()} == {
        f"{TENANT}-sued",
        f"{TENANT}2",
    }
