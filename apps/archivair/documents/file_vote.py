"""What a file states most often: close spellings and misread figures follow it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from rapidfuzz.distance import Levenshtein

from apps.archivair.documents.candidates import REPEAT, Candidate
from apps.archivair.documents.folding import fold

SPELLED_ALIKE = 0.8
SPELLED = frozenset(
    {"strasse", "ort", "gemarkung", "bauherr", "entwurfsverfasser", "vorhaben", "gutachter"}
)
CODES = frozenset({"aktenzeichen"})
FIGURES_BELOW_CONFIDENCE = 0.9
"""Figures that were read surely stay: another number may be meant."""
CODE_DOMINANCE, FIGURE_DOMINANCE = 1.0, 2.0
_DANGLING = re.compile(
    r"\s(?:mit|und|von|des|der|eines|einer|einem|zu|zur|zum|im|am|auf|in|für|nebst|sowie|bei)$"
)
"""A value that ends so goes on in the next line, which was not read with it."""
_LOOKS_ALIKE = str.maketrans("OolI|SsBZz–", "0011155822-")
_LONGEST_ENDING, _MOST_SPELLINGS = 20, 300


def file_weights(
    candidates: Sequence[Candidate], sure: Sequence[float]
) -> dict[str, dict[str, float]]:
    """Return how strongly a file states each value of each field.

    Args:
        candidates: All candidates of the file.
        sure: Probability that each is right.
    """
    weighed: dict[str, dict[str, float]] = {}
    for one, confidence in zip(candidates, sure, strict=True):
        counted = weighed.setdefault(one.name, {})
        weight = 0.0 if one.place == REPEAT else confidence * one.least_confidence
        counted[one.value] = counted.get(one.value, 0.0) + weight
    return weighed


def file_readings(
    candidates: Sequence[Candidate], sure: Sequence[float]
) -> dict[str, dict[str, float]]:
    """Return how strongly each spelling was read; where a value is stated again, what stands there.

    Args:
        candidates: All candidates of the file.
        sure: Probability that each is right.
    """
    weighed: dict[str, dict[str, float]] = {}
    for one, confidence in zip(candidates, sure, strict=True):
        counted = weighed.setdefault(one.name, {})
        read = one.raw.replace("ſ", "s") if one.place == REPEAT else one.value
        counted[read] = counted.get(read, 0.0) + confidence * one.least_confidence
    return weighed


def centrality(
    name: str, weighed: Mapping[str, float], readings: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Return how well each value of a field stands for those that are spelled like it.

    Misreadings differ from each other more than from what was written, so the true spelling lies
    in their middle even where each was read but once.

    Args:
        name: Name of the field.
        weighed: How strongly the file states each value.
        readings: What `file_readings` returned for it; the values by default.
    """
    readings = weighed if readings is None else readings
    if name not in SPELLED | CODES or len(weighed) > _MOST_SPELLINGS:
        return dict(weighed)
    found = _central(weighed, readings)
    if name in SPELLED:
        middle = max(found, key=lambda value: found[value])
        voted = voted_spelling(middle, readings)
        if voted not in found:
            found |= _central([voted], readings)
    return found


def _central(values: Iterable[str], weighed: Mapping[str, float]) -> dict[str, float]:
    folded = {value: fold(value) for value in weighed}
    found = {}
    for value in values:
        own, total = fold(value), 0.0
        for other, weight in weighed.items():
            likeness = Levenshtein.normalized_similarity(own, folded[other])
            total += weight * likeness if likeness >= SPELLED_ALIKE else 0.0
        found[value] = 0.0 if _DANGLING.search(value) else total
    return found


def voted_spelling(middle: str, weighed: Mapping[str, float]) -> str:
    """Return a value of which each letter is the one that most readings have at its place.

    Where every reading has an error of its own, none of them is right, but all together are.

    Args:
        middle: The reading that is most like the others.
        weighed: How strongly the file states each reading.
    """
    votes: list[dict[str, float]] = [{} for _ in range(2 * len(middle) + 1)]
    for value, weight in weighed.items():
        likeness = Levenshtein.normalized_similarity(fold(middle), fold(value))
        if likeness < SPELLED_ALIKE or _DANGLING.search(value):
            continue
        # Even places lie between the letters of the middle reading, odd ones are its letters.
        letters = [""] * len(votes)
        for step in Levenshtein.opcodes(middle, value):
            piece = value[step.dest_start : step.dest_end]
            if step.tag == "insert":
                letters[2 * step.src_start] = piece
            elif step.tag != "delete":
                for offset, letter in enumerate(piece):
                    letters[2 * (step.src_start + offset) + 1] = letter
        for place, letter in enumerate(letters):
            votes[place][letter] = votes[place].get(letter, 0.0) + weight
    return "".join(max(place, key=lambda one: place[one]) for place in votes if place)


def usual_value(one: Candidate, weighed: Mapping[str, float], central: Mapping[str, float]) -> str:
    """Return a value as the file states it most often, if what was read may be a misreading of it.

    Args:
        one: A candidate.
        weighed: How strongly the file states each value of this field.
        central: What `centrality` returned for them.
    """
    if not one.is_shared or len(weighed) < 2:
        return one.value
    alike = [
        (central[value], value)
        for value in central
        if central[value] > central[one.value] and _may_be(one, value, weighed)
    ]
    return max(alike)[1] if alike else one.value


def _look_alike(one: str, other: str) -> bool:
    """Say whether numbers differ only in letters that are read for figures, and blanks."""
    plain = [text.replace(" ", "").translate(_LOOKS_ALIKE) for text in (one, other)]
    return plain[0] == plain[1]


def _may_be(one: Candidate, value: str, weighed: Mapping[str, float]) -> bool:
    if one.name in SPELLED:
        # What ends too early is completed: the rest of a line, the surname of a name.
        ending = len(value) - len(one.value)
        if value.startswith(f"{one.value} ") and ending <= _LONGEST_ENDING:
            return one.name == "vorhaben" or " " not in one.value
        return Levenshtein.normalized_similarity(fold(value), fold(one.value)) >= SPELLED_ALIKE
    if one.least_confidence >= FIGURES_BELOW_CONFIDENCE and not _look_alike(one.value, value):
        return False
    near = Levenshtein.distance(value, one.value) <= max(1, len(value) // 5)
    dominance = CODE_DOMINANCE if one.name in CODES else FIGURE_DOMINANCE
    return near and weighed.get(value, 0.0) >= dominance * weighed[one.value]
