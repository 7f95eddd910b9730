"""Class maps: what a model says about the cells of each tile, joined to the pixels of the image."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from shared.geo.enlarge import ClassStrip, classify_strips
from shared.geo.nodata import NO_DATA
from shared.geo.tiling import Tile, blend, coarse_plan

FULL = 255
"""A probability of 1 on the wire."""
LEAST_PROBABILITY = 0.5 / FULL
"""What may stand behind a 0 on the wire: half a step."""

Cells = NDArray[np.uint8]
Ratios = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class CellMap:
    """The cells on which a model answers.

    Args:
        codes: Class code of each channel of the model.
        stride: Pixels per side of a cell.
        reach_px: How far a pixel's answer looks [px]; what a tile says nearer to its edge counts
            only where no other tile shows the place.
    """

    codes: tuple[int, ...]
    stride: int
    reach_px: int = 0


@dataclass(frozen=True, slots=True)
class MapGrid:
    """The two grids of a class map.

    Args:
        plan: All tiles on the model's pixels, each edge on a cell.
        grid: Columns and rows of the image on the model's pixels.
        size: Columns and rows of the image itself [px].
    """

    plan: Sequence[Tile]
    grid: tuple[int, int]
    size: tuple[int, int]


def ndvi(near_infrared: NDArray[np.uint8], red: NDArray[np.uint8]) -> Ratios:
    """Return the normalised difference vegetation index, -1 to 1; 0 where both bands are black.

    Rouse et al. 1973, NASA SP-351, page 309.

    Args:
        near_infrared: Any shape.
        red: The same shape.
    """
    high, low = near_infrared.astype(np.float32), red.astype(np.float32)
    total = high + low
    return np.asarray(np.divide(high - low, total, out=np.zeros_like(total), where=total > 0))


def cell_means(values: Ratios, valid: Mask, stride: int) -> Ratios:
    """Return the mean of the valid pixels of each cell; 0 where a cell has none.

    Args:
        values: Shape (height, width), both multiples of the stride.
        valid: Which pixels count, same shape.
        stride: Pixels per side of a cell.
    """
    rows, columns = values.shape[0] // stride, values.shape[1] // stride
    shape = (rows, stride, columns, stride)
    count = valid.reshape(shape).sum(axis=(1, 3), dtype=np.float32)
    total = np.where(valid, values, 0).reshape(shape).sum(axis=(1, 3), dtype=np.float32)
    return np.asarray(total / np.maximum(count, 1), dtype=np.float32)


def fuse(cells: Cells, index: Ratios, terms: Sequence[tuple[float, float] | None]) -> Cells:
    """Weigh what a model saw in colours by what near infrared says about vegetation.

    log p' = log p + a + b NDVI for each class that has a term, then divided by the sum.

    Args:
        cells: Probabilities times 255, shape (classes, rows, columns); all 0: nothing known.
        index: NDVI of each cell, -1 to 1.
        terms: a and b of each class; None leaves it as it is.
    """
    known = cells.any(axis=0)
    weighed = np.maximum(cells.astype(np.float32) / FULL, LEAST_PROBABILITY)
    for layer, term in zip(weighed, terms, strict=True):
        if term is not None:
            layer *= np.exp(np.float32(term[0]) + np.float32(term[1]) * index)
    weighed *= FULL / weighed.sum(axis=0)
    return np.asarray(np.where(known, np.rint(weighed), 0), dtype=np.uint8)


def grouped(cells: Cells, codes: Sequence[int], groups: Mapping[int, Sequence[int]]) -> Ratios:
    """Add up the probabilities of the classes that a recipe counts as one.

    Args:
        cells: Probabilities times 255, shape (classes, rows, columns).
        codes: The model's class code of each channel.
        groups: For each code of the recipe the codes of the model in it.

    Returns:
        Probabilities, shape (groups, rows, columns), 0 to 1.

    Raises:
        ValueError: A group names a class that the model has not.
    """
    places = {code: place for place, code in enumerate(codes)}
    missing = {one for group in groups.values() for one in group} - set(places)
    if missing:
        message = f"the model has no classes {sorted(missing)}"
        raise ValueError(message)
    return np.stack(
        [
            cells[[places[one] for one in group]].sum(axis=0, dtype=np.float32) / np.float32(FULL)
            for group in groups.values()
        ]
    )


def classify(
    where: MapGrid,
    results: Iterable[tuple[Tile, Cells | None]],
    cells: CellMap,
    groups: Mapping[int, Sequence[int]],
    valid: Callable[[int, int], Mask],
) -> Iterator[ClassStrip]:
    """Join the answers of all tiles and say for every pixel of the image what lies there.

    Classes that a recipe counts as one are added up before the most probable is chosen: of wood
    40 %, meadow 35 % and field 25 % the ground is green, whatever each alone would say.

    Args:
        where: The grids.
        results: Each tile of the plan once, with probabilities times 255 of shape (classes, rows,
            columns) in cells; None where a tile failed or was not asked.
        cells: The cells of the model.
        groups: For each code of the recipe the codes of the model in it.
        valid: Gives the rows y0 to y1 of the image's data mask.

    Yields:
        Strips from top to bottom, without gap.

    Raises:
        ValueError: An answer has another shape than its tile, or a tile is missing.
    """
    coarse = coarse_plan(where.plan, cells.stride)
    counted = (
        (coarse[tile.tile_id], None if said is None else grouped(said, cells.codes, groups))
        for tile, said in results
    )
    strips = blend(counted, coarse, len(groups), margin_px=-(-cells.reach_px // cells.stride))
    return classify_strips(
        strips,
        codes=tuple(groups),
        grid=where.grid,
        stride=cells.stride,
        size=where.size,
        valid=valid,
    )


@dataclass(slots=True)
class Totals:
    """Pixels of a class map, counted strip by strip.

    Args:
        pixels: Pixels of each class.
        no_data: Pixels that count but about which nothing is known.
        outside: Pixels outside the area that counts.
        confidence: Sum of the confidences of all classified pixels [%].
    """

    pixels: dict[int, int] = field(default_factory=dict)
    no_data: int = 0
    outside: int = 0
    confidence: int = 0

    def add(self, strip: ClassStrip, inside: Mask) -> None:
        """Count a strip.

        Args:
            strip: Its rows; pixels outside the area hold no class.
            inside: True where the area counts, shape (rows, columns).
        """
        counts = np.bincount(strip.codes[inside], minlength=NO_DATA + 1)
        for code in np.flatnonzero(counts[:NO_DATA]):
            self.pixels[int(code)] = self.pixels.get(int(code), 0) + int(counts[code])
        self.no_data += int(counts[NO_DATA])
        self.outside += int(inside.size - inside.sum())
        sure = strip.confidence[inside]
        self.confidence += int(sure[sure != NO_DATA].sum(dtype=np.int64))

    @property
    def classified(self) -> int:
        """Pixels that have a class."""
        return sum(self.pixels.values())

    @property
    def mean_confidence(self) -> float | None:
        """Mean confidence of the classified pixels, 0 to 1; None without any."""
        return self.confidence / (100 * self.classified) if self.classified else None
