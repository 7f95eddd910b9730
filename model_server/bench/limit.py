"""The in-process limit: CPU time per item of a model without any server around it.

Runs as `python -m model_server.bench.limit` with the server's environment, one line per round.
"""

from __future__ import annotations

import resource
import time
from pathlib import Path
from typing import Any

import psutil

from model_server.bench.lines import answer_lines
from model_server.bench.task_code import TaskCode
from model_server.bench.workload import Payload, Work, make_payloads

_KIBI = 1024
_MEBI = 2**20


class Limit:
    """Keeps the models of all workloads that were asked for."""

    def __init__(self) -> None:
        self._ready: dict[Work, tuple[TaskCode, list[Payload]]] = {}

    def measure(self, job: dict[str, Any]) -> dict[str, float]:
        """Run items one by one and return CPU milliseconds per item, and memory in MiB.

        Args:
            job: `work`, number of `items`, and `model_dir` or None.
        """
        work, items = Work.from_json(job["work"]), int(job["items"])
        code, payloads = self._prepare(work, job["model_dir"])
        start, cpu = time.perf_counter(), time.process_time()
        for place in range(items):
            code.run([payloads[place % len(payloads)]])
        cpu_s, wall_s = time.process_time() - cpu, time.perf_counter() - start
        return {
            "cpu_ms": cpu_s * 1000 / items,
            "img_per_s": items / wall_s,
            "rss_mib": psutil.Process().memory_info().rss / _MEBI,
            "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIBI / _MEBI,
        }

    def _prepare(self, work: Work, model_dir: str | None) -> tuple[TaskCode, list[Payload]]:
        if work not in self._ready:
            code = TaskCode(work, None if model_dir is None else Path(model_dir))
            payloads = make_payloads(work)
            for payload in payloads:
                code.run([payload])
            self._ready[work] = (code, payloads)
        return self._ready[work]


if __name__ == "__main__":
    answer_lines(Limit().measure)
