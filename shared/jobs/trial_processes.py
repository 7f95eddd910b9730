"""The real model server of a trial, to be killed and started again, and a look at memory."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

import psutil

from shared.clients.model_server import ModelServerClient
from shared.clients.server_process import procfile_command
from shared.jobs.trial import Trial, wait_until
from shared.settings import OWNER_VARIABLE, REPOSITORY

READY_WITHIN_S = 180.0
LOOK_EVERY_S = 0.2
_MEBI = 2**20
Family = Callable[[], Mapping[str, Sequence[psutil.Process]]]


def free_port() -> int:
    """Return a port of this machine on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class ModelServerProcess:
    """The model server of the Procfile, always on the same port; ends with its `with` block.

    Args:
        trial: Installation that it belongs to; its settings name the port.
        preload: Models to load first; empty takes the usual ones.
    """

    def __init__(self, trial: Trial, preload: str = "") -> None:
        self._trial = trial
        self._preload = preload or trial.settings.model_server_preload
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it; it answers some seconds later."""
        folder = self._trial.folder / "model_server"
        folder.mkdir(exist_ok=True)
        environment = self._trial.variables() | {
            "URBANKI_MODEL_SERVER_PRELOAD": self._preload,
            "BENTOML_HOME": str(folder),
            OWNER_VARIABLE: str(os.getpid()),
        }
        programs = str(Path(sys.executable).parent)
        environment["PATH"] = os.pathsep.join([programs, environment.get("PATH", os.defpath)])
        own = {"model_server_preload": self._preload, "model_server_url": ""}
        with (folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                procfile_command(self._trial.settings.model_copy(update=own)),
                cwd=REPOSITORY,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_ready(self) -> None:
        """Wait until it can work.

        Raises:
            TrialStuck: It did not get ready.
        """
        with ModelServerClient(self._trial.settings) as client:
            wait_until(
                lambda: client.health().state == "ready",
                READY_WITHIN_S,
                "the model server did not get ready",
            )

    def family(self) -> list[psutil.Process]:
        """Return it and its workers."""
        if self._process is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                own = psutil.Process(self._process.pid)
                return [own, *own.children(recursive=True)]
        return []

    def kill(self) -> None:
        """End it and its workers with signal 9."""
        for process in self.family():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        if self._process is not None:
            self._process.wait()


class MemoryWatch:
    """Notes the largest resident size of each kind of process as long as its `with` block lasts.

    Args:
        family: Names the processes that live now, by their kind.
    """

    def __init__(self, family: Family) -> None:
        self.peaks_mib: dict[str, float] = {}
        self._family = family
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            for kind, processes in self._family().items():
                for process in processes:
                    self._note(kind, process)

    def _note(self, kind: str, process: psutil.Process) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            size_mib = round(process.memory_info().rss / _MEBI, 1)
            self.peaks_mib[kind] = max(self.peaks_mib.get(kind, 0.0), size_mib)
