"""Run a recipe over one or many image files and write the results."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from apps.aviary.commands.kept_results import KeptResults, order_key
from apps.aviary.commands.order import Order, ResultFiles
from apps.aviary.commands.stopping import stoppable
from apps.aviary.parameters import AREA, IMAGE
from apps.aviary.pinned import pin_model
from apps.aviary.recipes import Recipe
from apps.aviary.result_files import (
    OBJECTS_FILE,
    OBJECTS_FILES,
    OWN_FILES,
    SUMMARY_FILE,
    Json,
    is_new,
    prepare_folder,
    spare_inputs,
    to_json,
    write_files,
)
from shared import __version__
from shared.errors import AreaOutside, FileMissing, FolderWithoutImages, InputError
from shared.settings import get_settings

if TYPE_CHECKING:
    from apps.aviary.commands.headless import Client

NAMELESS = "bild"
NOT_IN_RESULT = frozenset({"area", "files", "images", "out", "use_cache"})
"""Of an order: files are known by their content, and the others change no byte of the result."""


@dataclass(frozen=True, slots=True)
class Images:
    """Which files a run reads.

    Args:
        paths: Files in order.
        several: True where each gets a folder of its own below the output folder.
    """

    paths: tuple[Path, ...]
    several: bool


def collect_images(named: Sequence[Path]) -> Images:
    """Expand folders to the images in them.

    Args:
        named: Files and folders in the caller's order.

    Raises:
        FileMissing: A name does not exist or cannot be read.
        FolderWithoutImages: A folder holds no image.
    """
    paths: list[Path] = []
    folders = 0
    for one in named:
        try:
            is_folder = one.is_dir()
            inside = _images_inside(one) if is_folder else [one]
            missing = not one.exists()
        except OSError as cause:
            raise FileMissing(name=str(one)) from cause
        if missing:
            raise FileMissing(name=str(one))
        if not inside:
            raise FolderWithoutImages(name=one.name)
        folders += is_folder
        paths.extend(inside)
    return Images(tuple(paths), several=len(named) > 1 or folders > 0)


def _images_inside(folder: Path) -> list[Path]:
    # Loads what reads images; see `_worked_on`.
    from shared.geo.open import IMAGE_SUFFIXES

    return sorted(
        path
        for path in folder.iterdir()
        if path.is_file() and path.suffix.lower() in IMAGE_SUFFIXES and path.name[0] != "."
    )


def run(images: Images, order: Order, client: Client, clock: Callable[[], float]) -> Json:
    """Run a recipe and write `objects.geojson` and `summary.json`.

    One image writes into the output folder itself; several write into one folder each, and a list
    of them is written on top. A bad image among several is listed and harms no other; so is one
    that the area does not meet.

    Args:
        images: The files.
        order: What to do.
        client: Gives a client of the model server.
        clock: Seconds, for the durations.

    Returns:
        Content of the topmost `summary.json`.

    Raises:
        InputError: The only image, or every image, cannot be used, or a file that is read would be
            written over.
        ModelServerError: The model cannot answer; nothing of this image was written.
        StorageFull: The output folder cannot be written.
    """
    made = is_new(order.out)
    order = replace(order, images=images.paths)
    spare_inputs(_outputs(images, order), _inputs(order))
    try:
        prepare_folder(order.out, overwrite=order.force)
        if not images.several:
            return _run_one(images.paths[0], order.out, order, client, clock)
        return _run_several(images.paths, order, client, clock)
    finally:
        if made and order.out.is_dir() and not any(order.out.iterdir()):
            order.out.rmdir()


def _run_one(
    path: Path, folder: Path, order: Order, client: Client, clock: Callable[[], float]
) -> Json:
    started = clock()
    key = _key(path, order) if order.use_cache else None
    files = None if key is None else _kept(key, order, client)
    if files is None:
        files = stoppable(lambda: _worked_on(path, order, client))
        # Somebody may have changed a file after its hash was taken and before it was read.
        if key is not None and files.summary["status"] == "ok" and key == _key(path, order):
            kept = {**files.others, SUMMARY_FILE: to_json(files.summary)}
            KeptResults.of(get_settings()).keep(key, _model(order, client), kept)
    files.summary["image"]["path"] = str(path)
    files.summary["seconds"] = round(clock() - started, 3)
    files.summary["files"] = sorted([*files.others, SUMMARY_FILE])
    written = {**files.others, SUMMARY_FILE: to_json(files.summary)}
    write_files(folder, written, _inputs(order))
    return files.summary


def _outputs(images: Images, order: Order) -> dict[Path, Collection[str]]:
    names = OWN_FILES if order.recipe.makes_map else OBJECTS_FILES
    if not images.several:
        return {order.out: names}
    folders = _folder_names(images.paths)
    return {order.out: (SUMMARY_FILE,), **{order.out / one: names for one in folders}}


def _inputs(order: Order) -> list[Path]:
    areas = [] if order.area is None else [order.area]
    return [*order.images, *order.files.values(), *areas]


def _key(path: Path, order: Order) -> str | None:
    """Return the name under which the result is kept; None where it cannot be."""
    files: dict[str, Path] = {IMAGE: path}
    files.update(order.files.items())
    if order.area is not None:
        files[AREA] = order.area
    told = [getattr(order, one.name) for one in fields(order) if one.name not in NOT_IN_RESULT]
    try:
        return order_key(told, files)
    except OSError:
        return None  # what is wrong with the file is said when it is opened


def _model(order: Order, client: Client) -> str:
    """Name the model that answers, with everything that its card says."""
    return "" if order.recipe.task == "none" else repr(pin_model(client(), order.recipe))


def _kept(key: str, order: Order, client: Client) -> ResultFiles | None:
    known = KeptResults.of(get_settings()).find(key)
    if known is None or known[0] != _model(order, client):
        return None
    others: dict[str, str | bytes] = {**known[1]}
    return ResultFiles(json.loads(others.pop(SUMMARY_FILE)), others)


def _worked_on(path: Path, order: Order, client: Client) -> ResultFiles:
    # Loads what reads images and draws maps: more than a result that is kept takes altogether.
    from apps.aviary.commands.one_image import work_on

    return work_on(path, order, client)


def _run_several(
    paths: Sequence[Path], order: Order, client: Client, clock: Callable[[], float]
) -> Json:
    started = clock()
    entries: list[Json] = []
    last_error: InputError | None = None
    for path, folder in zip(paths, _folder_names(paths), strict=True):
        try:
            one = _run_one(path, order.out / folder, order, client, clock)
        except AreaOutside as error:
            last_error = error
            entries.append(_outside_entry(path, order.recipe))
        except InputError as error:
            last_error = error
            entries.append(_failed_entry(path, error))
        else:
            entries.append(_entry(path, folder, one))
    if last_error is not None and all(entry["folder"] is None for entry in entries):
        raise last_error
    content = _list(entries, order, clock() - started)
    write_files(order.out, {SUMMARY_FILE: to_json(content)}, _inputs(order))
    return content


def _folder_names(paths: Sequence[Path]) -> list[str]:
    """Name one folder per image after its stem; equal stems get a number.

    A stem of dots alone would lead out of the output folder.
    """
    used = {SUMMARY_FILE, OBJECTS_FILE}
    names: list[str] = []
    for path in paths:
        stem = path.stem if path.stem.strip(".") else NAMELESS
        name, number = stem, 1
        while name.casefold() in used:
            number += 1
            name = f"{stem}_{number}"
        used.add(name.casefold())
        names.append(name)
    return names


def _entry(path: Path, folder: str, one: Json) -> Json:
    kept = ("status", "counts", "area_m2", "warnings", "failed_tiles", "seconds")
    return {"path": str(path), "folder": folder, **{key: one[key] for key in kept}}


def _outside_entry(path: Path, recipe: Recipe) -> Json:
    """List an image that the area does not meet: looked at, and nothing of it counts."""
    return {
        "path": str(path),
        "folder": None,
        "status": "outside",
        "counts": {one.key: 0 for one in recipe.classes},
        "area_m2": {one.key: 0.0 for one in recipe.classes},
        "outside_share": 1.0,
    }


def _failed_entry(path: Path, error: InputError) -> Json:
    return {
        "path": str(path),
        "folder": None,
        "status": "failed",
        "error": {"code": error.code, "message": str(error), "what_to_do": error.remedy},
    }


def _list(entries: Sequence[Json], order: Order, seconds: float) -> Json:
    done = [entry for entry in entries if entry["status"] != "failed"]
    whole = all(entry["status"] in ("ok", "outside") for entry in entries)
    keys = dict.fromkeys(key for entry in done for key in entry["counts"])
    return {
        "status": "ok" if whole else "incomplete",
        "recipe": order.recipe.recipe_id,
        "images": list(entries),
        "counts": {key: sum(entry["counts"].get(key, 0) for entry in done) for key in keys},
        "area_m2": {
            key: round(sum(entry["area_m2"].get(key, 0.0) for entry in done), 2) for key in keys
        },
        "failed_images": len(entries) - len(done),
        "images_outside": sum(entry["status"] == "outside" for entry in entries),
        "seconds": round(seconds, 3),
        "software_version": __version__,
    }
