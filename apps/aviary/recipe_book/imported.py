"""Recipes that a municipality has taken over from others; no other municipality sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from apps.aviary.pinned import PinnedModel
from apps.aviary.recipes import Recipe, read_recipe
from apps.aviary.sharing.conformance import check_model
from apps.aviary.sharing.import_job import IMPORT
from apps.aviary.sharing.share import MEDIA_TYPE, RECIPE_FILE, KnownRecipe, UsedModel
from shared.contracts.identity.principal import Principal
from shared.errors import FileDamaged, FileGone, NotFound, RecipeBroken, RecipeVersionTaken
from shared.store import artifacts, runs
from shared.store.run_views import RunOrder, RunView
from shared.store.store import Store

MOST_COMPARED = 1000
MOST_LISTED = 20
"""The newest ones; older ones are found by their run."""


@dataclass(frozen=True, slots=True)
class OtherRecipe:
    """A recipe that does not come with the app.

    Args:
        key: Name by which the page finds it again: the run that has tested it, or its model.
        recipe: What is looked for.
        text: Its file.
        model: The weights that it was made for; None for a recipe without a model.
    """

    key: str
    recipe: Recipe
    text: str
    model: UsedModel | None

    def check(self, found: PinnedModel) -> None:
        """Refuse another model than the recipe's.

        Raises:
            RecipeTestFailed: The model has other weights by now.
        """
        if self.model is not None:
            check_model(self.model, found)


@dataclass(frozen=True, slots=True)
class ImportedRecipes:
    """What a municipality has taken over.

    Args:
        recipes: Those that can be used, newest first.
        broken: Titles of those that this version cannot read any more, or whose file is lost.
    """

    recipes: tuple[OtherRecipe, ...]
    broken: tuple[str, ...] = ()


def order_import(
    principal: Principal,
    store: Store,
    content: bytes,
    name: str,
    known: KnownRecipe,
    now: datetime,
) -> RunView:
    """Keep a shared recipe and order its test.

    Args:
        principal: Who takes it over.
        store: Where it is kept.
        content: The whole file.
        name: Its name for people.
        known: Its recipe.
        now: The moment, with zone.

    Raises:
        NotAllowed: The role may not.
        StorageFull: It cannot be kept.
        RecipeVersionTaken: Another recipe of this name and version was taken over before, or its
            test is still to come.
    """
    refuse_taken(principal, store, known)
    recipe = known.recipe
    file = artifacts.save(
        principal,
        store,
        content,
        name=name,
        media_type=MEDIA_TYPE,
        kind="upload",
        is_example=False,
        now=now,
    )
    told = {
        "recipe": recipe.recipe_id,
        "version": recipe.version,
        "content_sha256": known.content_sha256,
    }
    order = RunOrder(IMPORT.app, IMPORT.name, recipe.title_de, (file,), parameters=told)
    return runs.submit(principal, store, order, now=now)


def refuse_taken(principal: Principal, store: Store, known: KnownRecipe) -> None:
    """Refuse a recipe with the name and version of another one; the same one again is no harm.

    Args:
        principal: Who takes it over.
        store: Where recipes are kept.
        known: The recipe.

    Raises:
        RecipeVersionTaken: There is another one, or its test is still to come.
        NotAllowed: The role may not look.
    """
    recipe = known.recipe
    named = (recipe.recipe_id, recipe.version)
    found = runs.recent(
        principal, store, app=IMPORT.app, job=IMPORT.name, limit=MOST_COMPARED, everybody=True
    )
    for run in found:
        told = run.parameters
        if (told.get("recipe"), told.get("version")) != named or not _counts(run):
            continue
        if told.get("content_sha256") != known.content_sha256:
            raise RecipeVersionTaken(recipe=recipe.recipe_id, version=recipe.version)


def _counts(run: RunView) -> bool:
    """Say whether an import has passed its test, or still may."""
    return run.is_active or (run.state == "done" and run.units_failed == 0)


def list_imported(principal: Principal, store: Store) -> ImportedRecipes:
    """Return the recipes that the municipality has taken over.

    Args:
        principal: Who looks.
        store: Where they are kept.

    Raises:
        NotAllowed: The role may not look.
    """
    recipes: list[OtherRecipe] = []
    broken: list[str] = []
    found = runs.recent(
        principal, store, app=IMPORT.app, job=IMPORT.name, limit=MOST_LISTED, everybody=True
    )
    for run in found:
        try:
            one = find_imported(principal, store, run.id)
        except (RecipeBroken, FileGone, FileDamaged):
            broken.append(run.title)
        else:
            if one is not None and all((one.text, one.model) != (k.text, k.model) for k in recipes):
                recipes.append(one)
    return ImportedRecipes(tuple(recipes), tuple(broken))


def find_imported(principal: Principal, store: Store, run_id: str) -> OtherRecipe | None:
    """Return the recipe that a run has tested; None where there is none or it has not passed.

    Args:
        principal: Who looks.
        store: Where they are kept.
        run_id: The run.

    Raises:
        RecipeBroken: This version cannot read it any more.
        NotAllowed: The role may not look.
        FileGone: A stored file was removed.
        FileDamaged: A stored file is not what was stored.
    """
    try:
        run = runs.get(principal, store, run_id)
    except NotFound:
        return None
    if (run.app, run.job) != (IMPORT.app, IMPORT.name) or run.summary is None:
        return None
    file = runs.result_files(principal, store, run.id).get(RECIPE_FILE)
    if file is None:
        return None
    text = artifacts.read(principal, store, file).decode()
    told = run.summary["model"]
    model = None if told is None else UsedModel.model_validate(told)
    return OtherRecipe(run.id, read_recipe(text, file.name), text, model)
