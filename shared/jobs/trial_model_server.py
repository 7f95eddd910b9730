"""A stand-in for the model server that can go and come back; it knows no models at all."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

_ANSWER = json.dumps({"models": []}).encode()


class _Handler(BaseHTTPRequestHandler):
    """Answers every question with an empty catalogue."""

    def do_GET(self) -> None:  # name as the library demands
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(_ANSWER)))
        self.end_headers()
        self.wfile.write(_ANSWER)

    def log_message(self, format: str, *values: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True


class TrialModelServer:
    """A server of this machine that ends with its `with` block.

    Args:
        port: Where it listens; 0 takes a free one and keeps it.
    """

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Address for `URBANKI_MODEL_SERVER_URL`."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Let it answer, from now on or again."""
        self._server = _Server(("127.0.0.1", self._port), _Handler)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Let nobody answer at the address."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
        self._server = self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
