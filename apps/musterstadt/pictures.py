"""Pictures of parts of the town for the page: aerial images where they are, the map elsewhere."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rasterio.features import rasterize

from shared.demo_city import LABELS, NO_DATA, CityStore, Painted, Pixels

Kind = Literal["image", "infrared", "map"]
Bounds = tuple[float, float, float, float]
LONGEST_SIDE_PX: Final = 1_600
JPEG_QUALITY: Final = 85
PALETTE: Final[dict[str, str]] = {
    "roof_pitched": "#b5533c",
    "roof_flat": "#8d8d94",
    "roof_green": "#7f9f4a",
    "asphalt": "#5d6066",
    "paved": "#b9b2a6",
    "gravel_rail": "#d8cfbf",
    "water": "#4f8fc9",
    "grass": "#a9cf7f",
    "tree": "#3f7d3a",
    "bare_soil": "#c8a878",
}
"""Colour of each land cover on the map; a word stands beside each colour."""


@dataclass(frozen=True, slots=True)
class TownPicture:
    """A picture of a part of the town.

    Args:
        jpeg: The picture.
        width_px: Its width.
        height_px: Its height.
        bounds_m: West, south, east, north within the town [m].
        ready: Share of it that shows the aerial image; 1 for a map.
    """

    jpeg: bytes
    width_px: int
    height_px: int
    bounds_m: Bounds
    ready: float

    def to_pixels(self, x_m: float, y_m: float) -> tuple[float, float]:
        """Return a place of the town in pixels of the picture."""
        west, south, east, north = self.bounds_m
        across = (x_m - west) / (east - west) * self.width_px
        return across, (north - y_m) / (north - south) * self.height_px


def take_picture(store: CityStore, kind: Kind, vintage: str, bounds_m: Bounds) -> TownPicture:
    """Make a picture of a part of the town.

    Args:
        store: The stored town; its vectors are built if they are not there.
        kind: Natural colours, colour infrared, or the map of the land cover.
        vintage: Year of the flight.
        bounds_m: West, south, east, north within the town [m].
    """
    west, south, east, north = bounds_m
    scale = LONGEST_SIDE_PX / max(east - west, north - south)
    width, height = round((east - west) * scale), round((north - south) * scale)
    rgb = draw_map(store.painted(vintage), bounds_m, (width, height))
    ready = 1.0
    if kind != "map":
        # Asked before the tiles are read: what is rendered meanwhile shows at the next look.
        ready = store.ready_share(vintage, bounds_m)
        bands, seen = store.read(vintage, bounds_m, (width, height))
        chosen = [0, 1, 2] if kind == "image" else [3, 0, 1]
        rgb = np.where(seen[..., None], bands[..., chosen], rgb)
    target = io.BytesIO()
    Image.fromarray(rgb).save(target, "JPEG", quality=JPEG_QUALITY)
    return TownPicture(target.getvalue(), width, height, bounds_m, ready)


def draw_map(painted: Painted, bounds_m: Bounds, size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """Draw the land cover without trees from the vectors.

    Args:
        painted: The painted town.
        bounds_m: West, south, east, north within the town [m].
        size_px: Width and height of the picture [px].

    Returns:
        Red, green, blue as uint8 of shape (height, width, 3).
    """
    west, _, east, north = bounds_m
    width, height = size_px
    gsd_m = (east - west) / width
    column, row = west / gsd_m, -north / gsd_m
    place = Pixels(gsd_m, 0.0, round(column), round(row), width, height)
    painting = painted.painting
    chosen = np.sort(painting.index.query(place.area()))
    chosen = chosen[painting.label[chosen] != NO_DATA]
    codes = np.full((height, width), LABELS.index("grass"), np.uint8)
    areas = place.to_pixels(painting.areas[chosen])
    shapes = [
        (area, int(code))
        for area, code in zip(areas, painting.label[chosen], strict=True)
        if not area.is_empty
    ]
    if shapes:
        rasterize(shapes, out=codes)
    return colours()[codes]


def colours() -> NDArray[np.uint8]:
    """Return the colours of the map by code, of shape (10, 3)."""
    rows = [tuple(bytes.fromhex(PALETTE[label][1:])) for label in LABELS]
    return np.array(rows, np.uint8)
