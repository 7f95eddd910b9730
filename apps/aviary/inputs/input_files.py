"""The files that a recipe works with beside the image: their names, and which of them it needs."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from apps.aviary.recipe_book.schema import InputName
from apps.aviary.recipes import Recipe
from shared.errors import N_, RecipeInputMissing, RecipeInputUnused

FLAGS: Mapping[InputName, str] = {
    "parcels": "--parcels",
    "buildings": "--buildings",
    "ndsm": "--ndsm",
    "before": "--image-before",
    "examples": "--examples",
}
TITLES: Mapping[InputName, str] = {
    "parcels": N_("Flurstücke"),
    "buildings": N_("Gebäudeumrisse"),
    "ndsm": N_("Höhen über dem Boden"),
    "before": N_("ein älteres Bild"),
    "examples": N_("Beispiele"),
}


def check_inputs(recipe: Recipe, given: Collection[str]) -> None:
    """Compare the files that were given with those that a recipe works with.

    Args:
        recipe: Names them.
        given: Names of the files beside image and area.

    Raises:
        RecipeInputMissing: It needs one more.
        RecipeInputUnused: It does not work with one of them.
    """
    for name in recipe.inputs:
        if name not in given:
            raise missing_input(recipe, name)
    for name in FLAGS:
        if name in given and name not in recipe.all_inputs:
            raise RecipeInputUnused(recipe=recipe.recipe_id, flag=FLAGS[name])


def missing_input(recipe: Recipe, name: InputName) -> RecipeInputMissing:
    """Return the error of a recipe that lacks a file."""
    return RecipeInputMissing(recipe=recipe.recipe_id, what=TITLES[name], flag=FLAGS[name])
