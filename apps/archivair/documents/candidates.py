"""A value that may be the one of a field, with where it stands and what speaks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apps.archivair.documents.content import Box, PlacedWord

RIGHT, BESIDE, BELOW, OPEN, REPEAT = "rechts", "daneben", "darunter", "offen", "wiederholt"
"""Where a value stands: behind its label, in the cell beside or below, without a label, or where a
value that a label names elsewhere is stated again."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value that may be the one of a field.

    Args:
        name: Name of the field.
        value: Normal form.
        raw: As it stands on the page.
        page: Number of the page in the stream, from 1.
        box: Box of its words in pixels of the delivered page image.
        rule: Rule that found it.
        place: Where it stands from the label.
        likeness: How well the label fits, 0.8 to 1; of a repeated value how well it fits itself.
        label_length: Letters of the label; 0 without one.
        has_colon: Whether a colon follows the label.
        starts_cell: Whether the label begins its cell.
        strictness: How little else the value could be, 0 to 1.
        least_confidence: Least confidence of its words.
        at_home: Probability that the page is of a class where the rule is at home; of a repeated
            value how often labels name it nearby, 0 to 1.
        searched: Whether the value stood anywhere in the line.
        is_shared: Whether the value is the same in the whole file.
    """

    name: str
    value: str
    raw: str
    page: int
    box: Box
    rule: str
    place: str
    likeness: float
    label_length: int
    has_colon: bool
    starts_cell: bool
    strictness: float
    least_confidence: float
    at_home: float
    searched: bool
    is_shared: bool


def least_confidence(words: Sequence[PlacedWord]) -> float:
    """Return the least confidence of words.

    Args:
        words: At least one.
    """
    return min(word.confidence for word in words)
