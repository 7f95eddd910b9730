"""The one door for vector data of unknown origin: GeoPackage, GeoJSON, Shapefile, GML, CSV.

A file is opened in a process of its own, see `shared.limited_reading`. It is opened as what its
first bytes say it is, never as what a library makes of it; no address in it is asked for more.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shared.contracts.finding import Finding
from shared.errors import EmptyFile, FileMissing, FileTooLarge, FileTypeRefused, FileUnreadable
from shared.geo.raster import first_bytes
from shared.geo.vector_content import PackedVectors, unpack_geometries
from shared.geo.vector_formats import ENDINGS, HEAD_BYTES, NAMES, recognise_vectors
from shared.geo.vector_read import VectorOptions, layer_names, read_vector_file
from shared.limited_reading import read_limited
from shared.store.local_files import hash_file

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

MOST_FILE_BYTES = 2 * 2**30


@dataclass(frozen=True, slots=True)
class VectorLayer:
    """A layer that can be computed with.

    Args:
        name: Name of the layer.
        frame: Objects in EPSG:25832, valid and without Z.
        findings: What was noticed, converted or repaired, for people.
        layers: Names of all layers of the file.
        sha256: Hash of the file's bytes, 64 hexadecimal digits.
    """

    name: str
    frame: GeoDataFrame
    findings: tuple[Finding, ...]
    layers: tuple[str, ...]
    sha256: str


def open_vectors(
    file: Path | bytes, *, name: str = "", options: VectorOptions | None = None
) -> VectorLayer:
    """Read one layer of a file of unknown origin.

    Args:
        file: Path or content of a GeoPackage, GeoJSON, FlatGeobuf, zipped Shapefile, GML or CSV.
        name: File name shown to people, and name of the layer where the format has none.
        options: What a person said about it.

    Raises:
        FileMissing: No such file, a folder, or not readable.
        EmptyFile: Zero bytes.
        FileTooLarge: More than 2 GB.
        FileTypeRefused: Another format.
        GeodataUnreadable: The content is broken.
        GeoPackageLocked: Another program still writes into the GeoPackage.
        ArchiveUnsafe: An entry of a ZIP file points outside, is a link or encrypted.
        ArchiveTooLarge: A ZIP file unpacks to more than 2 GB or 100 times its size.
        ShapefileIncomplete: A ZIP file lacks a part of the Shapefile.
        TableUnreadable: A CSV file is no table.
        TableWithoutPlace: A CSV file has no columns with coordinates.
        LayerChoiceNeeded: Several layers and none was chosen.
        LayerUnknown: The chosen layer is not there.
        TooManyFeatures: More than 200,000 objects.
        GeometryMissing: No object has a usable geometry.
        GeodataWithoutCrs: Neither the file nor a person names a coordinate system.
        CoordinatesUnknown: Nobody knows it.
        PlaceImplausible: The objects lie outside Germany in either order of axes.
        FileTooCostly: Reading needs more memory or time than one file may have.
        FileUnreadable: The reading process broke down on this file.
        ReadingNotPossible: Too many files at once, or no process can be started.
    """
    with _named(file, name) as path:
        packed = read_limited(read_vector_file, b"", str(path), options or VectorOptions())
    sha256 = hashlib.sha256(file).hexdigest() if isinstance(file, bytes) else hash_file(file)
    return VectorLayer(packed.name, _frame(packed), packed.findings, packed.layers, sha256)


def list_layers(file: Path | bytes, *, name: str = "") -> tuple[str, ...]:
    """List the layers of a file, so that a person can choose one.

    Args:
        file: Path or content.
        name: File name shown to people.

    Raises:
        InputError: See `open_vectors`.
    """
    with _named(file, name) as path:
        return read_limited(layer_names, b"", str(path))


@contextmanager
def _named(file: Path | bytes, name: str) -> Iterator[Path]:
    """Give a file the ending of its content, in a folder of its own."""
    shown = name or (file.name if isinstance(file, Path) else "geodaten")
    try:
        head = first_bytes(file, HEAD_BYTES)
    except OSError as cause:
        raise FileMissing(name=shown) from cause
    if not head:
        raise EmptyFile()
    if (len(file) if isinstance(file, bytes) else file.stat().st_size) > MOST_FILE_BYTES:
        raise FileTooLarge(limit_mb=MOST_FILE_BYTES >> 20)
    kind = recognise_vectors(head)
    if kind is None:
        raise FileTypeRefused(allowed=NAMES)
    with tempfile.TemporaryDirectory(prefix="urbanki-") as folder:
        path = Path(folder, f"{_stem(shown)}{ENDINGS[kind]}")
        if isinstance(file, bytes):
            path.write_bytes(file)
        else:
            path.symlink_to(file.resolve())
        yield path


def _stem(name: str) -> str:
    """Return a name without ending that means nothing to a file system or to GDAL."""
    stem = "".join(one if one.isalnum() else "_" for one in Path(name).stem)
    return stem[:60] or "geodaten"


def _frame(packed: PackedVectors) -> GeoDataFrame:
    from geopandas import GeoDataFrame

    try:
        geometries = unpack_geometries(packed.geometries)
        columns = {name: cells for name, cells in packed.columns.items() if name != "geometry"}
        return GeoDataFrame(columns, geometry=geometries, crs=packed.crs)
    except ValueError as cause:
        raise FileUnreadable() from cause
