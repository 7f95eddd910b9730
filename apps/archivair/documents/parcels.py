"""Parcels whose stroke was not read: 70610 is 706/10 where the file says so elsewhere."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from apps.archivair.documents.candidates import Candidate
from apps.archivair.documents.file_vote import FIGURES_BELOW_CONFIDENCE

ABOVE, UNDER = "flurstueck_zaehler", "flurstueck_nenner"
_STROKE_READ_AS = ("", "1", "7")
_LEAST_FIGURES = 4
"""Shorter numbers are usual ones of whole parcels: 123 is not 12/3."""
_STRICTNESS = 0.5


def with_strokes(known: Sequence[Candidate]) -> Iterator[Candidate]:
    """Yield candidates; a parcel in one run of figures becomes one that other pages name in two.

    Only unsure readings are changed: pages are not put together by property yet, so a pair may be
    the parcel of another one.

    Args:
        known: What labels name, in the order of the pages.
    """
    pairs = {
        (one.value, other.value): None for one, other in itertools.pairwise(known)
        if _is_pair(one, other)
    }  # fmt: skip
    for one, other in itertools.zip_longest(known, known[1:]):
        found = None
        if _may_lack_stroke(one) and (other is None or not _is_pair(one, other)):
            found = next((pair for pair in pairs if _may_be(one.value, *pair)), None)
        if found is None:
            yield one
        else:
            yield replace(one, value=found[0], strictness=_STRICTNESS)
            yield replace(one, name=UNDER, value=found[1], strictness=_STRICTNESS)


def _may_lack_stroke(one: Candidate) -> bool:
    is_unsure = one.least_confidence < FIGURES_BELOW_CONFIDENCE
    return one.name == ABOVE and is_unsure and len(one.value) >= _LEAST_FIGURES


def _is_pair(one: Candidate, other: Candidate) -> bool:
    same = (one.page, one.rule) == (other.page, other.rule)
    return same and (one.name, other.name) == (ABOVE, UNDER)


def _may_be(figures: str, above: str, under: str) -> bool:
    """Say whether figures are those of a parcel with the stroke left out or read as a figure."""
    return any(figures == f"{above}{stroke}{under}" for stroke in _STROKE_READ_AS)
