"""The symbols that the recogniser can write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
RAREST = 3
"""A character that the training texts hold less often cannot be learned."""


def build_alphabet(texts: Iterable[str]) -> list[str]:
    """Return the symbols in the order of the network's classes.

    Args:
        texts: Of the training lines.

    Returns:
        First the blank (an empty text), then the characters by code point, last the unknown one.
    """
    counts = Counter("".join(texts))
    return ["", *sorted(sign for sign, count in counts.items() if count >= RAREST), UNKNOWN]


def encode(text: str, alphabet: Sequence[str]) -> list[int]:
    """Return the classes of a text; characters that the alphabet lacks are unknown."""
    classes = {sign: index for index, sign in enumerate(alphabet)}
    return [classes.get(sign, len(alphabet) - 1) for sign in text]
