"""Heights above ground (nDSM) on the pixels of an image."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.transform import Affine
from rasterio.vrt import WarpedVRT
from rasterio.warp import transform_bounds
from rasterio.windows import Window
from shapely.affinity import affine_transform
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from apps.aviary.inputs.input_files import TITLES
from apps.aviary.surfaces.class_map import Box
from shared.errors import N_, InputUnusable
from shared.geo.raster import Affine as AffineNumbers, RasterInfo, RasterLimits

_NO_HEIGHTS = N_("Sie ist kein GeoTIFF mit Höhen in einem einzigen Kanal.")
_OTHER_SHAPE = N_("Ohne Lage auf der Karte muss sie denselben Ausschnitt zeigen wie das Bild.")
_OUTSIDE = N_("Sie liegt außerhalb des Bildes.")
_LARGE_BLOCKS = N_("Sie lässt sich nicht in Ausschnitten lesen. Bitte speichern Sie sie gekachelt.")
CENTIMETRE_M = 0.01
MOST_BLOCK_BYTES = RasterLimits().block_megabytes * 2**20
SAME_SHAPE = 0.01
"""Width to height of both images differ at most by this share."""


@dataclass(frozen=True, slots=True)
class Heights:
    """Open heights on the pixels of an image.

    Args:
        file: The file, warped to the image where both lie on the map.
        scale: Columns and rows of the file per pixel of the image.
        metres: Heights are `value * metres[0] + metres[1]` [m].
    """

    file: DatasetReader | WarpedVRT
    scale: tuple[float, float]
    metres: tuple[float, float]

    def read(self, window_px: Box) -> NDArray[np.float32]:
        """Return heights above ground [m] of a window of the image; 0 where nothing is known.

        Args:
            window_px: Left, upper, right and lower edge [px].

        Raises:
            InputUnusable: The file breaks off there.
        """
        x0, y0, x1, y1 = window_px
        across, down = self.scale
        window = Window(x0 * across, y0 * down, (x1 - x0) * across, (y1 - y0) * down)
        try:
            found = self.file.read(
                1,
                window=window,
                out_shape=(y1 - y0, x1 - x0),
                resampling=Resampling.bilinear,
                masked=True,
            )
        except RasterioError as cause:
            raise _unusable(_NO_HEIGHTS) from cause
        factor, offset = self.metres
        heights = found.astype(np.float32).filled(np.nan) * factor + offset
        known = np.where(np.isfinite(heights) & (heights > 0), heights, 0.0)
        return np.asarray(known, dtype=np.float32)


@contextmanager
def open_heights(path: Path, info: RasterInfo) -> Iterator[Heights]:
    """Open a GeoTIFF of heights above ground.

    Args:
        path: File with one band.
        info: The image.

    Raises:
        InputUnusable: It is no such file, or does not lie where the image does.
    """
    with _opened(path) as file:
        metres = _to_metres(file)
        if file.crs is None or info.crs is None or info.transform is None:
            shape = (file.width / file.height) / (info.width / info.height)
            if abs(shape - 1) > SAME_SHAPE:
                raise _unusable(_OTHER_SHAPE)
            yield Heights(file, (file.width / info.width, file.height / info.height), metres)
            return
        left, lower, right, upper = transform_bounds(file.crs, info.crs, *file.bounds)
        if not box(left, lower, right, upper).intersects(_frame(info.transform, info)):
            raise _unusable(_OUTSIDE)
        with WarpedVRT(
            file,
            crs=CRS.from_user_input(info.crs),
            transform=Affine(*info.transform),
            width=info.width,
            height=info.height,
            resampling=Resampling.bilinear,
            add_alpha=False,
        ) as warped:
            yield Heights(warped, (1.0, 1.0), metres)


def _frame(transform: AffineNumbers, info: RasterInfo) -> BaseGeometry:
    a, b, c, d, e, f = transform
    return affine_transform(box(0, 0, info.width, info.height), (a, b, d, e, c, f))


def _to_metres(file: DatasetReader) -> tuple[float, float]:
    """Return factor and offset: whole numbers without a factor of their own are centimetres."""
    factor, offset = float(file.scales[0]), float(file.offsets[0])
    is_whole = np.issubdtype(np.dtype(file.dtypes[0]), np.integer)
    return (CENTIMETRE_M, offset) if is_whole and factor == 1 else (factor, offset)


@contextmanager
def _opened(path: Path) -> Iterator[DatasetReader]:
    try:
        with warnings.catch_warnings():
            # Heights without a place on the map are an ordinary case here.
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            file = rasterio.open(path, driver="GTiff")
    except (RasterioError, OSError) as cause:
        raise _unusable(_NO_HEIGHTS) from cause
    with file:
        kind, (rows, columns) = np.dtype(file.dtypes[0]), file.block_shapes[0]
        if file.count != 1 or np.issubdtype(kind, np.complexfloating):
            raise _unusable(_NO_HEIGHTS)
        if rows * columns * kind.itemsize > MOST_BLOCK_BYTES:
            raise _unusable(_LARGE_BLOCKS)
        yield file


def _unusable(reason: str) -> InputUnusable:
    return InputUnusable(what=TITLES["ndsm"], reason=reason)
