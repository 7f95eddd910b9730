"""Crowns of trees: from heights above ground where given, else from the shape of the green."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import shapely
from numpy.typing import NDArray
from pydantic import Field
from rasterio.features import shapes
from shapely import Polygon, affinity
from shapely.geometry import shape

from apps.aviary.finds.joining import FoundObject
from apps.aviary.surfaces.canopies import Piece, cut_pieces, unite, wider_than
from apps.aviary.surfaces.class_map import Box, ClassMap, Codes, Planes
from apps.aviary.surfaces.crowns import (
    Labels,
    Mask,
    Parting,
    Surface,
    find_crowns,
    radius_surface,
    without_hedges,
)
from apps.aviary.surfaces.heights import Heights, open_heights
from apps.aviary.surfaces.settings import Classes, MethodSettings, Metres, Share, SquareMetres
from shared.geo.nodata import NO_DATA
from shared.geo.polygons import largest_part


class TreeSettings(MethodSettings):
    """How crowns are told apart.

    Args:
        classes: Codes of trees and shrubs.
        least_m2: Least area of a crown [m2].
        least_radius_m: A crown holds a circle of this radius; hedges do not [m].
        largest_m: No crown is wider, and what is wider is a canopy of several; windows overlap by
            as much [m].
        smoothing_m: Standard deviation of the filter before tops are looked for [m].
        saddle_share: See `Parting`, of the distance to the edge of the green.
        saddle_rise_m: See `Parting`, of heights [m].
        least_height_m: Least height of a tree where heights are given [m].
        tolerance_m: Largest deviation when outlines are simplified [m].
    """

    classes: Classes
    least_m2: SquareMetres
    least_radius_m: Metres
    largest_m: Annotated[float, Field(gt=0, le=60)]
    smoothing_m: Metres
    saddle_share: Share
    saddle_rise_m: Metres
    least_height_m: Metres
    tolerance_m: Metres


def find_trees(
    ground: ClassMap, settings: TreeSettings, inputs: Mapping[str, Path]
) -> Iterator[FoundObject]:
    """See `Derivation.derive`."""
    with ExitStack() as stack:
        planes = stack.enter_context(ground.open())
        ndsm = inputs.get("ndsm")
        heights = None if ndsm is None else stack.enter_context(open_heights(ndsm, ground.info))
        finder = _Finder(ground, planes, heights, settings)
        for core in _cores(planes.size, ground.window_px):
            yield from finder.find(core)
        yield from finder.canopies()


def _cores(size: tuple[int, int], side_px: int) -> Iterator[Box]:
    width, height = size
    for y0 in range(0, height, side_px):
        for x0 in range(0, width, side_px):
            yield x0, y0, min(x0 + side_px, width), min(y0 + side_px, height)


@dataclass(frozen=True, slots=True)
class _Finder:
    ground: ClassMap
    planes: Planes
    heights: Heights | None
    settings: TreeSettings
    pieces: list[Piece] = field(default_factory=list)

    def find(self, core: Box) -> Iterator[FoundObject]:
        """Find the crowns whose first pixel in reading order lies in a core; keep its canopies."""
        window = self._around(core)
        green = np.isin(self.planes.codes(window), self.settings.classes)
        trees = without_hedges(green, self.settings.least_radius_m / self.ground.gsd_m)
        if not trees.any():
            return
        heights = None if self.heights is None else self.heights.read(window)
        labels = self._labels(trees, heights)
        confidence = self.planes.confidence(window)
        crowns = _Crowns.measured(labels, heights, confidence)
        trees = crowns.pixels * self.ground.pixel_m2 >= self.settings.least_m2
        if crowns.heights_m is not None:
            trees &= crowns.heights_m >= self.settings.least_height_m
        wide = wider_than(labels, len(crowns.pixels), self.margin_px)
        # How large and high a canopy is shows only once it is whole.
        self._keep_pieces(wide[labels], confidence, heights, (core, window))
        wanted = trees & ~wide & _first_inside(labels, len(crowns.pixels), core, window)
        for number, outline in _outlines(labels, wanted):
            polygon = self._placed(outline, window)
            score, figures = float(crowns.scores[number]), crowns.figures(number, self.ground)
            yield from self.ground.found("tree", polygon, score, figures=figures)

    def canopies(self) -> Iterator[FoundObject]:
        """Give what is wider than a crown, once all cores were looked at."""
        least_px = self.ground.to_pixels(self.settings.least_m2)
        for one in unite(self.pieces):
            is_low = one.height_m is not None and one.height_m < self.settings.least_height_m
            if is_low or one.polygon.area < least_px:
                continue
            figures = _height(one.height_m)  # of a wood there is no diameter of a crown
            for polygon in self._that_counts(self._simplified(one.polygon)):
                yield from self.ground.found("canopy", polygon, one.score, figures=figures)

    def _that_counts(self, canopy: Polygon) -> list[Polygon]:
        """Cut a canopy at the edge of the area; a wood may go on for kilometres beyond."""
        area, least_px = self.ground.area_px, self.ground.to_pixels(self.settings.least_m2)
        if area is None:
            return [canopy]
        parts = shapely.get_parts(canopy.intersection(area))
        return [one for one in parts if isinstance(one, Polygon) and one.area >= least_px]

    def _keep_pieces(
        self, canopy: Mask, confidence: Codes, heights: Surface | None, where: tuple[Box, Box]
    ) -> None:
        (x0, y0, x1, y1), (left, upper, _, _) = where
        core = slice(y0 - upper, y1 - upper), slice(x0 - left, x1 - left)
        known = None if heights is None else heights[core]
        self.pieces.extend(cut_pieces(canopy[core], confidence[core], known, (x0, y0)))

    @property
    def margin_px(self) -> int:
        """How far a window shows what lies around its core [px]."""
        return round(self.settings.largest_m / self.ground.gsd_m)

    def _around(self, core: Box) -> Box:
        margin_px = self.margin_px
        (x0, y0, x1, y1), (width, height) = core, self.planes.size
        low = max(0, x0 - margin_px), max(0, y0 - margin_px)
        return (*low, min(width, x1 + margin_px), min(height, y1 + margin_px))

    def _labels(self, trees: Mask, heights: Surface | None) -> Labels:
        settings, smoothing_px = self.settings, self.settings.smoothing_m / self.ground.gsd_m
        if heights is None:
            radius = radius_surface(trees) * self.ground.gsd_m
            return find_crowns(trees, radius, smoothing_px, Parting(settings.saddle_share, 0.0))
        return find_crowns(trees, heights, smoothing_px, Parting(0.0, settings.saddle_rise_m))

    def _placed(self, outline: Polygon, window: Box) -> Polygon:
        return self._simplified(affinity.translate(outline, window[0], window[1]))

    def _simplified(self, placed: Polygon) -> Polygon:
        tolerance_px = self.settings.tolerance_m / self.ground.gsd_m
        return largest_part(placed.simplify(tolerance_px)) or placed


@dataclass(frozen=True, slots=True)
class _Crowns:
    """What is known about crowns by their number; 0 is no crown.

    Args:
        pixels: Pixels of each.
        scores: Mean confidence of each, 0 to 1.
        heights_m: Height of each [m]; None where no heights are given.
    """

    pixels: NDArray[np.int64]
    scores: NDArray[np.float64]
    heights_m: NDArray[np.float64] | None

    @classmethod
    def measured(cls, labels: Labels, heights: Surface | None, confidence: Codes) -> _Crowns:
        """Measure the crowns of a window."""
        flat, sure = labels.ravel(), confidence.ravel()
        pixels = np.bincount(flat)
        known = sure != NO_DATA
        sums, counts = (
            np.bincount(flat[known], weights, len(pixels)) for weights in (sure[known], None)
        )
        tops = None
        if heights is not None:
            tops = np.zeros(len(pixels))
            np.maximum.at(tops, flat, heights.ravel())
        return cls(pixels, sums / np.maximum(1, counts) / 100, tops)

    def figures(self, number: int, ground: ClassMap) -> list[tuple[str, float]]:
        """Return what the result tells about one crown."""
        height_m = None if self.heights_m is None else float(self.heights_m[number])
        diameter_m = 2 * math.sqrt(self.pixels[number] * ground.pixel_m2 / math.pi)
        return [("crown_diameter_m", round(diameter_m, 2)), *_height(height_m)]


def _height(height_m: float | None) -> list[tuple[str, float]]:
    return [] if height_m is None else [("height_m", round(height_m, 2))]


def _first_inside(labels: Labels, count: int, core: Box, window: Box) -> Mask:
    """Tell whose first pixel in reading order lies in the core, so that each counts once."""
    first = np.full(count, -1, dtype=np.int64)
    flat = labels.ravel()
    # Of several values for one index the last counts.
    first[flat[::-1]] = np.arange(flat.size)[::-1]
    row, column = np.divmod(first, labels.shape[1])
    row, column = row + window[1], column + window[0]
    x0, y0, x1, y1 = core
    inside = (np.arange(count) > 0) & (x0 <= column) & (column < x1) & (y0 <= row) & (row < y1)
    return np.asarray(inside)


def _outlines(labels: Labels, wanted: Mask) -> Iterator[tuple[int, Polygon]]:
    """Outline crowns in pixels of the window; of one in several parts the largest."""
    parts: dict[int, Polygon] = {}
    for outline, value in shapes(labels, mask=wanted[labels], connectivity=4):
        number, polygon = int(value), Polygon(shape(outline).exterior)
        if number not in parts or polygon.area > parts[number].area:
            parts[number] = polygon
    yield from sorted(parts.items())
