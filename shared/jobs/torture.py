"""Kill everything at random moments of a run: is every unit there exactly once at the end?

    python -m shared.jobs.torture --injections 200 --seed 1 [--units 1000] [--database URL]

`--database eigene` starts a PostgreSQL of its own, which is killed as well; with an address its
connections are cut instead. Prints JSON; exit code 1 when anything was wrong, 2 for bad arguments.

Two supervisors stand by all the time. An injection kills one of the processes (or both
supervisors, or freezes the working one until the other has taken over and lets it go on then); the
next one comes only when units are finished again. A run that ends before all injections were made
is checked and followed by another.

A unit that ends its process twice while it runs alone is given up by design, so a worker is killed
only when no unit is under suspicion, that is, has ended its process alone once and has no result
yet. This takes nothing from the test: which worker is hit when, and what it does then, stays
random; only the second shot at a unit that was just hit waits until it has got its second try.
With enough injections each kind comes at least once.

Effects are counted where they happen: triggers of the database note each row of a unit and of a run
that becomes "done", in the transaction of the change. What was written twice cannot hide. While it
waits the torture looks again and again whether results, states and counts fit together: whatever
were written in two transactions would differ at some moment, whether anything dies then or not.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from random import Random
from typing import Protocol

import psutil
from sqlalchemy import func, select

from shared.command_line import GermanParser, refusal
from shared.errors import UrbanKiError
from shared.jobs import faults, torture_check
from shared.jobs.inline import InlineFile
from shared.jobs.steps import MOST_UNITS_OF_RUN
from shared.jobs.trial import ENDED, PRINCIPAL, Trial, TrialStuck, wait_until, worker_processes
from shared.jobs.trial_postgresql import TrialPostgreSQL
from shared.store.engine import read_scope
from shared.store.models import RunRow

UNITS = 1000
SECONDS_PER_UNIT = 0.04
GO_ON_WITHIN_S = 90.0
TAKE_OVER_WITHIN_S = 60.0
MOST_PAUSE_S = 0.7
SUPERVISORS = 2
OWN = "eigene"
WEIGHTS = {
    "worker": 8,
    "supervisor": 4,
    "reader": 4,
    "both supervisors": 1,
    "clean end": 1,
    "frozen supervisor": 1,
}
DATABASE_WEIGHT = 6


class Database(Protocol):
    """A database server that can be killed."""

    def kill(self) -> None:
        """End it at once."""

    def start(self) -> None:
        """Start it again."""


@dataclass
class Report:
    """What a torture found; all but the counts of injections and times must be 0.

    Args:
        injections: How often each kind of fault was brought about.
        rounds: Runs.
        units: Units of all runs.
        lost: Units without result at the end.
        doubled: Units whose result was written more than once.
        failed: Units that were given up.
        wrong_results: Runs whose result differs from that of an undisturbed run.
        wrong_counts: Runs whose own counts are wrong, or that were finished not exactly once.
        torn: How often a result, a state or a count was seen without the others.
        extra_files: Files that were noted although no unit and no run has them as its result.
        extra_runs: Runs that equal orders started once more.
        left_over: Workers that outlived their supervisor.
        longest_s: Longest time until work went on, by kind.
        seconds: Duration.
    """

    injections: dict[str, int] = field(default_factory=dict)
    rounds: int = 0
    units: int = 0
    lost: int = 0
    doubled: int = 0
    failed: int = 0
    wrong_results: int = 0
    wrong_counts: int = 0
    torn: int = 0
    extra_files: int = 0
    extra_runs: int = 0
    left_over: int = 0
    longest_s: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def is_clean(self) -> bool:
        """Say whether nothing was lost, doubled or wrong."""
        wrong = (self.lost, self.doubled, self.failed, self.wrong_results, self.wrong_counts)
        strange = (self.torn, self.extra_files, self.extra_runs, self.left_over)
        return not any(wrong + strange)


class Torture:
    """One torture of an installation.

    Args:
        trial: The installation, empty.
        injections: How many faults.
        seed: Makes their order and their pauses repeatable.
        units: Units of a run.
        database: Its database server, if that is to be killed too.
        say: Hears of each injection: number, kind and seconds until work went on.
    """

    def __init__(
        self,
        trial: Trial,
        injections: int,
        seed: int,
        *,
        units: int = UNITS,
        database: Database | None = None,
        say: Callable[[int, str, float], None] | None = None,
    ) -> None:
        self.report = Report()
        self._trial = trial
        self._injections = injections
        self._chance = Random(seed)  # noqa: S311  # repeatable choice
        self._units = units
        self._database = database
        self._say = say
        self._reader: subprocess.Popen[bytes] | None = None
        self._run_id = ""
        self._weights = dict(WEIGHTS)
        if trial.store.engine.dialect.name != "sqlite":
            self._weights["database"] = DATABASE_WEIGHT
        self._first = list(self._weights) if injections >= len(self._weights) else []
        self._chance.shuffle(self._first)
        self._kinds: dict[str, Callable[[], None]] = {
            "worker": self._kill_worker,
            "supervisor": self._kill_supervisor,
            "reader": self._kill_reader,
            "both supervisors": self._kill_both,
            "clean end": self._end_supervisor,
            "frozen supervisor": self._freeze_supervisor,
            "database": self._kill_database,
        }

    def run(self) -> Report:
        """Do everything and return what was found.

        Raises:
            TrialStuck: Work did not go on after an injection.
        """
        start = time.monotonic()
        torture_check.note_effects(self._trial.store.engine)
        expected = self._undisturbed()
        self._keep_alive()
        self._trial.wait_ready()
        while not self.report.rounds or self._left() > 0:
            self._one_run(expected)
        self.report.extra_runs = self._count_runs() - self.report.rounds
        self.report.extra_files = torture_check.extra_files(self._trial.store.engine)
        self._trial.stop()
        torture_check.forget_effects(self._trial.store.engine)
        self.report.left_over = len(self._trial.left_over())
        self.report.seconds = round(time.monotonic() - start, 1)
        return self.report

    def _left(self) -> int:
        return self._injections - sum(self.report.injections.values())

    def _undisturbed(self) -> str:
        name, content = faults.example_input()
        folder = self._trial.folder / "undisturbed"
        folder.mkdir()
        path = folder / "input"
        path.write_bytes(content)
        file = InlineFile(path, name, "text/plain")
        return torture_check.inline_hash(faults.WORK, file, {"units": self._units}, folder)

    def _one_run(self, expected: str) -> None:
        run = self._trial.order(
            "work", self._units, seconds=SECONDS_PER_UNIT, round=self.report.rounds
        )
        self._run_id = run.id
        self.report.rounds += 1
        self.report.units += self._units
        while self._left() > 0 and not self._is_over():
            self._inject()
        within_s = GO_ON_WITHIN_S + 2 * SECONDS_PER_UNIT * self._units
        ended = self._trial.wait_run(run.id, within_s)
        written = torture_check.effects(self._trial.store.engine, run.id)
        self.report.lost += self._units - written.written - ended.units_failed
        self.report.doubled += written.doubled
        self.report.failed += ended.units_failed
        found = torture_check.stored_hash(PRINCIPAL, self._trial.store, run.id)
        self.report.wrong_results += found != expected
        counted = (ended.state, ended.units_done, ended.units_total, written.finished)
        self.report.wrong_counts += counted != ("done", self._units, self._units, 1)

    def _inject(self) -> None:
        kind = self._first.pop() if self._first else self._any_kind()
        time.sleep(self._chance.uniform(0, MOST_PAUSE_S))
        start = time.monotonic()
        self._kinds[kind]()
        self._keep_alive()
        before = self._look().finished
        self._wait(lambda: self._look().finished > before, f"no unit was finished after: {kind}")
        took_s = time.monotonic() - start
        self.report.injections[kind] = self.report.injections.get(kind, 0) + 1
        self.report.longest_s[kind] = round(max(took_s, self.report.longest_s.get(kind, 0)), 1)
        if self._say is not None:
            self._say(self._injections - self._left(), kind, took_s)

    def _any_kind(self) -> str:
        return self._chance.choices(list(self._weights), list(self._weights.values()))[0]

    def _kill_worker(self) -> None:
        self._wait(lambda: self._look().suspects == 0, "a unit is stuck")
        workers = self._trial.workers()
        if not workers:
            return
        victim = self._chance.choice(sorted(workers, key=lambda one: one.pid))
        others = set(workers) - {victim}
        with suppress(psutil.NoSuchProcess):
            victim.kill()
        # Only then has the supervisor surely heard of it, and with it of the suspects.
        self._wait(
            lambda: bool(set(self._trial.workers()) - {victim} - others),
            "a killed worker was not replaced",
        )

    def _kill_supervisor(self) -> None:
        supervisor = self._trial.active_supervisor()
        if supervisor is not None:
            self._trial.workers()  # noted, to see later that they ended with it
            supervisor.kill()
            self._wait_for_other(supervisor)

    def _end_supervisor(self) -> None:
        supervisor = self._trial.active_supervisor()
        if supervisor is not None:
            supervisor.terminate()
            self._wait_for_other(supervisor)

    def _kill_both(self) -> None:
        self._trial.workers()
        for process in self._trial.supervisors:
            process.kill()
        for process in self._trial.supervisors:
            process.wait()

    def _freeze_supervisor(self) -> None:
        """Stop a supervisor until the other has done its units; then its answers are too late."""
        self._wait(lambda: self._look().leased > 0, "no unit is handed out")
        supervisor = self._trial.active_supervisor()
        if supervisor is None:
            return
        supervisor.suspend()
        while torture_check.is_locked(self._trial.settings):
            supervisor.resume()
            time.sleep(self._chance.uniform(0, MOST_PAUSE_S))
            supervisor.suspend()
        try:
            before = self._look().finished
            self._wait_for_other(supervisor)
            self._wait(lambda: self._look().finished > before, "the other one finished no unit")
        finally:
            supervisor.resume()
        # It has answers of its workers; only when it has ended them has it surely tried to write.
        self._wait(
            lambda: not worker_processes(supervisor), "a supervisor that came too late works on"
        )

    def _wait_for_other(self, before: psutil.Process) -> None:
        def is_other() -> bool:
            self._keep_alive()  # one that ends in good order takes its time
            return self._trial.active_supervisor() not in (None, before)

        wait_until(is_other, TAKE_OVER_WITHIN_S, "no other supervisor took over")

    def _kill_reader(self) -> None:
        if self._reader is not None:
            self._reader.kill()
            self._reader.wait()

    def _kill_database(self) -> None:
        if self._database is None:
            torture_check.cut_connections(self._trial.store.engine)
            return
        self._database.kill()
        time.sleep(self._chance.uniform(0, MOST_PAUSE_S))
        self._database.start()

    def _keep_alive(self) -> None:
        """Have two supervisors and one reader."""
        alive = [process for process in self._trial.supervisors if process.poll() is None]
        for _ in range(SUPERVISORS - len(alive)):
            self._trial.start_supervisor()
        if self._reader is None or self._reader.poll() is not None:
            self._reader = self._trial.start("shared.jobs.torture_reader")

    def _wait(self, is_so: Callable[[], bool], otherwise: str) -> None:
        """Wait until something is so, or the run is over."""
        wait_until(lambda: is_so() or self._is_over(), GO_ON_WITHIN_S, otherwise)

    def _look(self) -> torture_check.Look:
        seen = torture_check.look(self._trial.store.engine, self._run_id)
        self.report.torn += seen.is_torn
        return seen

    def _is_over(self) -> bool:
        return self._trial.look(self._run_id).state in ENDED

    def _count_runs(self) -> int:
        with read_scope(self._trial.store.engine) as session:
            return session.scalar(select(func.count()).select_from(RunRow)) or 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Torture a fresh installation and print what was found."""
    try:
        chosen = _words(arguments)
        with ExitStack() as stack:
            report = _torture(chosen, stack)
    except UrbanKiError as error:
        sys.stderr.write(f"{refusal(error)}\n")
        return 2
    except TrialStuck as error:
        sys.stdout.write(json.dumps({"stuck": str(error)}) + "\n")
        return 1
    sys.stdout.write(json.dumps(asdict(report) | {"clean": report.is_clean}, indent=2) + "\n")
    return 0 if report.is_clean else 1


def _words(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = GermanParser(prog="python -m shared.jobs.torture")
    parser.add_argument("--injections", type=int, default=200, help="Störungen")
    parser.add_argument("--seed", type=int, default=1, help="macht den Ablauf wiederholbar")
    parser.add_argument("--units", type=int, default=UNITS, help="Teile eines Auftrags")
    parser.add_argument("--database", default="", help=f"PostgreSQL, oder {OWN}")
    chosen = parser.parse_args(arguments)
    if chosen.injections < 0 or not 1 <= chosen.units <= MOST_UNITS_OF_RUN:
        parser.refuse(f"--injections ab 0, --units von 1 bis {MOST_UNITS_OF_RUN}.")
    return chosen


def _torture(chosen: argparse.Namespace, stack: ExitStack) -> Report:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="urbanki-torture-")))
    database = stack.enter_context(TrialPostgreSQL()) if chosen.database == OWN else None
    url = chosen.database if database is None else database.url
    trial = stack.enter_context(Trial(folder, database_url=url))
    torture = Torture(
        trial,
        chosen.injections,
        chosen.seed,
        units=chosen.units,
        database=database,
        say=lambda number, *what: _say(f"{number}/{chosen.injections}", *what),
    )
    return torture.run()


def _say(place: str, kind: str, took_s: float) -> None:
    sys.stderr.write(f"{place} {kind} {took_s:.1f} s\n")


if __name__ == "__main__":
    sys.exit(main())
