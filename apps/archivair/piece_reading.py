"""Read the pieces of an upright page with every engine and vote."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import cv2
import numpy as np

from apps.archivair.assemble import ReadPiece
from apps.archivair.clean import CleanPage, Gray
from apps.archivair.fix import to_german_alphabet
from apps.archivair.fraktur_reading import (
    LineEngine,
    prepare_line,
    read_fraktur,
    read_own,
    vote_fraktur,
)
from apps.archivair.lines import TextBox, crop_piece, median_height, scale_to
from apps.archivair.recognise import Candidate, ServerReader
from apps.archivair.script import ScriptChoice, is_fraktur
from apps.archivair.tesseract import Tesseract, find_fraktur_tesseracts
from apps.archivair.vote import VotedLine, vote
from shared.contracts.provenance import ModelUse

MARGIN = 0.05
SECOND_MARGIN = 0.14
PROBES = 8
SURE_PRINT = 0.985
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
        fraktur: Programs for Fraktur; by default those that are installed.
    """

    reader: ServerReader
    tesseract: Tesseract | None
    fraktur: tuple[LineEngine, ...] = field(default_factory=find_fraktur_tesseracts)


def models_used(engines: Engines, took_part: Collection[str]) -> list[ModelUse]:
    """Return the models behind the engines that read.

    Args:
        engines: What reads.
        took_part: Names of the engines that read something.
    """
    programs = [*([engines.tesseract] if engines.tesseract else []), *engines.fraktur]
    return [*engines.reader.models, *(one.model for one in programs if one.engine in took_part)]


def read_pieces(
    clean: CleanPage,
    boxes: Sequence[TextBox],
    engines: Engines,
    script: ScriptChoice = "auto",
) -> list[ReadPiece]:
    """Read every piece with all engines at the same time and vote.

    The recogniser of the server gets the sharp crop, Tesseract a filtered one. Where they differ,
    the recogniser looks a second time, at the filtered crop with more room around it. Lines of
    Fraktur go to the engines for Fraktur instead.

    Args:
        clean: The upright page.
        boxes: Pieces of text.
        engines: What reads.
        script: "auto" looks whether the longest pieces are Fraktur.

    Returns:
        Pieces with text, in no particular order.
    """
    if not boxes:
        return []
    ordered = sorted(boxes, key=lambda box: (box.middle, box.left))
    crops = [crop_piece(clean.image, box, MARGIN) for box in ordered]
    probes = _read_longest(crops, engines.reader) if script == "auto" else {}
    if script == "fraktur" or _is_fraktur(crops, probes, engines):
        found = read_fraktur(crops, engines.reader, engines.fraktur)
        return _kept(ordered, found, vote_fraktur)
    return _kept(ordered, _read_print(clean, ordered, crops, engines, probes), vote)


def _read_longest(crops: Sequence[Gray], reader: ServerReader) -> dict[int, Candidate]:
    """Return what a few of the longest pieces say, by their place."""
    ranked = sorted(
        range(len(crops)), key=lambda place: crops[place].shape[1] / crops[place].shape[0]
    )
    longest = ranked[-PROBES:]
    return dict(zip(longest, reader.read_crops([crops[place] for place in longest]), strict=True))


def _is_fraktur(crops: Sequence[Gray], probes: Mapping[int, Candidate], engines: Engines) -> bool:
    """Ask an engine for Fraktur about the longest pieces, unless they surely are other print.

    Its data write the long s where it stands and never in other print.
    """
    scores = [score for one in probes.values() for score in one.scores]
    if not scores or sum(scores) >= SURE_PRINT * len(scores):
        return False
    longest = [crops[place] for place in probes]
    if engines.fraktur:
        witness = engines.fraktur[0].read_lines([prepare_line(crop) for crop in longest])
    elif engines.reader.has_fraktur:
        witness = read_own(longest, engines.reader)
    else:
        return False
    return is_fraktur([one.text for one in witness])


def _kept(
    boxes: Sequence[TextBox],
    found: Sequence[tuple[Candidate, ...]],
    decide: Callable[[Sequence[Candidate]], VotedLine],
) -> list[ReadPiece]:
    """Vote on each piece and leave out those without text."""
    pieces = []
    for box, candidates in zip(boxes, found, strict=True):
        if box.score == 0 and not _is_word(candidates[0]):
            continue
        given = tuple(one for one in candidates if one.text)
        voted = decide(given)
        if voted.text.strip():
            pieces.append(ReadPiece(box, voted, given))
    return pieces


def _read_print(
    clean: CleanPage,
    ordered: Sequence[TextBox],
    crops: Sequence[Gray],
    engines: Engines,
    known: Mapping[int, Candidate],
) -> list[tuple[Candidate, ...]]:
    """Return the candidates of each piece of print or typewriter."""
    sigma = filter_sigma(clean.image)
    with ThreadPoolExecutor(1) as beside:
        second = beside.submit(_ask_tesseract, engines.tesseract, crops, ordered, sigma)
        others = [place for place in range(len(crops)) if place not in known]
        read = engines.reader.read_crops([crops[place] for place in others])
        by_place = {**known, **dict(zip(others, read, strict=True))}
        first = [to_german_alphabet(by_place[place]) for place in range(len(crops))]
        other = [to_german_alphabet(one) for one in second.result()]
    third = _look_again(clean, ordered, first, other, engines.reader, sigma)
    return list(zip(first, other, third, strict=True))


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
