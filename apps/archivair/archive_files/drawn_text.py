"""Draw short texts as a page: notes and places where a page is held back."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from apps.archivair.archive_files.page_content import ArchivePage, PageWord
from apps.archivair.rendering import load_font, wrap

DPI = 150.0
_MM = DPI / 25.4
_WIDTH_MM, _HEIGHT_MM = 210, 297
_MARGIN_MM = 22
_TITLE_MM, _TEXT_MM, _SKIP = 6.5, 3.9, 1.45


def draw_text_pages(title: str, paragraphs: list[str]) -> list[ArchivePage]:
    """Return A4 pages with a title and paragraphs, black on white.

    Args:
        title: First line.
        paragraphs: Each is wrapped; an empty one leaves a line free.
    """
    width = (_WIDTH_MM - 2 * _MARGIN_MM) * _MM
    rows = [(_TITLE_MM, row) for row in wrap(title, load_font("arimo", _TITLE_MM * _MM), width)]
    rows.append((_TEXT_MM, ""))
    small = load_font("arimo", _TEXT_MM * _MM)
    for paragraph in paragraphs:
        rows += [(_TEXT_MM, row) for row in (wrap(paragraph, small, width) if paragraph else [""])]
    pages, top, held = [], _MARGIN_MM * _MM, list[tuple[float, float, str]]()
    for size_mm, row in rows:
        step = size_mm * _MM * _SKIP
        if held and top + step > (_HEIGHT_MM - _MARGIN_MM) * _MM:
            pages.append(_draw(held))
            top, held = _MARGIN_MM * _MM, []
        held.append((top, size_mm * _MM, row))
        top += step
    return [*pages, _draw(held)]


def _draw(rows: list[tuple[float, float, str]]) -> ArchivePage:
    image = Image.new("L", (round(_WIDTH_MM * _MM), round(_HEIGHT_MM * _MM)), 255)
    pen = ImageDraw.Draw(image)
    lines = []
    for top, size, row in rows:
        font, left, words = load_font("arimo", size), _MARGIN_MM * _MM, []
        for text in row.split():
            pen.text((left, top), text, fill=0, font=font)
            right = left + font.getlength(text)
            box = (round(left), round(top), round(right), round(top + size * 1.1))
            words.append(PageWord(text, box))
            left = right + font.getlength(" ")
        if words:
            lines.append(tuple(words))
    return ArchivePage(np.asarray(image, dtype=np.uint8).copy(), DPI, tuple(lines))
