"""Rendered scenes as training tiles: cut at the pixel size at which the server sees images.

Read are the files of `python -m shared.demo_city scene --format all`, 25 scenes to a folder
("shard"). Each scene is brought to `SERVED_GSD_M` and cut into squares of `TILE_PX`; outlines are
cut along, and what is left of an object counts from `LEAST_M2` and `LEAST_SHARE` of it on.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon

SERVED_GSD_M = 0.10
TILE_PX = 512
TILES_WITH_ARRAYS, TILES_WITHOUT = 3, 1
TILES_OF_EMPTY_SCENE = 2
LEAST_M2 = 3.0
LEAST_SHARE = 0.2
JPEG_QUALITY = 95
INDEX_FILE = "index.json"


class ScenesUnusable(ValueError):
    """Rendered scenes are missing or broken; the German text says which."""


@dataclass(frozen=True)
class Outline:
    """One solar array.

    Attributes:
        code: 0 pv, 1 solar_thermal, 2 pv_ground.
        corners: (n, 2) x, y in pixels.
    """

    code: int
    corners: NDArray[np.float64]


@dataclass(frozen=True)
class Scene:
    """One rendered scene.

    Attributes:
        stem: File name without ending.
        seed: Seed it was drawn with.
        gsd_m: Metres per pixel.
        image: RGB file.
        mask: File with the kind of solar array of each pixel (0 none, 1-3 kind + 1).
        labels: File with the outlines.
    """

    stem: str
    seed: int
    gsd_m: float
    image: Path
    mask: Path
    labels: Path

    def read_image(self) -> NDArray[np.uint8]:
        """Return the pixels (h, w, 3), RGB."""
        pixels = cv2.imread(str(self.image), cv2.IMREAD_COLOR)
        if pixels is None:
            message = f"Das Bild {self.image.name} ist nicht lesbar."
            raise ScenesUnusable(message)
        return np.ascontiguousarray(pixels[:, :, ::-1])

    def read_outlines(self, side_px: int) -> list[Outline]:
        """Return the arrays in pixels of a square of `side_px`."""
        return parse_outlines(self.labels.read_text(encoding="utf-8"), self.labels.name, side_px)


def parse_outlines(text: str, source: str, side_px: int) -> list[Outline]:
    """Read lines `class x y x y ...` with relative corners.

    Args:
        text: Content of a label file; may be empty.
        source: File name for the error text.
        side_px: Side of the square that the corners are relative to.

    Raises:
        ScenesUnusable: A line is no outline.
    """
    outlines = []
    for number, line in enumerate(text.splitlines(), start=1):
        code, *values = line.split()
        try:
            corners = np.array(values, dtype=np.float64).reshape(-1, 2) * side_px
            outlines.append(Outline(int(code), corners))
        except ValueError as cause:
            message = f"{source}, Zeile {number}: kein Umriss."
            raise ScenesUnusable(message) from cause
    return outlines


def find_shards(folder: Path, split: str) -> list[Path]:
    """Return the finished shards of a split, sorted; half-written ones have a leading dot.

    Raises:
        ScenesUnusable: There is none.
    """
    shards = sorted((folder / split).glob("s_*/scenes.json"))
    if not shards:
        message = (
            f"Der Ordner {folder / split} enthält keine fertigen Szenen. Zeichnen Sie welche mit: "
            f"python -m shared.demo_city scene --split {split} --seed N --count 25 --format all "
            f"--out {folder / split / 's_N'}"
        )
        raise ScenesUnusable(message)
    return [file.parent for file in shards]


def read_scenes(shard: Path, split: str) -> list[Scene]:
    """Return the scenes of a shard.

    Raises:
        ScenesUnusable: A scene belongs to another split.
    """
    rows: list[dict[str, Any]] = json.loads((shard / "scenes.json").read_text(encoding="utf-8"))
    if any(row["split"] != split for row in rows):
        message = f"Der Ordner {shard} enthält Szenen, die nicht zu {split} gehören."
        raise ScenesUnusable(message)
    return [_scene(shard, row) for row in rows]


def _scene(shard: Path, row: dict[str, Any]) -> Scene:
    stem = row["stem"]
    return Scene(
        stem,
        row["seed"],
        row["gsd_m"],
        shard / "images" / f"{stem}.png",
        shard / "solar_masks" / f"{stem}.png",
        shard / "labels" / f"{stem}.txt",
    )


def to_served(image: NDArray[np.uint8], gsd_m: float) -> NDArray[np.uint8]:
    """Return an image at the pixel size that the server gets."""
    side = round(image.shape[0] * gsd_m / SERVED_GSD_M)
    method = cv2.INTER_AREA if side < image.shape[0] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (side, side), interpolation=method), dtype=np.uint8)


def write_tiles(shards: Sequence[Path], split: str, target: Path) -> list[Path]:
    """Cut shards into tiles; shards that are cut already are left as they are.

    Args:
        shards: Folders with scenes.
        split: Their split.
        target: Folder for the tiles: `SHARD/images/*.jpg`, `SHARD/labels/*.txt`.

    Returns:
        All images of these shards, sorted.
    """
    images: list[Path] = []
    for shard in shards:
        folder = target / shard.name
        if not (folder / INDEX_FILE).is_file():
            _cut_shard(shard, split, folder)
        names = json.loads((folder / INDEX_FILE).read_text(encoding="utf-8"))["tiles"]
        images.extend(folder / "images" / f"{name}.jpg" for name in names)
    return sorted(images)


def _cut_shard(shard: Path, split: str, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True)
    names, scenes = [], read_scenes(shard, split)
    for scene in scenes:
        for number, (pixels, outlines) in enumerate(cut_scene(scene)):
            name = f"{scene.stem}_{number}"
            quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
            cv2.imwrite(str(folder / "images" / f"{name}.jpg"), pixels[:, :, ::-1], quality)
            write_outlines(folder / "labels" / f"{name}.txt", outlines, TILE_PX)
            names.append(name)
    index = {"tiles": names, "seeds": [scene.seed for scene in scenes]}
    (folder / INDEX_FILE).write_text(json.dumps(index), encoding="utf-8")


def cut_scene(scene: Scene) -> Iterator[tuple[NDArray[np.uint8], list[Outline]]]:
    """Yield some tiles of a scene, most of them with arrays, drawn by its seed."""
    source = scene.read_image()
    image = to_served(source, scene.gsd_m)
    outlines = scene.read_outlines(image.shape[0])
    cut = [(corner, cut_outlines(outlines, corner, TILE_PX)) for corner in _corners(image.shape[0])]
    np.random.default_rng(scene.seed).shuffle(cut)
    full = [entry for entry in cut if entry[1]]
    bare = [entry for entry in cut if not entry[1]]
    spare = TILES_WITHOUT if outlines else TILES_OF_EMPTY_SCENE
    for (left, top), kept in [*full[:TILES_WITH_ARRAYS], *bare[:spare]]:
        yield image[top : top + TILE_PX, left : left + TILE_PX], kept


def _corners(side_px: int) -> list[tuple[int, int]]:
    places = np.linspace(0, side_px - TILE_PX, math.ceil(side_px / TILE_PX)).astype(int).tolist()
    return [(left, top) for top in places for left in places]


def cut_outlines(
    outlines: Sequence[Outline], corner: tuple[int, int], side_px: int
) -> list[Outline]:
    """Return what of the outlines lies in a square, in its pixels.

    Args:
        outlines: In pixels of the image, at `SERVED_GSD_M`.
        corner: Left and top of the square.
        side_px: Side of the square.
    """
    left, top = corner
    window = shapely.box(left, top, left + side_px, top + side_px)
    found = []
    for outline in outlines:
        whole = shapely.make_valid(Polygon(outline.corners))
        least_px = max(LEAST_M2 / SERVED_GSD_M**2, LEAST_SHARE * whole.area)
        for part in shapely.get_parts(shapely.intersection(whole, window)):
            if part.geom_type == "Polygon" and part.area >= least_px:
                corners = shapely.get_coordinates(part.exterior)[:-1] - [left, top]
                found.append(Outline(outline.code, corners))
    return found


def write_outlines(file: Path, outlines: Sequence[Outline], side_px: int) -> None:
    """Write outlines of a square image as lines `class x y x y ...`, corners relative."""
    lines = []
    for outline in outlines:
        relative = np.clip(outline.corners / side_px, 0, 1).ravel()
        lines.append(" ".join([str(outline.code), *(f"{value:.6f}" for value in relative)]))
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
