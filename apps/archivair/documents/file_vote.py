"""What a file states most often: close spellings and misread figures follow it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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


def centrality(name: str, weighed: Mapping[str, float]) -> dict[str, float]:
    """Return how well each value of a field stands for those that are spelled like it.

    Misreadings differ from each other more than from what was written, so the true spelling lies
    in their middle even where each was read but once.

    Args:
        name: Name of the field.
        weighed: How strongly the file states each value.
    """
    if name not in SPELLED | CODES or len(weighed) > _MOST_SPELLINGS:
        return dict(weighed)
    folded = {value: fold(value) for value in weighed}
    found = {}
    for value in weighed:
        total = 0.0
        for other, weight in weighed.items():
            likeness = Levenshtein.normalized_similarity(folded[value], folded[other])
            total += weight * likeness if likeness >= SPELLED_ALIKE else 0.0
        found[value] = total
    return found


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
        for value in weighed
        if central[value] > central[one.value] and _may_be(one, value, weighed)
    ]
    return max(alike)[1] if alike else one.value


def _may_be(one: Candidate, value: str, weighed: Mapping[str, float]) -> bool:
    if one.name in SPELLED:
        # What ends too early is completed: the rest of a line, the surname of a name.
        ending = len(value) - len(one.value)
        if value.startswith(f"{one.value} ") and ending <= _LONGEST_ENDING:
            return one.name == "vorhaben" or " " not in one.value
        return Levenshtein.normalized_similarity(fold(value), fold(one.value)) >= SPELLED_ALIKE
    if one.least_confidence >= FIGURES_BELOW_CONFIDENCE:
        return False
    near = Levenshtein.distance(value, one.value) <= max(1, len(value) // 5)
    dominance = CODE_DOMINANCE if one.name in CODES else FIGURE_DOMINANCE
    return near and weighed[value] >= dominance * weighed[one.value]
