"""Cut an image into overlapping tiles that cover every pixel."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """One tile on the pixel grid of the (resampled) image.

    Args:
        tile_id: Position in reading order, from 0.
        x0: Left edge [px].
        y0: Upper edge [px].
        width: Columns [px].
        height: Rows [px].
    """

    tile_id: int
    x0: int
    y0: int
    width: int
    height: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, upper, right and lower edge [px]."""
        return self.x0, self.y0, self.x0 + self.width, self.y0 + self.height

    def inner_edges(self, width: int, height: int) -> tuple[bool, bool, bool, bool]:
        """Tell which edges lie inside the image, so that objects may go on behind them.

        Args:
            width: Columns of the whole image [px].
            height: Rows of the whole image [px].

        Returns:
            True for left, upper, right and lower where another tile follows.
        """
        left, upper, right, lower = self.box
        return left > 0, upper > 0, right < width, lower < height


def tile_origins(length: int, tile_px: int, overlap_px: int) -> list[int]:
    """Place tiles along one axis; the last one ends exactly at the edge.

    Args:
        length: Length of the axis [px], at least 1.
        tile_px: Length of a tile [px].
        overlap_px: Least overlap of neighbours [px], 0 to tile_px - 1.

    Raises:
        ValueError: An argument is out of range.
    """
    if length < 1 or tile_px < 1 or not 0 <= overlap_px < tile_px:
        message = f"cannot tile {length} px by {tile_px} px with {overlap_px} px overlap"
        raise ValueError(message)
    if length <= tile_px:
        return [0]
    step = tile_px - overlap_px
    return [*range(0, length - tile_px, step), length - tile_px]


def plan_tiles(width: int, height: int, tile_px: int, overlap_px: int) -> tuple[Tile, ...]:
    """Cover an image with tiles in reading order.

    Tiles have the full size wherever the image allows it; the last column and row are moved back
    to the edge, so no tile needs padding and neighbours share at least `overlap_px`.

    Args:
        width: Columns of the image [px].
        height: Rows of the image [px].
        tile_px: Side of a tile [px].
        overlap_px: Least overlap of neighbours [px].

    Raises:
        ValueError: An argument is out of range.
    """
    corners = [
        (x0, y0)
        for y0 in tile_origins(height, tile_px, overlap_px)
        for x0 in tile_origins(width, tile_px, overlap_px)
    ]
    return tuple(
        Tile(tile_id, x0, y0, min(tile_px, width), min(tile_px, height))
        for tile_id, (x0, y0) in enumerate(corners)
    )
