"""All objects of a scene as polygons in pixel coordinates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio import Affine
from rasterio.features import geometry_mask
from shapely import Polygon

from shared.demo_city.labels import SolarKind
from shared.demo_city.render.grid import Pixels
from shared.demo_city.render.window import Window
from shared.demo_city.things import Thing
from shared.demo_city.town import Town
from shared.demo_city.trees.vegetation import Trees

SOLAR_GAP_M: Final = 0.5
"""Arrays with a wider gap between them are two objects."""
LEAST_PX2: Final = 2.0
LEAST_VISIBLE: Final = 0.2
"""Less visible arrays are not labelled."""
SIMPLE_PX: Final = 0.05
CROWN_CORNERS: Final = 4
"""Corners of a crown per quarter."""
COLUMNS: Final = ("kind", "solar", "building_id", "azimuth_deg", "slope_deg")
Row = tuple[str, SolarKind, int, float | None, float | None, Polygon]


def scene_objects(town: Town, trees: Trees, pixels: Pixels, seed: int) -> gpd.GeoDataFrame:
    """Return the objects that a scene shows, clipped to its image.

    Args:
        town: The town of the scene.
        trees: Its trees.
        pixels: Where the image lies.
        seed: Seed of the scene, which begins the ids of its buildings.

    Returns:
        One row per object: kind, kind of solar unit, `building_id` (empty on the ground), azimuth
        and slope of the roof plane it lies on [deg, None elsewhere], and its polygon in pixels, x
        right, y down. No coordinate system.
    """
    rows = [*_roofs(town, pixels), *_things(town, pixels), *_crowns(trees, pixels)]
    outlines = np.array([row[-1] for row in rows], dtype=object)
    frame = shapely.box(0, 0, pixels.width, pixels.height)
    clipped = shapely.intersection(shapely.make_valid(pixels.to_pixels(outlines)), frame)
    columns: dict[str, list[object]] = {name: [] for name in (*COLUMNS, "geometry")}
    for (kind, solar, building, azimuth, slope, _), shape in zip(rows, clipped, strict=True):
        for part in shapely.get_parts(shape):
            if isinstance(part, Polygon) and part.area >= LEAST_PX2:
                values = (kind, solar, building_id(seed, building), azimuth, slope)
                for name, value in zip(COLUMNS, values, strict=True):
                    columns[name].append(value)
                columns["geometry"].append(shapely.simplify(part, SIMPLE_PX))
    return gpd.GeoDataFrame(columns, geometry="geometry")


def building_id(seed: int, building: int) -> str:
    """Return the id of a building of a scene; empty for none.

    Args:
        seed: Seed of the scene.
        building: Its place in the buildings of the town, -1 for none.
    """
    return f"{seed:06d}-{building:04d}" if building >= 0 else ""


def _roofs(town: Town, pixels: Pixels) -> Iterator[Row]:
    frame = pixels.area()
    for roof in town.roofs:
        if roof.building not in town.gone and roof.outline.intersects(frame):
            yield "building", "none", roof.building, None, None, roof.outline


def _things(town: Town, pixels: Pixels) -> Iterator[Row]:
    frame = pixels.area()
    arrays: dict[tuple[SolarKind, int, int, int], list[Thing]] = {}
    for thing in town.things:
        if not thing.area.intersects(frame):
            continue
        if thing.solar == "none":
            yield thing.kind, "none", thing.building, *_facing(town, thing), thing.area
        else:
            place = (thing.solar, thing.building, thing.plane, thing.parcel)
            arrays.setdefault(place, []).append(thing)
    for things in arrays.values():
        for outline in connected([part.area for thing in things for part in thing.parts]):
            one = things[0]
            yield one.kind, one.solar, one.building, *_facing(town, one), outline


def connected(areas: Sequence[Polygon]) -> list[Polygon]:
    """Join areas whose gap is at most half a metre.

    Args:
        areas: Areas [m].
    """
    reach = SOLAR_GAP_M / 2
    wide = shapely.union_all(shapely.buffer(np.array(areas), reach + 1e-6, join_style="mitre"))
    joined = shapely.buffer(wide, -reach, join_style="mitre")
    return [part for part in shapely.get_parts(joined) if isinstance(part, Polygon)]


def _facing(town: Town, thing: Thing) -> tuple[float | None, float | None]:
    if thing.plane < 0 or thing.building < 0:
        return None, None
    slope = town.roofs[thing.building].planes[thing.plane].slope
    return round(slope.azimuth_deg, 1), round(slope.slope_deg, 1)


def _crowns(trees: Trees, pixels: Pixels) -> Iterator[Row]:
    crowns: NDArray[np.object_] = shapely.buffer(
        shapely.points(trees.place), trees.radius, quad_segs=CROWN_CORNERS
    )
    for crown in crowns[shapely.intersects(crowns, pixels.area())]:
        yield "tree", "none", -1, None, None, crown


def visible_shares(objects: gpd.GeoDataFrame, window: Window) -> NDArray[np.float64]:
    """Return how much of each solar unit the image shows, 0 to 1; trees hide some.

    Args:
        objects: As `scene_objects` returns them.
        window: The image with its labels.

    Returns:
        One value per object, NaN for other objects than solar units.
    """
    shares = np.full(len(objects), np.nan)
    solar = np.flatnonzero(objects["solar"].to_numpy() != "none")
    for row in solar:
        outline = objects.geometry.iloc[row]
        west, north, east, south = (int(edge) for edge in outline.bounds)
        shown = window.solar[north : south + 1, west : east + 1]
        place = Affine.translation(west, north)
        inside = geometry_mask([outline], shown.shape, place, invert=True)
        shares[row] = round(float((shown[inside] > 0).mean()), 3) if inside.any() else 0.0
    return shares
