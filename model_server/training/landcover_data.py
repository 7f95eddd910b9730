"""Rendered scenes as land-cover training data: packed once, then drawn as small squares.

Read are the files of `python -m shared.demo_city scene --format all`. Each scene is brought to
`SERVED_GSD_M`, the pixel size at which the server sees images, and kept as one uncompressed array
of five bands (red, green, blue, near infrared, class), which is mapped into memory.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from model_server.training.rendered import ScenesUnusable, find_shards

SERVED_GSD_M = 0.20
KEYS = (
    "roof_pitched", "roof_flat", "roof_green", "asphalt", "paved",
    "gravel_rail", "water", "grass", "tree", "bare_soil",
)  # fmt: skip
"""The classes by code."""
NO_DATA = 255
COARSE = 8
"""Pixels between two looked-at places where a class is searched for."""
WANTED_SHARE = 0.06
"""Rarer classes are drawn more often, so that each fills about this share of the pixels."""
AIMED = 0.5
"""Share of squares that are laid onto a wanted class; the others lie anywhere."""
SCALE = 1.25

Pixels = NDArray[np.uint8]


def pack(scenes: Path, packed: Path, split: str) -> list[Path]:
    """Bring all finished shards of a split to the served pixel size; packed ones stay.

    Args:
        scenes: Folder with the folders `train`, `val`, `test`, `extreme`.
        packed: Folder for the arrays.
        split: Name of one of them.

    Returns:
        The arrays (h, w, 5) of these shards, sorted.

    Raises:
        ScenesUnusable: There is no scene, or one cannot be read or is of another split.
    """
    files: list[Path] = []
    for shard in find_shards(scenes, split):
        for row in _rows(shard, split):
            file = packed / split / shard.name / f"{row['stem']}.npy"
            if not file.is_file():
                _write_whole(file, _read_scene(shard, row))
            files.append(file)
    return files


def _rows(shard: Path, split: str) -> list[dict[str, Any]]:
    rows = json.loads((shard / "scenes.json").read_text(encoding="utf-8"))
    if any(row["split"] != split for row in rows):
        message = f"Der Ordner {shard} enthält Szenen, die nicht zu {split} gehören."
        raise ScenesUnusable(message)
    return rows


def _read_scene(shard: Path, row: dict[str, Any]) -> Pixels:
    bands = [
        _read(shard / folder / f"{row['stem']}.png", flag)
        for folder, flag in (
            ("images", cv2.IMREAD_COLOR),
            ("images_nir", cv2.IMREAD_GRAYSCALE),
            ("masks", cv2.IMREAD_GRAYSCALE),
        )
    ]
    rgbi = np.dstack([bands[0][:, :, ::-1], bands[1]])
    return to_served(rgbi, bands[2], row["gsd_m"])


def _read(file: Path, flag: int) -> Pixels:
    pixels = cv2.imread(str(file), flag)
    if pixels is None:
        message = f"Das Bild {file.name} ist nicht lesbar."
        raise ScenesUnusable(message)
    return np.asarray(pixels, dtype=np.uint8)


def _write_whole(file: Path, pixels: Pixels) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    with part.open("wb") as stream:
        np.save(stream, pixels)
    part.rename(file)


def to_served(rgbi: Pixels, mask: Pixels, gsd_m: float) -> Pixels:
    """Return image and classes at the served pixel size; each pixel gets its most frequent class.

    Args:
        rgbi: (h, w, 4).
        mask: (h, w) class codes, 255 = no data.
        gsd_m: Metres per pixel.

    Returns:
        (h', w', 5).
    """
    height, width = (max(1, round(side * gsd_m / SERVED_GSD_M)) for side in mask.shape)
    method = cv2.INTER_AREA if height < mask.shape[0] else cv2.INTER_LINEAR
    image = cv2.resize(rgbi, (width, height), interpolation=method)
    best = np.zeros((height, width), dtype=np.float32)
    codes = np.full((height, width), NO_DATA, dtype=np.uint8)
    for code in np.unique(mask):
        covered = cv2.resize((mask == code).astype(np.float32), (width, height), None, 0, 0, method)
        better = covered > best
        codes[better], best[better] = code, covered[better]
    return np.dstack([image, codes])


@dataclass(frozen=True)
class Squares:
    """Drawn squares.

    Attributes:
        images: (n, side, side, 3) RGB.
        codes: (n, side, side) class codes, 255 = no data.
    """

    images: Pixels
    codes: Pixels


class Packed:
    """Packed scenes from which squares are drawn.

    Args:
        files: Arrays (h, w, 5) written by `pack`.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = tuple(files)
        self.scenes = [np.load(file, mmap_mode="r") for file in files]
        self._coarse = [np.ascontiguousarray(one[::COARSE, ::COARSE, 4]) for one in self.scenes]
        counts = np.array([_count(one) for one in self._coarse], dtype=np.float64)
        self.shares = counts.sum(axis=0) / counts.sum()
        self._by_class = counts / np.maximum(counts.sum(axis=0), 1)
        areas = np.array([one.size for one in self._coarse], dtype=np.float64)
        self._by_area = areas / areas.sum()
        wish = np.clip(WANTED_SHARE - self.shares, 0, None) * (counts.sum(axis=0) > 0)
        self._wish = wish / wish.sum() if wish.sum() > 0 else None

    def draw(self, random: np.random.Generator, count: int, side_px: int) -> Squares:
        """Draw squares, turned, flipped and scaled; rare classes come more often.

        Args:
            random: Source of all chances.
            count: Number of squares.
            side_px: Side of the squares.
        """
        chosen = [self._one(random, side_px) for _ in range(count)]
        return Squares(
            np.stack([one[:, :, :3] for one in chosen]), np.stack([one[:, :, 4] for one in chosen])
        )

    def _one(self, random: np.random.Generator, side_px: int) -> Pixels:
        number, (y, x) = self._place(random)
        scene = self.scenes[number]
        seen = round(side_px * SCALE ** random.uniform(-1, 1))
        spread = seen // 4
        top = y - seen // 2 + int(random.integers(-spread, spread + 1))
        left = x - seen // 2 + int(random.integers(-spread, spread + 1))
        cut = _cut(scene, top, left, seen)
        square = np.rot90(cut, int(random.integers(4)))
        return _scaled(square[:, ::-1] if random.random() < 0.5 else square, side_px)

    def _place(self, random: np.random.Generator) -> tuple[int, tuple[int, int]]:
        if self._wish is not None and random.random() < AIMED:
            code = int(random.choice(len(KEYS), p=self._wish))
            number = int(random.choice(len(self.scenes), p=self._by_class[:, code]))
            places = np.flatnonzero(self._coarse[number] == code)
            place = int(places[random.integers(len(places))])
        else:
            number = int(random.choice(len(self.scenes), p=self._by_area))
            place = int(random.integers(self._coarse[number].size))
        row, column = divmod(place, self._coarse[number].shape[1])
        return number, (row * COARSE, column * COARSE)


def _count(codes: Pixels) -> NDArray[np.int64]:
    return np.bincount(codes.ravel(), minlength=NO_DATA + 1)[: len(KEYS)]


def _cut(scene: NDArray[Any], top: int, left: int, side_px: int) -> Pixels:
    """Return a square; it is moved into the scene, and what a small scene lacks has no class."""
    height, width = scene.shape[:2]
    top, left = (max(0, min(at, most - side_px)) for at, most in ((top, height), (left, width)))
    found = scene[top : top + side_px, left : left + side_px]
    if found.shape[:2] == (side_px, side_px):
        return np.asarray(found)
    square = np.zeros((side_px, side_px, 5), dtype=np.uint8)
    square[..., 4] = NO_DATA
    square[: found.shape[0], : found.shape[1]] = found
    return square


def _scaled(square: Pixels, side_px: int) -> Pixels:
    if square.shape[0] == side_px:
        return np.ascontiguousarray(square)
    size = (side_px, side_px)
    image = cv2.resize(np.ascontiguousarray(square[..., :4]), size, interpolation=cv2.INTER_LINEAR)
    codes = cv2.resize(
        np.ascontiguousarray(square[..., 4]), size, interpolation=cv2.INTER_NEAREST_EXACT
    )
    return np.dstack([image, codes])


def disturb(squares: Squares, random: np.random.Generator) -> Squares:
    """Return squares with other light, colours, sharpness, compression and gaps.

    Args:
        squares: As drawn; left as they are.
        random: Source of all chances.
    """
    images, codes = squares.images.copy(), squares.codes.copy()
    for image, mask in zip(images, codes, strict=True):
        image[:] = _tinted(image, random)
        if random.random() < 0.3:
            image[:] = cv2.GaussianBlur(image, (0, 0), random.uniform(0.3, 1.0))
        if random.random() < 0.2:
            image[:] = _compressed(image, int(random.integers(45, 95)))
        if random.random() < 0.03:
            image[..., int(random.integers(3))] = int(random.integers(256))
        if random.random() < 0.05:
            _punch(image, mask, random)
    return Squares(images, codes)


def _tinted(image: Pixels, random: np.random.Generator) -> Pixels:
    """Change brightness, colour of the light, contrast and gamma by a table for each band."""
    levels = np.linspace(0, 1, 256)
    gamma, gain = 2 ** random.uniform(-0.5, 0.5), 2 ** random.uniform(-0.9, 0.4)
    offset = random.uniform(-0.05, 0.05)
    for band in range(3):
        values = levels**gamma * gain * 2 ** random.uniform(-0.12, 0.12) + offset
        table = np.clip(np.rint(values * 255), 0, 255).astype(np.uint8)
        image[..., band] = table[image[..., band]]
    return image


def _compressed(image: Pixels, quality: int) -> Pixels:
    done, data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError("the square could not be written as JPEG")
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1], dtype=np.uint8)


def _punch(image: Pixels, mask: Pixels, random: np.random.Generator) -> None:
    """Take a rectangle away, as at the edge of a flight."""
    side = mask.shape[0]
    top, left = (int(value) for value in random.integers(0, side, 2))
    height, width = (int(value) for value in random.integers(side // 8, side // 2 + 1, 2))
    hole = np.s_[top : top + height, left : left + width]
    image[hole], mask[hole] = int(random.choice([0, 255])), NO_DATA
