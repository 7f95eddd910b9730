"""Read the pieces of an upright page with every engine and vote."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from apps.archivair.assemble import ReadPiece
from apps.archivair.clean import CleanPage, Gray
from apps.archivair.fix import to_german_alphabet
from apps.archivair.lines import TextBox, crop_piece, median_height, scale_to
from apps.archivair.recognise import Candidate, ServerReader
from apps.archivair.tesseract import Tesseract
from apps.archivair.vote import vote

MARGIN = 0.05
SECOND_MARGIN = 0.14
SECOND_LOOK_BELOW = 0.97
MISSED_MIN_SCORE = 0.75
MISSED_MIN_LETTERS = 2
TESSERACT_HEIGHT_PX = 50
NOISY, VERY_NOISY = 2.0, 6.0
SECOND_ENGINE = "ppocr_filtered"


@dataclass(frozen=True, slots=True)
class Engines:
    """What reads.

    Args:
        reader: The model server.
        tesseract: The second opinion, None when it is not installed.
    """

    reader: ServerReader
    tesseract: Tesseract | None


def read_pieces(clean: CleanPage, boxes: Sequence[TextBox], engines: Engines) -> list[ReadPiece]:
    """Read every piece with all engines at the same time and vote.

    The recogniser of the server gets the sharp crop, Tesseract a filtered one. Where they differ,
    the recogniser looks a second time, at the filtered crop with more room around it.

    Args:
        clean: The upright page.
        boxes: Pieces of text.
        engines: What reads.

    Returns:
        Pieces with text, in no particular order.
    """
    if not boxes:
        return []
    ordered = sorted(boxes, key=lambda box: (box.middle, box.left))
    sigma = filter_sigma(clean.image)
    crops = [crop_piece(clean.image, box, MARGIN) for box in ordered]
    with ThreadPoolExecutor(1) as beside:
        second = beside.submit(_ask_tesseract, engines.tesseract, crops, ordered, sigma)
        first = [to_german_alphabet(one) for one in engines.reader.read_crops(crops)]
        other = [to_german_alphabet(one) for one in second.result()]
    third = _look_again(clean, ordered, first, other, engines.reader, sigma)
    pieces = []
    for box, *candidates in zip(ordered, first, other, third, strict=True):
        if box.score == 0 and not _is_word(candidates[0]):
            continue
        given = tuple(one for one in candidates if one.text)
        voted = vote(given)
        if voted.text.strip():
            pieces.append(ReadPiece(box, voted, given))
    return pieces


def filter_sigma(page: Gray) -> float:
    """Return how strongly crops are blurred before Tesseract, from the noise of the page.

    Args:
        page: Cleaned page.

    Returns:
        Sigma of the Gaussian in pixels of the scaled crop.
    """
    noise = noise_level(page)
    if noise < NOISY:
        return 0.6
    return 0.9 if noise < VERY_NOISY else 1.3


def noise_level(page: Gray) -> float:
    """Estimate the noise in grey levels from what neighbouring pixels do not share.

    Args:
        page: Cleaned page.
    """
    part = page[::2].astype(np.int16)
    mixed = part[:, 2:] - 2 * part[:, 1:-1] + part[:, :-2]
    return float(np.median(np.abs(mixed)) / 0.6745 / np.sqrt(6))


def _ask_tesseract(
    tesseract: Tesseract | None, crops: Sequence[Gray], boxes: Sequence[TextBox], sigma: float
) -> list[Candidate]:
    if tesseract is None:
        return [Candidate("tesseract", "", ()) for _ in crops]
    usual = median_height(boxes) * (1 + 2 * MARGIN)
    return tesseract.read_lines(
        [_blur(scale_to(crop, TESSERACT_HEIGHT_PX, usual), sigma) for crop in crops]
    )


def _look_again(
    clean: CleanPage,
    boxes: Sequence[TextBox],
    first: Sequence[Candidate],
    other: Sequence[Candidate],
    reader: ServerReader,
    sigma: float,
) -> list[Candidate]:
    """Read the pieces once more on which the engines differ, or the only engine is unsure."""
    unsure = [
        number
        for number, (one, two) in enumerate(zip(first, other, strict=True))
        if (two.text and one.text != two.text) or (not two.text and one.score < SECOND_LOOK_BELOW)
    ]
    crops = [
        _blur(crop_piece(clean.image, boxes[number], SECOND_MARGIN), sigma * 0.7)
        for number in unsure
    ]
    looks = [Candidate(SECOND_ENGINE, "", ()) for _ in boxes]
    for number, again in zip(unsure, reader.read_crops(crops, SECOND_ENGINE), strict=True):
        looks[number] = to_german_alphabet(again)
    return looks


def _is_word(candidate: Candidate) -> bool:
    """Say whether a piece that only ink suggested holds text."""
    letters = sum(char.isalnum() for char in candidate.text)
    return candidate.score >= MISSED_MIN_SCORE and letters >= MISSED_MIN_LETTERS


def _blur(crop: Gray, sigma: float) -> Gray:
    return np.asarray(cv2.GaussianBlur(crop, (0, 0), sigma), dtype=np.uint8)
