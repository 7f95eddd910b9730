"""Small pictures for the cards of the recipes."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "card_pictures"


@lru_cache(maxsize=32)
def recipe_picture(name: str) -> bytes | None:
    """Return the picture of a recipe as JPEG; None where it has none.

    Args:
        name: Name of the recipe.
    """
    file = FOLDER / f"{name}.jpg"
    return file.read_bytes() if file.is_file() else None
