"""Pages of words on drawn paper, for the tests of redaction."""

import numpy as np
from PIL import Image, ImageDraw

from apps.archivair.archive_files.page_content import ArchivePage, PageWord
from apps.archivair.rendering import load_font

DPI = 150.0
SIZE = 26


def draw_page(lines, *, size=(1100, 900)):
    """Return a page on which the lines are printed; an empty line leaves room for a signature."""
    image = Image.new("L", size, 255)
    pen, font, placed = ImageDraw.Draw(image), load_font("arimo", SIZE), []
    for number, text in enumerate(lines):
        left, top, row = 60.0, 40 + 42 * number, []
        for word in text.split():
            pen.text((left, top), word, fill=0, font=font)
            right = left + font.getlength(word)
            row.append(PageWord(word, (round(left), top, round(right), top + SIZE + 4)))
            left = right + font.getlength(" ")
        if row:
            placed.append(tuple(row))
    return ArchivePage(np.asarray(image, dtype=np.uint8).copy(), DPI, tuple(placed))


def sign(page, box):
    """Draw a scrawl into a box and return the page."""
    image = Image.fromarray(page.image)
    left, top, right, bottom = box
    waves = [
        (x, (top + bottom) / 2 + (bottom - top) / 2.2 * np.sin(x / 6))
        for x in range(left, right, 2)
    ]
    ImageDraw.Draw(image).line(waves, fill=30, width=3)
    return ArchivePage(np.asarray(image, dtype=np.uint8).copy(), page.dpi, page.lines)


def read_nothing(pixels, dpi):
    """Stand in for text recognition that sees an empty page."""
    return []
