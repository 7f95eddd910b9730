"""What a person ordered on the command line, and what one image gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from apps.aviary.recipe_book.schema import InputName
from apps.aviary.recipes import Recipe
from apps.aviary.result_files import Json
from shared.geo.raster import OpenOptions


@dataclass(frozen=True, slots=True)
class Order:
    """What a person ordered on the command line.

    Args:
        recipe: What is looked for.
        options: Stated resolution, coordinate system, bands and limits.
        threshold: Least score of a reported object; None takes the calibrated one.
        min_area_m2: Least ground area of a reported object [m2].
        area: File with the area that counts; None takes whole images.
        files: What the recipe works with beside the images, by name.
        out: Output folder.
        force: Work outside the recipe's resolution range and overwrite results.
        use_cache: Take what the model has said before about the same pixels.
        recipe_text: Content of the recipe's file; empty for the built-in recipe of that name.
        seed: Start of what is drawn by chance.
        images: All images of the command; none of them is deleted.
    """

    recipe: Recipe
    options: OpenOptions
    threshold: float | None
    min_area_m2: float
    area: Path | None
    out: Path
    force: bool
    use_cache: bool = True
    files: Mapping[InputName, Path] = field(default_factory=dict)
    recipe_text: str = ""
    seed: int = 0
    images: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class ResultFiles:
    """What one image gives.

    Args:
        summary: Content of `summary.json`.
        others: All other files by name.
    """

    summary: Json
    others: Mapping[str, str | bytes]
