"""Many clients, many items, some of them poison: does everybody get exactly his own result?

    python -m model_server.torture --calls 3200 --clients 32 --poison 0.05

Every image has a size of its own and carries its number as a pattern of blocks, so that no two give
the same result, and each answer is compared with what the same model says in this process. Prints
JSON; exit code 1 when anything was wrong, 2 for bad arguments, 3 when no server answers.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import httpx
import numpy as np
from PIL import Image

from model_server.batching import Good
from model_server.catalog import BUILT_IN, load_catalog
from model_server.engine import Engine
from model_server.items import Item, Ticket
from shared.contracts.identity.installation import InstallationToken
from shared.contracts.model_server import Instance, InstancesValue, SegmentOptions, TaskResponse
from shared.settings import Settings, get_settings

MODEL = "solar"
IMAGES = 48
CALLS = 3200
SIDES_PX = (64, 256)
"""Least and largest width and height of a good image; every size between may occur."""
MOST_PER_CALL = 3
MIN_SCORE = 0.01
MAX_INSTANCES = 10
MOST_CANDIDATES = 400
SCORE_TOLERANCE = 1e-4
BOX_TOLERANCE_PX = 0.05
_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True)
class Sample:
    """An image and what the model says about it, or the error code that it must get.

    Args:
        data: Encoded image.
        instances: Expected objects; empty for poison.
        code: Expected error code; empty for a good image.
    """

    data: bytes
    instances: tuple[Instance, ...] = ()
    code: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Outcome of a run; all of `wrong`, `lost` and `neighbours_harmed` must be 0."""

    calls: int
    clients: int
    items: int
    poison_items: int
    wrong: int
    lost: int
    neighbours_harmed: int
    largest_batch: int
    model: str
    seconds: float

    @property
    def is_clean(self) -> bool:
        """Say whether nothing went wrong."""
        return self.wrong == self.lost == self.neighbours_harmed == 0


def numbered_image(number: int, width_px: int, height_px: int) -> bytes:
    """Return a PNG of noise with bright and dark blocks that spell the number in binary."""
    shape = (height_px, width_px, 3)
    pixels = np.random.default_rng(number).integers(60, 160, shape, dtype=np.uint8)
    block = min(width_px, height_px) // 8
    for bit in range(16):
        row, column = divmod(bit, 4)
        shade = 250 if number >> bit & 1 else 20
        top, left = (2 * row + 1) * block - block // 2, (2 * column + 1) * block - block // 2
        pixels[top : top + block, left : left + block] = shade
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def make_samples(engine: Engine, seed: int) -> tuple[list[Sample], list[Sample]]:
    """Return good images with expected results, and poison with expected error codes.

    Raises:
        RuntimeError: The model does not tell enough images apart.
    """
    random = Random(seed)  # noqa: S311  # repeatable choice
    good: list[Sample] = []
    for number in range(1, MOST_CANDIDATES):
        image = numbered_image(number, random.randint(*SIDES_PX), random.randint(*SIDES_PX))
        sample = Sample(image, _expected(engine, image))
        # Only images with a result of their own can show that two answers were swapped.
        if sample.instances and not any(_is_same(sample.instances, o.instances) for o in good):
            good.append(sample)
        if len(good) == IMAGES:
            break
    else:
        raise RuntimeError("the model does not tell enough images apart")
    first = good[0].data
    poison = [
        Sample(first[: len(first) // 2], code="bild_beschaedigt"),
        Sample(b"", code="datei_leer"),
        Sample(b"%PDF-1.7 is no image", code="bild_format"),
        Sample(numbered_image(1, 16, 16), code="bild_kantenlaenge"),
    ]
    return good, poison


def _expected(engine: Engine, image: bytes) -> tuple[Instance, ...]:
    options = SegmentOptions(
        model=MODEL, gsd_m=_gsd_m(engine), min_score=MIN_SCORE, max_instances=MAX_INSTANCES
    )
    model = engine.catalog.resolve("segment", MODEL, None)
    ticket = Ticket("reference", options, model, time.monotonic(), 1)
    result = engine.run("segment", [Item(ticket, 0, image)])[0].result
    if isinstance(result, Good) and isinstance(result.value.value, InstancesValue):
        return tuple(result.value.value.instances)
    return ()


class Torture:
    """One run against a server.

    Args:
        url: Address of the server.
        token: Gives a bearer token for each request; a run may outlast one.
        good: Images with expected results.
        poison: Images with expected errors.
        gsd_m: Ground sampling distance to send, in metres.
    """

    def __init__(
        self,
        url: str,
        token: Callable[[], str],
        good: Sequence[Sample],
        poison: Sequence[Sample],
        gsd_m: float,
    ) -> None:
        self._url = url
        self._token = token
        self._good = good
        self._poison = poison
        options = {
            "model": MODEL,
            "gsd_m": gsd_m,
            "min_score": MIN_SCORE,
            "max_instances": MAX_INSTANCES,
        }
        self._fields = {"options": json.dumps(options)}
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._largest_batch = 0

    def run(self, calls: int, clients: int, poison_share: float, seed: int) -> Report:
        """Send all calls and compare all answers."""
        random = Random(seed)  # noqa: S311  # repeatable choice
        plan = [self._choose(random, poison_share) for _ in range(calls)]
        start = time.monotonic()
        with (
            ThreadPoolExecutor(clients) as pool,
            httpx.Client(
                base_url=self._url,
                auth=self._sign_in,
                timeout=_TIMEOUT_S,
                trust_env=False,
                limits=httpx.Limits(max_connections=clients),
            ) as http,
        ):
            list(pool.map(lambda samples: self._call(http, samples), plan))
        return Report(
            calls=calls,
            clients=clients,
            items=sum(map(len, plan)),
            poison_items=sum(bool(sample.code) for samples in plan for sample in samples),
            wrong=self._counts["wrong"],
            lost=self._counts["lost"],
            neighbours_harmed=self._counts["neighbours_harmed"],
            largest_batch=self._largest_batch,
            model=MODEL,
            seconds=round(time.monotonic() - start, 1),
        )

    def _sign_in(self, request: httpx.Request) -> httpx.Request:
        request.headers["Authorization"] = f"Bearer {self._token()}"
        return request

    def _choose(self, random: Random, poison_share: float) -> list[Sample]:
        return [
            random.choice(self._poison if random.random() < poison_share else self._good)
            for _ in range(random.randint(1, MOST_PER_CALL))
        ]

    def _call(self, http: httpx.Client, samples: Sequence[Sample]) -> None:
        parts = [("images", ("image", sample.data)) for sample in samples]
        try:
            answer = http.post("/segment", files=parts, data=self._fields)
            parsed = TaskResponse.model_validate_json(answer.raise_for_status().content)
        except (httpx.HTTPError, ValueError):
            self._count("lost", len(samples))
            return
        with self._lock:
            self._largest_batch = max(self._largest_batch, parsed.timing_ms.batch_size)
        if len(parsed.results) != len(samples):
            self._count("lost", len(samples))
            return
        for place, (sample, result) in enumerate(zip(samples, parsed.results, strict=True)):
            self._count(_judge(place, sample, result), 1)

    def _count(self, verdict: str, items: int) -> None:
        with self._lock:
            self._counts[verdict] += items


def _judge(place: int, sample: Sample, result: Any) -> str:  # noqa: ANN401  # tagged union
    if result.index != place:
        return "wrong"
    if result.input_sha256 != hashlib.sha256(sample.data).hexdigest():
        return "wrong"
    if result.status == "error":
        if not sample.code:
            return "neighbours_harmed"
        return "right" if result.error.code == sample.code else "wrong"
    if sample.code:
        return "wrong"
    found = InstancesValue.model_validate(result.value).instances
    return "right" if _is_same(sample.instances, found) else "wrong"


def _is_same(first: Sequence[Instance], second: Sequence[Instance]) -> bool:
    if len(first) != len(second):
        return False
    return all(
        abs(one.score - two.score) <= SCORE_TOLERANCE
        and max(abs(a - b) for a, b in zip(one.box, two.box, strict=True)) <= BOX_TOLERANCE_PX
        for one, two in zip(first, second, strict=True)
    )


def _gsd_m(engine: Engine) -> float:
    best = engine.catalog.resolve("segment", MODEL, None).card.input.gsd_best_m
    return 0.1 if best is None else best


def torture(
    url: str,
    token: Callable[[], str],
    *,
    calls: int,
    clients: int,
    poison_share: float,
    seed: int = 1,
) -> Report:
    """Run against a server and compare with a model in this process."""
    engine = Engine(load_catalog([BUILT_IN]), [], time.monotonic)
    good, poison = make_samples(engine, seed)
    run = Torture(url, token, good, poison, _gsd_m(engine))
    return run.run(calls, clients, poison_share, seed)


def _token_source(file: Path | None, settings: Settings) -> Callable[[], str]:
    if file is None:
        return InstallationToken(settings, role="service").token
    token = file.read_text(encoding="ascii").strip()
    return lambda: token


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse arguments, run, print JSON."""
    settings = get_settings()
    parser = argparse.ArgumentParser(prog="python -m model_server.torture")
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--poison", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--url", default=settings.model_server_address)
    parser.add_argument("--token-file", type=Path)
    given = parser.parse_args(arguments)
    if given.token_file is not None and not given.token_file.is_file():
        sys.stderr.write(f"Die Datei {given.token_file} fehlt.\n")
        return 2
    try:
        httpx.get(f"{given.url}/livez", timeout=5, trust_env=False).raise_for_status()
    except httpx.HTTPError:
        sys.stderr.write("Der Modellserver antwortet nicht.\n")
        return 3
    report = torture(
        given.url,
        _token_source(given.token_file, settings),
        calls=given.calls,
        clients=given.clients,
        poison_share=given.poison,
        seed=given.seed,
    )
    sys.stdout.write(json.dumps(asdict(report), indent=2) + "\n")
    return 0 if report.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
