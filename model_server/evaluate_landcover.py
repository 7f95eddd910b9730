"""Measure the rules for land cover: on statistics of real roofs and on painted scenes.

`measure_roofs` needs the development data `greenroofs_zurich_stats` (Swiss Territorial Data Lab,
proj-vegroofs, (c) 2024, MIT). `measure_scenes` paints its own small town pieces from a seed; they
are far simpler than aerial images and say only that the rules do what they are meant to do.
"""

from __future__ import annotations

import base64
import csv
import io
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model_server.tasks.landcover_rules import (
    ASPHALT,
    BARE_SOIL,
    GRASS,
    ROOF_FLAT,
    ROOF_PITCHED,
    TREE,
    WATER,
    find_vegetation,
    read_signs,
)
from shared.contracts.model_server import ClassesValue, SegmentOptions

ROOF_DATA = "greenroofs_zurich_stats"
CREDIT = "Swiss Territorial Data Lab, proj-vegroofs, (c) 2024, MIT"
GREEN_CLASSES = frozenset("elits")
BARE_CLASS = "b"
BANDS = ("red", "green", "blue", "nir")
SCENES = 24
SIDE_PX = 320
GSD_M = 0.2
SEALED, OPEN, WATERY = 0, 1, 2
GROUPS = {ROOF_PITCHED: SEALED, ROOF_FLAT: SEALED, ASPHALT: SEALED, WATER: WATERY}
"""Everything else is open ground."""

Segment = Callable[[SegmentOptions, Sequence[bytes]], Sequence[Any]]

MATERIALS: Mapping[int, tuple[tuple[float, float, float, float], float, float]] = {
    ROOF_PITCHED: ((0.56, 0.37, 0.31, 0.50), 0.05, 0.030),
    ROOF_FLAT: ((0.74, 0.74, 0.73, 0.60), 0.04, 0.012),
    ASPHALT: ((0.43, 0.43, 0.44, 0.32), 0.05, 0.020),
    WATER: ((0.17, 0.24, 0.28, 0.04), 0.03, 0.006),
    GRASS: ((0.38, 0.48, 0.29, 0.66), 0.04, 0.018),
    TREE: ((0.22, 0.31, 0.18, 0.52), 0.03, 0.060),
    BARE_SOIL: ((0.58, 0.49, 0.38, 0.60), 0.04, 0.030),
}
"""Mean of red, green, blue, near infrared (0-1), spread between objects, grain within one."""


def measure_roofs(folder: Path) -> dict[str, Any]:
    """Return shares of roofs, by their mean colours, that the vegetation rules take for what it is.

    Only roofs with an odd number count; the steps of the rules were placed on the others. The
    greenery parts were cut out by their publishers with an index of their own, which flatters the
    first figure. On bare roofs such parts are mostly shade.

    Args:
        folder: Folder of the data set.

    Raises:
        OSError: A file is missing.
    """
    with (folder / "roofs.csv").open(encoding="utf-8", newline="") as file:
        classes = {row["roof_id"]: row["class_code"] for row in csv.DictReader(file)}
    parts = _read_means(folder / "band_statistics_greenery_part.csv")
    wholes = _read_means(folder / "band_statistics_whole_roof.csv")
    sets = {
        "greenery_called_vegetation": (parts, GREEN_CLASSES, True),
        "bare_roof_called_bare": (wholes, frozenset(BARE_CLASS), False),
        "shade_on_bare_roof_called_bare": (parts, frozenset(BARE_CLASS), False),
    }
    figures: dict[str, Any] = {"data": ROOF_DATA, "credit": CREDIT}
    for name, (means, wanted, is_green) in sets.items():
        chosen = [
            values for roof, values in means.items() if classes[roof] in wanted and int(roof) % 2
        ]
        for bands in ("rgbi", "rgb"):
            green = np.array([_is_vegetation(colours[: len(bands)]) for colours in chosen])
            share = float((green == is_green).mean())
            figures[f"{name}_{bands}"] = {"share": round(share, 4), "roofs": len(chosen)}
    return figures


def measure_scenes(segment: Segment, seed: int) -> dict[str, Any]:
    """Return the share of right pixels on painted scenes, sealed against open ground and water.

    Args:
        segment: Runs the model on images; returns one value per image.
        seed: Of the scenes.
    """
    scenes = [paint_scene(np.random.default_rng([seed, number])) for number in range(SCENES)]
    figures: dict[str, Any] = {"data": "painted scenes, synthetic", "scenes": SCENES, "seed": seed}
    for bands in ("rgbi", "rgb"):
        options = SegmentOptions.model_validate(
            {"model": "landcover_rules", "bands": bands, "gsd_m": GSD_M, "output": "classes"}
        )
        images = [_png(image[..., : len(bands)]) for image, _ in scenes]
        found = [_codes(value) for value in segment(options, images)]
        right = [
            (_grouped(codes) == _grouped(truth)).mean()
            for codes, (_, truth) in zip(found, scenes, strict=True)
        ]
        same = [(codes == truth).mean() for codes, (_, truth) in zip(found, scenes, strict=True)]
        figures[f"three_groups_{bands}"] = round(float(np.mean(right)), 4)
        figures[f"classes_{bands}"] = round(float(np.mean(same)), 4)
    return figures


def paint_scene(rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Paint a piece of a town: height x width x 4 bands, and the class code of every pixel."""
    image = np.zeros((SIDE_PX, SIDE_PX, len(BANDS)), dtype=np.float32)
    codes = np.zeros((SIDE_PX, SIDE_PX), dtype=np.uint8)
    shade = np.zeros((SIDE_PX, SIDE_PX), dtype=np.uint8)
    _fill(image, codes, np.ones_like(codes), int(rng.choice([GRASS, BARE_SOIL])), rng)
    _fill(image, codes, _bar(rng, (30, 50)), ASPHALT, rng)
    if rng.random() < 0.5:
        _fill(image, codes, _blob(rng, (35, 70)), WATER, rng)
    for _ in range(6):
        roof = _block(rng, (24, 70))
        shade |= np.roll(roof, (10, 10), axis=(0, 1))
        _fill(image, codes, roof, int(rng.choice([ROOF_PITCHED, ROOF_FLAT])), rng)
        shade[roof > 0] = 0
    for _ in range(8):
        crown = _blob(rng, (8, 18))
        shade |= np.roll(crown, (6, 6), axis=(0, 1))
        _fill(image, codes, crown, TREE, rng)
        shade[crown > 0] = 0
    image[shade > 0] *= 0.45
    image *= rng.uniform(0.85, 1.1)
    blurred = cv2.GaussianBlur(image, (0, 0), 0.6) + rng.normal(0, 0.008, image.shape)
    return np.rint(np.clip(blurred, 0, 1) * 255).astype(np.uint8), codes


def _fill(
    image: NDArray[np.float32],
    codes: NDArray[np.uint8],
    where: NDArray[np.uint8],
    code: int,
    rng: np.random.Generator,
) -> None:
    mean, spread, grain = MATERIALS[code]
    light = 1 + rng.normal(0, spread) / mean[1]
    relief = rng.normal(0, grain, (SIDE_PX // 2, SIDE_PX // 2)).astype(np.float32)
    coarse = cv2.resize(relief, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_LINEAR)
    painted = np.array(mean, dtype=np.float32) * light * (1 + coarse[..., np.newaxis] / mean[1])
    image[where > 0] = painted[where > 0]
    codes[where > 0] = code


def _block(rng: np.random.Generator, sides: tuple[int, int]) -> NDArray[np.uint8]:
    centre, size = rng.uniform(20, SIDE_PX - 20, 2), rng.uniform(*sides, 2)
    corners = cv2.boxPoints((tuple(centre), tuple(size), float(rng.uniform(0, 90))))
    return _polygon(corners)


def _bar(rng: np.random.Generator, widths: tuple[int, int]) -> NDArray[np.uint8]:
    centre, size = rng.uniform(80, SIDE_PX - 80, 2), (3.0 * SIDE_PX, rng.uniform(*widths))
    return _polygon(cv2.boxPoints((tuple(centre), size, float(rng.uniform(0, 180)))))


def _blob(rng: np.random.Generator, radii: tuple[int, int]) -> NDArray[np.uint8]:
    turns = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    reach = rng.uniform(*radii) * rng.uniform(0.8, 1.2, turns.size)
    rim = np.stack([np.cos(turns), np.sin(turns)], axis=1) * reach[:, np.newaxis]
    return _polygon(rim + rng.uniform(0, SIDE_PX, 2))


def _polygon(corners: NDArray[Any]) -> NDArray[np.uint8]:
    mask = np.zeros((SIDE_PX, SIDE_PX), dtype=np.uint8)
    cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 1)
    return mask


def _is_vegetation(colours: Sequence[float]) -> bool:
    """Look at a field of one colour; the values are those of 8 bits."""
    field = np.array(colours, dtype=np.float32)[:, np.newaxis, np.newaxis] / np.float32(255)
    return bool(find_vegetation(read_signs(field))[0, 0] > 0.5)


def _read_means(file: Path) -> dict[str, list[float]]:
    found: defaultdict[str, dict[str, float]] = defaultdict(dict)
    with file.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            found[row["roof_id"]][row["band"]] = float(row["mean"])
    return {
        roof: [means[band] for band in BANDS]
        for roof, means in found.items()
        if means.keys() >= set(BANDS)
    }


def _grouped(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    table = np.full(256, OPEN, dtype=np.uint8)
    for code, group in GROUPS.items():
        table[code] = group
    return np.asarray(table[codes], dtype=np.uint8)


def _codes(value: object) -> NDArray[np.uint8]:
    if not isinstance(value, ClassesValue):
        raise TypeError(type(value))
    with Image.open(io.BytesIO(base64.b64decode(value.classes_png))) as picture:
        return np.asarray(picture, dtype=np.uint8)


def _png(pixels: NDArray[np.uint8]) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
