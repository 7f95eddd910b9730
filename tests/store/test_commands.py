"""The commands: JSON and 0, or one German line and 2."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.auth.audit_log import log_folder
from shared.errors import InputError
from shared.settings import REPOSITORY, Settings
from shared.store import __main__ as command, dataspace, runs
from shared.store.schema import expected_revision
from shared.store.store import Store, open_store
from tests.auth.audit_trail import trail
from tests.store.filled import NOW, decided, finished, ordered, published
from tests.store.servers import acting

ANNA, ADMIN = acting(), acting(role="admin")
HEAD = expected_revision()
Call = Callable[..., tuple[int, dict[str, object], str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    def run(settings: Settings, *words: str | Path) -> tuple[int, dict[str, object], str]:
        monkeypatch.setattr(command, "load_settings", lambda: settings)
        code = command.main([str(word) for word in words])
        out, error = capsys.readouterr()
        assert len(error.splitlines()) == (0 if code == 0 else 1)
        return code, json.loads(out) if out else {}, error.strip()

    return run


def test_migrate_makes_the_tables_and_check_finds_them(
    local_settings: Settings, call: Call
) -> None:
    code, _, line = call(local_settings, "check")
    assert (code, "python -m shared.store migrate" in line) == (2, True)
    assert not local_settings.data_dir.exists()
    assert call(local_settings, "migrate")[1] == {"before": "0000", "revision": HEAD}
    assert call(local_settings, "migrate")[1] == {"before": HEAD, "revision": HEAD}
    assert call(local_settings, "check")[1] == {
        "database": "sqlite",
        "revision": HEAD,
        "storage": "file",
        "runs": 0,
        "artifacts": 0,
        "layers": 0,
    }


def test_migrate_and_check_work_on_postgresql_and_s3(
    postgres_server, s3_settings: Settings, call: Call
) -> None:
    database = postgres_server.new_database()
    settings = s3_settings.model_copy(update={"database_url": postgres_server.url(database)})
    assert call(settings, "check")[0] == 2
    assert call(settings, "migrate")[1] == {"before": "0000", "revision": HEAD}
    code, found, _ = call(settings, "check")
    assert (code, found["database"], found["storage"]) == (0, "postgresql", "s3")
    postgres_server.drop(database)


@pytest.mark.parametrize("words", [("verify",), ("purge",), ("backup", "--out", "x.zip"),
                                   ("delete", "--tenant", "musterstadt")])  # fmt: skip
def test_without_tables_nothing_is_made(
    local_settings: Settings, call: Call, words: tuple[str, ...]
) -> None:
    code, _, line = call(local_settings, *words)
    assert (code, "0000" in line) == (2, True)
    assert not local_settings.data_dir.exists()


def test_backup_restore_and_verify(store_sqlite: Store, call: Call, tmp_path: Path) -> None:
    run = finished(store_sqlite, ANNA, "eins")
    file = tmp_path / "s.zip"
    code, written, _ = call(store_sqlite.settings, "backup", "--out", file)
    assert (code, written["files"], written["file"]) == (0, 3, "s.zip")
    new = Settings(_env_file=None, data_dir=tmp_path / "neu")
    code, restored, _ = call(new, "restore", file)
    assert (code, restored["files"], restored["missing"]) == (0, 3, [])
    code, found, _ = call(new, "verify")
    assert (code, found["files"], found["extra"]) == (0, 3, [])
    store = open_store(new)
    assert runs.get(ANNA, store, run.id).title == "Auftrag eins"
    store.engine.dispose()
    code, _, line = call(new, "restore", file)
    assert (code, line.startswith("Hier sind schon Daten gespeichert.")) == (2, True)


def test_faults_are_listed_and_said_in_one_line(
    store_sqlite: Store, call: Call, tmp_path: Path
) -> None:
    run = finished(store_sqlite, ANNA, "eins")
    store_sqlite.files.remove("musterstadt", run.inputs[0].sha256)
    code, found, line = call(store_sqlite.settings, "verify")
    assert (code, line) == (2, "Fehlend: 1, beschädigt: 0, überzählig: 0.")
    assert found["missing"] == [f"musterstadt/{run.inputs[0].sha256[:2]}/{run.inputs[0].sha256}"]
    code, written, line = call(store_sqlite.settings, "backup", "--out", tmp_path / "s.zip")
    assert (code, line) == (2, "Die Sicherung ist geschrieben, aber 1 Dateien fehlen darin.")
    assert written["unreadable"] == found["missing"]


def test_purge_says_what_it_removed(store_sqlite: Store, call: Call) -> None:
    finished(store_sqlite, ANNA, "eins", ended_at=NOW.replace(year=2020))
    code, purged, _ = call(store_sqlite.settings, "purge")
    assert (code, purged["runs"], purged["uploads"]) == (0, 1, 1)


def test_delete_a_run_an_app_and_a_municipality(store_sqlite: Store, call: Call) -> None:
    settings = store_sqlite.settings
    for tenant in ("musterstadt", "herten"):
        for app in ("aviary", "archivair"):
            finished(store_sqlite, acting(tenant), f"{tenant} {app}", app=app)
    victim = finished(store_sqlite, ANNA, "opfer")
    decided(store_sqlite, ANNA, victim, "opfer")
    code, deleted, _ = call(settings, "delete", "--run", victim.id)
    assert code == 0
    assert (deleted["runs"], deleted["files"], deleted["decisions"]) == (1, 3, 1)
    code, _, line = call(settings, "delete", "--run", victim.id)
    assert (code, "gibt es nicht" in line) == (2, True)
    assert call(settings, "delete", "--app", "aviary")[1]["runs"] == 2
    assert call(settings, "delete", "--tenant", "herten")[1]["runs"] == 1
    assert [run.app for run in runs.recent(ANNA, store_sqlite)] == ["archivair"]
    assert call(settings, "delete", "--tenant", "herten")[1]["runs"] == 0


def told(store: Store) -> list[tuple[str, str, str, str, str, str]]:
    return [
        (row.event, row.tenant, row.app, row.object_id, row.outcome, row.reason_code)
        for row in trail(store.engine)
    ]


def test_the_audit_tells_of_what_is_deleted(store_sqlite: Store, call: Call) -> None:
    settings = store_sqlite.settings
    for tenant in ("musterstadt", "herten"):
        finished(store_sqlite, acting(tenant), f"opfer {tenant}")
    victim = finished(store_sqlite, ANNA, "opfer")
    command = ("headless_command", "", "", "store/delete")
    call(settings, "delete", "--run", victim.id)
    call(settings, "delete", "--app", "aviary")
    call(settings, "delete", "--tenant", "herten")
    call(settings, "delete", "--run", victim.id)
    assert told(store_sqlite) == [
        ("delete", "musterstadt", "", victim.id, "ok", "command"),
        (*command, "ok", ""),
        ("delete", "herten", "aviary", "", "ok", "command"),
        ("delete", "musterstadt", "aviary", "", "ok", "command"),
        (*command, "ok", ""),
        ("delete", "herten", "", "", "ok", "command"),
        (*command, "ok", ""),
        (*command, "refused", InputError.code),
    ]


def test_the_audit_tells_of_backups_and_purges_and_of_no_look(
    store_sqlite: Store, call: Call, tmp_path: Path
) -> None:
    settings, planted = store_sqlite.settings, "sicherung_mueller"
    for words in (("check",), ("verify",), ("purge",), ("backup", "--out", tmp_path / planted)):
        assert call(settings, *words)[0] == 0
    begin = ("headless_command", "", "")
    assert told(store_sqlite) == [
        (*begin, "store/purge", "ok", ""),
        (*begin, "store/backup", "ok", ""),
    ]
    files = [*settings.data_dir.glob("gallery.db*"), *log_folder(settings).iterdir()]
    assert all(planted.encode() not in file.read_bytes() for file in files)


def test_a_layer_in_use_is_deleted_by_force_only(store_sqlite: Store, call: Call) -> None:
    layer = published(store_sqlite, ADMIN, finished(store_sqlite, ANNA, "eins"), share="alle")
    bert = acting("herten")
    dataspace.note_use(bert, store_sqlite, ordered(store_sqlite, bert, "zwei").id, [layer.id])
    words = ("delete", "--tenant", "musterstadt")
    code, _, line = call(store_sqlite.settings, *words)
    assert (code, "wird noch genutzt von: herten" in line) == (2, True)
    assert call(store_sqlite.settings, *words, "--force")[1]["layers"] == 1


def test_provenance_needs_no_database(local_settings: Settings, call: Call, tmp_path: Path) -> None:
    path = tmp_path / "ohne\x1b[31m.txt"
    path.write_text("nichts", encoding="utf-8")
    code, _, line = call(local_settings, "provenance", path)
    assert (code, "\x1b" in line) == (2, False)
    assert not local_settings.data_dir.exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Es fehlt: migrate, check, backup, restore, verify, purge, delete oder provenance."),
        (("verfiy",), "Für BEFEHL gibt es nur"),
        (("backup",), "Es fehlt: --out"),
        (("backup", "--out"), "Nach --out fehlt der Wert"),
        (("verify", "--schnell"), "Unbekannte Angabe --schnell"),
        (("delete",), "Es fehlt eines von: --app, --tenant, --run"),
        (("delete", "--app", "a", "--run", "b"), "--run und --app gehen nicht zusammen"),
        (("delete", "--tenant", "../x"), "Der Name einer Kommune ist ungültig"),
        (("restore", "nichts.zip"), "„nichts.zip“ gibt es nicht"),
    ],
)
def test_wrong_words_are_refused_in_german(
    store_sqlite: Store, call: Call, words: tuple[str, ...], said: str
) -> None:
    code, content, line = call(store_sqlite.settings, *words)
    assert (code, content) == (2, {})
    assert said in line


def test_the_real_command_prints_json_and_german_help(local_settings: Settings) -> None:
    environment = {**os.environ, "URBANKI_DATA_DIR": str(local_settings.data_dir)}
    base = [sys.executable, "-m", "shared.store"]
    done = [
        subprocess.run(
            [*base, word], cwd=REPOSITORY, env=environment, capture_output=True, text=True
        )
        for word in ("migrate", "check", "--help", "unsinn")
    ]
    assert [one.returncode for one in done] == [0, 0, 0, 2]
    assert json.loads(done[1].stdout)["revision"] == HEAD
    assert "Aufruf (usage): python -m shared.store" in done[2].stdout
    assert done[3].stderr.startswith("Die Eingabe ist ungültig: Für BEFEHL gibt es nur")
