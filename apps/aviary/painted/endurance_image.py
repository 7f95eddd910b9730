"""A large image of invented neighbourhoods, for endurance runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin
from rasterio.windows import Window

from apps.aviary.painted.sample import SAMPLE_GSD_M, render_sample
from shared.geo.raster import Rgb

MEDIA_TYPE = "image/tiff"
FIRST_SEED, SCENES = 2001, 4
BLOCK_PX = 512


def write_image(path: Path, side_px: int) -> None:
    """Write a square GeoTIFF, tiled and compressed as official aerial images are.

    The lower right tenth of each side holds no data.

    Args:
        path: File to write.
        side_px: Columns and rows.
    """
    scenes = [_turned(render_sample(FIRST_SEED + one).rgb, one) for one in range(SCENES)]
    profile = {
        "driver": "GTiff",
        "width": side_px,
        "height": side_px,
        "count": 3,
        "dtype": "uint8",
        "crs": "EPSG:25832",
        "transform": from_origin(400_000, 5_700_000, SAMPLE_GSD_M, SAMPLE_GSD_M),
        "tiled": True,
        "blockxsize": BLOCK_PX,
        "blockysize": BLOCK_PX,
        "compress": "jpeg",
        "photometric": "ycbcr",
        "jpeg_quality": 90,
    }
    end = side_px - side_px // 10
    height, width = scenes[0].shape[:2]
    with rasterio.open(path, "w", **profile) as target:
        for row in range(0, side_px, BLOCK_PX):
            rows = np.arange(row, min(row + BLOCK_PX, side_px))
            strip = np.zeros((len(rows), side_px, 3), dtype=np.uint8)
            for column in range(0, side_px, width):
                scene = scenes[(row // height + column // width) % SCENES]
                piece = scene[rows % height, : side_px - column]
                strip[:, column : column + piece.shape[1]] = piece
            strip[np.ix_(rows >= end, np.arange(side_px) >= end)] = 0
            window = Window(0, row, side_px, len(rows))
            target.write(strip.transpose(2, 0, 1), window=window)


def _turned(rgb: Rgb, turns: int) -> Rgb:
    """Mirror a scene, so that neighbours differ."""
    return np.ascontiguousarray(rgb[:: -1 if turns & 1 else 1, :: -1 if turns & 2 else 1])
