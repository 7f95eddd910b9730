"""Write results for other programs: rasters, map pictures, styles, origin; whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from shared.contracts.provenance import Provenance
from shared.geo.map_picture import MapPicture, map_png
from shared.geo.qml import layer_qml, raster_qml
from shared.geo.raster import Affine
from shared.report.blocks import LegendEntry
from shared.report.layers import Layer
from shared.store import provenance_files
from shared.store.local_files import whole_file
from shared.store.provenance_text import to_json

RasterKind = Literal["image", "labels", "heights"]
BLOCK_PX = 512
JPEG_QUALITY = 88
_CACHE_BYTES = 256 * 2**20
CREATION: Mapping[RasterKind, Mapping[str, str | int]] = {
    "image": {
        "compress": "JPEG",
        "quality": JPEG_QUALITY,
        "overview_quality": JPEG_QUALITY,
        "overview_resampling": "AVERAGE",
    },
    "labels": {"compress": "DEFLATE", "overview_resampling": "NEAREST"},
    "heights": {
        "compress": "DEFLATE",
        "level": 1,
        "predictor": "YES",
        "overview_resampling": "AVERAGE",
    },
}
"""Options of GDAL's COG driver.

Codes are never averaged: between 1 and 3 lies no 2. The nearest keeps the shares of all codes.
Heights take about the same space at every level, and the first is the fastest.
"""


@dataclass(frozen=True, slots=True)
class RasterLayout:
    """What a raster is before its pixels come.

    Args:
        width: Columns [px].
        height: Rows [px].
        bands: Number of bands; an image has 3 or 4.
        dtype: "uint8", "int16", ...
        kind: "image" is packed with loss (JPEG), "labels" and "heights" without.
        transform: Pixel to map coordinates, see `RasterInfo`.
        crs: "EPSG:n"; None where the raster has no place on the map.
        nodata: Value that means "nothing known"; images have a mask in its place.
        colours: Colour "#rrggbb" of each code of a raster of labels.
    """

    width: int
    height: int
    bands: int
    dtype: str
    kind: RasterKind
    transform: Affine
    crs: str | None
    nodata: int | None = None
    colours: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Strip:
    """Some whole rows of a raster, from the top.

    Args:
        pixels: Shape (bands, rows, width).
        valid: False where an image holds no data, shape (rows, width); None: all valid.
    """

    pixels: NDArray[Any]
    valid: NDArray[np.bool_] | None = None


def write_cog(
    target: Path,
    strips: Iterable[Strip],
    layout: RasterLayout,
    provenance: Provenance | Mapping[str, object],
) -> None:
    """Write a raster as cloud optimised GeoTIFF with overviews and its origin.

    Args:
        target: The file; an older one is replaced.
        strips: All rows in order; only one strip is held at a time.
        layout: What the raster is.
        provenance: Where it comes from, see `to_json`.

    Raises:
        ValueError: The strips do not fill the raster, or do not fit it.
        StorageFull: There is no space left, or the folder may not be written.
        StorageUnreachable: Any other fault of the disk.
    """
    import rasterio

    with (
        whole_file(target) as draft,
        rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES, GDAL_TIFF_INTERNAL_MASK=True),
    ):
        source = draft.with_name(f"strips-{draft.name}")
        try:
            _write_strips(source, strips, layout)
            options = {"blocksize": BLOCK_PX, **CREATION[layout.kind]}
            provenance_files.write_cog(source, draft, provenance, options)
        except Exception:
            _ask_for_space(draft.with_name("space"), layout)
            raise


def write_map_png(target: Path, picture: MapPicture, provenance: Provenance) -> None:
    """Write a map for people as PNG with its origin.

    Args:
        target: The file; an older one is replaced.
        picture: What it shows.
        provenance: Where it comes from.

    Raises:
        StorageFull: There is no space left, or the folder may not be written.
        StorageUnreachable: Any other fault of the disk.
    """
    content = provenance_files.embed_in_png(map_png(picture), provenance)
    with whole_file(target) as draft:
        draft.write_bytes(content)


def write_qml(target: Path, style: Layer | tuple[LegendEntry, ...]) -> None:
    """Write colours for QGIS beside a file of the same name.

    Args:
        target: The file with the ending .qml; an older one is replaced.
        style: A layer, or the codes of a raster of labels as values of legend entries.

    Raises:
        StorageFull: There is no space left, or the folder may not be written.
        StorageUnreachable: Any other fault of the disk.
    """
    text = layer_qml(style) if isinstance(style, Layer) else raster_qml(style)
    with whole_file(target) as draft:
        draft.write_text(text, encoding="utf-8")


def write_provenance(target: Path, provenance: Provenance) -> None:
    """Write an origin as JSON, for files that cannot carry one themselves.

    Args:
        target: The file; an older one is replaced.
        provenance: Where a result comes from.

    Raises:
        StorageFull: There is no space left, or the folder may not be written.
        StorageUnreachable: Any other fault of the disk.
    """
    with whole_file(target) as draft:
        draft.write_text(to_json(provenance) + "\n", encoding="utf-8")


def _ask_for_space(path: Path, layout: RasterLayout) -> None:
    """Raise OSError if the disk has no room for the raster: GDAL keeps such reasons to itself.

    It takes the room twice, for the file and for what GDAL writes beside it meanwhile.
    """
    size = layout.width * layout.height * layout.bands * np.dtype(layout.dtype).itemsize
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 2 * size)


def _profile(layout: RasterLayout) -> dict[str, object]:
    from rasterio.transform import Affine as Transform

    profile: dict[str, object] = {
        "driver": "GTiff",
        "width": layout.width,
        "height": layout.height,
        "count": layout.bands,
        "dtype": layout.dtype,
        "crs": layout.crs,
        "transform": Transform(*layout.transform),
        "nodata": layout.nodata,
        "tiled": True,
        "blockxsize": BLOCK_PX,
        "blockysize": BLOCK_PX,
        "compress": "ZSTD",  # read once and removed: fast, and large images take less of the disk
        "zstd_level": 1,
        "bigtiff": "IF_SAFER",
    }
    # Four bands of an image are red, green, blue and near infrared, not a transparent picture.
    if layout.kind == "image":
        profile |= {"photometric": "RGB"} | ({"alpha": "NO"} if layout.bands > 3 else {})
    return profile


def _write_strips(path: Path, strips: Iterable[Strip], layout: RasterLayout) -> None:
    import rasterio
    from rasterio.windows import Window

    row = 0
    with rasterio.open(path, "w", **_profile(layout)) as raster:
        for strip in strips:
            bands, rows, width = strip.pixels.shape
            if (bands, width) != (layout.bands, layout.width) or row + rows > layout.height:
                message = f"a strip of {strip.pixels.shape} does not fit at row {row}"
                raise ValueError(message)
            window = Window(0, row, width, rows)
            raster.write(strip.pixels, window=window)
            if strip.valid is not None:
                raster.write_mask(strip.valid, window=window)
            row += rows
        if row != layout.height:
            message = f"{row} of {layout.height} rows"
            raise ValueError(message)
        if layout.colours:
            raster.write_colormap(1, {code: _rgb(one) for code, one in layout.colours.items()})


def _rgb(colour: str) -> tuple[int, int, int, int]:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return red, green, blue, 255
