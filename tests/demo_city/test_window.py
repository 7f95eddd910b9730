"""Windows: their place, and chunks that are rendered once for all windows that meet them."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import shapely

from shared.demo_city.render import window as windows
from shared.demo_city.render.grid import Pixels
from shared.demo_city.render.light import Sun
from shared.demo_city.render.painting import Painter, Painting
from shared.demo_city.render.view import View
from shared.demo_city.render.window import render_pixels
from shared.demo_city.trees.vegetation import Trees

SIZE_M = 120.0
VIEW = View(Sun(180.0, 45.0), "summer")


def _plain() -> tuple[Painting, Trees]:
    painter = Painter(7)
    painter.paint(shapely.box(0, 0, SIZE_M, SIZE_M), "asphalt", "asphalt", level=0)
    none = {one.name: np.empty(0) for one in fields(Trees)}
    none |= {"place": np.empty((0, 2)), "species": np.empty(0, np.uint8)}
    return Painting.finished(painter), Trees(**none)


def test_a_window_that_ends_within_a_pixel_is_refused() -> None:
    with pytest.raises(ValueError, match="whole pixels"):
        Pixels.over((0.0, 0.0, 10.05, 10.0), 0.2, SIZE_M)


def test_a_window_knows_its_place() -> None:
    pixels = Pixels.over((40, 50, 44, 56), 0.2, SIZE_M)
    made = windows.render_alone(*_plain(), pixels, VIEW, 7).moved(380_000.0, 5_720_000.0)
    assert made.rgbi.shape == (30, 20, 4)
    assert made.transform * (0, 0) == pytest.approx((380_040.0, 5_720_056.0))
    assert made.transform * (20, 30) == pytest.approx((380_044.0, 5_720_050.0))


def test_windows_of_one_chunk_are_rendered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    whole = windows.render_alone
    monkeypatch.setattr(windows, "render_alone", lambda *given: calls.append(1) or whole(*given))
    monkeypatch.setattr("shared.demo_city.render.grid.CHUNK_PX", 120)
    windows.forget()
    painting, trees = _plain()
    for column in (10, 40):
        render_pixels(painting, trees, Pixels(0.2, SIZE_M, column, 10, 30, 30), VIEW, 7)
    assert len(calls) == 1
    windows.forget()
