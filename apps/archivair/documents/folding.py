"""Make spellings of all eras and common reading errors alike, before words are compared."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_LETTERS = str.maketrans(
    {
        "ſ": "s",
        "ꝛ": "r",
        "ß": "ss",
        "ä": "ae",
        "ö": "oe",
        "ü": "ue",
        "æ": "ae",
        "œ": "oe",
        "—": "-",
        "–": "-",
        "−": "-",
        "⸗": "-",
        "’": "'",
    }
)
_OLD = (
    (re.compile(r"th(?=[aeiou]|r)"), "t"),
    (re.compile(r"(?<=[aeiou])th\b"), "t"),
    (re.compile(r"c(?=[oauls])(?!h)"), "k"),
    (re.compile(r"c(?=[ei])"), "z"),
    (re.compile(r"ph"), "f"),
)
_NOT_WORD = re.compile(r"[^a-z0-9 ]+")


@lru_cache(maxsize=65_536)
def fold(text: str) -> str:
    """Return a text in small letters with umlauts, sharp and long s written out.

    Args:
        text: Any text.
    """
    composed = unicodedata.normalize("NFC", text.replace("\u0364", "\u0308")).casefold()
    return composed.translate(_LETTERS)


@lru_cache(maxsize=65_536)
def fold_word(text: str) -> str:
    """Return a word as it is compared: folded, spelling before 1901 modernised, letters only.

    The Second Orthographic Conference of 1901 dropped th in native words and c for k or z; offices
    wrote Thür, Bauconsens and Concession before.

    Args:
        text: One word or several.
    """
    folded = fold(text)
    for pattern, modern in _OLD:
        folded = pattern.sub(modern, folded)
    return " ".join(_NOT_WORD.sub(" ", folded).split())
