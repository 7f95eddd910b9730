"""Recipes that do not come with the app: taken over from others, or made from a model."""

from __future__ import annotations

from apps.aviary.pinned import Catalogue
from apps.aviary.recipe_book.imported import OtherRecipe, find_imported
from apps.aviary.recipe_book.own_model import find_own_model, recipe_text
from apps.aviary.recipes import Recipe, read_recipe
from apps.aviary.sharing.share import UsedModel
from shared.contracts.identity.principal import Principal
from shared.contracts.model_catalog import Catalog, CatalogEntry
from shared.errors import ModelMissing, OwnModelRefused, RecipeBroken
from shared.store.store import Store

MODEL_PREFIX = "modell-"


def find_other(
    principal: Principal, store: Store, models: Catalogue, key: str
) -> OtherRecipe | None:
    """Return a recipe by its key; None where there is none.

    Args:
        principal: Who looks.
        store: Where recipes are kept that were taken over.
        models: Names the models of the server.
        key: See `OtherRecipe`.

    Raises:
        ModelServerError: The model server cannot answer.
        OwnModelRefused: The model cannot be used.
        RecipeBroken: This version cannot read the recipe.
    """
    if not key.startswith(MODEL_PREFIX):
        return find_imported(principal, store, key)
    try:
        entry = find_own_model(models.models(), key.removeprefix(MODEL_PREFIX))
    except ModelMissing:
        return None
    return _made_from(entry)


def list_own_models(catalog: Catalog, built_in: tuple[Recipe, ...]) -> tuple[OtherRecipe, ...]:
    """Return recipes for the models of the server that no recipe of the app names.

    Models that do not fit are left out: they may be made for something else.

    Args:
        catalog: All models.
        built_in: The recipes of the app.
    """
    named = {name for recipe in built_in for name in (recipe.model, *recipe.fallbacks)}
    names = sorted({one.name for one in catalog.models if one.available} - named)
    found = []
    for name in names:
        try:
            found.append(_made_from(find_own_model(catalog, name)))
        except (OwnModelRefused, RecipeBroken):
            continue
    return tuple(found)


def _made_from(entry: CatalogEntry) -> OtherRecipe:
    text = recipe_text(entry)
    model = UsedModel(name=entry.name, version=entry.version, sha256=entry.sha256)
    return OtherRecipe(MODEL_PREFIX + entry.name, read_recipe(text, entry.name), text, model)
