"""Patches of ink on an almost empty page."""

from __future__ import annotations

import numpy as np

from model_server.tasks.ink import ink_patches


def white(height: int = 2000, width: int = 1000) -> np.ndarray:
    return np.full((height, width, 3), 255, dtype=np.uint8)


def test_a_blank_page_has_none() -> None:
    assert ink_patches(white()) == []


def test_distant_lines_are_patches_of_their_own_and_near_ones_are_not() -> None:
    page = white()
    page[200:240, 100:400] = 0
    page[280:320, 100:500] = 0
    page[1800:1840, 600:800] = 0
    assert ink_patches(page) == [(40, 140, 560, 380), (540, 1740, 860, 1900)]


def test_patches_stay_on_the_page() -> None:
    page = white()
    page[0:40, 0:100] = 0
    assert ink_patches(page) == [(0, 0, 160, 100)]


def test_a_full_or_speckled_page_is_left_alone() -> None:
    page = white()
    page[100:1900:40, 20:980] = 0
    assert ink_patches(page) == []
    page = white(8000)
    for top in range(100, 7900, 400):
        page[top : top + 20, 100:120] = 0
    assert ink_patches(page) == []
