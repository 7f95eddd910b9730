"""The sample page: an invented typewritten building permit of 1958, rendered as a worn scan."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from PIL import Image

from apps.archivair.rendering import Gray, PageCanvas, RenderedPage, Wear, load_texts, spoil

SAMPLE_NAME = "bauschein_beispiel.jpg"
SAMPLE_SEED = 58
SAMPLE_WEAR = Wear(
    ink_fade=0.3,
    ink_spread_px=1,
    tilt_deg=1.1,
    shading=0.28,
    dpi=200,
    blur_sigma_px=0.7,
    noise_sigma=6,
    speckle_share=0.0004,
)
SIZE_PT = 11.5
MARGIN_MM = 26
TOP_MM = 20
FORM_TAB_MM = 34
HOLE_MM = 6
HOLE_LEFT_MM = 12
HOLE_DISTANCE_MM = 80
HOLE_GREY = 70
PAPER_GREY = 243
JPEG_QUALITY = 82
MM_PER_INCH = 25.4


@lru_cache(maxsize=1)
def render_sample() -> RenderedPage:
    """Render the scan; the same pixels and the same text on every call."""
    canvas = PageCanvas("courier_prime", size_pt=SIZE_PT, seed=SAMPLE_SEED)
    set_letter(canvas, load_texts()["sample"])
    page = canvas.finish()
    paper = np.minimum(page.image, np.uint8(PAPER_GREY))
    return spoil(
        RenderedPage(_punch(paper, canvas.dpi), page.blocks, page.dpi), SAMPLE_WEAR, SAMPLE_SEED
    )


def sample_text() -> str:
    """Return what truly stands on the sample page, lines in reading order."""
    return render_sample().text


def sample_jpeg() -> bytes:
    """Return the scan as a JPEG that names itself an example in its comment."""
    page = render_sample()
    target = io.BytesIO()
    Image.fromarray(page.image).save(
        target,
        "JPEG",
        quality=JPEG_QUALITY,
        dpi=(page.dpi, page.dpi),
        comment=load_texts()["sample"]["mark"],
    )
    return target.getvalue()


def set_letter(canvas: PageCanvas, texts: dict[str, Any]) -> None:
    """Set head, form, title, paragraphs, closing and the mark that it is an example.

    Args:
        canvas: Empty page.
        texts: Table `sample` of `sample_texts.toml`.
    """
    left = _pixels(MARGIN_MM, canvas.dpi)
    room = canvas.width - left - _pixels(MARGIN_MM / 2, canvas.dpi)
    gap = canvas.pitch_px
    y = canvas.paragraph("\n".join(texts["head"]), left, _pixels(TOP_MM, canvas.dpi), room) + gap
    tab = left + _pixels(FORM_TAB_MM, canvas.dpi)
    rows = []
    for label, value in texts["form"]:
        rows.append(canvas.row([(left, label), (tab, value)], y))
        y += canvas.pitch_px
    canvas.blocks.append(tuple(rows))
    y = canvas.paragraph(texts["title"], left, y + gap, room) + gap
    for paragraph in texts["paragraphs"]:
        y = canvas.paragraph(paragraph, left, y, room) + gap // 2
    y = canvas.paragraph("\n".join(texts["closing"]), left, y + gap, room)
    canvas.paragraph(texts["mark"], left, y + 2 * gap, room)


def _punch(image: Gray, dpi: int) -> Gray:
    """Draw the two holes of a file binder, as a scanner sees them."""
    punched = image.copy()
    middle, distance = image.shape[0] // 2, _pixels(HOLE_DISTANCE_MM, dpi)
    for y in (middle - distance // 2, middle + distance // 2):
        centre = (_pixels(HOLE_LEFT_MM, dpi), y)
        cv2.circle(punched, centre, _pixels(HOLE_MM / 2, dpi), HOLE_GREY, -1, cv2.LINE_AA)
    return punched


def _pixels(millimetres: float, dpi: int) -> int:
    return round(millimetres / MM_PER_INCH * dpi)
