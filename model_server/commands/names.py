"""Turns what people call things into names that cards and programs accept."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

MAX_CHARACTERS = 64
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


def slug(text: str) -> str:
    """Return a text in small letters, digits and underscores; empty if nothing is left."""
    plain = unicodedata.normalize("NFKD", text.lower().translate(_GERMAN))
    plain = plain.encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:MAX_CHARACTERS]


def class_keys(titles: Sequence[str]) -> list[str]:
    """Return one key per class, none twice.

    Args:
        titles: Names of the classes as the file gives them.
    """
    keys: list[str] = []
    for number, title in enumerate(titles):
        key = slug(title) or f"klasse_{number}"
        if key in keys:
            # Room for the number, which no other key of this model ends with.
            key = f"{key[: MAX_CHARACTERS - 5]}_{number}"
        while key in keys:
            key = f"klasse_{number}_{len(key)}"
        keys.append(key)
    return keys
