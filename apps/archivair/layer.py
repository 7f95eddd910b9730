"""Text layers of PDF pages: use a born-digital one, compare an old one over a scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from apps.archivair.clean import CleanPage
from apps.archivair.lines import TextBox, crop_piece, find_lines
from apps.archivair.metrics import LENIENT, cer
from apps.archivair.pages import LayerWord, PageImage
from apps.archivair.pdf_pages import OLD_LAYER_CODE
from apps.archivair.reading import PageReading, TextLine, Word
from apps.archivair.reading_order import Piece, Row, order_lines
from apps.archivair.recognise import ServerReader
from apps.archivair.script import PlacedLine, Script, detect_script
from shared.contracts.finding import Finding
from shared.errors import N_

SAMPLE_LINES = 3
MAX_DISAGREEMENT = 0.10
MAX_UNCOVERED_SHARE = 0.10
LAYER_CONFIDENCE = 0.995
WORD_GAP_HEIGHTS = 1.0
_DIGITAL = Finding(
    "ok", "digital", N_("Die Seite hat eine eigene Textebene; ihr Text wurde übernommen.")
)


@dataclass(frozen=True, slots=True)
class LayerReading:
    """Text taken from the layer of a born-digital page."""

    blocks: tuple[tuple[TextLine, ...], ...]
    script: Script
    finding: Finding


@dataclass(frozen=True, slots=True)
class _LayerPiece:
    """Neighbouring words of the layer on one line."""

    words: tuple[LayerWord, ...]
    box: TextBox

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


def read_layer(page: PageImage, clean: CleanPage, reader: ServerReader) -> LayerReading | None:
    """Use the page's own text when it is a born-digital page and a sample agrees.

    Args:
        page: The page with its layer.
        clean: The cleaned page.
        reader: Reads the three sample lines.

    Returns:
        None when the page has no layer, lies over a scan, leaves ink uncovered or disagrees with
        the sample by more than 10 %: then the page is read like a scan.
    """
    if not page.layer or any(note.code == OLD_LAYER_CODE for note in page.notes):
        return None
    pieces = _layer_pieces(page.layer)
    if _uncovered_share(clean, pieces) > MAX_UNCOVERED_SHARE:
        return None
    if not _sample_agrees(page, pieces, reader):
        return None
    ordered = order_lines([Piece(one.box, one.text, place) for place, one in enumerate(pieces)])
    blocks = tuple(
        tuple(_as_line([pieces[part.key] for part in row], row) for row in block)
        for block in ordered
    )
    script = detect_script([_placed(one) for one in pieces])
    return LayerReading(blocks, script, _DIGITAL)


def compare_layer(page: PageImage, reading: PageReading) -> PageReading:
    """Say how far an old layer over a scan agrees with the own reading.

    Args:
        page: The page with its layer.
        reading: The own reading.

    Returns:
        The reading, with one more finding when there is a layer.
    """
    if not page.layer:
        return reading
    own = cer(" ".join(word.text for word in page.layer), reading.text, LENIENT)
    agreement = max(0, round(100 * (1 - own.rate)))
    finding = Finding(
        "ok",
        "textebene_vergleich",
        N_(
            "Die vorhandene Textebene stimmt zu {percent} % mit der eigenen Lesung überein. "
            "Verwendet wurde die eigene."
        ),
        details={"percent": agreement},
    )
    kept = tuple(one for one in reading.findings if one.code != OLD_LAYER_CODE)
    return replace(reading, findings=(*kept, finding))


def _layer_pieces(words: Sequence[LayerWord]) -> list[_LayerPiece]:
    """Join words of the layer that follow each other on one line."""
    pieces: list[list[LayerWord]] = []
    for word in words:
        if pieces and _follows(pieces[-1][-1], word):
            pieces[-1].append(word)
        else:
            pieces.append([word])
    return [_LayerPiece(tuple(piece), _around(piece)) for piece in pieces]


def _follows(before: LayerWord, word: LayerWord) -> bool:
    height = before.box[3] - before.box[1]
    gap = word.box[0] - before.box[2]
    overlap = min(before.box[3], word.box[3]) - max(before.box[1], word.box[1])
    return -height < gap < WORD_GAP_HEIGHTS * height and overlap > 0.5 * height


def _around(words: Sequence[LayerWord]) -> TextBox:
    boxes = np.array([word.box for word in words])
    left, top = boxes[:, :2].min(axis=0)
    right, bottom = boxes[:, 2:].max(axis=0)
    return TextBox(float(left), float(top), float(right), float(bottom), score=1.0)


def _uncovered_share(clean: CleanPage, pieces: Sequence[_LayerPiece]) -> float:
    """Return the width of text-like ink outside the layer as a share of the layer's width."""
    if not pieces:
        return 1.0
    boxes = [piece.box for piece in pieces]
    missed = find_lines(clean, [(box.corners(), 1.0) for box in boxes])[len(boxes) :]
    missed = [box for box in missed if box.score == 0]
    return sum(box.width for box in missed) / max(1.0, sum(box.width for box in boxes))


def _sample_agrees(page: PageImage, pieces: Sequence[_LayerPiece], reader: ServerReader) -> bool:
    """Read three of the longest lines and compare them with the layer."""
    longest = sorted(pieces, key=lambda piece: -len(piece.text))[: 3 * SAMPLE_LINES : 3]
    sample = longest or list(pieces)
    readings = reader.read_crops([crop_piece(page.gray, piece.box, 0.1) for piece in sample])
    layer_text = " ".join(piece.text for piece in sample)
    own_text = " ".join(one.text for one in readings)
    return cer(layer_text, own_text, LENIENT).rate <= MAX_DISAGREEMENT


def _as_line(pieces: Sequence[_LayerPiece], row: Row) -> TextLine:
    words = tuple(
        Word(word.text, _whole_pixels(word.box), LAYER_CONFIDENCE)
        for piece in pieces
        for word in piece.words
    )
    first, last = row[0].box.corners(), row[-1].box.corners()
    corners = tuple(
        (round(float(x), 1), round(float(y), 1)) for x, y in (first[0], last[1], last[2], first[3])
    )
    return TextLine(words, corners)


def _placed(piece: _LayerPiece) -> PlacedLine:
    return PlacedLine(piece.text, tuple((word.box[0], word.box[2]) for word in piece.words))


def _whole_pixels(box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    left, top = max(0, int(box[0])), max(0, int(box[1]))
    return left, top, max(left + 1, round(box[2])), max(top + 1, round(box[3]))
