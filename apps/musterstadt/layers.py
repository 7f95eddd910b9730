"""What can be shown on the picture: layers of the town with their columns in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import shapely
from shapely.geometry.base import BaseGeometry

from apps.musterstadt.pictures import Bounds
from shared.demo_city.settings import CitySettings
from shared.errors import N_

POINT_M: Final = 0.5


@dataclass(frozen=True, slots=True)
class TownColumn:
    """A column of the table beside the picture.

    Args:
        key: Column of the layer.
        title: German heading.
        digits: Digits after the decimal separator; None for text.
        unit: Unit behind the number.
    """

    key: str
    title: str
    digits: int | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class TownLayer:
    """A layer that can be shown.

    Args:
        name: Layer of the demo city.
        title: German name.
        colour: Colour of its outlines.
        columns: Columns of its table; the first one names the object.
        most_m: It is offered for parts of the town up to this width [m].
    """

    name: str
    title: str
    colour: str
    columns: tuple[TownColumn, ...]
    most_m: float = 10_000.0


LAYERS: Final = (
    TownLayer(
        "districts",
        N_("Ortsteile"),
        "#7a1fa2",
        (TownColumn("name", N_("Name")), TownColumn("area_ha", N_("Fläche"), 1, "ha")),
    ),
    TownLayer(
        "events",
        N_("Änderungen zwischen den Flügen"),
        "#c2185b",
        (
            TownColumn("kind", N_("Was")),
            TownColumn("date", N_("Wann")),
            TownColumn("building_id", N_("Gebäude")),
        ),
    ),
    TownLayer(
        "solar_units",
        N_("Solaranlagen"),
        "#ffb300",
        (
            TownColumn("kind", N_("Art")),
            TownColumn("area_m2", N_("Fläche"), 1, "m²"),
            TownColumn("kwp", N_("Leistung"), 1, "kWp"),
            TownColumn("commissioned_on", N_("In Betrieb seit")),
        ),
    ),
    TownLayer(
        "buildings",
        N_("Gebäude"),
        "#d32f2f",
        (
            TownColumn("address", N_("Adresse")),
            TownColumn("use", N_("Nutzung")),
            TownColumn("floors", N_("Geschosse"), 0),
            TownColumn("year_built", N_("Baujahr")),
            TownColumn("dwellings", N_("Wohnungen"), 0),
        ),
        most_m=1_600,
    ),
    TownLayer(
        "parcels",
        N_("Flurstücke"),
        "#1565c0",
        (
            TownColumn("parcel_id", N_("Kennzeichen")),
            TownColumn("area_m2", N_("Fläche"), 0, "m²"),
            TownColumn("use", N_("Nutzung")),
        ),
        most_m=1_600,
    ),
)


def within(layer: gpd.GeoDataFrame, bounds_m: Bounds, settings: CitySettings) -> gpd.GeoDataFrame:
    """Return the objects that lie in a part of the town, in metres of the town.

    Args:
        layer: A layer in EPSG:25832.
        bounds_m: West, south, east, north within the town [m].
        settings: The town.
    """
    east, north = settings.origin_m
    local = layer.copy()
    local.geometry = shapely.transform(local.geometry.array, lambda xy: xy - (east, north))
    found = local[local.intersects(shapely.box(*bounds_m))].reset_index(drop=True)
    # What reaches beyond the picture would make the map far larger than the picture.
    found.geometry = shapely.clip_by_rect(found.geometry.array, *bounds_m)
    return found[~found.is_empty].reset_index(drop=True)


def rings_of(geometry: BaseGeometry) -> tuple[tuple[tuple[float, float], ...], ...]:
    """Return the outline and holes of the largest part of a geometry; a point is one ring.

    Args:
        geometry: A point, line, polygon or several of them [m].
    """
    parts = [part for part in shapely.get_parts(geometry) if not part.is_empty]
    if not parts:
        return ()
    part = max(parts, key=lambda one: (one.area, one.length))
    if part.geom_type == "Point":
        return ((_place(part.coords[0]),),)
    if part.geom_type == "LineString":
        return (tuple(_place(one) for one in part.buffer(POINT_M).exterior.coords),)
    rings = (part.exterior, *part.interiors)
    return tuple(tuple(_place(one) for one in ring.coords) for ring in rings)


def _place(one: Sequence[float]) -> tuple[float, float]:
    return float(one[0]), float(one[1])
