"""A map service on this machine whose answers a test decides."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import numpy as np
from PIL import Image


@dataclass
class Answer:
    status: int = 200
    kind: str = "image/png"
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Service:
    url: str
    host: str
    asked: list[dict[str, str]]


def picture(width=8, height=6, kind="PNG", blank=False):
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
    if blank:
        pixels[:] = 255
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, kind)
    return target.getvalue()


def exception(text: str) -> bytes:
    return (
        '<?xml version="1.0"?><ServiceExceptionReport version="1.3.0" '
        'xmlns="http://www.opengis.net/ogc"><ServiceException code="LayerNotDefined">'
        f"{text}</ServiceException></ServiceExceptionReport>"
    ).encode()


@contextmanager
def map_service(answers: Callable[[int], Answer]) -> Iterator[Service]:
    """Serve on a free port.

    Args:
        answers: Gives the answer to the request of that number, from 0.
    """
    asked: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
            asked.append({name: values[0] for name, values in query.items()})
            answer = answers(len(asked) - 1)
            self.send_response(answer.status)
            self.send_header("content-type", answer.kind)
            self.send_header("content-length", str(len(answer.body)))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        host = f"127.0.0.1:{server.server_port}"
        yield Service(f"http://{host}/wms?", host, asked)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
