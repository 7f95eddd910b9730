"""Squares of Musterstadt as images of both flights, with everything that changed between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp
from rasterio.features import rasterize
from rasterio.transform import Affine
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from apps.aviary.kinds.change import Codes, Mask
from shared.demo_city import (
    CRS,
    NO_DATA,
    CitySettings,
    DemoCity,
    Window,
    build_city,
    render_window,
    vintages,
)

GSD_M = 0.2
SIDE_M = 500
"""Whole chunks of the renderer, so that nothing is rendered for a neighbour."""
SEED = 41
EXPECTED: Final[Mapping[str, tuple[str, ...]]] = {
    "new_building": ("building_new",),
    "extension": ("building_new",),
    "demolition": ("building_gone",),
    "green_roof_added": ("roof_greened",),
    "new_pool": ("water_new", "sealed"),
    "gravel_garden": ("gravelled",),
    "new_sealing": ("sealed",),
    "unsealing": ("unsealed", "surface_other"),
}
"""Events that change land cover, and the kinds of change in the recipe that tell of them."""
BANDS = (ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.undefined)


@dataclass(frozen=True, slots=True)
class TownEvent:
    """Something that happened between the flights and changes land cover.

    Args:
        kind: One of `EXPECTED`.
        parcel: Outline of its parcel [m].
    """

    kind: str
    parcel: BaseGeometry


@dataclass(frozen=True, slots=True, eq=False)
class TownSquare:
    """A square of the town; all arrays have the shape of its images.

    Args:
        before: Image of the older flight.
        after: Image of the newer flight.
        transform: From columns and rows to metres.
        labels: True land cover as seen from above, older and newer.
        ground: The same below the crowns of trees.
        events: What happened there.
        quiet: Parcels on which nothing at all happened.
    """

    before: Path
    after: Path
    transform: Affine
    labels: tuple[Codes, Codes]
    ground: tuple[Codes, Codes]
    events: tuple[TownEvent, ...]
    quiet: Mask


@lru_cache(maxsize=1)
def musterstadt() -> DemoCity:
    """Return the demo city, which takes half a minute, once for all measurements."""
    return build_city(CitySettings())


def write_squares(folder: Path, count: int) -> Iterator[TownSquare]:
    """Render squares that are drawn by chance, write both images and yield what is true there.

    Args:
        folder: Existing folder for the images; each square takes the place of the one before.
        count: Number of squares; fewer where events happened in fewer.
    """
    city = musterstadt()
    events = city.table("events")
    parcels = city.layer("parcels").set_index("parcel_id").geometry
    for corner_m in choose_squares(events, parcels, city.settings, count):
        yield _write_square(city, folder, corner_m, events, parcels)


def choose_squares(
    events: pd.DataFrame, parcels: gpd.GeoSeries, settings: CitySettings, count: int
) -> list[tuple[float, float]]:
    """Draw squares in which land cover changed at least once.

    Args:
        events: Table of events.
        parcels: Outlines by the id of the parcel [m].
        settings: Settings of the town.
        count: Number of squares.

    Returns:
        West and south of each [m], from the first drawn to the last.
    """
    telling = events[events["kind"].isin(EXPECTED)]
    middles = parcels.loc[telling["parcel_id"]].centroid
    east, north = settings.origin_m
    columns = ((middles.x - east) // SIDE_M).astype(int)
    rows = ((middles.y - north) // SIDE_M).astype(int)
    cells = sorted(set(zip(columns, rows, strict=True)))
    drawn = np.random.default_rng(SEED).permutation(len(cells))[:count]
    return [(east + cells[i][0] * SIDE_M, north + cells[i][1] * SIDE_M) for i in drawn]


def _write_square(
    city: DemoCity,
    folder: Path,
    corner_m: tuple[float, float],
    events: pd.DataFrame,
    parcels: gpd.GeoSeries,
) -> TownSquare:
    west, south = corner_m
    bounds = (west, south, west + SIDE_M, south + SIDE_M)
    windows = [render_window(city, year, bounds, GSD_M) for year in vintages(city.settings)]
    paths = [folder / f"musterstadt_{year}.tif" for year in vintages(city.settings)]
    for path, window in zip(paths, windows, strict=True):
        write_image(path, window)
    near = parcels[parcels.intersects(box(*bounds))]
    there = events[events["parcel_id"].isin(near.index)]
    told = there[there["kind"].isin(EXPECTED)]
    quiet = near[~near.index.isin(there["parcel_id"])]
    transform = windows[0].transform
    return TownSquare(
        before=paths[0],
        after=paths[1],
        transform=transform,
        labels=(known(windows[0], "labels"), known(windows[1], "labels")),
        ground=(known(windows[0], "ground"), known(windows[1], "ground")),
        events=tuple(
            TownEvent(kind, near[parcel])
            for kind, parcel in zip(told["kind"], told["parcel_id"], strict=True)
        ),
        quiet=drawn(quiet.tolist(), windows[0].labels.shape, transform),
    )


def known(window: Window, layer: str) -> Codes:
    """Return a layer of the truth, `NO_DATA` where there is no image.

    Args:
        window: The window.
        layer: "labels" or "ground".
    """
    codes: NDArray[np.uint8] = getattr(window, layer)
    return np.where(window.valid, codes, np.uint8(NO_DATA)).astype(np.uint8)


def drawn(outlines: Sequence[BaseGeometry], shape: tuple[int, int], transform: Affine) -> Mask:
    """Return which pixels lie in one of some outlines.

    Args:
        outlines: Outlines [m].
        shape: Rows and columns.
        transform: From columns and rows to metres.
    """
    if not outlines:
        return np.zeros(shape, bool)
    return np.asarray(rasterize(outlines, shape, transform=transform, dtype=np.uint8) > 0)


def write_image(path: Path, window: Window) -> None:
    """Write red, green, blue and near infrared of a window as GeoTIFF.

    Args:
        path: The file; one that is there is replaced.
        window: The window.
    """
    height, width = window.labels.shape
    profile = {
        "driver": "GTiff", "width": width, "height": height, "count": len(BANDS), "dtype": "uint8",
        "crs": CRS, "transform": window.transform, "tiled": True, "photometric": "RGB",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as raster:
        raster.colorinterp = BANDS
        raster.write(np.moveaxis(window.rgbi, -1, 0))
