"""Stand-ins for the model server, named after what is wrong with them.

Each fixture gives `Settings` that lead to the stand-in, or the stand-in itself with `.settings`.
Import them in a conftest: `from tests.shared.doubles import model_server_down  # noqa: F401`.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from shared.clients.retry import Pace
from shared.settings import Settings
from tests.ports import free_port

SHA = "a" * 64
Answer = dict[str, Any]
Parts = tuple[bytes, ...]


@dataclass
class FakeTime:
    """A clock that runs only while somebody sleeps."""

    now: float = 0.0
    waits: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.waits.append(seconds)
        self.now += seconds

    async def sleep_async(self, seconds: float) -> None:
        """Let time pass in an event loop."""
        self.sleep(seconds)

    def pace(self) -> Pace:
        """Return clock, sleep and seeded jitter for a client."""
        return Pace(
            clock=lambda: self.now,
            sleep=self.sleep,
            sleep_async=self.sleep_async,
            jitter=random.Random(1),  # noqa: S311
        )


class Bucket:
    """Lets a burst of requests through, then as many per second as come in.

    Args:
        per_second: Requests that come in.
        burst: Most requests at once.
        clock: Gives seconds.
    """

    def __init__(
        self, per_second: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.per_second, self.burst, self.clock = per_second, burst, clock
        self.level, self.at = burst, clock()

    def take(self) -> bool:
        """Say whether one more request may pass."""
        now = self.clock()
        self.level = min(self.burst, self.level + (now - self.at) * self.per_second)
        self.at = now
        passed = self.level >= 1
        self.level -= passed
        return passed


@dataclass
class StandIn:
    """A small server that answers tasks like the model server, then lets a fault change it.

    Args:
        settings: Settings that lead to it.
        value: Makes the value of one item from its bytes (of a pair both, joined) and the
            request's options.
        change: Changes the whole answer before it is sent.
        refusals: Status codes to answer first, one per request, with their `Retry-After`.
        resets: How many requests to break off first.
        poison: Items over which every request is broken off.
        most_bytes: Larger bodies are refused with 413.
        bucket: Refuses with 429 what it does not let through.
        delay_s: Seconds before each answer.
        drop_s: Seconds before each byte of an answer.
        readiness: Answer to `/readyz`.
        headers: More headers of each answer.
        close: Ends the server; nobody listens on its port any more.
    """

    settings: Settings
    value: Callable[[bytes, dict[str, Any]], Answer] = lambda data, options: {
        "width": 64,
        "height": 64,
        "instances": [],
    }
    change: Callable[[Answer], Answer] = lambda answer: answer
    refusals: list[tuple[int, int | None]] = field(default_factory=list)
    resets: int = 0
    poison: frozenset[bytes] = frozenset()
    most_bytes: int = 64 * 2**20
    bucket: Bucket | None = None
    delay_s: float = 0.0
    drop_s: float = 0.0
    readiness: Answer = field(default_factory=lambda: {"ready": True, "waiting_for": []})
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    running: int = 0
    most_running: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    close: Callable[[], None] = lambda: None

    def answer(self, items: list[Parts], options: dict[str, Any]) -> Answer:
        """Return a correct answer, changed by the fault."""
        name = options.get("model", "solar")
        model = {"name": name, "version": "1.0.0", "sha256": SHA, "runtime": "x", "device": "cpu"}
        results = [
            {
                "index": place,
                "status": "ok",
                "value": self.value(b"".join(parts), options),
                "warnings": [],
                "input_sha256": _digest(parts),
            }
            for place, parts in enumerate(items)
        ]
        answer = {"request_id": "stand-in", "model": model, "results": results, "timing_ms": {}}
        return self.change(answer)

    def refusal(self, items: list[Parts], size: int) -> tuple[int, int | None] | None:
        """Return status and `Retry-After` of a refusal, status 0 for a break, None to answer."""
        if self.resets > 0 or any(b"".join(parts) in self.poison for parts in items):
            self.resets -= self.resets > 0
            return 0, None
        if self.refusals:
            return self.refusals.pop(0)
        if size > self.most_bytes:
            return 413, None
        if self.bucket is not None and not self.bucket.take():
            return 429, 1
        return None


def _digest(parts: Parts) -> str:
    hashes = [hashlib.sha256(part) for part in parts]
    if len(hashes) == 1:
        return hashes[0].hexdigest()
    return hashlib.sha256(b"".join(one.digest() for one in hashes)).hexdigest()


def _parse(headers: Message, body: bytes) -> tuple[list[Parts], dict[str, Any]]:
    kind = headers.get("Content-Type", "")
    if kind.startswith("application/json"):
        options = json.loads(body)
        texts = options.pop("texts")
        return [(text.encode("utf-8", "surrogatepass"),) for text in texts], options
    boundary = re.search("boundary=(.+)", kind)
    assert boundary is not None
    files: dict[str, list[bytes]] = {}
    options = {}
    for part in body.split(b"--" + boundary.group(1).encode())[1:-1]:
        head, _, content = part.strip(b"\r\n").partition(b"\r\n\r\n")
        disposition = BytesParser().parsebytes(head)["Content-Disposition"]
        content = part[part.index(b"\r\n\r\n") + 4 : -2]
        found = re.search('; name="([a-z]+)"', disposition)
        assert found is not None
        name = found.group(1)
        if name == "options":
            options = json.loads(content)
        else:
            files.setdefault(name, []).append(content)
    names = ["before", "after"] if "before" in files else ["images"]
    assert sorted(files) == sorted(names)
    return list(zip(*(files[name] for name in names), strict=True)), options


_CODES = {
    401: "nicht_angemeldet",
    404: "modell_fehlt",
    413: "anfrage_zu_gross",
    429: "ausgelastet",
    503: "nicht_bereit",
    504: "zeitueberschreitung",
}


def _handler(stand_in: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body go out in two pieces; without this the second waits 40 ms.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            items, options = _parse(self.headers, body)
            with stand_in.lock:
                contents = [b"".join(parts) for parts in items]
                request = {"path": self.path, "items": len(items), "contents": contents, **options}
                stand_in.requests.append(request)
                stand_in.tokens.append(self.headers.get("Authorization", ""))
                stand_in.running += 1
                stand_in.most_running = max(stand_in.most_running, stand_in.running)
                refusal = stand_in.refusal(items, len(body))
            time.sleep(stand_in.delay_s)
            with stand_in.lock:
                stand_in.running -= 1
            if refusal is None:
                self._send(200, stand_in.answer(items, options))
            elif refusal[0]:
                self._refuse(*refusal)
            else:
                self._break_off()

        def do_GET(self) -> None:
            with stand_in.lock:
                stand_in.tokens.append(self.headers.get("Authorization", ""))
                refusal = stand_in.refusals.pop(0) if stand_in.refusals else None
            if refusal is not None:
                self._refuse(*refusal)
            else:
                self._send(200, stand_in.readiness)

        def _break_off(self) -> None:
            # Linger 0 makes the kernel send a reset, as it does for a killed process.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()

        def _refuse(self, status: int, retry_after: int | None) -> None:
            body = {
                "code": _CODES[status],
                "message": "Nein.",
                "details": {"model": "solar", "limit_mb": 64},
                "request_id": "stand-in",
            }
            self._send(status, body, retry_after)

        def _send(self, status: int, body: Answer, retry_after: int | None = None) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if retry_after is not None:
                self.send_header("Retry-After", str(retry_after))
            for name, value in stand_in.headers.items():
                self.send_header(name, value)
            self.end_headers()
            step = 1 if stand_in.drop_s else len(content)
            try:
                for start in range(0, len(content), step):
                    time.sleep(stand_in.drop_s)
                    self.wfile.write(content[start : start + step])
            except OSError:
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet in tests."""

        def finish(self) -> None:
            if not self.connection._closed:
                super().finish()

    return Handler


def _settings(folder: Path, port: int, **more: Any) -> Settings:
    return Settings(
        _env_file=None,
        data_dir=folder,
        model_server_port=port,
        model_server_url=f"http://127.0.0.1:{port}",
        **more,
    )


@pytest.fixture
def model_server_stand_in(tmp_path: Path) -> Iterator[StandIn]:
    """A stand-in that answers correctly until its attributes are changed."""
    stand_in = StandIn(_settings(tmp_path, 1))
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(stand_in))
    server.daemon_threads = True
    stand_in.settings = _settings(tmp_path, server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    stand_in.close = close
    yield stand_in
    close()


@pytest.fixture
def model_server_down(tmp_path: Path) -> Settings:
    """Settings that lead to a port on which nobody listens."""
    return _settings(tmp_path, free_port())


@pytest.fixture
def model_server_slow(model_server_stand_in: StandIn) -> StandIn:
    """Answers correctly, but later than the client's time limit of 0.5 s."""
    model_server_stand_in.delay_s = 1.5
    model_server_stand_in.settings = model_server_stand_in.settings.model_copy(
        update={"model_server_timeout_s": 0.5}
    )
    return model_server_stand_in


@pytest.fixture
def model_server_drips(model_server_stand_in: StandIn) -> StandIn:
    """Answers correctly, but byte by byte, for longer than the client's time limit of 0.5 s."""
    model_server_stand_in.drop_s = 0.05
    model_server_stand_in.settings = model_server_stand_in.settings.model_copy(
        update={"model_server_timeout_s": 0.5}
    )
    return model_server_stand_in


@pytest.fixture
def model_server_busy(model_server_stand_in: StandIn) -> StandIn:
    """Answers 429 with `Retry-After: 1` for ever; shorten `.refusals` to let it recover."""
    model_server_stand_in.refusals = [(429, 1)] * 1000
    return model_server_stand_in


@pytest.fixture
def model_server_lies(model_server_stand_in: StandIn) -> StandIn:
    """Hands out results in swapped order; set `.change` for other lies."""
    model_server_stand_in.change = swap_results
    return model_server_stand_in


@pytest.fixture
def model_server_resets(model_server_stand_in: StandIn) -> StandIn:
    """Breaks off every request; set `.resets` to a number to let it recover."""
    model_server_stand_in.resets = 10**6
    return model_server_stand_in


def swap_results(answer: Answer) -> Answer:
    """Give the first caller the last one's result and the other way round."""
    results = answer["results"]
    swapped = [{**entry, "index": place} for place, entry in enumerate(reversed(results))]
    return {**answer, "results": swapped}


def drop_result(answer: Answer) -> Answer:
    """Lose the last result."""
    return {**answer, "results": answer["results"][:-1]}
