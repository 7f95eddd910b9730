"""An installation of its own for a trial: database, files and supervisors as real processes.

The bench, the torture and some tests work on it. Nothing of the real installation is touched: every
place that settings could name is set anew, and all processes are ended by their own ids.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import psutil
from pydantic import ValidationError
from sqlalchemy import inspect, select

from shared.contracts.identity.principal import Principal
from shared.contracts.jobs import Priority, RunState, StoredFile
from shared.errors import DatabaseUnreachable, InstallationNotEmpty, SettingInvalid
from shared.jobs import faults
from shared.jobs.lease import Owner
from shared.jobs.runner import SUPERVISOR, runner_state
from shared.settings import REPOSITORY, Settings, without_user
from shared.store import artifacts, runs
from shared.store.engine import database_errors, read_scope
from shared.store.models import Base, LeaseRow
from shared.store.runs import RunOrder, RunView
from shared.store.schema import migrate, prepare_database
from shared.store.store import open_store

PRINCIPAL = Principal("erprobung", "", {"erprobung": "admin"}, "erprobung")
NEIGHBOUR = Principal("nachbar", "", {"nachbarstadt": "admin"}, "nachbarstadt")
POLL_S = 0.1
READY_WITHIN_S = 60.0
STOP_WITHIN_S = 15.0
ENDED: tuple[RunState, ...] = ("done", "failed", "cancelled")
_WORKER_MARK = "spawn_main"
"""Stands in the command line of a worker, and not in that of Python's own helper processes."""


class TrialStuck(Exception):
    """Something that should have happened did not; the message says what."""


class Trial:
    """An installation that ends with its `with` block.

    Args:
        folder: Folder for everything, empty or yet to be made.
        database_url: An empty PostgreSQL database; empty takes SQLite in the folder.
        settings: Other settings by name.
        environment: Further environment variables of its processes.
    """

    def __init__(
        self,
        folder: Path,
        *,
        database_url: str = "",
        settings: Mapping[str, object] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        chosen: dict[str, object] = {
            "data_dir": folder,
            "database_url": database_url or f"sqlite:///{folder / 'trial.db'}",
            "storage_url": (folder / "files").as_uri(),
            "job_modules": faults.MODULE,
            "job_workers": 2,
            **(settings or {}),
        }
        try:
            self.settings = Settings(_env_file=None, **chosen)  # type: ignore[arg-type]  # checked there
        except ValidationError as error:
            raise SettingInvalid(name="--database", value=without_user(database_url)) from error
        _refuse_foreign_cluster(self.settings)
        self.store = open_store(self.settings)
        self.supervisors: list[subprocess.Popen[bytes]] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self._is_own_database = not database_url
        self._environment = {**_procfile_variables(), **(environment or {})}
        self._logs = 0
        self._family: set[psutil.Process] = set()

    def __enter__(self) -> Self:
        try:
            if not self._is_own_database:
                with database_errors(self.store.engine.url):
                    if inspect(self.store.engine).get_table_names():
                        raise InstallationNotEmpty()
                migrate(self.store.engine)
            prepare_database(self.settings)
        except BaseException:  # no `__exit__` follows
            self.store.engine.dispose()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if not self._is_own_database:
            Base.metadata.drop_all(self.store.engine)
            with self.store.engine.begin() as connection:
                connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")
        self.store.engine.dispose()

    def variables(self) -> dict[str, str]:
        """Return the environment of the processes of this installation."""
        values = {
            f"URBANKI_{name.upper()}": str(value)
            for name, value in self.settings.model_dump().items()
            if value not in (None, "")
        }
        kept = {name: one for name, one in os.environ.items() if not name.startswith("URBANKI_")}
        return {**kept, **values, **self._environment}

    def start(self, *module: str) -> subprocess.Popen[bytes]:
        """Start a Python module as a process; what it prints goes into a file of the folder.

        Args:
            *module: Its name and its arguments.
        """
        self._logs += 1
        with (self.folder / f"{self._logs:04d}-{module[0]}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *module],
                cwd=REPOSITORY,
                env=self.variables(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._processes.append(process)
        return process

    def start_supervisor(self, *module: str) -> subprocess.Popen[bytes]:
        """Start one more supervisor; it waits while another works.

        Args:
            *module: Module with its arguments that runs one in a way of its own.
        """
        process = self.start(*(module or ("shared.jobs",)))
        self.supervisors.append(process)
        return process

    def active_supervisor(self) -> psutil.Process | None:
        """Return the supervisor that holds the lease, if it lives on this machine."""
        try:
            with read_scope(self.store.engine) as session:
                query = select(LeaseRow.owner).where(LeaseRow.name == SUPERVISOR)
                owner = Owner.parse(session.scalars(query).one_or_none() or "")
            if owner is None or owner.is_gone():
                return None
            return psutil.Process(int(owner.process.partition(":")[0]))
        except (DatabaseUnreachable, psutil.NoSuchProcess):
            return None

    def workers(self) -> list[psutil.Process]:
        """Return the worker processes of the active supervisor."""
        supervisor = self.active_supervisor()
        found = [] if supervisor is None else worker_processes(supervisor)
        self._family.update(found)
        return found

    def wait_ready(self) -> psutil.Process:
        """Wait until a supervisor works with all its workers, and return it.

        Raises:
            TrialStuck: None does.
        """
        wanted = self.settings.job_workers

        def is_ready() -> bool:
            return runner_state(self.store).works and len(self.workers()) >= wanted

        wait_until(is_ready, READY_WITHIN_S, "no supervisor got ready")
        supervisor = self.active_supervisor()
        if supervisor is None:
            raise TrialStuck("the supervisor ended at once")
        return supervisor

    def upload(self, principal: Principal = PRINCIPAL) -> StoredFile:
        """Store the file that the trial jobs read."""
        name, content = faults.example_input()
        return artifacts.save(
            principal,
            self.store,
            content,
            name=name,
            media_type="text/plain",
            kind="upload",
            is_example=True,
            now=datetime.now(UTC),
        )

    def order(
        self,
        job: str,
        units: int,
        *,
        principal: Principal = PRINCIPAL,
        priority: Priority = Priority.NORMAL,
        **parameters: object,
    ) -> RunView:
        """Order one of the trial jobs.

        Args:
            job: Its name.
            units: Its units.
            principal: Who orders.
            priority: Its class.
            **parameters: Its other parameters.
        """
        order = RunOrder(
            app=faults.APP,
            job=job,
            title=f"{job} {units}",
            inputs=(self.upload(principal),),
            parameters={"units": units, **parameters},
            priority=priority,
            is_example=True,
        )
        return runs.submit(principal, self.store, order, now=datetime.now(UTC))

    def look(self, run_id: str, principal: Principal = PRINCIPAL) -> RunView:
        """Return how a run stands."""
        return runs.get(principal, self.store, run_id)

    def wait_run(
        self,
        run_id: str,
        within_s: float,
        *,
        states: tuple[RunState, ...] = ENDED,
        principal: Principal = PRINCIPAL,
    ) -> RunView:
        """Wait until a run is in one of some states, and return it.

        Raises:
            TrialStuck: It did not get there.
        """
        wait_until(
            lambda: self.look(run_id, principal).state in states,
            within_s,
            f"run {run_id} did not become {' or '.join(states)}",
        )
        return self.look(run_id, principal)

    def stop(self) -> None:
        """End all processes that were started here, and their workers."""
        alive = [process for process in self._processes if process.poll() is None]
        for process in alive:
            self._family.update(worker_processes(psutil.Process(process.pid)))
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in alive:
            try:
                process.wait(STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()
        self.supervisors.clear()

    def left_over(self, within_s: float = STOP_WITHIN_S) -> list[int]:
        """Return ids of workers that outlive their supervisors, and end them."""
        _, alive = psutil.wait_procs(self._family, timeout=within_s)
        for process in alive:
            process.kill()
        self._family.clear()
        return [process.pid for process in alive]


def worker_processes(supervisor: psutil.Process) -> list[psutil.Process]:
    """Return the workers of a supervisor that live."""
    found = []
    try:
        for child in supervisor.children(recursive=True):
            if _is_worker(child):
                found.append(child)
    except psutil.NoSuchProcess:
        return []
    return found


def _is_worker(process: psutil.Process) -> bool:
    try:
        return any(_WORKER_MARK in word for word in process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


def wait_until(is_so: Callable[[], bool], within_s: float, otherwise: str) -> float:
    """Wait until something is so, and return the seconds that it took.

    Args:
        is_so: Asks; a database that is away for a moment counts as no.
        within_s: Most seconds.
        otherwise: What went wrong when it is not so by then.

    Raises:
        TrialStuck: It is not so in time.
    """
    start = time.monotonic()
    while True:
        try:
            if is_so():
                return time.monotonic() - start
        except DatabaseUnreachable:
            pass  # an injected fault; the time limit below still counts
        if time.monotonic() - start > within_s:
            raise TrialStuck(otherwise)
        time.sleep(POLL_S)


def _refuse_foreign_cluster(settings: Settings) -> None:
    """Keep a trial from joining the cluster of the real installation by way of its `.env`."""
    real = Settings().dask_address
    if real and real != settings.dask_address:
        raise SettingInvalid(name="URBANKI_DASK_ADDRESS", value=real)


def _procfile_variables() -> dict[str, str]:
    """Return the variables that the Procfile sets for the supervisor, so figures fit its memory."""
    for line in (REPOSITORY / "Procfile").read_text(encoding="utf-8").splitlines():
        name, _, command = line.partition(":")
        if name == "jobs":
            words = shlex.split(command.partition("python")[0])
            return dict(word.split("=", 1) for word in words if "=" in word)
    return {}
