"""Keep a painted town in a file of plain arrays, so that every process can render it at once."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import shapely
import shapely.errors
from numpy.typing import NDArray
from shapely import STRtree

from shared.demo_city.garbage_pause import collector_paused
from shared.demo_city.render.painting import Painting, paint_town
from shared.demo_city.town import Town
from shared.demo_city.trees.vegetation import Trees, plant_trees
from shared.store.local_files import whole_file

OUTLINES: Final = ("places", "rings", "polygons")
"""Coordinates of all corners, and where each ring and each polygon begins."""


@dataclass(frozen=True, slots=True)
class Painted:
    """What the renderer needs of a town.

    Args:
        painting: What is painted.
        trees: Its trees.
        seed: Its seed.
    """

    painting: Painting
    trees: Trees
    seed: int

    @classmethod
    def of(cls, town: Town) -> Self:
        """Paint a town and plant its trees."""
        with collector_paused():
            return cls(paint_town(town), plant_trees(town), town.plan.seed)


def save_painted(path: Path, painted: Painted) -> None:
    """Write a painted town; a reader sees the whole file or none.

    Args:
        path: File that is made or replaced; it ends in ".npz".
        painted: The town.

    Raises:
        StorageFull: There is no space left, or the folder may not be written.
        StorageUnreachable: Any other fault of the disk.
    """
    arrays: dict[str, NDArray[Any]] = {"seed": np.array(painted.seed)}
    for name, value in _parts(painted.painting):
        if name == "areas":
            _, places, (rings, polygons) = shapely.to_ragged_array(value)
            arrays |= dict(zip(OUTLINES, (places, rings, polygons), strict=True))
        elif name != "index":
            arrays[f"painting_{name}"] = value
    arrays |= {f"trees_{name}": value for name, value in _parts(painted.trees)}
    with whole_file(path) as draft:
        np.savez(draft, allow_pickle=False, **arrays)


def load_painted(path: Path) -> Painted:
    """Read a painted town.

    Args:
        path: File that `save_painted` wrote.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is damaged, or another version of this software wrote it.
    """
    try:
        # Opened here, because numpy leaves a damaged file open.
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = dict(file)
        places, rings, polygons = (arrays[name] for name in OUTLINES)
        polygon = shapely.GeometryType.POLYGON
        areas = shapely.from_ragged_array(polygon, places, (rings, polygons))
        known = {"areas": areas, "index": STRtree(areas)}
        painting = Painting(**known, **_of(arrays, "painting_"))
        return Painted(painting, Trees(**_of(arrays, "trees_")), int(arrays["seed"]))
    except (
        KeyError,
        TypeError,
        EOFError,
        zipfile.BadZipFile,
        shapely.errors.ShapelyError,
    ) as cause:
        message = f"{path.name} is no painted town of this version"
        raise ValueError(message) from cause


def _parts(value: Painting | Trees) -> list[tuple[str, Any]]:
    return [(one.name, getattr(value, one.name)) for one in fields(value)]


def _of(arrays: dict[str, NDArray[Any]], prefix: str) -> dict[str, Any]:
    return {
        name.removeprefix(prefix): value
        for name, value in arrays.items()
        if name.startswith(prefix)
    }
