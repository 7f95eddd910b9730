"""Tell handwriting from print, so that it is never guessed: its pieces are left unread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from apps.archivair.assemble import ReadPiece
from apps.archivair.clean import CleanPage
from apps.archivair.lines import TextBox, crop_piece, median_height
from apps.archivair.recognise import PRINT_ENGINE, Candidate
from apps.archivair.vote import distance_share

SURE_PRINT = 0.93
AGREEING = 0.5
HARDLY_LEGIBLE = 0.62
FEW_SHAPES, RATHER_FEW = 0.95, 1.2
JOINED_SHARE, RATHER_JOINED, THIN_FILL = 0.5, 0.3, 0.36
LONG_SHAPE_HEIGHTS = 1.6
SPECK_SHARE = 0.004
NEAR_HEIGHTS = 2.2
MIN_UNREAD_WIDTH = 1.5
RULE_SHARE, RULE_EDGE_SHARE = 0.85, 0.25
Mask = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Sorted:
    """The pieces of a page, divided.

    Args:
        print: Pieces of print.
        handwriting: Places of pieces written by hand.
    """

    print: list[ReadPiece]
    handwriting: list[TextBox]


@dataclass(frozen=True, slots=True)
class _Shapes:
    """How the ink of a piece hangs together.

    Args:
        per_height: Separate shapes per piece of the line as long as it is high.
        joined: Share of the shapes' width in shapes longer than 1.6 heights.
        fill: Share of the shapes' boxes that is ink.
    """

    per_height: float
    joined: float
    fill: float


def sort_out_handwriting(
    clean: CleanPage, boxes: Sequence[TextBox], pieces: Sequence[ReadPiece]
) -> Sorted:
    """Divide the pieces of a page into print and handwriting.

    Print reads surely, or two engines agree on it, or its letters stand apart. What does none of
    these was written by hand, and so was what is just as illegible right beside it.

    Args:
        clean: The upright page.
        boxes: All pieces that were found.
        pieces: Those with text.
    """
    if not boxes:
        return Sorted(list(pieces), [])
    usual = median_height(boxes)
    doubtful = [piece for piece in pieces if not _reads_like_print(piece)]
    hand = [piece for piece in doubtful if _was_written(piece, clean)]
    read = {id(piece.box) for piece in pieces}
    unread = [
        box
        for box in boxes
        if id(box) not in read
        and box.score > 0
        and box.width > MIN_UNREAD_WIDTH * usual
        and _is_cursive(_shapes(clean, box))
    ]
    written = [piece.box for piece in hand] + unread
    beside = [
        piece
        for piece in doubtful
        if piece not in hand
        and _first_look(piece).score < HARDLY_LEGIBLE
        and any(_is_near(piece.box, box, usual) for box in written)
    ]
    hand += beside
    written += [piece.box for piece in beside]
    return Sorted([piece for piece in pieces if piece not in hand], written)


def _reads_like_print(piece: ReadPiece) -> bool:
    """Say whether an engine is sure of a piece, or two of different kind agree on most of it."""
    first = _first_look(piece)
    if first.score >= SURE_PRINT:
        return True
    others = [one for one in piece.candidates[1:] if one.engine.startswith("tesseract")]
    return any(
        len(one.text) >= 3 and distance_share(first.text, one.text) < AGREEING for one in others
    )


def _first_look(piece: ReadPiece) -> Candidate:
    """Return what the recogniser of print read; its score tells print from scrawl best."""
    nothing = Candidate(PRINT_ENGINE, "", ())
    return next((one for one in piece.candidates if one.engine == PRINT_ENGINE), nothing)


def _was_written(piece: ReadPiece, clean: CleanPage) -> bool:
    shapes = _shapes(clean, piece.box)
    hardly = _first_look(piece).score < HARDLY_LEGIBLE
    return _is_cursive(shapes) or (
        hardly
        and (shapes is None or shapes.joined > RATHER_JOINED or shapes.per_height < RATHER_FEW)
    )


def _is_cursive(shapes: _Shapes | None) -> bool:
    """Say whether letters hang together in long thin strokes."""
    if shapes is None:
        return False
    return shapes.per_height < FEW_SHAPES or (
        shapes.joined > JOINED_SHARE and shapes.fill < THIN_FILL
    )


def _shapes(clean: CleanPage, box: TextBox) -> _Shapes | None:
    crop = crop_piece(clean.image, box, 0.05)
    ink = (cv2.GaussianBlur(crop, (0, 0), 0.7) < clean.ink_threshold).astype(np.uint8)
    ink = _without_rules(ink)
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink)
    stats = stats[1:]
    stats = stats[stats[:, cv2.CC_STAT_AREA] >= SPECK_SHARE * box.height**2]
    if not len(stats):
        return None
    wide, high = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    return _Shapes(
        per_height=len(stats) * box.height / crop.shape[1],
        joined=float(wide[wide > LONG_SHAPE_HEIGHTS * box.height].sum() / wide.sum()),
        fill=float(stats[:, cv2.CC_STAT_AREA].sum() / (wide * high).sum()),
    )


def _is_near(one: TextBox, other: TextBox, usual: float) -> bool:
    beside = max(one.left, other.left) - min(one.right, other.right)
    above = max(one.top, other.top) - min(one.bottom, other.bottom)
    return beside < NEAR_HEIGHTS * usual and above < NEAR_HEIGHTS * usual


def _without_rules(ink: Mask) -> Mask:
    """Take out lines of tables and drawings: they join print as a pen joins letters.

    A rule is straight, crosses the whole piece and runs along its edge; a stroke under a signature
    is shorter, slants or lies further in.
    """
    height, width = ink.shape
    level, upright = (
        cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones(kernel, np.uint8))
        for kernel in ((1, max(3, round(RULE_SHARE * width))), (max(3, height - 2), 1))
    )
    edge = max(2, round(RULE_EDGE_SHARE * height))
    level[edge : height - edge] = 0
    upright[:, edge : width - edge] = 0
    rules = cv2.dilate(level | upright, np.ones((3, 3), np.uint8))
    return np.where(rules > 0, 0, ink).astype(np.uint8)
