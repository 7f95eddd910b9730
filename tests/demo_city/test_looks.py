"""How painted areas look: what is too fine, what differs from place to place."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from shared.demo_city.materials import materials
from shared.demo_city.render.grid import Pixels
from shared.demo_city.render.light import Sun
from shared.demo_city.render.looks import looks_of, share_seen
from shared.demo_city.render.painting import COVERS, Painter, Painting, ground_material
from shared.demo_city.render.texture import Texture
from shared.demo_city.render.view import View
from shared.demo_city.vectors.ground import Surface

VIEW = View(Sun(160, 42), "summer")


def painted(material: str, gsd_m: float) -> np.ndarray:
    """Brightness of a level piece of ground against its plain colour, 200 x 200 px."""
    pixels = Pixels(gsd_m, 400 * gsd_m, 0, 0, 200, 200)
    painter = Painter(1)
    painter.paint(shapely.box(*pixels.bounds_m), material, "paved", level=0, direction=(0.96, 0.28))
    looks = looks_of(Painting.finished(painter), np.array([0]), pixels, VIEW, 1)
    shown = np.ones(pixels.shape, np.intp)
    bands = [looks.colour[band].take(shown) for band in range(4)]
    Texture(pixels, looks, 1).paint(bands, shown, np.zeros(pixels.shape, np.float32), slice(0, 200))
    return bands[1] / looks.colour[1, 1] - 1


def test_patterns_finer_than_two_pixels_are_not_seen() -> None:
    # Periods of 1.0, 2.0, 2.5 and 4.0 pixels.
    seen = share_seen(np.array([0.2, 0.4, 0.5, 0.8]), 0.2)
    assert seen == pytest.approx([0, 0, 0.5, 1])


@pytest.mark.parametrize("material", ["tile_red", "slate", "setts"])
def test_fine_courses_make_no_stripes(material: str) -> None:
    spectrum = np.abs(np.fft.rfft2(painted(material, 0.2))) ** 2
    spectrum[0, 0] = 0
    # Stripes, true or aliased, are single waves; grain and stains are spread over hundreds.
    assert spectrum.max() < 0.1 * spectrum.sum()
    fine = painted(material, 0.03)
    assert np.abs(np.diff(fine, axis=1)).mean() > 0.02


def test_unseen_pieces_still_differ() -> None:
    grain = {key: painted(key, 0.2) for key in ("setts", "asphalt")}
    fine = {key: np.diff(value, axis=1).std() for key, value in grain.items()}
    # Equal but for the pieces, 0.03 and 0.035 of grain.
    assert fine["setts"] > 1.3 * fine["asphalt"]


@pytest.mark.parametrize(("label", "is_green"), [("grass", True), ("bare_soil", False)])
def test_what_is_labelled_grass_is_green(label: str, is_green: bool) -> None:
    shown = {
        material for name, choices in COVERS.values() if name == label for material, _ in choices
    }
    assert shown
    assert {key for key in shown if (materials()[key].ndvi > 0.1) == is_green} == shown


def test_pavements_differ_from_block_to_block() -> None:
    blocks = [shapely.box(x, 0, x + 80, 3) for x in range(0, 8_000, 100)]
    kinds = {ground_material(1, Surface("pavement", block)) for block in blocks}
    assert kinds == {"paving_grey", "paving_red", "slabs"}
    streets = {ground_material(1, Surface("carriageway", block)) for block in blocks}
    assert streets == {"asphalt"}
