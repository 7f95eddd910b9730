"""The cut-out beside a field: it shows the value, outlined, however the page lies."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from apps.archivair.field_picture import MARK, draw_field
from apps.archivair.kept_page import KeptPage
from apps.archivair.pages import PageIdentity
from apps.archivair.reading import PageReading
from apps.archivair.upright import upright_jpeg

WIDTH, HEIGHT = 1200, 1600
BOX = (300.0, 400.0, 420.0, 430.0)


def kept(rotation_deg: int, scale: int = 2, box: tuple[float, ...] = BOX) -> KeptPage:
    """A white page with one blue value at the box; its picture is smaller than the page."""
    x0, y0, x1, y1 = (round(side) for side in box)
    pixels = np.full((HEIGHT, WIDTH, 3), 255, dtype=np.uint8)
    pixels[y0:y1, x0:x1] = (0, 0, 255)
    reading = PageReading(
        blocks=(), width=WIDTH, height=HEIGHT, dpi=150.0, rotation_deg=rotation_deg,
        tilt_deg=0.0, script="antiqua", findings=(), engines=(), models=(),
    )  # fmt: skip
    picture = upright_jpeg(pixels[::scale, ::scale], rotation_deg)
    return KeptPage(PageIdentity("a", "a.png", "0" * 64, 1, 1), reading, picture)


def pixels_of(jpeg: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(jpeg)) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def near(pixels: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.abs(pixels - np.array(colour)).max(axis=2) < 60


@pytest.mark.parametrize("rotation_deg", [0, 90, 180, 270])
def test_the_value_stands_inside_its_outline(rotation_deg: int) -> None:
    shown = pixels_of(draw_field(kept(rotation_deg), BOX))
    blue, mark = np.argwhere(near(shown, (0, 0, 255))), np.argwhere(near(shown, MARK))
    assert len(blue) > 500
    assert (mark.min(axis=0) < blue.min(axis=0)).all()
    assert (mark.max(axis=0) > blue.max(axis=0)).all()
    # The outline is close: nothing else stands in it.
    assert (mark.max(axis=0) - mark.min(axis=0)).prod() < 4 * len(blue)


def test_the_surroundings_are_shown_too() -> None:
    shown = pixels_of(draw_field(kept(0), BOX))
    blue = np.argwhere(near(shown, (0, 0, 255)))
    high, wide = blue.max(axis=0) - blue.min(axis=0)
    assert shown.shape[0] > 3 * high
    assert shown.shape[1] > 4 * wide


def test_a_turn_of_a_person_turns_the_cut_out() -> None:
    plain, turned = (pixels_of(draw_field(kept(0), BOX, turn)) for turn in (0, 90))
    assert turned.shape == (plain.shape[1], plain.shape[0], 3)


@pytest.mark.parametrize(
    "box",
    [
        (0.0, 0.0, 60.0, 20.0),
        (1150.0, 1580.0, 1200.0, 1600.0),
        (0.0, 700.0, 1200.0, 730.0),
        (600.0, 700.0, 600.0, 700.0),
        (-20.0, -20.0, 2000.0, 3000.0),
    ],
)
def test_odd_places_give_a_picture_too(box: tuple[float, float, float, float]) -> None:
    shown = pixels_of(draw_field(kept(0), box))
    assert min(shown.shape[:2]) > 20
    assert near(shown, MARK).any()
