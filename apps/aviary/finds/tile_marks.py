"""Tiles that a reader must not take for others: hatched in the shrunk image."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from apps.aviary.objects import Box, FailedTile
from apps.aviary.plan import plan_run
from apps.aviary.recipes import Recipe
from shared.geo.raster import RasterInfo

PERIOD_PX = 14
LINE_PX = 3
GREY, RED = (120, 120, 120), (190, 30, 30)
JPEG_QUALITY = 90

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TileMarks:
    """Tiles of an image that are marked.

    Args:
        failed: Edges of tiles without a result [px of the image].
        unusual: Edges of tiles that the model does not know the like of [px of the image].
        unusual_ids: Numbers of the latter.
    """

    failed: tuple[Box, ...] = ()
    unusual: tuple[Box, ...] = ()
    unusual_ids: tuple[int, ...] = ()

    @property
    def any(self) -> bool:
        """True where there is something to hatch."""
        return bool(self.failed or self.unusual)


def find_marks(
    info: RasterInfo,
    recipe: Recipe,
    gsd_m: float,
    failed: Sequence[FailedTile],
    unusual: Sequence[int] | None,
) -> TileMarks:
    """Return which tiles of a run are marked.

    Args:
        info: The image.
        recipe: What was looked for.
        gsd_m: Ground sampling distance of the tiles [m].
        failed: Tiles without a result.
        unusual: Tiles unlike the training data; None where the model does not say.
    """
    boxes: tuple[Box, ...] = ()
    if unusual:
        plan = plan_run(info, recipe, gsd_m=gsd_m)
        boxes = tuple(plan.source_box(plan.tiles[tile_id]) for tile_id in unusual)
    return TileMarks(tuple(one.box_px for one in failed), boxes, tuple(unusual or ()))


def hatch(overview: bytes, info: RasterInfo, marks: TileMarks) -> bytes:
    """Draw grey lines over unusual tiles and red crossed ones over those without a result.

    Args:
        overview: The image, shrunk, as JPEG.
        info: The image.
        marks: Which tiles.

    Returns:
        The picture as JPEG; the same bytes where nothing is marked.
    """
    if not marks.any:
        return overview
    with Image.open(io.BytesIO(overview), formats=("JPEG",)) as opened:
        pixels = np.array(opened.convert("RGB"))
    rows, columns = np.ogrid[: pixels.shape[0], : pixels.shape[1]]
    rising = (rows + columns) % PERIOD_PX < LINE_PX
    falling = (rows - columns) % PERIOD_PX < LINE_PX
    failed = _covered(marks.failed, info, pixels)
    pixels[rising & _covered(marks.unusual, info, pixels) & ~failed] = GREY
    pixels[(rising | falling) & failed] = RED
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return target.getvalue()


def _covered(boxes: Sequence[Box], info: RasterInfo, pixels: NDArray[np.uint8]) -> Mask:
    covered = np.zeros(pixels.shape[:2], dtype=bool)
    down, across = pixels.shape[0] / info.height, pixels.shape[1] / info.width
    for left, upper, right, lower in boxes:
        rows = slice(round(upper * down), max(round(lower * down), round(upper * down) + 1))
        columns = slice(round(left * across), max(round(right * across), round(left * across) + 1))
        covered[rows, columns] = True
    return covered
