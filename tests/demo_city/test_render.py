"""The renderer: exact labels, windows that equal the cut-outs of larger ones, light and lean."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import shapely
from rasterio.features import rasterize
from shapely.affinity import rotate, translate

from shared.demo_city.labels import FINE, LABELS, NO_DATA
from shared.demo_city.materials import materials
from shared.demo_city.render import window as windows
from shared.demo_city.render.grid import Pixels
from shared.demo_city.render.index_raster import index_raster
from shared.demo_city.render.light import Sun
from shared.demo_city.render.looks import drawn_gains
from shared.demo_city.render.painting import Painter, Painting
from shared.demo_city.render.view import Camera, View
from shared.demo_city.render.window import LAYERS, Window, render_alone, render_pixels
from shared.demo_city.roofs.planes import Slope
from shared.demo_city.trees.vegetation import Trees

Four = tuple[float, float, float, float]
SIZE_M = 120.0
SUN = Sun(180.0, 45.0)
SHARP = Camera(blur_px=0.3, haze=0.0, noise=0.0, shot_noise=0.0, vignetting=0.0)
VIEW = View(SUN, "summer", SHARP)


def _ground() -> Painter:
    painter = Painter(7)
    painter.paint(shapely.box(0, 0, SIZE_M, SIZE_M), "asphalt", "asphalt", level=0, thing=1)
    return painter


def _trees(*rows: tuple[float, float, float, float]) -> Trees:
    values = np.array(rows, np.float64).reshape(-1, 4)
    known = {
        "place": values[:, :2],
        "radius": values[:, 2],
        "height": values[:, 3],
        "species": np.zeros(len(values), np.uint8),
        "leafless": np.full(len(values), 0.9, np.float32),
    }
    return Trees(**{one.name: known[one.name] for one in fields(Trees)})


def _pixels(bounds: tuple[float, float, float, float], gsd_m: float = 0.2) -> Pixels:
    return Pixels.over(bounds, gsd_m, SIZE_M)


def _render(painter: Painter, bounds: Four, view: View = VIEW, *trees: Four) -> Window:
    return render_alone(Painting.finished(painter), _trees(*trees), _pixels(bounds), view, 7)


def _town_like(seed: int) -> tuple[Painting, Trees]:
    """Return streets, lawns, houses, cars and trees without any plan, enough to be cut up."""
    rng = np.random.default_rng(seed)
    painter = _ground()
    for material, label, level, count in (
        ("lawn", "grass", 0, 40), ("paving_red", "paved", 1, 30), ("sheet_grey", None, 2, 60),
        ("tile_red", "roof_pitched", 160, 30), ("pv_blue", None, 161, 30),
    ):  # fmt: skip
        for _ in range(count):
            x, y = rng.uniform(0, SIZE_M, 2)
            wide, high = rng.uniform(2, 14, 2)
            area = rotate(shapely.box(x, y, x + wide, y + high), float(rng.uniform(0, 180)))
            slope = Slope(*rng.uniform(-0.5, 0.5, 2), 6.0) if level >= 160 else Slope(0, 0, 0)
            base = slope.base - slope.rise_x * x - slope.rise_y * y
            painter.paint(
                area, material, label, level=level, slope=replace(slope, base=base), wear=0.8,
                direction=(0.6, 0.8), anchor=(x, y), solar="pv" if "pv" in material else "none",
                instance=3 if "pv" in material else 0,
            )  # fmt: skip
    places = rng.uniform(0, SIZE_M, (60, 2))
    rows = [
        (x, y, r, 3 * r) for (x, y), r in zip(places, np.sort(rng.uniform(1, 4, 60)), strict=True)
    ]
    return Painting.finished(painter), _trees(*rows)


@pytest.mark.parametrize("lean", [(0.0, 0.0), (0.05, -0.03)])
@pytest.mark.parametrize("gsd_m", [0.2, 0.1])
def test_windows_equal_the_cut_outs_of_a_larger_one_however_the_town_is_cut_into_chunks(
    gsd_m: float, lean: tuple[float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Acceptance 2: 20 windows of small chunks and 5 alone, bit for bit, against larger chunks."""
    painting, trees = _town_like(3)
    camera = Camera(blur_px=0.82, seam=0.02, shift_px=((0.2, 0.0), (0.0, -0.1)))
    view = View(Sun(160.0, 38.0), "summer", camera, lean=lean)
    side = int(60 / gsd_m)
    monkeypatch.setattr("shared.demo_city.render.grid.CHUNK_PX", 300)
    windows.forget()
    large = render_pixels(painting, trees, Pixels(gsd_m, SIZE_M, 37, 53, side, side), view, 7)
    assert 0.05 < large.shadow.mean() < 0.9
    monkeypatch.setattr("shared.demo_city.render.grid.CHUNK_PX", 120)
    windows.forget()
    rng = np.random.default_rng(5)
    for number in range(25):
        row, column = rng.integers(0, side - 40, 2)
        height, width = rng.integers(20, 40, 2)
        place = Pixels(gsd_m, SIZE_M, 37 + int(column), 53 + int(row), int(width), int(height))
        render = render_pixels if number < 20 else render_alone
        small = render(painting, trees, place, view, 7)
        cut = slice(row, row + height), slice(column, column + width)
        for layer in LAYERS:
            assert np.array_equal(getattr(small, layer), getattr(large, layer)[cut]), layer
    windows.forget()


def test_the_same_window_is_the_same_again_and_other_with_another_seed() -> None:
    painting, trees = _town_like(4)
    place = _pixels((20, 20, 60, 60))
    first, again = (render_alone(painting, trees, place, VIEW, 7) for _ in range(2))
    other = render_alone(painting, trees, place, VIEW, 8)
    assert np.array_equal(first.rgbi, again.rgbi)
    assert not np.array_equal(first.rgbi, other.rgbi)
    assert np.array_equal(first.ground, other.ground)


@pytest.mark.parametrize("number", range(50))
def test_edges_lie_in_image_and_label_where_they_lie_in_the_world(number: int) -> None:
    rng = np.random.default_rng(number)
    gsd_m = (0.2, 0.1)[number % 2]
    angle = float(rng.uniform(0, 2 * np.pi))
    x, y = rng.uniform(58, 62, 2)
    half = rotate(shapely.box(0, -300, 300, 300), angle, origin=(0, 0), use_radians=True)
    painter = _ground()
    square = shapely.box(0, 0, SIZE_M, SIZE_M)
    painter.paint(translate(half, x, y).intersection(square), "membrane_light", "paved", level=1)
    pixels = Pixels.over((50, 50, 70, 70), gsd_m, SIZE_M)
    made = render_alone(Painting.finished(painter), _trees(), pixels, VIEW, 7)
    columns, rows = (values.astype(np.float64) for values in pixels.centres_m())
    distance = (columns[None] - x) * np.cos(angle) + (rows[:, None] - y) * np.sin(angle)
    label = made.labels == LABELS.index("paved")
    # A label may be wrong only where the edge passes within the rounding of its corners.
    assert (np.abs(distance[label != (distance > 0)]) / gsd_m <= 0.01).all()
    near = np.abs(distance) < 3 * gsd_m
    light = made.rgbi[..., 1].astype(float)
    middle = (light[near & label].mean() + light[near & ~label].mean()) / 2
    # What one side wins over the other in the image, over the length of the edge.
    won_px = ((light > middle) & near).sum() - (label & near).sum()
    assert abs(won_px / (near.sum() / 6)) <= 0.1


def test_small_polygons_are_filled_as_gdal_fills_them() -> None:
    rng = np.random.default_rng(1)
    areas = []
    for _ in range(400):
        x, y = rng.uniform(-10, 210, 2)
        ring = shapely.box(x, y, x + rng.uniform(0.5, 30), y + rng.uniform(0.5, 30))
        hole = ring.buffer(-3)
        areas.append(rotate(ring.difference(hole), float(rng.uniform(0, 180))))
    pixels = Pixels(1.0, 200.0, 0, 0, 200, 200)
    moved = pixels.to_pixels(np.array(areas, dtype=object))
    ours = index_raster(moved, np.arange(400) + 1, (200, 200))
    theirs = rasterize(((one, i + 1) for i, one in enumerate(moved)), out_shape=(200, 200))
    assert (ours != theirs).sum() == 0


def test_a_thing_without_label_keeps_what_lies_below_and_shows_in_the_image() -> None:
    painter = _ground()
    painter.paint(shapely.box(50, 50, 60, 60), "lawn", "grass", level=0, thing=2)
    painter.paint(shapely.box(55, 40, 65, 58), "membrane_light", None, level=1, thing=3)
    made = _render(painter, (45, 38, 70, 65))
    pixels = _pixels((45, 38, 70, 65))
    x, y = pixels.centres_m()
    lawn = ((x > 50) & (x < 60))[None] & ((y > 50) & (y < 60))[:, None]
    assert np.array_equal(made.labels == LABELS.index("grass"), lawn)
    assert np.array_equal(made.fine == FINE.index("lawn"), lawn)
    car = ((x > 56) & (x < 64))[None] & ((y > 41) & (y < 57))[:, None]
    assert made.rgbi[car][:, 2].mean() > made.rgbi[~lawn & ~car][:, 2].mean() + 40


def test_a_roof_covers_the_car_below_it() -> None:
    painter = _ground()
    painter.paint(shapely.box(50, 50, 54, 52), "sheet_blue", None, level=1, thing=3)
    painter.paint(
        shapely.box(48, 48, 58, 58), "felt", "roof_flat", level=160, slope=Slope(0, 0, 3.0)
    )
    made = _render(painter, (48, 48, 58, 58))
    assert (made.labels == LABELS.index("roof_flat")).all()
    assert made.ndsm == pytest.approx(3.0)
    red, _, blue = made.rgbi[10:40, 10:40, :3].reshape(-1, 3).mean(axis=0)
    assert blue < red + 10


def test_solar_units_have_code_and_number_but_not_where_a_chimney_stands_on_them() -> None:
    painter = _ground()
    roof = Slope(0.0, 0.5, -20.0)
    painter.paint(shapely.box(50, 50, 60, 60), "tile_red", "roof_pitched", level=160, slope=roof)
    painter.paint(
        shapely.box(52, 52, 58, 58),
        "pv_black",
        None,
        level=161,
        slope=roof,
        solar="pv",
        instance=17,
    )
    painter.paint(shapely.box(54, 54, 55, 55), "clinker", None, level=161, slope=Slope(0, 0, 12.0))
    made = _render(painter, (50, 50, 60, 60))
    pixels = _pixels((50, 50, 60, 60))
    x, y = pixels.centres_m()
    array = ((x > 52) & (x < 58))[None] & ((y > 52) & (y < 58))[:, None]
    chimney = ((x > 54) & (x < 55))[None] & ((y > 54) & (y < 55))[:, None]
    assert np.array_equal(made.solar == 1, array & ~chimney)
    assert np.array_equal(made.instances == 17, array & ~chimney)
    assert (made.labels == LABELS.index("roof_pitched")).all()
    # 0.5 m of rise per metre north: 5 m at its south edge, 10 m at its north edge.
    assert made.ndsm[-1, 0] == pytest.approx(5.05, abs=0.01)
    assert made.ndsm[0, 0] == pytest.approx(9.95, abs=0.01)


def test_crowns_hide_what_lies_below_and_ground_keeps_it() -> None:
    painter = _ground()
    painter.paint(
        shapely.box(50, 50, 70, 70), "pv_blue", None, level=1, solar="pv_ground", instance=4
    )
    made = _render(painter, (50, 50, 70, 70), VIEW, (60.0, 60.0, 4.0, 12.0))
    crown = made.labels == LABELS.index("tree")
    assert crown[50, 50]
    assert not crown[0, 0]
    assert (made.ground == LABELS.index("asphalt")).all()
    assert np.array_equal(crown, made.fine == FINE.index("tree"))
    assert np.array_equal(made.solar == 0, crown)
    assert np.array_equal(made.instances == 0, crown)
    assert made.ndsm[50, 50] > 8


def test_a_house_throws_its_shadow_away_from_the_sun() -> None:
    painter = _ground()
    painter.paint(
        shapely.box(50, 50, 70, 60), "felt", "roof_flat", level=160, slope=Slope(0, 0, 8.0)
    )
    made = _render(painter, (40, 40, 80, 80))
    x, y = _pixels((40, 40, 80, 80)).centres_m()
    middle = (x > 52) & (x < 68)
    # 8 m at 45 degrees: shade reaches from the wall at 60 m to 68 m north of it.
    assert made.shadow[np.ix_((y > 60.3) & (y < 67.4), middle)].all()
    assert not made.shadow[np.ix_(y > 68.6, middle)].any()
    assert not made.shadow[np.ix_(y < 59, middle)].any()
    shade = made.rgbi[np.ix_((y > 62) & (y < 66), middle)].reshape(-1, 4).mean(axis=0)
    sun = made.rgbi[np.ix_(y > 70, middle)].reshape(-1, 4).mean(axis=0)
    darker = shade / sun
    assert darker[2] > darker[1] > darker[0] > darker[3]
    assert 0.1 < darker[0] < 0.4


def test_slopes_that_face_the_sun_are_brighter() -> None:
    painter = _ground()
    for south, rise in ((50, 0.6), (55, -0.6)):
        area = shapely.box(50, south, 65, south + 5)
        slope = Slope(0.0, rise, 6.0 - rise * 55)
        painter.paint(area, "tile_brown", "roof_pitched", level=160, slope=slope, thing=5, wear=0)
    made = _render(painter, (51, 50, 64, 60))
    assert made.rgbi[30:45, :, 1].mean() > 1.8 * made.rgbi[5:20, :, 1].mean()


def test_nothing_is_valid_outside_the_town_in_the_collar_and_in_a_hole() -> None:
    camera = replace(SHARP, collar="white", collar_m=4.0, hole=(12.0, 110.0, 2.0))
    pixels = Pixels(0.2, SIZE_M, -10, -10, 110, 90)
    painting = Painting.finished(_ground())
    made = render_alone(painting, _trees(), pixels, replace(VIEW, camera=camera), 7)
    x, y = pixels.centres_m()
    inside = (x > 4)[None] & (y < SIZE_M)[:, None]
    hole = (x[None] - 12) ** 2 + (y[:, None] - 110) ** 2 <= 4
    assert np.array_equal(made.valid, inside & ~hole)
    for codes in (made.labels, made.ground, made.fine):
        assert np.array_equal(codes == NO_DATA, ~made.valid)
    assert (made.rgbi[~made.valid] == 255).all()


def test_leaning_things_move_by_their_height_and_show_their_wall() -> None:
    painter = _ground()
    painter.paint(
        shapely.box(50, 50, 60, 60), "felt", "roof_flat", level=160, slope=Slope(0, 0, 10.0)
    )
    made = _render(painter, (45, 45, 65, 65), replace(VIEW, lean=(0.1, 0.0)))
    x, y = _pixels((45, 45, 65, 65)).centres_m()
    row = int(np.argmin(np.abs(y - 55)))
    house = made.labels[row] == LABELS.index("roof_flat")
    # The roof lies 1 m further east; the west wall, 1 m wide, stands between it and its foot.
    assert np.array_equal(house, (x > 50) & (x < 61))
    assert made.ndsm[row][(x > 51) & (x < 61)] == pytest.approx(10.0)
    wall = made.ndsm[row][(x > 50) & (x < 51)]
    assert wall == pytest.approx(10 * (x[(x > 50) & (x < 51)] - 50), abs=0.02)


def test_a_shifted_image_has_its_labels_moved_with_it() -> None:
    painter = _ground()
    painter.paint(shapely.box(50, 50, 60, 60), "lawn", "grass", level=0)
    made = _render(painter, (45, 45, 65, 65), replace(VIEW, shift_m=(0.4, -0.2)))
    straight = _render(painter, (45, 45, 65, 65))
    assert np.array_equal(made.labels[1:, 2:], straight.labels[:-1, :-2])


def test_another_thing_changes_no_tile_of_a_roof() -> None:
    roof = shapely.box(60, 60, 72, 70)
    made = []
    for cars in (0, 3):
        painter = _ground()
        for car in range(cars):
            painter.paint(
                shapely.box(20 + 6 * car, 20, 24 + 6 * car, 22),
                "sheet_blue",
                None,
                level=1,
                thing=3,
            )
        painter.paint(
            roof, "tile_red", "roof_pitched", level=160, slope=Slope(0, 0.5, -24.0), thing=90_001
        )
        made.append(_render(painter, (16, 16, 76, 76)).rgbi[30:80, 220:280])
    assert made[0].std() > 1
    assert (made[0] == made[1]).all()


def test_a_drawn_colour_belongs_to_the_thing() -> None:
    spread = np.array([materials()["membrane_light"].spread], np.float32)
    draws = np.array([drawn_gains(np.array([n]), spread, 7).mean() for n in range(40)])
    dark, bright = int(np.argmin(draws)), int(np.argmax(draws))
    painter = _ground()
    for west, thing in ((50, dark), (60, dark), (70, bright)):
        area = shapely.box(west, 50, west + 9, 60)
        painter.paint(area, "membrane_light", "roof_flat", level=160, thing=thing)
    made = _render(painter, (50, 50, 80, 60))
    one, same, other = (made.rgbi[10:40, x : x + 35, :3].mean() for x in (5, 55, 105))
    assert same == pytest.approx(one, rel=0.05)
    assert other > 1.15 * one


def test_things_of_one_kind_differ_from_warm_to_cold_more_than_from_green_to_pink() -> None:
    numbers = np.arange(4_000)
    red, green, blue, _ = drawn_gains(numbers, np.full(4_000, 0.1, np.float32), 7).T
    assert (red - blue).std() > 2 * (green - (red + blue) / 2).std()


def test_moss_grows_with_wear() -> None:
    seen = []
    for wear in (0.0, 1.0):
        painter = _ground()
        painter.paint(
            shapely.box(50, 50, 70, 70),
            "fibre_cement",
            "roof_pitched",
            level=160,
            thing=5,
            wear=wear,
        )
        seen.append(_render(painter, (51, 51, 69, 69)).rgbi.reshape(-1, 4).mean(axis=0))
    assert seen[1][1] < seen[0][1] - 4
    assert seen[1][1] / seen[1][0] > seen[0][1] / seen[0][0]


def test_courses_lie_at_their_period_along_the_slope() -> None:
    """Tiles of 0.34 m on a roof that rises 1 to 1 lie 0.24 m apart from above."""
    painter = _ground()
    slope = Slope(0.0, 1.0, -40.0)
    painter.paint(
        shapely.box(50, 50, 60, 60), "tile_glazed", "roof_pitched", level=160, slope=slope,
        direction=(0.0, 1.0), wear=0,
    )  # fmt: skip
    pixels = Pixels.over((50, 50, 60, 60), 0.05, SIZE_M)
    made = render_alone(Painting.finished(painter), _trees(), pixels, VIEW, 7)
    profile = made.rgbi[..., 1].astype(float).mean(axis=1)
    power = np.abs(np.fft.rfft(profile - profile.mean()))
    period_m = 10.0 / np.argmax(power[20:]).__add__(20)
    assert period_m == pytest.approx(0.34 / np.sqrt(2), rel=0.03)


def test_courses_too_fine_for_the_pixels_fade_instead_of_making_stripes() -> None:
    painter = _ground()
    painter.paint(shapely.box(20, 20, 100, 100), "fibre_cement", "roof_flat", level=160, wear=0)
    pixels = Pixels.over((30, 30, 90, 90), 0.4, SIZE_M)
    made = render_alone(Painting.finished(painter), _trees(), pixels, VIEW, 7)
    profile = made.rgbi[..., 1].astype(float).mean(axis=0)
    power = np.abs(np.fft.rfft(profile - profile.mean()))
    fine = power[len(power) // 3 :]
    assert fine.max() < 6 * np.median(fine)


@pytest.mark.parametrize("season", ["early_spring", "spring", "summer", "late_summer", "winter"])
def test_every_season_gives_an_image_with_few_saturated_pixels(season: str) -> None:
    painting, trees = _town_like(9)
    view = View(Sun(160.0, 41.0), season, snow=0.5 if season == "winter" else 0.0)  # type: ignore[arg-type]
    made = render_alone(painting, trees, _pixels((20, 20, 90, 90)), view, 7)
    rgb = made.rgbi[..., :3]
    assert ((rgb == 0) | (rgb == 255)).all(axis=2).mean() < 0.01
    assert rgb.std() > 15


def test_all_materials_can_be_rendered() -> None:
    painter = _ground()
    for number, key in enumerate(materials()):
        x, y = 10 + 10 * (number % 10), 10 + 10 * (number // 10)
        painter.paint(shapely.box(x, y, x + 10, y + 10), key, "paved", level=1)
    made = _render(painter, (10, 10, 110, 60), VIEW)
    assert made.valid.all()
    assert len({tuple(value) for value in made.rgbi[25::50, 25::50].reshape(-1, 4).tolist()}) > 40


def test_a_gap_between_two_areas_is_closed_and_the_border_of_the_town_is_not_moved() -> None:
    painter = Painter(7)
    painter.paint(shapely.box(0, 0, 50.02, SIZE_M), "lawn", "grass", level=0)
    painter.paint(shapely.box(50.18, 0, 60, SIZE_M), "asphalt", "asphalt", level=0)
    made = _render(painter, (45, 45, 65, 65))
    grass, asphalt = LABELS.index("grass"), LABELS.index("asphalt")
    assert set(np.unique(made.labels[:, :75])) == {grass, asphalt}
    assert (made.labels[:, 75:] == NO_DATA).all()
