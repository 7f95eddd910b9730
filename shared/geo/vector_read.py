"""Read one foreign vector file; runs in the process that `shared.limited_reading` makes for it."""

from __future__ import annotations

import json
import re
import sqlite3
import warnings
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import shapely

from shared.contracts.finding import Finding
from shared.errors import (
    N_,
    EmptyFile,
    FileTypeRefused,
    GeodataUnreadable,
    GeodataWithoutCrs,
    GeometryMissing,
    GeoPackageLocked,
    LayerChoiceNeeded,
    LayerUnknown,
    TooManyFeatures,
)
from shared.geo.vector_archive import ShapefileParts, dbf_encoding, find_shapefiles
from shared.geo.vector_content import PackedVectors, Value, VectorContent, pack_geometries
from shared.geo.vector_crs import locate
from shared.geo.vector_curves import geopackage_has_curves, gml_has_curves
from shared.geo.vector_formats import (
    HEAD_BYTES,
    NAMES,
    STYLES,
    VectorFormat,
    check_gml,
    has_rollback_journal,
    recognise_vectors,
)
from shared.geo.vector_repair import flatten, repair
from shared.geo.vector_table import WINDOWS, assumed_encoding, read_table

LOAD_AHEAD = ("pyogrio",)
LONGEST_ANSWER_BYTES = 128 * 2**20
MOST_FEATURES = 200_000
DRIVERS: dict[VectorFormat, str] = {
    "gpkg": "GPKG",
    "flatgeobuf": "FlatGeobuf",
    "shapefile": "ESRI Shapefile",
    "gml": "GML",
}
"""Parts of GDAL that may read a file; others would follow names of files in its content."""
CUT_NAME_CHARACTERS = 10
"""Names of columns in a DBF file have no more."""
_NO_NETWORK = {
    "GML_DOWNLOAD_SCHEMA": "NO",
    "GML_SKIP_RESOLVE_ELEMS": "ALL",
    "CPL_VSIL_CURL_ALLOWED_FILENAME": "/nowhere",
    "GDAL_HTTP_PROXY": "http://127.0.0.1:9",
    "GDAL_HTTP_MAX_RETRY": "0",
}
"""No address in a file is asked for more; the port of the proxy is that of "discard"."""
_GML_CORNERS = ("lowerCorner", "upperCorner")
"""Not columns of the data but the corners of each object's box."""
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN)

_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
"""Half a character, which no other text may hold; two of them make a whole one."""

_CUT_NAMES = Finding(
    "hint",
    "feldnamen_gekuerzt",
    N_("Ein Shapefile kürzt Spaltennamen auf 10 Zeichen. Betroffen sein können: {names}."),
    N_("Ein GeoPackage behält die vollen Namen."),
)
_BINARY = Finding(
    "hint", "spalte_ausgelassen", N_("Spalten ohne lesbaren Inhalt wurden ausgelassen: {names}.")
)


@dataclass(frozen=True, slots=True)
class VectorOptions:
    """What a person says about a vector file beside the file itself.

    Args:
        layer: Name of the layer; empty where the file has only one.
        crs: Coordinate system where the file names none, for example "EPSG:25832".
        split_multi: True makes an object of each part of a multipart geometry.
        id_column: Column that names each object once; empty looks for a usual name.
    """

    layer: str = ""
    crs: str = ""
    split_multi: bool = False
    id_column: str = ""


def read_vector_file(content: bytes, path: str, options: VectorOptions) -> PackedVectors:
    """Read, move to EPSG:25832 and repair one layer of a file.

    Args:
        content: Nothing; the file is opened where it lies.
        path: The file, named with the ending of its format.
        options: What a person said about it.

    Raises:
        InputError: It cannot be used; see `shared.geo.vector_io.open_vectors`.
    """
    file = Path(path)
    layer = _read(file, _format_of(file), options)
    if not layer.geometries:
        raise GeometryMissing()
    if len(layer.geometries) > MOST_FEATURES:
        raise TooManyFeatures(found=len(layer.geometries), limit=MOST_FEATURES)
    if not any(one is not None and not one.is_empty for one in layer.geometries):
        raise GeometryMissing()
    layer = locate(flatten(layer), options.crs)
    layer = repair(layer, split_multi=options.split_multi, id_column=options.id_column)
    shapes = [one for one in layer.geometries if one is not None]
    packed = pack_geometries(shapes)
    return PackedVectors(
        layer.name, layer.columns, packed, str(layer.crs), layer.findings, layer.layers
    )


def layer_names(content: bytes, path: str) -> tuple[str, ...]:
    """List the layers with geometry of a file.

    Args:
        content: Nothing; the file is opened where it lies.
        path: The file, named with the ending of its format.

    Raises:
        InputError: It cannot be used; see `shared.geo.vector_io.open_vectors`.
    """
    file = Path(path)
    kind = _format_of(file)
    if kind == "shapefile":
        return tuple(parts.name for parts in find_shapefiles(file))
    return _layers(_address(file, kind)) if kind in ("gpkg", "gml") else (file.stem,)


def _format_of(file: Path) -> VectorFormat:
    with file.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    if not head:
        raise EmptyFile()
    kind = recognise_vectors(head)
    if kind is None:
        raise FileTypeRefused(allowed=NAMES)
    if kind == "gpkg":
        _refuse_locked(file, head)
    if kind == "gml":
        check_gml(head)
    return kind


def _read(file: Path, kind: VectorFormat, options: VectorOptions) -> VectorContent:
    if kind == "csv":
        return read_table(file.read_bytes(), file.stem)
    if kind == "geojson":
        return read_geojson(file.read_bytes(), file.stem)
    if kind == "shapefile":
        return _read_shapefile(file, options)
    address = _address(file, kind)
    names = _layers(address)
    if kind == "flatgeobuf" and not names:
        raise GeodataUnreadable(reason=N_("Die Datei ist beschädigt."))
    layer = _read_layer(address, _choose(names, options.layer), DRIVERS[kind])
    return replace(layer, layers=names, curved=_has_curves(file, kind, layer.name))


def _has_curves(file: Path, kind: VectorFormat, layer: str) -> bool:
    if kind == "gpkg":
        try:
            return geopackage_has_curves(file, layer)
        except sqlite3.Error as cause:
            raise GeodataUnreadable(reason=N_("Das GeoPackage ist beschädigt.")) from cause
    return kind == "gml" and gml_has_curves(file)


def _address(file: Path, kind: VectorFormat) -> str:
    """Name the driver where that is possible, so that no other one is tried."""
    return f"GPKG:{file}" if kind == "gpkg" else str(file)


def _refuse_locked(file: Path, head: bytes) -> None:
    journal = Path(f"{file.resolve()}-journal")
    if not has_rollback_journal(head) or (journal.is_file() and journal.stat().st_size):
        raise GeoPackageLocked()
    try:
        address = f"file:{quote(str(file.resolve()))}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=0)) as connection:
            connection.execute("SELECT count(*) FROM gpkg_contents").fetchone()
    except sqlite3.DatabaseError as cause:
        if getattr(cause, "sqlite_errorcode", None) in _BUSY:
            raise GeoPackageLocked() from cause
        raise GeodataUnreadable(reason=N_("Das GeoPackage ist beschädigt.")) from cause


def _layers(address: str) -> tuple[str, ...]:
    import pyogrio

    pyogrio.set_gdal_config_options(_NO_NETWORK)
    try:
        found = pyogrio.list_layers(address)
    except pyogrio.errors.DataSourceError as cause:
        raise GeodataUnreadable(reason=N_("Die Datei ist beschädigt.")) from cause
    return tuple(str(name) for name, kind in found if kind is not None and name != STYLES)


def _choose(names: tuple[str, ...], wanted: str) -> str:
    if not names:
        raise GeometryMissing()
    shown = ", ".join(name[:60] for name in names[:20])
    if wanted and wanted not in names:
        raise LayerUnknown(name=wanted, layers=shown)
    if not wanted and len(names) > 1:
        raise LayerChoiceNeeded(layers=shown)
    return wanted or names[0]


def _read_shapefile(file: Path, options: VectorOptions) -> VectorContent:
    found = find_shapefiles(file)
    names = tuple(parts.name for parts in found)
    parts = found[names.index(_choose(names, options.layer))]
    if ".prj" not in parts.entries and not options.crs:
        raise GeodataWithoutCrs()
    encoding, assumed = dbf_encoding(file, parts)
    layer = _read_layer(_inside(file, parts), parts.name, DRIVERS["shapefile"], encoding)
    findings = [assumed_encoding(WINDOWS)] if assumed else []
    if cut := [name for name in layer.columns if len(name) >= CUT_NAME_CHARACTERS]:
        findings.append(replace(_CUT_NAMES, details={"names": ", ".join(cut[:20])}))
    return replace(layer, findings=(*layer.findings, *findings), layers=names)


def _inside(file: Path, parts: ShapefileParts) -> str:
    return f"/vsizip/{{{file}}}/{parts.entries['.shp']}"


def _read_layer(address: str, name: str, driver: str, encoding: str | None = None) -> VectorContent:
    import pyogrio

    pyogrio.set_gdal_config_options(_NO_NETWORK)
    own = None if address.startswith("/vsizip/") else name
    try:
        with warnings.catch_warnings():
            # What the library remarks on is checked here: measures, curves, odd dates.
            warnings.simplefilter("ignore")
            info = pyogrio.read_info(address, layer=own, encoding=encoding)
            if info["driver"] != driver:  # it may read other files of this machine
                raise GeodataUnreadable(reason=N_("Die Datei ist beschädigt."))
            if info["features"] > MOST_FEATURES:
                raise TooManyFeatures(found=int(info["features"]), limit=MOST_FEATURES)
            meta, _, wkb, cells = pyogrio.raw.read(
                address, layer=own, encoding=encoding, datetime_as_string=True
            )
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as cause:
        raise GeodataUnreadable(reason=N_("Die Datei ist beschädigt.")) from cause
    except (pyogrio.errors.FeatureError, pyogrio.errors.GeometryError, UnicodeError) as cause:
        raise GeodataUnreadable(reason=N_("Ein Objekt ist beschädigt.")) from cause
    if wkb is None:
        raise GeometryMissing()
    columns, left_out = _columns(meta["fields"], cells)
    findings = (replace(_BINARY, details={"names": ", ".join(left_out)}),) if left_out else ()
    return VectorContent(
        name=name,
        columns=columns,
        geometries=list(shapely.from_wkb(wkb, on_invalid="ignore")),
        crs=str(meta["crs"]) if meta["crs"] else None,
        findings=findings,
    )


def _columns(names: Any, cells: Any) -> tuple[dict[str, list[Value]], list[str]]:  # noqa: ANN401
    columns: dict[str, list[Value]] = {}
    left_out = []
    for name, values in zip(names, cells, strict=True):
        plain = values.tolist()
        if str(name) in _GML_CORNERS:
            continue
        if any(isinstance(one, bytes | memoryview) for one in plain):
            left_out.append(str(name))
        else:
            columns[str(name)] = [plain_value(one) for one in plain]
    return columns, left_out


def plain_value(value: object) -> Value:
    """Return a value of a file as one that JSON, tables and people know."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else str(value)
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return json.dumps(value, ensure_ascii=False, default=str)


def read_geojson(content: bytes, name: str) -> VectorContent:
    """Read a feature collection, a feature or a geometry without any other program's help.

    Args:
        content: All bytes.
        name: Name of the layer.

    Raises:
        GeodataUnreadable: It is no GeoJSON, or an object of it is none.
        GeodataWithoutCrs: Its coordinates are pixels.
    """
    try:
        document = json.loads(content.decode("utf-8-sig"))
        if _ESCAPED_SURROGATE.search(content):
            json.dumps(document, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as cause:
        raise GeodataUnreadable(reason=N_("Das ist kein gültiges GeoJSON.")) from cause
    features = _features(document)
    shapes = [_shape(one.get("geometry")) for one in features]
    names = list(dict.fromkeys(key for one in features for key in one["properties"]))
    columns = {key: [plain_value(one["properties"].get(key)) for one in features] for key in names}
    if "id" not in columns and any(one.get("id") is not None for one in features):
        columns = {"id": [plain_value(one.get("id")) for one in features], **columns}
    return VectorContent(name=name, columns=columns, geometries=shapes, crs=_system(document))


def _features(document: object) -> list[dict[str, Any]]:
    if not isinstance(document, dict):
        raise GeodataUnreadable(reason=N_("Das ist kein GeoJSON."))
    kind = document.get("type")
    features = document.get("features") if kind == "FeatureCollection" else [document]
    if kind not in ("FeatureCollection", "Feature"):
        features = [{"geometry": document, "properties": {}}]
    if not isinstance(features, list) or not all(isinstance(one, dict) for one in features):
        raise GeodataUnreadable(reason=N_("Dem GeoJSON fehlt seine Liste von Objekten."))
    for one in features:
        if not isinstance(one.get("properties"), dict):
            one["properties"] = {}
    return features


def _shape(geometry: object) -> shapely.Geometry | None:
    if geometry is None:
        return None
    try:
        return shapely.from_geojson(json.dumps(geometry))
    except (shapely.errors.ShapelyError, TypeError, ValueError) as cause:
        raise GeodataUnreadable(reason=N_("Eine Geometrie im GeoJSON ist ungültig.")) from cause


def _system(document: Any) -> str:  # noqa: ANN401
    if document.get("coordinates") == "pixel":
        raise GeodataWithoutCrs()
    crs = document.get("crs")
    if crs is None:
        return "EPSG:4326"
    properties = crs.get("properties") if isinstance(crs, dict) else None
    return str(properties.get("name", "")) if isinstance(properties, dict) else ""
