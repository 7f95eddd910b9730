"""From voted pieces on the cleaned page to words and lines on the page image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from apps.archivair.confidence import WordModel, word_confidence
from apps.archivair.fix import repair_line, restore_paragraph_signs, restore_quotes
from apps.archivair.lines import TextBox
from apps.archivair.reading import TextLine, Word, to_page
from apps.archivair.reading_order import Block, Piece, order_lines
from apps.archivair.recognise import Candidate
from apps.archivair.vote import VotedLine
from apps.archivair.words import word_spans

UNSURE_MARGIN = 1.0


@dataclass(frozen=True, slots=True)
class ReadPiece:
    """A piece of a line after the vote.

    Args:
        box: Place on the cleaned page.
        voted: Result of the vote.
        candidates: What each engine read.
    """

    box: TextBox
    voted: VotedLine
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class PageGeometry:
    """How pixels of the cleaned page lie on the page image.

    Args:
        to_upright: 2 x 3 matrix from the cleaned page to the upright page.
        turns: Quarter turns clockwise that made the page image upright.
        width: Width of the page image in pixels.
        height: Height of the page image in pixels.
    """

    to_upright: NDArray[np.float64]
    turns: int
    width: int
    height: int

    def place(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Carry points (n x 2) of the cleaned page to the page image, cut at its edges."""
        upright = to_page(points, self.to_upright)
        width, height = self.width, self.height
        if self.turns == 1:
            upright = np.stack([upright[:, 1], height - upright[:, 0]], axis=1)
        elif self.turns == 2:
            upright = np.stack([width - upright[:, 0], height - upright[:, 1]], axis=1)
        elif self.turns == 3:
            upright = np.stack([width - upright[:, 1], upright[:, 0]], axis=1)
        return np.clip(upright, 0, [width, height])

    def box(self, points: NDArray[np.float64]) -> tuple[int, int, int, int]:
        """Return the box around points of the cleaned page, at least one pixel wide and high."""
        placed = self.place(points)
        left, top = np.floor(placed.min(axis=0)).astype(int)
        right, bottom = np.ceil(placed.max(axis=0)).astype(int)
        left, top = min(int(left), self.width - 1), min(int(top), self.height - 1)
        return left, top, max(int(right), left + 1), max(int(bottom), top + 1)


def assemble(
    pieces: Sequence[ReadPiece],
    ink: NDArray[np.bool_],
    geometry: PageGeometry,
    *,
    rules_x: Sequence[float] = (),
    fixed_pitch: bool,
    word_model: WordModel | None = None,
) -> tuple[tuple[TextLine, ...], ...]:
    """Order pieces, split them into words and place these on the page image.

    Args:
        pieces: Pieces with text, in any order.
        ink: Ink of the cleaned page.
        geometry: Way to the page image.
        rules_x: Places of vertical rules.
        fixed_pitch: True for typewriter.
        word_model: Coefficients of the confidence of a word; those of print by default.
    """
    texts = [repair_line(piece.voted.text) for piece in pieces]
    ordered = order_lines(
        [
            Piece(piece.box, text, number)
            for number, (piece, text) in enumerate(zip(pieces, texts, strict=True))
            if text
        ],
        rules_x,
    )
    blocks = []
    for block in ordered:
        words = _quoted_words(block)
        lines = []
        for row in block:
            line_words: list[Word] = []
            for part in row:
                piece = pieces[part.key]
                found = _place_words(
                    piece, texts[part.key], words[part.key], ink, geometry, fixed_pitch=fixed_pitch
                )
                line_words += [
                    Word(word, box, word_confidence(margins, piece.voted, word_model))
                    for word, box, margins in found
                ]
            candidates = tuple(one for part in row for one in pieces[part.key].candidates)
            lines.append(TextLine(tuple(line_words), _outline(row, geometry), candidates))
        blocks.append(tuple(lines))
    return tuple(blocks)


def realign(values: Sequence[float], old: str, new: str) -> list[float]:
    """Carry one value per character from a text to its repaired form.

    Args:
        values: One per character of `old`.
        old: Text before the repair.
        new: Text after it.

    Returns:
        One value per character of `new`; a changed character is as unsure as its neighbours.
    """
    result: list[float] = []
    for code in Levenshtein.opcodes(old, new):
        kept = list(values[code.src_start : code.src_end])
        if code.tag == "equal":
            result += kept
        elif code.tag != "delete":
            unsure = min([UNSURE_MARGIN, *kept])
            result += [unsure] * (code.dest_end - code.dest_start)
    return result


def _quoted_words(block: Block) -> Mapping[int, list[str]]:
    """Restore quotes and paragraph signs over the whole block: they may reach over lines."""
    parts = [part for row in block for part in row]
    text = "\n".join(part.text for part in parts)
    restored = restore_quotes(restore_paragraph_signs(text)).split("\n")
    return {part.key: line.split(" ") for part, line in zip(parts, restored, strict=True)}


def _place_words(
    piece: ReadPiece,
    repaired: str,
    words: list[str],
    ink: NDArray[np.bool_],
    geometry: PageGeometry,
    *,
    fixed_pitch: bool,
) -> list[tuple[str, tuple[int, int, int, int], list[float]]]:
    """Return each word with its box on the page image and the margins of its characters."""
    box = piece.box
    margins = realign(piece.voted.margins, piece.voted.text, repaired)
    area = ink_under(ink, box)
    spans = word_spans(" ".join(words), area, box.height, fixed_pitch=fixed_pitch)
    start, found = 0, []
    for word, original, (left, right) in zip(words, repaired.split(" "), spans, strict=True):
        own = margins[start : start + len(original)]
        start += len(original) + 1
        centre = (box.left + box.right) / 2
        middle = round(box.left) + (left + right) / 2
        shift = box.slope * (middle - centre)
        part = replace(
            box,
            left=round(box.left) + left,
            right=round(box.left) + right,
            top=box.top + shift,
            bottom=box.bottom + shift,
        )
        found.append((word, geometry.box(part.corners()), own))
    return found


def ink_under(ink: NDArray[np.bool_], box: TextBox) -> NDArray[np.bool_]:
    """Return the ink of a piece without its upper and lower edge: accents join no words.

    Args:
        ink: Ink of the cleaned page.
        box: The piece.
    """
    height, width = ink.shape
    rise = abs(box.slope) * box.width / 2
    top = int(np.clip(round(box.top + 0.15 * box.height - rise), 0, height - 1))
    bottom = int(np.clip(round(box.bottom - 0.15 * box.height + rise), top + 1, height))
    left = int(np.clip(round(box.left), 0, width - 1))
    return ink[top:bottom, left : max(left + 1, min(width, round(box.right)))]


def _outline(row: Sequence[Piece], geometry: PageGeometry) -> tuple[tuple[float, float], ...]:
    first, last = row[0].box.corners(), row[-1].box.corners()
    points = geometry.place(np.array([first[0], last[1], last[2], first[3]]))
    return tuple((round(float(x), 1), round(float(y), 1)) for x, y in points)
