"""Paint the invented neighbourhood of the sample image as an aerial camera would see it."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from apps.aviary.painted.scene_layout import (
    HEIGHT_M,
    STREET_COLUMN_M,
    STREET_ROWS_M,
    STREET_WIDTH_M,
    WIDTH_M,
    Array,
    Building,
    Car,
    Colour,
    Layout,
    Tree,
)

Canvas = NDArray[np.float32]

FINE_PX_PER_M = 20
SUN_AZIMUTH_RAD = math.radians(205)
SUN_ELEVATION_RAD = math.radians(40)
SHADOW_LIGHT = 0.48
AMBIENT = 0.45

_SUN_X = math.sin(SUN_AZIMUTH_RAD)
_SUN_Y = -math.cos(SUN_AZIMUTH_RAD)


class Painter:
    """A canvas in metres with a seeded source of texture.

    Args:
        rng: Seeded generator.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        height, width = int(HEIGHT_M * FINE_PX_PER_M), int(WIDTH_M * FINE_PX_PER_M)
        self.canvas: Canvas = np.empty((height, width, 3), dtype=np.float32)
        self._grain = self._noise((height, width), 0.12)
        self._patches = self._noise((height, width), 2.5)

    def paint(self, layout: Layout) -> Canvas:
        """Paint everything from the ground up and return linear colours 0 to 1."""
        self._ground(layout)
        self._shadows(layout)
        for car in layout.cars:
            self._car(car)
        for building in layout.buildings:
            self._roof(building)
        for tree in layout.trees:
            self._tree(tree)
        return self.canvas

    def _noise(self, shape: tuple[int, int], grain_m: float) -> Canvas:
        """Return smooth noise of mean 0 and spread 1 with grains of a size in metres."""
        step = max(1.0, grain_m * FINE_PX_PER_M)
        small = (max(2, int(shape[0] / step)), max(2, int(shape[1] / step)))
        values = self._rng.standard_normal(small).astype(np.float32)
        return np.asarray(
            cv2.resize(values, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC), np.float32
        )

    def _fill(
        self, corners_m: list[tuple[float, float]], colour: Colour, grain: float, patches: float
    ) -> None:
        """Fill a polygon with a textured colour."""
        corners = np.array(corners_m, dtype=np.float32) * FINE_PX_PER_M
        x, y, width, height = cv2.boundingRect(np.round(corners).astype(np.int32))
        x0, y0 = max(0, x), max(0, y)
        x1 = min(self.canvas.shape[1], x + width)
        y1 = min(self.canvas.shape[0], y + height)
        if x1 <= x0 or y1 <= y0:
            return
        mask = np.zeros((y1 - y0, x1 - x0), dtype=np.uint8)
        cv2.fillPoly(mask, [np.round(corners - (x0, y0)).astype(np.int32)], 1)
        texture = 1 + grain * self._grain[y0:y1, x0:x1] + patches * self._patches[y0:y1, x0:x1]
        painted = texture[..., None] * np.array(colour, np.float32)
        np.copyto(self.canvas[y0:y1, x0:x1], painted, where=mask[..., None] > 0)

    def _box(
        self, x0: float, y0: float, x1: float, y1: float, colour: Colour, grain: float = 0.05
    ) -> None:
        self._fill([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour, grain, 0.05)

    def _ground(self, layout: Layout) -> None:
        self._box(-1, -1, WIDTH_M + 1, HEIGHT_M + 1, (0.30, 0.37, 0.19), 0.12)
        for x in np.arange(2.2, STREET_COLUMN_M - 6, 17.5):
            shade = self._rng.uniform(0.85, 1.2)
            self._box(x, 0, x + 17.0, HEIGHT_M, (0.31 * shade, 0.39 * shade, 0.20 * shade), 0.12)
        for x in np.arange(2.2, STREET_COLUMN_M - 6, 17.5):
            self._box(x - 0.5, 0, x + 0.5, HEIGHT_M, (0.15, 0.22, 0.10), 0.25)
        self._box(STREET_COLUMN_M, 0, WIDTH_M, HEIGHT_M, (0.44, 0.44, 0.43), 0.06)
        for drive in layout.drives:
            self._box(*drive, (0.52, 0.50, 0.47))
        for x, y, length, width in layout.pools:
            self._box(x - 0.5, y - 0.5, x + length + 0.5, y + width + 0.5, (0.68, 0.66, 0.62))
            self._box(x, y, x + length, y + width, (0.25, 0.55, 0.66), 0.03)
        for x, y, length, width in layout.tarpaulins:
            self._box(x, y + 6, x + length, y + 6 + width, (0.13, 0.22, 0.47), 0.04)
        self._streets()

    def _streets(self) -> None:
        asphalt: Colour = (0.35, 0.35, 0.36)
        pavement: Colour = (0.50, 0.49, 0.48)
        half, side = STREET_WIDTH_M / 2, 1.5
        column = STREET_COLUMN_M
        for y in STREET_ROWS_M:
            self._box(0, y - half - side, WIDTH_M, y + half + side, pavement)
        self._box(column - half - side, 0, column + half + side, HEIGHT_M, pavement)
        self._box(column - half, 0, column + half, HEIGHT_M, asphalt)
        for y in STREET_ROWS_M:
            self._box(0, y - half, WIDTH_M, y + half, asphalt)
            for x in np.arange(2.0, WIDTH_M, 8.0):
                self._box(x, y - 0.07, x + 3.0, y + 0.07, (0.72, 0.72, 0.70))

    def _shadows(self, layout: Layout) -> None:
        mask = np.zeros(self.canvas.shape[:2], dtype=np.uint8)
        for building in layout.buildings:
            top = building.height_m + math.tan(building.pitch_rad) * building.width_m / 4
            half_u, half_v = building.length_m / 2, building.width_m / 2
            foot = [
                building.to_ground(u, v)
                for u, v in (
                    (-half_u, -half_v), (half_u, -half_v), (half_u, half_v), (-half_u, half_v)
                )
            ]  # fmt: skip
            self._cast(mask, foot, top)
        for tree in layout.trees:
            angles = np.linspace(0, 2 * math.pi, 14, endpoint=False)
            foot = [
                (tree.x + tree.radius_m * math.cos(a), tree.y + tree.radius_m * math.sin(a))
                for a in angles
            ]
            self._cast(mask, foot, tree.height_m)
        for car in layout.cars:
            self._cast(mask, _turned(car.x, car.y, car.angle_rad, 4.3, 1.8), 1.4)
        soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.12 * FINE_PX_PER_M)
        self.canvas *= (1 - (1 - SHADOW_LIGHT) * soft)[..., None]

    def _cast(
        self, mask: NDArray[np.uint8], foot: list[tuple[float, float]], height_m: float
    ) -> None:
        reach = height_m / math.tan(SUN_ELEVATION_RAD)
        moved = [(x - _SUN_X * reach, y - _SUN_Y * reach) for x, y in foot]
        corners = np.array(foot + moved, dtype=np.float32) * FINE_PX_PER_M
        cv2.fillConvexPoly(mask, cv2.convexHull(np.round(corners).astype(np.int32)), 1)

    def _car(self, car: Car) -> None:
        self._fill(_turned(car.x, car.y, car.angle_rad, 4.3, 1.8), car.colour, 0.02, 0.0)
        for offset, length in ((0.55, 0.9), (-1.35, 0.6)):
            x = car.x + offset * math.cos(car.angle_rad)
            y = car.y + offset * math.sin(car.angle_rad)
            self._fill(_turned(x, y, car.angle_rad, length, 1.5), (0.08, 0.09, 0.1), 0.02, 0.0)

    def _tree(self, tree: Tree) -> None:
        reach = tree.radius_m * 1.15
        x0, y0, x1, y1 = self._window(
            tree.x - reach, tree.y - reach, tree.x + reach, tree.y + reach
        )
        if x1 <= x0 or y1 <= y0:
            return
        xs, ys = self._grid(x0, y0, x1, y1)
        dx, dy = (xs - tree.x) / tree.radius_m, (ys - tree.y) / tree.radius_m
        ragged = 0.16 * self._noise((y1 - y0, x1 - x0), tree.radius_m / 3)
        distance = np.sqrt(dx**2 + dy**2) + ragged
        inside = distance < 1
        light = 0.62 + 0.38 * (dx * _SUN_X + dy * _SUN_Y) + 0.22 * self._noise(inside.shape, 0.35)
        tint = np.array((0.17, 0.26, 0.11), np.float32) * self._rng.uniform(0.8, 1.25)
        piece = self.canvas[y0:y1, x0:x1]
        piece[inside] = tint * np.clip(light, 0.15, 1.4)[inside, None]

    def _roof(self, roof: Building) -> None:
        reach = math.hypot(roof.length_m, roof.width_m) / 2 + 0.5
        window = self._window(roof.x - reach, roof.y - reach, roof.x + reach, roof.y + reach)
        x0, y0, x1, y1 = window
        if x1 <= x0 or y1 <= y0:
            return
        xs, ys = self._grid(x0, y0, x1, y1)
        cos, sin = math.cos(roof.angle_rad), math.sin(roof.angle_rad)
        u = (xs - roof.x) * cos + (ys - roof.y) * sin
        v = -(xs - roof.x) * sin + (ys - roof.y) * cos
        inside = (np.abs(u) <= roof.length_m / 2) & (np.abs(v) <= roof.width_m / 2)
        light = _plane_light(roof, v)
        covering = light * (1 + 0.05 * self._grain[y0:y1, x0:x1])
        covering *= 1 + 0.05 * self._patches[y0:y1, x0:x1]
        covering *= _pattern(roof, u, v)
        colours = np.array(roof.colour, np.float32) * covering[..., None]
        _edges(roof, colours, u, v)
        for piece in roof.windows:
            _paint_window(colours, u, v, piece)
        for array in roof.arrays:
            self._array(colours, array, u, v, light)
        if roof.chimney is not None:
            _chimney(roof, colours, u, v)
        self.canvas[y0:y1, x0:x1][inside] = colours[inside]

    def _array(self, colours: Canvas, array: Array, u: Canvas, v: Canvas, light: Canvas) -> None:
        pitch_v = array.module_v + array.row_gap_m
        column = np.floor((u - array.u0) / array.module_u).astype(int)
        row = np.floor((v - array.v0) / pitch_v).astype(int)
        in_u = (u - array.u0) - column * array.module_u
        in_v = (v - array.v0) - row * pitch_v
        inside = (column >= 0) & (column < array.columns) & (row >= 0) & (row < array.rows)
        inside &= in_v <= array.module_v
        spread = self._rng.normal(1, 0.07, (array.rows, array.columns)).astype(np.float32)
        each = spread[np.clip(row, 0, array.rows - 1), np.clip(column, 0, array.columns - 1)]
        thermal = array.class_key == "solar_thermal"
        base = np.array((0.10, 0.11, 0.13) if thermal else (0.095, 0.125, 0.20), np.float32)
        glass = base * (each * (0.5 + 0.6 * light))[..., None]
        if not thermal:
            cells = (np.abs(in_v - array.module_v / 2) < 0.04).astype(np.float32)
            glass += 0.05 * cells[..., None]
        frame = (np.minimum(in_u, array.module_u - in_u) < 0.045) | (
            np.minimum(in_v, array.module_v - in_v) < 0.045
        )
        glass[frame] = np.array((0.52, 0.54, 0.57), np.float32)
        colours[inside] = glass[inside]

    def _window(self, x0: float, y0: float, x1: float, y1: float) -> tuple[int, int, int, int]:
        height, width = self.canvas.shape[:2]
        scale = FINE_PX_PER_M
        return (
            max(0, int(x0 * scale)),
            max(0, int(y0 * scale)),
            min(width, int(x1 * scale)),
            min(height, int(y1 * scale)),
        )

    @staticmethod
    def _grid(x0: int, y0: int, x1: int, y1: int) -> tuple[Canvas, Canvas]:
        xs = (np.arange(x0, x1, dtype=np.float32) + 0.5) / FINE_PX_PER_M
        ys = (np.arange(y0, y1, dtype=np.float32) + 0.5) / FINE_PX_PER_M
        columns, rows = np.meshgrid(xs, ys)
        return np.asarray(columns, np.float32), np.asarray(rows, np.float32)


def _turned(
    x: float, y: float, angle_rad: float, length: float, width: float
) -> list[tuple[float, float]]:
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    corners = ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))
    return [
        (x + u * length * cos - v * width * sin, y + u * length * sin + v * width * cos)
        for u, v in corners
    ]


def _plane_light(roof: Building, v: Canvas) -> Canvas:
    """Return the light on both planes: ambient plus the cosine to the sun."""
    side = np.where(v >= 0, 1.0, -1.0).astype(np.float32)
    out_x, out_y = -math.sin(roof.angle_rad), math.cos(roof.angle_rad)
    towards = side * (out_x * _SUN_X + out_y * _SUN_Y)
    level = math.cos(roof.pitch_rad) * math.sin(SUN_ELEVATION_RAD)
    cosine = level + math.sin(roof.pitch_rad) * math.cos(SUN_ELEVATION_RAD) * towards
    return np.asarray(AMBIENT + (1 - AMBIENT) * np.clip(cosine, 0, None) / 0.65, np.float32)


def _pattern(roof: Building, u: Canvas, v: Canvas) -> Canvas:
    if roof.kind == "flat":
        seams = (np.abs(np.mod(u, 1.0) - 0.5) > 0.47).astype(np.float32)
        return np.asarray(1 - 0.08 * seams, np.float32)
    rows = np.sin(2 * math.pi * np.abs(v) / (0.34 * math.cos(roof.pitch_rad)))
    columns = np.sin(2 * math.pi * u / 0.3)
    return np.asarray(1 + 0.07 * rows + 0.03 * columns, np.float32)


def _edges(roof: Building, colours: Canvas, u: Canvas, v: Canvas) -> None:
    """Lighten the ridge, or draw the parapet of a flat roof."""
    if roof.kind == "gable":
        colours[np.abs(v) < 0.16] *= 1.3
        return
    rim = (roof.length_m / 2 - np.abs(u) < 0.3) | (roof.width_m / 2 - np.abs(v) < 0.3)
    colours[rim] = np.array((0.66, 0.66, 0.65), np.float32)


def _paint_window(
    colours: Canvas, u: Canvas, v: Canvas, piece: tuple[float, float, float, float]
) -> None:
    centre_u, centre_v, length, width = piece
    du, dv = np.abs(u - centre_u), np.abs(v - centre_v)
    colours[(du < length / 2 + 0.1) & (dv < width / 2 + 0.1)] = (0.55, 0.55, 0.55)
    colours[(du < length / 2) & (dv < width / 2)] = (0.16, 0.19, 0.22)


def _chimney(roof: Building, colours: Canvas, u: Canvas, v: Canvas) -> None:
    if roof.chimney is None:
        return
    cos, sin = math.cos(roof.angle_rad), math.sin(roof.angle_rad)
    sun_u, sun_v = _SUN_X * cos + _SUN_Y * sin, -_SUN_X * sin + _SUN_Y * cos
    du, dv = u - roof.chimney[0], v - roof.chimney[1]
    along = -(du * sun_u + dv * sun_v)
    across = np.abs(du * sun_v - dv * sun_u)
    colours[(along > 0) & (along < 1.6) & (across < 0.35)] *= SHADOW_LIGHT
    colours[(np.abs(du) < 0.35) & (np.abs(dv) < 0.35)] = (0.45, 0.33, 0.28)
