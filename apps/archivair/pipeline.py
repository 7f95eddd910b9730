"""Read one page: clean, turn upright, find, read with each engine, vote, place.

    reading = read_page(page, Engines(ServerReader(client), find_tesseract()))

No file, no HTTP and no clock of its own: the engines come as arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from apps.archivair.assemble import PageGeometry, ReadPiece, assemble, ink_under
from apps.archivair.clean import CleanPage, Gray, clean_page, enlarge_small
from apps.archivair.confidence import load_word_model
from apps.archivair.fraktur_reading import FRAKTUR_ENGINES
from apps.archivair.handwriting import sort_out_handwriting
from apps.archivair.layer import compare_layer, read_layer
from apps.archivair.letters import has_faint_print
from apps.archivair.lines import TextBox, crop_piece, find_lines, ink_mask
from apps.archivair.orientation import is_upside_down, stands_on_side
from apps.archivair.pages import PageImage
from apps.archivair.piece_reading import MARGIN, Engines, models_used, read_pieces
from apps.archivair.quality import (
    BLANK,
    HANDWRITING,
    HANDWRITTEN,
    LOW_CONFIDENCE,
    MUCH_HANDWRITING,
    NO_FRAKTUR_DATA,
    NO_TESSERACT,
    NO_TEXT,
    check_page,
    is_blank,
    is_unsure,
)
from apps.archivair.reading import PageReading
from apps.archivair.recognise import ServerReader
from apps.archivair.rules import cut_at_rules
from apps.archivair.scan_check import PICTURE_CODES, ScanCheck, check_scan
from apps.archivair.script import PlacedLine, Script, ScriptChoice, detect_script
from apps.archivair.words import word_spans
from shared.contracts.finding import Finding

FROM_LAYER = "textebene"


@dataclass(frozen=True, slots=True)
class Upright:
    """A page the right way up with its pieces of text.

    Args:
        clean: The page without vertical rules.
        boxes: Pieces of text.
        turns: Quarter turns clockwise that made it upright.
        rules_x: Where its vertical rules stood.
    """

    clean: CleanPage
    boxes: list[TextBox]
    turns: int
    rules_x: tuple[float, ...]


def read_page(
    page: PageImage,
    engines: Engines,
    *,
    script: ScriptChoice = "auto",
) -> PageReading:
    """Read one page.

    Args:
        page: The page.
        engines: What reads.
        script: "auto" measures the pitch; otherwise what a person knows.

    Raises:
        ModelServerError: The model server could not answer.
        PredictionFailed: The model server could not work on this page.
        Cancelled: A person stopped the work.
    """
    clean = clean_page(page.gray)
    if is_blank(clean) and not has_faint_print(clean.image):
        return replace(_empty_reading(page, clean), findings=(*page.notes, BLANK))
    return _read_own_text(page, clean, engines.reader) or _read_scan(page, clean, engines, script)


def _read_own_text(page: PageImage, clean: CleanPage, reader: ServerReader) -> PageReading | None:
    layer = read_layer(page, clean, reader)
    if layer is None:
        return None
    return replace(
        _empty_reading(page, clean),
        blocks=layer.blocks,
        script=layer.script,
        findings=(*page.notes, layer.finding),
        engines=(FROM_LAYER,),
        tilt_deg=0.0,
    )


def _read_scan(
    page: PageImage, clean: CleanPage, engines: Engines, script: ScriptChoice
) -> PageReading:
    upright = turn_upright(page.gray, clean, engines.reader)
    found = read_pieces(upright.clean, upright.boxes, engines, script)
    sorted_out = sort_out_handwriting(upright.clean, upright.boxes, found)
    pieces, written = sorted_out.print, sorted_out.handwriting
    ink = ink_mask(upright.clean)
    chosen = _choose_script(pieces, ink, script)
    height, width = page.gray.shape
    geometry = PageGeometry(upright.clean.to_source, upright.turns, width, height)
    blocks = assemble(
        pieces,
        ink,
        geometry,
        rules_x=upright.rules_x,
        fixed_pitch=chosen == "typewriter",
        word_model=load_word_model(chosen),
    )
    scan = check_scan(page)
    findings = _scan_findings(page, scan, upright, engines, chosen)
    if written:
        findings.append(HANDWRITING if len(written) < MUCH_HANDWRITING else HANDWRITTEN)
    if not blocks:
        findings.append(NO_TEXT)
    used = _engines_used(pieces)
    reading = replace(
        _empty_reading(page, upright.clean),
        blocks=blocks,
        rotation_deg=90 * upright.turns,
        script=chosen,
        findings=tuple(findings),
        engines=used,
        models=tuple(models_used(engines, used)),
        fingerprint=scan.fingerprint,
        handwriting=tuple(geometry.box(box.corners()) for box in written),
    )
    if is_unsure(reading):
        reading = replace(reading, findings=(*reading.findings, LOW_CONFIDENCE))
    return compare_layer(page, reading)


def _scan_findings(
    page: PageImage, scan: ScanCheck, upright: Upright, engines: Engines, script: Script
) -> list[Finding]:
    """Say what the scan and missing engines do to the reading."""
    seen = [finding for finding in scan.findings if finding.code in PICTURE_CODES]
    place = check_page(upright.clean, upright.boxes, 90 * upright.turns)
    findings = [*page.notes, *seen, *place]
    if engines.tesseract is None:
        findings.append(NO_TESSERACT)
    if script == "fraktur" and not engines.fraktur:
        findings.append(NO_FRAKTUR_DATA)
    return findings


def turn_upright(gray: Gray, clean: CleanPage, reader: ServerReader) -> Upright:
    """Find the text and turn the page until its lines lie and read better than upside down."""
    turns = 0
    clean = enlarge_small(clean)
    found = reader.find_pieces(clean.image)
    if stands_on_side(found):
        turns = 1
        clean = enlarge_small(clean_page(_turn(gray, turns)))
        found = reader.find_pieces(clean.image)
    boxes = find_lines(clean, found)
    if boxes and is_upside_down(
        boxes, lambda box: crop_piece(clean.image, box, MARGIN), reader.read_crops
    ):
        turns += 2
        clean = enlarge_small(clean_page(_turn(gray, turns)))
        boxes = find_lines(clean, reader.find_pieces(clean.image))
    without, cut, rules = cut_at_rules(clean, boxes)
    return Upright(without, cut, turns, tuple(rule.x for rule in rules))


def _turn(gray: Gray, turns: int) -> Gray:
    """Turn a page clockwise by quarter turns."""
    return np.ascontiguousarray(np.rot90(gray, -turns))


def _choose_script(
    pieces: Sequence[ReadPiece], ink: NDArray[np.bool_], script: ScriptChoice
) -> Script:
    if script != "auto":
        return script
    engines = {one.engine for piece in pieces for one in piece.candidates}
    if engines & FRAKTUR_ENGINES:
        return "fraktur"
    lines = []
    for piece in pieces:
        text = " ".join(piece.voted.text.split())
        area = ink_under(ink, piece.box)
        spans = word_spans(text, area, piece.box.height, fixed_pitch=False)
        lines.append(PlacedLine(text, tuple(spans)))
    return detect_script(lines)


def _engines_used(pieces: Sequence[ReadPiece]) -> tuple[str, ...]:
    """Return the engines that read at least one piece; a second look is the same engine."""
    names = {one.engine.removesuffix("_filtered") for piece in pieces for one in piece.candidates}
    return tuple(sorted(names))


def _empty_reading(page: PageImage, clean: CleanPage) -> PageReading:
    height, width = page.gray.shape
    findings: tuple[Finding, ...] = ()
    return PageReading(
        blocks=(),
        width=width,
        height=height,
        dpi=page.dpi,
        rotation_deg=0,
        tilt_deg=round(clean.angle_deg, 2),
        script="antiqua",
        findings=findings,
        engines=(),
        models=(),
    )
