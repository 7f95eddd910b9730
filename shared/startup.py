"""Start the gallery: check the machine, run the Procfile with honcho, wait, say the address.

`./gallery start` ends in `python -m shared.startup`. Each line of the Procfile runs under a honcho
of its own, so that a part that was killed is started again while the others go on. What the parts
print goes to `logs/<part>.log` of the data folder; the terminal shows one line, and the first
passwords when there are no accounts yet.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import FrameType
from typing import IO

import httpx
import psutil

from shared.auth.first_start import make_first_accounts
from shared.auth.start_checks import load_or_refuse, refuse_start
from shared.command_line import say
from shared.contracts.identity.installation import load_installation_key
from shared.errors import (
    PortTaken,
    SettingInvalid,
    StartFailed,
    StorageFull,
    UrbanKiError,
)
from shared.i18n import LANGUAGES, get_translator
from shared.settings import PRIVATE_UMASK, REPOSITORY, Settings, url_host
from shared.themes import Theme, load_theme
from shared.themes.theme import for_visitors

MODEL_SERVER = "model_server"
JOBS = "jobs"
GALLERY = "gallery"
READY_WITHIN_S = 120.0
POLL_S = 0.2
STOP_WITHIN_S = 12.0
MAX_RESTARTS = 5
RESTART_WINDOW_S = 120.0
LOG_BYTES = 5_000_000
LOG_FILES = 3
LAST_PORT = 65_535


class _StopRequested(Exception):
    """Ctrl-C or SIGTERM."""


@dataclass
class Part:
    """One line of the Procfile and the honcho that runs it.

    Args:
        name: Name of the line.
        is_ready: Asks whether the part does its work.
        environment: Environment variables of the process.
        log_file: Where its output goes.
    """

    name: str
    is_ready: Callable[[], bool]
    environment: dict[str, str]
    log_file: Path
    process: subprocess.Popen[str] | None = None
    family: set[psutil.Process] = field(default_factory=set)
    starts: list[float] = field(default_factory=list)
    copier: threading.Thread | None = None

    def start(self) -> None:
        """Start the line under honcho in a process group of its own."""
        self.starts.append(time.monotonic())
        honcho = [sys.executable, "-m", "honcho", "-f", "Procfile", "-e", os.devnull]
        self.process = subprocess.Popen(
            [*honcho, "start", "--no-colour", "--no-prefix", self.name],
            cwd=REPOSITORY,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        if self.process.stdout is not None:
            self.copier = threading.Thread(
                target=_copy_log, args=(self.process.stdout, self.log_file), daemon=True
            )
            self.copier.start()

    def is_alive(self) -> bool:
        """Say whether honcho runs; remember its descendants for a clean end."""
        if self.process is None or self.process.poll() is not None:
            return False
        with contextlib.suppress(psutil.NoSuchProcess):
            self.family |= set(psutil.Process(self.process.pid).children(recursive=True))
        return True

    def may_restart(self) -> bool:
        """Refuse a part that dies again and again."""
        since = time.monotonic() - RESTART_WINDOW_S
        return sum(1 for start in self.starts if start >= since) < MAX_RESTARTS

    def ask_to_end(self) -> None:
        """Ask honcho to stop its line; does not wait."""
        if self.is_alive() and self.process is not None:
            self.process.terminate()

    def end(self) -> None:
        """Stop honcho and whatever of its descendants is left."""
        self.ask_to_end()
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_WITHIN_S)
        self.kill_rest()

    def kill_rest(self) -> None:
        """End processes that outlived their parent; they would keep the port."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for process in self.family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()  # psutil compares the start time: a reused id is safe
        psutil.wait_procs(list(self.family), timeout=STOP_WITHIN_S)
        self.family.clear()
        if self.copier is not None:
            self.copier.join(STOP_WITHIN_S)


def _copy_log(stream: IO[str], log_file: Path) -> None:
    handler = RotatingFileHandler(
        log_file, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8"
    )
    with contextlib.closing(handler), stream:
        for line in stream:
            handler.emit(logging.makeLogRecord({"msg": line.rstrip("\n")}))


def chosen_theme(settings: Settings) -> Theme:
    """Read the theme that the settings name, in the kiosk with larger type.

    Raises:
        SettingInvalid: There is no such theme, or its file is wrong.
    """
    try:
        theme = load_theme(settings.theme)
    except (OSError, ValueError) as error:
        raise SettingInvalid(name="URBANKI_THEME", value=settings.theme) from error
    return for_visitors(theme) if settings.mode == "kiosk" else theme


def check_port(host: str, port: int, setting: str) -> None:
    """Make sure that nobody listens.

    Raises:
        PortTaken: Another program has the port.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise _port_taken(port, setting) from error


def _port_taken(port: int, setting: str) -> PortTaken:
    return PortTaken(port=port, setting=setting, other=port + 1 if port < LAST_PORT else port - 1)


def check_ports(settings: Settings) -> None:
    """Make sure that every part gets its port.

    Raises:
        PortTaken: Another program has a port, or two parts are given the same one.
    """
    check_port(settings.host, settings.port, "URBANKI_PORT")
    if settings.model_server_url:
        return
    port, setting = settings.model_server_port, "URBANKI_MODEL_SERVER_PORT"
    if port == settings.port:
        raise _port_taken(port, setting)
    check_port(settings.model_server_host, port, setting)


def prepare_data_folder(settings: Settings) -> None:
    """Make the data folder, the folder of the logs and the key with which the parts sign in.

    Raises:
        StorageFull: The folder cannot be written or less is free than `min_free_mb`.
        SecretUnusable: The key's file is damaged or readable by others.
    """
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        (settings.data_dir / "logs").mkdir(mode=0o700, exist_ok=True)
        free = shutil.disk_usage(settings.data_dir).free
    except OSError as error:
        raise StorageFull(folder=settings.data_dir) from error
    if free < settings.min_free_mb * 1_000_000 or not os.access(settings.data_dir, os.W_OK):
        raise StorageFull(folder=settings.data_dir)
    load_installation_key(settings)


def prepare_tables(settings: Settings) -> None:
    """Make or bring up to date the tables of the database.

    Raises:
        SchemaDiffers: They belong to another version of the program.
        DatabaseUnreachable: The database does not answer.
    """
    from shared.store.schema import prepare_database

    prepare_database(settings)


def make_parts(settings: Settings) -> list[Part]:
    """List the parts to run here in the order of their start; slow ones come first.

    A model server elsewhere is not started.
    """
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "PYTHONUNBUFFERED": "1",
        "URBANKI_HOST": settings.host,
        "URBANKI_PORT": str(settings.port),
        "URBANKI_MODEL_SERVER_HOST": settings.model_server_host,
        "URBANKI_MODEL_SERVER_PORT": str(settings.model_server_port),
    }
    ready = {
        MODEL_SERVER: answers(f"{settings.model_server_address}/readyz"),
        JOBS: _runner_works(settings),
        GALLERY: answers(f"{_own_address(settings)}/healthz", Host="localhost"),
    }
    if settings.model_server_url:
        del ready[MODEL_SERVER]
    logs = settings.data_dir / "logs"
    return [Part(name, ask, environment, logs / f"{name}.log") for name, ask in ready.items()]


def answers(url: str, **headers: str) -> Callable[[], bool]:
    """Return the question to a part that speaks HTTP whether it is ready.

    Args:
        url: Address that answers 200 then.
        **headers: To be sent with the question.
    """

    def ask() -> bool:
        try:
            return httpx.get(url, headers=headers, timeout=1.0, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    return ask


def _runner_works(settings: Settings) -> Callable[[], bool]:
    """Return the question whether somebody works on the jobs, as the database tells."""

    def ask() -> bool:
        from shared.jobs.runner import runner_state
        from shared.store.store import open_store

        store = open_store(settings)
        try:
            return runner_state(store).works
        except UrbanKiError:
            return False
        finally:
            store.engine.dispose()

    return ask


def _own_address(settings: Settings) -> str:
    """Return where this machine reaches the gallery."""
    return f"http://{url_host(settings.host)}:{settings.port}"


def wait_until_ready(parts: list[Part]) -> None:
    """Wait until every part answers, one after the other.

    The gallery comes last: asked earlier, it would remember for seconds that the model server is
    still missing.

    Raises:
        StartFailed: A part ended or did not answer in time.
    """
    deadline = time.monotonic() + READY_WITHIN_S
    waiting = list(parts)
    while waiting:
        late = time.monotonic() > deadline
        dead = next((part for part in parts if not part.is_alive()), None)
        if dead is not None or late:
            failed = dead or waiting[0]
            raise StartFailed(part=failed.name, log=failed.log_file)
        if waiting[0].is_ready():
            waiting.pop(0)
        else:
            time.sleep(POLL_S)


def revive(parts: list[Part]) -> None:
    """Start every part again that has died.

    Raises:
        StartFailed: A part dies again and again.
    """
    for part in parts:
        if not part.is_alive():
            part.kill_rest()
            if not part.may_restart():
                raise StartFailed(part=part.name, log=part.log_file)
            part.start()


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    def request(_number: int, _frame: FrameType | None) -> None:
        raise _StopRequested

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, request)
    try:
        yield
    except _StopRequested:
        pass
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not orphan the parts


def run(settings: Settings) -> None:
    """Start everything and stay until Ctrl-C; exits with 2 where `refuse_start` says so.

    Raises:
        OperationError: The machine is not ready or a part does not start.
    """
    chosen_theme(settings)
    refuse_start(settings, settings.host)
    prepare_data_folder(settings)
    check_ports(settings)
    parts = make_parts(settings)
    try:
        with _stoppable():
            for part in parts:
                if part.name == JOBS:
                    prepare_tables(settings)  # while the model server loads its models
                part.start()
            wait_until_ready(parts)
            # Not by the gallery, whose output is copied to a log.
            say(make_first_accounts(settings, datetime.now(UTC)))
            address = settings.public_url or _own_address(settings)
            say(f"Galerie bereit / gallery ready: {address}\n")
            while True:
                revive(parts)
                time.sleep(POLL_S)
    finally:
        for part in parts:
            part.ask_to_end()
        for part in parts:
            part.end()


def main() -> int:
    """Run the command; 0 after Ctrl-C, 1 with a German and an English sentence otherwise.

    Settings that must not be started with end it with 2, see `shared.auth.start_checks`.
    """
    os.umask(PRIVATE_UMASK)
    settings = load_or_refuse()
    try:
        run(settings)
    except UrbanKiError as error:
        for language in LANGUAGES:
            sys.stderr.write(f"{' '.join(get_translator(language).error(error))}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
