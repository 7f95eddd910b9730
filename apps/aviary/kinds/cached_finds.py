"""The finds of a tile as arrays of numbers, the form in which the cache keeps them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apps.aviary.objects import Corners, Find, TileFinds

Arrays = Mapping[str, NDArray[Any]]


def finds_to_arrays(finds: TileFinds) -> dict[str, NDArray[Any]]:
    """Return finds as arrays; `finds_from_arrays` gives the same finds to the last bit.

    Args:
        finds: What the model found in a tile.
    """
    keys = sorted({one.class_key for one in finds.finds})
    distance = np.nan if finds.domain_distance is None else finds.domain_distance
    corners = [corner for one in finds.finds for corner in one.corners]
    return {
        "keys": np.frombuffer("\n".join(keys).encode(), dtype=np.uint8),
        "classes": np.array([keys.index(one.class_key) for one in finds.finds], dtype=np.int64),
        "scores": np.array([one.score for one in finds.finds], dtype=np.float64),
        "boxes": np.array([one.box for one in finds.finds], dtype=np.float64).reshape(-1, 4),
        "corners": np.array(corners, dtype=np.float64).reshape(-1, 2),
        "counts": np.array([len(one.corners) for one in finds.finds], dtype=np.int64),
        "domain": np.array([distance, finds.unusual], dtype=np.float64),
    }


def finds_from_arrays(tile_id: int, arrays: Arrays) -> TileFinds:
    """Read what `finds_to_arrays` returned.

    Args:
        tile_id: The tile that shows the same pixels.
        arrays: The arrays.
    """
    distance, unusual = arrays["domain"].tolist()
    return TileFinds(
        tile_id,
        tuple(_finds(arrays)),
        unusual=bool(unusual),
        domain_distance=None if np.isnan(distance) else distance,
    )


def _finds(arrays: Arrays) -> Iterator[Find]:
    keys = arrays["keys"].tobytes().decode().split("\n")
    ends = np.cumsum(arrays["counts"]).tolist()
    starts = [0, *ends]
    points: list[list[float]] = arrays["corners"].tolist()
    told = zip(
        arrays["classes"].tolist(),
        arrays["scores"].tolist(),
        arrays["boxes"].tolist(),
        starts,
        ends,
        strict=False,
    )
    for place, score, box, start, end in told:
        corners: Corners = tuple((x, y) for x, y in points[start:end])
        left, upper, right, lower = box
        yield Find(keys[place], score, (left, upper, right, lower), corners)
