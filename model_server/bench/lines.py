"""A helper process that answers one line of JSON with one line of JSON."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Self

from shared.settings import REPOSITORY

STOP_WITHIN_S = 10.0
_CHUNK_BYTES = 1 << 16


class LineProcessFailed(RuntimeError):
    """A helper process ended, or did not answer in time."""


class LineProcess:
    """A Python module of this repository that runs as a process of its own.

    Args:
        module: Its name.
        environment: All environment variables of the process.
        log: File for what it writes to the standard error stream.
    """

    def __init__(self, module: str, environment: Mapping[str, str], log: Path) -> None:
        self._module = module
        self._log = log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=REPOSITORY,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        self._buffer = b""

    def __enter__(self) -> Self:
        """Use the process for a while."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process: without its input it has nothing to wait for."""
        for stream in (self._process.stdin, self._process.stdout):
            # A process that has ended does not take what was still to be written.
            with contextlib.suppress(BrokenPipeError):
                _opened(stream).close()
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def ask(self, job: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        """Send a job and wait for its answer.

        Raises:
            LineProcessFailed: The process ended or did not answer in time.
        """
        self.send(job)
        return self.receive(timeout_s)

    def send(self, job: Mapping[str, Any]) -> None:
        """Send a job.

        Raises:
            LineProcessFailed: The process has ended.
        """
        stream = _opened(self._process.stdin)
        try:
            stream.write(json.dumps(job).encode() + b"\n")
            stream.flush()
        except BrokenPipeError as cause:
            raise self._failure("has ended") from cause

    def receive(self, timeout_s: float) -> dict[str, Any]:
        """Wait for the answer to the job that was sent.

        Raises:
            LineProcessFailed: The process ended or did not answer in time.
        """
        until = time.monotonic() + timeout_s
        output = _opened(self._process.stdout).fileno()
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if not selector.select(max(0.0, until - time.monotonic())):
                    raise self._failure(f"did not answer within {timeout_s:.0f} s")
                chunk = os.read(output, _CHUNK_BYTES)
                if not chunk:
                    raise self._failure("has ended")
                self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _failure(self, what: str) -> LineProcessFailed:
        last = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-3:]
        return LineProcessFailed(f"{self._module} {what}: {' | '.join(last)}")


def answer_lines(answer: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
    """Answer every line of the standard input until it is closed."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()


def _opened(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise LineProcessFailed("the process has no such stream")
    return stream
