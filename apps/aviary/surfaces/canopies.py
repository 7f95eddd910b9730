"""Canopies: what is wider than a crown can be, such as a wood without heights.

A window cannot show such a thing whole. Each gives what lies in its own core, and the pieces are
united, so that nothing ends where a window does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from rasterio.features import shapes
from rasterio.transform import Affine
from scipy.ndimage import find_objects, label
from shapely import Polygon

from apps.aviary.surfaces.class_map import Codes
from apps.aviary.surfaces.crowns import Labels, Mask, Surface
from shared.geo.nodata import NO_DATA


@dataclass(frozen=True, slots=True)
class Piece:
    """What a core shows of a canopy.

    Args:
        polygon: Outline with holes along the edges of pixels [px].
        sure: Sum of the known confidences of its pixels [%].
        known: Pixels whose confidence is known.
        height_m: Greatest height [m]; None where no heights are given.
    """

    polygon: Polygon
    sure: int
    known: int
    height_m: float | None

    @property
    def score(self) -> float:
        """Mean confidence, 0 to 1."""
        return self.sure / max(1, self.known) / 100


def wider_than(labels: Labels, count: int, side_px: int) -> Mask:
    """Tell which crowns are wider or longer than a side.

    Args:
        labels: Number of each pixel's crown, 0 for none.
        count: Crowns, and one for 0, which is never wide.
        side_px: The side [px].
    """
    wide = np.zeros(count, dtype=bool)
    for number, place in enumerate(find_objects(labels), start=1):
        if place is not None:
            wide[number] = any(one.stop - one.start > side_px for one in place)
    return wide


def cut_pieces(
    canopy: Mask, confidence: Codes, heights: Surface | None, corner: tuple[int, int]
) -> Iterator[Piece]:
    """Outline the connected parts of a canopy in a core.

    Args:
        canopy: Where it is, shape (rows, columns).
        confidence: Confidence of each pixel [%], same shape.
        heights: Heights of the same pixels [m], where given.
        corner: Column and row of the core's upper left pixel.
    """
    parts = np.asarray(label(canopy)[0], dtype=np.int32)
    flat, sure = parts.ravel(), confidence.ravel()
    known = sure != NO_DATA
    sums = np.bincount(flat[known], sure[known], parts.max() + 1)
    counts = np.bincount(flat[known], minlength=parts.max() + 1)
    tops = None
    if heights is not None:
        tops = np.zeros(parts.max() + 1)
        np.maximum.at(tops, flat, heights.ravel())
    place = Affine.translation(*corner)
    for outline, value in shapes(parts, mask=canopy, connectivity=4, transform=place):
        number = int(value)
        height_m = None if tops is None else float(tops[number])
        polygon = shapely.geometry.shape(outline)
        yield Piece(polygon, int(sums[number]), int(counts[number]), height_m)


def unite(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """Unite pieces that lie side by side, from top to bottom.

    Args:
        pieces: Those of all cores.
    """
    if not pieces:
        return
    united = shapely.union_all([one.polygon for one in pieces])
    whole = sorted(shapely.get_parts(united), key=lambda one: one.bounds[1::-1])
    tree = shapely.STRtree(whole)
    inside = tree.query([one.polygon.representative_point() for one in pieces], "intersects")
    for number, polygon in enumerate(whole):
        held = [pieces[one] for one in inside[0][inside[1] == number]]
        tops = [one.height_m for one in held if one.height_m is not None]
        yield Piece(
            polygon,
            sum(one.sure for one in held),
            sum(one.known for one in held),
            max(tops, default=None),
        )
