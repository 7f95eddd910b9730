"""Measure what jobs cost: `python -m shared.jobs.bench --units 1000,10000,100000`.

Works on an installation of its own in a temporary folder, with real supervisors and workers.
Prints JSON on stdout and the German table for `docs/auftraege.md` on stderr. `--database eigene`
starts a PostgreSQL of its own; an address must lead to an empty database, which is emptied again.
Exit code 1 when a target was missed, 2 for bad arguments.
"""

from __future__ import annotations

import json
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from shared.command_line import GermanParser, refusal
from shared.errors import UrbanKiError
from shared.i18n.formats import format_number
from shared.jobs.bench_measures import (
    LONG_RUN,
    Cost,
    Fairness,
    Outage,
    Polls,
    measure_cost,
    measure_fairness,
    measure_outage,
    measure_polls,
)
from shared.jobs.bench_take_over import TakeOver, measure_take_over
from shared.jobs.steps import MOST_UNITS_OF_RUN
from shared.jobs.torture import OWN
from shared.jobs.trial import Trial, TrialStuck
from shared.jobs.trial_model_server import TrialModelServer
from shared.jobs.trial_postgresql import TrialPostgreSQL

UNITS = "1000,10000,100000"
POLL_ROWS = 1_000_000
PARTS = ("kosten", "abfrage", "fairness", "uebernahme", "modellserver")

MOST_CPU_MS = 3.0
MOST_GROWTH = 1.3
MOST_MORE_MB = 50.0
MOST_PEAK_MB = 300.0
MOST_POLL_MS = 5.0
MOST_WAIT_S = 30.0
MOST_CANCEL_S = 5.0
AWAY_S = 60.0


@dataclass
class Report:
    """What was measured.

    Args:
        machine: Where.
        cost: Runs of units that do nothing, small ones first.
        polls: Looks of a page.
        fairness: A small run behind a large one.
        take_over: Supervisors that are gone.
        outage: A model server that is away for a minute.
    """

    machine: dict[str, object]
    cost: list[Cost] = field(default_factory=list)
    polls: Polls | None = None
    fairness: Fairness | None = None
    take_over: TakeOver | None = None
    outage: Outage | None = None

    @property
    def growth(self) -> float | None:
        """Processor time per unit of the largest run over that of the smallest."""
        if len(self.cost) < 2:  # one run makes no ratio
            return None
        return round(self.cost[-1].cpu_ms / self.cost[0].cpu_ms, 3)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table.

    Args:
        name: What was measured, in German.
        value: The figure.
        unit: Its unit.
        most: The target, the largest figure allowed; None where there is none.
    """

    name: str
    value: float
    unit: str
    most: float | None = None

    @property
    def is_met(self) -> bool:
        """Say whether the target was met."""
        return self.most is None or self.value <= self.most


def table_lines(report: Report) -> list[Line]:
    """Return what the table shows."""
    lines: list[Line] = []
    for cost in report.cost:
        of = f"bei {_german(cost.units)} leeren Teilen"
        lines += [
            Line(f"Rechenzeit je Teil {of}", cost.cpu_ms, "ms", MOST_CPU_MS),
            Line(f"Warten auf die Datenbank je Teil {of}", cost.database_ms, "ms"),
        ]
    if report.growth is not None:
        large, small = report.cost[-1], report.cost[0]
        lines += [
            Line(
                f"Rechenzeit je Teil, {_german(large.units)} zu {_german(small.units)} Teilen",
                report.growth,
                "",
                MOST_GROWTH,
            )
        ]
    if report.cost:
        large = report.cost[-1]
        of = f"bei {_german(large.units)} Teilen"
        lines += [
            Line(
                f"Mehr Speicher des Auftragsdienstes {of}",
                large.supervisor_growth_mb,
                "MB",
                MOST_MORE_MB,
            ),
            Line(
                f"Höchster Speicher des Auftragsdienstes {of}",
                large.supervisor_peak_mb,
                "MB",
                MOST_PEAK_MB,
            ),
            Line(f"Höchster Speicher eines Rechenprogramms {of}", large.worker_peak_mb, "MB"),
        ]
    return lines + _other_lines(report)


def _other_lines(report: Report) -> list[Line]:
    lines: list[Line] = []
    if report.polls is not None:
        of = f"bei {_german(report.polls.rows)} Teilen"
        lines += [
            Line(
                f"Blick einer Seite auf einen Auftrag {of}, Median",
                report.polls.median_ms,
                "ms",
                MOST_POLL_MS,
            ),
            Line(f"Blick einer Seite, 95 von 100 {of}", report.polls.p95_ms, "ms"),
        ]
    if report.fairness is not None:
        ahead = _german(report.fairness.units_ahead)
        lines += [
            Line(f"10 Teile hinter {ahead} Teilen", report.fairness.seconds, "s", MOST_WAIT_S),
            Line("Abbruch eines Auftrags", report.fairness.cancel_s, "s", MOST_CANCEL_S),
        ]
    if report.take_over is not None:
        killed, frozen = report.take_over.killed_s, report.take_over.frozen_s
        lines += [
            Line("Weiter nach Absturz des Auftragsdienstes", killed, "s", MOST_WAIT_S),
            Line("Weiter nach Stillstand des Auftragsdienstes", frozen, "s", MOST_WAIT_S),
        ]
    if report.outage is not None:
        away = f"nach {_german(report.outage.away_s)} s ohne Modellserver"
        lines += [
            Line(f"Weiter {away}", report.outage.go_on_s, "s", MOST_WAIT_S),
            Line(f"Gescheiterte Teile {away}", report.outage.failed, "", 0),
        ]
    return lines


def german_table(lines: Sequence[Line]) -> str:
    """Write lines as a Markdown table.

    Args:
        lines: What was measured.
    """
    rows = ["| Gemessen | Wert | Ziel | erreicht |", "| --- | ---: | ---: | --- |"]
    for line in lines:
        most = "–" if line.most is None else f"höchstens {_german(line.most)} {line.unit}".strip()
        met = "–" if line.most is None else "ja" if line.is_met else "nein"
        value = f"{_german(line.value)} {line.unit}".strip()
        rows.append(f"| {line.name} | {value} | {most} | {met} |")
    return "\n".join(rows) + "\n"


def _german(value: float) -> str:
    digits = 0 if value == int(value) else 1 if value >= 10 else 2
    return format_number(value, digits)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured.

    Args:
        sizes: Units of the runs whose cost is measured, small ones first.
        parts: Some of `PARTS`.
        poll_rows: Units of the run that a page looks at.
        units_ahead: Units of the large run that a small one comes behind.
    """

    sizes: Sequence[int]
    parts: Sequence[str]
    poll_rows: int
    units_ahead: int


def measure(plan: Plan, database: str | TrialPostgreSQL) -> Report:
    """Measure everything that was asked for, one part after the other.

    Args:
        plan: What is measured.
        database: Address of an empty PostgreSQL database, or a server; empty takes SQLite.

    Raises:
        TrialStuck: Something did not come to an end.
        UrbanKiError: The database cannot be used.
    """
    server, url = None, database
    if isinstance(database, TrialPostgreSQL):
        server, url = psutil.Process(database.process_ids[0]), database.url
    report = Report(_machine(str(url)))
    for part in plan.parts:
        with (
            tempfile.TemporaryDirectory(prefix="urbanki-bench-") as folder,
            TrialModelServer() as models,
            Trial(
                Path(folder), database_url=str(url), settings={"model_server_url": models.url}
            ) as trial,
        ):
            _measure_part(part, plan, report, trial, models, server)
    return report


def _measure_part(
    part: str,
    plan: Plan,
    report: Report,
    trial: Trial,
    models: TrialModelServer,
    server: psutil.Process | None,
) -> None:
    if part == "kosten":
        report.cost.extend(measure_cost(trial, size, server) for size in plan.sizes)
    elif part == "abfrage":
        report.polls = measure_polls(trial, plan.poll_rows)
    elif part == "fairness":
        report.fairness = measure_fairness(trial, plan.units_ahead)
    elif part == "uebernahme":
        report.take_over = measure_take_over(trial)
    else:
        report.outage = measure_outage(trial, models, AWAY_S)


def _machine(database_url: str) -> dict[str, object]:
    cores = psutil.cpu_count(logical=False)
    return {
        "system": platform.platform(),
        "cores": cores,
        "threads": psutil.cpu_count(),
        "python": platform.python_version(),
        "database": "PostgreSQL" if database_url else f"SQLite {sqlite3.sqlite_version}",
    }


def _plan(arguments: Sequence[str] | None) -> tuple[Plan, str]:
    """Read the words of the call; return what is measured, and the database."""
    parser = GermanParser(prog="python -m shared.jobs.bench")
    parser.add_argument("--units", default=UNITS, help="Teile der leeren Aufträge")
    parser.add_argument("--database", default="", help=f"PostgreSQL, oder {OWN}")
    parser.add_argument("--parts", default=",".join(PARTS), help="was gemessen wird")
    parser.add_argument("--poll-rows", type=int, default=POLL_ROWS, help="Teile für die Abfrage")
    parser.add_argument("--ahead", type=int, default=LONG_RUN, help="Teile des großen Auftrags")
    chosen = parser.parse_args(arguments)
    words = [size.strip() for size in chosen.units.split(",")]
    sizes = [int(size) for size in words if size.isascii() and size.isdigit()]
    parts = [part.strip() for part in chosen.parts.split(",")]
    counts = (*sizes, chosen.poll_rows, chosen.ahead)
    are_counts = all(1 <= count <= MOST_UNITS_OF_RUN for count in counts)
    if len(sizes) != len(words) or not are_counts or not set(parts) <= set(PARTS):
        parser.refuse(
            f"--units: Zahlen mit Komma, alle von 1 bis {MOST_UNITS_OF_RUN}; "
            f"--parts: {', '.join(PARTS)}."
        )
    return Plan(sorted(sizes), parts, chosen.poll_rows, chosen.ahead), chosen.database


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the figures."""
    try:
        plan, database = _plan(arguments)
        with ExitStack() as stack:
            own = stack.enter_context(TrialPostgreSQL()) if database == OWN else None
            report = measure(plan, own or database)
    except UrbanKiError as error:
        sys.stderr.write(f"{refusal(error)}\n")
        return 2
    except TrialStuck as error:
        sys.stderr.write(f"{error}\n")
        return 1
    lines = table_lines(report)
    sys.stdout.write(json.dumps(asdict(report) | {"growth": report.growth}, indent=2) + "\n")
    sys.stderr.write(german_table(lines))
    return 0 if all(line.is_met for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
