"""The load: clients that each send the next request as soon as the last one was answered.

Runs as `python -m model_server.bench.load`, a process of its own, so that its CPU time is never
mistaken for the server's. Retries like the gallery's client: once after a broken connection, and
what the server asks to send later.
"""

from __future__ import annotations

import http.client
import json
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from model_server.bench.lines import answer_lines
from model_server.bench.sign_in import token_source
from model_server.bench.workload import Call, Work, make_calls
from shared.settings import get_settings

TIMEOUT_S = 90.0
LONGEST_WAIT_S = 20.0
MOST_WAITS = 6
_OK = 200
_LATER = (429, 503)
_BROKEN = (OSError, http.client.HTTPException)


@dataclass(slots=True)
class Tally:
    """What happened to the requests of a run.

    Args:
        latencies_s: Seconds of each answered request by route, retries included.
        errors: Failed requests and items by code; what was to fail is not among them.
        retried: Requests that were sent again.
        items: Items that were answered as expected.
    """

    latencies_s: dict[str, list[float]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    retried: int = 0
    items: int = 0


class Client:
    """One client with one connection.

    Args:
        address: Base URL of the server.
        token: Gives a bearer token for each request.
    """

    def __init__(self, address: str, token: Callable[[], str]) -> None:
        parts = urlsplit(address)
        self._connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=TIMEOUT_S
        )
        self._token = token
        self.tally = Tally()

    def run(self, calls: Iterator[Call]) -> None:
        """Send requests until there are no more."""
        for call in calls:
            start = time.perf_counter()
            code = self._send(call)
            if code:
                self.tally.errors[code] += 1
            else:
                seconds = time.perf_counter() - start
                self.tally.latencies_s.setdefault(call.path, []).append(seconds)
        self._connection.close()

    def _send(self, call: Call) -> str:
        """Return an empty text, or why the request failed."""
        broken = 0
        for attempt in range(MOST_WAITS):
            try:
                status, wait_s, body = self._exchange(call)
            except TimeoutError:
                self._connection.close()
                return "zeitueberschreitung"
            except _BROKEN:
                self._connection.close()
                broken += 1
                if broken > 1:
                    return "verbindung"
                self.tally.retried += 1
                continue
            if status == _OK:
                return self._check(call, body)
            if status not in _LATER or attempt == MOST_WAITS - 1:
                return _code(status, body)
            self.tally.retried += 1
            time.sleep(min(wait_s or 0.5 * 2**attempt, LONGEST_WAIT_S))
        return "verbindung"

    def _exchange(self, call: Call) -> tuple[int, float, bytes]:
        headers = {
            "Authorization": f"Bearer {self._token()}",
            "Content-Type": call.content_type,
        }
        self._connection.request("POST", call.path, call.body, headers)
        answer = self._connection.getresponse()
        body = answer.read()
        given = answer.headers.get("Retry-After", "")
        return answer.status, float(given) if given.isdigit() else 0.0, body

    def _check(self, call: Call, body: bytes) -> str:
        """Compare an answer with what was sent; count its items."""
        results = json.loads(body)["results"]
        if [result["input_sha256"] for result in results] != list(call.sha256):
            return "falsche_antwort"
        for result, expected in zip(results, call.codes, strict=True):
            found = "" if result["status"] == "ok" else result["error"]["code"]
            if found == expected:
                self.tally.items += 1
            else:
                self.tally.errors[found or f"statt_{expected}"] += 1
        return ""


def run_load(job: dict[str, Any]) -> dict[str, Any]:
    """Run a load and return what happened.

    Args:
        job: `url`, `work`, number of `clients` and of `requests`.
    """
    shared = _Shared(make_calls(Work.from_json(job["work"])), int(job["requests"]))
    token = token_source(get_settings())
    clients = [Client(job["url"], token) for _ in range(int(job["clients"]))]
    start, cpu = time.perf_counter(), time.process_time()
    with ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(lambda client: client.run(shared), clients))
    return {
        **summarise([client.tally for client in clients]),
        "seconds": round(time.perf_counter() - start, 3),
        "client_cpu_ms": round((time.process_time() - cpu) * 1000, 1),
    }


class _Shared:
    """Hands the requests out to all clients, each once."""

    def __init__(self, calls: Sequence[Call], requests: int) -> None:
        self._calls = calls
        self._left = iter(range(requests))
        self._lock = threading.Lock()

    def __iter__(self) -> Iterator[Call]:
        return self

    def __next__(self) -> Call:
        with self._lock:
            return self._calls[next(self._left) % len(self._calls)]


def summarise(tallies: Sequence[Tally]) -> dict[str, Any]:
    """Return the counts of all clients together and the latencies over all routes."""
    latencies = sorted(
        latency for tally in tallies for route in tally.latencies_s.values() for latency in route
    )
    errors: Counter[str] = Counter()
    for tally in tallies:
        errors += tally.errors
    return {
        "answered": len(latencies),
        "items": sum(tally.items for tally in tallies),
        "retried": sum(tally.retried for tally in tallies),
        "errors": dict(errors),
        **percentiles(latencies),
    }


def percentiles(ordered_s: Sequence[float]) -> dict[str, float]:
    """Return the middle and the slow end of rising latencies in milliseconds."""
    shares = {"p50_ms": 0.50, "p95_ms": 0.95, "p99_ms": 0.99}
    return {name: percentile_ms(ordered_s, share) for name, share in shares.items()}


def percentile_ms(ordered_s: Sequence[float], share: float) -> float:
    """Return a percentile by nearest rank in milliseconds, 0 for no values.

    Args:
        ordered_s: Seconds, rising.
        share: 0 to 1.
    """
    if not ordered_s:
        return 0.0
    place = math.ceil(round(share * len(ordered_s), 6)) - 1
    return round(ordered_s[max(0, place)] * 1000, 2)


def _code(status: int, body: bytes) -> str:
    try:
        return str(json.loads(body)["code"])
    except (ValueError, KeyError, TypeError):
        return f"http_{status}"


if __name__ == "__main__":
    answer_lines(run_load)
