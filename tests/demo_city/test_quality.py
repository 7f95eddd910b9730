"""Figures about images, against images whose figures are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from shared.demo_city.ground_objects.lookalikes import LOOK_ALIKES, ROOF_LOOK_ALIKES
from shared.demo_city.labels import LABELS
from shared.demo_city.randomness import stream
from shared.demo_city.scenes.picture_measures import (
    gradient_classes,
    gradient_histogram,
    picture_measures,
    saturated_share,
    spectrum_slope,
)
from shared.demo_city.scenes.quality import compare_with_real, measure_split, within_limits
from shared.demo_city.scenes.scene import render_scene
from shared.demo_city.scenes.tally import INDEX, Tally
from shared.demo_city.settings import SceneSettings


def picture_with_slope(slope: float, size: int = 512) -> np.ndarray:
    """Return noise whose power falls with frequency to a given exponent."""
    rng = stream(3, "spectrum")
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    frequency[0, 0] = 1
    phases = np.exp(2j * np.pi * rng.random(frequency.shape))
    return np.fft.irfft2(frequency ** (slope / 2) * phases, (size, size)).astype(np.float32)


@pytest.mark.parametrize("slope", [-1.0, -2.0, -3.0])
def test_the_slope_of_a_known_spectrum_is_found(slope: float) -> None:
    assert spectrum_slope(picture_with_slope(slope)) == pytest.approx(slope, abs=0.15)


def test_gradients_of_a_ramp_and_a_step() -> None:
    ramp = np.tile(np.arange(100, dtype=np.float32) * 2, (50, 1))
    ramp[:, 50:] += 100
    # The ramp rises by 2 a pixel; both columns beside the step see (2 + 100 + 2) / 2 = 52.
    shares = dict(zip(gradient_classes(), gradient_histogram(ramp), strict=True))
    assert shares["gradient_30_70"] == pytest.approx(2 / 100)
    assert shares["gradient_0_4"] == pytest.approx(98 / 100)
    assert sum(shares.values()) == pytest.approx(1)


def test_saturated_values_are_counted() -> None:
    image = np.full((10, 10, 3), 100, np.uint8)
    image[0, :, 0] = 255
    image[1, :5] = 0
    assert saturated_share(image) == pytest.approx((10 + 15) / 300)


def test_measures_of_a_plain_image() -> None:
    image = np.full((64, 64, 3), (200, 100, 50), np.uint8)
    made = picture_measures(image)
    assert (made["mean_red"], made["mean_green"], made["mean_blue"]) == (200, 100, 50)
    assert made["sd_red"] == 0
    # HSV saturation = 1 - smallest / largest = 1 - 50 / 200.
    assert made["colourfulness"] == pytest.approx(0.75, abs=0.005)
    assert made["gradient_0_4"] == 1


def test_real_tiles_are_compared_with_the_rendered_band(tmp_path: Path) -> None:
    folder = tmp_path / "solar_tiles_train" / "images"
    folder.mkdir(parents=True)
    rng = stream(1, "tiles")
    rendered = []
    for level in range(60, 180, 6):
        noise = rng.normal(level, 25, (96, 96, 3)).clip(1, 254).astype(np.uint8)
        rendered.append(picture_measures(noise))
    for name, level in (("inside.png", 120), ("outside.png", 250)):
        tile = rng.normal(level, 25, (96, 96, 3)).clip(1, 254).astype(np.uint8)
        cv2.imwrite(str(folder / name), tile)
    made = compare_with_real(rendered, tmp_path)
    assert made is not None
    assert made["tiles"] == 2
    assert made["inside_band_per_measure"]["mean_red"] == 0.5
    assert compare_with_real(rendered, tmp_path / "nothing") is None


def test_a_split_is_measured_without_comparison_data(tmp_path: Path) -> None:
    made = measure_split("test", 2, tmp_path, size_px=160)
    assert made["seeds"] == [950_000, 950_001]
    assert made["kolmogorov"] is None and made["real_images"] is None
    assert made["within_limits"]["kolmogorov"] is None
    assert sum(made["class_shares"].values()) == pytest.approx(1, abs=1e-3)
    assert sum(made["solar_shares"].values()) == pytest.approx(1, abs=1e-3)
    assert set(made["near_infrared"]["mean"]) == {"mean", "p5", "p50", "p95"}
    assert 0 <= made["shadow"]["mean"] <= 1
    assert set(made["look_alikes"]) == {*LOOK_ALIKES, *ROOF_LOOK_ALIKES}
    assert set(made["look_alikes"].values()) <= {0.0, 0.5, 1.0} and any(
        made["look_alikes"].values()
    )
    assert made["within_limits"]["class_share"] is False  # two small scenes never show them all


def test_modules_do_not_count_as_the_colour_of_the_land_cover_below() -> None:
    made = render_scene(SceneSettings(950_010, "test", 0.2, 320))
    modules = made.window.solar > 0
    assert modules.any()
    painted = made.window.rgbi.copy()
    painted[modules] = (255, 255, 255, 0)
    other = replace(made, window=replace(made.window, rgbi=painted))
    first, second = Tally(), Tally()
    first.add(made)
    second.add(other)
    assert np.array_equal(first.sums, second.sums)
    assert first.shown() and first.means("grass")[INDEX] > 0


@pytest.mark.parametrize(
    ("name", "table", "key", "value"),
    [
        ("class_share", "class_shares", "water", 0.004),
        ("solar_share", "solar_shares", "pv_ground", 0.02),
        ("solar_share", "solar_shares", "thermal", 0.0001),
        ("ndvi_green", "ndvi", "grass", 0.15),
        ("ndvi_sealed", "ndvi", "asphalt", 0.02),
    ],
)
def test_a_figure_beyond_its_limit_is_told(name: str, table: str, key: str, value: float) -> None:
    figures = {
        "pictures": {"spectrum_slope": {"p50": -2.5}, "saturated": {"mean": 0.0}},
        "shadow": {"mean": 0.2},
        "class_shares": dict.fromkeys(LABELS, 0.1),
        "solar_shares": {"none": 0.98, "pv": 0.005, "thermal": 0.001, "pv_ground": 0.005},
        "ndvi": {"grass": 0.3, "tree": 0.3, "asphalt": -0.1, "paved": -0.1},
        "kolmogorov": {"area": 0.1},
        "real_images": {"inside_band": 0.85},
    }
    assert all(within_limits(figures).values())
    figures[table] = {**figures[table], key: value}  # type: ignore[dict-item]
    assert [one for one, is_kept in within_limits(figures).items() if not is_kept] == [name]
