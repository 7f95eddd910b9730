"""The town as the page needs it, read once for all sessions: it is the same for everybody."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import geopandas as gpd

from apps.musterstadt.areas import Area, areas
from apps.musterstadt.layers import meeting, within
from apps.musterstadt.pictures import Bounds, Kind, TownPicture, take_picture
from apps.musterstadt.place import city_store, wanted_tiles
from shared.demo_city import DemoCity, vintages as all_vintages

if TYPE_CHECKING:
    from shared.demo_city import CityStore

PICTURES_HELD: Final = 48
LAYERS_HELD: Final = 64
M_PER_KM: Final = 1_000
M2_PER_HA: Final = 10_000


@dataclass(frozen=True, slots=True)
class TownFigures:
    """Figures of the whole town.

    Args:
        inhabitants: People who live there.
        buildings: Buildings that stand, with garages and sheds.
        addresses: Addresses.
        streets_km: Length of all streets [km].
        trees: Trees.
        solar_units: Solar installations.
        changes: Changes between the flights.
        sealed_share: Sealed share of the ground, 0 to 1, from the vectors and without trees.
    """

    inhabitants: int
    buildings: int
    addresses: int
    streets_km: float
    trees: int
    solar_units: int
    changes: int
    sealed_share: float


def is_built() -> bool:
    """Say whether the vectors are there; the job builds them."""
    return city_store().is_built


def has_gaps() -> bool:
    """Say whether anything is missing that this installation is to have."""
    store = city_store()
    return not store.is_built or not all(store.is_ready(tile) for tile in wanted_tiles())


def vintages() -> tuple[str, ...]:
    """Return the years of the flights, the older first."""
    return all_vintages(city_store().settings)


def day_of_layers() -> date:
    """Return the day that all layers show: that of the newest flight."""
    return city_store().settings.flights[-1]


def town_areas() -> tuple[Area, ...]:
    """Return the parts of the town that can be chosen."""
    store = city_store()
    return _areas(str(store.folder))


def town_figures() -> TownFigures:
    """Return the figures of the whole town on the day of the newest flight."""
    return _figures(str(city_store().folder))


def objects_in(layer: str, bounds_m: Bounds) -> gpd.GeoDataFrame:
    """Return the objects of a layer in a part of the town, cut at its border, in its metres.

    Args:
        layer: Layer of the demo city.
        bounds_m: West, south, east, north within the town [m].
    """
    return _objects(str(city_store().folder), layer, bounds_m).copy()


def whole_objects_in(layer: str, bounds_m: Bounds) -> gpd.GeoDataFrame:
    """Return the objects of a layer that lie in a part of the town, whole and in EPSG:25832.

    Args:
        layer: Layer of the demo city.
        bounds_m: West, south, east, north within the town [m].
    """
    city = _city(str(city_store().folder))
    return meeting(_whole_layer(city, layer), bounds_m, city.settings)


def picture_of(kind: Kind, vintage: str, bounds_m: Bounds) -> TownPicture:
    """Return a picture of a part of the town, made anew when more of it is rendered.

    Args:
        kind: Natural colours, colour infrared or map.
        vintage: Year of the flight.
        bounds_m: West, south, east, north within the town [m].
    """
    store = city_store()
    seen = () if kind == "map" else _versions(store, vintage, bounds_m)
    return _picture(str(store.folder), kind, vintage, bounds_m, seen)


def rendered_share(vintage: str, bounds_m: Bounds) -> float:
    """Return the share of a part of the town whose aerial image is there, 0 to 1.

    Args:
        vintage: Year of the flight.
        bounds_m: West, south, east, north within the town [m].
    """
    return city_store().ready_share(vintage, bounds_m)


# Everything below is held by the folder of the town, which names its settings.


@lru_cache(maxsize=1)
def _city(folder: str) -> DemoCity:
    del folder
    return city_store().city()


@lru_cache(maxsize=1)
def _areas(folder: str) -> tuple[Area, ...]:
    city = _city(folder)
    return areas(city.layer("districts"), city.layer("buildings"), city.settings)


@lru_cache(maxsize=1)
def _figures(folder: str) -> TownFigures:
    city = _city(folder)
    ground = city.layer("land_cover")
    sealed = ground.area[ground["sealed"] == 1].sum() / ground.area.sum()
    return TownFigures(
        inhabitants=int(city.table("people_grid")["inhabitants"].sum()),
        buildings=int(city.table("buildings")["valid_to"].isna().sum()),
        addresses=len(city.table("addresses")),
        streets_km=float(city.layer("streets").length.sum() / M_PER_KM),
        trees=len(city.table("trees")),
        solar_units=len(city.table("solar_units")),
        changes=len(city.table("events")),
        sealed_share=float(sealed),
    )


@lru_cache(maxsize=LAYERS_HELD)
def _objects(folder: str, layer: str, bounds_m: Bounds) -> gpd.GeoDataFrame:
    city = _city(folder)
    return within(_whole_layer(city, layer), bounds_m, city.settings)


def _whole_layer(city: DemoCity, layer: str) -> gpd.GeoDataFrame:
    if layer == "events":
        return _placed_events(city)
    found = city.layer(layer)
    if layer == "districts":
        found["area_ha"] = found["area_m2"] / M2_PER_HA
    if layer == "buildings":
        labels = city.table("addresses").set_index("address_id")["label"]
        found = found[found["valid_to"].isna()]
        found["address"] = found["address_id"].map(labels)
    return found


def _placed_events(city: DemoCity) -> gpd.GeoDataFrame:
    """Return the events at the outlines of their buildings, else of their parcels."""
    events = city.table("events")
    buildings = city.layer("buildings").set_index("building_id").geometry
    parcels = city.layer("parcels").set_index("parcel_id").geometry
    areas = events["building_id"].map(buildings)
    areas = areas.where(
        events["building_id"].isin(buildings.index), events["parcel_id"].map(parcels)
    )
    return gpd.GeoDataFrame(events, geometry=areas, crs=buildings.crs)


def _versions(store: CityStore, vintage: str, bounds_m: Bounds) -> tuple[tuple[str, int], ...]:
    """Return the tiles of a picture with the moment of their writing: a tile may come again."""
    found = []
    for tile in store.ready_in(vintage, bounds_m):
        with suppress(FileNotFoundError):  # removed this moment
            found.append((tile.key, store.path(tile, "image").stat().st_mtime_ns))
    return tuple(found)


@lru_cache(maxsize=PICTURES_HELD)
def _picture(
    folder: str, kind: Kind, vintage: str, bounds_m: Bounds, seen: tuple[tuple[str, int], ...]
) -> TownPicture:
    del folder, seen  # parts of the cache key only
    return take_picture(city_store(), kind, vintage, bounds_m)
