"""Whether German quotes come back, and whether none is invented, on rendered lines."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from apps.archivair.line_reading import read_lines
from apps.archivair.piece_reading import Engines
from apps.archivair.rendering import FONTS, Gray, compose_paragraphs, load_font
from shared.geo.metrics import wilson_interval

FIRST_SEED = 47_000
QUOTES = "„“‚‘\"”’'"
LINE_SIZE_PX, MARGIN_PX = 34, 10
WORDS_PER_LINE = 7
NOISE_SIGMA = 8.0
Json = dict[str, Any]


def quote_figures(engines: Engines, count: int) -> list[Json]:
    """Measure lines with a quoted word, and as many without.

    Args:
        engines: What reads.
        count: Lines of each kind.
    """
    quoted, plain = quoted_lines(count)
    right = [
        _quotes(read) == _quotes(truth)
        for truth, read in zip(quoted, _read(quoted, engines), strict=True)
    ]
    clear = [not _quotes(read) for read in _read(plain, engines)]
    return [
        _share("Deutsche Anführungszeichen richtig gelesen", "German quotes read right", right),
        _share(
            "Zeilen ohne Anführungszeichen, in die keines hineingelesen wurde",
            "Lines without quotes into which none was read",
            clear,
        ),
    ]


def quoted_lines(count: int) -> tuple[list[str], list[str]]:
    """Return lines with one quoted word, and lines without quotes.

    Args:
        count: Lines of each kind.
    """
    quoted, plain = [], []
    for number in range(count):
        rng = random.Random(FIRST_SEED + number)  # noqa: S311  # test lines, no secret
        text = compose_paragraphs(FIRST_SEED + number, 1)[0]
        for sign in QUOTES:
            text = text.replace(sign, "")
        words = text.split()
        start = rng.randrange(max(1, len(words) - WORDS_PER_LINE))
        words = words[start : start + WORDS_PER_LINE]
        plain.append(" ".join(words))
        place = rng.randrange(len(words))
        bare = words[place].strip(".,;:()")
        opening, closing = ("‚", "‘") if rng.random() < 0.3 else ("„", "“")
        words[place] = words[place].replace(bare, f"{opening}{bare}{closing}", 1)
        quoted.append(" ".join(words))
    return quoted, plain


def _read(texts: Sequence[str], engines: Engines) -> list[str]:
    lines = [_draw(text, number) for number, text in enumerate(texts)]
    return [line.text for line in read_lines(lines, engines, "antiqua")]


def _draw(text: str, number: int) -> Gray:
    """Draw a line as a scan at 200 dpi shows it."""
    font = load_font(FONTS[number % len(FONTS)], LINE_SIZE_PX)
    width = round(font.getlength(text)) + 2 * MARGIN_PX
    image = Image.new("L", (width, round(LINE_SIZE_PX * 1.4)), 245)
    ImageDraw.Draw(image).text((MARGIN_PX, 2), text, font=font, fill=35)
    noise = np.random.default_rng(FIRST_SEED + number).normal(0, NOISE_SIGMA, image.size[::-1])
    return np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8)


def _quotes(text: str) -> str:
    return "".join(char for char in text if char in QUOTES)


def _share(name: str, name_en: str, answers: Sequence[bool]) -> Json:
    ends = wilson_interval(sum(answers), len(answers)) or ()
    return {
        "name": name,
        "name_en": name_en,
        "data": f"{len(answers)} gerenderte Zeilen, Startwert {FIRST_SEED}",
        "data_en": f"{len(answers)} rendered lines, seed {FIRST_SEED}",
        "value": round(sum(answers) / len(answers), 4),
        "unit": "percent",
        "digits": 1,
        "interval_95": [round(end, 4) for end in ends] or None,
        "items": len(answers),
    }
