"""Write a rendered tile as files, and read pictures out of them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling

from shared import __version__
from shared.contracts.provenance import Provenance
from shared.demo_city.render.window import Window
from shared.demo_city.settings import CRS, CitySettings
from shared.demo_city.store.tiles import Tile
from shared.geo.export import RasterKind, RasterLayout, Strip, write_cog
from shared.geo.jpeg_cog import write_jpeg_cog
from shared.geo.raster import Affine

Layer = Literal["labels", "heights", "infrared", "image"]
LAST: Final[Layer] = "image"
"""Where it lies, the others lie too: it is written last."""
HEIGHT_GSD_M: Final = 0.5
"""Heights are stored as means over such cells; a tile has a whole number of them."""
CM_PER_M: Final = 100
INFRARED_QUALITY: Final = 75
EPSG: Final = int(CRS.removeprefix("EPSG:"))


def layer_path(folder: Path, tile: Tile, layer: Layer) -> Path:
    """Return where a layer of a tile lies.

    Args:
        folder: Folder of the city.
        tile: The tile.
        layer: What of it.
    """
    return folder / tile.vintage / f"{tile.key}-{layer}.tif"


def write_tile(
    folder: Path, tile: Tile, window: Window, settings: CitySettings, now: datetime
) -> None:
    """Write all layers of a tile.

    Near infrared has a file of its own: three bands of colour take half the space of four. At JPEG
    quality 75 it deviates by 3 digital numbers (standard deviation), as colours do at 88.

    Args:
        folder: Folder of the city.
        tile: The tile.
        window: What was rendered of it.
        settings: The city.
        now: The moment, with zone.

    Raises:
        StorageFull: There is no space left, or the folder may not be written.
        StorageUnreachable: Any other fault of the disk.
    """
    origin = _origin(tile, settings, now)
    transform = tuple(window.moved(*settings.origin_m).transform)[:6]
    heights, factor = _coarser(window.ndsm, tile.gsd_m)
    wide, _, west, _, high, north = transform
    coarser = wide * factor, 0.0, west, 0.0, high * factor, north
    codes = np.stack([window.labels, window.ground, window.solar])
    _write_exactly(layer_path(folder, tile, "labels"), "labels", codes, transform, origin)
    centimetres = np.round(heights * CM_PER_M).astype(np.int16)[None]
    _write_exactly(layer_path(folder, tile, "heights"), "heights", centimetres, coarser, origin)
    infrared, image = (layer_path(folder, tile, layer) for layer in ("infrared", LAST))
    colours, beyond = window.rgbi[..., :3], window.rgbi[..., 3]
    write_jpeg_cog(infrared, beyond, transform, EPSG, origin, INFRARED_QUALITY)
    write_jpeg_cog(image, colours, transform, EPSG, origin)


def _coarser(heights: NDArray[np.float32], gsd_m: float) -> tuple[NDArray[np.float32], float]:
    """Return mean heights over about `HEIGHT_GSD_M`, and how many pixels each spans."""
    side = len(heights)
    cells = max(1, round(side * gsd_m / HEIGHT_GSD_M))
    means = cv2.resize(heights, (cells, cells), interpolation=cv2.INTER_AREA)
    return np.asarray(means, np.float32), side / cells


def read_tile(
    folder: Path,
    tile: Tile,
    settings: CitySettings,
    bounds_m: tuple[float, float, float, float],
    shape: tuple[int, int],
) -> NDArray[np.uint8]:
    """Read a part of the image of a tile.

    Args:
        folder: Folder of the city.
        tile: The tile.
        settings: The city.
        bounds_m: West, south, east, north within the tile, in metres of the town [m].
        shape: Rows and columns of the picture [px].

    Returns:
        Red, green, blue and near infrared, rows x columns x 4.

    Raises:
        OSError: A file is missing or damaged.
    """
    east, north = settings.origin_m
    left, low, right, high = bounds_m
    bands = []
    for layer in ("image", "infrared"):
        with rasterio.open(layer_path(folder, tile, layer)) as file:
            window = file.window(left + east, low + north, right + east, high + north)
            size = file.count, *shape
            bands.append(file.read(window=window, out_shape=size, resampling=Resampling.average))
    return np.moveaxis(np.concatenate(bands), 0, -1)


def _write_exactly(
    path: Path,
    kind: RasterKind,
    bands: NDArray[np.generic],
    transform: Affine,
    origin: Provenance,
) -> None:
    count, height, width = bands.shape
    layout = RasterLayout(width, height, count, str(bands.dtype), kind, transform, CRS)
    write_cog(path, [Strip(bands)], layout, origin)


def _origin(tile: Tile, settings: CitySettings, now: datetime) -> Provenance:
    return Provenance(
        source=f"Musterstadt {tile.vintage}",
        input_sha256="",
        models=(),
        parameters={"fingerprint": settings.fingerprint(), "tile": tile.key},
        created_at=now,
        duration_s=0.0,
        software_version=__version__,
        sample_data=True,
        seeds={"town": settings.seed},
    )
