"""Backup and restore: consistent while everything runs, all or nothing, doubtful of every byte."""

import contextlib
import hashlib
import io
import json
import random
import sqlite3
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from shared.auth import sessions
from shared.auth.sessions import Limits
from shared.errors import (
    BackupUnusable,
    DatabaseBusy,
    FileMissing,
    InputError,
    InstallationNotEmpty,
    SchemaDiffers,
    StorageFull,
    StorageUnreachable,
    UrbanKiError,
)
from shared.settings import Settings
from shared.store import artifacts, dataspace, deletion, restore as restore_module, runs, schema
from shared.store.backup import UNFINISHED, _in_use, backup
from shared.store.backup_format import DATABASE, FILES, MANIFEST, zip_date
from shared.store.engine import read_scope, session_scope
from shared.store.file_store import FileStore
from shared.store.models import LeaseRow, RunRow, UnitRow
from shared.store.restore import restore
from shared.store.schema import expected_revision, migrate, prepare_database
from shared.store.store import Store, open_store
from shared.store.verify import verify
from tests.store.filled import NOW, decided, finished, ordered, published, stored
from tests.store.servers import acting
from tests.store.test_deletion import dump

ANNA, BERT = acting(), acting("herten", "bert")
MANY = 60


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Store]:
    """Another installation without anything, not even a folder."""
    store = open_store(Settings(_env_file=None, data_dir=tmp_path / "neu" / "data"))
    yield store
    store.engine.dispose()


@pytest.fixture
def full(store_sqlite: Store) -> Store:
    """Two municipalities with runs, layers, decisions and a run that works."""
    for acting_one, word in ((ANNA, "eins"), (BERT, "zwei")):
        run = finished(store_sqlite, acting_one, word)
        decided(store_sqlite, acting_one, run, word)
        published(store_sqlite, acting_one, run, word=word)
    finished(store_sqlite, ANNA, "laeuft", state="running")
    return store_sqlite


@pytest.fixture
def saved(full: Store, tmp_path: Path) -> Path:
    """A backup of it."""
    target = tmp_path / "sicherung.zip"
    backup(full, target, NOW)
    return target


def rewritten(source: Path, target: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The same backup with other content."""
    with zipfile.ZipFile(source) as archive:
        content = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    change(content)
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return target


def manifest_with(**changes: object) -> Callable[[dict[str, bytes]], None]:
    def change(content: dict[str, bytes]) -> None:
        content[MANIFEST] = json.dumps(json.loads(content[MANIFEST]) | changes).encode()

    return change


def with_database(
    *statements: str,
) -> Callable[[dict[str, bytes]], None]:
    """Run statements on the database of the backup and let the manifest fit it."""

    def change(content: dict[str, bytes]) -> None:
        connection = sqlite3.connect(":memory:")
        connection.deserialize(content[DATABASE])
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        content[DATABASE] = bytes(connection.serialize())
        connection.close()
        digest = hashlib.sha256(content[DATABASE]).hexdigest()
        manifest_with(database={"sha256": digest, "bytes": len(content[DATABASE])})(content)

    return change


def is_empty(store: Store) -> bool:
    """Nothing of a restore is left: no row, no file, no folder for drafts."""
    database = Path(str(store.engine.url.database))
    rows = 0
    if database.exists():
        with contextlib.closing(sqlite3.connect(database)) as connection:
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            rows = connection.execute("SELECT count(*) FROM run").fetchone()[0] if tables else 0
    folder = store.settings.data_dir
    strays = list(folder.glob(".restore.*")) if folder.exists() else []
    return not rows and not list(store.files.keys()) and not strays


def test_everything_comes_back_as_it_was(full: Store, saved: Path, empty: Store) -> None:
    before = dump(full)
    restored = restore(empty, saved)
    after = dump(empty)
    assert after == before
    assert set(empty.files.keys()) == set(full.files.keys())
    assert (restored.files, restored.revision, restored.missing) == (11, expected_revision(), ())
    assert verify(empty, NOW).is_sound
    for person in (ANNA, BERT):
        for run in runs.recent(person, empty):
            content = artifacts.read(person, full, run.inputs[0])
            assert artifacts.read(person, empty, run.inputs[0]) == content
        assert len(dataspace.read_table(person, empty, "aviary/dach")) == 2
    # And it can be worked with.
    assert ordered(empty, ANNA, "neu").state == "queued"


def test_the_backup_says_what_it_holds(full: Store, tmp_path: Path) -> None:
    target = tmp_path / "s.zip"
    written = backup(full, target, NOW)
    assert (written.file, written.files, written.unreadable) == ("s.zip", 11, ())
    assert written.bytes == target.stat().st_size
    assert target.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["data", "s.zip"]
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        manifest = json.loads(archive.read(MANIFEST))
    assert set(names) == {MANIFEST, DATABASE} | {FILES + key for key in manifest["files"]}
    assert all(key.endswith(key.split("/")[1] + key[-62:]) for key in manifest["files"])
    assert manifest["created_at"].startswith(f"{NOW:%Y-%m-%dT%H:%M:%S}")


def test_keys_and_settings_are_not_in_it(full: Store, tmp_path: Path) -> None:
    keys = full.settings.keys_folder
    keys.mkdir()
    (keys / "installation.pem").write_text("geheimer Schluessel", encoding="utf-8")
    target = tmp_path / "s.zip"
    backup(full, target, NOW)
    assert b"geheimer Schluessel" not in target.read_bytes()


def test_what_was_deleted_is_not_in_it(full: Store, tmp_path: Path) -> None:
    deletion.delete_tenant(acting("herten", role="admin"), full)
    target = tmp_path / "s.zip"
    backup(full, target, NOW)
    with zipfile.ZipFile(target) as archive:
        for entry in archive.infolist():
            assert b"zwei" not in archive.read(entry), entry.filename
            assert "herten" not in entry.filename


def test_whoever_worked_then_does_not_work_in_the_copy(
    full: Store, tmp_path: Path, empty: Store
) -> None:
    with session_scope(full.engine) as session:
        lease = LeaseRow(name="supervisor", owner="a:1:2", beat=7, beat_at=NOW, details_json={})
        session.add(lease)
    backup(full, tmp_path / "s.zip", NOW)
    restore(empty, tmp_path / "s.zip")
    with read_scope(empty.engine) as session:
        assert session.scalar(select(func.count()).select_from(LeaseRow)) == 0
    with read_scope(full.engine) as session:
        assert session.scalar(select(func.count()).select_from(LeaseRow)) == 1


class Worker(threading.Thread):
    """Writes units with files into a run, as fast as it can, until it is told to stop."""

    def __init__(self, store: Store, run_id: str) -> None:
        super().__init__()
        self.store, self.run_id, self.stop = store, run_id, threading.Event()
        self.errors: list[BaseException] = []
        self.written = 0

    def run(self) -> None:
        try:
            while not self.stop.is_set():
                self.unit(self.written)
                self.written += 1
        except BaseException as error:
            self.errors.append(error)

    def unit(self, number: int) -> None:
        content = f"{number} ".encode() * 2000
        file = stored(self.store, ANNA, content, kind="intermediate")
        with session_scope(self.store.engine) as session:
            artifact = artifacts.own_row(session, "musterstadt", file.sha256)
            session.add(
                UnitRow(run_id=self.run_id, ordinal=number + 10, key=str(number), state="done",
                        result_json={"n": number}, artifact_id=artifact.id)
            )  # fmt: skip
            session.execute(
                update(RunRow)
                .where(RunRow.id == self.run_id)
                .values(units_done=RunRow.units_done + 1)
            )


def test_a_backup_during_a_job_is_one_moment_of_it(
    store_sqlite: Store, tmp_path: Path, empty: Store
) -> None:
    run = finished(store_sqlite, ANNA, "auftrag", state="running")
    worker = Worker(store_sqlite, run.id)
    worker.start()
    try:
        while worker.written < MANY and not worker.errors:
            worker.stop.wait(0.01)
        counts = []
        for number in range(3):
            target = tmp_path / f"s{number}.zip"
            counts.append(backup(store_sqlite, target, NOW).files)
    finally:
        worker.stop.set()
        worker.join()
    assert worker.errors == []
    assert counts == sorted(counts)
    assert worker.written > counts[0] >= MANY
    restore(empty, target)
    assert verify(empty, NOW).is_sound
    with read_scope(empty.engine) as session:
        done = select(func.count()).select_from(UnitRow).where(UnitRow.state == "done")
        assert session.scalar(done) == runs.get(ANNA, empty, run.id).units_done
    last = runs.units(ANNA, empty, run.id)[-1]
    assert last.file is not None
    assert artifacts.read(ANNA, empty, last.file) == f"{last.key} ".encode() * 2000


def test_a_file_that_vanishes_meanwhile_makes_it_begin_anew(
    full: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty: Store
) -> None:
    opened = FileStore.open
    victims = runs.recent(ANNA, full)

    def deleting(files: FileStore, tenant: str, sha256: str, name: str) -> io.BufferedReader:
        if victims:
            deletion.delete_run(ANNA, full, victims.pop().id)
        return opened(files, tenant, sha256, name)

    monkeypatch.setattr(FileStore, "open", deleting)
    written = backup(full, tmp_path / "s.zip", NOW)
    assert (written.files, written.unreadable) == (4, ())
    assert restore(empty, tmp_path / "s.zip").files == 4


def test_when_things_are_deleted_all_the_time_it_gives_up_without_a_trace(
    full: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = [finished(full, ANNA, f"weg {number}") for number in range(3)]
    opened = FileStore.open

    def deleting(files: FileStore, tenant: str, sha256: str, name: str) -> io.BufferedReader:
        if victims and sha256 == victims[0].inputs[0].sha256:
            deletion.delete_run(ANNA, full, victims.pop(0).id)
        return opened(files, tenant, sha256, name)

    monkeypatch.setattr(FileStore, "open", deleting)
    with pytest.raises(DatabaseBusy):
        backup(full, tmp_path / "s.zip", NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_files_that_cannot_be_read_are_named_and_the_rest_is_saved(
    full: Store, tmp_path: Path, empty: Store
) -> None:
    damaged, gone = (run.inputs[0] for run in runs.recent(ANNA, full))
    full.files.local_path("musterstadt", damaged.sha256, "x").write_bytes(b"anderes")
    full.files.remove("musterstadt", gone.sha256)
    written = backup(full, tmp_path / "s.zip", NOW)
    assert {key[-64:] for key in written.unreadable} == {damaged.sha256, gone.sha256}
    assert written.files == 9
    restored = restore(empty, tmp_path / "s.zip")
    assert restored.missing == written.unreadable
    assert verify(empty, NOW).missing == tuple(sorted(written.unreadable, key=order_of(full)))


def order_of(store: Store) -> Callable[[str], str]:
    """Verification goes by the ids of the rows."""
    with read_scope(store.engine) as session:
        query = select(artifacts.ArtifactRow.storage_key, artifacts.ArtifactRow.id)
        ids = {key: identifier for key, identifier in session.execute(query)}
    return ids.__getitem__


def test_nothing_is_overwritten(full: Store, saved: Path, tmp_path: Path) -> None:
    content = saved.read_bytes()
    with pytest.raises(InputError, match=r"sicherung\.zip"):
        backup(full, saved, NOW)
    assert saved.read_bytes() == content


def test_a_place_that_cannot_be_written_is_said(full: Store, tmp_path: Path) -> None:
    with pytest.raises((StorageFull, StorageUnreachable)):
        backup(full, tmp_path / "nirgends" / "s.zip", NOW)


def test_another_database_is_saved_by_its_own_means(store_postgres: Store, tmp_path: Path) -> None:
    for attempt in (
        lambda: backup(store_postgres, tmp_path / "s.zip", NOW),
        lambda: restore(store_postgres, tmp_path / "s.zip"),
    ):
        with pytest.raises(InputError, match="PostgreSQL"):
            attempt()


def test_a_backup_of_an_installation_with_s3_comes_back_into_a_folder(
    s3_settings: Settings, tmp_path: Path, empty: Store
) -> None:
    prepare_database(s3_settings)
    store = open_store(s3_settings)
    finished(store, ANNA, "eins")
    backup(store, tmp_path / "s.zip", NOW)
    store.engine.dispose()
    restore(empty, tmp_path / "s.zip")
    assert verify(empty, NOW).files == 3


def test_only_an_empty_installation_takes_it(saved: Path, full: Store, empty: Store) -> None:
    with pytest.raises(InstallationNotEmpty):
        restore(full, saved)
    restore(empty, saved)
    with pytest.raises(InstallationNotEmpty):
        restore(empty, saved)
    assert verify(empty, NOW).is_sound


def test_files_without_rows_are_something_too(saved: Path, empty: Store) -> None:
    empty.files.write("marl", b"fremd", name="x", media_type="text/plain")
    with pytest.raises(InstallationNotEmpty):
        restore(empty, saved)


def test_a_foreign_database_is_not_touched(saved: Path, empty: Store) -> None:
    empty.settings.data_dir.mkdir(parents=True)
    path = Path(str(empty.engine.url.database))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE etwas (wert)")
    with pytest.raises(InstallationNotEmpty):
        restore(empty, saved)


def test_an_installation_that_was_only_started_takes_it(
    saved: Path, empty: Store, full: Store
) -> None:
    prepare_database(empty.settings)
    with read_scope(empty.engine) as session:  # its connection stays open in the pool
        assert session.scalar(select(func.count()).select_from(RunRow)) == 0
    restore(empty, saved)
    assert dump(empty) == dump(full)
    prepare_database(empty.settings)


BROKEN: dict[str, Callable[[dict[str, bytes]], None]] = {
    "no manifest": lambda content: content.pop(MANIFEST),
    "manifest is no JSON": lambda content: content.update({MANIFEST: b"{"}),
    "manifest of another program": manifest_with(format="andere-sicherung"),
    "manifest of tomorrow": manifest_with(format_version=2),
    "manifest with more": manifest_with(mehr=1),
    "manifest without files": manifest_with(files={}),
    "key leads out": manifest_with(files={"../../etc/passwd": 1}),
    "key is absolute": manifest_with(files={"/etc/passwd": 1}),
    "key of another hash folder": manifest_with(files={"a/00/" + "1" * 64: 1}),
    "negative size": manifest_with(files={"a/11/" + "1" * 64: -1}),
    "a missing file": lambda content: content.pop(next(n for n in content if n.startswith(FILES))),
    "a file more": lambda content: content.update({FILES + "a/11/" + "1" * 64: b"x"}),
    "zip slip": lambda content: content.update({"../../entkommen": b"x"}),
    "a file changed": lambda content: content.update(
        {name: data[::-1] for name, data in content.items() if name.startswith(FILES)}
    ),
    "a database changed": lambda content: content.update({DATABASE: content[DATABASE][::-1]}),
    "no database": lambda content: content.pop(DATABASE),
    "database without the triggers of the audit": with_database("DROP TRIGGER audit_no_delete"),
    "database with a trigger": with_database(
        "CREATE TRIGGER boese AFTER INSERT ON run BEGIN DELETE FROM run; END"
    ),
    "database with a view": with_database("CREATE VIEW boese AS SELECT 1"),
    "database of another revision": with_database("UPDATE alembic_version SET version_num = '9'"),
    "database names other files": with_database("DELETE FROM unit", "DELETE FROM run_file",
                                                "DELETE FROM layer", "DELETE FROM artifact"),
    "database with loose ends": with_database("PRAGMA foreign_keys = OFF", "DELETE FROM run"),
    "database without its tables": with_database("DROP TABLE alembic_version"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_backup_that_was_tampered_with_changes_nothing(
    saved: Path, tmp_path: Path, empty: Store, name: str
) -> None:
    with pytest.raises(BackupUnusable):
        restore(empty, rewritten(saved, tmp_path / "boese.zip", BROKEN[name]))
    assert is_empty(empty)
    assert not (tmp_path.parent / "entkommen").exists()
    restore(empty, saved)


def test_a_backup_of_a_newer_program_is_refused(saved: Path, tmp_path: Path, empty: Store) -> None:
    future = rewritten(saved, tmp_path / "zukunft.zip", manifest_with(revision="9999"))
    with pytest.raises(SchemaDiffers, match="9999"):
        restore(empty, future)
    assert is_empty(empty)


def test_two_entries_of_one_name_are_refused(saved: Path, empty: Store) -> None:
    with zipfile.ZipFile(saved, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        archive.writestr(DATABASE, archive.read(DATABASE))
    with pytest.raises(BackupUnusable):
        restore(empty, saved)


def test_a_bomb_is_refused_before_it_unpacks(
    saved: Path, tmp_path: Path, empty: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "a/11/" + "1" * 64
    with zipfile.ZipFile(saved) as old:
        manifest = json.loads(old.read(MANIFEST))
        database = old.read(DATABASE)
    manifest["files"] = {key: 1 << 50}
    bomb = tmp_path / "bombe.zip"
    with zipfile.ZipFile(bomb, "w") as archive:
        archive.writestr(DATABASE, database)
        with archive.open(zipfile.ZipInfo(FILES + key), "w", force_zip64=True) as entry:
            entry.write(b"0")
        archive.writestr(MANIFEST, json.dumps(manifest))
    with pytest.raises(BackupUnusable):  # the archive itself says another size
        restore(empty, bomb)
    honest = zipfile.ZipFile.infolist

    def lying(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
        for entry in honest(archive):
            entry.file_size = 1 << 50 if entry.filename == FILES + key else entry.file_size
        return honest(archive)

    monkeypatch.setattr(zipfile.ZipFile, "infolist", lying)
    with pytest.raises(StorageFull):
        restore(empty, bomb)
    assert is_empty(empty)


def test_an_entry_that_unpacks_to_more_than_it_says_is_cut_off(
    saved: Path, tmp_path: Path, empty: Store
) -> None:
    """The sizes in both directories of the archive lie; the data unpack to 100 MB."""
    content = bytes(100_000_000)
    lie = tmp_path / "luege.zip"
    with zipfile.ZipFile(saved) as old:
        manifest, database = json.loads(old.read(MANIFEST)), old.read(DATABASE)
    with zipfile.ZipFile(lie, "w") as archive:
        entry = zipfile.ZipInfo(DATABASE)
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, content)
        manifest["files"], manifest["database"]["bytes"] = {}, len(database)
        archive.writestr(MANIFEST, json.dumps(manifest))
    size, said = len(content).to_bytes(4, "little"), len(database).to_bytes(4, "little")
    lie.write_bytes(lie.read_bytes().replace(size, said))
    with pytest.raises(BackupUnusable):
        restore(empty, lie)
    assert is_empty(empty)


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"kein Archiv" * 1000, b"PK\5\6" + bytes(18)])
def test_other_files_are_refused(tmp_path: Path, empty: Store, content: bytes) -> None:
    path = tmp_path / "datei.zip"
    path.write_bytes(content)
    with pytest.raises(BackupUnusable):
        restore(empty, path)
    with pytest.raises(FileMissing):
        restore(empty, tmp_path / "nichts.zip")


def test_flipped_and_cut_bytes_are_found_or_harmless(
    saved: Path, tmp_path: Path, empty: Store, full: Store
) -> None:
    """Wherever a byte flips: refused and nothing restored, or restored exactly."""
    whole, choose = saved.read_bytes(), random.Random(1)  # noqa: S311
    before = dump(full)
    path = tmp_path / "kaputt.zip"
    for _ in range(200):
        # Half of them in the directory of the archive, which says where everything is.
        place = choose.randrange(choose.choice([0, len(whole) - 2000]), len(whole))
        flipped = bytes([whole[place] ^ 1 << choose.randrange(8)])
        broken = whole[:place] + flipped + whole[place + 1 :]
        path.write_bytes(broken if choose.random() < 0.8 else whole[:place])
        try:
            restore(empty, path)
        except UrbanKiError:
            assert is_empty(empty), place
        else:
            assert dump(empty) == before, place
            for tenant in ("musterstadt", "herten"):
                empty.files.remove_tenant(tenant)
            empty.engine.dispose()
            for file in Path(str(empty.engine.url.database)).parent.glob("gallery.db*"):
                file.unlink()


def test_when_writing_fails_halfway_nothing_is_left(
    saved: Path, empty: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrote, count = FileStore.write, iter(range(100))

    def full_disk(files: FileStore, *arguments: object, **more: object) -> object:
        if next(count) == 5:
            raise StorageFull(folder="files")
        return wrote(files, *arguments, **more)

    with monkeypatch.context() as patched:
        patched.setattr(FileStore, "write", full_disk)
        with pytest.raises(StorageFull):
            restore(empty, saved)
    assert is_empty(empty)
    restore(empty, saved)


def test_a_restore_that_was_killed_may_be_repeated(
    saved: Path, empty: Store, monkeypatch: pytest.MonkeyPatch, full: Store
) -> None:
    def killed(store: Store, copy: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(restore_module, "_put_database", killed)
        with pytest.raises(KeyboardInterrupt):
            restore(empty, saved)
    assert len(list(empty.files.keys())) == 11
    assert is_empty(empty) is False
    restore(empty, saved)
    assert dump(empty) == dump(full)


def test_nobody_is_signed_in_after_a_restore(full: Store, empty: Store, tmp_path: Path) -> None:
    who = acting()
    cookie, _ = sessions.create(full.engine, who, mode="keycloak", limits=Limits(900, 900), now=NOW)
    archive = tmp_path / "with-session.zip"
    backup(full, archive, NOW)
    restore(empty, archive)
    assert sessions.lookup(full.engine, cookie, NOW) is not None
    assert sessions.lookup(empty.engine, cookie, NOW) is None
    assert dump(empty)["session"] == ""


def test_an_older_backup_is_brought_up_to_date_at_the_next_start(saved: Path, empty: Store) -> None:
    restore(empty, saved)
    migrate(empty.engine)
    assert runs.recent(ANNA, empty)[0].title.startswith("Auftrag")


def test_dates_of_archives_begin_in_1980() -> None:
    assert zip_date(NOW.replace(year=1970))[0] == 1980
    assert zip_date(NOW + timedelta(seconds=1))[0] == NOW.year


def test_a_manifest_packed_in_another_way_is_refused(tmp_path: Path, empty: Store) -> None:
    file = tmp_path / "s.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr(MANIFEST, "x" * 1000)
    content = bytearray(file.read_bytes())
    start = 30 + len(MANIFEST) + 9
    content[start : start + 8] = b"\xff" * 8
    file.write_bytes(content)
    with pytest.raises(BackupUnusable):
        restore(empty, file)


def test_names_that_no_file_can_have_are_refused(full: Store, tmp_path: Path) -> None:
    with pytest.raises(FileMissing):
        restore(full, tmp_path / ("x" * 300))
    with pytest.raises(InputError, match="Namen"):
        backup(full, tmp_path / ("x" * 300), NOW)
    name = "ü" * 120 + ".zip"
    assert backup(full, tmp_path / name, NOW).file == name


def test_nobody_starts_while_a_backup_comes_back(
    saved: Path, empty: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = restore_module._put_database

    def starting(store: Store, copy: Path) -> None:
        with pytest.raises(DatabaseBusy):
            prepare_database(store.settings)
        put(store, copy)

    monkeypatch.setattr(schema, "_LOCK_TIMEOUT_S", 0.1)
    monkeypatch.setattr(restore_module, "_put_database", starting)
    restore(empty, saved)
    assert runs.recent(ANNA, empty)


def test_what_a_killed_backup_has_left_goes_with_the_next(full: Store, tmp_path: Path) -> None:
    folder = tmp_path / "sicherungen"
    left, living = (folder / f"{UNFINISHED}{name}" for name in ("alt", "neu"))
    for path in (left, living):
        path.mkdir(parents=True)
        (path / DATABASE).write_bytes(b"jemand")
    with _in_use(living):
        backup(full, folder / "s.zip", NOW)
    assert {path.name for path in folder.iterdir()} == {"s.zip", living.name}
