"""An invented scan of many pages, for endurance runs."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

from apps.archivair.rendering import compose_paragraphs, load_font, render_letter

SMALL_PX, FONT_PX, LINES = (1000, 420), 30, 4
SMALL_DPI = 150
LETTERS = 12


def make_scan(path: Path, pages: int, *, full_size: bool) -> None:
    """Write a PDF of scanned pages, each with other text.

    Args:
        path: Where to.
        pages: Number of pages.
        full_size: True for whole letters with 300 dpi, False for small cheap pages.
    """
    draw = _letter if full_size else _note
    first, *rest = (draw(number) for number in range(1, pages + 1))
    dpi = 300 if full_size else SMALL_DPI
    first.save(path, "PDF", save_all=True, append_images=rest, resolution=dpi)


def _note(number: int) -> Image.Image:
    image = Image.new("L", SMALL_PX, 250)
    draw = ImageDraw.Draw(image)
    font = load_font("courier_prime", FONT_PX)
    words = f"Blatt {number} {compose_paragraphs(number, 1)[0]}".split()
    for row in range(LINES):
        line = " ".join(words[7 * row : 7 * row + 7])[:50]
        draw.text((60, 60 + 80 * row), line, font=font, fill=25)
    return image


def _letter(number: int) -> Image.Image:
    return Image.fromarray(render_letter("courier_prime", 60_000 + number % LETTERS).image)
