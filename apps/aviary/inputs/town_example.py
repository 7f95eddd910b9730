"""Examples from Musterstadt: aerial images with near infrared of parts that are rendered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from rasterio.enums import ColorInterp
from rasterio.io import MemoryFile
from rasterio.transform import from_origin

from shared.demo_city import CRS, CitySettings, is_city_built
from shared.errors import N_
from shared.settings import get_settings

if TYPE_CHECKING:
    from shared.demo_city import CityStore

GSD_M: Final = 0.2
ENDING: Final = ".tif"


@dataclass(frozen=True, slots=True)
class TownExample:
    """A part of Musterstadt as an example.

    Args:
        key: Its name for programs.
        title: German name; translated.
        bounds_m: West, south, east, north within the town [m].
        recipes: Names of the recipes that have most to find there.
    """

    key: str
    title: str
    bounds_m: tuple[float, float, float, float]
    recipes: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        """Name of its image."""
        return f"musterstadt-{self.key}{ENDING}"


EXAMPLES: Final = (
    TownExample(
        "garten",
        N_("Musterstadt, Häuser mit Gärten (256 x 160 m)"),
        (1_492.0, 2_250.0, 1_748.0, 2_410.0),
    ),
    TownExample(
        "markt", N_("Musterstadt, am Markt (256 x 160 m)"), (1_872.0, 1_920.0, 2_128.0, 2_080.0)
    ),
    TownExample(
        "ring",
        N_("Musterstadt, an der Ringstraße (256 x 160 m)"),
        (1_552.0, 1_790.0, 1_808.0, 1_950.0),
    ),
    TownExample(
        "gewerbe",
        N_("Musterstadt, Hallen mit Gründach (256 x 160 m)"),
        (2_520.0, 1_330.0, 2_776.0, 1_490.0),
        ("greenroof",),
    ),
    TownExample(
        "teich",
        N_("Musterstadt, Park mit Teich (256 x 160 m)"),
        (2_300.0, 2_000.0, 2_556.0, 2_160.0),
        ("water",),
    ),
    TownExample(
        "vorgarten",
        N_("Musterstadt, Straße mit Vorgärten (256 x 160 m)"),
        (2_040.0, 1_310.0, 2_296.0, 1_470.0),
        ("gravel_garden",),
    ),
)


def ready_examples() -> tuple[TownExample, ...]:
    """Return the examples whose aerial images are rendered on this installation."""
    if not is_city_built(get_settings().demo_city_folder, CitySettings()):
        return ()
    store = _store()
    return tuple(one for one in EXAMPLES if store.ready_share(_vintage(store), one.bounds_m) >= 1)


def example_tiff(example: TownExample) -> bytes:
    """Return the image of an example as GeoTIFF: red, green, blue and near infrared.

    Args:
        example: One of `ready_examples`.
    """
    store = _store()
    return _tiff(store, _vintage(store), example)


def _tiff(store: CityStore, vintage: str, example: TownExample) -> bytes:
    west, south, east, north = example.bounds_m
    size = round((east - west) / GSD_M), round((north - south) / GSD_M)
    bands, _ = store.read(vintage, example.bounds_m, size)
    corner_east, corner_north = store.settings.origin_m
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            width=size[0],
            height=size[1],
            count=bands.shape[2],
            dtype="uint8",
            crs=CRS,
            transform=from_origin(corner_east + west, corner_north + north, GSD_M, GSD_M),
            photometric="RGB",
            compress="DEFLATE",
        ) as target:
            target.write(np.moveaxis(bands, 2, 0))
            target.colorinterp = (
                ColorInterp.red,
                ColorInterp.green,
                ColorInterp.blue,
                ColorInterp.undefined,
            )
        content: bytes = memory.read()
    return content


def _vintage(store: CityStore) -> str:
    """Return the year of the newest flight."""
    return str(store.settings.flights[-1].year)


def _store() -> CityStore:
    from shared.demo_city import CityStore

    return CityStore(get_settings().demo_city_folder, CitySettings())


def example_file(example: TownExample, role: str) -> bytes | None:
    """Return what an example brings along beside its image; None where it has no such thing.

    Args:
        example: One of `ready_examples`.
        role: One of `recipe_schema.InputName`.
    """
    store = _store()
    if role == "before":
        older = str(store.settings.flights[0].year)
        return _tiff(store, older, example) if has_both_flights(example) else None
    if role not in ("parcels", "buildings"):
        return None
    return _layer_geojson(str(store.folder), role, example.bounds_m)


def has_both_flights(example: TownExample) -> bool:
    """Say whether the older flight is rendered there too.

    Args:
        example: One of `ready_examples`.
    """
    store = _store()
    return store.ready_share(str(store.settings.flights[0].year), example.bounds_m) >= 1


@lru_cache(maxsize=8)
def _layer_geojson(folder: str, layer: str, bounds_m: tuple[float, float, float, float]) -> bytes:
    del folder  # part of the cache key only
    city = _store().city()
    east, north = city.settings.origin_m
    west_m, south_m, east_m, north_m = bounds_m
    found = city.layer(layer).cx[east + west_m : east + east_m, north + south_m : north + north_m]
    content = json.loads(found.to_json(default=str))
    content["crs"] = {"type": "name", "properties": {"name": CRS}}
    return json.dumps(content, ensure_ascii=False).encode("utf-8")
