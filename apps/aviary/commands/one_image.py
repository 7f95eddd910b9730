"""One image of a command, worked on; what all this needs is loaded only where it is needed."""

from __future__ import annotations

from pathlib import Path

from apps.aviary.class_maps.map_file import (
    CLASS_MAP_FILE,
    CODES_FILE,
    CONFIDENCE_FILE,
    OUTLINES_FILE,
    VALUES_FILE,
    read_class_map,
)
from apps.aviary.class_maps.outlines import from_lines
from apps.aviary.class_maps.outputs import as_pictures, class_geojson, class_summary
from apps.aviary.commands.headless import Client, look, result_file
from apps.aviary.commands.order import Order, ResultFiles
from apps.aviary.finds.analysis import count
from apps.aviary.finds.detection_file import DETECTION_FILE, read_detection
from apps.aviary.outputs import objects_geojson, summary
from apps.aviary.result_files import OBJECTS_FILE
from shared.jobs.inline import InlineResult


def work_on(path: Path, order: Order, client: Client) -> ResultFiles:
    """Let a recipe look at one image and make the files of its result.

    Args:
        path: The image.
        order: What to do.
        client: Gives a client of the model server.

    Raises:
        InputError: The image cannot be used.
        ModelServerError: The model cannot answer.
    """
    with look(
        path,
        order.recipe,
        client,
        order.options,
        area=order.area,
        force=order.force,
        threshold=order.threshold,
        use_cache=order.use_cache,
        files=order.files,
        recipe_text=order.recipe_text,
        seed=order.seed,
    ) as result:
        files = _files(result, order, str(path))
    files.summary["parameters"]["seed"] = order.seed
    return files


def _object_files(result: InlineResult, order: Order, path: str) -> ResultFiles:
    analysis = read_detection(result_file(result, DETECTION_FILE))
    threshold = analysis.threshold if order.threshold is None else order.threshold
    limits = {"threshold": threshold, "min_area_m2": order.min_area_m2}
    found = count(analysis, **limits)
    content = summary(analysis, found, path=path, seconds=0.0, **limits)
    objects = objects_geojson(analysis, found, threshold=threshold)
    return ResultFiles(content, {OBJECTS_FILE: objects})


def _class_files(result: InlineResult, order: Order, path: str) -> ResultFiles:
    content = read_class_map(result_file(result, CLASS_MAP_FILE))
    outlines = list(from_lines(result_file(result, OUTLINES_FILE).splitlines()))
    shown = [one for one in outlines if one.area_px * content.pixel_m2 >= order.min_area_m2]
    rasters = {name: result_file(result, name) for name in (CODES_FILE, CONFIDENCE_FILE)}
    return ResultFiles(
        class_summary(content, shown, path=path, min_area_m2=order.min_area_m2, seconds=0.0),
        {OBJECTS_FILE: class_geojson(content, shown), **as_pictures(content, rasters)},
    )


def _files(result: InlineResult, order: Order, path: str) -> ResultFiles:
    is_map = any(file.name == CLASS_MAP_FILE for file in result.summary.files)
    files = (_class_files if is_map else _object_files)(result, order, path)
    values = {
        file.name: result.read(file) for file in result.summary.files if file.name == VALUES_FILE
    }
    return ResultFiles(files.summary, {**files.others, **values})
