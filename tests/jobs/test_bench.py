"""The bench measures real processes, and its table says which target was missed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from shared.jobs import bench, bench_measures
from shared.jobs.bench import Line, Report, german_table, table_lines
from shared.jobs.bench_measures import (
    Cost,
    Fairness,
    Outage,
    Polls,
    measure_fairness,
    measure_outage,
    measure_polls,
)
from shared.jobs.bench_take_over import TakeOver, freeze, measure_take_over
from shared.jobs.trial import Trial
from shared.jobs.trial_model_server import TrialModelServer
from shared.store.engine import session_scope

MOST_S = 60.0
"""Twice what is promised: other tests share these processors."""


def full_report(**changes: float) -> Report:
    """A report in which every target was met, but for the changes."""
    values = {"cpu": 1.2, "growth_mb": 20.0, "peak_mb": 180.0, "poll": 4.2, "cancel": 2.0} | changes
    cost = [
        Cost(1000, 5.0, 1.1, 0.2, 0.3, 130.0, 2.0, 140.0, 130.0),
        Cost(
            100_000, 400.0, values["cpu"], 0.2, 0.3, 130.0, values["growth_mb"],
            values["peak_mb"], 135.0,
        ),
    ]  # fmt: skip
    return Report(
        {},
        cost,
        Polls(1_000_000, values["poll"], 9.0, 3.0),
        Fairness(100_000, 4.0, values["cancel"]),
        TakeOver(7.0, 27.0),
        Outage(60.0, True, 12.0, 0),
    )


def test_the_table_is_german_and_says_what_was_met() -> None:
    table = german_table(table_lines(full_report()))
    assert table.startswith("| Gemessen | Wert | Ziel | erreicht |\n| --- | ---: | ---: | --- |\n")
    assert (
        "| Rechenzeit je Teil bei 100.000 leeren Teilen | 1,20 ms | höchstens 3 ms | ja |" in table
    )
    assert "| 10 Teile hinter 100.000 Teilen | 4 s | höchstens 30 s | ja |" in table
    assert "| Gescheiterte Teile nach 60 s ohne Modellserver | 0 | höchstens 0 | ja |" in table
    assert "nein" not in table
    assert all(line.is_met for line in table_lines(full_report()))


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"cpu": 3.1}, "Rechenzeit je Teil bei 100.000 leeren Teilen"),
        ({"cpu": 1.5}, "Rechenzeit je Teil, 100.000 zu 1.000 Teilen"),
        ({"growth_mb": 51.0}, "Mehr Speicher des Auftragsdienstes bei 100.000 Teilen"),
        ({"peak_mb": 301.0}, "Höchster Speicher des Auftragsdienstes bei 100.000 Teilen"),
        ({"poll": 5.1}, "Blick einer Seite auf einen Auftrag bei 1.000.000 Teilen, Median"),
        ({"cancel": 5.1}, "Abbruch eines Auftrags"),
    ],
)
def test_a_missed_target_is_named(changes: dict[str, float], name: str) -> None:
    missed = {line.name for line in table_lines(full_report(**changes)) if not line.is_met}
    assert name in missed


def test_growth_needs_two_runs() -> None:
    report = full_report()
    assert report.growth == pytest.approx(1.2 / 1.1, abs=0.001)
    report.cost.pop()
    assert report.growth is None
    assert not any("zu" in line.name for line in table_lines(report))
    assert table_lines(Report({})) == []


def test_figures_without_target_are_neither_met_nor_missed() -> None:
    line = Line("Etwas", 12.34, "ms")
    assert line.is_met
    assert german_table([line]).splitlines()[-1] == "| Etwas | 12,3 ms | – | – |"


@pytest.mark.server
def test_the_command_measures_and_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--units", "300,60", "--parts", "kosten,abfrage", "--poll-rows", "2000"]
    code = bench.main(words)
    out = capsys.readouterr()
    report = json.loads(out.out)
    small, large = report["cost"]
    assert (small["units"], large["units"]) == (60, 300)
    assert large["cpu_ms"] > 0
    assert large["database_ms"] > 0
    assert 0 < large["statements"] < 5
    assert large["supervisor_peak_mb"] >= large["supervisor_mb"] > 20
    assert large["worker_peak_mb"] > 20
    assert report["growth"] > 0
    assert report["polls"]["rows"] == 2000
    assert 0 < report["polls"]["median_ms"] <= report["polls"]["p95_ms"]
    assert report["machine"]["database"].startswith("SQLite")
    assert out.err.startswith("| Gemessen |")
    assert code == ("| nein |" in out.err)


@pytest.mark.parametrize("words", [["--units", "x"], ["--parts", "alles"], ["--units", "0"]])
def test_bad_words_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(words) == 2
    assert "--parts: kosten" in capsys.readouterr().err


def test_a_database_that_is_away_is_said_in_german(capsys: pytest.CaptureFixture[str]) -> None:
    url = "postgresql+psycopg://nobody@127.0.0.1:1/none"
    assert bench.main(["--database", url, "--parts", "abfrage"]) == 2
    assert "Die Datenbank ist nicht erreichbar." in capsys.readouterr().err


@pytest.mark.server
def test_a_small_run_is_done_soon_behind_a_large_one(tmp_path: Path) -> None:
    with Trial(tmp_path) as trial:
        fairness = measure_fairness(trial, units=20_000)
    assert fairness.units_ahead == 20_000
    assert 0 < fairness.seconds < MOST_S
    assert 0 < fairness.cancel_s < MOST_S


@pytest.mark.server
def test_another_supervisor_takes_over(tmp_path: Path) -> None:
    with Trial(tmp_path) as trial:
        take_over = measure_take_over(trial)
        assert trial.left_over() == []
    assert 0 < take_over.killed_s < MOST_S
    assert 20 <= take_over.frozen_s < MOST_S


WRITER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
while True:
    connection.execute("BEGIN IMMEDIATE")
    print("begun", flush=True)
    time.sleep(0.3)
    connection.execute("COMMIT")
    time.sleep(0.1)
"""


@pytest.mark.server
def test_a_frozen_process_holds_no_lock(tmp_path: Path) -> None:
    with Trial(tmp_path) as trial:
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "trial.db")],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "begun\n"
            before = time.monotonic()
            stopped = freeze(trial, psutil.Process(writer.pid))
            assert before < stopped <= time.monotonic()
            assert psutil.Process(writer.pid).status() == psutil.STATUS_STOPPED
            with session_scope(trial.store.engine) as session:
                session.connection()
        finally:
            writer.kill()
            writer.communicate()


@pytest.mark.server
def test_a_run_lives_through_an_outage_of_the_model_server(tmp_path: Path) -> None:
    with (
        TrialModelServer() as server,
        Trial(tmp_path, settings={"model_server_url": server.url}) as trial,
    ):
        outage = measure_outage(trial, server, 3.0)
    assert (outage.waited, outage.failed) == (True, 0)


def test_a_page_looks_at_a_full_run(tmp_path: Path) -> None:
    with Trial(tmp_path) as trial:
        polls = measure_polls(trial, 500)
        (run,) = bench_measures.runs.recent(bench_measures.PRINCIPAL, trial.store)
        assert (run.state, run.units_total, run.units_done, run.units_failed) == (
            "running", 500, 345, 5,
        )  # fmt: skip
    assert polls.cpu_ms > 0


def test_memory_peaks_are_read_from_the_system() -> None:
    own = psutil.Process(os.getpid())
    peak = bench_measures._peak_mb(own)
    assert peak >= 0.9 * own.memory_info().rss / 1e6
