"""Tiles cover every pixel, overlap enough and never leave the image."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from shared.geo.tiling import plan_tiles, tile_origins

sizes = st.integers(1, 3000)
tiling = st.integers(1, 700).flatmap(
    lambda tile: st.tuples(st.just(tile), st.integers(0, min(tile - 1, tile // 2)))
)


@given(length=sizes, tile_and_overlap=tiling)
def test_origins_cover_the_axis_with_the_least_overlap(length, tile_and_overlap):
    tile, overlap = tile_and_overlap
    origins = tile_origins(length, tile, overlap)
    ends = [min(origin + tile, length) for origin in origins]
    assert origins[0] == 0
    assert ends[-1] == length
    assert origins == sorted(set(origins))
    assert all(later <= end - overlap for later, end in zip(origins[1:], ends, strict=False))


@given(width=st.integers(1, 400), height=st.integers(1, 400), tile_and_overlap=tiling)
def test_every_pixel_lies_in_a_tile_of_full_size(width, height, tile_and_overlap):
    tile_px, overlap = max(40, tile_and_overlap[0]), min(19, tile_and_overlap[1])
    covered = np.zeros((height, width), dtype=int)
    for tile in plan_tiles(width, height, tile_px, overlap):
        left, upper, right, lower = tile.box
        assert 0 <= left < right <= width
        assert 0 <= upper < lower <= height
        assert tile.width == min(tile_px, width)
        assert tile.height == min(tile_px, height)
        covered[upper:lower, left:right] += 1
    assert covered.min() >= 1


def test_inner_edges_are_those_with_a_neighbour():
    tiles = plan_tiles(1000, 640, 640, 192)
    assert [tile.x0 for tile in tiles] == [0, 360]
    assert tiles[0].inner_edges(1000, 640) == (False, False, True, False)
    assert tiles[1].inner_edges(1000, 640) == (True, False, False, False)


@pytest.mark.parametrize(("length", "tile", "overlap"), [(0, 10, 0), (10, 0, 0), (10, 5, 5)])
def test_impossible_tilings_are_refused(length, tile, overlap):
    with pytest.raises(ValueError, match="cannot tile"):
        tile_origins(length, tile, overlap)
