"""What the bench measures, each on real processes."""

from __future__ import annotations

import json
import signal
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
from sqlalchemy import insert, update

from shared.contracts.jobs import Priority
from shared.jobs.forecast import forecast
from shared.jobs.trial import PRINCIPAL, Trial, wait_until, worker_processes
from shared.jobs.trial_model_server import TrialModelServer
from shared.store import runs
from shared.store.engine import session_scope
from shared.store.models import RunRow, UnitRow
from shared.store.progress import read_pace

WARM_UP_UNITS = 50
MB = 1e6
LONG_RUN = 100_000
SHORT_RUN = 10
OUTAGE_UNITS = 200
FAIR_SECONDS = 0.2
"""Seconds of a unit of the long run that others come behind."""
_SAMPLE_EVERY_S = 0.2
_LONGEST_S = 3600.0
_WITHIN_S = 120.0
_POLLS = 200
_ROWS_AT_ONCE = 10_000
_DONE_SHARE, _FAILED = 0.7, 5


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run of units that do nothing costs the house.

    Args:
        units: Number of units.
        seconds: From the order to the end.
        cpu_ms: Processor time per unit: supervisor, workers, and a PostgreSQL of the bench's own.
        database_ms: Time per unit that the supervisor waits for its database.
        statements: Statements per unit.
        supervisor_mb: Memory of the supervisor before the order.
        supervisor_growth_mb: How much more it had at most during the run.
        supervisor_peak_mb: The most that it ever had.
        worker_peak_mb: The most that any worker ever had; one of them streams through `finish`.
    """

    units: int
    seconds: float
    cpu_ms: float
    database_ms: float
    statements: float
    supervisor_mb: float
    supervisor_growth_mb: float
    supervisor_peak_mb: float
    worker_peak_mb: float


@dataclass(frozen=True, slots=True)
class Polls:
    """What a look of a page's panel at a run costs.

    Args:
        rows: Units of the run.
        median_ms: Half of the looks took no longer.
        p95_ms: Nor did 95 of 100.
        cpu_ms: Processor time of this process, on average; all of it where the database is SQLite.
    """

    rows: int
    median_ms: float
    p95_ms: float
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class Fairness:
    """How a small run fares behind a large one, and how fast the large one stops.

    Args:
        units_ahead: Units of the large run.
        seconds: From the order of ten units to their end.
        cancel_s: From the wish to stop the large run to its end.
    """

    units_ahead: int
    seconds: float
    cancel_s: float


@dataclass(frozen=True, slots=True)
class Outage:
    """How a run lives through a model server that is away for a while.

    Args:
        away_s: Seconds without an answer.
        waited: True when the run said meanwhile that it waits.
        go_on_s: From its return until units are finished again.
        failed: Units that failed.
    """

    away_s: float
    waited: bool
    go_on_s: float
    failed: int


@dataclass
class _Memory:
    """Resident memory in bytes."""

    least: float = field(default=float("inf"))
    most: float = 0.0

    def note(self, process: psutil.Process) -> None:
        """Look once."""
        resident = float(process.memory_info().rss)
        self.least, self.most = min(self.least, resident), max(self.most, resident)


def measure_cost(trial: Trial, units: int, server: psutil.Process | None = None) -> Cost:
    """Measure a run of units that do nothing, on warm processes.

    Args:
        trial: The installation; no supervisor runs.
        units: Number of units.
        server: Its database server, if its processor time shall count too.
    """
    timings = trial.folder / f"timings-{units}.jsonl"
    trial.start_supervisor("shared.jobs.timed_supervisor", str(timings))
    supervisor = trial.wait_ready()
    warm_up = trial.order("nothing", WARM_UP_UNITS, before=units)
    trial.wait_run(warm_up.id, _WITHIN_S)
    before = _timings(supervisor, timings, 1)
    counted = [supervisor] if server is None else [supervisor, server]
    cpu_before = sum(map(_cpu_s, counted))
    start_mb = supervisor.memory_info().rss / MB
    with _watched(supervisor) as memory:
        start = time.monotonic()
        run = trial.order("nothing", units)
        trial.wait_run(run.id, _LONGEST_S)
        seconds = time.monotonic() - start
    cpu_s = sum(map(_cpu_s, counted)) - cpu_before
    after = _timings(supervisor, timings, 2)
    workers = worker_processes(supervisor)
    cost = Cost(
        units=units,
        seconds=round(seconds, 2),
        cpu_ms=round(1000 * cpu_s / units, 3),
        database_ms=round((after["milliseconds"] - before["milliseconds"]) / units, 3),
        statements=round((after["statements"] - before["statements"]) / units, 3),
        supervisor_mb=round(start_mb, 1),
        supervisor_growth_mb=round(memory.most / MB - start_mb, 1),
        supervisor_peak_mb=round(_peak_mb(supervisor), 1),
        worker_peak_mb=round(max((_peak_mb(one) for one in workers), default=0.0), 1),
    )
    trial.stop()
    return cost


def measure_polls(trial: Trial, rows: int) -> Polls:
    """Measure what a page does every two seconds while it shows an active run.

    Args:
        trial: The installation; no supervisor runs.
        rows: Units of the run.
    """
    run = trial.order("nothing", rows, polls=True)
    _fill(trial, run.id, rows)
    taken_ms = []
    cpu_before = time.process_time()
    for _ in range(_POLLS):
        start = time.perf_counter()
        _poll(trial, run.id)
        taken_ms.append(1000 * (time.perf_counter() - start))
    cpu_ms = 1000 * (time.process_time() - cpu_before) / _POLLS
    ordered = sorted(taken_ms)
    return Polls(
        rows,
        round(statistics.median(ordered), 2),
        round(ordered[int(0.95 * len(ordered))], 2),
        round(cpu_ms, 2),
    )


def measure_fairness(trial: Trial, units: int = LONG_RUN) -> Fairness:
    """Measure a small run behind a large one of the same class, then stop the large one.

    Args:
        trial: The installation; no supervisor runs.
        units: Units of the large run.
    """
    trial.start_supervisor()
    trial.wait_ready()
    large = trial.order("work", units, seconds=FAIR_SECONDS, priority=Priority.NORMAL)
    wait_until(lambda: trial.look(large.id).units_done > 0, _WITHIN_S, "no unit was finished")
    start = time.monotonic()
    small = trial.order("work", SHORT_RUN, seconds=FAIR_SECONDS, small=True)
    trial.wait_run(small.id, _WITHIN_S)
    seconds = time.monotonic() - start
    start = time.monotonic()
    runs.request_cancel(PRINCIPAL, trial.store, large.id, now=datetime.now(UTC))
    trial.wait_run(large.id, _WITHIN_S, states=("cancelled",))
    cancel_s = time.monotonic() - start
    trial.stop()
    return Fairness(units, round(seconds, 1), round(cancel_s, 1))


def measure_outage(trial: Trial, server: TrialModelServer, away_s: float) -> Outage:
    """Measure a run whose units ask the model server, which goes away in its middle.

    Args:
        trial: The installation; no supervisor runs.
        server: Its model server, which answers.
        away_s: Seconds without an answer.
    """
    trial.start_supervisor()
    trial.wait_ready()
    run = trial.order("model", OUTAGE_UNITS, seconds=0.05)
    wait_until(lambda: trial.look(run.id).units_done > 0, _WITHIN_S, "no unit was finished")
    server.stop()
    time.sleep(away_s)
    waited = trial.look(run.id)
    server.start()
    go_on_s = wait_until(
        lambda: trial.look(run.id).units_done > waited.units_done, _WITHIN_S, "nothing went on"
    )
    ended = trial.wait_run(run.id, _WITHIN_S, states=("done",))
    trial.stop()
    return Outage(away_s, waited.state == "waiting", round(go_on_s, 1), ended.units_failed)


def _timings(supervisor: psutil.Process, file: Path, number: int) -> dict[str, float]:
    """Let the timed supervisor write its n-th line, and read it."""
    supervisor.send_signal(signal.SIGUSR1)

    def lines() -> list[str]:
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    wait_until(lambda: len(lines()) >= number, _WITHIN_S, "the supervisor does not answer")
    found: dict[str, float] = json.loads(lines()[number - 1])
    return found


def _cpu_s(process: psutil.Process) -> float:
    """Return the processor time of a process and of its children, those that ended included."""
    own = process.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            spent = child.cpu_times()
            total += spent.user + spent.system
    return float(total)


def _peak_mb(process: psutil.Process) -> float:
    """Return the most memory that a process ever had, from proc(5)."""
    for line in Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / MB
    return 0.0


@contextmanager
def _watched(process: psutil.Process) -> Iterator[_Memory]:
    memory, is_over = _Memory(), threading.Event()

    def watch() -> None:
        while not is_over.wait(_SAMPLE_EVERY_S):
            memory.note(process)

    memory.note(process)
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        is_over.set()
        thread.join()


def _fill(trial: Trial, run_id: str, rows: int) -> None:
    """Write the units of a run as they are in its middle."""
    done = int(_DONE_SHARE * rows)
    for first in range(0, rows, _ROWS_AT_ONCE):
        values = [
            _row(run_id, ordinal, done)
            for ordinal in range(first, min(rows, first + _ROWS_AT_ONCE))
        ]
        with session_scope(trial.store.engine) as session:
            session.connection().execute(insert(UnitRow), values)
    with session_scope(trial.store.engine) as session:
        session.execute(
            update(RunRow)
            .where(RunRow.id == run_id)
            .values(
                state="running",
                units_total=rows,
                units_done=done - _FAILED,
                units_failed=_FAILED,
                started_at=datetime.now(UTC),
            )
        )


def _row(run_id: str, ordinal: int, done: int) -> dict[str, object]:
    failed = ordinal < done and ordinal % max(1, done // _FAILED) == 0
    state = "failed" if failed else "done" if ordinal < done else "queued"
    return {
        "run_id": run_id,
        "ordinal": ordinal,
        "key": f"{ordinal:06d}",
        "state": "leased" if done <= ordinal < done + 128 else state,
        "attempts": 0,
        "crashes": 0,
        "result_json": {"value": ordinal} if state == "done" else None,
        "error_code": "bild_beschaedigt" if failed else None,
        "seconds": 0.5 if ordinal < done else None,
    }


def _poll(trial: Trial, run_id: str) -> None:
    """Do what the panel does for a run that works: its state, the forecast, first failures."""
    run = trial.look(run_id)
    over = run.units_done + run.units_failed
    pace = read_pace(PRINCIPAL, trial.store, run_id, over)
    forecast(over, run.units_total or over, pace.seconds, pace.in_flight)
    runs.units(PRINCIPAL, trial.store, run_id, states=("failed",), limit=3)
