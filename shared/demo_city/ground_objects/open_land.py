"""Things on fields, meadows and banks: tramlines, bales, reeds and a field of solar modules."""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from shared.demo_city.ground_objects.outlines import (
    BOX,
    Batch,
    Layer,
    along_draws,
    disc,
    left_of,
    put,
)
from shared.demo_city.ground_objects.rail_things import walked
from shared.demo_city.ground_objects.spots import frames_around
from shared.demo_city.ground_objects.yards import Ground
from shared.demo_city.randomness import place_draws, place_ids, stream
from shared.demo_city.vectors.plan import TownPlan
from shared.demo_city.vectors.streets import CANAL_FROM_M

FIELDS: Final = ("field_crop", "field_stubble", "field_soil")
TRAMLINES_M: Final = (18.0, 24.0, 27.0)
"""Distances between the tracks of a tractor."""
WHEELS_M: Final = (1.9, 0.45)
"""Distance between the wheels and width of their tracks."""
LEAST_FIELD_M2: Final = 1_500.0
BALE_SHARE: Final = 0.14
"""Share of fields and meadows with bales of straw or silage."""
REED_SHARE: Final = 0.55
MODULE_ROW_M: Final = (3.9, 8.2)
"""Depth of a row of modules from above, and distance from row to row."""
TABLE_M: Final = (18.0, 36.0)
TILT_DEG: Final = 20.0
EDGE_M: Final = 4.0
GAP_M: Final = 0.9
LEAST_TABLE_M: Final = 5.0
LOW_EDGE_M: Final = 0.8
SOLAR_FIELD_M2: Final = (6_000.0, 40_000.0)


def furnish_fields(plan: TownPlan, ground: Ground) -> list[Batch]:
    """Return what is seen on the open land.

    Args:
        plan: The plan with the waters and the open spaces.
        ground: The surfaces.
    """
    solar = _solar_land(plan, ground)
    fields = np.flatnonzero(np.isin(ground.cover, FIELDS) & (ground.parcel < 0))
    fields = fields[ground.size_m2[fields] > LEAST_FIELD_M2]
    if solar is not None:
        fields = fields[~shapely.intersects(solar, ground.area[fields])]
    rows = _module_rows(plan, solar) if solar is not None else []
    return [_tramlines(ground, fields), *_reeds(plan, ground), *rows, _bales(ground)]


def _tramlines(ground: Ground, fields: NDArray[np.int64]) -> Batch:
    origin, along, extent = frames_around(ground.area[fields])
    u = place_draws(ground.seed, "tramlines", shapely.bounds(ground.area[fields])[:, :2], 2)
    step = np.array(TRAMLINES_M)[(u[:, 0] * len(TRAMLINES_M)).astype(int)]
    counts = (extent[:, 1] / step + 0.5).astype(int)
    field = np.repeat(np.arange(len(fields)), counts)
    number = np.arange(len(field)) - np.repeat(np.cumsum(counts) - counts, counts)
    start = origin[field] + left_of(along)[field] * ((number + 0.5) * step[field])[:, None]
    ends = np.stack([start, start + along[field] * extent[field, :1]], axis=1)
    lines = shapely.intersection(shapely.linestrings(ends), ground.area[fields][field])
    parts, index = shapely.get_parts(lines, return_index=True)
    real = (shapely.get_type_id(parts) == 1) & (shapely.length(parts) > 12)
    parts, field = parts[real], field[index[real]]
    nodes = shapely.get_coordinates(parts).reshape(-1, 2, 2)
    middle, way = nodes.mean(axis=1), along[field]
    length = np.hypot(*(nodes[:, 1] - nodes[:, 0]).T) - 6.0
    size = np.stack([length, np.full(len(length), WHEELS_M[1])], axis=1)
    is_crop = ground.cover[fields][field] == "field_crop"
    tint = np.where(is_crop, 0.9, 0.76)[:, None] * (0.64, 0.66, 0.62, 0.85)
    wheels = [
        put(BOX, middle + left_of(way) * side * WHEELS_M[0] / 2, way, size) for side in (-1, 1)
    ]
    both = put(BOX, middle, way, size + np.array([0.0, WHEELS_M[0]]))
    layers = tuple(Layer(one, "sand", 0.0, tint) for one in wheels)
    return Batch("tramline", both, layers, is_solid=False)


def _bales(ground: Ground) -> Batch:
    """Return round bales in rows, of straw or wrapped in white or green foil."""
    land = np.flatnonzero(
        np.isin(ground.cover, ("field_crop", "field_stubble", "meadow")) & (ground.parcel < 0)
    )
    land = land[ground.size_m2[land] > 4_000]
    places = shapely.bounds(ground.area[land])[:, :2]
    u = place_draws(ground.seed, "bales", places, 30)
    has = u[:, 0] < BALE_SHARE
    land, u = land[has], u[has]
    origin, along, extent = frames_around(ground.area[land])
    number = np.arange(14)
    x = (u[:, 2:16] * 0.25 + number / 14) * extent[:, :1]
    y = (np.round(u[:, 16:30] * 5) + 0.5) / 6 * extent[:, 1:]
    at = (
        origin[:, None] + along[:, None] * x[..., None] + left_of(along)[:, None] * y[..., None]
    ).reshape(-1, 2)
    field = np.repeat(np.arange(len(land)), 14)
    inside = shapely.contains_xy(ground.area[land][field], at[:, 0], at[:, 1])
    at, field = at[inside], field[inside]
    tints = np.array([(1.05, 0.96, 0.72, 1.0), (1.1, 1.1, 1.08, 1.0), (0.62, 0.76, 0.6, 0.9)])
    tint = tints[(u[field, 1] * 3).astype(int)]
    outline = put(disc(8), at, along[field], (1.45, 1.3))
    return Batch("bale", outline, (Layer(outline, "membrane_light", 1.3, tint),))


def _reeds(plan: TownPlan, ground: Ground) -> list[Batch]:
    made = []
    for line, width_m in plan.waters:
        wide = width_m >= CANAL_FROM_M
        for side in (-1, 1):
            at, along = walked(line, 3.0, side * (width_m / 2 - (0.5 if wide else 0.1)))
            u = along_draws(plan.seed, f"reeds {side}", at, 2)
            wave = np.sin(at[:, 0] / 13) + np.sin(at[:, 1] / 17)
            grows = (wave > (0.9 if wide else 0.0)) & (u[:, 0] < 0.9)
            grows &= ground.lies_on(at, ("water", "meadow"))
            at, along, u = at[grows], along[grows], u[grows]
            size = np.stack([np.full(len(at), 3.4), 0.7 + 1.3 * u[:, 1]], axis=1)
            stand = put(disc(8) * (1.15, 1.15), at, along, size)
            tint = 0.86 + 0.3 * u[:, :1] * np.array([[1.1, 1.0, 0.7, 1.0]])
            layer = Layer(stand, "meadow", 1.5, tint, "grass")
            made.append(Batch("reed", stand, (layer,), is_solid=False))
    return made


def _solar_land(plan: TownPlan, ground: Ground) -> BaseGeometry | None:
    """Return the planned solar field, or else the field that lies nearest to the halls."""
    planned = [space for use, space in plan.open_spaces if use == "solar_field"]
    planned += ground.plots_for("solar_field")
    if planned:
        return shapely.union_all(planned)
    halls = [number for number, use in enumerate(ground.use[:-1]) if use == "hall"]
    low, high = SOLAR_FIELD_M2
    fields = np.flatnonzero(
        np.isin(ground.cover, (*FIELDS, "meadow")) & (ground.parcel < 0)
        & (ground.size_m2 > low) & (ground.size_m2 < high)
    )  # fmt: skip
    if not halls or not len(fields):
        return None
    middle = shapely.centroid(shapely.multipoints(ground.hall_places(halls)))
    far = shapely.distance(shapely.centroid(ground.area[fields]), middle)
    return ground.area[fields[int(np.argmin(far))]]


def _module_rows(plan: TownPlan, land: BaseGeometry) -> list[Batch]:
    """Return rows of modules from west to east that face south, cut into tables."""
    depth, pitch = MODULE_ROW_M
    inner = land.buffer(-EDGE_M - depth / 2, join_style="mitre")
    if inner.is_empty:
        return []
    west, south, east, north = inner.bounds
    y = np.arange(south, north, pitch)
    ends = np.stack([np.tile((west, east), (len(y), 1)), np.stack([y, y], axis=1)], axis=2)
    rows = shapely.get_parts(shapely.intersection(shapely.linestrings(ends), inner))
    spans = shapely.bounds(rows[shapely.length(rows) > LEAST_TABLE_M])
    table_m = stream(plan.seed, "solar field", *place_ids(west, south)).uniform(*TABLE_M)
    length = spans[:, 2] - spans[:, 0]
    counts = np.ceil(length / table_m).astype(int)
    row = np.repeat(np.arange(len(spans)), counts)
    number = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    step = length[row] / counts[row]
    at = np.stack([spans[row, 0] + (number + 0.5) * step, spans[row, 1]], axis=1)
    along = np.tile((1.0, 0.0), (len(at), 1))
    size = np.stack([step - GAP_M, np.full(len(step), depth)], axis=1)
    boxes = put(BOX, at, along, size)
    rise = float(np.tan(np.radians(TILT_DEG)))
    layer = Layer(
        boxes,
        "pv_blue",
        LOW_EDGE_M + rise * depth / 2,
        direction=along,
        rise=(0.0, rise),
        anchor=at - size / 2,
    )
    return [Batch("pv_ground", boxes, (layer,))]
