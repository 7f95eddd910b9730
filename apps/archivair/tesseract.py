"""The program Tesseract as second opinion; the only file that calls it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from apps.archivair.recognise import Candidate
from shared.contracts.provenance import ModelUse

Gray = NDArray[np.uint8]

PROGRAM = "tesseract"
LANGUAGE = "deu"
ENGINE, FRK_ENGINE, SCRIPT_ENGINE = "tesseract", "tesseract_frk", "tesseract_fraktur"
TIMEOUT_S = 60
QUESTION_TIMEOUT_S = 10
LINE_GAP_PX = 30
MARGIN_PX = 30
SPACE_SCORE = 0.9
_WHITE = 255
_LETTER_BOXES = ("-c", "tessedit_create_hocr=1", "-c", "hocr_char_boxes=1")
_BOX = re.compile(r"bbox (-?\d+) (-?\d+) (-?\d+) (-?\d+)")
_CONFIDENCE = re.compile(r"x_conf ([\d.]+)")
_DATA_FOLDER = re.compile(r'"([^"]+)"')


@dataclass(frozen=True, slots=True)
class _Letter:
    char: str
    score: float


@dataclass(frozen=True, slots=True)
class _Word:
    left: int
    middle: float
    letters: tuple[_Letter, ...]


@dataclass(frozen=True, slots=True)
class Tesseract:
    """An installed Tesseract with data of one language.

    Args:
        program: Path of the program.
        model: Version and hash of the data.
        language: What it is asked for, such as "deu" or "Fraktur+deu".
        engine: Name of its readings.
    """

    program: str
    model: ModelUse
    language: str = LANGUAGE
    engine: str = ENGINE

    def read_lines(self, crops: Sequence[Gray]) -> list[Candidate]:
        """Read crops of one line each in one run, stacked on one sheet.

        Args:
            crops: Grey crops of one scale, small letters 20 to 28 pixels high.

        Returns:
            One candidate per crop; empty where nothing was read. All are empty when the program
            fails or takes longer than 60 s: it is one engine fewer, never a failure.
        """
        nothing = [Candidate(self.engine, "", ()) for _ in crops]
        if not crops:
            return nothing
        sheet, middles = stack_crops(crops)
        done, buffer = cv2.imencode(".png", sheet, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        page = self._run(bytes(buffer), _LETTER_BOXES) if done else None
        if page is None:
            return nothing
        lines: list[list[_Word]] = [[] for _ in crops]
        for word in _parse(page):
            lines[int(np.argmin(np.abs(middles - word.middle)))].append(word)
        return [_candidate(self.engine, words) for words in lines]

    def read_page(self, page: Gray) -> str:
        """Read a page without any preparation, as the reference that `evaluate` reports.

        Args:
            page: Grey page.

        Returns:
            Its text; empty when the program fails or takes longer than 60 s.
        """
        done, buffer = cv2.imencode(".png", page, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        return (self._run(bytes(buffer), []) or "") if done else ""

    def _run(self, image: bytes, variables: Sequence[str]) -> str | None:
        options = ["-l", self.language, "--psm", "6", "--dpi", "300"]
        try:
            done = subprocess.run(
                [self.program, "stdin", "stdout", *options, *variables],
                input=image,
                capture_output=True,
                timeout=TIMEOUT_S,
                env={**os.environ, "OMP_THREAD_LIMIT": "1"},
                check=False,
            )
        except (subprocess.TimeoutExpired, OSError):
            return None
        return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


@lru_cache(maxsize=1)
def find_tesseract() -> Tesseract | None:
    """Return the installed Tesseract, None when it or its German data is missing."""
    return _installed(LANGUAGE, ENGINE)


@lru_cache(maxsize=1)
def find_fraktur_tesseracts() -> tuple[Tesseract, ...]:
    """Return what is installed for Fraktur: two trainings that err differently, one or none."""
    found = [_installed("frk", FRK_ENGINE)]
    for script in ("Fraktur", "script/Fraktur"):  # its place depends on the distribution
        if (one := _installed(f"{script}+{LANGUAGE}", SCRIPT_ENGINE)) is not None:
            found.append(one)
            break
    return tuple(one for one in found if one is not None)


def _installed(language: str, engine: str) -> Tesseract | None:
    program = shutil.which(PROGRAM)
    if program is None:
        return None
    parts = language.split("+")
    if not set(parts) <= set(_ask(program, "--list-langs").split()):
        return None
    number = re.search(r"tesseract v?(\d+\.\d+\.\d+)", _ask(program, "--version"))
    digest = hashlib.sha256()
    for data in (data_file(program, part) for part in parts):
        digest.update(data.read_bytes() if data else b"")
    name = re.sub(r"[^a-z]+", "_", f"tesseract {language}".lower())
    version = number.group(1) if number else "0.0.0"
    model = ModelUse(name, version, digest.hexdigest(), "tesseract", "cpu")
    return Tesseract(program, model, language, engine)


def data_file(program: str, language: str = LANGUAGE) -> Path | None:
    """Return the file with data of a language, None when it is not where the program says.

    Args:
        program: Path of the program.
        language: One language or script.
    """
    folder = _DATA_FOLDER.search(_ask(program, "--list-langs"))
    path = Path(folder.group(1)) / f"{language}.traineddata" if folder else None
    return path if path and path.is_file() else None


def stack_crops(crops: Sequence[Gray]) -> tuple[Gray, NDArray[np.float64]]:
    """Put crops below each other on one white sheet.

    Args:
        crops: Grey crops of one scale.

    Returns:
        The sheet and the middle of each crop in y.
    """
    width = max(crop.shape[1] for crop in crops) + 2 * MARGIN_PX
    height = sum(crop.shape[0] + LINE_GAP_PX for crop in crops) + 2 * MARGIN_PX
    sheet = np.full((height, width), _WHITE, dtype=np.uint8)
    middles = []
    top = MARGIN_PX
    for crop in crops:
        sheet[top : top + crop.shape[0], MARGIN_PX : MARGIN_PX + crop.shape[1]] = crop
        middles.append(top + crop.shape[0] / 2)
        top += crop.shape[0] + LINE_GAP_PX
    return sheet, np.array(middles)


def _ask(program: str, question: str) -> str:
    try:
        done = subprocess.run(
            [program, question],
            capture_output=True,
            timeout=QUESTION_TIMEOUT_S,
            check=False,
        )
    except (subprocess.TimeoutExpired, OSError):
        return ""
    return (done.stdout + done.stderr).decode("utf-8", "replace")


class _HocrReader(HTMLParser):
    """Collects words with their letters from hOCR."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[_Word] = []
        self._box: tuple[int, int, int, int] | None = None
        self._letters: list[_Letter] = []
        self._score: float | None = None
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "span":
            return
        values = dict(attrs)
        title = values.get("title") or ""
        if values.get("class") == "ocrx_word":
            box = _BOX.search(title)
            self._box = tuple(map(int, box.groups())) if box else None  # type: ignore[assignment]
            self._letters, self._depth = [], 1
        elif self._depth:
            self._depth += 1
            if values.get("class") == "ocrx_cinfo":
                score = _CONFIDENCE.search(title)
                self._score = float(score.group(1)) / 100 if score else 0.0

    def handle_data(self, data: str) -> None:
        if self._score is None:
            return
        for char in unicodedata.normalize("NFC", data):
            self._letters.append(_Letter(char, min(1.0, max(0.0, self._score))))
        self._score = None

    def handle_endtag(self, tag: str) -> None:
        if tag != "span" or not self._depth:
            return
        self._depth -= 1
        if self._depth == 0 and self._box and self._letters:
            left, top, _, bottom = self._box
            self.words.append(_Word(left, (top + bottom) / 2, tuple(self._letters)))


def _parse(hocr: str) -> list[_Word]:
    reader = _HocrReader()
    reader.feed(hocr)
    return reader.words


def _candidate(engine: str, words: Sequence[_Word]) -> Candidate:
    text: list[str] = []
    scores: list[float] = []
    for word in sorted(words, key=lambda one: one.left):
        if text:
            text.append(" ")
            scores.append(SPACE_SCORE)
        text += [letter.char for letter in word.letters]
        scores += [letter.score for letter in word.letters]
    return Candidate(engine, "".join(text), tuple(scores))
