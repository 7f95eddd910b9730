"""What a map or a zoomable picture shows, as plain values."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from PIL import Image, ImageOps

Point = tuple[float, float]
DrawTool = Literal["rectangle", "polygon", "marker"]
MAX_SHAPES = 5000
MAX_DISPLAY_SIDE_PX = 2000
_JPEG_QUALITY = 88


@dataclass(frozen=True, slots=True)
class ImageBase:
    """The picture below the shapes.

    Args:
        content: JPEG or PNG for the browser; may be smaller than the original.
        media_type: "image/jpeg" or "image/png".
        width_px: Width of the original in pixels; shapes use its pixel grid.
        height_px: Height of the original in pixels.
        bounds_wgs84: West, south, east, north in degrees; None: the shapes are in pixels, x right,
            y down, (0, 0) the outer corner of the top left pixel.
    """

    content: bytes
    media_type: Literal["image/jpeg", "image/png"]
    width_px: int
    height_px: int
    bounds_wgs84: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """One kind of shape; the word always stands beside the colour.

    Args:
        key: Value of `Shape.kind`.
        title: Translated word.
        colour: `#rrggbb`.
        dashed: True draws the outline dashed, so kinds differ without colour too.
        quiet: True draws a thin outline and almost no filling, for shapes over something to read.
        filled: True fills the sample in the legend, for what is a surface in the picture itself.
    """

    key: str
    title: str
    colour: str
    dashed: bool = False
    quiet: bool = False
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """One object on the map.

    Args:
        row: Position of its row in the table.
        rings: Outer ring and holes; a single ring of one point is a marker. Pixels (x, y) or
            degrees (longitude, latitude), as the base says.
        kind: Key of its legend entry.
        label: Translated short text, shown on hover and on click; plain text, never HTML.
    """

    row: int
    rings: tuple[tuple[Point, ...], ...]
    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class MapSpec:
    """A whole map.

    Args:
        base: Picture below the shapes; None for none (then the shapes are in degrees).
        shapes: Objects; more than 5,000 are cut, which the page says.
        legend: Kinds of shapes.
        draw: Tools the person may draw with.
        height_px: Height on the page.
        pixelated: True shows single pixels sharply, for rasters of classes.
    """

    base: ImageBase | None
    shapes: Sequence[Shape]
    legend: Sequence[LegendEntry]
    draw: frozenset[DrawTool] = field(default_factory=frozenset)
    height_px: int = 520
    pixelated: bool = False

    @property
    def in_pixels(self) -> bool:
        """Say whether the shapes are in pixels of the picture."""
        return self.base is not None and self.base.bounds_wgs84 is None


@dataclass(frozen=True, slots=True)
class MapEvent:
    """What the person did.

    Args:
        selected_row: Row selected on the map or in the table, None for none.
        drawn: Outer ring of the last drawing, in the coordinates of the shapes.
    """

    selected_row: int | None = None
    drawn: tuple[Point, ...] | None = None


def display_image(
    image: bytes | Image.Image,
    bounds_wgs84: tuple[float, float, float, float] | None = None,
    max_side_px: int = MAX_DISPLAY_SIDE_PX,
) -> ImageBase:
    """Prepare a checked image for the browser: upright, RGB, not larger than needed.

    Args:
        image: Encoded image that passed the guard, or a decoded one; EXIF orientation is applied.
        bounds_wgs84: West, south, east, north in degrees, None for pixel coordinates.
        max_side_px: Longest side that is sent to the browser.
    """
    opened = Image.open(io.BytesIO(image)) if isinstance(image, bytes) else image
    upright = ImageOps.exif_transpose(opened).convert("RGB")
    width, height = upright.size
    shown = upright.copy()
    shown.thumbnail((max_side_px, max_side_px), Image.Resampling.LANCZOS)
    target = io.BytesIO()
    shown.save(target, "JPEG", quality=_JPEG_QUALITY, optimize=True)
    return ImageBase(target.getvalue(), "image/jpeg", width, height, bounds_wgs84)
