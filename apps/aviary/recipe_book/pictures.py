"""Small pictures for the cards of the recipes, drawn from the images of Musterstadt's centre.

Each shows a part of the town with what the recipe looks for, taken from the truth of the renderer:
a picture of the task, not of anybody's result. A map covers the right half only; changes show one
place in both flights, the painted neighbourhood where only the newest flight of the town is there.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, cast

import cv2
import numpy as np
import rasterio
from numpy.typing import NDArray
from PIL import Image

from apps.aviary.kinds.change_picture import SCENE_CORNER_M, draw_change
from apps.aviary.kinds.index_language import break_classes, evaluate_index, parse_index
from apps.aviary.painted.change_picture import paint_change
from apps.aviary.recipes import Recipe, find_recipe
from shared.demo_city import NO_DATA, CitySettings, CityStore
from shared.geo.raster import Rgb
from shared.settings import get_settings

SIZE_PX: Final = (480, 270)
GSD_M: Final = 0.2
CELL_M: Final = 18.0
JPEG_QUALITY: Final = 82
SHARE, OBJECT_SHARE = 0.6, 0.35
OUTLINE_PX: Final = 2
MARK: Final = (230, 0, 126)
LABELS, SOLAR = 1, 3
"""Bands of the label images: land cover as seen from above, and solar units."""

Codes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Scene:
    """What a picture shows.

    Args:
        corner_m: West and north within the town [m].
        band: Band of the label images that knows what is looked for.
        codes: What is looked for there; empty takes the colours of the recipe's classes.
    """

    corner_m: tuple[float, float]
    band: int = LABELS
    codes: tuple[int, ...] = ()

    @property
    def bounds_m(self) -> tuple[float, float, float, float]:
        """West, south, east and north within the town [m]."""
        west, north = self.corner_m
        width_m, height_m = (side * GSD_M for side in SIZE_PX)
        return west, north - height_m, west + width_m, north


GARDENS: Final = (1_560.0, 2_354.0)
SCENES: Final = {
    "solar": Scene((1_545.0, 2_325.0), SOLAR, (1, 2, 3)),
    "landcover": Scene(GARDENS),
    "sealed": Scene((1_600.0, 2_340.0)),
    "greenroof": Scene((2_596.0, 1_428.0), LABELS, (2,)),
    "buildings": Scene((1_575.0, 2_400.0), LABELS, (0, 1, 2)),
    "trees": Scene((1_640.0, 2_385.0), LABELS, (8,)),
    "water": Scene((2_395.0, 2_106.0), LABELS, (6,)),
    "pools": Scene((1_548.0, 2_304.0), LABELS, (6,)),
    "ndvi": Scene(GARDENS),
    "index": Scene((1_640.0, 2_385.0)),
    "similar": Scene((1_545.0, 2_325.0), SOLAR, (1, 2, 3)),
    "gravel_garden": Scene((2_100.0, 1_428.0), LABELS, (5,)),
    "change": Scene(SCENE_CORNER_M),
}


def recipe_picture(name: str) -> bytes | None:
    """Return the picture of a built-in recipe as JPEG.

    Args:
        name: Name of the recipe.

    Returns:
        None where it has none, or while that part of the town is not rendered.
    """
    store = CityStore(get_settings().demo_city_folder, CitySettings())
    scene = SCENES.get(name)
    if scene is None:
        return None
    *older, newest = (store.ready_share(year, scene.bounds_m) for year in _years(store, name))
    if newest < 1:
        return None
    return _draw(name, store.folder) if all(one >= 1 for one in older) else _painted()


@lru_cache(maxsize=len(SCENES))
def _draw(name: str, folder: Path) -> bytes:
    scene, store = SCENES[name], CityStore(folder.parent, CitySettings())
    read = [_read(store, scene, year) for year in _years(store, name)]
    return _jpeg(_both(read) if len(read) > 1 else _one(find_recipe(name), scene, *read[0]))


@lru_cache(maxsize=1)
def _painted() -> bytes:
    return _jpeg(paint_change(SIZE_PX, MARK))


def _jpeg(drawn: Rgb) -> bytes:
    target = io.BytesIO()
    Image.fromarray(drawn).save(target, "JPEG", quality=JPEG_QUALITY)
    return target.getvalue()


def _years(store: CityStore, name: str) -> tuple[str, ...]:
    """Return the flights that a picture shows: the newest one, or both to compare them."""
    years = tuple(str(day.year) for day in store.settings.flights)
    return years if find_recipe(name).kind == "change" else years[-1:]


def _one(recipe: Recipe, scene: Scene, bands: NDArray[np.uint8], codes: Codes) -> Rgb:
    photo = bands[..., :3]
    if recipe.kind == "index":
        codes = _index(recipe, bands)
    elif recipe.kind == "similar":
        codes = _cells(scene, codes)
    return _objects(scene, photo, codes) if scene.codes else _map(recipe, photo, codes)


def _both(read: Sequence[tuple[NDArray[np.uint8], Codes]]) -> Rgb:
    """Show the left half of a scene in both flights, the older one on the left."""
    half = SIZE_PX[0] // 2
    older, newer = (bands[:, :half, :3] for bands, _ in read)
    before, after = (codes[:, :half] for _, codes in read)
    return draw_change(older, newer, (before, after), gsd_m=GSD_M, colour=MARK)


def _read(store: CityStore, scene: Scene, year: str) -> tuple[NDArray[np.uint8], Codes]:
    """Return red, green, blue and near infrared of a scene, and what its band knows."""
    bands, _ = store.read(year, scene.bounds_m, SIZE_PX)
    codes = np.zeros(SIZE_PX[::-1], np.uint8)
    for tile in store.ready_in(year, scene.bounds_m):
        if tile.gsd_m == GSD_M:
            edges = tile.pixels(store.settings).bounds_m
            _paste(store.path(tile, "labels"), (edges[0], edges[3]), scene, codes)
    return bands, codes


def _paste(path: Path, corner_m: tuple[float, float], scene: Scene, codes: Codes) -> None:
    west, north = scene.corner_m
    column, row = round((corner_m[0] - west) / GSD_M), round((north - corner_m[1]) / GSD_M)
    height, width = codes.shape
    with rasterio.open(path) as labels:
        left, upper = max(0, column), max(0, row)
        right, lower = min(width, column + labels.width), min(height, row + labels.height)
        if right > left and lower > upper:
            window = ((upper - row, lower - row), (left - column, right - column))
            codes[upper:lower, left:right] = labels.read(scene.band, window=window)


def _objects(scene: Scene, photo: Rgb, codes: Codes) -> Rgb:
    wanted = np.isin(codes, scene.codes).astype(np.uint8)
    marked = _mixed(photo, np.array(MARK, np.float32), OBJECT_SHARE)
    drawn = np.where(wanted[..., None] == 1, marked, photo)
    outlines, _ = cv2.findContours(wanted, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(drawn, outlines, -1, MARK, OUTLINE_PX))


def _index(recipe: Recipe, bands: NDArray[np.uint8]) -> Codes:
    named = dict(zip(("red", "green", "blue", "nir"), np.moveaxis(bands, 2, 0), strict=True))
    values = evaluate_index(parse_index(str(recipe.settings["expression"])), named)
    breaks = cast(Sequence[float], recipe.settings["breaks"])
    return break_classes(values, tuple(breaks))


def _cells(scene: Scene, codes: Codes) -> Codes:
    """Fill the cells in which something is."""
    side = round(CELL_M / GSD_M)
    found = np.zeros_like(codes)
    for row in range(0, codes.shape[0], side):
        for column in range(0, codes.shape[1], side):
            cell = np.s_[row : row + side - 4, column : column + side - 4]
            if np.isin(codes[cell], scene.codes).any():
                found[cell] = scene.codes[0]
    return found


def _map(recipe: Recipe, photo: Rgb, codes: Codes) -> Rgb:
    colours = np.zeros((NO_DATA + 1, 3), np.float32)
    for one in recipe.classes:
        colours[list(one.sources or (one.code,))] = list(bytes.fromhex(one.colour[1:]))
    drawn = _mixed(photo, colours[codes], SHARE)
    middle = SIZE_PX[0] // 2
    drawn[:, :middle] = photo[:, :middle]
    drawn[:, middle - 1 : middle + 2] = 255
    return drawn


def _mixed(photo: Rgb, colour: NDArray[np.float32], share: float) -> Rgb:
    return np.asarray(np.rint(photo * (1 - share) + colour * share).astype(np.uint8))
