"""True areas of a class map, estimated from points that a person has checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray

from apps.aviary.class_maps.map_file import ClassMap
from shared.geo.metrics import (
    LEAST_POINTS,
    AreaEstimate,
    confusion_shares,
    estimate_areas,
)
from shared.geo.sampling import SamplePoint, share_points, stratified_sample

POINTS = 200
SEED = 1
UNCLEAR = "Unklar"
"""No key of a class, whatever a recipe of others calls its classes: those have no capitals."""
STRIP_ROWS = 512

Codes = NDArray[np.uint8]


def point_key(point: SamplePoint) -> str:
    """Return the name under which a decision about a point is kept."""
    return f"p-{point.column}-{point.row}"


def draw_points(
    codes: Path, pixels: Mapping[int, int], points: int = POINTS, seed: int = SEED
) -> tuple[SamplePoint, ...]:
    """Draw points of a class map at random, every class by its share but none with too few.

    Args:
        codes: Raster of the codes; it is read in strips.
        pixels: Pixels of each class.
        points: Number of points wanted; the small classes come on top.
        seed: The same seed draws the same points.

    Raises:
        ValueError: The raster holds other numbers of pixels, or the map is empty.
        rasterio.errors.RasterioIOError: The raster cannot be read.
    """
    known = {code: count for code, count in pixels.items() if count}
    shares = share_points(known, points)
    return stratified_sample(_strips(codes), known, shares, seed)


def _strips(codes: Path) -> Iterator[tuple[int, Codes]]:
    with rasterio.open(codes) as raster:
        for first in range(0, raster.height, STRIP_ROWS):
            rows = min(STRIP_ROWS, raster.height - first)
            window = rasterio.windows.Window(0, first, raster.width, rows)
            yield first, raster.read(1, window=window)


@dataclass(frozen=True, slots=True)
class ClassRow:
    """What is known about the area of one class.

    Args:
        key: The class.
        mapped_m2: What the map shows [m2].
        points: Its points with a clear decision.
        correct: Those of them where the map is right.
        estimate: Its true area; None while too few points are checked.
    """

    key: str
    mapped_m2: float
    points: int
    correct: int
    estimate: AreaEstimate | None


@dataclass(frozen=True, slots=True)
class Sample:
    """Checked points of a class map.

    Args:
        rows: Every class of the recipe.
        shares: Shares of the mapped area, rows mapped, columns true, both as `rows`; None while too
            few points are checked.
        drawn: Points that were drawn.
        checked: Points with a decision.
        unclear: Those of them whose class nobody can say.
        lacking: Keys of classes that need more points.
    """

    rows: tuple[ClassRow, ...]
    shares: NDArray[np.float64] | None
    drawn: int
    checked: int
    unclear: int
    lacking: tuple[str, ...]

    @property
    def accuracy(self) -> float | None:
        """Share of the map that is right, 0 to 1."""
        return None if self.shares is None else float(np.trace(self.shares))


def evaluate_points(
    content: ClassMap, points: Sequence[SamplePoint], truths: Mapping[str, str]
) -> Sample:
    """Correct the areas of a class map by what a person has seen at its points.

    A class with a single pixel can never have two points: that pixel is taken as it is mapped.

    Args:
        content: The class map.
        points: What was drawn, in random order; only the beginning up to the first point without a
            decision is a random sample and counts.
        truths: What was decided, by `point_key`: key of a class, or `UNCLEAR`.
    """
    classes = content.recipe.classes
    confusion, checked, unclear = _count(content, points, truths)
    mapped = [content.area_m2[one.key] for one in classes]
    strata = [
        content.area_m2[one.key] if content.totals.pixels.get(one.code, 0) >= LEAST_POINTS else 0.0
        for one in classes
    ]
    counts = confusion.sum(axis=1)
    lacking = tuple(
        one.key
        for one, area, count in zip(classes, strata, counts, strict=True)
        if area > 0 and count < LEAST_POINTS
    )
    can_tell = not lacking and sum(strata) > 0
    estimates: Sequence[AreaEstimate | None] = [None] * len(classes)
    if can_tell:
        whole_m2 = sum(mapped)
        estimates = [
            replace(
                told,
                area_m2=told.area_m2 + area - told.mapped_m2,
                mapped_m2=area,
                whole_m2=whole_m2,
            )
            for told, area in zip(estimate_areas(confusion, strata), mapped, strict=True)
        ]
    rows = tuple(
        ClassRow(one.key, mapped[place], int(counts[place]), int(confusion[place, place]), told)
        for place, (one, told) in enumerate(zip(classes, estimates, strict=True))
    )
    shares = confusion_shares(confusion, strata) if can_tell else None
    return Sample(rows, shares, len(points), checked, unclear, lacking)


def _count(
    content: ClassMap, points: Sequence[SamplePoint], truths: Mapping[str, str]
) -> tuple[NDArray[np.int64], int, int]:
    """Return clear decisions, rows mapped, columns true; all decisions; and the unclear ones."""
    classes = content.recipe.classes
    by_key = {one.key: place for place, one in enumerate(classes)}
    by_code = {one.code: place for place, one in enumerate(classes)}
    confusion = np.zeros((len(classes), len(classes)), dtype=np.int64)
    checked = 0
    for point in points:
        truth = truths.get(point_key(point))
        if truth is None:
            break
        checked += 1
        if truth in by_key:
            confusion[by_code[point.code], by_key[truth]] += 1
    return confusion, checked, checked - int(confusion.sum())


def sample_facts(
    content: ClassMap, points: Sequence[SamplePoint], truths: Mapping[str, str], sample: Sample
) -> dict[str, object]:
    """Return all checked points and the areas as plain values for a file.

    Args:
        content: The class map.
        points: What was drawn, in random order.
        truths: What was decided, by `point_key`.
        sample: What follows from it.
    """
    keys = {one.code: one.key for one in content.recipe.classes}
    return {
        "method": "Olofsson et al. 2014, doi:10.1016/j.rse.2014.02.015",
        "seed": SEED,
        "points": [
            {
                "x": one.column,
                "y": one.row,
                "mapped": keys[one.code],
                "true": truths[point_key(one)],
            }
            for one in points[: sample.checked]
        ],
        "drawn": sample.drawn,
        "unclear": sample.unclear,
        "accuracy": sample.accuracy,
        "area_m2": {
            row.key: {
                "mapped": round(row.mapped_m2, 2),
                "corrected": None if row.estimate is None else round(row.estimate.area_m2, 2),
                "interval_95": None
                if row.estimate is None
                else [round(end, 2) for end in row.estimate.interval_m2],
            }
            for row in sample.rows
        },
    }
