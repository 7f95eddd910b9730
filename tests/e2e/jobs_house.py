"""A copy of the checkout with the fixture app, whose gallery and job runner can be killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from shared.contracts.identity.principal import Principal
from shared.settings import REPOSITORY, Settings
from shared.store import runs
from shared.store.run_views import RunView
from shared.store.store import Store, open_store
from tests.e2e.sign_in import sign_in_for_all
from tests.ports import free_port
from tests.shared.people_of_tests import ADMIN

PARTS = ("apps", "shared", ".streamlit")
FIXTURE_APPS = Path(__file__).parent / "fixture_apps"
START_WITHIN_S = 90.0
STOP_WITHIN_S = 20.0


def copy_checkout(folder: Path) -> Path:
    """Copy what gallery and jobs need, with the tenth app."""
    skip = shutil.ignore_patterns("__pycache__", "*.pyc")
    for part in PARTS:
        if (REPOSITORY / part).exists():
            shutil.copytree(REPOSITORY / part, folder / part, ignore=skip)
    shutil.copytree(FIXTURE_APPS / "zehnte", folder / "apps" / "zehnte", ignore=skip)
    return folder


@dataclass
class JobsHouse:
    """Gallery and job runner of a copy; no model server.

    Args:
        folder: The copy.
        port: Port of the gallery.
        processes: What runs.
        acting: Who has signed in.
        environment: Further settings.
    """

    folder: Path
    port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    acting: Principal = ADMIN
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Address of the gallery."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def store(self) -> Store:
        """The same database and files, opened anew."""
        return open_store(Settings(_env_file=None, data_dir=self.folder / "data"))

    def page_path(self, folder: Path, units: int, seconds: float, bad: str = "") -> str:
        """Address of the tenth app with an order."""
        folder.mkdir(exist_ok=True)
        return f"/zehnte?ordner={folder}&teile={units}&sekunden={seconds}&kaputt={bad}"

    def runs(self) -> list[RunView]:
        """All runs of whoever has signed in, newest first."""
        store = self.store
        try:
            return runs.recent(self.acting, store, limit=100)
        finally:
            store.engine.dispose()

    def start_gallery(self) -> None:
        """Start the gallery and wait until it answers."""
        command = [sys.executable, "-m", "streamlit", "run", "apps/main.py"]
        self._start(
            "gallery",
            [*command, "--server.address", "127.0.0.1", "--server.port", str(self.port)],
        )
        self.wait_for(lambda: self.health() != {}, "gallery")

    def start_jobs(self) -> None:
        """Start the job runner and wait until it works."""
        self._start("jobs", [sys.executable, "-m", "shared.jobs"])
        self.wait_for(lambda: self.health().get("jobs") == "running", "jobs")

    def health(self) -> dict[str, str]:
        """What `/healthz` says; empty while nobody answers."""
        try:
            answer = httpx.get(f"{self.url}/healthz", timeout=2)
            return dict(answer.json()) if answer.is_success else {}
        except httpx.HTTPError:
            return {}

    def kill(self, part: str) -> None:
        """kill -9."""
        process = self.processes.pop(part)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(STOP_WITHIN_S)

    def stop(self) -> None:
        """End everything in good order."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_WITHIN_S)
            if process.poll() is None:
                process.kill()
                process.wait()

    def log(self, part: str) -> str:
        """What a part has printed."""
        file = self.folder / f"{part}.log"
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""

    def wait_for(self, ready: Callable[[], bool], part: str) -> None:
        """Wait for something that a part is to bring about."""
        deadline = time.monotonic() + START_WITHIN_S
        while not ready():
            running = self.processes[part].poll() is None
            assert running and time.monotonic() < deadline, self.log(part)[-3000:]
            time.sleep(0.1)

    def _start(self, part: str, command: list[str]) -> None:
        with (self.folder / f"{part}.log").open("ab") as log:
            self.processes[part] = subprocess.Popen(
                command,
                cwd=self.folder,
                env={
                    "PATH": str(Path(sys.executable).parent),
                    "HOME": str(self.folder),
                    "PYTHONUNBUFFERED": "1",
                    "OMP_NUM_THREADS": "1",
                    "URBANKI_DATA_DIR": str(self.folder / "data"),
                    "URBANKI_MODEL_SERVER_URL": f"http://127.0.0.1:{free_port()}",
                    "URBANKI_PORT": str(self.port),
                    "URBANKI_JOB_WORKERS": "2",
                    **self.environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )


@contextlib.contextmanager
def running_house(
    folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[JobsHouse]:
    """Run gallery and jobs until the block ends.

    Args:
        folder: Empty folder for the copy.
        environment: Further settings.
    """
    house = JobsHouse(copy_checkout(folder), environment=environment or {})
    try:
        house.start_gallery()
        house.start_jobs()
        house.acting = sign_in_for_all(house.url, folder / "data")
        yield house
    finally:
        house.stop()
