"""The job `run` in this process: for the command line, for measurements and for tests."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypedDict, Unpack

from apps.aviary.finds.analysis import Analysis, refuse
from apps.aviary.finds.detection_file import DETECTION_FILE, read_detection
from apps.aviary.inputs.area import read_area
from apps.aviary.inputs.input_files import check_inputs
from apps.aviary.inputs.run_image import inspect_image
from apps.aviary.jobs import RUN
from apps.aviary.methods import method_of
from apps.aviary.parameters import AREA, IMAGE, make_parameters
from apps.aviary.pinned import NO_MODEL, pin_model
from apps.aviary.recipe_book.schema import InputName
from apps.aviary.recipes import Recipe
from shared.clients.model_server import ModelServerClient
from shared.geo.raster import OpenOptions
from shared.jobs.inline import InlineFile, InlineResult, run_inline

TILES_AT_ONCE = 4


class Words(TypedDict, total=False):
    """What `look` can be told beside the image."""

    area: Path | None
    files: Mapping[InputName, Path]
    force: bool
    threshold: float | None
    use_cache: bool
    recipe_text: str
    seed: int


Client = Callable[[], ModelServerClient]
"""Gives an open client; asked only when an image passed its checks."""


def look(
    path: Path,
    recipe: Recipe,
    client: Client,
    options: OpenOptions,
    *,
    area: Path | None = None,
    files: Mapping[InputName, Path] = MappingProxyType({}),
    force: bool = False,
    threshold: float | None = None,
    use_cache: bool = True,
    recipe_text: str = "",
    seed: int = 0,
) -> InlineResult:
    """Check an image and let the model look at it once; use as a context manager.

    Args:
        path: The image.
        recipe: What is looked for.
        client: Gives a client of the model server.
        options: How the image is opened.
        area: File with the area that counts; None takes the whole image.
        files: What the recipe works with beside the image, by name.
        force: Work outside the recipe's resolution range too.
        threshold: Least score that somebody wants to see; None takes the calibrated one.
        use_cache: Take what the model has said before about the same pixels.
        recipe_text: Content of the recipe's file; empty for the built-in recipe of that name.
        seed: Start of what is drawn by chance.

    Raises:
        InputError: A check says stop, or a file cannot be used.
        ModelServerError: The model cannot answer.
    """
    method_of(recipe)
    check_inputs(recipe, files)
    info, findings = inspect_image(path, recipe, options, force=force)
    if area is not None:
        read_area(area, info)
    refuse(findings, info, recipe)
    models = None if recipe.task == "none" else client()
    given: dict[str, Path] = {IMAGE: path}
    if area is not None:
        given[AREA] = area
    given.update((name, file) for name, file in files.items())
    parameters = make_parameters(
        recipe,
        NO_MODEL if models is None else pin_model(models, recipe),
        options,
        force=force,
        threshold=threshold,
        use_cache=use_cache,
        inputs=tuple(given),
        recipe_text=recipe_text,
        seed=seed,
    )
    inputs = [_file(one) for one in given.values()]
    return run_inline(RUN, inputs, parameters, models=models, units_at_once=TILES_AT_ONCE)


def result_file(result: InlineResult, name: str) -> bytes:
    """Return a file of a result.

    Args:
        result: What `look` returned.
        name: Name of the file.

    Raises:
        KeyError: It has no such file.
    """
    return result.read({file.name: file for file in result.summary.files}[name])


def analyse(
    path: Path, recipe: Recipe, client: Client, options: OpenOptions, **words: Unpack[Words]
) -> Analysis:
    """Look for objects in an image; arguments and errors are those of `look`."""
    with look(path, recipe, client, options, **words) as result:
        return read_detection(result_file(result, DETECTION_FILE))


def _file(path: Path) -> InlineFile:
    # Names that are no text cannot be stored; "?" stands for what is none.
    name = path.name.encode("utf-8", "replace").decode()
    return InlineFile(path, name, mimetypes.guess_type(name)[0] or "application/octet-stream")
