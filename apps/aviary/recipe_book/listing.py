"""The recipes in the order of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from apps.aviary.methods import method_of
from apps.aviary.recipes import Recipe, find_recipe, recipe_names
from shared.clients.catalog import find_entry, first_available
from shared.contracts.model_catalog import Catalog, CatalogEntry
from shared.errors import RecipeBroken

ORDER: Final = (
    "solar",
    "landcover",
    "sealed",
    "greenroof",
    "buildings",
    "trees",
    "water",
    "pools",
    "gravel_garden",
    "ndvi",
    "index",
    "change",
    "similar",
)
"""What most people look for comes first; other recipes follow by name."""


@dataclass(frozen=True, slots=True)
class RecipeList:
    """What can be chosen.

    Args:
        recipes: In the order of the page.
        broken: Names of recipe files that cannot be read.
    """

    recipes: tuple[Recipe, ...]
    broken: tuple[str, ...] = ()


def list_recipes() -> RecipeList:
    """Return the recipes that come with the app."""
    names = sorted(recipe_names(), key=lambda name: (_place(name), name))
    found: list[Recipe] = []
    broken: list[str] = []
    for name in names:
        try:
            recipe = find_recipe(name)
            method_of(recipe)
            found.append(recipe)
        except RecipeBroken:
            broken.append(name)
    return RecipeList(tuple(found), tuple(broken))


def _place(name: str) -> int:
    return ORDER.index(name) if name in ORDER else len(ORDER)


def model_of(recipe: Recipe, catalog: Catalog) -> CatalogEntry | None:
    """Return the model that would work on a recipe; without one that can, what is known of its own.

    Args:
        recipe: Names the models.
        catalog: All models of the server.
    """
    names: Sequence[str] = (recipe.model, *recipe.fallbacks)
    return first_available(catalog, names) or find_entry(catalog, recipe.model)
