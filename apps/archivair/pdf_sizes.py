"""What a stream of a PDF says of its size: copies of a tile, pixels of a picture."""

from __future__ import annotations

import math
from typing import Final

import pikepdf

from apps.archivair.pdf_contents import MOST_PIXELS, EndlessDrawing

MOST_TILES: Final = 20_000_000
"""Copies of one tile on the largest page; hatches of plans take some hundred thousand."""
PAGE_PT: Final = 3_400.0
"""Long side of an A0 page."""
_MATRIX: Final = 6
_LONGEST_SIDE: Final = 1e9
_KEPT_PACKED = ("/EmbeddedFile", "/Metadata", "/ObjStm", "/XRef")


def is_left_packed(stream: pikepdf.Stream) -> bool:
    """Say whether the library that draws does not unpack a stream, or not as a whole.

    Args:
        stream: Any stream.
    """
    return stream.get("/Subtype") == "/Image" or str(stream.get("/Type")) in _KEPT_PACKED


def pixels_of(picture: pikepdf.Stream) -> int:
    """Return the pixels that a picture says it has; nothing is unpacked for it.

    Args:
        picture: The picture.

    Raises:
        EndlessDrawing: Its mask is larger than any picture may be.
    """
    for name in ("/SMask", "/Mask"):
        mask = picture.get(name)
        if isinstance(mask, pikepdf.Stream) and _stated_pixels(mask) > MOST_PIXELS:
            raise EndlessDrawing
    return _stated_pixels(picture)


def refuse_endless_tiles(tile: pikepdf.Stream) -> None:
    """Refuse a tile of which a page would hold more copies than anybody can draw.

    Args:
        tile: The stream of a pattern.

    Raises:
        EndlessDrawing: Too many copies, or a step of nothing, which the standard forbids.
    """
    scale = _least_scale(_numbers(tile.get("/Matrix")))
    box = _numbers(tile.get("/BBox"))
    copies = 1.0
    for axis, name in enumerate(("/XStep", "/YStep")):
        step = abs(_number(tile.get(name))) * scale
        if step <= 0:
            raise EndlessDrawing
        own = abs(box[axis + 2] - box[axis]) * scale if len(box) > axis + 2 else 0.0
        copies *= 1 + (PAGE_PT + own) / step
    if copies > MOST_TILES:
        raise EndlessDrawing


def _stated_pixels(picture: pikepdf.Stream) -> int:
    sides = (_number(picture.get(name)) for name in ("/Width", "/Height"))
    return int(math.prod(min(_LONGEST_SIDE, max(0.0, side)) for side in sides))


def _least_scale(matrix: list[float]) -> float:
    """Return how much a matrix shrinks at most along one axis of the tile, 1 without one."""
    if len(matrix) != _MATRIX:
        return 1.0
    return min(math.hypot(matrix[0], matrix[1]), math.hypot(matrix[2], matrix[3]))


def _numbers(value: pikepdf.Object | None) -> list[float]:
    if not isinstance(value, pikepdf.Array):
        return []
    return [_number(one) for one in value]


def _number(value: object) -> float:
    """Return a number of a file; what is none, or has no end, counts as 0."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return number if math.isfinite(number) else 0.0
