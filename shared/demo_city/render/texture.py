"""Texture of surfaces: courses, grain, stains, patches, moss, all addressed by the pixel grid."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.demo_city.materials import materials
from shared.demo_city.randomness import stream
from shared.demo_city.render.grid import Pixels
from shared.demo_city.render.looks import COURSE_BITS, Courses, Looks, material_values, share_seen
from shared.demo_city.render.noise import PER_SIGMA, noise_steps

Plane = NDArray[np.float32]
Index = NDArray[np.intp]
GRAIN_M: Final = 0.1
MIDDLE_M: Final = 0.55
COARSE_M: Final = 2.6
WIDE_M: Final = 9.0
MOSS: Final = np.array([74.0, 76.0, 56.0, 104.0], np.float32)
PIECES: Final = 4_096
LARGE_PX: Final = 12_000
PATCH_FROM: Final = 0.75
RIM: Final = 0.4
RIM_WIDE: Final = 0.16
ONE: Final = np.float32(1 / PER_SIGMA)
_LEVEL: Final = np.arange(256, dtype=np.uint8).view(np.int8) * (1.8 / PER_SIGMA) - PATCH_FROM
PATCH: Final = (
    np.clip(_LEVEL, 0, 1.2) - RIM * np.clip(1 - np.abs(_LEVEL + RIM_WIDE) / RIM_WIDE, 0, 1)
).astype(np.float32)
"""How much of a patch each step of the widest noise shows: around it the opposite, a dry rim."""


class Texture:
    """Texture of a chunk, made strip by strip.

    Args:
        pixels: The chunk.
        looks: How its areas look.
        seed: Seed of the town.
    """

    def __init__(self, pixels: Pixels, looks: Looks, seed: int) -> None:
        gsd = pixels.gsd_m
        self._pixels = pixels
        self._looks = looks
        self._pieces = stream(seed, "pieces").standard_normal(PIECES).astype(np.float32)
        sigma = GRAIN_M / gsd
        # Where a pixel is larger than a grain, it sees the mean of many.
        fine = min(1.0, 0.45 + sigma)
        grain = np.hypot(material_values()["grain"] * fine, _unseen_pieces(gsd))
        self._grain = (grain * ONE).astype(np.float32)
        self._noise = {
            name: noise_steps(pixels, seed, name, size / gsd, ragged=name == "wide")
            for name, size in (
                ("grain", GRAIN_M), ("middle", MIDDLE_M), ("coarse", COARSE_M), ("wide", WIDE_M)
            )
        }  # fmt: skip

    def steps(self, name: str, rows: slice) -> NDArray[np.int8]:
        """Return noise of a strip in steps: "grain", "middle", "coarse" or "wide"."""
        return self._noise[name][rows]

    def paint(self, bands: list[Plane], painted: Index, edges: Plane, rows: slice) -> None:
        """Put the texture on the plain colours of a strip.

        Args:
            bands: The four bands, rows x columns each; changed in place.
            painted: Which area each pixel shows.
            edges: What borders change in brightness.
            rows: Where the strip lies in the chunk.
        """
        values = material_values()
        material = self._looks.material.take(painted, mode="clip")
        grain, middle = self._noise["grain"][rows], self._noise["middle"][rows]
        both = np.add(middle, self._noise["coarse"][rows], dtype=np.int16)
        gain = _table(material, self._grain) * grain
        gain += edges
        gain += 1
        gain += _table(material, values["stain"] * (0.62 * ONE)) * both
        # Worn, wet and dry places lie where the widest noise is high.
        worn = cv2.LUT(self._noise["wide"][rows].view(np.uint8), PATCH)
        worn *= _table(material, values["patches"])
        gain += worn
        for courses in self._looks.courses:
            self._lay(gain, courses, painted, rows)
        hue = _table(material, values["hue"] * (0.58 * ONE))
        hue *= np.add(both, self._noise["wide"][rows], out=both)
        bands[1] *= gain
        bands[2] *= gain
        for band, strength in ((bands[0], 0.65), (bands[3], -0.75)):
            bent = hue * np.float32(strength)
            bent += gain
            band *= bent
        self._grow_moss(bands, painted, rows)

    def _lay(self, gain: Plane, courses: Courses, painted: Index, rows: slice) -> None:
        """Add joints, relief and the spread from piece to piece."""
        flat = np.flatnonzero(courses.drawn.take(painted, mode="clip"))
        if not flat.size:
            return
        area = painted.ravel()[flat]
        # A large area reads its numbers once instead of once per pixel.
        for large in np.flatnonzero(np.bincount(area) > LARGE_PX):
            mine = area == large
            self._add_courses(gain, courses, flat[mine], large, rows)
            flat, area = flat[~mine], area[~mine]
        if flat.size:
            self._add_courses(gain, courses, flat, area, rows)

    def _add_courses(
        self,
        gain: Plane,
        courses: Courses,
        flat: NDArray[np.int64],
        area: Index | np.intp,
        rows: slice,
    ) -> None:
        """Add the courses of one area, or of one area per pixel."""
        row, column = np.divmod(flat.astype(np.int32), np.int32(self._pixels.width))
        row += np.int32(rows.start)
        values = [value.take(area) for value in courses.values.T.copy()]
        across, course = _passed(courses.across.counted(row, column, area))
        along, piece = _passed(courses.along.counted(row, column, area))
        along += values[0] * (course & 1).astype(np.float32)
        step = np.floor(along)
        along -= step
        piece += step.astype(np.int32)
        added = _joints(across, values[1], values[3], values[5])
        added += _joints(along, values[2], values[4], values[6])
        course *= 73
        piece *= 1_181
        course += piece
        # The number of the thing, not of the area in the chunk: another thing changes no roof.
        course += np.asarray(self._looks.thing[area] * 7 % PIECES).astype(np.int32)
        course &= PIECES - 1
        added += self._pieces.take(course) * values[7]
        across *= -2
        across += 1
        across *= values[8]
        added += across
        added += values[9]
        gain.reshape(-1)[flat] += added

    def _grow_moss(self, bands: list[Plane], painted: Index, rows: slice) -> None:
        """Grow moss and lichen on old roofs, more where the sun comes least."""
        moss = self._looks.moss
        if not (moss > 0).any():
            return
        flat = np.flatnonzero((moss > 0.05).take(painted, mode="clip"))
        if not flat.size:
            return
        names = ("grain", "middle", "coarse")
        grain, middle, coarse = (self._noise[name][rows].ravel()[flat] for name in names)
        level = np.float32(0.25 * ONE) * grain
        level += np.float32(0.3 * ONE) * middle
        level += np.float32(0.3 * ONE) * coarse
        level += np.float32(1.25) * moss.take(painted.ravel()[flat])
        level -= 1
        np.clip(level, 0, 0.75, out=level)
        for band, colour in zip(bands, MOSS, strict=True):
            below = band.ravel()[flat]
            band.ravel()[flat] = below + level * (colour - below)


def _unseen_pieces(gsd_m: float) -> Plane:
    """Return how much pieces that are too small to be seen change each pixel, 256 numbers.

    A pixel, or a grain where that is wider, shows the mean of many of them.
    """
    mean_of_m = max(gsd_m, 2 * np.sqrt(np.pi) * GRAIN_M)
    spread = np.zeros(256, np.float32)
    for one in materials().values():
        period = np.array(one.cells[:2])
        seen = share_seen(period, gsd_m).min()
        spread[one.number] = (
            one.cells.spread * (1 - seen) * min(1, np.sqrt(period.prod()) / mean_of_m)
        )
    return spread


def _table(codes: NDArray[np.uint8], values: Plane) -> Plane:
    read: Plane = cv2.LUT(codes, values)
    return read


def _joints(passed: Plane, half: Plane, cap: Plane, strength: Plane) -> Plane:
    """Return what joints change in brightness: the part of the pixel that they cover."""
    joint = np.minimum(passed, 1 - passed)
    np.subtract(half, joint, out=joint)
    np.clip(joint, 0, cap, out=joint)
    joint *= strength
    return joint


def _passed(counted: NDArray[np.int32]) -> tuple[Plane, NDArray[np.int32]]:
    """Return how much of its course each pixel has passed, 0 to 1, and how many courses before."""
    passed = (counted & (2**COURSE_BITS - 1)).astype(np.float32)
    passed *= np.float32(2.0**-COURSE_BITS)
    return passed, counted >> COURSE_BITS
