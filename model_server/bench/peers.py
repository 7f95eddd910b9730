"""Other servers with the same model and the same task code, for comparison.

They do less than the model server: no token, no limits, no check of the image beyond the task
code's own, no isolation of a bad item. Each runs one worker on one free port of this machine.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from model_server.bench.server import Command
from model_server.bench.task_code import TaskCode
from model_server.bench.workload import Payload, Work

PEERS: dict[str, str] = {"fastapi": "FastAPI", "litserve": "LitServe"}
NOT_INSTALLED = "nicht installiert"
BATCHING = 8
STOP_WITHIN_S = 5.0
WORK_VARIABLE = "URBANKI_BENCH_WORK"
MODELS_VARIABLE = "URBANKI_MODEL_DIR"


def is_installed(peer: str) -> bool:
    """Say whether the package of a peer can be imported."""
    return importlib.util.find_spec(peer) is not None


def peer_commands(peer: str, works: Sequence[Work], batch: int) -> list[tuple[Command, int]]:
    """Return how to start a peer, and the largest batch of each start.

    Args:
        peer: Key of `PEERS`.
        works: Workloads whose models it must serve.
        batch: Largest batch of the model server in this comparison.
    """
    batches = sorted({batch, BATCHING}) if peer == "litserve" else [1]
    return [(_command(peer, works, size), size) for size in batches]


def _command(peer: str, works: Sequence[Work], batch: int) -> Command:
    words = (sys.executable, "-m", f"model_server.bench.peer_{peer}", "{port}", str(batch))
    chosen = {WORK_VARIABLE: json.dumps([work.to_json() for work in works])}
    return Command(PEERS[peer], words, chosen, "/health", STOP_WITHIN_S)


class Models:
    """The models of a peer, by name.

    Args:
        environment: Environment variables of the process.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        works = [Work.from_json(entry) for entry in json.loads(environment[WORK_VARIABLE])]
        folder = Path(environment[MODELS_VARIABLE])
        self._codes = {work.model: TaskCode(work, folder) for work in works}

    def answer(self, requests: Sequence[tuple[str, Sequence[bytes]]]) -> list[str]:
        """Run the images of some requests together and return a JSON answer for each.

        Args:
            requests: Name of the model and its images.
        """
        answers: dict[int, str] = {}
        for model in dict.fromkeys(name for name, _ in requests):
            places = [place for place, (name, _) in enumerate(requests) if name == model]
            payloads = [Payload(image) for place in places for image in requests[place][1]]
            found = iter(self._codes[model].run(payloads))
            left = iter(payloads)
            for place in places:
                count = len(requests[place][1])
                results = [
                    {
                        "index": index,
                        "status": "ok",
                        "value": next(found).value.model_dump(mode="json", by_alias=True),
                        "input_sha256": next(left).sha256,
                    }
                    for index in range(count)
                ]
                answers[place] = json.dumps({"results": results})
        return [answers[place] for place in range(len(requests))]
