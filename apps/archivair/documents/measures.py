"""Measures of splitting, classes and fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Score:
    """Precision, recall and their harmonic mean, each 0 to 1.

    Args:
        hits: What was found and is true.
        found: What was found.
        true: What is true.
    """

    hits: int
    found: int
    true: int

    @property
    def f1(self) -> float:
        """Twice the hits over all found and all true; 1 when there is nothing to find."""
        total = self.found + self.true
        return 2 * self.hits / total if total else 1.0


def document_spans(starts: Sequence[bool]) -> list[Span]:
    """Return first and last page of each document, from 0.

    Args:
        starts: Whether a document begins with the page; the first page always does.
    """
    firsts = [page for page, begins in enumerate(starts) if begins or page == 0]
    return list(zip(firsts, [first - 1 for first in firsts[1:]] + [len(starts) - 1], strict=True))


def boundary_score(found: Sequence[Sequence[bool]], true: Sequence[Sequence[bool]]) -> Score:
    """Count cuts before the second and later pages, pooled over streams.

    Args:
        found: Per stream and page whether a document begins.
        true: The same, true.
    """
    pairs = [
        (one, other)
        for stream, real in zip(found, true, strict=True)
        for one, other in zip(stream[1:], real[1:], strict=True)
    ]
    return Score(
        sum(one and other for one, other in pairs),
        sum(one for one, _ in pairs),
        sum(other for _, other in pairs),
    )


def exact_document_score(found: Sequence[Sequence[bool]], true: Sequence[Sequence[bool]]) -> Score:
    """Count documents with the right first and last page, pooled over streams.

    Args:
        found: Per stream and page whether a document begins.
        true: The same, true.
    """
    spans = [
        (set(document_spans(one)), set(document_spans(other)))
        for one, other in zip(found, true, strict=True)
    ]
    return Score(
        sum(len(one & other) for one, other in spans),
        sum(len(one) for one, _ in spans),
        sum(len(other) for _, other in spans),
    )


def panoptic_quality(found: Sequence[Sequence[bool]], true: Sequence[Sequence[bool]]) -> float:
    """Return the panoptic quality of documents, pooled over streams, 0 to 1.

    Documents that share more than half of their joint pages count as matched (Kirillov et al. 2019,
    doi:10.1109/CVPR.2019.00963; for page streams van Heusden et al. 2024).

    Args:
        found: Per stream and page whether a document begins.
        true: The same, true.
    """
    parts = [panoptic_parts(one, other) for one, other in zip(found, true, strict=True)]
    total = sum(matched + unmatched for _, matched, unmatched in parts)
    return sum(overlap for overlap, _, _ in parts) / total if total else 1.0


def panoptic_parts(found: Sequence[bool], true: Sequence[bool]) -> tuple[float, float, float]:
    """Return of one stream the summed overlaps, matched documents and half the unmatched.

    Args:
        found: Per page whether a document begins.
        true: The same, true.
    """
    spans, real = document_spans(found), document_spans(true)
    shared = [share for a in spans for b in real if (share := _overlap(a, b)) > 0.5]
    return sum(shared), float(len(shared)), (len(spans) + len(real) - 2 * len(shared)) / 2


def _overlap(one: Span, other: Span) -> float:
    shared = min(one[1], other[1]) - max(one[0], other[0]) + 1
    joint = max(one[1], other[1]) - min(one[0], other[0]) + 1
    return max(0, shared) / joint


def perfect_share(found: Sequence[Sequence[bool]], true: Sequence[Sequence[bool]]) -> float:
    """Return the share of streams without any error.

    Args:
        found: Per stream and page whether a document begins.
        true: The same, true.
    """
    right = [list(one)[1:] == list(other)[1:] for one, other in zip(found, true, strict=True)]
    return sum(right) / len(right) if right else 0.0


def macro_f1(found: Sequence[str], true: Sequence[str]) -> float:
    """Return the mean F1 of the classes that occur in the truth.

    Args:
        found: Class per page.
        true: True class per page.
    """
    scores = []
    for name in sorted(set(true)):
        hits = sum(one == other == name for one, other in zip(found, true, strict=True))
        scores.append(Score(hits, list(found).count(name), list(true).count(name)).f1)
    return sum(scores) / len(scores) if scores else 0.0


def exact_match(
    found: Iterable[Mapping[str, str]], true: Iterable[Mapping[str, frozenset[str]]]
) -> dict[str, Score]:
    """Count fields with exactly a true value, by name of field.

    Args:
        found: Per document the value of each filled field.
        true: Per document the values that the document states.
    """
    counts: dict[str, list[int]] = {}
    for one, other in zip(found, true, strict=True):
        for name in set(one) | set(other):
            count = counts.setdefault(name, [0, 0, 0])
            count[0] += one.get(name, "") in other.get(name, frozenset())
            count[1] += name in one
            count[2] += name in other
    return {name: Score(*count) for name, count in sorted(counts.items())}


def caught_by_review(confidences: Sequence[float], right: Sequence[bool], share: float) -> float:
    """Return the share of errors among the least certain answers; 1 when there is no error.

    Args:
        confidences: Stated probability per answer.
        right: Whether it was right.
        share: Share of answers that a person looks at, 0 to 1.
    """
    errors = sum(not one for one in right)
    order = sorted(range(len(right)), key=lambda place: confidences[place])
    seen = order[: round(share * len(order))]
    return sum(not right[place] for place in seen) / errors if errors else 1.0
