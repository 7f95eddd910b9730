"""The class map of a run as derivations read it: piece by piece, never whole."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.features import rasterize
from rasterio.io import DatasetReader
from rasterio.transform import Affine
from rasterio.windows import Window
from shapely import MultiPolygon, Polygon

from apps.aviary.finds.joining import FoundObject, is_inside
from apps.aviary.inputs.run_image import RunImage
from shared.geo.nodata import NO_DATA
from shared.geo.raster import RasterInfo
from shared.geo.windowed import small_cache

STRIP_ROWS = 512
WINDOW_PX = 1024
ROUNDED_DIGITS = 6
MOST_SAMPLES = 1_000_000
"""Of larger windows only every n-th pixel is looked at."""

Codes = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class ClassMap:
    """What lies where in an image.

    Args:
        codes: GeoTIFF with the class of each pixel as the model names it; `NO_DATA` for unknown.
        confidence: GeoTIFF with the confidence of each pixel [%]; `NO_DATA` for unknown.
        info: The image; its pixels have a known size.
        image: The image itself, for colours.
        area_px: Part of the image that counts [px]; None for all of it.
        strip_rows: Rows that are read at once where all are read in turn [px]; 1 or more.
        window_px: Side of the windows that are worked on one after the other [px]; 1 or more.
    """

    codes: Path
    confidence: Path
    info: RasterInfo
    image: RunImage
    area_px: MultiPolygon | None = None
    strip_rows: int = STRIP_ROWS
    window_px: int = WINDOW_PX

    @property
    def pixel_m(self) -> tuple[float, float]:
        """Width and height of a pixel on the ground [m]."""
        return self.info.pixel_width_m or 1.0, self.info.pixel_height_m or 1.0

    @property
    def pixel_m2(self) -> float:
        """Ground area of a pixel [m2]."""
        width_m, height_m = self.pixel_m
        return width_m * height_m

    @property
    def gsd_m(self) -> float:
        """Side of a square as large as a pixel [m]."""
        return math.sqrt(self.pixel_m2)

    def to_pixels(self, area_m2: float) -> float:
        """Return how many pixels an area [m2] has, free of what rounding adds to whole numbers."""
        return round(area_m2 / self.pixel_m2, ROUNDED_DIGITS)

    @contextmanager
    def open(self) -> Iterator[Planes]:
        """Open both rasters."""
        with ExitStack() as stack:
            stack.enter_context(small_cache())
            files = (self.codes, self.confidence)
            codes, confidence = (stack.enter_context(rasterio.open(path)) for path in files)
            yield Planes(codes, confidence, self.strip_rows)

    def found(
        self,
        class_key: str,
        polygon: Polygon,
        score: float,
        *,
        doubtful: bool = False,
        figures: Sequence[tuple[str, float]] = (),
    ) -> Iterator[FoundObject]:
        """Give one object, or none where it lies mostly outside the area that counts.

        Args:
            class_key: Kind of object.
            polygon: Outline [px].
            score: 0 to 1.
            doubtful: True where a person should look twice.
            figures: See `FoundObject`.
        """
        if is_inside(polygon, self.area_px):
            yield FoundObject(
                object_id=0,
                class_key=class_key,
                score=score,
                polygon=polygon,
                area_px=polygon.area,
                area_m2=polygon.area * self.pixel_m2,
                bbox_px=polygon.bounds,
                doubtful=doubtful,
                domain_distance=None,
                figures=tuple(figures),
            )


@dataclass(frozen=True, slots=True)
class Look:
    """The pixels around a polygon.

    Args:
        codes: Class of each pixel.
        confidence: Confidence of each pixel [%].
        inside: Which pixels' centres lie in the polygon; those it touches, where it holds none.
        box: Left, upper, right and lower edge of the window [px].
        step: Every n-th pixel of the image was read.
    """

    codes: Codes
    confidence: Codes
    inside: Mask
    box: Box
    step: int

    def count(self, classes: Sequence[int]) -> int:
        """Return how many pixels of the image inside have one of some classes."""
        return int(self.mask(classes).sum()) * self.step**2

    def score(self, classes: Sequence[int]) -> float:
        """Return the mean confidence of the pixels of some classes inside, 0 to 1; 0 of none."""
        sure = self.confidence[self.mask(classes)]
        sure = sure[sure != NO_DATA]
        return float(sure.mean()) / 100 if sure.size else 0.0

    def mask(self, classes: Sequence[int]) -> Mask:
        """Tell which pixels inside have one of some classes."""
        return np.asarray(self.inside & np.isin(self.codes, classes))


@dataclass(frozen=True, slots=True)
class Planes:
    """The open rasters of a class map.

    Args:
        codes_file: Class of each pixel.
        confidence_file: Confidence of each pixel [%].
        strip_rows: See `ClassMap`.
    """

    codes_file: DatasetReader
    confidence_file: DatasetReader
    strip_rows: int

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows [px]."""
        return self.codes_file.width, self.codes_file.height

    def codes(self, box: Box) -> Codes:
        """Read the classes of a window."""
        return _read(self.codes_file, box, 1)

    def confidence(self, box: Box) -> Codes:
        """Read the confidence of a window [%]."""
        return _read(self.confidence_file, box, 1)

    def shrunk(self, shape: tuple[int, int]) -> Codes:
        """Read the classes of the whole image on fewer rows and columns: the nearest pixels."""
        return np.asarray(self.codes_file.read(1, out_shape=shape), dtype=np.uint8)

    def strips(self) -> Iterator[Codes]:
        """Read the classes from top to bottom."""
        width, height = self.size
        for y0 in range(0, height, self.strip_rows):
            yield self.codes((0, y0, width, min(y0 + self.strip_rows, height)))

    def look(self, polygon: Polygon | MultiPolygon, margin_px: float = 0.0) -> Look:
        """Read what lies around a polygon.

        Args:
            polygon: Outline [px].
            margin_px: How far around it [px].
        """
        box = window_of(polygon, self.size, margin_px)
        x0, y0, x1, y1 = box
        step = math.ceil(math.sqrt((x1 - x0) * (y1 - y0) / MOST_SAMPLES))
        codes, confidence = (
            _read(one, box, step) for one in (self.codes_file, self.confidence_file)
        )
        place = Affine(step, 0, x0, 0, step, y0)
        draw = partial(rasterize, [polygon], codes.shape, transform=place, dtype=np.uint8)
        inside = draw()
        if not inside.any():
            inside = draw(all_touched=True)
        return Look(codes, confidence, np.asarray(inside, dtype=bool), box, step)


def window_of(
    polygon: Polygon | MultiPolygon, size: tuple[int, int], margin_px: float = 0.0
) -> Box:
    """Return the window of whole pixels around a polygon, at least one pixel in the image.

    Args:
        polygon: Outline [px].
        size: Columns and rows of the image [px].
        margin_px: How far around it [px].
    """
    left, upper, right, lower = polygon.bounds
    x0 = min(max(0, math.floor(left - margin_px)), size[0] - 1)
    y0 = min(max(0, math.floor(upper - margin_px)), size[1] - 1)
    x1 = min(size[0], max(x0 + 1, math.ceil(right + margin_px)))
    y1 = min(size[1], max(y0 + 1, math.ceil(lower + margin_px)))
    return x0, y0, x1, y1


def _read(file: DatasetReader, box: Box, step: int) -> Codes:
    x0, y0, x1, y1 = box
    window = Window(x0, y0, x1 - x0, y1 - y0)
    shape = (math.ceil((y1 - y0) / step), math.ceil((x1 - x0) / step))
    return np.asarray(file.read(1, window=window, out_shape=shape), dtype=np.uint8)
