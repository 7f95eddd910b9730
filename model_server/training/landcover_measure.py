"""Figures of a land-cover model on packed scenes, computed as the server and aviary use it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from model_server.tasks.classes import best_classes
from model_server.training.landcover_data import KEYS, NO_DATA, SERVED_GSD_M

PADDING_PX = 64
BINS = 15
SEALED = (0, 1, 2, 3, 4)
SMALLEST_M2, LARGEST_M2 = 200.0, 2000.0
POLYGONS = 4
"""Per scene."""
TILE_PX, OVERLAP_PX = 320, 128
WIRE = 255

Pixels = NDArray[np.uint8]
Probabilities = NDArray[np.float32]


@dataclass(frozen=True)
class Predictor:
    """A model that is measured.

    Attributes:
        run: Turns an image (bands, h, w), 0-1, sides multiples of 64, into probabilities
            (classes, h / stride, w / stride).
        stride: Pixels per cell.
        bands: 3 or 4.
    """

    run: Callable[[NDArray[np.float32]], Probabilities]
    stride: int
    bands: int = 3

    def cells(self, scene: NDArray[Any]) -> Probabilities:
        """Return the probabilities of a packed scene, its margin mirrored up to full cells."""
        image = padded(np.asarray(scene[..., : self.bands]))
        return self.run(np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32) / 255)


def padded(image: Pixels) -> Pixels:
    """Return an image (h, w, bands) whose sides are multiples of 64, mirrored at its end."""
    height, width = image.shape[:2]
    margins = ((0, -height % PADDING_PX), (0, -width % PADDING_PX), (0, 0))
    return np.pad(image, margins, mode="reflect")


def cell_ndvi(rgbi: Pixels, stride: int) -> NDArray[np.float32]:
    """Return the mean vegetation index of each cell, -1 to 1 (Rouse et al. 1973, NASA SP-351).

    Args:
        rgbi: (h, w, 4), sides multiples of the stride.
        stride: Pixels per cell.
    """
    high, low = rgbi[..., 3].astype(np.float32), rgbi[..., 0].astype(np.float32)
    total = high + low
    index = np.divide(high - low, total, out=np.zeros_like(total), where=total > 0)
    height, width = index.shape
    cells = index.reshape(height // stride, stride, width // stride, stride)
    return np.asarray(cells.mean(axis=(1, 3)), dtype=np.float32)


def fuse(
    values: Probabilities, index: NDArray[np.float32], terms: NDArray[np.float64]
) -> Probabilities:
    """Weigh probabilities by the vegetation index, on the 256 steps that the server sends.

    Args:
        values: (classes, rows, columns).
        index: (rows, columns).
        terms: (classes, 2), a and b.
    """
    sent = np.maximum(np.rint(values * WIRE), 0.5) / WIRE
    weighed = sent * np.exp(terms[:, 0, None, None] + terms[:, 1, None, None] * index)
    return np.asarray(weighed / weighed.sum(axis=0), dtype=np.float32)


@dataclass
class Figures:
    """Counts over scenes, from which all figures follow."""

    confusion: NDArray[np.int64] = field(
        default_factory=lambda: np.zeros((len(KEYS), len(KEYS)), dtype=np.int64)
    )
    bins: NDArray[np.float64] = field(default_factory=lambda: np.zeros((3, BINS)))
    sealed: list[tuple[float, float]] = field(default_factory=list)
    scenes: int = 0

    def add(self, found: Pixels, sure: NDArray[np.float32], truth: Pixels, seed: int) -> None:
        """Count a scene.

        Args:
            found: (h, w) codes of the model.
            sure: (h, w) probability of that code.
            truth: (h, w) codes, 255 = does not count.
            seed: Of the random polygons.
        """
        valid = truth != NO_DATA
        pairs = truth[valid].astype(np.int64) * len(KEYS) + found[valid]
        self.confusion += np.bincount(pairs, minlength=len(KEYS) ** 2).reshape(self.confusion.shape)
        place = np.minimum((sure[valid] * BINS).astype(np.int64), BINS - 1)
        right = found[valid] == truth[valid]
        for row, weights in enumerate((None, sure[valid], right)):
            self.bins[row] += np.bincount(place, weights, minlength=BINS)
        for polygon in random_polygons(truth.shape, seed):
            inside = polygon & valid
            if inside.sum() >= polygon.sum() / 2:
                pair = (np.isin(one[inside], SEALED).mean() for one in (truth, found))
                self.sealed.append(tuple(float(share) for share in pair))
        self.scenes += 1

    @property
    def iou(self) -> NDArray[np.float64]:
        """Intersection over union of each class; no number where a class does not occur."""
        hits = np.diag(self.confusion)
        union = self.confusion.sum(axis=0) + self.confusion.sum(axis=1) - hits
        occurs = self.confusion.sum(axis=1) > 0
        return np.where(occurs, hits / np.maximum(union, 1), np.nan)

    def summary(self) -> dict[str, Any]:
        """Return all figures, rounded."""
        count, sure, right = self.bins
        gap = np.abs(sure - right).sum() / max(1.0, count.sum())
        truth, found = np.array(self.sealed).reshape(-1, 2).T
        known = self.confusion.sum(axis=1)
        return {
            "scenes": self.scenes,
            "mean_iou": round(float(np.nanmean(self.iou)), 4),
            "iou": {
                key: None if np.isnan(value) else round(float(value), 4)
                for key, value in zip(KEYS, self.iou, strict=True)
            },
            "pixel_share": dict(zip(KEYS, (known / known.sum()).round(5).tolist(), strict=True)),
            "right_pixels": round(float(np.diag(self.confusion).sum() / known.sum()), 4),
            "calibration_error": round(float(gap), 4),
            "sealed_error_points": round(100 * float(np.abs(found - truth).mean()), 3),
            "sealed_bias_points": round(100 * float((found - truth).mean()), 3),
            "sealed_polygons": len(self.sealed),
        }


def random_polygons(shape: tuple[int, ...], seed: int) -> Iterator[NDArray[np.bool_]]:
    """Yield the masks of turned rectangles of the size of parcels inside an image.

    Args:
        shape: Height and width at the served pixel size.
        seed: Of all chances.
    """
    random = np.random.default_rng(seed)
    height, width = shape[:2]
    for _ in range(POLYGONS):
        area = np.exp(random.uniform(np.log(SMALLEST_M2), np.log(LARGEST_M2)))
        side = np.sqrt(area) / SERVED_GSD_M
        stretch = random.uniform(1.0, 1.8) ** 0.5
        size = (side * stretch, side / stretch)
        reach = min(np.hypot(*size) / 2, height / 2, width / 2)
        centre = (random.uniform(reach, width - reach), random.uniform(reach, height - reach))
        corners = cv2.boxPoints((centre, size, random.uniform(0, 90))).round().astype(np.int32)
        mask = np.zeros((height, width), dtype=np.uint8)
        cv2.fillConvexPoly(mask, corners, 1)
        yield mask.astype(bool)


def measure(predictor: Predictor, files: Sequence[Path]) -> Figures:
    """Return the counts over packed scenes.

    Args:
        predictor: The model.
        files: Arrays (h, w, 5).
    """
    figures = Figures()
    for number, file in enumerate(files):
        scene = np.load(file, mmap_mode="r")
        _count(figures, predictor.cells(scene), scene, number)
    return figures


def measure_fused(
    predictor: Predictor, terms: NDArray[np.float64], files: Sequence[Path]
) -> tuple[Figures, Figures]:
    """Return the counts over packed scenes without and with near infrared.

    Args:
        predictor: The model.
        terms: See `fuse`.
        files: Arrays (h, w, 5).
    """
    plain, fused = Figures(), Figures()
    for number, file in enumerate(files):
        scene = np.load(file, mmap_mode="r")
        values = predictor.cells(scene)
        _count(plain, values, scene, number)
        index = cell_ndvi(padded(np.asarray(scene[..., :4])), predictor.stride)
        _count(fused, fuse(values, index, terms), scene, number)
    return plain, fused


def _count(figures: Figures, values: Probabilities, scene: NDArray[Any], seed: int) -> None:
    truth = np.asarray(scene[..., 4])
    stride = padded(truth[..., None]).shape[0] // values.shape[1]
    codes, sure = best_classes(values, stride)
    inside = np.s_[: truth.shape[0], : truth.shape[1]]
    figures.add(codes[inside], sure[inside], truth, seed)


def tiling_disagreement(predictor: Predictor, files: Sequence[Path]) -> dict[str, float | int]:
    """Return the share of pixels whose class depends on how a scene is cut into tiles.

    Neighbouring tiles overlap and each counts up to the middle of the overlap.

    Args:
        predictor: The model.
        files: Arrays (h, w, 5); those not larger than a tile are left out.
    """
    differing, pixels = 0, 0
    for file in files:
        scene = np.load(file, mmap_mode="r")
        height, width = (side - side % PADDING_PX for side in scene.shape[:2])
        if min(height, width) <= TILE_PX:
            continue
        scene = scene[:height, :width]
        whole, _ = best_classes(predictor.cells(scene), predictor.stride)
        joined, _ = best_classes(_joined(predictor, scene), predictor.stride)
        differing += int((whole != joined).sum())
        pixels += whole.size
    return {"share": round(differing / max(1, pixels), 6), "pixels": pixels}


def _joined(predictor: Predictor, scene: NDArray[Any]) -> Probabilities:
    height, width = scene.shape[:2]
    step, half = predictor.stride, OVERLAP_PX // 2
    joined = np.zeros((len(KEYS), height // step, width // step), dtype=np.float32)
    for top in _starts(height):
        for left in _starts(width):
            found = predictor.cells(scene[top : top + TILE_PX, left : left + TILE_PX])
            upper, before = half * (top > 0) // step, half * (left > 0) // step
            place = np.s_[:, top // step + upper :, left // step + before :]
            part = found[:, upper:, before:]
            joined[place][:, : part.shape[1], : part.shape[2]] = part
    return joined


def _starts(length: int) -> list[int]:
    """Return where tiles begin, the last one at the end; multiples of 64 like the length."""
    return [*range(0, length - TILE_PX, TILE_PX - OVERLAP_PX), length - TILE_PX]
