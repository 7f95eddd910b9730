"""Servers under test: each a process of its own on a free port of this machine."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from model_server.bench.tree import ProcessTree
from shared.settings import REPOSITORY

LINE = "model_server"
OWN = "BentoML"
HOST = "127.0.0.1"
READY_WITHIN_S = 120.0
STOP_WITHIN_S = 40.0
POLL_S = 0.05
DISPATCHED = "bentoml_service_adaptive_batch_size"
ON_THE_MODEL = "urbanki_batch_items"
Histogram = Mapping[str, int]


class ServerFailed(RuntimeError):
    """A server under test ended, or was not ready in time."""


@dataclass(frozen=True, slots=True)
class Command:
    """How to start a server.

    Args:
        name: Name for the table.
        words: Command line; `{port}` is replaced.
        environment: Variables on top of the common ones.
        ready_path: Route that answers 200 as soon as the server works.
        stop_within_s: Seconds it gets to end by itself.
    """

    name: str
    words: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    ready_path: str = "/readyz"
    stop_within_s: float = STOP_WITHIN_S


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers.

    Args:
        url: Its address.
        tree: Its processes.
        start_s: Seconds from its start until it was ready.
    """

    url: str
    tree: ProcessTree
    start_s: float


def procfile_line() -> tuple[dict[str, str], list[str]]:
    """Return environment and command of the Procfile's line for the model server.

    Raises:
        ServerFailed: The Procfile has no such line.
    """
    for line in (REPOSITORY / "Procfile").read_text(encoding="utf-8").splitlines():
        name, _, command = line.partition(":")
        if name == LINE:
            words = shlex.split(command)
            start = words.index("bentoml")
            pairs = (word.partition("=") for word in words[:start] if "=" in word)
            return {key: value for key, _, value in pairs}, words[start:]
    raise ServerFailed("the Procfile does not start a model server")


def own_server(*, workers: int, max_batch: int, settings: Mapping[str, str]) -> Command:
    """Return the command for the model server of this repository.

    Args:
        workers: Worker processes.
        max_batch: Largest batch on the model.
        settings: Further environment variables.
    """
    _, words = procfile_line()
    target = words[words.index("serve") + 1]
    chosen = {
        "URBANKI_MODEL_SERVER_WORKERS": str(workers),
        "URBANKI_MODEL_SERVER_MAX_BATCH": str(max_batch),
    }
    command = (sys.executable, "-m", "bentoml", "serve", target, "--host", HOST, "--port", "{port}")
    return Command(OWN, command, {**settings, **chosen})


def common_environment(folder: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that all processes of a run share: the server's of the Procfile.

    Args:
        folder: Folder for whatever they write.
        settings: Further environment variables.
    """
    own, _ = procfile_line()
    places = {
        "BENTOML_HOME": str(folder / "bentoml"),
        "TMPDIR": str(folder),
        # A run has keys of its own, and signs the tokens of its measurements itself.
        "URBANKI_AUTH_MODE": "lokal",
        "URBANKI_DATA_DIR": str(folder / "data"),
        "URBANKI_LOG_LEVEL": "INFO",
    }
    return {**os.environ, **own, **places, **settings}


@contextlib.contextmanager
def running(command: Command, environment: Mapping[str, str], folder: Path) -> Iterator[Running]:
    """Start a server, wait until it is ready, end it afterwards.

    Args:
        command: The server.
        environment: The common environment.
        folder: Folder for its log.

    Raises:
        ServerFailed: It ended or was not ready in time.
    """
    port = free_port()
    log = folder / f"server-{port}.log"
    start = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [word.replace("{port}", str(port)) for word in command.words],
            cwd=REPOSITORY,
            env={**environment, **command.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    tree = ProcessTree(process.pid)
    try:
        url = f"http://{HOST}:{port}"
        wait_until_ready(url + command.ready_path, process, log)
        yield Running(url, tree, time.monotonic() - start)
    finally:
        tree.end(command.stop_within_s)
        process.wait()


def wait_until_ready(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Poll an address until it answers 200.

    Raises:
        ServerFailed: The process ended or the time is over.
    """
    until = time.monotonic() + READY_WITHIN_S
    while not is_ready(address):
        if process.poll() is not None or time.monotonic() >= until:
            last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]
            raise ServerFailed("the server is not ready: " + " | ".join(last))
        time.sleep(POLL_S)


def is_ready(address: str) -> bool:
    """Say whether an address of this machine answers 200."""
    try:
        return httpx.get(address, timeout=5, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def read_figures(server: Running, token: str) -> str:
    """Return the server's figures as Prometheus reads them.

    Raises:
        httpx.HTTPError: The server does not answer or refuses the token.
    """
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.get(f"{server.url}/metrics", headers=headers, timeout=30, trust_env=False)
    return answer.raise_for_status().text


def parse_histogram(text: str, name: str) -> dict[str, int]:
    """Return the counts by upper limit of a Prometheus histogram, summed over its other labels."""
    summed: dict[float, float] = {}
    line = rf'^{name}_bucket\{{[^}}]*le="([^"]+)"[^}}]*\}} (\S+)$'
    for limit, count in re.findall(line, text, re.MULTILINE):
        summed[float(limit)] = summed.get(float(limit), 0.0) + float(count)
    counts, before = {}, 0.0
    for limit, total in sorted(summed.items()):
        counts[f"{limit:g}"] = round(total - before)
        before = total
    return counts


def difference(after: Histogram, before: Histogram) -> dict[str, int]:
    """Return what was added between two histograms, sizes that did not occur left out."""
    added = {limit: count - before.get(limit, 0) for limit, count in after.items()}
    return {limit: count for limit, count in added.items() if count}


def free_port() -> int:
    """Return a loopback port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
