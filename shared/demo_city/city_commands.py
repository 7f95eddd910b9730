"""Commands about the city: build its tables and images, write one table or all roofs to a file."""

from __future__ import annotations

import shutil
import time
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import pandas as pd

from shared.demo_city.city import build_city
from shared.demo_city.commands import Handler, Subcommands, say_progress
from shared.demo_city.settings import CitySettings
from shared.demo_city.store.store import CityStore, prepare_city
from shared.demo_city.store.tiles import all_tiles, vintages
from shared.demo_city.tables.cache import table_sha256
from shared.demo_city.tables.registry import TABLES, real_name
from shared.errors import FileTypeRefused, InputError
from shared.store.local_files import whole_file

DRIVERS: Final = {".gpkg": "GPKG", ".geojson": "GeoJSON", ".csv": "CSV"}
MODELS: Final = (".json", ".gml")
ALL: Final = "all"
LEAST_FREE_MB: Final = 200
HIGHEST_SEED: Final = 989_999
"""Seeds above belong to scenes that lie outside of what the models were made for."""


def add_city_commands(subcommands: Subcommands) -> dict[str, Handler]:
    """Add the commands of this module.

    Args:
        subcommands: Where they are added.

    Returns:
        What each command does by its name; the content it returns is printed.
    """
    build = subcommands.add_parser("build", help="Tabellen der Beispielstadt schreiben")
    build.add_argument("--out", type=Path, required=True, help="Ordner")
    build.add_argument("--seed", type=int, default=CitySettings().seed, help="Startwert")
    years = (*vintages(CitySettings()), ALL)
    build.add_argument("--vintage", choices=years, help="auch die Luftbilder dieses Fluges")
    build.add_argument("--core-only", action="store_true", help="nur die feinen Luftbilder")
    layer = subcommands.add_parser("layer", help="eine Tabelle als Datei schreiben")
    layer.add_argument("name", metavar="NAME", help="Name der Tabelle")
    layer.add_argument("--out", type=Path, required=True, help="Datei: .gpkg, .geojson oder .csv")
    layer.add_argument("--seed", type=int, default=CitySettings().seed, help="Startwert")
    lod2 = subcommands.add_parser("lod2", help="Gebäude mit Dächern (LoD2) schreiben")
    lod2.add_argument("--out", type=Path, required=True, help="Datei: .json oder .gml")
    lod2.add_argument("--seed", type=int, default=CitySettings().seed, help="Startwert")
    return {"build": _build, "layer": _layer, "lod2": _lod2}


def _build(options: Namespace) -> dict[str, Any]:
    started = time.perf_counter()
    settings = _settings(options.seed)
    if options.core_only and not options.vintage:
        raise InputError(reason="--core-only gilt nur zusammen mit --vintage.")
    _check_folder(options.out)
    store = CityStore(options.out, settings)
    images = _render(store, options) if options.vintage else {}
    city = store.city()
    tables = {
        name: {"rows": len(table), "sha256": table_sha256(table)}
        for name in TABLES
        for table in [city.table(name)]
    }
    return {
        "fingerprint": settings.fingerprint(),
        "seed": settings.seed,
        "is_example": True,
        "folder": str(store.folder),
        "tables": tables,
        **images,
        "seconds": round(time.perf_counter() - started, 2),
    }


def _render(store: CityStore, options: Namespace) -> dict[str, int]:
    """Render the images that are wanted; what is there stays."""
    tiles = [
        tile
        for tile in all_tiles(store.settings)
        if options.vintage in {tile.vintage, ALL}
        and (tile.is_fine(store.settings) or not options.core_only)
    ]
    rendered = prepare_city(store.settings, store, say_progress, now=datetime.now(UTC), tiles=tiles)
    return {"tiles": len(tiles), "rendered": rendered}


def _layer(options: Namespace) -> dict[str, Any]:
    settings, name = _settings(options.seed), real_name(options.name)
    ending = options.out.suffix.lower()
    allowed = tuple(DRIVERS) if TABLES[name].is_layer else (".csv",)
    if ending not in allowed:
        raise FileTypeRefused(allowed=", ".join(allowed))
    _check_file(options.out)
    table = build_city(settings).table(name)
    with whole_file(options.out) as made:
        if isinstance(table, gpd.GeoDataFrame) and ending != ".csv":
            # By its standard (RFC 7946) GeoJSON holds degrees.
            placed = table.to_crs("EPSG:4326") if ending == ".geojson" else table
            placed.to_file(made, driver=DRIVERS[ending], layer=name, index=False)
        else:
            _as_text(table).to_csv(made, index=False)
    return {
        "name": name,
        "title": TABLES[name].title,
        "file": str(options.out),
        "rows": len(table),
        "is_example": True,
    }


def _lod2(options: Namespace) -> dict[str, Any]:
    settings = _settings(options.seed)
    if options.out.suffix not in MODELS:
        raise FileTypeRefused(allowed=", ".join(MODELS))
    _check_file(options.out)
    city = build_city(settings)
    with whole_file(options.out) as made:
        buildings = city.export_lod2(made)
    return {"file": str(options.out), "buildings": buildings, "is_example": True}


def _as_text(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with its geometries as text (WKT)."""
    return pd.DataFrame(table.to_wkt()) if isinstance(table, gpd.GeoDataFrame) else table


def _settings(seed: int) -> CitySettings:
    if not 0 <= seed <= HIGHEST_SEED:
        raise InputError(reason=f"Der Startwert muss zwischen 0 und {HIGHEST_SEED} liegen.")
    return CitySettings(seed=seed)


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise InputError(reason=f"{path.name} ist ein Ordner.")
    _check_folder(path.parent)


def _check_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free_mb = shutil.disk_usage(folder).free // 1_000_000
    except OSError:
        raise InputError(reason=f"Der Ordner {folder.name} ist nicht beschreibbar.") from None
    if free_mb < LEAST_FREE_MB:
        raise InputError(reason=f"Im Ordner {folder.name} sind nur {free_mb} MB frei.")
