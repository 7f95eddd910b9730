"""People on a grid of 100 m: inhabitants by age, households, cars, jobs."""

from __future__ import annotations

from functools import cache
from typing import Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from shared.demo_city.randomness import stream
from shared.demo_city.settings import CRS
from shared.demo_city.tables.people import COUNTS
from shared.demo_city.tables.snapshot import Snapshot

GRID_CRS: Final = "EPSG:3035"
CELL_M: Final = 100
BLURRED_BELOW: Final = 3


def cells_of(snapshot: Snapshot) -> NDArray[np.int64]:
    """Return east and north of the corner of each shown building's cell [m, EPSG:3035]."""
    walls = np.array(
        [snapshot.town.buildings[index].walls for index in snapshot.shown], dtype=object
    )
    places = shapely.get_coordinates(shapely.centroid(walls)) + np.array(snapshot.settings.origin_m)
    east, north = _to_grid().transform(places[:, 0], places[:, 1])
    return np.floor(np.stack([east, north], axis=1) / CELL_M).astype(np.int64) * CELL_M


@cache
def _to_grid() -> Transformer:
    return Transformer.from_crs(CRS, GRID_CRS, always_xy=True)


def people_grid(snapshot: Snapshot) -> gpd.GeoDataFrame:
    """Return the cells in which somebody lives or works; the sums are those of the districts."""
    cells, place = np.unique(cells_of(snapshot), axis=0, return_inverse=True)
    counts = np.zeros((len(cells), len(COUNTS)), dtype=np.int64)
    np.add.at(counts, place.ravel(), snapshot.people)
    used = counts.any(axis=1)
    return _grid(cells[used], counts[used])


def noisy_people_grid(snapshot: Snapshot) -> gpd.GeoDataFrame:
    """Return the grid as official statistics would publish it: small cells are blurred.

    Counts below 3 become 0 or 3, all others move by up to 1, each by itself, so that sums do not
    add up.
    """
    exact = people_grid(snapshot)
    counts = exact[list(COUNTS)].to_numpy()
    moved = np.empty_like(counts)
    for row, (east, north) in enumerate(zip(exact["x_3035"], exact["y_3035"], strict=True)):
        rng = stream(snapshot.settings.seed, "secrecy", int(east) // CELL_M, int(north) // CELL_M)
        small = np.where(rng.random(len(COUNTS)) < counts[row] / BLURRED_BELOW, BLURRED_BELOW, 0)
        large = np.maximum(counts[row] + rng.integers(-1, 2, len(COUNTS)), BLURRED_BELOW)
        moved[row] = np.where(counts[row] < BLURRED_BELOW, small, large)
    cells = exact[["x_3035", "y_3035"]].to_numpy() - CELL_M // 2
    return _grid(cells, moved)


def _grid(cells: NDArray[np.int64], counts: NDArray[np.int64]) -> gpd.GeoDataFrame:
    squares = gpd.GeoSeries(
        shapely.box(cells[:, 0], cells[:, 1], cells[:, 0] + CELL_M, cells[:, 1] + CELL_M),
        crs=GRID_CRS,
    )
    columns: dict[str, object] = {
        "cell_id": [f"CRS3035RES100mN{north}E{east}" for east, north in cells.tolist()],
        "x_3035": cells[:, 0] + CELL_M // 2,
        "y_3035": cells[:, 1] + CELL_M // 2,
        **dict(zip(COUNTS, counts.T, strict=True)),
    }
    return gpd.GeoDataFrame(columns, geometry=squares.to_crs(CRS).array, crs=CRS)


def district_people(snapshot: Snapshot) -> pd.DataFrame:
    """Return the people of each cell in each district; adds up to cells and districts."""
    cells = cells_of(snapshot)
    districts = [
        snapshot.district_ids[snapshot.first.parcels[snapshot.town.buildings[i].parcel].district]
        for i in snapshot.shown
    ]
    table = pd.DataFrame(snapshot.people, columns=list(COUNTS))
    table.insert(0, "district_id", districts)
    table.insert(0, "cell_id", [f"CRS3035RES100mN{n}E{e}" for e, n in cells.tolist()])
    summed = table.groupby(["cell_id", "district_id"], as_index=False, sort=True).sum()
    return summed[summed[list(COUNTS)].any(axis=1)].reset_index(drop=True)
