"""Divide areas covered by trees into crowns."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Surface = NDArray[np.float32]
Labels = NDArray[np.int32]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Parting:
    """When two tops belong to one crown: the lower one hardly rises above the saddle between them.

    Args:
        share: It rises by less than this share of its own height, 0 to 1.
        rise: Or by less than this, in the unit of the surface.
    """

    share: float
    rise: float


def radius_surface(trees: Mask) -> Surface:
    """Return how far each pixel is from what is no tree [px]; 0 there."""
    padded = np.pad(trees, 1).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1])


def without_hedges(trees: Mask, radius_px: float) -> Mask:
    """Keep only what a circle of a radius covers that lies in the green itself.

    Args:
        trees: Where there are trees and shrubs, shape (rows, columns).
        radius_px: Strips narrower than twice this go [px].
    """
    beyond = (radius_surface(trees) < radius_px).astype(np.uint8)
    if beyond.all():
        return np.zeros_like(trees)
    away = cv2.distanceTransform(beyond, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(trees & (away < radius_px))


def find_crowns(trees: Mask, surface: Surface, smoothing_px: float, parting: Parting) -> Labels:
    """Number the crowns: each pixel goes up the steepest way to the top of its crown.

    Args:
        trees: Where there are trees, shape (rows, columns).
        surface: Height of the crowns, or a substitute that is highest in their middle; above 0.
        smoothing_px: The surface is smoothed with a Gaussian of this standard deviation [px].
        parting: When two tops belong to one crown.

    Returns:
        The number of each pixel's crown from 1, 0 where there is no tree, shape (rows, columns).
    """
    heights = np.where(trees, surface, 0.0).astype(np.float32)
    if smoothing_px > 0:
        heights = cv2.GaussianBlur(heights, (0, 0), smoothing_px)
    width = trees.shape[1] + 2
    flat = np.pad(np.where(trees, heights, -np.inf), 1, constant_values=-np.inf).ravel()
    places = np.flatnonzero(np.isfinite(flat))
    labels = np.zeros(flat.size, dtype=np.int32)
    if len(places):
        around = np.array([0, -width - 1, -width, 1 - width, -1, 1, width - 1, width, width + 1])
        tops = _climb(flat, places, around)
        peaks, basin = np.unique(tops, return_inverse=True)
        number = np.full(flat.size, -1, dtype=np.int64)
        number[places] = basin
        groups = _united(flat[peaks], _saddles(flat, number, places, around[5:]), parting)
        labels[places] = groups[basin] + 1
    return labels.reshape(-1, width)[1:-1, 1:-1]


def _climb(flat: Surface, places: Places, around: Places) -> Places:
    """Return the top that the steepest way from each place ends on."""
    highest = flat[places[:, None] + around].argmax(axis=1)
    row = np.zeros(flat.size, dtype=np.int64)
    row[places] = np.arange(len(places))
    above = row[places + around[highest]]
    while True:
        further = above[above]
        if np.array_equal(further, above):
            return np.asarray(places[above])
        above = further


def _saddles(
    flat: Surface, number: Places, places: Places, steps: Places
) -> list[tuple[float, int, int]]:
    """Return the highest pass between each two basins that touch, the highest first."""
    pairs, heights = [], []
    for step in steps.tolist():
        here, there = number[places], number[places + step]
        meeting = (here != there) & (there >= 0)
        low, high = np.minimum(here, there)[meeting], np.maximum(here, there)[meeting]
        pairs.append(low * number.size + high)
        heights.append(np.minimum(flat[places], flat[places + step])[meeting])
    keys, place = np.unique(np.concatenate(pairs), return_inverse=True)
    passes = np.full(len(keys), -np.inf)
    np.maximum.at(passes, place, np.concatenate(heights))
    first, second = np.divmod(keys, number.size)
    order = np.lexsort((keys, -passes))
    return list(
        zip(passes[order].tolist(), first[order].tolist(), second[order].tolist(), strict=True)
    )


def _united(
    peaks: Surface, saddles: list[tuple[float, int, int]], parting: Parting
) -> NDArray[np.int32]:
    """Return the group of each basin, numbered by first basin."""
    leader, heights = list(range(len(peaks))), peaks.tolist()

    def find(basin: int) -> int:
        while leader[basin] != basin:
            leader[basin] = leader[leader[basin]]
            basin = leader[basin]
        return basin

    for saddle, first, second in saddles:
        low, high = sorted((find(first), find(second)), key=lambda one: (heights[one], one))
        rise = heights[low] - saddle
        if low != high and (rise < parting.rise or rise < parting.share * heights[low]):
            leader[low] = high
    groups = np.unique([find(basin) for basin in range(len(peaks))], return_inverse=True)[1]
    return groups.astype(np.int32)
