"""What the endurance run works with: an invented scan, a model server to kill, a look at memory."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from PIL import Image, ImageDraw

from apps.archivair.recognise import MODEL
from apps.archivair.rendering import compose_paragraphs, load_font, render_letter
from shared.clients.model_server import ModelServerClient
from shared.clients.server_process import procfile_command
from shared.jobs.trial import Trial, wait_until
from shared.settings import OWNER_VARIABLE, REPOSITORY, Settings

READY_WITHIN_S = 180.0
LOOK_EVERY_S = 0.2
SMALL_PX, FONT_PX, LINES = (1000, 420), 30, 4
SMALL_DPI = 150
LETTERS = 12


def make_scan(path: Path, pages: int, *, full_size: bool) -> None:
    """Write a PDF of scanned pages, each with other text.

    Args:
        path: Where to.
        pages: Number of pages.
        full_size: True for whole letters with 300 dpi, False for small cheap pages.
    """
    draw = _letter if full_size else _note
    first, *rest = (draw(number) for number in range(1, pages + 1))
    dpi = 300 if full_size else SMALL_DPI
    first.save(path, "PDF", save_all=True, append_images=rest, resolution=dpi)


def _note(number: int) -> Image.Image:
    image = Image.new("L", SMALL_PX, 250)
    draw = ImageDraw.Draw(image)
    font = load_font("courier_prime", FONT_PX)
    words = f"Blatt {number} {compose_paragraphs(number, 1)[0]}".split()
    for row in range(LINES):
        line = " ".join(words[7 * row : 7 * row + 7])[:50]
        draw.text((60, 60 + 80 * row), line, font=font, fill=25)
    return image


def _letter(number: int) -> Image.Image:
    return Image.fromarray(render_letter("courier_prime", 60_000 + number % LETTERS).image)


def free_port() -> int:
    """Return a port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ModelServerProcess:
    """The model server of the Procfile, always on the same port.

    Args:
        trial: Installation that it belongs to; its settings name the port.
    """

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._settings: Settings = trial.settings.model_copy(
            update={"model_server_preload": MODEL, "model_server_url": ""}
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it can read."""
        folder = self._trial.folder / "model_server"
        folder.mkdir(exist_ok=True)
        environment = self._trial.variables() | {
            "URBANKI_MODEL_SERVER_PRELOAD": MODEL,
            "BENTOML_HOME": str(folder),
            OWNER_VARIABLE: str(os.getpid()),
        }
        programs = str(Path(sys.executable).parent)
        environment["PATH"] = os.pathsep.join([programs, environment.get("PATH", os.defpath)])
        with (folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                procfile_command(self._settings),
                cwd=REPOSITORY,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        with ModelServerClient(self._trial.settings) as client:
            wait_until(
                lambda: client.health().state == "ready",
                READY_WITHIN_S,
                "the model server did not get ready",
            )

    def family(self) -> list[psutil.Process]:
        """Return it and its workers."""
        if self._process is None:
            return []
        with contextlib.suppress(psutil.NoSuchProcess):
            own = psutil.Process(self._process.pid)
            return [own, *own.children(recursive=True)]
        return []

    def kill(self) -> None:
        """End it and its workers without a word."""
        for process in self.family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if self._process is not None:
            self._process.wait()


class MemoryWatch:
    """Notes the largest resident size of each kind of process.

    Args:
        trial: Whose supervisor and workers are looked at.
        server: The model server.
    """

    def __init__(self, trial: Trial, server: ModelServerProcess) -> None:
        self.peaks_mib: dict[str, float] = {}
        self._trial, self._server = trial, server
        self._stop = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Look every fifth of a second during the `with` block."""
        thread = threading.Thread(target=self._watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(LOOK_EVERY_S):
            for process in self._server.family():
                self._note("model_server", process)
            supervisor = self._trial.active_supervisor()
            if supervisor is None:
                continue
            self._note("supervisor", supervisor)
            for worker in self._trial.workers():
                self._note("worker", worker)
                with contextlib.suppress(psutil.NoSuchProcess):
                    for child in worker.children():
                        self._note("tesseract", child)

    def _note(self, kind: str, process: psutil.Process) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            size_mib = process.memory_info().rss / 2**20
            self.peaks_mib[kind] = max(self.peaks_mib.get(kind, 0.0), round(size_mib, 1))
