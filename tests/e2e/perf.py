"""Measures start, page switch and memory of the real processes over the real websocket.

`python -m tests.e2e.perf --out perf.json`; exit 1 when a figure misses its target.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from shared.clients.model_server import ModelServerClient
from shared.registry.discover import manifests
from shared.settings import REPOSITORY, Settings
from tests.e2e.gallery_process import RunningGallery, running_gallery, running_pages
from tests.e2e.sign_in import shared_cookie, sign_in_for_all
from tests.e2e.websocket import Visitor, visitor
from tests.ports import free_port

VISITS = 20
COLD_STARTS = 3
SESSIONS = 20
MIB = 1024 * 1024


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Args:
        name: What was measured.
        value: The figure.
        unit: Its unit.
        target: Largest value that is good; None for a figure without target.
    """

    name: str
    value: float
    unit: str
    target: float | None = None

    @property
    def ok(self) -> bool:
        """Say whether the target is reached."""
        return self.target is None or self.value <= self.target


def cold_start_s(data_dir: Path, cookie: str) -> float:
    """Seconds from the start of the gallery process to the finished home page.

    Args:
        data_dir: Its data folder.
        cookie: Of somebody who has signed in there before.
    """
    port = free_port()
    environment = {
        **os.environ,
        "URBANKI_DATA_DIR": str(data_dir),
        "URBANKI_MODEL_SERVER_URL": f"http://127.0.0.1:{free_port()}",
    }
    command = [sys.executable, "-m", "streamlit", "run", "apps/main.py"]
    began = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--server.address", "127.0.0.1", "--server.port", str(port)],
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            url = f"http://127.0.0.1:{port}"
            with contextlib.suppress(OSError), visitor(url, cookie) as guest:
                guest.visit()
                return time.perf_counter() - began
            if process.poll() is not None or time.perf_counter() - began > 60:
                message = "the gallery process did not start"
                raise RuntimeError(message)
            time.sleep(0.02)
    finally:
        process.terminate()
        process.wait(20)


def page_switch_s(guest: Visitor) -> dict[str, float]:
    """Median seconds of a warm run of each page."""
    paths = sorted(guest.pages)
    for path in paths:
        guest.visit(path)
    return {
        path or "start": statistics.median(guest.visit(path) for _ in range(VISITS))
        for path in paths
    }


def run_samples(url: str) -> None:
    """Run the sample of every app, so that code, models and results are loaded."""
    for app in manifests():
        with visitor(url) as guest:
            guest.visit()
            guest.visit(app.id, "beispiel=1")


def load_all_models(gallery: RunningGallery) -> None:
    """Have the embeddings loaded beside the models of the samples."""
    settings = Settings.model_validate(
        {"model_server_url": gallery.model_server_url, "data_dir": gallery.data_dir}
    )
    with ModelServerClient(settings) as client:
        client.embed(["Musterstadt"], kind="query")


def open_and_close_sessions(url: str, count: int) -> None:
    """Visit home in many short sessions."""
    for _ in range(count):
        with visitor(url) as guest:
            guest.visit()


def resident_mib(processes: list[psutil.Process]) -> float:
    """Resident memory of processes without counting shared pages twice (PSS), in MiB."""
    return sum(process.memory_full_info().pss for process in processes) / MIB


def measure() -> list[Figure]:
    """Take all figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_pages(folder) as url:
            sign_in_for_all(url, folder)
            cookie = shared_cookie(url)
        cold = statistics.median(cold_start_s(folder, cookie) for _ in range(COLD_STARTS))
    figures = [Figure("cold start of the gallery to the finished home page", cold, "s", 3.0)]
    with tempfile.TemporaryDirectory() as name, running_gallery(Path(name)) as gallery:
        figures.append(
            Figure("second ./gallery start until all is ready", gallery.ready_after_s, "s", 20.0)
        )
        with visitor(gallery.url) as guest:
            guest.visit()
            switches = page_switch_s(guest)
        figures += [
            Figure(f"page switch: {path}", seconds, "s", 0.3) for path, seconds in switches.items()
        ]
        run_samples(gallery.url)
        load_all_models(gallery)
        open_and_close_sessions(gallery.url, SESSIONS)
        figures += [
            Figure("memory of the gallery", resident_mib(gallery.part("streamlit")), "MiB", 300.0),
            Figure(
                "memory of the model server with solar, OCR and embeddings",
                resident_mib(gallery.part("bentoml")),
                "MiB",
                1200.0,
            ),
        ]
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.e2e.perf")
    parser.add_argument("--out", type=Path, default=Path("perf.json"))
    given = parser.parse_args(arguments)
    figures = measure()
    report = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "figures": [{**asdict(figure), "ok": figure.ok} for figure in figures],
    }
    given.out.write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")
    for figure in figures:
        target = f" (target {figure.target:g})" if figure.target is not None else ""
        word = "ok" if figure.ok else "MISSED"
        sys.stdout.write(f"{word:7}{figure.value:9.2f} {figure.unit:4}{target} {figure.name}\n")
    return 0 if all(figure.ok for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
