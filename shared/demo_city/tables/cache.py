"""Keep the tables of a city in files: a GeoPackage, plain tables as CSV, and a list of both.

Files are written beside their place and moved there whole; what is damaged is made again.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyogrio.errors import DataSourceError

from shared.demo_city.settings import CRS, CitySettings
from shared.demo_city.whole_folders import whole_folder

FOLDER: Final = "vectors"
GEOPACKAGE: Final = "city.gpkg"
INDEX: Final = "tables.json"
Table = TypeVar("Table", bound=pd.DataFrame)
_log = logging.getLogger(__name__)


def table_sha256(table: pd.DataFrame) -> str:
    """Return a hash of everything in a table: columns, types, values, geometries.

    Args:
        table: Any table of the city.
    """
    digest = hashlib.sha256()
    for name in table.columns:
        column = table[name]
        if isinstance(column, gpd.GeoSeries):
            digest.update(f"{name}:geometry:{column.crs}\n".encode())
            for content in shapely.to_wkb(column.to_numpy(), byte_order=1):
                digest.update(content)
            continue
        digest.update(f"{name}:{column.dtype}\n".encode())
        if column.dtype.kind in "biufM":
            digest.update(np.ascontiguousarray(column.to_numpy()).tobytes())
        else:
            digest.update(json.dumps(column.tolist(), ensure_ascii=False).encode())
    return digest.hexdigest()


def write_tables(folder: Path, settings: CitySettings, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write all tables; whoever reads meanwhile sees the old ones or the new ones.

    Args:
        folder: Folder of the city; a folder in it is replaced.
        settings: Settings of the city.
        tables: Tables by name.
    """
    with whole_folder(folder / FOLDER) as made:
        for name, table in tables.items():
            if isinstance(table, gpd.GeoDataFrame):
                _as_text(table).to_file(
                    made / GEOPACKAGE,
                    layer=name,
                    driver="GPKG",
                    index=False,
                    promote_to_multi=False,
                )
            else:
                _as_text(table).to_csv(made / f"{name}.csv", index=False)
        index = {
            "fingerprint": settings.fingerprint(),
            "files": {path.name: _file_sha256(path) for path in sorted(made.iterdir())},
            "tables": {name: _described(table) for name, table in tables.items()},
        }
        (made / INDEX).write_text(json.dumps(index, indent=1), encoding="utf-8")


def written_ns(folder: Path) -> int:
    """Return when the tables of a city were written [ns since 1970]; 0 where there are none.

    Args:
        folder: Folder of the city.
    """
    try:
        return (folder / FOLDER / INDEX).stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def read_tables(folder: Path, settings: CitySettings) -> dict[str, pd.DataFrame] | None:
    """Return the tables that were written for these settings.

    Args:
        folder: Folder of the city.
        settings: Settings of the city.

    Returns:
        Tables by name; None where there are none, where they belong to another city or where a file
        is damaged, which the log says.
    """
    place = folder / FOLDER
    if not (place / INDEX).is_file():
        return None
    try:
        index = json.loads((place / INDEX).read_text(encoding="utf-8"))
        if index["fingerprint"] != settings.fingerprint():
            return None
        for name, expected in index["files"].items():
            if _file_sha256(place / name) != expected:
                raise ValueError(name)
        return {name: _read(place, name, about) for name, about in index["tables"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, DataSourceError) as error:
        _log.warning("The stored tables of the demo city are damaged and made again: %r", error)
        return None


def _described(table: pd.DataFrame) -> dict[str, Any]:
    is_layer = isinstance(table, gpd.GeoDataFrame)
    plain = table.drop(columns="geometry") if is_layer else table
    return {
        "is_layer": is_layer,
        "sha256": table_sha256(table),
        "columns": {name: str(dtype) for name, dtype in plain.dtypes.items()},
    }


def _read(place: Path, name: str, about: Mapping[str, Any]) -> pd.DataFrame:
    if about["is_layer"]:
        table = gpd.read_file(place / GEOPACKAGE, layer=name, engine="pyogrio").to_crs(CRS)
    else:
        table = pd.read_csv(place / f"{name}.csv", dtype=str, keep_default_na=False)
        for column, dtype in about["columns"].items():
            if dtype == "bool":
                table[column] = table[column] == "True"
            elif dtype not in {"str", "object"}:
                table[column] = table[column].replace("", None)
    for column, dtype in about["columns"].items():
        if dtype == "object":
            table[column] = pd.Series([json.loads(text) for text in table[column]], dtype=object)
        else:
            table[column] = table[column].astype(dtype)
    return table


def _as_text(table: Table) -> Table:
    """Return a table whose mixed columns (lists, or truth values with gaps) are JSON texts."""
    mixed = [name for name, dtype in table.dtypes.items() if dtype == "object"]
    texts = {name: [json.dumps(one) for one in table[name]] for name in mixed}
    return cast(Table, table.assign(**texts))


def _file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
