"""Render a chunk of a town: heights, light, colours and labels at the same pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.demo_city import light
from shared.demo_city.crowns import EDGE, stamp_crowns
from shared.demo_city.foliage import Foliage, Leaves
from shared.demo_city.grid import Pixels
from shared.demo_city.index_raster import index_raster
from shared.demo_city.labels import FINE, LABELS, NO_DATA
from shared.demo_city.looks import Looks, looks_of
from shared.demo_city.noise import PER_SIGMA
from shared.demo_city.painting import Painting
from shared.demo_city.texture import Texture
from shared.demo_city.vegetation import Trees
from shared.demo_city.view import View

Plane = NDArray[np.float32]
Index = NDArray[np.int32]
PAD_PX: Final = 8
"""Rendered around a chunk, so that the camera sees beyond its border."""
STRIP_ROWS: Final = 100
"""Rows that are worked on at once; they stay in the cache of the processor."""
COARSE: Final = 2
"""Heights that only throw shadows are known per so many pixels."""
SOFT_PX: Final = 1.2
RIDGE: Final = 0.1
DIRT: Final = 0.16
DIRT_M: Final = 0.5
SNOW: Final = np.array([232.0, 236.0, 241.0, 205.0], np.float32)
TREE: Final = LABELS.index("tree")
FINE_TREE: Final = FINE.index("tree")
WATER: Final = LABELS.index("water")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A rendered chunk before the camera, with at least `PAD_PX` around it.

    Args:
        pixels: Where it lies with what is around it.
        bands: Light of the four bands in digital numbers, rows x columns each.
        height: Height above ground [m].
        labels: Land cover as seen from above.
        ground: Land cover below the crowns.
        fine: Finer cover as seen from above.
        solar: Solar units.
        instances: Numbers of connected arrays.
        lit: How much of the sun reaches the pixel, 0 to 1.
    """

    pixels: Pixels
    bands: list[Plane]
    height: Plane
    labels: NDArray[np.uint8]
    ground: NDArray[np.uint8]
    fine: NDArray[np.uint8]
    solar: NDArray[np.uint8]
    instances: NDArray[np.int32]
    lit: Plane


@dataclass(frozen=True, slots=True)
class Seen:
    """What the pixels of a rectangle show.

    Args:
        chosen: Places in the painting of all that meets the rectangle.
        painted: Which of them each pixel shows, from 1; 0: nothing.
        labelled: The same of those that have a land cover.
    """

    chosen: NDArray[np.int64]
    painted: Index
    labelled: Index


def render_chunk(pixels: Pixels, painting: Painting, trees: Trees, view: View, seed: int) -> Chunk:
    """Render a rectangle and `PAD_PX` around it.

    Args:
        pixels: Where.
        painting: What is painted, leaning as the view wants it.
        trees: The trees of the town, leaning too.
        view: How the flight sees it.
        seed: Seed of the town.
    """
    inner = _even(pixels.grown(PAD_PX))
    seen = _seen(inner, painting)
    height = _heights(inner, painting, seen)
    crowns = stamp_crowns(height, inner, trees, seed)
    looks = looks_of(painting, seen.chosen, inner, view, seed)
    ceiling, around = _sky(inner, painting, trees, height, view, seed)
    texture, foliage = Texture(inner, looks, seed), Foliage(inner, trees, view, seed)
    edges, codes = _edges(inner, seen, looks), _Codes(painting, seen, inner.shape)
    bands = [np.empty(inner.shape, np.float32) for _ in range(4)]
    lit = np.empty(inner.shape, np.float32)
    for rows in _strips(inner):
        # Places of this type need no conversion each time a table is read.
        painted, crown = seen.painted[rows].astype(np.intp), crowns[rows]
        colours = [looks.colour[band].take(painted, mode="clip") for band in range(4)]
        texture.paint(colours, painted, edges[rows], rows)
        leaves = foliage.paint(colours, crown, texture, height, rows)
        if view.snow:
            _snow(colours, texture, rows, view.snow)
        lit[rows] = _lit(height[rows], ceiling[rows], inner.gsd_m)
        facing = looks.facing.take(painted, mode="clip")
        _shine_through(facing, leaves, lit[rows])
        open_sky = _open_sky(height[rows], around[rows])
        for band, colour, sky in zip(bands, colours, light.SKY, strict=True):
            shone = open_sky * (sky / (1 - sky))
            shone += facing
            colour *= 1 - sky
            np.multiply(colour, shone, out=band[rows])
        _mirror([band[rows] for band in bands], painted, crown, looks, texture, lit[rows], rows)
        codes.read(painted, crown, rows)
    return Chunk(
        inner, bands, height, codes.labels, codes.ground, codes.fine, codes.solar,
        codes.instances, lit,
    )  # fmt: skip


def _even(pixels: Pixels) -> Pixels:
    """Return the rectangle grown to whole cells of the coarse heights."""
    column, row = (place // COARSE * COARSE for place in (pixels.column, pixels.row))
    width = -(-(pixels.column + pixels.width - column) // COARSE) * COARSE
    height = -(-(pixels.row + pixels.height - row) // COARSE) * COARSE
    return Pixels(pixels.gsd_m, pixels.size_m, column, row, width, height)


def _strips(pixels: Pixels) -> Iterator[slice]:
    for start in range(0, pixels.height, STRIP_ROWS):
        yield slice(start, min(start + STRIP_ROWS, pixels.height))


def _seen(pixels: Pixels, painting: Painting) -> Seen:
    chosen = np.sort(painting.index.query(pixels.area()))
    areas = pixels.to_pixels(painting.areas[chosen])
    keeps = painting.label[chosen] == NO_DATA
    labelled, above = (
        index_raster(areas[places], places + 1, pixels.shape)
        for places in (np.flatnonzero(~keeps), np.flatnonzero(keeps))
    )
    _close_gaps(labelled)
    # Later areas have higher numbers, so the higher number of the two lies on top.
    return Seen(chosen, np.maximum(labelled, above), labelled)


def _close_gaps(painted: Index) -> None:
    """Give the pixels between two areas that do not quite meet to the later one of the two."""
    rows, columns = np.nonzero(painted[1:-1, 1:-1] == 0)
    rows, columns = rows + 1, columns + 1
    sides = [(painted[rows, columns - 1], painted[rows, columns + 1])]
    sides.append((painted[rows - 1, columns], painted[rows + 1, columns]))
    for one, other in sides:
        between = (one > 0) & (other > 0)
        painted[rows[between], columns[between]] = np.maximum(one, other)[between]


def _raised(pixels: Pixels, painting: Painting) -> Seen:
    """Return what stands above the ground, without modules, which hardly rise above their roof."""
    chosen = np.sort(painting.index.query(pixels.area()))
    chosen = chosen[painting.slope[chosen].any(axis=1) & (painting.solar[chosen] == 0)]
    areas = pixels.to_pixels(painting.areas[chosen])
    painted = index_raster(areas, np.arange(len(areas)) + 1, pixels.shape)
    return Seen(chosen, painted, painted)


def _heights(pixels: Pixels, painting: Painting, seen: Seen) -> Plane:
    """Return heights; on level ground, which is painted first, there is nothing to work out."""
    slope = painting.slope[seen.chosen]
    raised = np.flatnonzero(slope.any(axis=1))
    height = np.zeros(pixels.shape, np.float32)
    if not raised.size:
        return height
    x, y = pixels.centres_m()
    middle_x, middle_y = float(x.mean()), float(y.mean())
    base = slope[:, 2] + slope[:, 0] * middle_x + slope[:, 1] * middle_y
    flat = np.flatnonzero(seen.painted > raised[0])
    row, column = np.divmod(flat.astype(np.int32), np.int32(pixels.width))
    area = seen.painted.ravel()[flat] - 1
    values = base.astype(np.float32).take(area)
    values += slope[:, 0].astype(np.float32).take(area) * (x - np.float32(middle_x)).take(column)
    values += slope[:, 1].astype(np.float32).take(area) * (y - np.float32(middle_y)).take(row)
    height.ravel()[flat] = values
    return height


def _sky(
    pixels: Pixels, painting: Painting, trees: Trees, height: Plane, view: View, seed: int
) -> tuple[Plane, Plane]:
    """Return the height of the shade and the mean height around each pixel.

    Args:
        pixels: The rectangle; an even number of rows and columns.
        painting: What is painted.
        trees: The trees of the town.
        height: Heights within the rectangle [m].
        view: How the flight sees it.
        seed: Seed of the town.
    """
    reach = light.shadow_reach_m(view.sun) / (pixels.gsd_m * COARSE)
    least = np.ceil(3 * light.AROUND_M / (pixels.gsd_m * COARSE))
    east, north, _ = view.sun.toward / np.hypot(*view.sun.toward[:2])
    left, top, right, bottom = (
        2 * int(np.ceil(max(least, reach * side) / 2)) for side in (-east, north, east, -north)
    )
    rows, columns = pixels.height // COARSE, pixels.width // COARSE
    cells = Pixels(
        pixels.gsd_m * COARSE,
        pixels.size_m,
        pixels.column // COARSE - left,
        pixels.row // COARSE - top,
        columns + left + right,
        rows + top + bottom,
    )
    far = _heights(cells, painting, _raised(cells, painting))
    stamp_crowns(far, cells, _outside(trees, pixels), seed)
    inside = slice(top, top + rows), slice(left, left + columns)
    far[inside] = cv2.resize(height, (columns, rows), interpolation=cv2.INTER_AREA)
    ceiling = light.shadow_ceiling(far, cells.gsd_m, view.sun)[inside]
    around = light.mean_around(far, cells.gsd_m)[inside]
    return _fine(ceiling), _fine(around)


def _outside(trees: Trees, pixels: Pixels) -> Trees:
    """Return the trees that are not wholly within a rectangle."""
    west, south, east, north = pixels.bounds_m
    x, y = trees.place.T
    reach = trees.radius * EDGE
    inside = (x - reach > west) & (x + reach < east) & (y - reach > south) & (y + reach < north)
    return Trees(**{one.name: getattr(trees, one.name)[~inside] for one in fields(trees)})


def _fine(plane: Plane) -> Plane:
    rows, columns = plane.shape
    size = (columns * COARSE, rows * COARSE)
    fine: Plane = cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR)
    return fine


def _lit(height: Plane, ceiling: Plane, gsd_m: float) -> Plane:
    soft = np.float32(SOFT_PX * gsd_m)
    lit = (height - ceiling) / soft
    lit += 1
    bounded: Plane = np.clip(lit, 0, 1, out=lit)
    return bounded


def _shine_through(facing: Plane, leaves: Leaves, lit: Plane) -> None:
    """Take the light of the sun away in the shade, but for what leaves pass on to their own."""
    level = facing.reshape(-1)
    level[leaves.flat] = leaves.facing
    facing *= lit
    level[leaves.flat] += leaves.passed * (1 - lit.reshape(-1)[leaves.flat])


def _open_sky(height: Plane, around: Plane) -> Plane:
    hidden = (around - height) * np.float32(1 / 7)
    np.clip(hidden, 0, light.OCCLUSION, out=hidden)
    seen: Plane = np.subtract(1, hidden, out=hidden)
    return seen


def _edges(pixels: Pixels, seen: Seen, looks: Looks) -> Plane:
    """Return what borders change in brightness: dirt beside them, ridges of roofs."""
    painted = seen.painted
    border = np.zeros(pixels.shape, np.uint8)
    border[:, 1:] = painted[:, 1:] != painted[:, :-1]
    border[1:] |= painted[1:] != painted[:-1]
    width = 2 * round(DIRT_M / pixels.gsd_m) + 1
    near: Plane = cv2.boxFilter(border, cv2.CV_32F, (width, width))
    near *= np.float32(-DIRT)
    flat = np.flatnonzero(border)
    flat = flat[flat >= pixels.width]
    here, left = painted.ravel()[flat], painted.ravel()[flat - 1]
    up = painted.ravel()[flat - pixels.width]
    other = np.where(here != left, left, up)
    pitched = (looks.slope[here, :2] != looks.slope[other, :2]).any(axis=1)
    same = (looks.thing[here] == looks.thing[other]) & pitched
    near.ravel()[flat[same]] += np.float32(RIDGE)
    return near


def _snow(colours: list[Plane], texture: Texture, rows: slice, share: float) -> None:
    noise = texture.steps("middle", rows) * np.float32(0.06 / PER_SIGMA)
    noise += texture.steps("wide", rows) * np.float32(0.3 / PER_SIGMA)
    cover = np.clip(noise + np.float32(2 * share - 0.4), 0, 0.92)
    for colour, white in zip(colours, SNOW, strict=True):
        colour += cover * (white - colour)


def _mirror(
    bands: list[Plane],
    painted: NDArray[np.intp],
    crown: Index,
    looks: Looks,
    texture: Texture,
    lit: Plane,
    rows: slice,
) -> None:
    """Add what metal, glass and water mirror."""
    shiny = looks.mirrored[0] > 0
    if not shiny.any():
        return
    flat = np.flatnonzero(shiny.take(painted, mode="clip") & (crown == 0))
    area = painted.ravel()[flat]
    sun = lit.ravel()[flat] * np.float32(0.75)
    sun += np.float32(0.25)
    ripple = texture.steps("grain", rows).ravel()[flat] * np.float32(0.12 / PER_SIGMA)
    ripple += texture.steps("coarse", rows).ravel()[flat] * np.float32(0.25 / PER_SIGMA)
    sun *= 1 + ripple
    for band, mirrored in zip(bands, looks.mirrored, strict=True):
        band.ravel()[flat] += mirrored.take(area) * sun


class _Codes:
    """Codes of the areas of a chunk, read strip by strip."""

    def __init__(self, painting: Painting, seen: Seen, shape: tuple[int, int]) -> None:
        def table(values: NDArray[Any], nothing: int) -> NDArray[Any]:
            return np.concatenate([np.array([nothing], values.dtype), values[seen.chosen]])

        self._label, self._fine = (
            table(values, NO_DATA) for values in (painting.label, painting.fine)
        )
        self._solar, self._instance = table(painting.solar, 0), table(painting.instance, 0)
        self._labelled = seen.labelled
        self.labels, self.ground, self.fine, self.solar = (
            np.empty(shape, np.uint8) for _ in range(4)
        )
        self.instances = np.zeros(shape, np.int32)

    def read(self, painted: NDArray[np.intp], crown: Index, rows: slice) -> None:
        """Read the codes of a strip; crowns hide all but the ground."""
        labelled = self._labelled[rows].astype(np.intp)
        self._label.take(labelled, out=self.ground[rows], mode="clip")
        self._fine.take(labelled, out=self.fine[rows], mode="clip")
        self._solar.take(painted, out=self.solar[rows], mode="clip")
        self.labels[rows] = self.ground[rows]
        hidden = np.flatnonzero(crown)
        for plane, code in ((self.labels, TREE), (self.fine, FINE_TREE), (self.solar, 0)):
            plane[rows].reshape(-1)[hidden] = code
        units = np.flatnonzero(self.solar[rows])
        if units.size:
            numbers = self._instance.take(painted.ravel()[units])
            self.instances[rows].reshape(-1)[units] = numbers
