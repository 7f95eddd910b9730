"""Turn class rasters of any size into polygons that fit together without gaps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import shapes
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely import GeometryType, Polygon

from shared.geo.nodata import NO_DATA
from shared.geo.polygons import regularise_rectangle
from shared.geo.raster import Affine
from shared.geo.sieve import Codes, Flags, Labels, label_areas, sieve

Shapes = NDArray[np.object_]
Values = Callable[[int, Codes], Codes]
"""Gives the values of some rows from their first row and their cleaned codes; `NO_DATA` where a
pixel has none."""
JUNCTION_SIDES = 3
ROUNDING = 1e-6
ON_PIXELS: Affine = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
"""Leaves outlines in pixels."""


@dataclass(frozen=True, slots=True)
class OutlineOptions:
    """How outlines are made.

    Args:
        classes: Codes that get outlines; all others count as no-data.
        least_m2: Smaller areas join the class around them [m2].
        hole_m2: Gaps of no-data up to this size are closed where one class surrounds them [m2].
        tolerance_m: Corners that enclose a triangle of less than the square of this are dropped
            (Visvalingam, Whyatt 1993, doi:10.1179/000870493786962263) [m]; 0 keeps every step.

    Raises:
        ValueError: A size is negative or no number.
    """

    classes: Sequence[int] = tuple(range(10))
    least_m2: float = 2.0
    hole_m2: float = 0.0
    tolerance_m: float = 0.3

    def __post_init__(self) -> None:
        sizes = (self.least_m2, self.hole_m2, self.tolerance_m)
        if not all(0 <= one < math.inf for one in sizes):
            message = f"{sizes} are no sizes"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class ClassPolygon:
    """A connected area of one class.

    Args:
        code: Its class.
        polygon: Outline in map coordinates.
        pixels: Pixels it was made of, before its outline was simplified.
        mean: Mean value of these pixels; None where none has a value, or none were asked for.
    """

    code: int
    polygon: Polygon
    pixels: int
    mean: float | None = None


def polygonise(
    strips: Iterable[Codes],
    transform: Affine,
    options: OutlineOptions | None = None,
    values: Values | None = None,
) -> Iterator[ClassPolygon]:
    """Outline the connected areas of a class raster.

    Each strip is outlined by itself, with no-data as one more class, and simplified as a coverage:
    what two areas share is simplified once, so neighbours fit together without gap or overlap.
    Corners on the seam between two strips stay, and what belongs together is united there: no
    polygon ends at a seam. Held in memory are the pixels of about two strips (more where small
    areas may be larger than a strip is high) and the outlines of areas that still go on.

    Args:
        strips: Rows of the raster from top to bottom, uint8 of one width.
        transform: Pixel to map coordinates, see `RasterInfo`.
        options: How outlines are made.
        values: Gives another raster of the same pixels, of which each area gets the mean.

    Yields:
        Polygons, each when its last strip is done; of one strip by their first pixel in reading
        order.

    Raises:
        ValueError: There is no strip, one is empty, they differ in width, or the transform leads
            nowhere.
    """
    options = options or OutlineOptions()
    a, b, _, d, e, _ = transform
    pixel_m2 = abs(a * e - b * d)
    if not (np.isfinite(transform).all() and pixel_m2 > 0):
        message = f"{transform} leads nowhere"
        raise ValueError(message)
    least_px = math.ceil(options.least_m2 / pixel_m2 - ROUNDING)
    hole_px = math.floor(options.hole_m2 / pixel_m2 + ROUNDING)
    tolerance_px = options.tolerance_m / math.sqrt(pixel_m2)
    cleaned = sieve(_prepared(strips, options.classes), least_px, hole_px)
    before, strip, seams = None, next(cleaned), _Seams()
    for after in cleaned:
        areas = _outline(strip, (before, after[0]), tolerance_px, seams.rows, values)
        yield from _placed(seams.add(areas, is_last=False), transform)
        before, strip = strip[-1], after
    areas = _outline(strip, (before, None), tolerance_px, seams.rows, values)
    yield from _placed(seams.add(areas, is_last=True), transform)


def regularise_rectangles(polygons: Sequence[Polygon], min_iou: float) -> list[Polygon]:
    """Replace the outlines of nearly rectangular things, such as solar arrays, by rectangles.

    Args:
        polygons: Outlines.
        min_iou: Least IoU of an outline and its rectangle, 0 to 1.
    """
    return [regularise_rectangle(polygon, min_iou) for polygon in polygons]


@dataclass(frozen=True, slots=True)
class _Areas:
    """The areas of one strip; index is the number of the area.

    Args:
        top: Number of the area of each pixel of the first row.
        bottom: The same of the last row.
        codes: Class of each area.
        pixels: Size of each area [px].
        first: Position of its first pixel in reading order of the whole raster.
        outlines: Outline of each area in pixels of the whole raster.
        rows: Rows of the strip [px].
        told: Pixels with a value of each area [px].
        total: Sum of their values.
    """

    top: Labels
    bottom: Labels
    codes: Codes
    pixels: Labels
    first: Labels
    outlines: Shapes
    rows: int
    told: Labels
    total: NDArray[np.float64]


@dataclass(slots=True)
class _Growing:
    """An area that may go on in the next strip."""

    code: int
    first: int
    pixels: int = 0
    parts: list[Polygon] = field(default_factory=list)
    told: int = 0
    total: float = 0.0


class _Seams:
    """Unite areas that go on from strip to strip."""

    def __init__(self) -> None:
        self.rows = 0
        self._open: list[_Growing] = []
        self._above: Labels | None = None

    def add(self, areas: _Areas, is_last: bool) -> list[_Growing]:
        """Take in a strip and return what ends in it, by first pixel.

        Args:
            areas: The strip's areas.
            is_last: Nothing goes on below.
        """
        members = self._members(areas)
        groups: dict[int, _Growing] = {}
        for member, old in zip(members.tolist(), self._open, strict=False):
            _join(groups, member, old)
        fresh = members[len(self._open) :].tolist()
        for number in np.flatnonzero(areas.codes != NO_DATA).tolist():
            outline = areas.outlines[number]
            new = _Growing(
                int(areas.codes[number]),
                int(areas.first[number]),
                int(areas.pixels[number]),
                [outline],
                int(areas.told[number]),
                float(areas.total[number]),
            )
            _join(groups, fresh[number], new)
        below = np.where(
            areas.codes[areas.bottom] == NO_DATA, -1, members[len(self._open) + areas.bottom]
        )
        lasting, column = np.unique(below, return_inverse=True)
        going_on = [] if is_last else [one for one in lasting.tolist() if one >= 0]
        self._open = [groups.pop(one) for one in going_on]
        self._above = column - int(lasting[0] < 0)
        self.rows += areas.rows
        return sorted(groups.values(), key=lambda one: one.first)

    def _members(self, areas: _Areas) -> Labels:
        """Return the group of each open area and then of each new one."""
        old, size = len(self._open), len(self._open) + len(areas.codes)
        if self._above is None or not old:
            return np.arange(size)
        of_open = np.array([one.code for one in self._open] + [NO_DATA])
        same = (of_open[self._above] == areas.codes[areas.top]) & (self._above >= 0)
        pairs = (self._above[same], areas.top[same] + old)
        graph = coo_array((np.ones(len(pairs[0])), pairs), shape=(size, size))
        return np.asarray(connected_components(graph, directed=False)[1])


def _join(groups: dict[int, _Growing], member: int, area: _Growing) -> None:
    group = groups.setdefault(member, _Growing(area.code, area.first))
    group.first = min(group.first, area.first)
    group.pixels += area.pixels
    group.told += area.told
    group.total += area.total
    group.parts += area.parts


def _prepared(strips: Iterable[Codes], classes: Sequence[int]) -> Iterator[Codes]:
    table = np.full(256, NO_DATA, dtype=np.uint8)
    table[list(classes)] = list(classes)
    width = 0
    for strip in strips:
        width = width or strip.shape[1]
        if not strip.size or strip.shape[1] != width:
            message = f"a strip of {strip.shape} does not fit a raster {width} px wide"
            raise ValueError(message)
        yield table[strip]
    if not width:
        message = "there is no strip"
        raise ValueError(message)


def _placed(areas: Iterable[_Growing], transform: Affine) -> Iterator[ClassPolygon]:
    a, b, c, d, e, f = transform
    for area in areas:
        outline = area.parts[0] if len(area.parts) == 1 else shapely.coverage_union_all(area.parts)
        placed = outline
        if transform != ON_PIXELS:
            placed = shapely.transform(outline, lambda points: points @ [[a, d], [b, e]] + (c, f))
        for part in shapely.get_parts(placed):
            mean = area.total / area.told if area.told else None
            yield ClassPolygon(area.code, part, area.pixels, mean)


def _outline(
    codes: Codes,
    beside: tuple[Codes | None, Codes | None],
    tolerance_px: float,
    y0: int,
    values: Values | None,
) -> _Areas:
    """Outline the areas of a strip.

    Args:
        codes: The strip.
        beside: The rows above and below it.
        tolerance_px: See `OutlineOptions` [px].
        y0: First row of the strip in the whole raster.
        values: See `polygonise`.
    """
    labels, first = label_areas(codes)
    of_area = codes.ravel()[first]
    outlines = np.empty(len(of_area), dtype=object)
    if (of_area != NO_DATA).any():
        outlines = _trace(labels, _junctions(codes, beside))
        if tolerance_px > 0:
            outlines = shapely.coverage_simplify(outlines, tolerance_px, simplify_boundary=False)
        outlines = shapely.transform(outlines, lambda points: points + np.array([0.0, y0]))
    told = np.full_like(codes, NO_DATA) if values is None else values(y0, codes)
    known = told != NO_DATA
    return _Areas(
        top=labels[0],
        bottom=labels[-1],
        codes=of_area,
        pixels=np.bincount(labels.ravel()),
        first=first + y0 * codes.shape[1],
        outlines=outlines,
        rows=len(codes),
        told=np.bincount(labels[known], minlength=len(of_area)),
        total=np.bincount(labels[known], told[known], len(of_area)).astype(np.float64),
    )


def _junctions(codes: Codes, beside: tuple[Codes | None, Codes | None]) -> Flags:
    """Find the corners of pixels where three or more areas meet.

    On the seams a corner also counts where the neighbouring strip changes its class.

    Returns:
        Flags of shape (rows + 1, columns + 1).
    """
    padded = np.full((codes.shape[0] + 2, codes.shape[1] + 2), -1, dtype=np.int16)
    padded[1:-1, 1:-1] = codes
    upright = padded[:, 1:] != padded[:, :-1]
    level = padded[1:] != padded[:-1]
    sides = upright[1:].astype(np.uint8)
    for other in (upright[:-1], level[:, 1:], level[:, :-1]):
        sides += other
    junctions = sides >= JUNCTION_SIDES
    for row, neighbour in zip((0, -1), beside, strict=True):
        if neighbour is not None:
            junctions[row, 1:-1] |= neighbour[1:] != neighbour[:-1]
    return np.asarray(junctions)


def _trace(labels: Labels, junctions: Flags) -> Shapes:
    """Outline numbered areas with a corner at every junction, so that neighbours share corners."""
    rings: list[list[tuple[float, float]]] = []
    owners: list[int] = []
    for shape, value in shapes(labels.astype(np.int32), connectivity=4):
        rings += shape["coordinates"]
        owners += [int(value)] * len(shape["coordinates"])
    lengths = np.array([len(ring) for ring in rings])
    corners = np.concatenate([np.array(ring, dtype=np.int32) for ring in rings])
    order = np.argsort(np.array(owners), kind="stable")
    coordinates, ends = _with_junctions(corners, lengths, junctions)
    pieces = np.split(coordinates, ends[:-1])
    ordered = [pieces[number] for number in order.tolist()]
    offsets = np.cumsum([0, *(len(piece) for piece in ordered)])
    polygons = np.cumsum([0, *np.bincount(owners)])
    return np.asarray(
        shapely.from_ragged_array(
            GeometryType.POLYGON, np.concatenate(ordered).astype(float), (offsets, polygons)
        )
    )


def _with_junctions(
    corners: NDArray[np.int32], lengths: Labels, junctions: Flags
) -> tuple[NDArray[np.int32], Labels]:
    """Insert junctions into the straight sides of closed rings.

    Args:
        corners: x and y of all rings, one after the other.
        lengths: Corners of each ring, the first one counted twice.
        junctions: Flags of corners of pixels.

    Returns:
        x and y of all rings with their junctions, and where each ring ends.
    """
    ring = np.repeat(np.arange(len(lengths)), lengths)
    inner = ring[1:] == ring[:-1]
    start = corners[:-1][inner]
    way = corners[1:][inner] - start
    steps = np.abs(way).sum(axis=1)
    side = np.repeat(np.arange(len(steps)), steps)
    number = np.arange(len(side)) - np.repeat(np.cumsum(steps) - steps, steps)
    points = start[side] + np.sign(way)[side] * number[:, None].astype(np.int32)
    kept = (number == 0) | junctions[points[:, 1], points[:, 0]]
    counts = np.bincount(ring[:-1][inner][side[kept]], minlength=len(lengths))
    ends = np.cumsum(counts)
    return np.insert(points[kept], ends, points[kept][ends - counts], axis=0), np.cumsum(counts + 1)
