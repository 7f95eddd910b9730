"""Training and test never share what scenes are drawn from; the demo city is on the test's side."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from shared.demo_city.materials import materials
from shared.demo_city.randomness import stream
from shared.demo_city.render.view import city_view
from shared.demo_city.scenes.draws import draw_scene, draw_view
from shared.demo_city.scenes.scene import SEEN_INSTEAD
from shared.demo_city.settings import (
    SPLITS,
    CitySettings,
    Range,
    SceneSettings,
    Split,
    split_ranges,
)
from shared.errors import InputError

NUMBERS = ("sun_elevation_deg", "sun_azimuth_deg", "blur_px", "jpeg_quality", "gamma")


def meet(first: Range, second: Range) -> bool:
    return max(first[0], second[0]) < min(first[1], second[1])


def is_within(value: float, ranges: tuple[Range, ...]) -> bool:
    return any(low <= value < high or value == low == high for low, high in ranges)


@pytest.mark.parametrize("setting", NUMBERS)
@pytest.mark.parametrize("other", ["train", "val"])
def test_ranges_of_training_and_test_do_not_meet(setting: str, other: Split) -> None:
    pairs = product(getattr(split_ranges(other), setting), getattr(split_ranges("test"), setting))
    assert [pair for pair in pairs if meet(*pair)] == []


def test_seeds_of_the_splits_do_not_meet() -> None:
    seeds = [split_ranges(split).seeds for split in SPLITS]
    for number, first in enumerate(seeds):
        assert first[0] < first[1]
        assert not any(meet(first, second) for second in seeds[number + 1 :])


@pytest.mark.parametrize("setting", ["seasons", "layouts"])
def test_training_and_test_share_no_season_and_no_layout(setting: str) -> None:
    train, test = (set(getattr(split_ranges(split), setting)) for split in ("train", "test"))
    assert train and test and not train & test


def test_validation_differs_from_training_by_its_seeds_alone() -> None:
    train, val = split_ranges("train"), split_ranges("val")
    assert [name for name in val.__slots__ if getattr(val, name) != getattr(train, name)] == [
        "seeds"
    ]


def test_exactly_eight_of_forty_six_materials_are_unseen() -> None:
    unseen = {key for key, one in materials().items() if one.unseen}
    assert len(materials()) == 46
    assert len(unseen) == 8
    assert set(SEEN_INSTEAD) == unseen
    assert not set(SEEN_INSTEAD.values()) & unseen


@pytest.mark.parametrize("split", SPLITS)
def test_everything_drawn_lies_in_the_ranges_of_the_split(split: Split) -> None:
    ranges = split_ranges(split)
    chosen = stream(1, "seeds of the test").integers(*ranges.seeds, 150)
    for seed in sorted({int(number) for number in chosen} | {ranges.seeds[0], ranges.seeds[1] - 1}):
        draw = draw_scene(SceneSettings(seed, split))
        camera, sun = draw.view.camera, draw.view.sun
        assert is_within(sun.elevation_deg, ranges.sun_elevation_deg)
        assert is_within(sun.azimuth_deg, ranges.sun_azimuth_deg)
        assert draw.view.season in ranges.seasons
        assert is_within(camera.blur_px, ranges.blur_px)
        assert is_within(camera.jpeg_quality, ranges.jpeg_quality)
        assert is_within(camera.gamma, ranges.gamma)
        assert draw.layout in ranges.layouts
        assert is_within(draw.gsd_m, ranges.gsd_m) or round(draw.gsd_m, 4) == ranges.gsd_m[0][1]
        second = draw_view(seed, split, 1)
        assert second.sun != sun
        assert is_within(second.sun.elevation_deg, ranges.sun_elevation_deg)


def test_all_choices_of_a_split_are_drawn() -> None:
    draws = [draw_scene(SceneSettings(950_000 + number, "test")) for number in range(80)]
    assert {draw.gsd_m for draw in draws} == {0.1, 0.15, 0.2}
    assert {draw.layout for draw in draws} == {"ring_town", "linear_village"}
    without = np.mean([not draw.has_solar for draw in draws])
    assert 0.15 < without < 0.5


@pytest.mark.parametrize(
    ("seed", "split"),
    [(900_000, "train"), (-1, "train"), (899_999, "val"), (990_000, "test"), (989_999, "extreme")],
)
def test_seeds_of_another_split_are_refused(seed: int, split: Split) -> None:
    with pytest.raises(InputError, match="gehört nicht zu"):
        draw_scene(SceneSettings(seed, split))


@pytest.mark.parametrize("flight", [0, 1])
def test_the_demo_city_is_seen_as_tests_are(flight: int) -> None:
    view, ranges = city_view(CitySettings().flights[flight]), split_ranges("test")
    assert view.season in ranges.seasons
    assert is_within(view.sun.elevation_deg, ranges.sun_elevation_deg)
    assert is_within(view.sun.azimuth_deg, ranges.sun_azimuth_deg)
    assert is_within(view.camera.blur_px, ranges.blur_px)
    assert is_within(view.camera.gamma, ranges.gamma)
    assert is_within(view.camera.jpeg_quality, ranges.jpeg_quality)
