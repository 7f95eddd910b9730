"""Measure the reading on pages with known text: what `evaluate` puts into figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from apps.archivair.metrics import (
    LENIENT,
    ErrorCount,
    Norm,
    cer,
    expected_calibration_error,
    normalize,
)
from apps.archivair.page_xml import is_formula, order_agreement, read_regions
from apps.archivair.pages import PageImage, load_pages, make_preview
from apps.archivair.piece_reading import Engines
from apps.archivair.pipeline import read_page
from apps.archivair.reading import PageReading
from apps.archivair.rendering import RenderedPage

MATCHING_LINE = 0.4
BOOTSTRAP_ROUNDS = 500


class PageEngine(Protocol):
    """A program that reads whole pages."""

    def read_page(self, page: NDArray[np.uint8]) -> str:
        """Return the text of a page."""


@dataclass(frozen=True, slots=True)
class JudgedWord:
    """A word with its stated confidence and whether it is right."""

    confidence: float
    is_right: bool
    is_doubtful: bool


@dataclass(frozen=True, slots=True)
class PageMeasure:
    """What was measured on one page with known text.

    Args:
        errors: Edits, strict.
        words: Words with confidence and truth.
        rotation_deg: Turn that the reading took out.
        in_order: For each pair of lines, whether the earlier one was read first.
        seconds: Wall-clock time.
        cpu_seconds: Processor time of all processes.
    """

    errors: ErrorCount
    words: tuple[JudgedWord, ...]
    rotation_deg: int
    in_order: tuple[bool, ...]
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class BookMeasure:
    """What was measured on one page of the development data.

    Args:
        in_order: For each pair of lines of different regions, whether the order is right.
        text: Edits on text lines; None where the ground truth has no text.
        formulae: Edits on formula lines; None where the ground truth has no text.
        reference: Edits of Tesseract alone on the whole page; None without text or Tesseract.
    """

    in_order: tuple[bool, ...]
    text: ErrorCount | None
    formulae: ErrorCount | None
    reference: ErrorCount | None = None


def measure_page(
    page: RenderedPage, engines: Engines, cpu_seconds: Callable[[], float]
) -> PageMeasure:
    """Read a rendered page and compare it with its text.

    Args:
        page: Page with known text.
        engines: What reads.
        cpu_seconds: Processor time used so far.
    """
    start, cpu_start = time.monotonic(), cpu_seconds()
    reading = read_page(as_scan(page), engines)
    return PageMeasure(
        errors=cer(page.text, reading.text),
        words=tuple(judge_words(page.text, reading)),
        rotation_deg=reading.rotation_deg,
        in_order=tuple(lines_in_order(page, reading)),
        seconds=time.monotonic() - start,
        cpu_seconds=cpu_seconds() - cpu_start,
    )


def as_scan(page: RenderedPage) -> PageImage:
    """Return a rendered page as if it had been opened from a file.

    Args:
        page: Page with known text.
    """
    return PageImage(page.image, page.dpi, 1, "0" * 64, "page.png", make_preview(page.image))


def judge_words(truth: str, reading: PageReading) -> list[JudgedWord]:
    """Say of each word whether the true text has it at its place.

    Args:
        truth: True text.
        reading: The page as read.
    """
    words = [word for line in reading.lines for word in line.words]
    read_words = [normalize(word.text, LENIENT) for word in words]
    right: set[int] = set()
    for code in Levenshtein.opcodes(read_words, normalize(truth, LENIENT).split(" ")):
        if code.tag == "equal":
            right.update(range(code.src_start, code.src_end))
    return [
        JudgedWord(word.confidence, number in right, word.is_doubtful)
        for number, word in enumerate(words)
    ]


def lines_in_order(page: RenderedPage, reading: PageReading) -> list[bool]:
    """Compare the order of lines with the page; a line that mixes columns counts as wrong.

    Args:
        page: Page with known lines.
        reading: The page as read.

    Returns:
        One answer for each pair of true lines.
    """
    truths = [line for block in page.blocks for line in block]
    texts = [line.text for line in reading.lines]
    places = [_place_of(truth, texts) for truth in truths]
    return [
        first is not None and second is not None and first < second
        for first, second in combinations(places, 2)
    ]


def measure_book_page(
    scan: Path, engines: Engines, norm: Norm = LENIENT, reference: PageEngine | None = None
) -> BookMeasure:
    """Read a page of the development data and compare it with its PAGE XML.

    Args:
        scan: Image; its PAGE XML lies beside it.
        engines: What reads.
        norm: What counts as equal.
        reference: Tesseract, which reads the whole page without preparation for comparison.
    """
    opened = next(iter(load_pages(scan)))
    if not isinstance(opened, PageImage):
        raise opened.error
    reading = read_page(opened, engines)
    regions = read_regions(scan.with_suffix(".xml"))
    boxes = [line.box for line in reading.lines]
    places = [((box[0] + box[2]) / 2, (box[1] + box[3]) / 2) for box in boxes]
    truths = [line for region in regions for line in region.text.splitlines()]
    counts: list[ErrorCount | None] = [None, None]
    if truths:
        texts = [line.text for line in reading.lines]
        counts = [
            cer(_joined(truths, formulae=wanted), _joined(texts, formulae=wanted), norm)
            for wanted in (False, True)
        ]
        if reference is not None:
            counts.append(cer("\n".join(truths), reference.read_page(opened.gray), norm))
    return BookMeasure(tuple(order_agreement(places, regions)), *counts)


def calibration_error(pages: Sequence[PageMeasure]) -> float:
    """Return the expected calibration error over all words.

    Args:
        pages: Measured pages.
    """
    words = [word for page in pages for word in page.words]
    return expected_calibration_error(
        [word.confidence for word in words], [word.is_right for word in words]
    )


def calibration_interval(pages: Sequence[PageMeasure], seed: int = 1) -> tuple[float, float]:
    """Return its 95 per cent interval by bootstrap over pages.

    Args:
        pages: Measured pages.
        seed: Seed of the resampling.
    """
    draws = np.random.default_rng(seed).integers(0, len(pages), (BOOTSTRAP_ROUNDS, len(pages)))
    errors = [calibration_error([pages[number] for number in draw]) for draw in draws]
    low, high = np.percentile(errors, [2.5, 97.5])
    return float(low), float(high)


def _place_of(truth: str, texts: Sequence[str]) -> int | None:
    """Return the read line that is closest to a true one, None when it is lost or mixed."""
    shares = [cer(truth, text, LENIENT).rate for text in texts]
    if not shares or min(shares) > MATCHING_LINE:
        return None
    return int(np.argmin(shares))


def _joined(lines: Sequence[str], *, formulae: bool) -> str:
    return "\n".join(line for line in lines if is_formula(line) is formulae)
