"""Text whose pieces know what they mean: field, personal datum or neither."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

_PLACE: Final = re.compile(r"\{(\w+)\}")
_WORDS: Final = re.compile(r"(\s+)")


@dataclass(frozen=True, eq=False, slots=True)
class Mark:
    """What one piece of text means; each occurrence on a page has its own.

    Args:
        name: Name of the field; empty for none.
        value: Normalised value of the field.
        category: Category of personal data; empty for none.
        role: Whose datum it is.
        whole: The text as it is printed if it is not broken.
    """

    name: str = ""
    value: str = ""
    category: str = ""
    role: str = ""
    whole: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of text.

    Args:
        text: The text.
        marks: What it means; a house number may be part of a field and of a personal datum.
    """

    text: str
    marks: tuple[Mark, ...] = ()


Rich = tuple[Piece, ...]
Token = tuple[Piece, ...]
"""Pieces of one word, without blanks."""
Slot = Callable[[], Rich]


def plain(text: str) -> Rich:
    """Return text that means nothing special."""
    return (Piece(text),)


def text_of(rich: Sequence[Piece]) -> str:
    """Return the bare text."""
    return "".join(piece.text for piece in rich)


def fill(template: str, slots: dict[str, Slot]) -> Rich:
    """Put values into a template.

    Args:
        template: Text with places such as `{bauherr}`.
        slots: What stands at each place, made anew for each occurrence.

    Raises:
        KeyError: The template names a place that does not exist.
    """
    pieces: list[Piece] = []
    end = 0
    for found in _PLACE.finditer(template):
        if found.start() > end:
            pieces.append(Piece(template[end : found.start()]))
        pieces.extend(slots[found[1]]())
        end = found.end()
    if end < len(template):
        pieces.append(Piece(template[end:]))
    return tuple(pieces)


def words_of(rich: Sequence[Piece]) -> list[Token]:
    """Return the words; a word may consist of several pieces.

    Args:
        rich: Text without line breaks.
    """
    tokens: list[list[Piece]] = [[]]
    for piece in rich:
        for part in _WORDS.split(piece.text):
            if part and part.isspace():
                tokens.append([])
            elif part:
                tokens[-1].append(Piece(part, piece.marks))
    return [tuple(token) for token in tokens if token]


def paragraphs_of(rich: Sequence[Piece]) -> list[Rich]:
    """Return the parts between line breaks.

    Args:
        rich: Text.
    """
    parts: list[list[Piece]] = [[]]
    for piece in rich:
        for number, text in enumerate(piece.text.split("\n")):
            if number:
                parts.append([])
            if text:
                parts[-1].append(Piece(text, piece.marks))
    return [tuple(part) for part in parts]
