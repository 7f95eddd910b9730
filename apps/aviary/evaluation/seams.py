"""Whether a result shows where the tiles lay: tiled against whole, and polygons cut in two."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from shapely.geometry.base import BaseGeometry

from apps.aviary.evaluation.runtime import timed_run
from apps.aviary.evaluation.scenes import Codes
from apps.aviary.evaluation.undivided import Outlines, undivided_outlines
from apps.aviary.inference import look_at_cells
from apps.aviary.inputs.run_image import encode_png
from apps.aviary.pinned import pin_model
from apps.aviary.plan import plan_run
from apps.aviary.recipe_book.schema import CELL_STEP_PX
from apps.aviary.recipes import Recipe, find_recipe
from apps.aviary.semantic import CellMap, MapGrid, classify
from shared.clients.model_server import ModelServerClient
from shared.geo.open import open_raster
from shared.geo.raster import OpenOptions, RasterInfo
from shared.geo.tiling import Tile, plan_tiles
from shared.settings import Settings

WHOLE = "landcover"
RECIPES = ("landcover", "buildings", "trees", "solar")
LARGEST_PX = 1280
NEAR_PX = 1.0
"""Two parts of one thing that were cut at a border lie at most this far apart."""
STRAIGHT_PX = 3.0
LEAST_CONTACT_PX = 5.0
HELD_SHARE = 0.5
"""A polygon of the undivided image holds a part that lies in it with this share of its area."""

Lines = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]
"""Columns and rows of all borders [px]."""


@dataclass(frozen=True, slots=True)
class Meetings:
    """Pairs of polygons that meet along a border of tiles: all of them, and those it cut apart."""

    all: int
    cut: int


def measure_seams(
    settings: Settings, image: Path, folder: Path, recipes: Sequence[str] = RECIPES
) -> dict[str, Any]:
    """Map an image in tiles and as a whole, and look for polygons that end at a border of tiles.

    Args:
        settings: Lead to a model server that answers, and to a data folder.
        image: GeoTIFF in red, green and blue with 20 cm a pixel, each side a multiple of 8 pixels.
        folder: Takes the results.
        recipes: Recipes whose polygons are looked at.

    Raises:
        ModelServerError: The model server cannot answer.
        RuntimeError: The command failed.
    """
    for name in dict.fromkeys((*recipes, WHOLE)):
        words = ["--recipe", name, "--image", str(image), "--out", str(folder / f"seams-{name}")]
        timed_run(settings, words)
    wholes: dict[str, Codes] = {}
    with ModelServerClient(settings) as client:
        for name in (WHOLE, *recipes):
            recipe = find_recipe(name)
            if name not in wholes and recipe.kind == "semantic":
                wholes[name] = whole_map(client, recipe, image)
    meetings: dict[str, Meetings] = {}
    for name in recipes:
        recipe, codes = find_recipe(name), wholes.get(name, wholes[WHOLE])
        whole = undivided_outlines(codes, image, recipe, folder)
        meetings[name] = find_meetings(folder / f"seams-{name}", image, recipe, whole)
    with rasterio.open(folder / f"seams-{WHOLE}" / "classes.tif") as raster:
        tiled: Codes = raster.read(1)
    return {
        "pixels": int(wholes[WHOLE].size),
        "tiled_differs_from_whole": round(float(np.mean(wholes[WHOLE] != tiled)), 7),
        "polygons_meeting_at_tiles": {name: one.all for name, one in meetings.items()},
        "polygons_cut_at_tiles": {name: one.cut for name, one in meetings.items()},
    }


def whole_map(client: ModelServerClient, recipe: Recipe, image: Path) -> Codes:
    """Return the class map of an image as a model gives it that sees all of it.

    The server takes tiles up to `LARGEST_PX`. A cell's answer looks no farther than the reach of
    the model, so what such a tile says at twice the reach from its edges is what the whole says.

    Args:
        client: Client of the model server.
        recipe: A recipe that maps classes.
        image: See `measure_seams`.
    """
    model = pin_model(client, recipe)
    with rasterio.open(image) as raster:
        rgb = np.moveaxis(raster.read((1, 2, 3)), 0, -1)
        gsd_m = float(raster.transform.a)
    height, width = rgb.shape[:2]
    margin_px = -(-2 * model.reach_px // CELL_STEP_PX) * CELL_STEP_PX
    plan = plan_tiles(width, height, LARGEST_PX, 2 * margin_px, step_px=CELL_STEP_PX)

    def answers() -> Iterator[tuple[Tile, Codes]]:
        for tile in plan:
            left, upper, right, lower = tile.box
            png = encode_png(np.ascontiguousarray(rgb[upper:lower, left:right]))
            cells, _ = look_at_cells(client, model, tile, png, gsd_m=gsd_m, near_infrared=False)
            yield tile, cells.values

    strips = classify(
        MapGrid(plan, (width, height), (width, height)),
        answers(),
        CellMap(model.codes, model.stride, margin_px),
        recipe.groups,
        lambda y0, y1: np.ones((y1 - y0, width), bool),
    )
    return np.concatenate([strip.codes for strip in strips])


def find_meetings(folder: Path, image: Path, recipe: Recipe, whole: Outlines | None) -> Meetings:
    """Count the pairs of polygons of one class that meet along a border of tiles.

    Crowns and roofs meet along straight lines everywhere, and some of these lie at a border by
    chance. A border cut a polygon where the undivided image has one for both, and where it has none
    for one of them: then nothing speaks for two.

    Args:
        folder: Result folder of the image; holds `objects.geojson`.
        image: The image.
        recipe: The recipe; tells where its tiles lie.
        whole: Polygons of the undivided image [px] by class; None where nobody knows them, and
            every meeting counts as a cut.

    Raises:
        ValueError: The image has no place on the map, or the undivided image lacks a class.
    """
    with open_raster(image, options=OpenOptions()) as source:
        info = source.info
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    plan = plan_run(info, recipe, gsd_m=summary["parameters"].get("model_gsd_m"))
    boxes = np.array([plan.source_box(tile) for tile in plan.tiles])
    lines = np.unique(boxes[:, [0, 2]]), np.unique(boxes[:, [1, 3]])
    found = Meetings(0, 0)
    for key, outlines in _read_outlines(folder, info).items():
        pairs = _meeting_pairs(outlines, lines)
        cut = len(pairs)
        if whole is not None:
            if not whole.get(key):
                message = f"the undivided {info.name} has no {key}"
                raise ValueError(message)
            tree = shapely.STRtree(list(whole[key]))
            cut -= sum(_are_two(outlines[one], outlines[other], tree) for one, other in pairs)
        found = Meetings(found.all + len(pairs), found.cut + cut)
    return found


def _read_outlines(folder: Path, info: RasterInfo) -> dict[str, list[BaseGeometry]]:
    """Return the polygons of a result in pixels of its image, by the key of their class."""
    if info.transform is None:
        message = f"{info.name} has no place on the map"
        raise ValueError(message)
    west, north, pixel_m = info.transform[2], info.transform[5], info.transform[0]
    content = json.loads((folder / "objects.geojson").read_text(encoding="utf-8"))
    classes: dict[str, list[BaseGeometry]] = defaultdict(list)
    for one in content["features"]:
        outline = shapely.geometry.shape(one["geometry"])
        placed = shapely.transform(
            outline, lambda points: (points - (west, north)) / (pixel_m, -pixel_m)
        )
        classes[one["properties"]["class"]].append(placed)
    return classes


def _meeting_pairs(outlines: Sequence[BaseGeometry], lines: Lines) -> list[tuple[int, int]]:
    tree = shapely.STRtree(outlines)
    first, second = tree.query(outlines, predicate="dwithin", distance=NEAR_PX)
    pairs = []
    for one, other in zip(first.tolist(), second.tolist(), strict=True):
        if one < other:
            near = outlines[one].buffer(NEAR_PX).intersection(outlines[other].buffer(NEAR_PX))
            if any(lies_along(part.bounds, lines) for part in shapely.get_parts(near)):
                pairs.append((one, other))
    return pairs


def _are_two(one: BaseGeometry, other: BaseGeometry, whole: shapely.STRtree) -> bool:
    """Say whether polygons of the undivided image hold most of each, and none most of both."""
    first, second = _holders(one, whole), _holders(other, whole)
    return bool(first) and bool(second) and not first & second


def _holders(part: BaseGeometry, whole: shapely.STRtree) -> set[int]:
    valid = shapely.make_valid(part)  # results are rounded
    near = whole.query(valid)
    held = shapely.area(shapely.intersection(valid, whole.geometries[near]))
    return set(near[held >= HELD_SHARE * valid.area].tolist())


def lies_along(bounds: tuple[float, float, float, float], lines: Lines) -> bool:
    """Say whether something narrow lies straight along a border of tiles.

    Args:
        bounds: Its left, upper, right and lower edge [px].
        lines: Columns and rows of all borders [px].
    """
    left, upper, right, lower = bounds
    sides = ((left, right, lower - upper, lines[0]), (upper, lower, right - left, lines[1]))
    return any(
        high - low <= STRAIGHT_PX + NEAR_PX
        and length >= LEAST_CONTACT_PX
        and bool((np.abs(places - (low + high) / 2) <= STRAIGHT_PX).any())
        for low, high, length, places in sides
    )
