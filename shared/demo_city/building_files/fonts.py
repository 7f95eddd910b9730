"""The fonts of building files, and how Fraktur writes its two kinds of s."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

FOLDER: Final = Path(__file__).with_name("fonts")
WITHOUT_LONG_S: Final = frozenset({"unifraktur_maguntia", "unifraktur_cook"})
"""Their letter files lack the long s; it is drawn as an f without the right half of its bar."""
LONG_S: Final = "ſ"
_JOINTS: Final = (
    "haus(?!e[snm]?\\b)|ungs|amts|heits|keits|stands|bezirks|eigentums|eigenthums|grundstücks|bestands|betriebs|"
    "reichs|landes|orts|raths|rats|ausgangs|eingangs|verkehrs|gebäudes|"
    "rechts|links|bürgers|kriegs|volks|nachbars|bürgermeisters|eigenthümers"
)
_ROUND: Final = re.compile(rf"(?i)\b(\w*?(?:{_JOINTS})|aus)(?=\w)")
_LETTER: Final = re.compile(r"s(?=[a-zäöüſß])")


def long_s(text: str) -> str:
    """Write the long s where Fraktur has it: everywhere but at the end of a word or of its part.

    Args:
        text: Text with round s only.
    """
    marked = _ROUND.sub(lambda found: f"{found[1][:-1]}\0" if found[1][-1] == "s" else found[1],
                        text)  # fmt: skip
    return _LETTER.sub(LONG_S, marked).replace("\0", "s")


@lru_cache(maxsize=256)
def load_font(name: str, size_px: float) -> ImageFont.FreeTypeFont:
    """Load a font.

    Args:
        name: File name without ending.
        size_px: Height of the em square [px].
    """
    path = FOLDER / f"{name}.woff"
    if not path.is_file():
        path = path.with_suffix(".ttf")
    engine = ImageFont.Layout.BASIC
    return ImageFont.truetype(str(path), size_px, layout_engine=engine)


@lru_cache(maxsize=64)
def long_s_mask(name: str, size_px: float) -> tuple[Image.Image, int, int]:
    """Return a long s made from the f of a font, and where it lies from the pen.

    Args:
        name: Font.
        size_px: Height of the em square [px].

    Returns:
        Mask, its left edge and its top edge from the pen on the base line [px].
    """
    font = load_font(name, size_px)
    left, top, right, bottom = (int(edge) for edge in font.getbbox("f", anchor="ls"))
    image = Image.new("L", (right - left + 2, bottom - top + 2), 0)
    ImageDraw.Draw(image).text((1 - left, 1 - top), "f", font=font, fill=255, anchor="ls")
    mask = np.array(image)
    x_height = -font.getbbox("x", anchor="ls")[1]
    bar = round(-top + 1 - x_height)
    low = mask[bar + round(0.2 * x_height) : -top + 1].sum(axis=0)
    stem = int(np.flatnonzero(low > 0.4 * low.max()).max()) + 1 if low.any() else mask.shape[1]
    reach = max(1, round(0.16 * x_height))
    mask[max(0, bar - reach) : bar + reach + 1, stem:] = 0
    return Image.fromarray(mask), left - 1, top - 1
