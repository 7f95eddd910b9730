"""Folds for cross-validation: disjoint by group, alike in their share of ground-mounted arrays."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from model_server.training.tiles import Tile


def make_folds(tiles: list[Tile], count: int, seed: int) -> list[list[Tile]]:
    """Deal whole groups of tiles into folds of about equal size.

    Groups with ground-mounted arrays are dealt first, from the largest down, into the fold with the
    fewest ground-mounted tiles; the others then fill the smallest folds. A single ground-mounted
    group stays in one fold: groups are never cut, stratification gives way.

    Args:
        tiles: All tiles.
        count: Number of folds (2 or more, at most the number of groups).
        seed: Order among groups of the same size.

    Returns:
        `count` lists; every tile is in exactly one, no group is in two.

    Raises:
        ValueError: There are fewer groups than folds.
    """
    groups: dict[str, list[Tile]] = defaultdict(list)
    for tile in tiles:
        groups[tile.group].append(tile)
    if not 2 <= count <= len(groups):
        message = f"{count} folds need at least as many groups; there are {len(groups)}."
        raise ValueError(message)
    names = sorted(groups)
    np.random.default_rng(seed).shuffle(names)
    ground = [name for name in names if any(tile.ground_mounted for tile in groups[name])]
    others = [name for name in names if name not in ground]
    folds: list[list[Tile]] = [[] for _ in range(count)]
    for name in sorted(ground, key=lambda name: -len(groups[name])):
        min(folds, key=lambda fold: (_ground_count(fold), len(fold))).extend(groups[name])
    for name in sorted(others, key=lambda name: -len(groups[name])):
        min(folds, key=len).extend(groups[name])
    return folds


def _ground_count(tiles: list[Tile]) -> int:
    return sum(tile.ground_mounted for tile in tiles)
