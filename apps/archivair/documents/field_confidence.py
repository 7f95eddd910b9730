"""How sure a field is: the probability that its value is right, and the choice between several.

Two logistic formulas over measured features, fitted on rendered training files (`train.py`): how
likely a candidate is right, and how likely the value that a document got is. They say how often
such values were right there; on forms that look very different they are only a ranking.
"""

from __future__ import annotations

import math
import tomllib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.archivair.documents.candidates import BELOW, BESIDE, OPEN, REPEAT, Candidate
from apps.archivair.documents.content import Box
from apps.archivair.documents.file_vote import (
    centrality,
    file_readings,
    file_weights,
    usual_value,
)
from apps.archivair.documents.folding import fold
from apps.archivair.documents.logistic import predict_binary
from apps.archivair.documents.patterns import FIELD_NAMES

WEIGHTS_FILE = Path(__file__).with_name("field_weights.toml")
LEAST_CONFIDENCE = 0.03
LEAST, MOST = 0.01, 0.9999
DIGITS = 4
"""Few fields are equally sure, so that the least certain ones can be told from the others."""
REVIEWED_SHARE = 0.10
"""Share of the fields that a person is asked to look at, if not more are too unsure."""
ASKED_BELOW = 0.8
"""Below it more than one field in five is wrong by its own estimate: all of them are asked. A share
alone asks nobody where a batch has few fields or all are equally unsure, and too few where most
are unsure."""
THRESHOLD_STEP = 0.001
WEAK_RULES = (
    "nummer_des_scheins", "massstab_im_titel", "erlaubnis_an", "betreff_grundstueck",
    "unterschrift", "anschriftenfeld", "aktendeckel",
)  # fmt: skip
"""Rules that are right less often than a label of their own."""
_ODDS_REACH = 4.0
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class FieldWeights:
    """Fitted numbers of both formulas.

    Args:
        candidate: Constant and factors of the chance that a candidate is right.
        choice: Constant and factors of the chance that the chosen value of a document is right.
    """

    candidate: tuple[float, ...]
    choice: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a document.

    Args:
        name: Name of the field.
        value: Normal form.
        raw: As it stands on the page.
        page: Number of the page in the stream, from 1.
        box: Box of its words in pixels of the delivered page image.
        confidence: Estimated probability that the value is right, 0.01 to 0.9999.
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
    labelled = [one for one in candidates if one.place != REPEAT]
    same: Counter[tuple[str, str]] = Counter((one.name, one.value) for one in labelled)
    all_of: Counter[str] = Counter(one.name for one in labelled)
    rows = []
    for one in candidates:
        itself = int(one.place != REPEAT)
        agreeing = same[one.name, one.value] - itself
        others = all_of[one.name] - itself
        share = agreeing / others if others else 0.5
        rows.append(
            [
                10 * (one.likeness - 0.8),
                math.log1p(one.label_length) / 3,
                float(one.has_colon),
                float(one.starts_cell),
                *(float(one.place == place) for place in (BESIDE, BELOW, OPEN, REPEAT)),
                one.strictness,
                one.least_confidence,
                one.at_home,
                one.at_home if one.place == OPEN else 0.0,
                one.at_home if one.place == REPEAT else 0.0,
                float(one.searched),
                math.log1p(agreeing) if one.is_shared else 0.0,
                share if one.is_shared else 0.5,
                share if one.place == REPEAT else 0.5,
                float(others == 0),
                *(float(one.rule == rule) for rule in WEAK_RULES),
                *(float(one.name == name) for name in FIELD_NAMES),
            ]
        )
    return np.array(rows, dtype=np.float64)


def confidences(
    candidates: Sequence[Candidate], factors: Sequence[float] | None = None
) -> list[float]:
    """Return the probability that each candidate is right.

    Args:
        candidates: All candidates of one file.
        factors: Constant and factors of the formula; those of the package by default.
    """
    if not candidates:
        return []
    factors = load_field_weights().candidate if factors is None else factors
    chances = predict_binary(factors, field_features(candidates))
    return [round(float(value), DIGITS) for value in np.clip(chances, LEAST, MOST)]


@dataclass(frozen=True, slots=True)
class Choice:
    """The best candidate of a field of a document with what makes it more or less sure.

    Args:
        document: Number of the document.
        candidate: What was chosen.
        value: Its value in the spelling of the file.
        features: What the second formula sees.
    """

    document: int
    candidate: Candidate
    value: str
    features: tuple[float, ...]


def make_choices(
    candidates: Sequence[Candidate], documents: Mapping[int, int], factors: Sequence[float]
) -> list[Choice]:
    """Choose the surest candidate of each field of each document of one file.

    Args:
        candidates: All candidates of the file.
        documents: Number of the document by number of the page.
        factors: Formula of candidates.
    """
    stated_alone = confidences(candidates, factors)
    weights = file_weights(candidates, stated_alone)
    readings = file_readings(candidates, stated_alone)
    central = {name: centrality(name, weighed, readings[name]) for name, weighed in weights.items()}
    usual = [usual_value(one, weights[one.name], central[one.name]) for one in candidates]
    # What is taken for a misreading counts as what the file says.
    mended = [replace(one, value=value) for one, value in zip(candidates, usual, strict=True)]
    sure = confidences(mended, factors)
    stated: dict[tuple[int, str], list[tuple[float, Candidate, str]]] = {}
    for confidence, one, value in zip(sure, candidates, usual, strict=True):
        stated.setdefault((documents[one.page], one.name), []).append((confidence, one, value))
    choices = []
    for (document, name), found in stated.items():
        confidence, one, value = max(found, key=lambda each: each[0])
        rival = max((each[0] for each in found if each[2] != value), default=LEAST)
        weighed = weights[name]
        total = sum(weighed.values())
        share = weighed.get(value, 0.0) / total if total and one.is_shared else 0.5
        agreeing = sum(each[2] == value for each in found) - 1
        features = (
            _odds(confidence),
            float(np.clip(_odds(confidence) - _odds(rival), 0.0, _ODDS_REACH)),
            share,
            math.log1p(weighed.get(value, 0.0)) if one.is_shared else 0.0,
            math.log1p(agreeing),
            float(value != one.value),
            float(one.is_shared),
            one.least_confidence,
            *_about(one, value),
        )
        choices.append(Choice(document, one, value, features))
    return choices


def _about(one: Candidate, value: str) -> Iterator[float]:
    """Yield what kind of field a value is of, how it was found and how it is written."""
    letters = fold(value).replace(" ", "")
    yield from (float(one.name == name) for name in FIELD_NAMES)
    yield from (float(one.place == place) for place in (BESIDE, BELOW, OPEN, REPEAT))
    yield float(one.rule in WEAK_RULES)
    yield one.strictness
    yield float(fold(one.raw).replace(" ", "") != letters)
    yield math.log1p(len(letters)) / 3
    yield one.least_confidence**4


def review_threshold(confidences: Iterable[float], share: float = REVIEWED_SHARE) -> float:
    """Return the threshold below which fields are asked: about the least certain share of them.

    Many fields may be equally certain: then the threshold lies before or behind all of them,
    whichever lets the number of reviewed fields be closer to the share. It is never lower than
    `ASKED_BELOW`: a field that is likely enough wrong is asked in the smallest batch too.

    Args:
        confidences: Confidences of all fields of the batch, 0 to 1.
        share: Share that is to be reviewed, 0 to 1.

    Returns:
        In steps of 0.001, `ASKED_BELOW` to 1; `ASKED_BELOW` for a batch without fields.
    """
    ordered = sorted(confidences)
    if not ordered:
        return ASKED_BELOW
    aim = share * len(ordered)
    last = math.floor(ordered[math.ceil(aim) - 1] / THRESHOLD_STEP + _ROUNDING)
    offers = [min(1.0, round(steps * THRESHOLD_STEP, 3)) for steps in (last + 1, last)]
    closest = min(offers, key=lambda offer: abs(bisect_left(ordered, offer) - aim))
    return max(closest, ASKED_BELOW)


def choose_fields(
    candidates: Sequence[Candidate],
    documents: Mapping[int, int],
    weights: FieldWeights | None = None,
) -> dict[int, list[Field]]:
    """Choose the surest value of each field of each document of one file.

    A value whose spelling is close to one that the file states more often takes that spelling;
    what stands on the page is kept beside it.

    Args:
        candidates: All candidates of the file.
        documents: Number of the document by number of the page.
        weights: Formulas; those of the package by default.

    Returns:
        Fields by number of the document, in the fixed order of names.
    """
    weights = weights or load_field_weights()
    chosen: dict[int, list[Field]] = {number: [] for number in sorted(set(documents.values()))}
    choices = make_choices(candidates, documents, weights.candidate)
    for choice, confidence in zip(choices, choice_confidences(choices, weights), strict=True):
        one = choice.candidate
        if confidence < LEAST_CONFIDENCE:
            continue
        differs = choice.value != one.raw
        chosen[choice.document].append(
            Field(one.name, choice.value, one.raw, one.page, one.box, confidence, one.rule, differs)
        )
    for found in chosen.values():
        found.sort(key=lambda field: FIELD_NAMES.index(field.name))
    return chosen


def choice_confidences(choices: Sequence[Choice], weights: FieldWeights) -> list[float]:
    """Return the probability that each chosen value is right.

    Args:
        choices: Chosen values.
        weights: Fitted formulas.
    """
    if not choices:
        return []
    features = np.array([choice.features for choice in choices], dtype=np.float64)
    chances = predict_binary(weights.choice, features)
    return [round(float(value), DIGITS) for value in np.clip(chances, LEAST, MOST)]


def _odds(chance: float) -> float:
    return math.log(chance / (1 - chance))


@lru_cache(maxsize=1)
def load_field_weights() -> FieldWeights:
    """Return the fitted formulas of the package."""
    return read_field_weights(WEIGHTS_FILE.read_text(encoding="utf-8"))


def read_field_weights(content: str) -> FieldWeights:
    """Return stored formulas.

    Args:
        content: Text that `write_field_weights` returned.
    """
    stored = tomllib.loads(content)
    return FieldWeights(tuple(stored["candidate"]), tuple(stored["choice"]))


def write_field_weights(weights: FieldWeights, source: str) -> str:
    """Return formulas as text.

    Args:
        weights: Fitted formulas.
        source: One line that says from which pages.
    """
    lines = [
        "# Written by `python -m apps.archivair.documents.train`; do not edit by hand.",
        f"# {source}",
        f"candidate = [{', '.join(f'{factor:.4f}' for factor in weights.candidate)}]",
        f"choice = [{', '.join(f'{factor:.4f}' for factor in weights.choice)}]",
        "",
    ]
    return "\n".join(lines)
