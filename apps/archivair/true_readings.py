"""Invented pages as if they had been read without an error, for measuring what comes after."""

from __future__ import annotations

from itertools import groupby
from typing import cast

from apps.archivair.documents.look import measure_look
from apps.archivair.kept_page import KeptPage
from apps.archivair.pages import PageIdentity, make_preview
from apps.archivair.quality import BLANK
from apps.archivair.reading import PageReading, TextLine, Word
from apps.archivair.script import Script
from apps.archivair.upright import upright_picture
from shared.demo_city import ScannedPage

_SCRIPTS = ("antiqua", "typewriter", "fraktur")


def true_page(page: ScannedPage, identity: PageIdentity) -> KeptPage:
    """Return a page with its true words, lines and blocks.

    Args:
        page: Invented page.
        identity: Which page of which file it is.
    """
    truth = page.truth
    blocks = tuple(
        tuple(
            TextLine(
                tuple(Word(text, _whole(box), 1.0) for text, box in line.words),
                tuple((float(x), float(y)) for x, y in line.quad),
            )
            for line in lines
        )
        for _, lines in groupby((one for one in truth.lines if one.words), lambda one: one.block)
    )
    reading = PageReading(
        blocks=blocks,
        width=truth.width_px,
        height=truth.height_px,
        dpi=float(truth.dpi),
        rotation_deg=truth.rotation_deg,
        tilt_deg=truth.tilt_deg,
        script=cast(Script, truth.script if truth.script in _SCRIPTS else "antiqua"),
        findings=(BLANK,) if truth.state == "leer" else (),
        engines=("wahrheit",),
        models=(),
    )
    look = measure_look(upright_picture(make_preview(page.image), truth.rotation_deg))
    return KeptPage(identity, reading, b"", look)


def _whole(box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    left, top, right, bottom = (round(side) for side in box)
    return left, top, max(right, left + 1), max(bottom, top + 1)
