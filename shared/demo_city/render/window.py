"""Windows of a town: whole chunks are rendered and kept a while, windows are cut out of them."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from threading import Lock
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from rasterio import Affine

from shared.demo_city.labels import LABELS, NO_DATA
from shared.demo_city.render.camera import develop
from shared.demo_city.render.chunk import render_chunk, surroundings
from shared.demo_city.render.grid import Pixels, chunks_of
from shared.demo_city.render.leaning import leaning
from shared.demo_city.render.painting import Painting
from shared.demo_city.render.view import Camera, View
from shared.demo_city.trees.vegetation import Trees

CACHE_BYTES: Final = 250_000_000
STRAIGHT: Final = (0.0, 0.0)
SHADOW_BELOW: Final = 0.5
TREE: Final = LABELS.index("tree")
COLLARS: Final = {"none": 0, "black": 0, "white": 255}
LAYERS: Final = (
    "rgbi", "ndsm", "labels", "ground", "fine", "solar", "instances", "shadow", "valid",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """An image with its truth; all arrays have the same rows and columns.

    Args:
        rgbi: Red, green, blue, near infrared: rows x columns x 4.
        ndsm: Height above ground [m].
        labels: Land cover as seen from above, codes of `labels.LABELS`; 255 without data.
        ground: The same below the crowns of trees.
        fine: Finer cover as seen from above, codes of `labels.FINE`; 255 without data.
        solar: Solar units, codes of `labels.SOLAR`.
        instances: Numbers of the connected arrays of solar units, from 1; 0: none.
        shadow: Whether ground, water or a roof lies in the shade; crowns, dark on one side, do not.
        valid: Whether there is an image.
        transform: From columns and rows to metres.
    """

    rgbi: NDArray[np.uint8]
    ndsm: NDArray[np.float32]
    labels: NDArray[np.uint8]
    ground: NDArray[np.uint8]
    fine: NDArray[np.uint8]
    solar: NDArray[np.uint8]
    instances: NDArray[np.int32]
    shadow: NDArray[np.bool_]
    valid: NDArray[np.bool_]
    transform: Affine

    def moved(self, east_m: float, north_m: float) -> Self:
        """Return the same window in coordinates with another origin."""
        return replace(self, transform=Affine.translation(east_m, north_m) * self.transform)

    def nbytes(self) -> int:
        """Return the memory that the arrays take [bytes]."""
        return sum(int(getattr(self, layer).nbytes) for layer in LAYERS)


def render_pixels(
    painting: Painting, trees: Trees, pixels: Pixels, view: View, seed: int
) -> Window:
    """Render a window of a town; every window shows the same as any larger one.

    Args:
        painting: What is painted.
        trees: The trees of the town.
        pixels: The window, on the pixel grid of the town.
        view: How the flight sees it.
        seed: Seed of the town.
    """
    layers: dict[str, NDArray[np.generic]] = {}
    for chunk in chunks_of(pixels):
        part = _chunk(painting, trees, chunk, view, seed)
        target, source = _overlap(pixels, chunk)
        for layer in LAYERS:
            values = getattr(part, layer)
            if layer not in layers:
                layers[layer] = np.empty((*pixels.shape, *values.shape[2:]), values.dtype)
            layers[layer][target] = values[source]
    return Window(**layers, transform=_transform(pixels))  # type: ignore[arg-type]


def render_alone(painting: Painting, trees: Trees, pixels: Pixels, view: View, seed: int) -> Window:
    """Render exactly one rectangle, as scenes do; arguments as `render_pixels` has them."""
    if (view.lean, view.shift_m) != (STRAIGHT, STRAIGHT):
        bounds_m = surroundings(pixels, view).bounds_m
        painting, trees = leaning(painting, trees, view.lean, view.shift_m, bounds_m)
    chunk = render_chunk(pixels, painting, trees, view, seed)
    image = develop(chunk.bands, chunk.pixels, view.camera, view.seed)
    top, left = pixels.row - chunk.pixels.row, pixels.column - chunk.pixels.column
    inner = slice(top, top + pixels.height), slice(left, left + pixels.width)
    labels, ground, fine = chunk.labels[inner], chunk.ground[inner], chunk.fine[inner]
    valid = _valid(pixels, view.camera) & (ground != NO_DATA)
    made = Window(
        np.ascontiguousarray(image[inner]), chunk.height[inner].copy(), labels.copy(),
        ground.copy(), fine.copy(), chunk.solar[inner].copy(), chunk.instances[inner].copy(),
        (chunk.lit[inner] < SHADOW_BELOW) & (labels != TREE), valid, _transform(pixels),
    )  # fmt: skip
    if not valid.all():
        _blank(made, view.camera)
    return made


def _blank(window: Window, camera: Camera) -> None:
    missing = ~window.valid
    window.rgbi[missing] = COLLARS[camera.collar]
    for codes in (window.labels, window.ground, window.fine):
        codes[missing] = NO_DATA
    for values in (window.solar, window.instances, window.ndsm, window.shadow):
        values[missing] = 0


def _valid(pixels: Pixels, camera: Camera) -> NDArray[np.bool_]:
    x, y = pixels.centres_m()
    valid = np.broadcast_to(x[None] >= camera.collar_m, pixels.shape).copy()
    if camera.hole is not None:
        east, north, radius = camera.hole
        valid &= (x[None] - east) ** 2 + (y[:, None] - north) ** 2 > radius**2
    return valid


def _transform(pixels: Pixels) -> Affine:
    west, _, _, north = pixels.bounds_m
    return Affine(pixels.gsd_m, 0.0, west, 0.0, -pixels.gsd_m, north)


def _overlap(window: Pixels, chunk: Pixels) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return where the chunk lies in the window and where the window lies in the chunk."""
    target, source = [], []
    for first, size, start, length in (
        (window.row, window.height, chunk.row, chunk.height),
        (window.column, window.width, chunk.column, chunk.width),
    ):
        low, high = max(first, start), min(first + size, start + length)
        target.append(slice(low - first, high - first))
        source.append(slice(low - start, high - start))
    return (target[0], target[1]), (source[0], source[1])


_kept: OrderedDict[tuple[object, ...], tuple[object, Window]] = OrderedDict()
_lock = Lock()


def _chunk(painting: Painting, trees: Trees, chunk: Pixels, view: View, seed: int) -> Window:
    key = (id(painting), id(trees), chunk, view, seed)
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key][1]
    made = render_alone(painting, trees, chunk, view, seed)
    with _lock:
        # The painting is kept with its chunk, so that its number is not given to another one.
        _kept[key] = ((painting, trees), made)
        while len(_kept) > 1 and sum(one.nbytes() for _, one in _kept.values()) > CACHE_BYTES:
            _kept.popitem(last=False)
    return made


def forget() -> None:
    """Drop all chunks that are kept."""
    with _lock:
        _kept.clear()
