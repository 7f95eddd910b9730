"""Outlines for real tiles that have boxes only: the rendered network's where it agrees.

A given box takes the outline of the find whose box overlaps it most, if by `LEAST_IOU`, stretched
to the given box: what a person drew is the better measure. Else it takes the box itself. Both are
a little smaller than the box, because arrays seldom fill it. Tiles with ground-mounted arrays
get the class `pv_ground`: rendered scenes teach that class, and the same picture under two names
would harm both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from model_server.training.mask_prediction import Find, corners_of
from model_server.training.rendered import Outline, write_outlines
from model_server.training.scoring import intersection_over_union
from model_server.training.segmenter import CLASSES
from model_server.training.tiles import Tile

LEAST_IOU = 0.7
SHRINK = 0.04
MIN_SCORE = 0.05


@dataclass(frozen=True)
class PseudoMasks:
    """What became of a tile's boxes.

    Attributes:
        outlines: One per box, in pixels of the tile.
        from_network: How many of them the network drew; the others are shrunken boxes.
    """

    outlines: list[Outline]
    from_network: int


def outline_boxes(boxes: NDArray[np.float64], found: Sequence[Find], ground: bool) -> PseudoMasks:
    """Give each box an outline.

    Args:
        boxes: (n, 4) left, top, right, bottom in pixels.
        found: What the rendered network found.
        ground: The tile shows ground-mounted arrays.
    """
    code = CLASSES.index("pv_ground" if ground else "pv")
    drawn = np.array([find.box for find in found], dtype=np.float64).reshape(-1, 4)
    overlap = intersection_over_union(boxes, drawn)
    outlines, from_network = [], 0
    for place, box in enumerate(boxes):
        best = int(overlap[place].argmax()) if len(found) else -1
        if best >= 0 and overlap[place, best] >= LEAST_IOU:
            corners = _stretched(found[best].corners, _shrunken(box))
            from_network += 1
        else:
            corners = corners_of(_shrunken(box))
        outlines.append(Outline(code, corners))
    return PseudoMasks(outlines, from_network)


def _stretched(corners: NDArray[np.float64], box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move and scale an outline so that it touches all four sides of a box."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    return box[:2] + (corners - low) * (box[2:] - box[:2]) / np.maximum(high - low, 1e-6)


def _shrunken(box: NDArray[np.float64]) -> NDArray[np.float64]:
    inward = (box[2:] - box[:2]) * SHRINK / 2
    return np.concatenate([box[:2] + inward, box[2:] - inward])


def write_pseudo_tile(tile: Tile, pixels: NDArray[np.uint8], masks: PseudoMasks, to: Path) -> None:
    """Write a tile and its transposed twin with outlines, so that random flips make all turns.

    Args:
        tile: The tile.
        pixels: Its pixels (h, h, 3), RGB, square.
        masks: Its outlines.
        to: Folder for `images` and `labels`.
    """
    side = pixels.shape[0]
    for part in ("images", "labels"):
        (to / part).mkdir(parents=True, exist_ok=True)
    (to / "images" / f"{tile.name}.jpg").write_bytes(tile.image.read_bytes())
    write_outlines(to / "labels" / f"{tile.name}.txt", masks.outlines, side)
    # PNG, so that the twin is not compressed a second time.
    twin = cv2.transpose(pixels)[:, :, ::-1]
    cv2.imwrite(str(to / "images" / f"{tile.name}_t.png"), twin)
    turned = [Outline(one.code, one.corners[:, ::-1]) for one in masks.outlines]
    write_outlines(to / "labels" / f"{tile.name}_t.txt", turned, side)


def pseudo_images(tiles: Sequence[Tile], folder: Path) -> list[Path]:
    """Return the written images of tiles and their twins, sorted."""
    images = folder / "images"
    return sorted(images / name for t in tiles for name in (f"{t.name}.jpg", f"{t.name}_t.png"))
