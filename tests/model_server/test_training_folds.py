"""Folds never share a group and spread ground-mounted arrays where groups allow it."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from model_server.training.folds import make_folds
from model_server.training.tiles import Tile, read_tiles
from shared.settings import get_settings


def make_tiles(groups: dict[str, tuple[int, bool]]) -> list[Tile]:
    return [
        Tile(f"{group}_{index}", Path("none.jpg"), group, ground, np.zeros((0, 4)))
        for group, (count, ground) in groups.items()
        for index in range(count)
    ]


def assert_sound(folds: list[list[Tile]], tiles: list[Tile]) -> None:
    names = [tile.name for fold in folds for tile in fold]
    assert sorted(names) == sorted(tile.name for tile in tiles)
    for first, second in combinations(folds, 2):
        assert not {tile.group for tile in first} & {tile.group for tile in second}


def test_ground_mounted_groups_are_spread_and_folds_are_of_equal_size():
    tiles = make_tiles(
        {f"g{n}": (4, True) for n in range(5)} | {f"r{n}": (3, False) for n in range(20)}
    )
    folds = make_folds(tiles, 5, seed=1)
    assert_sound(folds, tiles)
    assert [sum(tile.ground_mounted for tile in fold) for fold in folds] == [4] * 5
    assert [len(fold) for fold in folds] == [16] * 5


def test_a_single_ground_mounted_group_is_never_cut():
    tiles = make_tiles({"g": (17, True)} | {f"r{n}": (5, False) for n in range(16)})
    folds = make_folds(tiles, 5, seed=1)
    assert_sound(folds, tiles)
    assert sorted(sum(tile.ground_mounted for tile in fold) for fold in folds) == [0, 0, 0, 0, 17]


def test_the_seed_decides_the_folds():
    tiles = make_tiles({f"r{n}": (5, False) for n in range(16)})

    def names(seed: int) -> list[list[str]]:
        return [[tile.name for tile in fold] for fold in make_folds(tiles, 5, seed)]

    assert names(1) == names(1)
    assert names(1) != names(2)


@pytest.mark.parametrize("count", [1, 4])
def test_too_few_groups_or_folds_are_refused(count: int):
    with pytest.raises(ValueError, match="groups"):
        make_folds(make_tiles({"a": (2, False), "b": (2, True), "c": (1, False)}), count, seed=1)


@pytest.mark.real_data
def test_the_real_tiles_are_split_by_group():
    source = get_settings().development_data_dir / "solar_tiles_train"
    if not (source / "tiles.csv").is_file():
        pytest.skip("the development data folder with solar_tiles_train is not there")
    tiles = read_tiles(source)
    folds = make_folds(tiles, 5, seed=1)
    assert_sound(folds, tiles)
    assert len(tiles) == 100
    assert sum(len(tile.boxes) for tile in tiles) == 469
    assert all(18 <= len(fold) <= 22 for fold in folds)
    # All ground-mounted tiles are one group: they cannot be spread without a leak.
    assert sorted(sum(tile.ground_mounted for tile in fold) for fold in folds) == [0, 0, 0, 0, 17]
