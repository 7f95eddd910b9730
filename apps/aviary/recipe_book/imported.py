"""Recipes that a municipality has taken over from others; no other municipality sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from apps.aviary.inference import PinnedModel
from apps.aviary.recipes import Recipe, read_recipe
from apps.aviary.sharing.conformance import check_model
from apps.aviary.sharing.import_job import IMPORT
from apps.aviary.sharing.share import MEDIA_TYPE, RECIPE_FILE, UsedModel
from shared.contracts.identity.principal import Principal
from shared.errors import FileDamaged, FileGone, NotFound, RecipeBroken
from shared.store import artifacts, runs
from shared.store.run_views import RunOrder, RunView
from shared.store.store import Store

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
    principal: Principal, store: Store, content: bytes, name: str, title: str, now: datetime
) -> RunView:
    """Keep a shared recipe and order its test.

    Args:
        principal: Who takes it over.
        store: Where it is kept.
        content: The whole file.
        name: Its name for people.
        title: Title of its recipe.
        now: The moment, with zone.

    Raises:
        NotAllowed: The role may not.
        StorageFull: It cannot be kept.
    """
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
    order = RunOrder(IMPORT.app, IMPORT.name, title, (file,))
    return runs.submit(principal, store, order, now=now)


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
            recipes += () if one is None else (one,)
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
