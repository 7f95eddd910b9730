"""The start command: sentences for what can go wrong, restart of a killed part, clean end."""

import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from shared import startup
from shared.contracts.identity.jwks import read_key_set
from shared.errors import AddressPublic, PortTaken, SettingInvalid, StartFailed, StorageFull
from shared.jobs.lease import Lease, Owner
from shared.settings import REPOSITORY, Settings, load_settings
from shared.startup import Part, check_port, make_parts, prepare_data_folder
from shared.store.store import open_store
from tests.ports import free_port

EVERYWHERE = "0.0.0.0"  # noqa: S104  # must be refused
SERVER = """
import http.server, os, pathlib, subprocess, sys
pathlib.Path(sys.argv[2]).open("a").write(f"{os.getpid()}\\n")
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Answer).serve_forever()
"""


def settings_for(folder: Path, **values: object) -> Settings:
    return Settings.model_validate({"data_dir": folder / "data", **values})


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


def test_data_folder_and_key_are_private(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    prepare_data_folder(settings)
    prepare_data_folder(settings)
    key = settings.installation_key_file
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700
    assert settings.data_dir.stat().st_mode & 0o777 == 0o700
    assert len(read_key_set(settings.key_set_file).keys) == 1


def test_full_disk_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageFull, match="voll oder nicht beschreibbar"):
        prepare_data_folder(settings_for(tmp_path, min_free_mb=1_000_000))


def test_data_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file in the way", encoding="utf-8")
    with pytest.raises(StorageFull):
        prepare_data_folder(settings_for(tmp_path))


def test_taken_port_is_said(taken_port: int) -> None:
    with pytest.raises(PortTaken, match=f"Port {taken_port} ist schon belegt"):
        check_port("127.0.0.1", taken_port, "URBANKI_PORT")


@pytest.mark.parametrize(
    ("name", "value", "german"),
    [
        ("URBANKI_HOST", "stadt.example", "Die Einstellung URBANKI_HOST hat den ungültigen Wert"),
        ("URBANKI_MODEL_SERVER_HOST", "192.168.0.1", "Die Adresse 192.168.0.1 ist von außen"),
        ("URBANKI_PORT", "abc", "Die Einstellung URBANKI_PORT hat den ungültigen Wert „abc“."),
        ("URBANKI_LANGUAGE", "fr", "Die Einstellung URBANKI_LANGUAGE hat den ungültigen Wert"),
        ("URBANKI_AUTH_MODE", "aus", "Die Einstellung URBANKI_AUTH_MODE hat den ungültigen Wert"),
    ],
)
def test_wrong_setting_is_one_line_in_german_and_english(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    german: str,
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as refused:
        startup.main()
    assert refused.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    first, second = line.split(" / ")
    assert first.startswith(german)
    assert value in second
    assert first != second, "the English catalogue has this text"


@pytest.mark.parametrize("value", ["fehlt", "../x"])
def test_wrong_theme_is_one_german_and_one_english_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    monkeypatch.setenv("URBANKI_THEME", value)
    assert startup.main() == 1
    first, second = capsys.readouterr().err.strip().splitlines()
    assert first.startswith(f"Die Einstellung URBANKI_THEME hat den ungültigen Wert „{value}“.")
    assert value in second
    assert first != second, "the English catalogue has this text"


def test_settings_file_in_another_encoding_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / ".env"
    file.write_bytes("URBANKI_THEME=München\n".encode("latin-1"))
    monkeypatch.setitem(Settings.model_config, "env_file", file)
    with pytest.raises(SystemExit) as refused:
        startup.main()
    assert refused.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    german, english = line.split(" / ")
    assert german.startswith("Eine Datei mit Einstellungen ist nicht lesbar.")
    assert english.startswith("A file with settings cannot be read.")


def test_two_parts_cannot_share_a_port(tmp_path: Path) -> None:
    port = free_port()
    with pytest.raises(PortTaken, match=f"Port {port} ist schon belegt") as refused:
        startup.check_ports(settings_for(tmp_path, port=port, model_server_port=port))
    assert refused.value.details["setting"] == "URBANKI_MODEL_SERVER_PORT"


def test_the_port_to_try_instead_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as holder:
        try:
            holder.bind(("127.0.0.1", startup.LAST_PORT))
        except OSError:
            pytest.skip("somebody has the last port")
        with pytest.raises(PortTaken) as refused:
            check_port("127.0.0.1", startup.LAST_PORT, "URBANKI_PORT")
    assert refused.value.details["other"] == startup.LAST_PORT - 1


def test_settings_error_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("URBANKI_MAX_UPLOAD_MB", "-1")
    with pytest.raises(SettingInvalid, match="URBANKI_MAX_UPLOAD_MB"):
        load_settings()


def test_an_open_model_server_needs_the_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("URBANKI_MODEL_SERVER_HOST", EVERYWHERE)
    with pytest.raises(AddressPublic, match="URBANKI_PUBLIC=1 ist aber nicht gesetzt"):
        load_settings()
    monkeypatch.setenv("URBANKI_PUBLIC", "1")
    assert load_settings().model_server_address == "http://127.0.0.1:3000"


def test_model_server_elsewhere_is_not_started(tmp_path: Path) -> None:
    here = make_parts(settings_for(tmp_path, port=8601, model_server_port=3601))
    assert [part.name for part in here] == ["model_server", "jobs", "gallery"]
    assert here[0].environment["URBANKI_MODEL_SERVER_PORT"] == "3601"
    elsewhere = make_parts(settings_for(tmp_path, model_server_url="http://127.0.0.1:9999"))
    assert [part.name for part in elsewhere] == ["jobs", "gallery"]


def test_every_part_is_a_line_of_the_procfile(tmp_path: Path) -> None:
    lines = (REPOSITORY / "Procfile").read_text(encoding="utf-8").splitlines()
    names = [line.partition(":")[0] for line in lines]
    assert names == [part.name for part in make_parts(settings_for(tmp_path))]


def test_a_part_that_speaks_http_is_ready_when_it_answers(part: Part) -> None:
    assert not part.is_ready()
    part.start()
    startup.wait_until_ready([part])
    assert part.is_ready()


def test_the_jobs_are_ready_when_somebody_works_on_them(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    (jobs,) = [part for part in make_parts(settings) if part.name == "jobs"]
    assert not jobs.is_ready(), "there is no database yet"
    prepare_data_folder(settings)
    startup.prepare_tables(settings)
    assert not jobs.is_ready(), "nobody works"
    store = open_store(settings)
    lease = Lease(store.engine, Owner.this_process())
    assert lease.try_take()
    assert jobs.is_ready()
    lease.release()
    assert not jobs.is_ready()
    store.engine.dispose()


def test_tables_of_the_future_are_said_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("URBANKI_PORT", str(free_port()))
    monkeypatch.setenv("URBANKI_MODEL_SERVER_URL", "http://127.0.0.1:9")
    settings = load_settings()
    prepare_data_folder(settings)
    startup.prepare_tables(settings)
    with contextlib.closing(sqlite3.connect(settings.data_dir / "gallery.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = 'zukunft'")
        database.commit()
    with pytest.raises(SystemExit) as refused:
        startup.main()
    assert refused.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    german, english = line.split(" / ")
    assert german.startswith("Die Datenbank hat die Fassung")
    assert english.startswith("The database")


@pytest.mark.server
def test_the_gallery_refuses_tables_of_the_future_in_one_line(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    prepare_data_folder(settings)
    startup.prepare_tables(settings)
    with contextlib.closing(sqlite3.connect(settings.data_dir / "gallery.db")) as database:
        database.execute("UPDATE alembic_version SET version_num = 'zukunft'")
        database.commit()
    done = subprocess.run(
        [sys.executable, "apps/main.py"],
        cwd=REPOSITORY,
        env={
            **os.environ,
            "URBANKI_DATA_DIR": str(settings.data_dir),
            "URBANKI_PORT": str(free_port()),
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("Die Datenbank hat die Fassung")


@pytest.fixture
def part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Part]:
    """A part whose line of the Procfile is a small HTTP server that notes its process ids."""
    port = free_port()
    server = tmp_path / "server.py"
    server.write_text(SERVER, encoding="utf-8")
    line = f"small: {sys.executable} {server} {port} {tmp_path / 'pids'}\nbroken: exit 3\n"
    (tmp_path / "Procfile").write_text(line, encoding="utf-8")
    monkeypatch.setattr(startup, "REPOSITORY", tmp_path)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    ask = startup.answers(f"http://127.0.0.1:{port}")
    made = Part("small", ask, environment, tmp_path / "small.log")
    yield made
    made.end()


def served_by(tmp_path: Path) -> list[int]:
    file = tmp_path / "pids"
    return [int(line) for line in file.read_text().split()] if file.is_file() else []


def test_part_becomes_ready_and_ends_with_its_children(part: Part, tmp_path: Path) -> None:
    part.start()
    startup.wait_until_ready([part])
    (pid,) = served_by(tmp_path)
    assert psutil.pid_exists(pid)
    part.end()
    assert not psutil.pid_exists(pid)


def test_killed_part_is_started_again(part: Part, tmp_path: Path) -> None:
    part.start()
    startup.wait_until_ready([part])
    (first,) = served_by(tmp_path)
    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while len(served_by(tmp_path)) < 2 or not part.is_ready():
        assert time.monotonic() < deadline
        startup.revive([part])
        time.sleep(0.1)
    assert part.starts == sorted(part.starts)
    assert len(part.starts) == 2


def test_honcho_killed_leaves_no_orphans(part: Part, tmp_path: Path) -> None:
    part.start()
    startup.wait_until_ready([part])
    (pid,) = served_by(tmp_path)
    assert part.is_alive()
    assert part.process is not None
    part.process.kill()
    part.process.wait()
    assert not part.is_alive()
    part.kill_rest()
    assert not psutil.pid_exists(pid)


def test_part_that_dies_again_and_again_is_given_up(part: Part) -> None:
    part.name = "broken"
    part.start()
    with pytest.raises(StartFailed, match="broken ist nicht gestartet"):
        startup.wait_until_ready([part])
    with pytest.raises(StartFailed, match="broken ist nicht gestartet"):
        while True:
            startup.revive([part])
            time.sleep(0.1)
    assert len(part.starts) == startup.MAX_RESTARTS


def test_command_says_the_taken_port_and_ends(tmp_path: Path, taken_port: int) -> None:
    environment = {
        **os.environ,
        "URBANKI_DATA_DIR": str(tmp_path / "data"),
        "URBANKI_PORT": str(taken_port),
    }
    done = subprocess.run(
        [sys.executable, "-m", "shared.startup"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    german, english = done.stderr.strip().splitlines()
    assert german.startswith(f"Der Port {taken_port} ist schon belegt")
    assert english.startswith(f"Port {taken_port} is")
    assert done.stdout == ""
