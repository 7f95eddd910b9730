"""Colours and light of crowns."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.demo_city.materials import materials
from shared.demo_city.render.grid import Pixels
from shared.demo_city.render.looks import base_colours, drawn_gains
from shared.demo_city.render.noise import PER_SIGMA
from shared.demo_city.render.texture import Texture
from shared.demo_city.render.view import View
from shared.demo_city.trees.vegetation import SPECIES, Trees

Plane = NDArray[np.float32]
Index = NDArray[np.int32]
LEAFLESS: Final = {"early_spring": 0.35, "winter": 0.62}
"""How much of the ground is seen through the crowns that shed their leaves."""
GAPS: Final = 0.26
SPECKLE: Final = 0.13
FLUTTER: Final = 0.1
PASSED: Final = 0.3
SCATTER: Final = 0.42
"""Light that leaves pass on, whatever side faces the sun."""


class Leaves(NamedTuple):
    """Pixels of a strip that show crowns.

    Args:
        flat: Their places in the strip.
        facing: Light of the sun against level ground.
        passed: The same where only light reaches that leaves pass on.
    """

    flat: NDArray[np.int64]
    facing: Plane
    passed: Plane


class Foliage:
    """Crowns of a chunk.

    Args:
        pixels: The chunk.
        trees: The trees of the town.
        view: How the flight sees them.
        seed: Seed of the town.
    """

    def __init__(self, pixels: Pixels, trees: Trees, view: View, seed: int) -> None:
        table = materials()
        species = np.array([table[name].number for name in SPECIES])[trees.species]
        spread = np.array([table[name].spread for name in SPECIES], np.float32)[trees.species]
        places = np.round(trees.place * 10).astype(np.int64)
        gains = drawn_gains(np.abs(places[:, 0] * 7_919 + places[:, 1] * 104_729), spread, seed)
        self._colour = (base_colours(view.season)[species] * gains).T.copy()
        self._leafless = trees.leafless * np.float32(LEAFLESS.get(view.season, 0.0))
        self._gsd_m = pixels.gsd_m
        self._toward = view.sun.toward

    def paint(
        self, bands: list[Plane], crown: Index, texture: Texture, height: Plane, rows: slice
    ) -> Leaves:
        """Paint the crowns of a strip over what lies below.

        Args:
            bands: The four bands of the strip; changed in place.
            crown: Number of the tree that each pixel shows, from 1; 0: none.
            texture: Texture of the chunk.
            height: Heights of the whole chunk [m].
            rows: Where the strip lies in the chunk.
        """
        flat = np.flatnonzero(crown > 0)
        tree = crown.ravel()[flat] - 1
        grain = texture.steps("grain", rows).ravel()[flat] * np.float32(1 / PER_SIGMA)
        middle = texture.steps("middle", rows).ravel()[flat] * np.float32(1 / PER_SIGMA)
        gain = 1 + np.float32(SPECKLE) * grain
        # Between branches one looks into the dark.
        gain -= np.float32(GAPS) * np.clip(grain - np.float32(0.4) * middle - 1, 0, 1.3)
        hue = np.float32(0.05) * middle
        through = self._leafless.take(tree)
        for band, colour, strength in zip(bands, self._colour, (1.0, 0.3, 0.3, -0.5), strict=True):
            leaves = colour.take(tree) * (gain + np.float32(strength) * hue)
            if through.any():
                leaves += through * (band.ravel()[flat] * np.float32(0.8) - leaves)
            band.ravel()[flat] = leaves
        facing = self._facing(height, flat, rows, grain)
        return Leaves(flat, facing, facing * np.float32(PASSED))

    def _facing(self, height: Plane, flat: NDArray[np.int64], rows: slice, grain: Plane) -> Plane:
        width = height.shape[1]
        here = flat + rows.start * width
        last = height.size - 1
        level = height.ravel()
        step = np.float32(0.5 / self._gsd_m)
        east = (level[np.minimum(here + 1, last)] - level[np.maximum(here - 1, 0)]) * step
        north = (level[np.maximum(here - width, 0)] - level[np.minimum(here + width, last)]) * step
        np.clip(east, -2, 2, out=east)
        np.clip(north, -2, 2, out=north)
        x, y, z = self._toward
        facing = (z - x * east - y * north) / np.sqrt(east * east + north * north + 1)
        facing *= np.float32((1 - SCATTER) / z)
        facing += np.float32(SCATTER) + np.float32(FLUTTER) * grain
        bounded: Plane = np.clip(facing, 0.12, 1.5, out=facing)
        return bounded
