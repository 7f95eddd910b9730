"""The machine and the software of a run, because figures mean nothing without them."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import time
from pathlib import Path
from typing import Any

import psutil

PACKAGES = (
    "bentoml",
    "uvicorn",
    "starlette",
    "uvloop",
    "httptools",
    "onnxruntime",
    "openvino",
    "numpy",
    "pillow",
    "fastapi",
    "litserve",
)
_MEBI = 2**20


def describe_machine() -> dict[str, Any]:
    """Return processor, memory, load and versions; no name of the machine or its people."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_mib": round(psutil.virtual_memory().total / _MEBI),
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "date": time.strftime("%Y-%m-%d"),
        "load_before": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
