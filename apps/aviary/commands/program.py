"""What `python -m apps.aviary` does, once all that it needs is loaded."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from apps.aviary.commands.arguments import build_parser
from apps.aviary.commands.batch import collect_images, run
from apps.aviary.commands.error_line import error_line, printable
from apps.aviary.commands.exit_codes import BAD_INPUT, DONE, INCOMPLETE, NO_MODEL_SERVER
from apps.aviary.commands.order import Order
from apps.aviary.commands.recipe_choice import ChosenRecipe, choose_recipe, read_package
from apps.aviary.commands.stopping import own_temporary_folder, stoppable, stopped_by_signals
from apps.aviary.inputs.input_files import FLAGS
from apps.aviary.inputs.world_file import WORLD_FILE_UNUSED
from apps.aviary.recipe_book.own_model import OWN_MODEL, SUMMARY_DE, TITLE_DE
from apps.aviary.recipes import find_recipe, recipe_names
from apps.aviary.result_files import Json, to_json
from shared.auth.headless import run_app_command
from shared.contracts.finding import may_continue
from shared.errors import (
    Cancelled,
    InputError,
    ModelMissing,
    ModelServerError,
    OperationError,
    UrbanKiError,
)
from shared.geo.raster import OpenOptions
from shared.settings import get_settings

if TYPE_CHECKING:
    from shared.clients.model_server import ModelServerClient

_OWN_MODEL_ENTRY: Json = {
    "id": OWN_MODEL,
    "kind": OWN_MODEL,
    "version": "",
    "title_de": TITLE_DE,
    "summary_de": SUMMARY_DE,
    "model": "",
    "bands": "",
    "inputs": [],
    "optional_inputs": [],
    "gsd_m": {"min": None, "native": None, "max": None},
    "season": [],
    "threshold": None,
    "min_area_m2": None,
    "classes": {},
}
"""What only the model itself can say is left open."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    try:
        with stopped_by_signals():
            return _audited(arguments)
    except KeyboardInterrupt:
        return _refuse(Cancelled(), INCOMPLETE)
    except Cancelled as error:
        return _refuse(error, INCOMPLETE)
    except (ModelServerError, ModelMissing) as error:
        return _refuse(error, NO_MODEL_SERVER)
    except (InputError, OperationError) as error:
        return _refuse(error, BAD_INPUT)


def _audited(arguments: Sequence[str] | None) -> int:
    options = build_parser().parse_args(arguments)
    commands = {
        "run": _run,
        "recipes": _recipes,
        "check": _check,
        "test-recipe": _test_recipe,
    }
    return run_app_command(
        get_settings(), "aviary", options.command, lambda: commands[options.command](options)
    )


def _run(options: Namespace) -> int:
    images = collect_images(options.image)
    with own_temporary_folder(), ExitStack() as stack:
        chosen = choose_recipe(options.recipe, options.model, _lazy_client(stack), stack)
        content = run(images, _order(options, chosen), chosen.client, time.monotonic)
    _warn(content)
    sys.stdout.write(to_json(content))
    incomplete = content["status"] != "ok" and (
        not images.several or any(one["status"] == "incomplete" for one in content["images"])
    )
    return INCOMPLETE if incomplete else DONE


def _warn(content: Json) -> None:
    """Say on stderr what a person put beside an image and what was of no use."""
    for image in content.get("images", [content]):
        for one in image.get("warnings", []):
            if one["code"] == WORLD_FILE_UNUSED:
                sys.stderr.write(printable(one["message"]))


def _order(options: Namespace, chosen: ChosenRecipe) -> Order:
    given, recipe = vars(options), chosen.recipe
    return Order(
        recipe=recipe,
        options=OpenOptions(
            gsd_m=options.gsd, crs=options.crs, bands=options.bands, taken_on=options.date
        ),
        threshold=options.threshold,
        min_area_m2=recipe.min_area_m2 if options.min_area is None else options.min_area,
        area=options.area,
        out=options.out,
        force=options.force,
        use_cache=not options.no_cache,
        files={name: given[name] for name in FLAGS if given[name] is not None},
        recipe_text=chosen.text,
        seed=options.seed,
    )


def _lazy_client(stack: ExitStack) -> Callable[[], ModelServerClient]:
    """Look for a model server, or start one, only when the first image passed its checks."""
    clients: list[ModelServerClient] = []

    def client() -> ModelServerClient:
        if not clients:
            from shared.clients.model_server import ModelServerClient
            from shared.clients.server_process import ensure_model_server

            server = stack.enter_context(ensure_model_server(get_settings()))
            clients.append(stack.enter_context(ModelServerClient(server.settings)))
        return clients[0]

    return client


def _recipes(options: Namespace) -> int:
    recipes = [find_recipe(name) for name in recipe_names()]
    if not options.json:
        for recipe in recipes:
            sys.stdout.write(f"{recipe.recipe_id:<16}{recipe.title_de}: {recipe.summary_de}\n")
        sys.stdout.write(f"{OWN_MODEL:<16}{TITLE_DE}: {SUMMARY_DE}\n")
        return DONE
    content = [
        {
            "id": recipe.recipe_id,
            "kind": recipe.kind,
            "version": recipe.version,
            "title_de": recipe.title_de,
            "summary_de": recipe.summary_de,
            "model": recipe.model,
            "bands": recipe.bands,
            "inputs": [FLAGS[name] for name in recipe.inputs],
            "optional_inputs": [FLAGS[name] for name in recipe.optional_inputs],
            "gsd_m": {
                "min": recipe.gsd_min_m,
                "native": recipe.gsd_native_m,
                "max": recipe.gsd_max_m,
            },
            "season": list(recipe.season),
            "threshold": recipe.threshold,
            "min_area_m2": recipe.min_area_m2,
            "classes": {one.key: one.title_de for one in recipe.classes},
        }
        for recipe in recipes
    ]
    content.append(_OWN_MODEL_ENTRY)
    sys.stdout.write(to_json({"recipes": content}))
    return DONE


def _check(options: Namespace) -> int:
    # Loads what reads images; the other commands need not wait for it.
    from apps.aviary.inputs.run_image import inspect_image

    recipe = find_recipe(options.recipe)
    _, findings = inspect_image(
        options.image, recipe, OpenOptions(gsd_m=options.gsd, taken_on=options.date)
    )
    usable = may_continue(findings)
    content = {
        "image": str(options.image),
        "recipe": recipe.recipe_id,
        "usable": usable,
        "findings": [
            {"level": one.level, "code": one.code, "message": one.german} for one in findings
        ],
    }
    sys.stdout.write(to_json(content))
    if usable:
        return DONE
    first = next(one for one in findings if one.level == "stop")
    sys.stderr.write(f"{first.german}\n")
    return BAD_INPUT


def _test_recipe(options: Namespace) -> int:
    # Loads what reads images; the other commands need not wait for it.
    from apps.aviary.sharing.conformance import prove_recipe

    shared = read_package(options.file)
    with own_temporary_folder(), ExitStack() as stack:
        client = _lazy_client(stack)
        found = stoppable(lambda: prove_recipe(shared, client))
    model = shared.expected.model
    content = {
        "recipe": shared.recipe.recipe_id,
        "version": shared.recipe.version,
        "title_de": shared.recipe.title_de,
        "model": None if model is None else model.model_dump(),
        "counts": dict(found.counts),
        "area_m2": dict(found.area_m2),
        "passed": True,
    }
    sys.stdout.write(to_json(content))
    return DONE


def _refuse(error: UrbanKiError, code: int) -> int:
    sys.stderr.write(error_line(error))
    return code
