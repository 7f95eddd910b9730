"""Endurance of the job `ocr`: `python -m apps.archivair.endurance [--pages 300] [--kills 9]`.

Reads an invented scan twice with real processes in an installation of its own: once undisturbed,
once while one process after the other is ended by `kill -9` and started again, as the service
manager of the operating system would. Both must give the same bytes. Prints one JSON line; exit
code 1 when a page was lost, doubled or read differently, or a process grew too large.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from apps.archivair.endurance_scan import make_scan
from apps.archivair.jobs import OCR, SCRIPT
from apps.archivair.recognise import MODEL
from shared.command_line import GermanParser, refusal
from shared.contracts.jobs import StoredFile
from shared.errors import InputError
from shared.jobs.trial import PRINCIPAL, Trial
from shared.jobs.trial_processes import MemoryWatch, ModelServerProcess, free_port
from shared.store import artifacts, runs
from shared.store.run_views import RunOrder, RunView

DONE, DIFFERENT, BAD_INPUT = 0, 1, 2
MOST_PROCESS_MIB = 1536
SECONDS_PER_PAGE = 60.0
"""Longer than any page takes; only a run that hangs gets there."""
SERVER_AWAY_S = 5.0
TIMES = ("seconds",)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run gave, without the times.

    Args:
        state: How it ended.
        pages: Key, hash of the file, and figures of each page.
        archive: Hash of the ZIP.
        summary: Its summary.
        seconds: What it took.
    """

    state: str
    pages: tuple[tuple[str, str, str], ...]
    archive: str
    summary: str
    seconds: float

    def agrees_with(self, other: Outcome) -> bool:
        """Say whether both gave the same."""
        return (self.state, self.pages, self.archive, self.summary) == (
            other.state,
            other.pages,
            other.archive,
            other.summary,
        )


class House:
    """The installation under test.

    Args:
        trial: Database, files and supervisor.
        server: The model server.
        scan: The stored scan.
        pages: Its pages.
    """

    def __init__(
        self, trial: Trial, server: ModelServerProcess, scan: StoredFile, pages: int
    ) -> None:
        self.trial, self.server, self.scan, self.pages = trial, server, scan, pages
        self.killed: list[str] = []

    def family(self) -> dict[str, list[psutil.Process]]:
        """Return the processes that live now, by their kind."""
        supervisor, workers = self.trial.active_supervisor(), self.trial.workers()
        tesseract: list[psutil.Process] = []
        for worker in workers:
            with contextlib.suppress(psutil.NoSuchProcess):
                tesseract += worker.children()
        return {
            "model_server": self.server.family(),
            "supervisor": [] if supervisor is None else [supervisor],
            "worker": workers,
            "tesseract": tesseract,
        }

    def order(self) -> RunView:
        """Order the reading of the scan anew."""
        order = RunOrder(
            OCR.app, OCR.name, self.scan.name, (self.scan,), {SCRIPT: "auto"}, is_example=True
        )
        now = datetime.now(UTC)
        return runs.submit(PRINCIPAL, self.trial.store, order, now=now, repeat=True)

    def follow(self, run_id: str, kills: Sequence[str]) -> Outcome:
        """Wait for the end of a run; end a process each time another part of it is done.

        Args:
            run_id: The run.
            kills: What to end, in order.
        """
        start = time.monotonic()
        step = self.pages / (len(kills) + 1)
        for number, kind in enumerate(kills, start=1):
            self._wait_for(run_id, step * number)
            self._kill(kind)
        run = self._wait_for(run_id)
        return self._outcome(run, time.monotonic() - start)

    def _wait_for(self, run_id: str, units: float = float("inf")) -> RunView:
        """Wait for the end of a run, or until so many units are done."""
        limit = time.monotonic() + self.pages * SECONDS_PER_PAGE
        while time.monotonic() < limit:
            run = self.trial.look(run_id)
            if not run.is_active or run.units_done >= units:
                return run
            time.sleep(0.1)
        return self.trial.look(run_id)

    def _kill(self, kind: str) -> None:
        self.killed.append(kind)
        if kind == "model_server":
            self.server.kill()
            time.sleep(SERVER_AWAY_S)
            self.server.start()
            self.server.wait_ready()
        elif kind == "supervisor":
            supervisor = self.trial.active_supervisor()
            if supervisor is not None:
                supervisor.kill()
            self.trial.start_supervisor()
        else:
            for worker in self.trial.workers()[:1]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    worker.kill()

    def _outcome(self, run: RunView, seconds: float) -> Outcome:
        units = runs.units(PRINCIPAL, self.trial.store, run.id)
        files = runs.result_files(PRINCIPAL, self.trial.store, run.id)
        return Outcome(
            run.state,
            tuple(
                (
                    unit.key,
                    unit.file.sha256 if unit.file else str(unit.error_code),
                    _timeless(unit.data),
                )
                for unit in units
            ),
            "".join(file.sha256 for file in files.values()),
            _timeless(run.summary),
            round(seconds, 1),
        )


def _timeless(values: Mapping[str, Any] | None) -> str:
    """Return values as text without the times, which differ from run to run."""
    plain = json.loads(json.dumps(dict(values or {})))
    for part in (plain, plain.get("figures", {})):
        for name in TIMES:
            part.pop(name, None)
    return json.dumps(plain, sort_keys=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    try:
        chosen = _parser().parse_args(arguments)
    except InputError as error:
        sys.stderr.write(f"{refusal(error)}\n")
        return BAD_INPUT
    with tempfile.TemporaryDirectory(prefix="urbanki-endurance-") as folder:
        report = _endure(Path(folder), chosen.pages, chosen.kills, full_size=chosen.full_size)
    sys.stdout.write(json.dumps(report) + "\n")
    return DONE if report["identical"] and report["small_enough"] else DIFFERENT


def _parser() -> GermanParser:
    parser = GermanParser(
        prog="python -m apps.archivair.endurance",
        description="Liest eine Akte zweimal, einmal während Prozesse abgeschossen werden.",
    )
    parser.add_argument("--pages", type=int, default=300, metavar="ZAHL", help="Seiten (300)")
    parser.add_argument("--kills", type=int, default=9, metavar="ZAHL", help="Abschüsse (9)")
    parser.add_argument("--full-size", action="store_true", help="ganze Briefe mit 300 dpi")
    return parser


def _endure(folder: Path, pages: int, kills: int, *, full_size: bool) -> dict[str, Any]:
    port = free_port()
    settings = {"model_server_port": port, "model_server_url": f"http://127.0.0.1:{port}"}
    kinds = ("worker", "supervisor", "model_server")
    with Trial(folder, settings=settings) as trial, ModelServerProcess(trial, MODEL) as server:
        server.wait_ready()
        house = House(trial, server, _store_scan(trial, pages, full_size=full_size), pages)
        trial.start_supervisor()
        trial.wait_ready()
        with MemoryWatch(house.family) as memory:
            calm = house.follow(house.order().id, ())
            wild = house.follow(house.order().id, [kinds[i % len(kinds)] for i in range(kills)])
    keys = [key for key, _, _ in wild.pages]
    return {
        "pages": pages,
        "killed": house.killed,
        "states": [calm.state, wild.state],
        "lost": pages - len(set(keys)),
        "doubled": len(keys) - len(set(keys)),
        "different": sum(one != other for one, other in zip(calm.pages, wild.pages, strict=False)),
        "identical": calm.agrees_with(wild) and len(calm.pages) == pages,
        "seconds": [calm.seconds, wild.seconds],
        "peaks_mib": memory.peaks_mib,
        "small_enough": max(memory.peaks_mib.values(), default=0.0) <= MOST_PROCESS_MIB,
    }


def _store_scan(trial: Trial, pages: int, *, full_size: bool) -> StoredFile:
    path = trial.folder / "scan.pdf"
    make_scan(path, pages, full_size=full_size)
    with path.open("rb") as content:
        return artifacts.save(
            PRINCIPAL,
            trial.store,
            content,
            name="akte.pdf",
            media_type="application/pdf",
            kind="upload",
            is_example=True,
            now=datetime.now(UTC),
        )


if __name__ == "__main__":
    sys.exit(main())
