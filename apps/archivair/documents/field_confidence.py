"""How sure a field is: the probability that its value is right, and the choice between several.

One logistic formula over measured features, fitted on rendered training files (`train.py`). It says
how often such values were right there; on forms that look very different it is only a ranking.
"""

from __future__ import annotations

import math
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from apps.archivair.documents.content import Box
from apps.archivair.documents.fields import BELOW, BESIDE, Candidate
from apps.archivair.documents.folding import fold
from apps.archivair.documents.logistic import predict_binary
from apps.archivair.documents.patterns import FIELD_NAMES

WEIGHTS_FILE = Path(__file__).with_name("field_weights.toml")
LEAST_CONFIDENCE = 0.3
LEAST, MOST = 0.01, 0.995
SPELLED_ALIKE = 0.8
CORRECTED_FIELDS = frozenset(
    {"strasse", "ort", "gemarkung", "bauherr", "entwurfsverfasser", "vorhaben", "gutachter"}
)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a document.

    Args:
        name: Name of the field.
        value: Normal form.
        raw: As it stands on the page.
        page: Number of the page in the stream, from 1.
        box: Box of its words in pixels of the delivered page image.
        confidence: Estimated probability that the value is right, 0.01 to 0.995.
        rule: Rule that found it.
        normalised: Whether the value differs from what stands there.
    """

    name: str
    value: str
    raw: str
    page: int
    box: Box
    confidence: float
    rule: str
    normalised: bool


def field_features(candidates: Sequence[Candidate]) -> NDArray[np.float64]:
    """Return what the formula sees of the candidates of one file.

    Args:
        candidates: All candidates of the file; those of one field agree or contradict each other.

    Returns:
        Shape (n, k).
    """
    same: Counter[tuple[str, str]] = Counter((one.name, one.value) for one in candidates)
    all_of: Counter[str] = Counter(one.name for one in candidates)
    rows = []
    for one in candidates:
        agreeing = same[one.name, one.value] - 1
        others = all_of[one.name] - 1
        share = agreeing / others if others else 0.5
        rows.append(
            [
                10 * (one.likeness - 0.8),
                math.log1p(one.label_length) / 3,
                float(one.has_colon),
                float(one.starts_cell),
                float(one.place == BESIDE),
                float(one.place == BELOW),
                one.strictness,
                one.least_confidence,
                one.at_home,
                float(one.searched),
                math.log1p(agreeing) if one.is_shared else 0.0,
                share if one.is_shared else 0.5,
                float(others == 0),
                *(float(one.name == name) for name in FIELD_NAMES),
            ]
        )
    return np.array(rows, dtype=np.float64)


def confidences(candidates: Sequence[Candidate], factors: Sequence[float]) -> list[float]:
    """Return the probability that each candidate is right.

    Args:
        candidates: All candidates of one file.
        factors: Constant and factors of the formula.
    """
    if not candidates:
        return []
    chances = predict_binary(factors, field_features(candidates))
    return [round(float(value), 3) for value in np.clip(chances, LEAST, MOST)]


def choose_fields(
    candidates: Sequence[Candidate],
    documents: Mapping[int, int],
    factors: Sequence[float] | None = None,
) -> dict[int, list[Field]]:
    """Choose the surest value of each field of each document of one file.

    A value whose spelling is close to one that the file states more often takes that spelling;
    what stands on the page is kept beside it.

    Args:
        candidates: All candidates of the file.
        documents: Number of the document by number of the page.
        factors: Formula; that of the package by default.

    Returns:
        Fields by number of the document, in the fixed order of names.
    """
    sure = confidences(candidates, load_factors() if factors is None else factors)
    best: dict[tuple[int, str], tuple[float, Candidate]] = {}
    for confidence, one in zip(sure, candidates, strict=True):
        key = documents[one.page], one.name
        if confidence >= LEAST_CONFIDENCE and confidence > best.get(key, (0.0, one))[0]:
            best[key] = confidence, one
    spellings = _spellings(candidates, sure)
    chosen: dict[int, list[Field]] = {number: [] for number in sorted(set(documents.values()))}
    for (document, name), (confidence, one) in best.items():
        value = _usual_spelling(one, spellings[name]) if name in CORRECTED_FIELDS else one.value
        chosen[document].append(
            Field(name, value, one.raw, one.page, one.box, confidence, one.rule, value != one.raw)
        )
    for found in chosen.values():
        found.sort(key=lambda field: FIELD_NAMES.index(field.name))
    return chosen


def _spellings(
    candidates: Sequence[Candidate], sure: Sequence[float]
) -> dict[str, dict[str, float]]:
    weighed: dict[str, dict[str, float]] = {}
    for one, confidence in zip(candidates, sure, strict=True):
        counted = weighed.setdefault(one.name, {})
        weight = confidence * one.least_confidence
        counted[one.value] = counted.get(one.value, 0.0) + weight
    return weighed


def _usual_spelling(one: Candidate, weighed: Mapping[str, float]) -> str:
    own = weighed[one.value]
    alike = [
        (weight, value)
        for value, weight in weighed.items()
        if weight > own
        and Levenshtein.normalized_similarity(fold(value), fold(one.value)) >= SPELLED_ALIKE
    ]
    return max(alike)[1] if alike else one.value


@lru_cache(maxsize=1)
def load_factors() -> tuple[float, ...]:
    """Return the fitted formula of the package."""
    return tuple(tomllib.loads(WEIGHTS_FILE.read_text(encoding="utf-8"))["factors"])
