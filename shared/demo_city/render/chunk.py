"""Render a chunk of a town: heights, light, colours and labels at the same pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray

from shared.demo_city.labels import FINE, LABELS, NO_DATA
from shared.demo_city.render import light
from shared.demo_city.render.camera import STRIP_ROWS, blur_reach_px, in_steps_of_light
from shared.demo_city.render.crowns import near, stamp_crowns
from shared.demo_city.render.foliage import Foliage, Leaves
from shared.demo_city.render.grid import Pixels
from shared.demo_city.render.index_raster import index_raster
from shared.demo_city.render.looks import Looks, looks_of
from shared.demo_city.render.noise import PER_SIGMA
from shared.demo_city.render.painting import Painting
from shared.demo_city.render.texture import Texture
from shared.demo_city.render.view import View
from shared.demo_city.trees.vegetation import Trees

Plane = NDArray[np.float32]
Index = NDArray[np.int32]
COARSE: Final = 2
"""Heights that throw shadows are known per so many pixels."""
BLOCK: Final = 2 * COARSE
"""Heights that hide the sky are known per so many pixels; rectangles consist of whole blocks."""
HEIGHT_BITS: Final = 16
"""Bits of a height below the metre."""
HIGHEST_BUMP: Final = 1.5
"""No bump of a crown is higher, as a share of the height of its tree."""
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
    """A rendered chunk before the camera, with what the camera sees beyond its border.

    Args:
        pixels: Where it lies with what is around it.
        bands: Light of the four bands in steps (`camera.STEPS`), rows x columns each.
        height: Height above ground [m].
        labels: Land cover as seen from above.
        ground: Land cover below the crowns.
        fine: Finer cover as seen from above.
        solar: Solar units.
        instances: Numbers of connected arrays.
        lit: How much of the sun reaches the pixel, 0 to 1.
    """

    pixels: Pixels
    bands: list[NDArray[np.uint16]]
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
    """Render a rectangle and what the camera sees around it; it is the same in every larger one.

    Args:
        pixels: Where.
        painting: What is painted, leaning as the view wants it.
        trees: The trees of the town, leaning too.
        view: How the flight sees it.
        seed: Seed of the town.
    """
    inner = pixels.grown(_pad_px(pixels.gsd_m, view)).aligned(BLOCK)
    outer = _with_shading(inner, surroundings(pixels, view), painting, trees, view.sun)
    seen, height, crowns, ceiling, around = _relief(inner, outer, painting, trees, view, seed)
    looks = looks_of(painting, seen.chosen, inner, view, seed)
    texture, foliage = Texture(inner, looks, seed), Foliage(inner, trees, view, seed)
    (edges, dirt), codes = _edges(inner, seen, looks), _Codes(painting, seen, inner.shape)
    bands = [np.empty(inner.shape, np.uint16) for _ in range(4)]
    lit = np.empty(inner.shape, np.float32)
    for rows in _strips(inner):
        # Places of this type need no conversion each time a table is read.
        painted, crown = seen.painted[rows].astype(np.intp), crowns[rows]
        colours = [looks.colour[band].take(painted, mode="clip") for band in range(4)]
        texture.paint(colours, painted, edges[rows] * dirt, rows)
        leaves = foliage.paint(colours, crown, texture, height, rows)
        if view.snow:
            _snow(colours, texture, rows, view.snow)
        lit[rows] = _lit(height[rows], ceiling[rows], inner.gsd_m)
        facing = looks.facing.take(painted, mode="clip")
        _shine_through(facing, leaves, lit[rows])
        open_sky = _open_sky(height[rows], around[rows])
        _shine_on(colours, facing, open_sky)
        _mirror(colours, painted, crown, looks, texture, lit[rows], rows)
        for band, colour in zip(bands, colours, strict=True):
            band[rows] = in_steps_of_light(colour)
        codes.read(painted, leaves.flat, rows)
    return Chunk(
        inner, bands, height, codes.labels, codes.ground, codes.fine, codes.solar,
        codes.instances, lit,
    )  # fmt: skip


def _relief(
    inner: Pixels, outer: Pixels, painting: Painting, trees: Trees, view: View, seed: int
) -> tuple[Seen, Plane, Index, Plane, Plane]:
    """Return what a rectangle shows, its heights, its crowns, and what of it lies in the shade.

    Args:
        inner: The rectangle.
        outer: The same with all that shades it.
        painting: What is painted.
        trees: The trees of the town.
        view: How the flight sees it.
        seed: Seed of the town.
    """
    seen = _seen(outer, painting)
    far = _heights(outer, painting, seen)
    crowns = stamp_crowns(far, outer, trees, seed)
    inside = inner.within(outer)
    ceiling, around = _sky(far, inside, inner.gsd_m, view)
    seen = Seen(seen.chosen, seen.painted[inside].copy(), seen.labelled[inside])
    return seen, far[inside].copy(), crowns[inside], ceiling, around


def _pad_px(gsd_m: float, view: View) -> int:
    """Return how far around a rectangle its pixels depend on others: blur upon dirt [px]."""
    return blur_reach_px(view.camera) + max(_dirt_px(gsd_m) + 2, BLOCK)


def _dirt_px(gsd_m: float) -> int:
    return round(DIRT_M / gsd_m)


def surroundings(pixels: Pixels, view: View) -> Pixels:
    """Return the rectangle grown to all that its pixels can depend on.

    Args:
        pixels: What is rendered.
        view: How the flight sees it.
    """
    inner = pixels.grown(_pad_px(pixels.gsd_m, view)).aligned(BLOCK)
    return _toward_sun(inner, view.sun, light.shadow_reach_m(view.sun))


def _with_shading(
    inner: Pixels, wide: Pixels, painting: Painting, trees: Trees, sun: light.Sun
) -> Pixels:
    """Return the rectangle grown to what is there that can shade it."""
    chosen = painting.index.query(wide.area())
    chosen = chosen[painting.slope[chosen].any(axis=1)]
    places, owner = shapely.get_coordinates(painting.areas[chosen], return_index=True)
    slope = painting.slope[chosen][owner]
    tops = slope[:, 0] * places[:, 0] + slope[:, 1] * places[:, 1] + slope[:, 2]
    crowns = trees.height[near(trees, wide.bounds_m)] * HIGHEST_BUMP
    highest = max(tops.max(initial=0), crowns.max(initial=0))
    return _toward_sun(inner, sun, light.shadow_reach_m(sun, float(highest)))


def _toward_sun(pixels: Pixels, sun: light.Sun, reach_m: float) -> Pixels:
    """Return the rectangle grown towards the sun, and a little on all sides, in whole blocks."""
    least_px = int(np.ceil(4 * light.AROUND_M / pixels.gsd_m)) + 2 * BLOCK
    east, north, _ = sun.toward / np.hypot(*sun.toward[:2])
    left, top, right, bottom = (
        int(max(0, reach_m / pixels.gsd_m * side)) + least_px
        for side in (-east, north, east, -north)
    )
    column, row = pixels.column - left, pixels.row - top
    width, height = pixels.width + left + right, pixels.height + top + bottom
    return replace(pixels, column=column, row=row, width=width, height=height).aligned(BLOCK)


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
    return Seen(chosen, np.maximum(labelled, above, out=above), labelled)


def _close_gaps(painted: Index) -> None:
    """Give the pixels between two areas that do not quite meet to the later one of the two."""
    rows, columns = np.nonzero(painted[1:-1, 1:-1] == 0)
    rows, columns = rows + 1, columns + 1
    sides = [(painted[rows, columns - 1], painted[rows, columns + 1])]
    sides.append((painted[rows - 1, columns], painted[rows + 1, columns]))
    for one, other in sides:
        between = (one > 0) & (other > 0)
        painted[rows[between], columns[between]] = np.maximum(one, other)[between]


def _heights(pixels: Pixels, painting: Painting, seen: Seen) -> Plane:
    """Return heights; on level ground, which is painted first, there is nothing to work out."""
    slope = painting.slope[seen.chosen]
    raised = np.flatnonzero(slope.any(axis=1))
    height = np.zeros(pixels.shape, np.float32)
    if not raised.size:
        return height
    bounds = shapely.bounds(painting.areas[seen.chosen])
    steps = pixels.steps(slope, (bounds[:, :2] + bounds[:, 2:]) / 2, HEIGHT_BITS)
    flat = np.flatnonzero(seen.painted > raised[0])
    row, column = np.divmod(flat.astype(np.int32), np.int32(pixels.width))
    area = seen.painted.ravel()[flat] - 1
    values = steps.counted(row, column, area)
    height.ravel()[flat] = values * np.float32(2.0**-HEIGHT_BITS)
    return height


def _sky(far: Plane, inside: tuple[slice, slice], gsd_m: float, view: View) -> tuple[Plane, Plane]:
    """Return the height of the shade and the mean height around each pixel of a rectangle.

    Args:
        far: Heights within the rectangle and around it [m], in whole blocks.
        inside: Rows and columns of the rectangle.
        gsd_m: Ground sampling distance [m].
        view: How the flight sees it.
    """
    coarse = _halved(far)
    ceiling = light.in_steps(light.shadow_ceiling(coarse, gsd_m * COARSE, view.sun))
    around = light.mean_around(_halved(coarse), gsd_m * BLOCK)
    return _fine(ceiling, inside, COARSE), _fine(around, inside, BLOCK)


def _halved(plane: Plane) -> Plane:
    """Return the mean of each two by two places in whole steps."""
    pairs = plane[::2] + plane[1::2]
    return light.in_steps((pairs[:, ::2] + pairs[:, 1::2]) * np.float32(0.25))


def _fine(plane: Plane, inside: tuple[slice, slice], by: int) -> Plane:
    """Return a part of a coarse plane at all pixels; weights of whole steps make it exact."""
    rows, columns = (slice(side.start // by, side.stop // by) for side in inside)
    part = plane[rows, columns]
    size = (part.shape[1] * by, part.shape[0] * by)
    fine: Plane = cv2.resize(part, size, interpolation=cv2.INTER_LINEAR)
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


def _shine_on(colours: list[Plane], facing: Plane, open_sky: Plane) -> None:
    """Put the light of sun and sky on colours."""
    for colour, sky in zip(colours, light.SKY, strict=True):
        shone = open_sky * (sky / (1 - sky))
        shone += facing
        colour *= 1 - sky
        colour *= shone


def _open_sky(height: Plane, around: Plane) -> Plane:
    hidden = (around - height) * np.float32(1 / 7)
    np.clip(hidden, 0, light.OCCLUSION, out=hidden)
    seen: Plane = np.subtract(1, hidden, out=hidden)
    return seen


def _edges(pixels: Pixels, seen: Seen, looks: Looks) -> tuple[NDArray[np.int16], np.float32]:
    """Return what borders change in brightness, dirt beside them and ridges, and by how much."""
    painted = seen.painted
    border = np.zeros(pixels.shape, np.uint8)
    border[:, 1:] = painted[:, 1:] != painted[:, :-1]
    border[1:] |= painted[1:] != painted[:-1]
    width = 2 * _dirt_px(pixels.gsd_m) + 1
    # Counted in whole numbers: how many of the pixels around lie at a border.
    near = np.asarray(cv2.boxFilter(border, cv2.CV_16S, (width, width), normalize=False))
    flat = np.flatnonzero(border)
    flat = flat[flat >= pixels.width]
    here, left = painted.ravel()[flat], painted.ravel()[flat - 1]
    up = painted.ravel()[flat - pixels.width]
    other = np.where(here != left, left, up)
    pitched = (looks.slope[here, :2] != looks.slope[other, :2]).any(axis=1)
    same = (looks.thing[here] == looks.thing[other]) & pitched
    near.reshape(-1)[flat[same]] -= round(RIDGE / DIRT * width**2)
    return near, np.float32(-DIRT / width**2)


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

    def read(self, painted: NDArray[np.intp], hidden: NDArray[np.int64], rows: slice) -> None:
        """Read the codes of a strip; crowns hide all but the ground."""
        labelled = self._labelled[rows].astype(np.intp)
        self._label.take(labelled, out=self.ground[rows], mode="clip")
        self._fine.take(labelled, out=self.fine[rows], mode="clip")
        self._solar.take(painted, out=self.solar[rows], mode="clip")
        self.labels[rows] = self.ground[rows]
        for plane, code in ((self.labels, TREE), (self.fine, FINE_TREE), (self.solar, 0)):
            plane[rows].reshape(-1)[hidden] = code
        units = np.flatnonzero(self.solar[rows])
        if units.size:
            numbers = self._instance.take(painted.ravel()[units])
            self.instances[rows].reshape(-1)[units] = numbers
