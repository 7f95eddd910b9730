"""What camera and processing do, against values worked by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest

from shared.demo_city.render.camera import (
    develop,
    frame_gain,
    in_steps_of_light,
    jpeg,
    kernel,
    tone_curve,
)
from shared.demo_city.render.grid import Pixels
from shared.demo_city.render.light import Sun, shadow_ceiling, sun_at
from shared.demo_city.render.view import (
    HIGHEST_SUN_DEG,
    LATITUDE_DEG,
    LONGITUDE_DEG,
    Camera,
    city_view,
)
from shared.demo_city.settings import split_ranges

FLIGHTS = (date(2023, 9, 5), date(2026, 5, 9))
PLAIN = Camera(blur_px=0.3, haze=0.0, noise=0.0, shot_noise=0.0, vignetting=0.0)
PIXELS = Pixels(0.2, 400.0, 100, 200, 80, 60)


def _bands(rows: int, columns: int, value: float = 100.0) -> list[np.ndarray]:
    return [in_steps_of_light(np.full((rows, columns), value, np.float32)) for _ in range(4)]


def test_sun_stands_where_the_solar_position_algorithm_puts_it() -> None:
    """Worked example of Reda and Andreas 2004 (NREL/TP-560-34302), without refraction."""
    moment = datetime(2003, 10, 17, 12, 30, 30, tzinfo=timezone(timedelta(hours=-7)))
    sun = sun_at(moment, 39.742476, -105.1786)
    assert sun.azimuth_deg == pytest.approx(194.340, abs=0.03)
    assert sun.elevation_deg == pytest.approx(39.872, abs=0.03)


def test_sun_at_noon_of_the_equinox_stands_at_the_complement_of_the_latitude() -> None:
    sun = sun_at(datetime(2024, 3, 20, 12, 7, tzinfo=UTC), 51.6, 0.0)
    assert sun.elevation_deg == pytest.approx(90 - 51.6, abs=0.2)
    assert sun.azimuth_deg == pytest.approx(180, abs=1)


@pytest.mark.parametrize("day", FLIGHTS)
def test_flights_of_the_city_lie_on_the_side_of_the_tests(day: date) -> None:
    view, ranges = city_view(day), split_ranges("test")

    def lies(value: float, choices: tuple[tuple[float, float], ...]) -> bool:
        return any(low <= value < high for low, high in choices)

    assert lies(view.sun.elevation_deg, ranges.sun_elevation_deg)
    assert lies(view.sun.azimuth_deg, ranges.sun_azimuth_deg)
    assert lies(view.camera.blur_px, ranges.blur_px)
    assert lies(view.camera.gamma, ranges.gamma)
    assert lies(view.camera.jpeg_quality, ranges.jpeg_quality)
    assert view.season in ranges.seasons


def test_late_summer_flight_has_the_real_sun() -> None:
    view = city_view(date(2023, 9, 5))
    real = sun_at(datetime(2023, 9, 5, 10, 20, tzinfo=UTC), LATITUDE_DEG, LONGITUDE_DEG)
    assert view.sun == real


def test_spring_flight_has_the_real_direction_and_a_lowered_sun() -> None:
    view = city_view(date(2026, 5, 9))
    real = sun_at(datetime(2026, 5, 9, 10, 25, tzinfo=UTC), LATITUDE_DEG, LONGITUDE_DEG)
    assert view.sun.azimuth_deg == real.azimuth_deg
    assert view.sun.elevation_deg == HIGHEST_SUN_DEG < real.elevation_deg


def test_only_the_newer_flight_is_a_true_orthophoto() -> None:
    older, newer = (city_view(day) for day in FLIGHTS)
    assert 0.04 <= np.hypot(*older.lean) <= 0.06
    assert np.hypot(*older.shift_m) == pytest.approx(0.3, abs=0.01)
    assert (newer.lean, newer.shift_m) == ((0.0, 0.0), (0.0, 0.0))


def test_a_day_without_flight_has_no_view() -> None:
    with pytest.raises(KeyError):
        city_view(date(2024, 1, 1))


def test_shadow_of_a_wall_is_as_long_as_its_height_at_45_degrees() -> None:
    height = np.zeros((100, 60), np.float32)
    height[70:72] = 10.0
    ceiling = shadow_ceiling(height, 0.5, Sun(180.0, 45.0))
    shaded = ceiling[:, 30] > 0.25
    # A wall of 10 m throws 10 m of shade to the north: 20 cells of 0.5 m, less the last quarter.
    assert shaded[51:70].all()
    assert not shaded[:50].any()
    assert not shaded[72:].any()


@pytest.mark.parametrize("offset", [-0.3, 0.0, 0.2])
def test_kernel_moves_the_image_and_keeps_its_light(offset: float) -> None:
    weights = kernel(0.7, offset).astype(float)
    places = np.arange(len(weights)) - len(weights) // 2
    assert weights.sum() == pytest.approx(1, abs=1e-6)
    # A filter looks at the place it takes its light from, so the centre lies on the other side.
    assert (weights * places).sum() == pytest.approx(-offset, abs=0.01)
    assert np.sqrt((weights * (places + offset) ** 2).sum()) == pytest.approx(0.7, abs=0.02)


def test_red_lies_beside_green() -> None:
    bands = _bands(60, 80, 0.0)
    for band, bright in zip(bands, _bands(60, 40, 200.0), strict=True):
        band[:, 40:] = bright
    camera = Camera(
        blur_px=0.7, shift_px=((0.3, 0.0), (0.0, 0.0)), haze=0, noise=0, shot_noise=0, vignetting=0
    )
    image = develop(bands, PIXELS, camera, 1).astype(float)
    left = [(200 - image[30, 30:50, band]).sum() / 200 for band in (0, 1)]
    assert left[0] - left[1] == pytest.approx(0.3, abs=0.02)


def test_tone_curve_keeps_light_without_haze_and_gamma() -> None:
    curve = tone_curve(PLAIN, 1)
    assert curve[1024] == 100
    assert (np.diff(curve.astype(int)) >= 0).all()
    assert curve[-1] == 255


def test_haze_lifts_the_dark_and_gamma_above_1_lowers_the_middle() -> None:
    assert tone_curve(Camera(haze=0.1), 2)[0] == round(0.1 * 184)
    assert tone_curve(Camera(haze=0.0, gamma=1.2), 1)[1024] == round(255 * (100 / 255) ** 1.2)


def test_corners_of_a_flight_image_are_darker_by_the_vignetting() -> None:
    camera = Camera(vignetting=0.2, footprint_m=(40.0, 40.0))
    gain = frame_gain(Pixels(0.2, 400.0, 0, 0, 200, 200), camera, 1)
    assert gain[100, 100] == pytest.approx(1, abs=0.01)
    assert gain[0, 0] == pytest.approx(1 - 0.2, abs=0.01)


def test_a_seam_changes_the_exposure_at_the_border_of_a_flight_image() -> None:
    camera = Camera(vignetting=0.0, seam=0.05, footprint_m=(20.0, 20.0))
    gain = frame_gain(Pixels(0.2, 400.0, 0, 0, 200, 100), camera, 1)
    assert len(np.unique(gain)) == 2
    assert gain[50, 99] != gain[50, 100]
    assert gain[50, 0] == gain[50, 99]


def test_noise_is_addressed_by_the_world() -> None:
    camera = Camera(noise=4.0, shot_noise=4.0)
    whole = develop(_bands(60, 80), PIXELS, camera, 5)
    inner = Pixels(0.2, 400.0, 117, 213, 40, 30)
    part = develop(_bands(30, 40), inner, camera, 5)
    assert np.array_equal(part, whole[13:43, 17:57])
    other = develop(_bands(60, 80), PIXELS, camera, 6)
    assert not np.array_equal(other, whole)


def test_noise_has_the_wanted_deviation() -> None:
    camera = Camera(noise=3.0, shot_noise=0.0, haze=0.0, vignetting=0.0, blur_px=0.3)
    image = develop(_bands(300, 300), Pixels(0.2, 400.0, 0, 0, 300, 300), camera, 1)
    assert image[..., 1].std() == pytest.approx(3.0, rel=0.05)


def test_jpeg_keeps_the_order_of_bands() -> None:
    image = np.zeros((32, 32, 3), np.uint8)
    image[..., 0], image[..., 2] = 200, 40
    back = jpeg(image, 90)
    assert back.shape == image.shape
    assert np.abs(back[16, 16].astype(int) - (200, 0, 40)).max() <= 4
