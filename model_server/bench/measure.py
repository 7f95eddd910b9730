"""Measurements of one server: repeated, between rounds of the bare model, summed up by medians."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from model_server.bench.decode_only import GSD_M, NAME
from model_server.bench.lines import LineProcess
from model_server.bench.server import (
    DISPATCHED,
    ON_THE_MODEL,
    OWN,
    Histogram,
    Running,
    ServerFailed,
    difference,
    parse_histogram,
    read_figures,
)
from model_server.bench.tree import Memory
from model_server.bench.workload import IMAGES, Work

ANSWER_WITHIN_S = 1800.0
LEAST_ITEMS = 8
WARM_UP_CALLS = 30
_PARTS = 8
Spread = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Setting:
    """What is measured on a server.

    Args:
        name: The server's name.
        workers: Its worker processes.
        batch: Largest batch on the model.
        clients: Clients that send at once.
        bundle: Items per request.
    """

    name: str
    workers: int
    batch: int
    clients: int
    bundle: int = 1


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement.

    Args:
        cpu_ms_per_item: CPU time of the server's processes per answered item.
        in_process_ms: Mean of the bare model's CPU time per item before and after.
        report: What the load counted.
        dispatched: Batches that BentoML dispatched, by upper limit of their size.
        on_the_model: Items by upper limit of the batch that they ran in.
    """

    cpu_ms_per_item: float
    in_process_ms: float
    report: Mapping[str, Any]
    dispatched: Histogram
    on_the_model: Histogram

    @property
    def efficiency(self) -> float:
        """Share of the server's CPU time that the bare model needs too."""
        return self.in_process_ms / self.cpu_ms_per_item


class Bare:
    """The in-process limit; keeps all figures of a run.

    Args:
        process: Runs `model_server.bench.limit`.
        model_dir: Folder with the model that only decodes.
    """

    def __init__(self, process: LineProcess, model_dir: str) -> None:
        self._process = process
        self._model_dir = model_dir
        self.rounds: dict[str, list[dict[str, float]]] = {}

    def measure(self, work: Work, items: int) -> float:
        """Return CPU milliseconds per item.

        Args:
            work: The workload; its items run one by one.
            items: How many; whole rounds of all images where their sizes differ.
        """
        if len(work.sizes) > 1:
            items = -(-items // IMAGES) * IMAGES
        job = {"work": work.to_json(), "items": items, "model_dir": self._model_dir}
        figures: dict[str, float] = self._process.ask(job, ANSWER_WITHIN_S)
        self.rounds.setdefault(work.model, []).append(figures)
        return figures["cpu_ms"]


class Meter:
    """Measures servers.

    Args:
        bare: The in-process limit.
        load: Runs `model_server.bench.load`.
        token: May read the figures of the model server.
    """

    def __init__(self, bare: Bare, load: LineProcess, token: str) -> None:
        self._bare = bare
        self._load = load
        self._token = token

    def warm_up(self, server: Running, work: Work) -> None:
        """Send requests that are not measured.

        Raises:
            ServerFailed: One of them failed.
        """
        report = self.send(server, work, clients=2, requests=WARM_UP_CALLS)
        if report["errors"]:
            raise ServerFailed(f"warm-up calls failed: {report['errors']}")

    def send(self, server: Running, work: Work, *, clients: int, requests: int) -> dict[str, Any]:
        """Send requests and return what the load counted."""
        job = {"url": server.url, "work": work.to_json(), "clients": clients, "requests": requests}
        return self._load.ask(job, ANSWER_WITHIN_S)

    def sample(self, server: Running, work: Work, setting: Setting, items: int) -> Sample:
        """Measure once, the bare model before and after.

        Args:
            server: The server.
            work: The workload.
            setting: Clients and bundle count.
            items: Items to send, but at least one request per client.

        Raises:
            ServerFailed: No item was answered as expected.
        """
        single = replace(work, bundle=1)
        requests = max(-(-items // setting.bundle), setting.clients)
        share = max(LEAST_ITEMS, items // _PARTS)
        before = self._bare.measure(single, share)
        counted = self._histograms(server, setting)
        start = server.tree.cpu_s()
        report = self.send(
            server,
            replace(work, bundle=setting.bundle),
            clients=setting.clients,
            requests=requests,
        )
        cpu_s = server.tree.cpu_s() - start
        histograms = map(difference, self._histograms(server, setting), counted)
        after = self._bare.measure(single, share)
        if not report["items"]:
            raise ServerFailed(f"{setting.name} answered nothing: {report['errors']}")
        per_item = cpu_s * 1000 / report["items"]
        return Sample(per_item, (before + after) / 2, report, *histograms)

    def _histograms(self, server: Running, setting: Setting) -> tuple[Histogram, Histogram]:
        if setting.name != OWN:
            return {}, {}
        text = read_figures(server, self._token)
        return parse_histogram(text, DISPATCHED), parse_histogram(text, ON_THE_MODEL)


def decode_only_work(work: Work) -> Work:
    """Return the same load for the model that only decodes."""
    return replace(work, task="segment", model=NAME, gsd_m=GSD_M, kind="tile", bundle=1)


def make_row(
    setting: Setting, samples: Sequence[Sample], decode_only: Sequence[Sample], memory: Memory
) -> dict[str, Any]:
    """Sum samples up to one row of the table.

    Args:
        setting: What was measured.
        samples: Its measurements.
        decode_only: Those of the model that only decodes; may be empty.
        memory: The server's memory.
    """
    per_item = [sample.cpu_ms_per_item for sample in samples]
    efficiency = [sample.efficiency for sample in samples]
    overhead = [sample.cpu_ms_per_item - sample.in_process_ms for sample in decode_only]
    return {
        **asdict(setting),
        "cpu_ms_per_request": _median(per_item, setting.bundle),
        "cpu_ms_per_item": _median(per_item),
        "efficiency": round(statistics.median(efficiency), 5),
        "overhead_ms": _median(overhead) if overhead else None,
        **_rates([sample.report for sample in samples]),
        "pss_mib": memory.pss_mib,
        "rss_mib": memory.rss_mib,
        "batch_histogram": _added(sample.dispatched for sample in samples),
        "items_by_model_batch": _added(sample.on_the_model for sample in samples),
        "rounds": len(samples),
        "spread": {
            "cpu_ms_per_item": _spread(per_item),
            "efficiency": _spread(efficiency),
            "overhead_ms": _spread(overhead) if overhead else None,
        },
    }


def _rates(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    seconds = sum(report["seconds"] for report in reports)
    answered = sum(report["answered"] for report in reports)
    client_ms = sum(report["client_cpu_ms"] for report in reports)
    percentiles = ("p50_ms", "p95_ms", "p99_ms")
    return {
        "rps": round(answered / seconds, 2),
        "items_per_s": round(sum(report["items"] for report in reports) / seconds, 2),
        **{name: _median([report[name] for report in reports]) for name in percentiles},
        "errors": _added(report["errors"] for report in reports),
        "client_cpu_ms_per_request": round(client_ms / answered, 2),
    }


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    return dict(sum((Counter(entry) for entry in counts), Counter[str]()))


def _median(values: Sequence[float], factor: float = 1.0) -> float:
    return round(statistics.median(values) * factor, 3)


def _spread(values: Sequence[float]) -> Spread:
    return round(min(values), 4), round(max(values), 4)
