"""Read pictures of one text line each, without a page around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Literal

from apps.archivair.assemble import realign
from apps.archivair.clean import Gray
from apps.archivair.confidence import load_word_model, word_confidence
from apps.archivair.fix import (
    repair_line,
    restore_paragraph_signs,
    restore_quotes,
    to_german_alphabet,
)
from apps.archivair.fraktur_reading import prepare_line, read_fraktur, read_own, vote_fraktur
from apps.archivair.line_files import cut_long
from apps.archivair.piece_reading import Engines
from apps.archivair.recognise import Candidate
from apps.archivair.script import Script
from apps.archivair.vote import VotedLine, vote

EngineChoice = Literal["vote", "crnn"]


@dataclass(frozen=True, slots=True)
class ReadLine:
    """One line as read.

    Args:
        text: Its text without line break; empty when nothing was read.
        confidence: Mean of the words' confidences, long words counting more; 0 without a word.
        candidates: What each engine read.
    """

    text: str
    confidence: float
    candidates: tuple[Candidate, ...]


def read_lines(
    lines: Sequence[Gray], engines: Engines, script: Script, engine: EngineChoice = "vote"
) -> list[ReadLine]:
    """Read lines; each is one line of text from edge to edge.

    Args:
        lines: Grey pictures.
        engines: What reads.
        script: Script of all lines.
        engine: "vote" asks all engines, "crnn" the own recogniser of Fraktur alone.

    Raises:
        ModelServerError: The model server could not answer.
        Cancelled: A person stopped the work.
    """
    parts = [cut_long(line) for line in lines]
    flat = [part for line in parts for part in line]
    found = _candidates(flat, engines, script, engine)
    read = [_read(candidates, script) for candidates in found]
    ends = [0, *accumulate(len(line) for line in parts)]
    return [_joined(read[start:end]) for start, end in pairwise(ends)]


def _candidates(
    crops: Sequence[Gray], engines: Engines, script: Script, engine: EngineChoice
) -> list[tuple[Candidate, ...]]:
    if engine == "crnn":
        return [(to_german_alphabet(one),) for one in read_own(crops, engines.reader)]
    if script == "fraktur":
        return read_fraktur(crops, engines.reader, engines.fraktur)
    first = engines.reader.read_crops(crops)
    answers = [first]
    if engines.tesseract is not None:
        answers.append(engines.tesseract.read_lines([prepare_line(crop) for crop in crops]))
    return [tuple(to_german_alphabet(one) for one in found) for found in zip(*answers, strict=True)]


def _read(candidates: tuple[Candidate, ...], script: Script) -> ReadLine:
    given = tuple(one for one in candidates if one.text)
    voted = vote_fraktur(given) if script == "fraktur" else vote(given)
    repaired = repair_line(voted.text)
    text = " ".join(restore_quotes(restore_paragraph_signs(repaired)).split())
    return ReadLine(text, _confidence(voted, repaired, script), candidates)


def _confidence(voted: VotedLine, repaired: str, script: Script) -> float:
    margins = realign(voted.margins, voted.text, repaired)
    model = load_word_model(script)
    total, start = 0.0, 0
    words = repaired.split()
    for word in words:
        total += len(word) * word_confidence(margins[start : start + len(word)], voted, model)
        start += len(word) + 1
    return round(total / max(1, sum(len(word) for word in words)), 3)


def _joined(parts: Sequence[ReadLine]) -> ReadLine:
    """Put the parts of a long line together."""
    if len(parts) == 1:
        return parts[0]
    letters = sum(len(part.text) for part in parts)
    confidence = sum(part.confidence * len(part.text) for part in parts) / max(1, letters)
    text = " ".join(part.text for part in parts if part.text)
    engines = dict.fromkeys(one.engine for part in parts for one in part.candidates)
    candidates = tuple(
        _one_of([one for part in parts for one in part.candidates if one.engine == engine])
        for engine in engines
    )
    return ReadLine(text, round(confidence, 3), candidates)


def _one_of(parts: Sequence[Candidate]) -> Candidate:
    text = " ".join(part.text for part in parts)
    score = sum(part.score * len(part.text) for part in parts) / max(1, len(text))
    return Candidate(parts[0].engine, text, (score,) * len(text))
