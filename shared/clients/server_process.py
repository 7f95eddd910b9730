"""Use the model server at the set address, or start one for the time of a command."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from shared.clients.model_server import ModelServerClient
from shared.errors import ModelServerDown
from shared.settings import OWNER_VARIABLE, REPOSITORY, Settings

LINE = "model_server"
STOP_WITHIN_S = 10.0
_POLL_S = 0.2
_LOG = "server.log"
_LAST_BYTES = 2000
_STOPPED = (-signal.SIGKILL, -signal.SIGTERM)
_ENDED = "the model server ended by itself: %s"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServerHandle:
    """A model server that answers.

    Args:
        settings: Settings that lead to it.
        process_id: Its process when it was started here, None when it was there before.
    """

    settings: Settings
    process_id: int | None = None


@contextmanager
def ensure_model_server(settings: Settings, wait_s: float = 60) -> Iterator[ServerHandle]:
    """Give a running model server for the time of a `with` block.

    A server at the set address is used and left alone. Otherwise the command of the Procfile is
    started on a free port of this machine and ended afterwards, by its own process id.

    Args:
        settings: Where to look first.
        wait_s: Seconds until it must be ready.

    Raises:
        ModelServerDown: It cannot be started or does not get ready.
    """
    with ModelServerClient(settings) as client:
        if client.health().state != "down":
            _wait_until_ready(client, None, wait_s)
            yield ServerHandle(settings)
            return
    with start_model_server(settings, wait_s) as handle:
        yield handle


@contextmanager
def start_model_server(settings: Settings, wait_s: float = 60) -> Iterator[ServerHandle]:
    """Start a model server of its own on a free port and end it with the `with` block.

    Args:
        settings: Passed on to the server, apart from its address.
        wait_s: Seconds until it must be ready.

    Raises:
        ModelServerDown: It cannot be started or does not get ready.
    """
    own = settings.model_copy(
        update={
            "model_server_host": "127.0.0.1",
            "model_server_port": _free_port(),
            "model_server_url": "",
        }
    )
    with tempfile.TemporaryDirectory(prefix="urbanki-model-server-") as folder:
        process = _start(own, Path(folder))
        try:
            with ModelServerClient(own) as client:
                _wait_until_ready(client, process, wait_s)
            yield ServerHandle(own, process.pid)
        finally:
            try:
                _tell_of_own_end(process, Path(folder))
            finally:
                _end(process)


def procfile_command(settings: Settings) -> list[str]:
    """Return the command of the Procfile with the address of the settings.

    Raises:
        ModelServerDown: The Procfile has no line for the model server.
    """
    for line in (REPOSITORY / "Procfile").read_text(encoding="utf-8").splitlines():
        name, _, command = line.partition(":")
        if name == LINE:
            words = shlex.split(command)
            words[words.index("--host") + 1] = settings.model_server_host
            words[words.index("--port") + 1] = str(settings.model_server_port)
            return words
    raise ModelServerDown()


def _start(settings: Settings, folder: Path) -> subprocess.Popen[bytes]:
    chosen = {
        f"URBANKI_{name.upper()}": str(value)
        for name, value in settings.model_dump().items()
        if value not in (None, "")
    }
    environment = os.environ | chosen
    environment |= {
        "BENTOML_HOME": str(folder / "bentoml"),
        "TMPDIR": str(folder),  # so that nothing stays behind after a kill
        OWNER_VARIABLE: str(os.getpid()),
    }
    # The programs of this Python's environment come first, whether or not it was activated.
    environment["PATH"] = os.pathsep.join(
        [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    )
    try:
        with (folder / _LOG).open("wb") as log:
            return subprocess.Popen(
                procfile_command(settings),
                cwd=REPOSITORY,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
    except OSError as cause:
        raise ModelServerDown() from cause


def _wait_until_ready(
    client: ModelServerClient, process: subprocess.Popen[bytes] | None, wait_s: float
) -> None:
    until = time.monotonic() + wait_s
    while True:
        is_ready = client.health().state == "ready"
        # Where ours has ended, somebody else answers at its port.
        if process is not None and process.poll() is not None:
            raise ModelServerDown()
        if is_ready:
            return
        if time.monotonic() >= until:
            raise ModelServerDown()
        time.sleep(_POLL_S)


def _tell_of_own_end(process: subprocess.Popen[bytes], folder: Path) -> None:
    """Log the last words of a server that nobody ended; one stopped with its command has none."""
    is_stopped = isinstance(sys.exception(), (KeyboardInterrupt, SystemExit))
    if process.poll() is None or process.returncode in _STOPPED or is_stopped:
        return
    try:
        words = _last_words(folder)
    except OSError as error:  # the fault that is under way counts more
        words = f"its log cannot be read ({error.strerror})"
    _log.error(_ENDED, words)


def _last_words(folder: Path) -> str:
    with (folder / _LOG).open("rb") as log:
        log.seek(max(0, log.seek(0, os.SEEK_END) - _LAST_BYTES))
        return log.read().decode("utf-8", "replace")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the server to stop, and after 10 s make it and its workers stop."""
    family: list[psutil.Process] = []
    with contextlib.suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    try:
        process.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
