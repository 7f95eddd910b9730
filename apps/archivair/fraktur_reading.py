"""Read lines of Fraktur with the engines whose vote errs least.

The own recogniser and that of print err differently. Tesseract's two trainings for Fraktur err
three times as often as the own recogniser and made the vote of all four worse; they read where the
model server lacks it. Old umlauts (letter with a small e above) count as one character.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import cv2
import numpy as np

from apps.archivair.clean import Gray
from apps.archivair.fix import to_german_alphabet
from apps.archivair.recognise import FRAKTUR_ENGINE, FRAKTUR_MODEL, Candidate, ServerReader
from apps.archivair.tesseract import FRK_ENGINE, SCRIPT_ENGINE
from apps.archivair.vote import OLD_UMLAUTS, VotedLine, load_weights, vote
from shared.contracts.provenance import ModelUse

FRAKTUR_ENGINES = frozenset({FRK_ENGINE, SCRIPT_ENGINE, FRAKTUR_ENGINE})
LINE_HEIGHT_PX = 48
BLUR_SIGMA_PX = 0.7
MAX_WIDTH_PX = 6000
PAPER_PERCENT = 90
WHITE = 255
_SPELLED_OUT = {sign: letters for letters, sign in OLD_UMLAUTS.items()}


class LineEngine(Protocol):
    """A program that reads crops of one line each, and whole pages."""

    @property
    def engine(self) -> str:
        """Name of its readings."""

    @property
    def model(self) -> ModelUse:
        """Version and hash of its data."""

    def read_lines(self, crops: Sequence[Gray]) -> list[Candidate]:
        """Return one candidate per crop."""

    def read_page(self, page: Gray) -> str:
        """Return the text of a page."""


def read_fraktur(
    crops: Sequence[Gray], reader: ServerReader, programs: Sequence[LineEngine]
) -> list[tuple[Candidate, ...]]:
    """Read crops with the engines that vote.

    Args:
        crops: Grey crops of one line each.
        reader: The model server.
        programs: Installed programs for Fraktur; asked where the own recogniser is missing.

    Returns:
        The candidates of each crop, one per engine.
    """
    return read_with_all(crops, reader, () if crops and reader.has_fraktur else programs)


def read_with_all(
    crops: Sequence[Gray], reader: ServerReader, programs: Sequence[LineEngine]
) -> list[tuple[Candidate, ...]]:
    """Read crops with all engines at the same time.

    Args:
        crops: Grey crops of one line each.
        reader: The model server.
        programs: Programs for Fraktur.

    Returns:
        The candidates of each crop, one per engine.
    """
    if not crops:
        return []
    prepared = [prepare_line(crop) for crop in crops] if programs else []
    with ThreadPoolExecutor(max(1, len(programs))) as beside:
        waiting = [beside.submit(one.read_lines, prepared) for one in programs]
        answers = [reader.read_crops(crops)]
        if reader.has_fraktur:
            answers.append(read_own(crops, reader))
        answers += [one.result() for one in waiting]
    return [tuple(to_german_alphabet(one) for one in found) for found in zip(*answers, strict=True)]


def read_own(crops: Sequence[Gray], reader: ServerReader) -> list[Candidate]:
    """Read crops with the own recogniser alone.

    Args:
        crops: Grey crops of one line each.
        reader: The model server; it has the recogniser.
    """
    return reader.read_crops(crops, FRAKTUR_ENGINE, model=FRAKTUR_MODEL)


def vote_fraktur(candidates: Sequence[Candidate]) -> VotedLine:
    """Choose the most likely text of a line of Fraktur.

    Args:
        candidates: One reading per engine.
    """
    given = [join_umlauts(one) for one in candidates if one.text]
    voted = vote(given, load_weights("fraktur"))
    pairs = [
        (letter, margin)
        for char, margin in zip(voted.text, voted.margins, strict=True)
        for letter in _SPELLED_OUT.get(char, char)
    ]
    text = "".join(letter for letter, _ in pairs)
    margins = tuple(margin for _, margin in pairs)
    return VotedLine(text, margins, voted.agreement, voted.engines)


def spell_umlauts(text: str) -> str:
    """Undo `join_umlauts`.

    Args:
        text: Voted text.
    """
    return "".join(_SPELLED_OUT.get(char, char) for char in text)


def prepare_line(line: Gray) -> Gray:
    """Return a line as Tesseract reads it best: paper white, 48 pixels high, slightly soft.

    Args:
        line: Grey picture of one line of text.
    """
    paper = max(float(np.percentile(line, PAPER_PERCENT)), 1.0)
    white = np.clip(line.astype(np.float32) * (WHITE / paper), 0, WHITE).astype(np.uint8)
    scale = LINE_HEIGHT_PX / white.shape[0]
    width = int(np.clip(round(white.shape[1] * scale), 8, MAX_WIDTH_PX))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LANCZOS4
    scaled = cv2.resize(white, (width, LINE_HEIGHT_PX), interpolation=method)
    return np.asarray(cv2.GaussianBlur(scaled, (0, 0), BLUR_SIGMA_PX), dtype=np.uint8)


def join_umlauts(candidate: Candidate) -> Candidate:
    """Make one character of a letter and the small e above it, as sure as the less sure one.

    Args:
        candidate: Reading of an engine.
    """
    chars: list[str] = []
    scores: list[float] = []
    for char, score in zip(candidate.text, candidate.scores, strict=True):
        joined = OLD_UMLAUTS.get(chars[-1] + char) if chars else None
        if joined is None:
            chars.append(char)
            scores.append(score)
        else:
            chars[-1], scores[-1] = joined, min(scores[-1], score)
    return Candidate(candidate.engine, "".join(chars), tuple(scores))
