"""What the bench measures of a supervisor that is gone: how soon another one takes over."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import psutil

from shared.errors import DatabaseBusy
from shared.jobs.bench_measures import FAIR_SECONDS, LONG_RUN
from shared.jobs.lease import BEAT_EVERY_S
from shared.jobs.trial import PRINCIPAL, Trial, TrialStuck, wait_until
from shared.store import runs
from shared.store.engine import make_engine, session_scope

_WITHIN_S = 120.0
LOCK_WITHIN_S = 0.2
"""Longer than any of the others holds the lock; shorter than what would age a lease."""


@dataclass(frozen=True, slots=True)
class TakeOver:
    """How long nothing is done after a supervisor is gone.

    Args:
        killed_s: Its process was killed.
        frozen_s: Its process, like its whole machine, does not move any more.
    """

    killed_s: float
    frozen_s: float


def measure_take_over(trial: Trial) -> TakeOver:
    """Measure until units are finished again after the working supervisor is gone.

    Args:
        trial: The installation; no supervisor runs.
    """
    trial.start_supervisor()
    trial.wait_ready()
    run = trial.order("work", LONG_RUN, seconds=FAIR_SECONDS, take_over=True)
    taken_s = []
    for number in (signal.SIGKILL, signal.SIGSTOP):
        trial.start_supervisor()
        wait_until(lambda: trial.look(run.id).units_done > 0, _WITHIN_S, "no unit was finished")
        time.sleep(5)  # until the second one has started and watches
        taken_s.append(_go_on_without(trial, trial.wait_ready(), number, run.id))
    runs.request_cancel(PRINCIPAL, trial.store, run.id, now=datetime.now(UTC))
    trial.stop()
    return TakeOver(*taken_s)


def _go_on_without(
    trial: Trial, supervisor: psutil.Process, number: signal.Signals, run_id: str
) -> float:
    """Signal the working supervisor; return the seconds until units are finished again."""
    start = time.monotonic()
    if number == signal.SIGSTOP:
        start = freeze(trial, supervisor)
    else:
        supervisor.send_signal(number)
    wait_until(
        lambda: trial.active_supervisor() not in (None, supervisor),
        _WITHIN_S,
        "no other supervisor took over",
    )
    done = trial.look(run_id).units_done
    wait_until(lambda: trial.look(run_id).units_done > done, _WITHIN_S, "nothing went on")
    return round(time.monotonic() - start, 1)


def freeze(trial: Trial, supervisor: psutil.Process) -> float:
    """Stop a process between two of its transactions.

    In the middle of one, SQLite's only write lock would rest with it, and nobody could take over.

    Args:
        trial: Where the process works.
        supervisor: The process.

    Returns:
        When it stopped, in seconds of the monotonic clock.
    """
    engine = make_engine(trial.settings, busy_timeout_s=LOCK_WITHIN_S)
    try:
        while True:
            supervisor.suspend()
            wait_until(lambda: _rests(supervisor), _WITHIN_S, "the supervisor does not rest")
            stopped = time.monotonic()
            try:
                with session_scope(engine) as session:
                    session.connection()
                return stopped
            except DatabaseBusy:
                supervisor.resume()
                time.sleep(BEAT_EVERY_S)  # its lease must not have aged when it rests for good
    finally:
        engine.dispose()


def _rests(supervisor: psutil.Process) -> bool:
    """Say whether a stopped process rests by now; it may still run on another core.

    Raises:
        TrialStuck: It has ended.
    """
    status = supervisor.status()
    if status == psutil.STATUS_ZOMBIE:
        raise TrialStuck("the supervisor has ended")
    return bool(status == psutil.STATUS_STOPPED)
