"""Verification lists what is missing, damaged or not named, and changes nothing."""

import os
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from shared.errors import FileGone
from shared.settings import Settings
from shared.store import deletion, runs
from shared.store.file_store import FileStore
from shared.store.store import Store, open_store
from shared.store.verify import Verification, verify
from tests.store.filled import NOW, finished, published
from tests.store.servers import PostgresServer, acting, postgres_template
from tests.store.test_deletion import dump

ANNA = acting()
LATER = NOW + timedelta(days=1)  # however long the tests before took


def key_of(sha256: str) -> str:
    return f"musterstadt/{sha256[:2]}/{sha256}"


def damage(store: Store, sha256: str) -> None:
    """Flip a bit of the stored file itself."""
    content = bytearray(store.files.read("musterstadt", sha256, "x"))
    content[3] ^= 4
    place = store.files._place
    if store.settings.storage_url:
        system = place._system()
        system.pipe_file(place._path(key_of(sha256)), bytes(content))
    else:
        place.fetch(key_of(sha256)).write_bytes(content)


def test_a_sound_store_is_sound(store: Store) -> None:
    run = finished(store, ANNA, "eins")
    published(store, ANNA, run)
    found = verify(store, LATER)
    assert found.is_sound
    assert (found.files, found.missing, found.damaged, found.extra) == (4, (), (), ())
    assert found.bytes == sum(entry.bytes for entry in store.files.entries())


def test_each_fault_is_listed(store: Store) -> None:
    run = finished(store, ANNA, "eins")
    other = runs.result_files(ANNA, store, run.id)["ergebnis eins.txt"]
    damage(store, run.inputs[0].sha256)
    store.files.remove("musterstadt", other.sha256)
    extra = store.files.write("herten", b"fremd", name="x", media_type="text/plain")
    before = dump(store), sorted(store.files.keys())
    found = verify(store, LATER)
    assert found.damaged == (key_of(run.inputs[0].sha256),)
    assert found.missing == (key_of(other.sha256),)
    assert found.extra == (f"herten/{extra.sha256[:2]}/{extra.sha256}",)
    assert (found.files, found.unsettled, found.is_sound) == (1, 0, False)
    assert (dump(store), sorted(store.files.keys())) == before


def test_what_a_job_has_just_written_is_no_fault(store: Store) -> None:
    finished(store, ANNA, "eins")
    store.files.write("musterstadt", b"gleich vermerkt", name="x", media_type="text/plain")
    found = verify(store, NOW)
    assert (found.is_sound, found.unsettled) == (True, 1)


def test_what_is_deleted_meanwhile_is_no_fault(
    store_sqlite: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = finished(store_sqlite, ANNA, "eins")
    checked = FileStore.verify

    def deleting(files: FileStore, tenant: str, sha256: str, name: str) -> None:
        monkeypatch.setattr(FileStore, "verify", checked)
        deletion.delete_run(ANNA, store_sqlite, run.id)
        raise FileGone(name=name)

    monkeypatch.setattr(FileStore, "verify", deleting)
    assert verify(store_sqlite, LATER).is_sound


def test_postgresql_is_saved_and_brought_back_as_the_guide_says(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """`docs/betrieb.md`: pg_dump first, then the files; the other way round; verify."""

    def program(name: str, *words: str | Path) -> None:
        subprocess.run([postgres_server._programs / name, *words], check=True)

    database = postgres_server.new_database(postgres_template())
    url = postgres_server.url(database)
    store = open_store(Settings(_env_file=None, data_dir=tmp_path / "alt", database_url=url))
    run = finished(store, ANNA, "eins")
    dump_file, address = tmp_path / "gallery.dump", postgres_server.address(database)
    program("pg_dump", "--format=custom", "--file", dump_file, address)
    late = finished(store, ANNA, "danach")
    shutil.copytree(tmp_path / "alt" / "files", tmp_path / "neu" / "files")
    copy = postgres_server.new_database()
    program("pg_restore", "--dbname", postgres_server.address(copy), dump_file)
    new = open_store(
        Settings(_env_file=None, data_dir=tmp_path / "neu", database_url=postgres_server.url(copy))
    )
    found = verify(new, LATER)
    assert (found.files, found.missing, found.damaged) == (3, (), ())
    assert len(found.extra) == 3
    assert key_of(late.inputs[0].sha256) in found.extra
    assert runs.get(ANNA, new, run.id).title == "Auftrag eins"
    for opened, name in ((store, database), (new, copy)):
        opened.engine.dispose()
        postgres_server.drop(name)


def test_an_empty_store_is_sound(store: Store) -> None:
    assert verify(store, NOW) == Verification(0, 0, (), (), (), 0)


def test_a_stray_file_whose_name_is_no_text_is_listed(store_sqlite: Store) -> None:
    finished(store_sqlite, ANNA, "eins")
    folder = store_sqlite.settings.data_dir / "files" / "musterstadt"
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xe4")).write_bytes(b"x")
    found = verify(store_sqlite, LATER)
    assert found.extra == ("musterstadt/\\xff\\xe4",)
