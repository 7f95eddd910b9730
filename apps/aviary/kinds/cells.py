"""What a model says about the cells of one tile: as a file of the run and in the cache."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.errors import FileDamaged

COMPRESSION = 1
DIMENSIONS = 3


@dataclass(frozen=True, slots=True)
class TileCells:
    """Probabilities of the classes on the cells of a tile.

    Args:
        values: Probability times 255, uint8 of shape (classes, rows, columns); all 0 where nothing
            is known.
        unusual: True where the model does not know images like this tile.
        domain_distance: Distance of the tile to the training data; None where not stated.
    """

    values: NDArray[np.uint8]
    unusual: bool = False
    domain_distance: float | None = None


def pack(cells: TileCells) -> bytes:
    """Return the values as bytes; the same values give the same bytes."""
    return zlib.compress(np.ascontiguousarray(cells.values).tobytes(), COMPRESSION)


def unpack(content: bytes, shape: tuple[int, int, int], name: str) -> NDArray[np.uint8]:
    """Read what `pack` returned.

    Args:
        content: All bytes.
        shape: Classes, rows and columns.
        name: File name for people.

    Raises:
        FileDamaged: It holds something else.
    """
    size = shape[0] * shape[1] * shape[2]
    try:
        values = zlib.decompressobj().decompress(content, size + 1)
    except zlib.error as cause:
        raise FileDamaged(name=name) from cause
    if len(values) != size:
        raise FileDamaged(name=name)
    return np.frombuffer(values, dtype=np.uint8).reshape(shape)


def to_arrays(cells: TileCells) -> dict[str, NDArray[Any]]:
    """Return the form in which the cache keeps cells."""
    distance = np.nan if cells.domain_distance is None else cells.domain_distance
    return {"values": cells.values, "domain": np.array([distance, cells.unusual])}


def from_arrays(arrays: dict[str, NDArray[Any]]) -> TileCells:
    """Read what `to_arrays` returned."""
    distance, unusual = arrays["domain"].tolist()
    return TileCells(arrays["values"], bool(unusual), None if np.isnan(distance) else distance)
