"""Calls of all kinds for a long time: does memory grow, does anything fail that should not?

    python -m model_server.soak --minutes 30 --clients 8 --out soak.json

Starts a server of its own and ends it, unless `--url` names one that runs. Exit codes: 0 fine, 1
memory grew by more than 5 % or a call failed, 2 bad arguments (one German line), 3 no server.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from model_server.bench.load import Client, percentiles, summarise
from model_server.bench.machine import describe_machine
from model_server.bench.mixed import MixedKind, cards, kinds_of, mixed_calls
from model_server.bench.plan import BadArguments, Parser, number
from model_server.bench.server import (
    ServerFailed,
    common_environment,
    is_ready,
    own_server,
    running,
)
from model_server.bench.sign_in import token_source
from model_server.bench.tree import ProcessTree
from model_server.bench.workload import Call
from shared.settings import Settings, get_settings

SAMPLE_EVERY_S = 10.0
SETTLED_AFTER_S = 180.0
MOST_GROWTH = 0.05
SAMPLES_AT_EACH_END = 6
MOST_MINUTES = 7 * 24 * 60.0
BAD_INPUT = 2
NO_SERVER = 3


@dataclass(frozen=True, slots=True)
class MemorySample:
    """Memory of the server at one moment.

    Args:
        second: Seconds since the start of the load.
        rss_mib: Resident memory of all processes in MiB.
        pss_mib: The same, shared pages counted once.
    """

    second: float
    rss_mib: float
    pss_mib: float


def growth(samples: Sequence[MemorySample], settled_after_s: float) -> float | None:
    """Return by which share the memory grew after it had settled.

    Medians over a minute at each end, because single readings jump.

    Args:
        samples: In order of time.
        settled_after_s: What came before does not count: caches fill and models load.

    Returns:
        Share, negative when it shrank; None without readings at both ends.
    """
    settled = [sample.rss_mib for sample in samples if sample.second >= settled_after_s]
    if len(settled) < 2:
        return None
    end = min(SAMPLES_AT_EACH_END, len(settled) // 2)
    before, after = statistics.median(settled[:end]), statistics.median(settled[-end:])
    return after / before - 1


def is_calm(grown: float | None) -> bool:
    """Say whether the growth was measured and is small enough."""
    return grown is not None and grown <= MOST_GROWTH


class Soak:
    """One run.

    Args:
        url: Address of the server.
        token: Gives bearer tokens.
        tree: Processes of the server; None when they are not known.
        seconds: Length of the run.
    """

    def __init__(
        self, url: str, token: Callable[[], str], tree: ProcessTree | None, seconds: float
    ) -> None:
        self._url = url
        self._token = token
        self._tree = tree
        self._seconds = seconds
        self._start = 0.0
        self.samples: list[MemorySample] = []

    def run(self, kinds: Sequence[MixedKind], clients: int, seed: int) -> dict[str, Any]:
        """Send calls until the time is over and return what happened."""
        every = [Client(self._url, self._token) for _ in range(clients)]
        self._start = time.monotonic()
        over = threading.Event()
        reader = threading.Thread(target=self._read_memory, args=(over,))
        reader.start()
        try:
            with ThreadPoolExecutor(clients) as pool:
                plans = (self._calls(kinds, seed + place) for place in range(clients))
                list(pool.map(lambda client, plan: client.run(plan), every, plans))
        finally:
            over.set()
            reader.join()
        tallies = [client.tally for client in every]
        routes = sorted({route for tally in tallies for route in tally.latencies_s})
        by_task = {
            route.strip("/"): sorted(
                seconds for tally in tallies for seconds in tally.latencies_s.get(route, ())
            )
            for route in routes
        }
        return {
            **summarise(tallies),
            "tasks": {
                task: {"calls": len(latencies), **percentiles(latencies)}
                for task, latencies in by_task.items()
            },
        }

    def _calls(self, kinds: Sequence[MixedKind], seed: int) -> Iterator[Call]:
        for call in mixed_calls(kinds, seed):
            if time.monotonic() - self._start >= self._seconds:
                return
            yield call

    def _read_memory(self, over: threading.Event) -> None:
        if self._tree is None:
            return
        every_s = min(SAMPLE_EVERY_S, self._seconds / (4 * SAMPLES_AT_EACH_END))
        while not over.wait(every_s):
            memory = self._tree.memory()
            second = round(time.monotonic() - self._start, 1)
            self.samples.append(MemorySample(second, memory.rss_mib, memory.pss_mib))


def soak(given: argparse.Namespace) -> dict[str, Any]:
    """Run against the server that is asked for and return the report.

    Raises:
        ServerFailed: It does not start or does not answer.
    """
    seconds = given.minutes * 60
    settled_after_s = min(SETTLED_AFTER_S, seconds / 2)
    machine = describe_machine()
    with _server(given) as (url, token, tree, model_dir):
        found = cards(model_dir)
        kinds = [kind for card in found for kind in kinds_of(card, given.seed)]
        run = Soak(url, token, tree, seconds)
        report = run.run(kinds, given.clients, given.seed)
    grown = growth(run.samples, settled_after_s)
    return {
        "machine": machine,
        "minutes": given.minutes,
        "clients": given.clients,
        "seed": given.seed,
        "models": [card.name for card in found],
        **report,
        "settled_after_s": settled_after_s,
        "growth": None if grown is None else round(grown, 4),
        "most_growth": MOST_GROWTH,
        "memory": [asdict(sample) for sample in run.samples],
        "ok": not report["errors"] and (tree is None or is_calm(grown)),
    }


Target = tuple[str, Callable[[], str], ProcessTree | None, Path | None]


@contextlib.contextmanager
def _server(given: argparse.Namespace) -> Iterator[Target]:
    settings = get_settings()
    if given.url:
        if not is_ready(f"{given.url.rstrip('/')}/readyz"):
            raise ServerFailed("Der Modellserver antwortet nicht.")
        yield given.url, token_source(settings), None, settings.model_dir
        return
    with tempfile.TemporaryDirectory(prefix="urbanki-soak-") as name:
        folder = Path(name)
        names = ",".join(card.name for card in cards())
        environment = common_environment(folder, {"URBANKI_MODEL_SERVER_PRELOAD": names})
        own = Settings(_env_file=None, data_dir=folder / "data")
        command = own_server(
            workers=settings.model_server_workers,
            max_batch=settings.model_server_max_batch,
            settings={},
        )
        with running(command, environment, folder) as server:
            yield server.url, token_source(own), server.tree, None


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m model_server.soak")
    parser.add_argument("--minutes", type=_minutes, default=30.0)
    parser.add_argument("--clients", type=number(1, 64), default=8)
    parser.add_argument("--seed", type=number(0, 2**31), default=1)
    parser.add_argument("--url", default="", help="a server that runs; its memory is not read")
    parser.add_argument("--out", type=Path, required=True, help="file for the JSON")
    return parser


def _minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= MOST_MINUTES:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} ist keine Zahl von Minuten")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse arguments, run, write JSON."""
    try:
        given = _parser().parse_args(arguments)
        if not given.out.absolute().parent.is_dir():
            raise BadArguments(f"Die Datei {given.out} kann nicht geschrieben werden.")
    except BadArguments as fault:
        sys.stderr.write(f"{fault}\n")
        return BAD_INPUT
    try:
        report = soak(given)
    except ServerFailed as fault:
        sys.stderr.write(f"{fault}\n")
        return NO_SERVER
    given.out.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    shown = {key: value for key, value in report.items() if key != "memory"}
    sys.stdout.write(json.dumps(shown, indent=2, ensure_ascii=False) + "\n")
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
