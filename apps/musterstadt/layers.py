"""What can be shown on the picture and taken along: layers of the town, with columns in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import geopandas as gpd
import shapely
from shapely.geometry.base import BaseGeometry

from apps.musterstadt.pictures import Bounds
from shared.demo_city import CitySettings
from shared.errors import N_
from shared.report.blocks import Column

POINT_M: Final = 0.5
BUILDING: Final = Column("building_id", N_("Gebäude"))
PARCEL: Final = Column("parcel_id", N_("Flurstück"))
DISTRICT: Final = Column("district_id", N_("Ortsteil"))


@dataclass(frozen=True, slots=True)
class TownLayer:
    """A layer that can be shown.

    Args:
        name: Layer of the demo city.
        title: German name.
        colour: Colour of its outlines.
        columns: Columns of its table, with German titles; the first one names the object.
        ids: Columns that only the files have, to join them with each other.
        most_m: It is shown for parts of the town up to this width [m].
    """

    name: str
    title: str
    colour: str
    columns: tuple[Column, ...]
    ids: tuple[Column, ...]
    most_m: float = 10_000.0


LAYERS: Final = (
    TownLayer(
        "districts",
        N_("Ortsteile"),
        "#7a1fa2",
        (Column("name", N_("Name")), Column("area_ha", N_("Fläche"), "number", 1, "ha")),
        (DISTRICT,),
    ),
    TownLayer(
        "events",
        N_("Änderungen zwischen den Flügen"),
        "#c2185b",
        (Column("kind", N_("Was")), Column("date", N_("Wann"), "date"), BUILDING),
        (Column("event_id", N_("Kennung")), PARCEL),
    ),
    TownLayer(
        "solar_units",
        N_("Solaranlagen"),
        "#ffb300",
        (
            Column("kind", N_("Art")),
            Column("area_m2", N_("Fläche"), "number", 1, "m²"),
            Column("kwp", N_("Leistung"), "number", 1, "kWp"),
            Column("commissioned_on", N_("In Betrieb seit"), "date"),
        ),
        (Column("unit_id", N_("Kennung")), BUILDING, PARCEL),
    ),
    TownLayer(
        "buildings",
        N_("Gebäude"),
        "#d32f2f",
        (
            Column("address", N_("Adresse")),
            Column("use", N_("Nutzung")),
            Column("floors", N_("Geschosse"), "number"),
            Column("year_built", N_("Baujahr")),
            Column("dwellings", N_("Wohnungen"), "number"),
        ),
        (BUILDING, PARCEL, DISTRICT),
        most_m=1_600,
    ),
    TownLayer(
        "parcels",
        N_("Flurstücke"),
        "#1565c0",
        (
            PARCEL,
            Column("area_m2", N_("Fläche"), "number", 0, "m²"),
            Column("use", N_("Nutzung")),
        ),
        (DISTRICT,),
        most_m=1_600,
    ),
)


def meeting(layer: gpd.GeoDataFrame, bounds_m: Bounds, settings: CitySettings) -> gpd.GeoDataFrame:
    """Return the objects that lie in a part of the town, whole and in EPSG:25832.

    Args:
        layer: A layer in EPSG:25832.
        bounds_m: West, south, east, north within the town [m].
        settings: The town.
    """
    part = shapely.transform(shapely.box(*bounds_m), lambda xy: xy + settings.origin_m)
    return layer[layer.intersects(part)].reset_index(drop=True)


def within(layer: gpd.GeoDataFrame, bounds_m: Bounds, settings: CitySettings) -> gpd.GeoDataFrame:
    """Return what lies in a part of the town, cut at its border, in metres of the town.

    Args:
        layer: A layer in EPSG:25832.
        bounds_m: West, south, east, north within the town [m].
        settings: The town.
    """
    found = meeting(layer, bounds_m, settings)
    local = shapely.transform(found.geometry.array, lambda xy: xy - settings.origin_m)
    # What reaches beyond the picture would make the map far larger than the picture.
    found.geometry = shapely.clip_by_rect(local, *bounds_m)
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
