"""Cut an image into overlapping tiles that cover every pixel, and join what they say."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_WAITING = 64
STRIP_ROWS = 128
MARGIN_WEIGHT = 1e-6
LARGEST_VALUE = 1e38
"""Differences of larger values are no float32; no model says such a thing."""

Values = NDArray[np.float32]


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """One tile on the pixel grid of the (resampled) image.

    Args:
        tile_id: Position in reading order, from 0.
        x0: Left edge [px].
        y0: Upper edge [px].
        width: Columns [px].
        height: Rows [px].
    """

    tile_id: int
    x0: int
    y0: int
    width: int
    height: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, upper, right and lower edge [px]."""
        return self.x0, self.y0, self.x0 + self.width, self.y0 + self.height

    def inner_edges(self, width: int, height: int) -> tuple[bool, bool, bool, bool]:
        """Tell which edges lie inside the image, so that objects may go on behind them.

        Args:
            width: Columns of the whole image [px].
            height: Rows of the whole image [px].

        Returns:
            True for left, upper, right and lower where another tile follows.
        """
        left, upper, right, lower = self.box
        return left > 0, upper > 0, right < width, lower < height


def tile_origins(length: int, tile_px: int, overlap_px: int) -> list[int]:
    """Place tiles along one axis; the last one ends exactly at the edge.

    Args:
        length: Length of the axis [px], at least 1.
        tile_px: Length of a tile [px].
        overlap_px: Least overlap of neighbours [px], 0 to tile_px - 1.

    Raises:
        ValueError: An argument is out of range.
    """
    if length < 1 or tile_px < 1 or not 0 <= overlap_px < tile_px:
        message = f"cannot tile {length} px by {tile_px} px with {overlap_px} px overlap"
        raise ValueError(message)
    if length <= tile_px:
        return [0]
    step = tile_px - overlap_px
    return [*range(0, length - tile_px, step), length - tile_px]


def plan_tiles(
    width: int, height: int, tile_px: int, overlap_px: int, *, step_px: int = 1
) -> tuple[Tile, ...]:
    """Cover an image with tiles in reading order.

    Tiles have the full size wherever the image allows it; the last column and row are moved back
    to the edge, so no tile needs padding and neighbours share at least `overlap_px`. With a step,
    every edge is a multiple of it, and the last tiles may reach less than a step beyond the image.

    Args:
        width: Columns of the image [px].
        height: Rows of the image [px].
        tile_px: Side of a tile [px], a multiple of the step.
        overlap_px: Least overlap of neighbours [px], a multiple of the step.
        step_px: Edges lie on multiples of this [px]: the stride of a model that answers in cells.

    Raises:
        ValueError: An argument is out of range.
    """
    if step_px < 1 or tile_px % step_px or overlap_px % step_px:
        message = f"{tile_px} px and {overlap_px} px are no multiples of {step_px} px"
        raise ValueError(message)
    columns, rows = (-(-length // step_px) * step_px for length in (width, height))
    corners = [
        (x0, y0)
        for y0 in tile_origins(rows, tile_px, overlap_px)
        for x0 in tile_origins(columns, tile_px, overlap_px)
    ]
    return tuple(
        Tile(tile_id, x0, y0, min(tile_px, columns), min(tile_px, rows))
        for tile_id, (x0, y0) in enumerate(corners)
    )


def coarse_plan(plan: Sequence[Tile], stride_px: int) -> tuple[Tile, ...]:
    """Return the same tiles counted in cells instead of pixels.

    Args:
        plan: Tiles of `plan_tiles` with a step that is a multiple of the stride.
        stride_px: Side of a cell [px].

    Raises:
        ValueError: An edge lies inside a cell.
    """
    if any(edge % stride_px for tile in plan for edge in tile.box):
        message = f"a tile does not end on cells of {stride_px} px"
        raise ValueError(message)
    return tuple(
        Tile(tile.tile_id, *(n // stride_px for n in (tile.x0, tile.y0, tile.width, tile.height)))
        for tile in plan
    )


@dataclass(frozen=True, slots=True)
class Strip:
    """Finished rows of a joined image.

    Args:
        y0: First row [px].
        values: float32 of shape (channels, rows, columns).
        covered: False where every tile failed, shape (rows, columns); values are 0 there.
    """

    y0: int
    values: Values
    covered: NDArray[np.bool_]


def blend(
    results: Iterable[tuple[Tile, Values | None]],
    plan: Sequence[Tile],
    channels: int,
    *,
    margin_px: int = 0,
    most_waiting: int = MOST_WAITING,
) -> Iterator[Strip]:
    """Join overlapping tiles to rows of the whole image, with soft edges.

    Each pixel is the mean of all tiles that show it, weighted by a Hann window in both
    directions: what a model says at the edge of its view counts least. The mean is kept up tile
    by tile, so tiles that agree give exactly their common value. Held in memory are the rows of
    one tile over the whole width, and the tiles that came before their turn; the order in which
    tiles come changes no bit of the result.

    Args:
        results: Each tile of the plan once, with finite float values of shape (channels, height,
            width); None where the tile failed.
        plan: The tiles in reading order, as `plan_tiles` gives them.
        channels: Number of channels.
        margin_px: How far the model looks [px]. What a tile says so near to its edge counts only
            where no other tile shows the pixel; twice the margin must fit into the overlap.
        most_waiting: Most tiles that may come before their turn and wait.

    Yields:
        Strips of at most `STRIP_ROWS` rows from top to bottom, without gap.

    Raises:
        ValueError: A tile comes twice, is none of the plan, has another shape or values that are
            not finite, comes too early, or is missing at the end; or the plan is empty.
    """
    if not plan or channels < 1 or margin_px < 0:
        message = "there is nothing to join"
        raise ValueError(message)
    joined = _JoinedRows(plan, channels, margin_px)
    waiting: dict[int, tuple[Tile, Values | None]] = {}
    turn = 0
    for tile, values in results:
        number = tile.tile_id
        if not turn <= number < len(plan) or number in waiting or plan[number] != tile:
            message = f"tile {tile} comes twice or is none of the plan"
            raise ValueError(message)
        waiting[number] = tile, values
        while turn in waiting:
            next_tile, next_values = waiting.pop(turn)
            yield from joined.finish(next_tile.y0)
            joined.add(next_tile, next_values)
            turn += 1
        if len(waiting) > most_waiting:
            message = f"{len(waiting)} tiles came before tile {turn}"
            raise ValueError(message)
    if turn < len(plan):
        message = f"tile {turn} is missing"
        raise ValueError(message)
    yield from joined.finish(joined.height)


def most_likely(strip: Strip, no_data: int) -> NDArray[np.uint8]:
    """Return the channel with the largest value per pixel; of equal ones the first.

    Args:
        strip: Finished rows.
        no_data: Code where every tile failed.

    Returns:
        Codes of shape (rows, columns).
    """
    best = strip.values[0].copy()
    codes = np.zeros(best.shape, dtype=np.uint8)
    for code, values in enumerate(strip.values[1:], start=1):
        larger = values > best
        codes[larger] = code
        np.copyto(best, values, where=larger)
    codes[~strip.covered] = no_data
    return codes


class _JoinedRows:
    """The rows that are not finished yet, as a window that moves down the image."""

    def __init__(self, plan: Sequence[Tile], channels: int, margin_px: int) -> None:
        self.height = max(tile.y0 + tile.height for tile in plan)
        rows = max(tile.height for tile in plan)
        width = max(tile.x0 + tile.width for tile in plan)
        self._channels = channels
        self._margin_px = margin_px
        self._mean = np.zeros((channels, rows, width), dtype=np.float32)
        self._weight = np.zeros((rows, width), dtype=np.float32)
        self._windows: dict[tuple[int, int], Values] = {}
        self._y0 = 0

    def add(self, tile: Tile, values: Values | None) -> None:
        """Take a tile into the mean of its pixels."""
        if values is None:
            return
        if values.shape != (self._channels, tile.height, tile.width):
            message = f"values of shape {values.shape} do not fill tile {tile}"
            raise ValueError(message)
        if not (values.min() >= -LARGEST_VALUE and values.max() <= LARGEST_VALUE):
            message = f"values of tile {tile} are not finite"
            raise ValueError(message)
        window = self._window(tile)
        rows = slice(tile.y0 - self._y0, tile.y0 - self._y0 + tile.height)
        columns = slice(tile.x0, tile.x0 + tile.width)
        weight = self._weight[rows, columns]
        weight += window
        share = window / weight
        for mean, value in zip(self._mean[:, rows, columns], values, strict=True):
            mean += share * (value - mean)

    def _window(self, tile: Tile) -> Values:
        size = tile.height, tile.width
        if size not in self._windows:
            self._windows[size] = np.outer(*(_hann(side, self._margin_px) for side in size))
        return self._windows[size]

    def finish(self, y1: int) -> Iterator[Strip]:
        """Hand out the rows above a row and move on."""
        done = y1 - self._y0
        if done <= 0:
            return
        for first in range(0, done, STRIP_ROWS):
            rows = slice(first, min(first + STRIP_ROWS, done))
            yield Strip(self._y0 + first, self._mean[:, rows].copy(), self._weight[rows] > 0)
        kept = self._weight.shape[0] - done
        for held in (*self._mean, self._weight):
            held[:kept] = held[done:]
            held[kept:] = 0
        self._y0 = y1


def _hann(length: int, margin_px: int) -> Values:
    """Return the Hann window at the centres of pixels, with a margin; it is nowhere 0."""
    angles = (np.arange(length) + 0.5) * (math.pi / length)
    window = np.sin(angles) ** 2
    from_edge = np.minimum(np.arange(length), np.arange(length)[::-1])
    window[from_edge < margin_px] *= MARGIN_WEIGHT
    return np.asarray(window, dtype=np.float32)
