"""The first start prints passwords once; one that opens too much ends before any port is open."""

import contextlib
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared import startup
from shared.auth import first_start, local_accounts
from shared.auth.local_accounts import FIRST_ACCOUNTS, FirstPassword
from shared.auth.secret_box import PLACEHOLDER
from shared.settings import REPOSITORY, Settings
from shared.store.engine import make_engine
from tests.ports import free_port

EVERYWHERE = "0.0.0.0"  # noqa: S104  # must be refused
CPU_SECONDS = 3.0
PASSWORD = re.compile(r"(\w+) +((?:[A-Z][a-z]+-){4}\d{3})")
STREAMLIT = "streamlit run"


def started_by(file: str, line: str) -> Sequence[str]:
    """What a file of ours gives to Python in order to start the gallery."""
    text = Path(REPOSITORY, file).read_text(encoding="utf-8")
    [words] = re.findall(rf"^{line}.*\bpython (.+)$", text, re.MULTILINE)
    return str(words).split()


STARTS: dict[str, Sequence[str]] = {
    "gallery start": ["-m", "shared.startup"],
    "Procfile": started_by("Procfile", "gallery:"),
    "systemd": started_by("deploy/systemd/urbanki-gallery.service", "ExecStart="),
    STREAMLIT: [
        *("-m", "streamlit", "run", "apps/main.py", "--server.headless", "true"),
        *("--server.address", EVERYWHERE, "--server.port", "PORT"),
    ],
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation that has never been started; its processes read it from the environment."""
    return Settings(_env_file=None, data_dir=tmp_path / "data", port=free_port())


@pytest.fixture
def nobody_starts(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """The start command without its parts: everything is ready at once, and Ctrl-C comes."""

    def stop(_parts: object) -> None:
        raise startup._StopRequested

    monkeypatch.setattr(startup, "load_or_refuse", lambda: settings)
    monkeypatch.setattr(startup, "make_parts", lambda _settings: [])
    monkeypatch.setattr(startup, "revive", stop)


@pytest.mark.usefixtures("nobody_starts")
def test_the_first_start_prints_three_passwords_once(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    startup.prepare_data_folder(settings)
    startup.prepare_tables(settings)
    assert startup.main() == 0
    out, err = capsys.readouterr()
    found = PASSWORD.findall(out)
    assert [name for name, _ in found] == [name for name, _, _ in FIRST_ACCOUNTS]
    assert out.count("Erste Anmeldung") == out.count("First sign-in") == 1
    assert out.splitlines()[-1].startswith("Galerie bereit / gallery ready: http://127.0.0.1:")
    engine = make_engine(settings)
    for name, password in found:
        assert out.count(password) == 1
        account = local_accounts.sign_in(
            engine, name, password, ip_prefix="", now=datetime.now(UTC)
        )
        assert account.must_change
        files = [file for file in settings.data_dir.rglob("*") if file.is_file()]
        assert [file.name for file in files if password.encode() in file.read_bytes()] == []
    engine.dispose()
    assert err == ""
    assert startup.main() == 0
    assert PASSWORD.findall(capsys.readouterr().out) == []


@pytest.mark.usefixtures("nobody_starts")
def test_a_start_that_fails_makes_no_accounts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Otherwise nobody would ever read their passwords."""

    def fail(_parts: object) -> None:
        raise startup.StartFailed(part="gallery", log="x")

    startup.prepare_data_folder(settings)
    startup.prepare_tables(settings)
    with monkeypatch.context() as patched:
        patched.setattr(startup, "wait_until_ready", fail)
        assert startup.main() == 1
    assert capsys.readouterr().out == ""
    assert startup.main() == 0
    assert len(PASSWORD.findall(capsys.readouterr().out)) == 3


def test_a_start_in_the_process_of_the_tests_leaves_it_its_signals() -> None:
    """Otherwise no process of a later test would end when it is asked to."""
    assert signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN


@pytest.mark.parametrize("values", [{"mode": "kiosk"}, {"auth_mode": "keycloak"}])
def test_where_others_sign_in_no_account_is_made(
    settings: Settings, values: dict[str, str]
) -> None:
    startup.prepare_data_folder(settings)
    startup.prepare_tables(settings)
    chosen = settings.model_copy(update=values)
    assert first_start.make_first_accounts(chosen, datetime.now(UTC)) == ""
    engine = make_engine(settings)
    assert not local_accounts.has_accounts(engine)
    engine.dispose()


def test_the_frame_holds_the_longest_line() -> None:
    text = first_start.framed([FirstPassword("sachbearbeitung", "admin", "Wolkenbruch-" * 4 + "1")])
    assert len({len(line) for line in text.splitlines()}) == 1


def test_a_terminal_without_umlauts_still_shows_the_passwords(tmp_path: Path) -> None:
    code = (
        "from shared.auth.first_start import framed\n"
        "from shared.auth.local_accounts import FirstPassword\n"
        "from shared.command_line import say\n"
        "say(framed([FirstPassword('admin', 'admin', 'Hafen-Biene-Wolke-Tulpe-407')]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        cwd=REPOSITORY,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0
    assert b"Hafen-Biene-Wolke-Tulpe-407" in done.stdout


class PortWatch:
    """Asks at a port again and again."""

    def __init__(self, port: int) -> None:
        self.was_open = False
        self.answer = b""
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(port,))

    def _watch(self, port: int) -> None:
        while not self._ends.wait(0.01):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)) as one:
                self.was_open = True
                one.settimeout(10)
                one.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
                self.answer += one.recv(1000)

    def __enter__(self) -> "PortWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()


def test_the_watch_sees_an_open_port_and_an_answer() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    with PortWatch(free_port()) as closed, PortWatch(server.getsockname()[1]) as watch:
        one, _ = server.accept()
        with one, server:
            one.sendall(b"here")
    assert (watch.was_open, watch.answer[:4]) == (True, b"here")
    assert (closed.was_open, closed.answer) == (False, b"")


def children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("start", STARTS)
def test_an_open_start_is_refused_before_its_port_is_open(settings: Settings, start: str) -> None:
    startup.prepare_data_folder(settings)
    startup.prepare_tables(settings)
    assert first_start.make_first_accounts(settings, datetime.now(UTC))
    words = [str(settings.port) if word == "PORT" else word for word in STARTS[start]]
    environment = {
        "URBANKI_DATA_DIR": str(settings.data_dir),
        "URBANKI_HOST": EVERYWHERE,
        "URBANKI_PORT": str(settings.port),
        "URBANKI_SECRET_KEY": PLACEHOLDER,
        "URBANKI_MODEL_SERVER_URL": "http://127.0.0.1:9",
    }
    before = children_seconds()
    with PortWatch(settings.port) as watch:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=REPOSITORY,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 2
    assert watch.answer == b""
    # Streamlit 1.67 listens before it imports the program, and accepts nobody until it has.
    assert start == STREAMLIT or not watch.was_open
    assert children_seconds() - before <= CPU_SECONDS
    lines = done.stderr.strip().splitlines()
    assert [line.split(" / ")[0].split()[:4] for line in lines] == [
        ["Die", "Einstellung", "URBANKI_SECRET_KEY", "ist"],
        ["Die", "Galerie", "wäre", "von"],
        ["Die", "Galerie", "wäre", "von"],
        ["Die", "Galerie", "wäre", "von"],
        ["Die", "Galerie", "wäre", "von"],
    ]
    assert "admin, ansicht, sachbearbeitung" in lines[-1]
    if start != STREAMLIT:
        assert done.stdout == ""
