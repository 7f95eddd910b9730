"""Starts the real gallery with its real model server on free ports."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from shared.settings import REPOSITORY
from shared.startup import READY_WITHIN_S
from tests.e2e.sign_in import COOKIE, shared_cookie, sign_in_for_all
from tests.ports import free_port

STOP_WITHIN_S = 30.0
DEMO_CITY = {
    "URBANKI_DEMO_CITY_DIR": str(REPOSITORY / "var" / "demo_city"),
    "URBANKI_DEMO_CITY_IMAGES": "centre",
}
"""All galleries of the tests share one demo city: it takes a minute to render."""


@dataclass(frozen=True)
class RunningGallery:
    """A started gallery.

    Args:
        url: Address without a trailing slash.
        model_server_url: Address of its model server.
        data_dir: Folder of its logs and secrets.
        process: The start command.
        ready_after_s: Seconds from the command to its line "ready".
    """

    url: str
    model_server_url: str
    data_dir: Path
    process: psutil.Process
    ready_after_s: float

    def part(self, word: str) -> list[psutil.Process]:
        """Processes of one part: those whose command line holds the word, and their children."""
        tops = [
            child
            for child in self.process.children(recursive=True)
            if word in " ".join(_command_line(child)) and "honcho" not in _command_line(child)
        ]
        family = {process for top in tops for process in (top, *_descendants(top))}
        return sorted(family, key=lambda process: process.pid)

    @property
    def cookies(self) -> dict[str, str]:
        """What a request of whoever has signed in brings."""
        return {COOKIE: shared_cookie(self.url)}

    def log(self, part: str) -> str:
        """What a part has printed so far."""
        file = self.data_dir / "logs" / f"{part}.log"
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


@contextlib.contextmanager
def running_gallery(
    data_dir: Path, environment: Mapping[str, str] | None = None
) -> Iterator[RunningGallery]:
    """Run `python -m shared.startup` until the block ends; somebody signs in for all tests.

    At a kiosk nobody does.

    Args:
        data_dir: Empty folder for logs and secrets.
        environment: Further settings.

    Raises:
        RuntimeError: It did not become ready; the message carries what it said.
    """
    port, model_port = free_port(), free_port()
    command = [sys.executable, "-m", "shared.startup"]
    settings = {
        "URBANKI_DATA_DIR": str(data_dir),
        **DEMO_CITY,
        "URBANKI_PORT": str(port),
        "URBANKI_MODEL_SERVER_PORT": str(model_port),
        "URBANKI_MODEL_SERVER_URL": "",
        "URBANKI_LANGUAGE": "auto",
    }
    began = time.monotonic()
    with (data_dir / "start.log").open("w+", encoding="utf-8") as said:
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env={**os.environ, **settings, **(environment or {})},
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            _wait_for_line(process, data_dir / "start.log")
            ready_after_s = time.monotonic() - began
            url = f"http://127.0.0.1:{port}"
            if (environment or {}).get("URBANKI_MODE") != "kiosk":
                sign_in_for_all(url, data_dir)
            yield RunningGallery(
                url,
                f"http://127.0.0.1:{model_port}",
                data_dir,
                psutil.Process(process.pid),
                ready_after_s,
            )
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def _wait_for_line(process: subprocess.Popen[bytes], said: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S + 5
    while "gallery ready: http" not in (text := said.read_text(encoding="utf-8")):
        if process.poll() is not None or time.monotonic() > deadline:
            logs = [
                f"{log.name}:\n{log.read_text(encoding='utf-8', errors='replace')[-2000:]}"
                for log in sorted((said.parent / "logs").glob("*.log"))
            ]
            raise RuntimeError("\n".join([text, *logs]))
        time.sleep(0.1)


@contextlib.contextmanager
def running_pages(
    data_dir: Path, folder: Path = REPOSITORY, environment: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Run only the gallery process until the block ends; give its address.

    There is no model server, nobody works on jobs, and nobody is signed in.

    Args:
        data_dir: Folder of its database, logs and secrets.
        folder: The checkout that is served.
        environment: Further settings.

    Raises:
        RuntimeError: It did not become ready; the message carries what it said.
    """
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "apps/main.py"]
    settings = {
        "PATH": str(Path(sys.executable).parent),
        "HOME": str(data_dir),
        "URBANKI_DATA_DIR": str(data_dir),
        **DEMO_CITY,
        "URBANKI_MODEL_SERVER_URL": f"http://127.0.0.1:{free_port()}",
        "URBANKI_PORT": str(port),
    }
    said = data_dir / "pages.log"
    with said.open("ab") as log:
        process = subprocess.Popen(
            [*command, "--server.address", "127.0.0.1", "--server.port", str(port)],
            cwd=folder,
            env={**settings, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for_answer(process, url, said)
        yield url
    finally:
        process.terminate()
        process.wait(STOP_WITHIN_S)


def _wait_for_answer(process: subprocess.Popen[bytes], url: str, said: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while True:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/healthz", timeout=1, trust_env=False).is_success:
                return
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(said.read_text(encoding="utf-8", errors="replace")[-3000:])
        time.sleep(0.1)
