"""Which recipe a command works with: a built-in one, a shared file, or one made from a model."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from apps.aviary.commands.stopping import stoppable
from apps.aviary.recipe_book.own_model import (
    OWN_MODEL,
    UNKNOWN_TILING,
    Tiling,
    find_own_model,
    recipe_text,
)
from apps.aviary.recipe_book.toml_text import to_toml
from apps.aviary.recipes import Recipe, built_in_text, find_recipe, read_recipe
from apps.aviary.sharing.share import MOST_BYTES, SUFFIX, SharedRecipe, unpack_recipe
from shared.contracts.model_catalog import CatalogEntry
from shared.errors import N_, FileMissing, InputError, RecipePackageRefused
from shared.settings import get_settings

if TYPE_CHECKING:
    from apps.aviary.commands.headless import Client

_MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class ChosenRecipe:
    """What a command works with.

    Args:
        recipe: What is looked for.
        text: Content of its file; empty for the built-in recipe of that name.
        client: Gives a client of the model server that has its model.
    """

    recipe: Recipe
    text: str
    client: Client


def choose_recipe(name: str, model: str | None, client: Client, stack: ExitStack) -> ChosenRecipe:
    """Find the recipe that a person named.

    A shared recipe is tested first; a model file gets a model server of its own.

    Args:
        name: Name of a built-in recipe, "own_model", or path of a `.urbanki-recipe` file.
        model: Name in the catalogue, or path of a model; None takes the recipe's own.
        client: Gives a client of the model server.
        stack: Ends what was started or written on the way.

    Raises:
        InputError: Recipe or model cannot be used, or they do not go together.
        ModelServerError: The model server cannot answer.
        ModelMissing: It does not have the model.
    """
    if Path(name).suffix == SUFFIX:
        if model is not None:
            raise InputError(reason="Ein geteiltes Rezept läuft nur mit seinem eigenen Modell.")
        from apps.aviary.sharing.conformance import prove_recipe

        shared = read_package(Path(name))
        stoppable(lambda: prove_recipe(shared, client))
        return ChosenRecipe(shared.recipe, shared.text, client)
    if model is None:
        if name == OWN_MODEL:
            raise InputError(reason="Das Rezept own_model braucht --model DATEI oder NAME.")
        return ChosenRecipe(find_recipe(name), "", client)
    text_of = recipe_text if name == OWN_MODEL else _replacing_model(find_recipe(name))
    if _MODEL_NAME.fullmatch(model):
        entry, tiling = find_own_model(client().models(), model), UNKNOWN_TILING
    else:
        entry, tiling, client = _own_server(Path(model), stack)
    text = text_of(entry, tiling)
    return ChosenRecipe(read_recipe(text, entry.name), text, client)


def read_package(path: Path) -> SharedRecipe:
    """Read a `.urbanki-recipe` file.

    Raises:
        FileMissing: It cannot be read.
        RecipePackageRefused: It is damaged, too large or dangerous.
        RecipeBroken: Its recipe is none.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as cause:
        raise FileMissing(name=path.name) from cause
    if not content:
        raise RecipePackageRefused(name=path.name, reason=N_("Die Datei ist leer."))
    return unpack_recipe(content, path.name)


def _own_server(path: Path, stack: ExitStack) -> tuple[CatalogEntry, Tiling, Client]:
    """Start a model server that has a model of the user, beside any that runs already."""
    from apps.aviary.commands.own_model_file import prepare_model
    from shared.clients.model_server import ModelServerClient
    from shared.clients.server_process import start_model_server

    prepared = stack.enter_context(prepare_model(path))
    settings = get_settings().model_copy(update={"model_dir": prepared.folder})
    server = stack.enter_context(start_model_server(settings))
    own = stack.enter_context(ModelServerClient(server.settings))
    return find_own_model(own.models(), prepared.name), prepared.tiling, lambda: own


def _replacing_model(recipe: Recipe) -> Callable[[CatalogEntry, Tiling], str]:
    """Return what writes a built-in recipe for another model."""

    def write(entry: CatalogEntry, tiling: Tiling) -> str:
        del tiling
        content = tomllib.loads(built_in_text(recipe.recipe_id))
        content["model"] = {**content["model"], "name": entry.name, "fallbacks": []}
        return to_toml(content)

    if recipe.task == "none":
        raise InputError(reason=f"Das Rezept {recipe.recipe_id} rechnet ohne Modell.")
    return write
