"""Lines of office German set in a free blackletter font, for words that old books lack."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from model_server.training.fraktur.lines import Line

FONT = Path("/usr/share/fonts/truetype/blankenburg/Blankenburg_UNZ1A.ttf")
"""Of Debian's package fonts-blankenburg, P. Wiegel 2009, OFL-1.1; it has the long s."""
SENTENCES_FILE = Path(__file__).with_name("office_german.toml")
WORK = "rendered"
HEIGHT_PX = 48
MARGIN_PX = (6, 40)


class FontMissing(ValueError):
    """Rendered lines were asked for and their font is not installed."""


def render_lines(count: int, seed: int) -> list[tuple[Line, NDArray[np.uint8]]]:
    """Return lines with their grey pictures, 48 px high.

    Args:
        count: Number of lines; 0 needs no font.
        seed: Of all chances.

    Raises:
        FontMissing: The font is not installed.
    """
    if count and not FONT.is_file():
        message = (
            f"Die Schrift {FONT.name} fehlt. Bitte installieren Sie das Debian-Paket "
            "fonts-blankenburg oder lassen Sie --rendered weg."
        )
        raise FontMissing(message)
    bank = tomllib.loads(SENTENCES_FILE.read_text(encoding="utf-8"))
    random = np.random.default_rng([seed, 2])
    made = []
    for number in range(count):
        text = write_sentence(bank, random)
        line = Line(f"{WORK}_{number}", WORK, 1900, text)
        made.append((line, _print_line(text, random)))
    return made


def write_sentence(bank: dict[str, Any], random: np.random.Generator) -> str:
    """Return a sentence with its gaps filled.

    Args:
        bank: Content of `office_german.toml`.
        random: Source of all chances.
    """
    sentence = str(random.choice(bank["sentences"]))
    return sentence.format(
        town=random.choice(bank["towns"]),
        name=random.choice(bank["names"]),
        month=random.choice(bank["months"]),
        day=random.integers(1, 32),
        year=random.integers(1875, 1920),
        number=random.integers(2, 200),
        digit=random.integers(1, 10),
        amount=random.integers(3, 9000),
        pfennig=random.integers(5, 96),
    )


def _print_line(text: str, random: np.random.Generator) -> NDArray[np.uint8]:
    font = ImageFont.truetype(str(FONT), int(random.integers(38, 49)))
    paper, ink = int(random.integers(190, 250)), int(random.integers(10, 80))
    left = int(random.integers(*MARGIN_PX))
    width = round(font.getlength(text)) + left + int(random.integers(*MARGIN_PX))
    page = Image.new("L", (width, HEIGHT_PX), paper)
    base = int(random.integers(34, 38))
    ImageDraw.Draw(page).text((left, base), text, font=font, fill=ink, anchor="ls")
    return np.asarray(page)
