"""Render a chunk of a town: heights, light, colours and labels at the same pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from rasterio.features import rasterize

from shared.demo_city import light
from shared.demo_city.crowns import stamp_crowns
from shared.demo_city.grid import MARGIN_M, Pixels
from shared.demo_city.light import Sun
from shared.demo_city.materials import materials
from shared.demo_city.noise import grain, stain
from shared.demo_city.painting import LABELS, Painting
from shared.demo_city.randomness import stream
from shared.demo_city.vegetation import SPECIES, Trees

Plane = NDArray[np.float32]
TINTS: Final = 4_099
"""Number of drawn colours; a prime, so that neighbouring numbers of things do not repeat early."""
TREE: Final = LABELS.index("tree")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A rendered chunk, before the camera.

    Args:
        rgbi: Light of the four bands in digital numbers, rows x columns x 4.
        height: Height above ground [m].
        labels: Land cover as seen from above.
        ground: Land cover below the crowns.
        lit: How much of the sun reaches the pixel, 0 to 1.
    """

    rgbi: Plane
    height: Plane
    labels: NDArray[np.uint8]
    ground: NDArray[np.uint8]
    lit: Plane


def render_chunk(pixels: Pixels, painting: Painting, trees: Trees, sun: Sun, seed: int) -> Chunk:
    """Render a chunk.

    Args:
        pixels: Where.
        painting: What is painted.
        trees: The trees of the town.
        sun: Where the sun stands.
        seed: Seed of the town.
    """
    margin = int(np.ceil(MARGIN_M / pixels.gsd_m / 4)) * 4
    wide = pixels.grown(margin)
    chosen, painted = _painted(wide, painting)
    height = _heights(wide, painting, chosen, painted)
    crowns = stamp_crowns(height, wide, trees, seed)
    inner = (slice(margin, -margin), slice(margin, -margin))
    lit = light.lit_share(height, wide.gsd_m, sun)[inner]
    hidden = light.occlusion(height, wide.gsd_m)[inner]
    slopes = light.crown_shading(height, wide.gsd_m, sun)[inner]
    painted, crowns, height = painted[inner], crowns[inner], height[inner]
    facing = _facing(painting, chosen, sun)[painted]
    has_crown = crowns > 0
    facing = np.where(has_crown, np.clip(slopes, 0.05, 1.2), facing)
    sunlight = np.clip(facing / sun.toward[2], 0, 1.7) * lit
    shade = (light.DIFFUSE + (1 - light.DIFFUSE) * sunlight) * (1 - hidden)
    rgbi = _colours(pixels, painting, chosen, painted, crowns, trees, seed)
    rgbi *= shade[..., None]
    ground = _codes(painting, chosen)[painted]
    labels = np.where(has_crown, np.uint8(TREE), ground)
    return Chunk(rgbi, height, labels, ground, lit)


def _painted(pixels: Pixels, painting: Painting) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return what the rectangle shows and which of it each pixel shows."""
    chosen = np.sort(painting.index.query(pixels.area()))
    areas = pixels.to_pixels(painting.areas[chosen])
    numbered = ((area, number) for number, area in enumerate(areas) if not area.is_empty)
    painted = rasterize(numbered, out_shape=pixels.shape, dtype="int32")
    return chosen, painted


def _heights(
    pixels: Pixels, painting: Painting, chosen: NDArray[np.int64], painted: NDArray[np.int32]
) -> Plane:
    x, y = pixels.centres_m()
    slope = painting.slope[chosen]
    middle_x, middle_y = float(x.mean()), float(y.mean())
    base = slope[:, 2] + slope[:, 0] * middle_x + slope[:, 1] * middle_y
    east, north = slope[:, 0].astype(np.float32), slope[:, 1].astype(np.float32)
    height = base.astype(np.float32)[painted]
    height += east[painted] * (x - np.float32(middle_x))[None]
    height += north[painted] * (y - np.float32(middle_y))[:, None]
    return height


def _facing(painting: Painting, chosen: NDArray[np.int64], sun: Sun) -> Plane:
    slope = painting.slope[chosen, :2]
    x, y, z = sun.toward
    facing = (z - x * slope[:, 0] - y * slope[:, 1]) / np.sqrt((slope**2).sum(axis=1) + 1)
    return np.clip(facing, 0, None).astype(np.float32)


def _codes(painting: Painting, chosen: NDArray[np.int64]) -> NDArray[np.uint8]:
    return painting.label[chosen]


def _colours(
    pixels: Pixels,
    painting: Painting,
    chosen: NDArray[np.int64],
    painted: NDArray[np.int32],
    crowns: NDArray[np.int32],
    trees: Trees,
    seed: int,
) -> Plane:
    table = list(materials().values())
    base = np.array([one.rgbi for one in table], np.float32)
    spread = np.array([one.spread for one in table], np.float32)
    of = painting.material[chosen]
    drawn = _drawn(painting.thing[chosen], seed)
    colour = base[of] * np.clip(1 + spread[of, None] * drawn, 0.4, 1.7)
    fine = np.array([one.grain for one in table], np.float32)[of]
    coarse = np.array([one.stain for one in table], np.float32)[of]
    rgbi = colour[painted]
    texture = 1 + fine[painted] * grain(pixels, seed) + coarse[painted] * stain(pixels, seed)
    texture += _pattern(pixels, painting, chosen, painted)
    has_crown = crowns > 0
    species = np.array([materials()[name].number for name in SPECIES])[trees.species]
    tree_colour = base[species] * (
        1 + spread[species, None] * _drawn(np.arange(len(species)), seed)
    )
    number = crowns[has_crown] - 1
    rgbi[has_crown] = tree_colour[number]
    texture[has_crown] = 1 + 0.1 * grain(pixels, seed)[has_crown]
    rgbi *= texture[..., None]
    return rgbi


def _drawn(numbers: NDArray[np.int64], seed: int) -> Plane:
    """Return how far the colour of each thing lies from its material: one draw and a tint."""
    rng = stream(seed, "tints")
    gains = rng.standard_normal((TINTS, 1)) + 0.25 * rng.standard_normal((TINTS, 4))
    return gains[numbers % TINTS].astype(np.float32)


def _pattern(
    pixels: Pixels, painting: Painting, chosen: NDArray[np.int64], painted: NDArray[np.int32]
) -> Plane:
    """Return the lines of tiles, sheets and furrows; lines finer than two pixels fade."""
    table = list(materials().values())
    of = painting.material[chosen]
    period = np.array([one.pattern[0] for one in table])[of]
    seen = np.clip(period / pixels.gsd_m / 2 - 0.5, 0, 1)
    strength = (np.array([one.pattern[1] for one in table])[of] * seen).astype(np.float32)
    turns = painting.direction[chosen] * (2 * np.pi / np.maximum(period, 1e-3))[:, None]
    x, y = pixels.centres_m()
    east, north = turns[:, 0].astype(np.float32), turns[:, 1].astype(np.float32)
    phase = east[painted] * x[None] + north[painted] * y[:, None]
    lines: Plane = strength[painted] * np.sin(phase)
    return lines
