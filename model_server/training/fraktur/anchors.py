"""What other engines read in the same lines: Tesseract and PP-OCRv6."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from model_server.catalog import BUILT_IN, MAIN_FILE, load_catalog
from model_server.runtime import OnnxRuntime
from model_server.tasks.text_lines import LineReader
from model_server.training.fraktur.lines import Line, Lines, read_image

LANGUAGES = ("frk", "Fraktur+deu", "script/Fraktur+deu")
"""The second and third are one: its file lies where the distribution puts it."""
PRINTED = "ppocrv6_small"
MARGIN_PX = 12
LINE_LIMIT_S = 60
Reader = Callable[[NDArray[np.uint8]], str]


def available_anchors() -> dict[str, Reader]:
    """Return the engines that this machine has."""
    readers: dict[str, Reader] = {}
    installed = _tesseract_languages()
    for language in LANGUAGES:
        if set(language.split("+")) <= installed:
            readers[f"tesseract {language}"] = _tesseract(language)
        else:
            print(f"Tesseract hat hier keine Daten für {language}.", flush=True)
    readers[PRINTED] = _printed()
    return readers


def _tesseract_languages() -> set[str]:
    try:
        told = subprocess.run(
            ["tesseract", "--list-langs"],
            capture_output=True,
            text=True,
            check=True,
            timeout=LINE_LIMIT_S,
        )
    except (OSError, subprocess.SubprocessError) as cause:
        print(f"Tesseract kann nicht mitlesen: {cause}.", flush=True)
        return set()
    return {*told.stdout.split()}


def _tesseract(language: str) -> Reader:
    def read(grey: NDArray[np.uint8]) -> str:
        # The engine wants paper around the letters.
        paper = int(np.percentile(grey, 90))
        framed = cv2.copyMakeBorder(grey, *([MARGIN_PX] * 4), cv2.BORDER_CONSTANT, value=[paper])
        _, data = cv2.imencode(".png", framed)
        told = subprocess.run(
            ["tesseract", "-", "-", "-l", language, "--psm", "7", "--dpi", "300"],
            input=data.tobytes(),
            capture_output=True,
            check=True,
            timeout=LINE_LIMIT_S,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        )
        return " ".join(told.stdout.decode("utf-8").split())

    return read


def _printed() -> Reader:
    model = load_catalog([BUILT_IN]).resolve("ocr", PRINTED, None)
    reader = LineReader(OnnxRuntime.load(model.files[MAIN_FILE]))

    def read(grey: NDArray[np.uint8]) -> str:
        return reader.read_each([cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB).astype(np.uint8)])[0].text

    return read


def _cpu_seconds() -> float:
    """Return the CPU seconds of this process and of the programs that it called."""
    return sum(os.times()[:4])


def read_anchors(lines: Lines, chosen: Sequence[Line], file: Path) -> dict[str, Any]:
    """Return what each engine reads in the chosen lines; what the file holds is not read again.

    Args:
        lines: The data set.
        chosen: Lines to read.
        file: JSON of earlier calls; written after each engine.

    Returns:
        Per engine `texts` in the order of the lines and mean CPU `seconds` per line.
    """
    names = [line.file for line in chosen]
    stored = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    if stored.get("files") != names or stored.get("sha256") != lines.sha256:
        stored = {"files": names, "sha256": lines.sha256, "engines": {}}
    for name, reader in available_anchors().items():
        if name in stored["engines"]:
            continue
        start = _cpu_seconds()
        texts = [reader(read_image(lines.folder, line)) for line in chosen]
        seconds = (_cpu_seconds() - start) / max(1, len(texts))
        stored["engines"][name] = {"texts": texts, "seconds": round(seconds, 4)}
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(stored, ensure_ascii=False), encoding="utf-8")
        print(f"{name}: {len(texts)} Zeilen, {seconds:.3f} CPU-s je Zeile.", flush=True)
    return stored["engines"]
