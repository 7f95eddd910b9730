"""What was read on a page: words, lines and blocks with places and confidences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from apps.archivair.recognise import Candidate
from apps.archivair.script import Script
from shared.contracts.finding import Finding
from shared.contracts.provenance import ModelUse

Corners = tuple[tuple[float, float], ...]
DOUBTFUL_BELOW = 0.85


@dataclass(frozen=True, slots=True)
class Word:
    """One word.

    Args:
        text: Its characters.
        box: Left, top, right, bottom in pixels of the page image.
        confidence: Estimated probability that every character is right, 0 to 1.
    """

    text: str
    box: tuple[int, int, int, int]
    confidence: float

    @property
    def is_doubtful(self) -> bool:
        """Say whether a person should look at this word."""
        return self.confidence < DOUBTFUL_BELOW


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of text.

    Args:
        words: Words from left to right, at least one.
        corners: Outline in pixels of the page image.
        candidates: What each engine read, for the record.
    """

    words: tuple[Word, ...]
    corners: Corners
    candidates: tuple[Candidate, ...] = ()

    @property
    def text(self) -> str:
        """Words joined by blanks."""
        return " ".join(word.text for word in self.words)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Box around all words in pixels of the page image."""
        boxes = np.array([word.box for word in self.words])
        left, top = boxes[:, :2].min(axis=0)
        right, bottom = boxes[:, 2:].max(axis=0)
        return int(left), int(top), int(right), int(bottom)

    @property
    def confidence(self) -> float:
        """Mean confidence of the words, long words counting more."""
        lengths = [len(word.text) for word in self.words]
        weighted = sum(
            word.confidence * length for word, length in zip(self.words, lengths, strict=True)
        )
        return weighted / sum(lengths)

    @property
    def doubtful_words(self) -> int:
        """Number of words a person should look at."""
        return sum(word.is_doubtful for word in self.words)


@dataclass(frozen=True, slots=True)
class PageReading:
    """The result of one page.

    Args:
        blocks: Blocks of lines in reading order.
        width: Width of the page image in pixels.
        height: Height of the page image in pixels.
        dpi: Dots per inch if known.
        rotation_deg: Clockwise turn that makes the page upright: 0, 90, 180 or 270.
        tilt_deg: Tilt that was taken out, positive counter-clockwise.
        script: Print, typewriter or Fraktur.
        findings: What a reader should know about the page.
        engines: Names of the engines that took part.
        models: Their versions and hashes.
        fingerprint: 64 bits of the picture as 16 hexadecimal digits; empty on blank pages and in
            readings of earlier versions.
        handwriting: Places of handwriting, which is never read: left, top, right, bottom in
            pixels of the page image.
    """

    blocks: tuple[tuple[TextLine, ...], ...]
    width: int
    height: int
    dpi: float | None
    rotation_deg: int
    tilt_deg: float
    script: Script
    findings: tuple[Finding, ...]
    engines: tuple[str, ...]
    models: tuple[ModelUse, ...]
    fingerprint: str = ""
    handwriting: tuple[tuple[int, int, int, int], ...] = ()

    @property
    def lines(self) -> tuple[TextLine, ...]:
        """All lines in reading order."""
        return tuple(line for block in self.blocks for line in block)

    @property
    def text(self) -> str:
        """One line per text line, blocks separated by an empty line; empty for an empty page."""
        if not self.blocks:
            return ""
        return "\n\n".join("\n".join(line.text for line in block) for block in self.blocks) + "\n"

    @property
    def characters(self) -> int:
        """Number of characters without line breaks."""
        return sum(len(line.text) for line in self.lines)

    @property
    def mean_confidence(self) -> float | None:
        """Mean confidence over all words, long words counting more; None on an empty page."""
        pairs = [(word.confidence, len(word.text)) for line in self.lines for word in line.words]
        total = sum(length for _, length in pairs)
        return sum(value * length for value, length in pairs) / total if total else None


def to_page(points: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Carry points by a 2 x 3 matrix.

    Args:
        points: Shape (n, 2).
        matrix: From pixels of the cleaned page to pixels of the page image.
    """
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], dtype=np.float64)
