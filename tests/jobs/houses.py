"""Whole installations for the tests: database, files, supervisor and workers as real processes.

`local` is SQLite, a folder and workers of the supervisor's own; `cluster` is PostgreSQL, S3 and a
Dask scheduler with two workers that were started by somebody else.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import psutil

from shared.contracts.identity.principal import Principal
from shared.contracts.jobs import Priority
from shared.jobs.lease import Owner
from shared.jobs.runner import SUPERVISOR, runner_state
from shared.settings import REPOSITORY, Settings
from shared.store import artifacts, runs
from shared.store.engine import read_scope
from shared.store.models import LeaseRow
from shared.store.runs import RunOrder, RunView
from shared.store.store import open_store
from tests.jobs import sample_jobs
from tests.ports import free_port
from tests.store.servers import S3_KEYS, acting
from tests.timing import PATIENCE_S, wait_until

ENDED = ("done", "failed", "cancelled")
ANNA = acting("musterstadt", "anna")
BERT = acting("nachbarstadt", "bert")


class House:
    """An installation; its settings reach every process by environment variables."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.settings = Settings(
            _env_file=None,
            data_dir=folder,
            job_modules=sample_jobs.MODULE,
            job_workers=2,
            log_level="WARNING",
            **settings,
        )
        self.store = open_store(self.settings)
        self.supervisors: list[subprocess.Popen[bytes]] = []
        self.parts: dict[str, subprocess.Popen[bytes]] = {}

    def environment(self) -> dict[str, str]:
        """Environment of the processes."""
        values = {
            f"URBANKI_{name.upper()}": str(value)
            for name, value in self.settings.model_dump().items()
            if value not in (None, "")
        }
        return {**os.environ, **S3_KEYS, **values}

    def _start(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *words],
                cwd=REPOSITORY,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def start_supervisor(self) -> subprocess.Popen[bytes]:
        """Start one more supervisor."""
        process = self._start("jobs", "-m", "shared.jobs")
        self.supervisors.append(process)
        return process

    def wait_ready(self) -> None:
        """Wait until two workers can be used."""
        wait_until(
            lambda: runner_state(self.store).works and runner_state(self.store).workers == 2,
            what="two workers",
        )

    def start_scheduler(self) -> None:
        """Start a Dask scheduler where the settings say."""
        port = self.settings.dask_address.rpartition(":")[2]
        self.parts["scheduler"] = self._start(
            "scheduler",
            *("-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", port),
            "--no-dashboard",
        )

    def start_worker(self, name: str, memory: str = "400MB") -> None:
        """Start a Dask worker as an administrator would."""
        self.parts[name] = self._start(
            name,
            *("-m", "distributed.cli.dask_worker", self.settings.dask_address),
            *("--nthreads", "1", "--memory-limit", memory, "--no-dashboard", "--name", name),
            *("--host", "127.0.0.1", "--local-directory", str(self.folder / name)),
        )

    def owner(self) -> psutil.Process | None:
        """The supervisor that works."""
        with read_scope(self.store.engine) as session:
            row = session.get(LeaseRow, SUPERVISOR)
            owner = Owner.parse(row.owner) if row is not None else None
        if owner is None or owner.is_gone():
            return None
        return psutil.Process(int(owner.process.partition(":")[0]))

    def worker_processes(self) -> list[psutil.Process]:
        """Worker processes on this machine, whoever started them."""
        owner = self.owner()
        parents = [*self.parts.values()] if self.parts else [owner]
        found = []
        for parent in parents:
            if parent is not None and psutil.pid_exists(parent.pid):
                family = psutil.Process(parent.pid).children(recursive=True)
                found += [one for one in family if _is_worker(one)]
        return found

    def order(
        self,
        *keys: str,
        job: str = "probe",
        who: Principal = ANNA,
        priority: Priority = Priority.NORMAL,
        content: bytes = b"input",
        **parameters: object,
    ) -> RunView:
        """Order a run of the probe job."""
        now = datetime.now(UTC)
        file = artifacts.save(
            who,
            self.store,
            content,
            name="Prüfung ä.txt",
            media_type="text/plain",
            kind="upload",
            is_example=True,
            now=now,
        )
        order = RunOrder(
            app=sample_jobs.APP,
            job=job,
            title=" ".join(keys)[:100] or "Probe",
            inputs=(file,),
            parameters={"keys": list(keys), **parameters},
            priority=priority,
            is_example=True,
        )
        return runs.submit(who, self.store, order, now=now, repeat=True)

    def look(self, run: RunView, who: Principal = ANNA) -> RunView:
        """How a run stands."""
        return runs.get(who, self.store, run.id)

    def wait(
        self, run: RunView, *states: str, who: Principal = ANNA, within_s: float = PATIENCE_S
    ) -> RunView:
        """Wait until a run has one of some states."""
        wanted = states or ENDED
        wait_until(
            lambda: self.look(run, who).state in wanted,
            within_s,
            f"{run.title} {'/'.join(wanted)}",
        )
        return self.look(run, who)

    def errors(self, run: RunView) -> dict[str, str | None]:
        """Error code of each unit by its key."""
        units = runs.units(ANNA, self.store, run.id)
        return {unit.key: unit.error_code for unit in units}

    def log(self) -> str:
        """What the supervisors have written."""
        file = self.folder / "jobs.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def stop_supervisors(self) -> None:
        """End all supervisors in order."""
        for process in self.supervisors:
            _end(process)
        self.supervisors.clear()

    def stop(self) -> None:
        """End everything."""
        self.stop_supervisors()
        for process in self.parts.values():
            _end(process)
        self.parts.clear()
        self.store.engine.dispose()


def cluster_settings(database_url: str, storage_url: str, endpoint: str) -> dict[str, object]:
    """Settings of a house whose parts lie elsewhere."""
    return {
        "database_url": database_url,
        "storage_url": storage_url,
        "storage_endpoint": endpoint,
        "dask_address": f"tcp://127.0.0.1:{free_port()}",
    }


def _is_worker(process: psutil.Process) -> bool:
    try:
        return any("spawn_main" in word for word in process.cmdline())
    except psutil.Error:
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
