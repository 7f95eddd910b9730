"""A recipe of objects that are derived from land cover, for tests of the way there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from apps.aviary.commands import headless
from apps.aviary.finds.analysis import Analysis
from apps.aviary.recipes import FOLDER, Recipe, read_recipe
from shared.geo.raster import OpenOptions

BUILDINGS = (FOLDER / "buildings.toml").read_text(encoding="utf-8")


def derived(text: str) -> Recipe:
    """Return the recipe of a text."""
    return read_recipe(text, "mine.toml")


def look(path: Path, text: str, client: Any, **words: Any) -> Analysis:
    """Run a recipe over an image of 20 cm per pixel in this process."""
    options = OpenOptions(gsd_m=0.2)
    return headless.analyse(path, derived(text), lambda: client, options, recipe_text=text, **words)
