"""Where the files of a command come from, without a time: the same input gives the same bytes."""

from __future__ import annotations

from typing import Any

from apps.aviary.preflight import outside_checked_range
from apps.aviary.recipes import Recipe
from shared import __version__
from shared.contracts.provenance import ModelUse
from shared.geo.raster import RasterInfo
from shared.store.provenance_text import DECISION


def model_entry(model: ModelUse | None, recipe: Recipe) -> dict[str, Any]:
    """Name the model that answered; where none was asked, the one of the recipe."""
    if model is None:
        return {"name": recipe.model or None, "version": None, "sha256": None}
    return {"name": model.name, "version": model.version, "sha256": model.sha256}


def timeless_origin(
    info: RasterInfo, recipe: Recipe, model: ModelUse | None, **parameters: object
) -> dict[str, Any]:
    """Return what the same input always gives.

    Args:
        info: The image.
        recipe: What was looked for.
        model: The model that answered; None where none was asked.
        **parameters: Settings that change the result.
    """
    unchecked = {"outside_checked_range": True} if outside_checked_range(info, recipe) else {}
    return {
        "input_sha256": info.sha256,
        "model": model_entry(model, recipe),
        "recipe": recipe.recipe_id,
        "recipe_version": recipe.version,
        **parameters,
        **unchecked,
        "software_version": __version__,
        "decision": DECISION,
    }
