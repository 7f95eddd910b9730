"""Two images of one place: where a window of the one lies in the other."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rasterio.transform import Affine as Transform

from apps.aviary.inputs.run_image import RunImage
from shared.contracts.finding import Finding
from shared.errors import ImagesApart
from shared.geo.raster import Affine, Mask, Patch, RasterInfo
from shared.geo.together import Vintage, check_vintages, year_in_name

SAME_SIZE = 0.01
"""Images without a place on the map show the same ground if their sides differ by no more."""
MOST_TURN_PX = 1.0
"""By how much rows or columns of the one may run across those of the other [px]."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Placement:
    """From pixels of one image to pixels of another: x' = scale_x x + shift_x.

    Args:
        scale_x: Pixels of the other per pixel of the one, horizontally.
        scale_y: The same vertically.
        shift_x: Place of the one's left edge in the other [px].
        shift_y: Place of its upper edge [px].
    """

    scale_x: float
    scale_y: float
    shift_x: float
    shift_y: float

    def box(self, box: Box) -> Box:
        """Return the edges of a window in the other image [px]."""
        left, upper, right, lower = box
        return (
            left * self.scale_x + self.shift_x,
            upper * self.scale_y + self.shift_y,
            right * self.scale_x + self.shift_x,
            lower * self.scale_y + self.shift_y,
        )


def compare_images(one: RasterInfo, older: RasterInfo) -> tuple[Finding, ...]:
    """Check that two images can be compared.

    Where their names do not tell the years, the order counts in which a person named them.

    Args:
        one: The newer image.
        older: The older one.

    Raises:
        ImagesApart: They show different places.
        CoordinatesMixed: They lie in different systems.
    """
    first, second = year_in_name(older.name), year_in_name(one.name)
    if first is None or second is None:
        first, second = 0, 1
    findings = check_vintages(Vintage(older, first), Vintage(one, second))
    place_beside(one, older)
    return tuple(findings)


def place_beside(one: RasterInfo, other: RasterInfo) -> Placement:
    """Return where the pixels of an image lie in another one of the same coordinate system.

    Args:
        one: The image.
        other: The other image; both without coordinates must show the same ground.

    Raises:
        ImagesApart: They show different places.
    """
    if one.crs is None or one.transform is None or other.transform is None:
        placement = _same_ground(one, other)
    else:
        placement = _on_the_map(one, other, one.transform, other.transform)
    left, upper, right, lower = placement.box((0, 0, one.width, one.height))
    if right <= 0 or lower <= 0 or left >= other.width or upper >= other.height:
        raise ImagesApart(first=other.name, second=one.name)
    return placement


def _same_ground(one: RasterInfo, other: RasterInfo) -> Placement:
    sizes_m = [
        (info.width * (info.pixel_width_m or 0.0), info.height * (info.pixel_height_m or 0.0))
        for info in (one, other)
    ]
    for first, second in zip(*sizes_m, strict=True):
        if abs(first - second) > SAME_SIZE * max(first, second):
            raise ImagesApart(first=other.name, second=one.name)
    return Placement(other.width / one.width, other.height / one.height, 0.0, 0.0)


def _on_the_map(one: RasterInfo, other: RasterInfo, start: Affine, end: Affine) -> Placement:
    a, b, c, d, e, f, *_ = ~Transform(*end) * Transform(*start)
    if max(abs(b) * one.height, abs(d) * one.width) > MOST_TURN_PX:
        raise ImagesApart(first=other.name, second=one.name)
    return Placement(a, e, c, f)


def read_beside(image: RunImage, box: Box, size: tuple[int, int]) -> Patch:
    """Read a window that may reach beyond an image on another pixel grid; nothing is valid there.

    Args:
        image: The open image.
        box: Left, upper, right, lower edge in pixels of the image.
        size: Columns and rows of the result [px].

    Raises:
        DamagedImage: The file breaks off or is broken there.
    """
    columns, rows = (
        _covered(box[axis], box[axis + 2], length, size[axis])
        for axis, length in enumerate((image.info.width, image.info.height))
    )
    rgb = np.zeros((size[1], size[0], 3), dtype=np.uint8)
    valid = np.zeros(rgb.shape[:2], dtype=bool)
    if not len(columns) or not len(rows):
        return Patch(rgb, valid)
    step_x, step_y = (box[2] - box[0]) / size[0], (box[3] - box[1]) / size[1]
    part = (
        max(0.0, box[0] + columns.start * step_x),
        max(0.0, box[1] + rows.start * step_y),
        box[0] + columns.stop * step_x,
        box[1] + rows.stop * step_y,
    )
    patch = image.read(part, (len(columns), len(rows)))
    place = np.s_[rows.start : rows.stop, columns.start : columns.stop]
    rgb[place] = patch.rgb
    valid[place] = patch.valid & _holds_data(image, part, (len(columns), len(rows)))
    if patch.nir is None:
        return Patch(rgb, valid)
    nir = np.zeros_like(valid, dtype=np.uint8)
    nir[place] = patch.nir
    return Patch(rgb, valid, nir)


def _covered(low: float, high: float, length: int, count: int) -> range:
    """Return which of some pixels between two edges have their centre on an axis from 0."""
    step = (high - low) / count
    first = math.ceil((0 - low) / step - 0.5)
    last = math.floor((length - low) / step - 0.5)
    return range(max(0, first), max(0, min(count - 1, last) + 1))


def _holds_data(image: RunImage, box: Box, size: tuple[int, int]) -> Mask:
    """Tell which pixels of a window hold data, without black or white collars."""
    x, y = (
        _centres(box[axis], box[axis + 2], size[axis], length)
        for axis, length in enumerate((image.info.width, image.info.height))
    )
    rows = image.valid_rows(int(y[0]), int(y[-1]) + 1)
    return np.asarray(rows[np.ix_(y - y[0], x)])


def _centres(low: float, high: float, count: int, length: int) -> NDArray[np.intp]:
    places = low + (np.arange(count) + 0.5) * ((high - low) / count)
    return np.asarray(np.clip(np.floor(places), 0, length - 1), dtype=np.intp)
