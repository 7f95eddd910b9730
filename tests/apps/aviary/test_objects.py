"""Objects survive tiling: none is split, lost, doubled or moved."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image
from shapely.geometry import box

from apps.aviary.finds.joining import find_objects, merge_across_tiles
from apps.aviary.objects import Detection, Find, Part, TileFinds, collect
from apps.aviary.plan import plan_run
from apps.aviary.recipes import find_recipe
from shared.contracts.provenance import ModelUse
from shared.geo.polygons import intersection_over_union
from shared.geo.raster import RasterInfo
from tests.apps.aviary import doubles

SOLAR = find_recipe("solar")
SIZE = (1900, 1500)
INFO = RasterInfo("a.png", "00" * 32, *SIZE, 3, "PNG", pixel_width_m=0.1, pixel_height_m=0.1)
PLAN = plan_run(INFO, SOLAR)
MODEL = ModelUse("solar", "9.9.9", "ab" * 32)


def seen_by_tiles(truth, scores):
    """Cut true rectangles the way a perfect model would see them in each tile."""
    parts = []
    for tile in PLAN.tiles:
        frame = box(*tile.box)
        edges = tile.inner_edges(PLAN.width, PLAN.height)
        for rectangle, score in zip(truth, scores, strict=True):
            piece = rectangle.intersection(frame)
            if piece.area < 1:
                continue
            left, upper, right, lower = piece.bounds
            x0, y0, x1, y1 = tile.box
            gaps = (left - x0, upper - y0, x1 - right, y1 - lower)
            cut = any(inner and gap <= 2 for inner, gap in zip(edges, gaps, strict=True))
            parts.append(Part(tile, "pv", score, piece, piece.bounds, cut, False, None))
    return Detection(PLAN, tuple(parts), (), MODEL, 0, None)


@st.composite
def apart(draw):
    """Rectangles that do not touch: at most one per cell of a coarse grid."""
    found = []
    for column in range(5):
        for row in range(4):
            if draw(st.booleans()):
                width, height = draw(st.integers(6, 350)), draw(st.integers(6, 350))
                x = column * 370 + draw(st.integers(0, 355 - width))
                y = row * 370 + draw(st.integers(0, 355 - height))
                found.append(box(x, y, min(x + width, SIZE[0]), min(y + height, SIZE[1])))
    return [one for one in found if one.area > 30 and one.bounds[3] <= SIZE[1]]


@settings(deadline=None)
@given(truth=apart())
def test_what_tiles_cut_is_joined_again(truth):
    scores = [0.3 + 0.6 * i / max(1, len(truth)) for i in range(len(truth))]
    found = find_objects(seen_by_tiles(truth, scores), INFO, SOLAR, threshold=0.1, min_area_m2=0)
    assert len(found) == len(truth)
    for one in found:
        twin = max(truth, key=lambda true: intersection_over_union(true, one.polygon))
        assert intersection_over_union(twin, one.polygon) > 0.999
        assert one.bbox_px == pytest.approx(twin.bounds)
        assert one.score == scores[truth.index(twin)]


def test_an_object_larger_than_a_tile_stays_one():
    large = box(100, 100, 1800, 1400)
    found = find_objects(seen_by_tiles([large], [0.8]), INFO, SOLAR, threshold=0.5, min_area_m2=1)
    assert [one.polygon.area for one in found] == [pytest.approx(large.area)]


def test_neighbours_a_metre_apart_stay_two():
    truth = [box(600, 300, 660, 340), box(600, 350, 660, 390)]
    found = find_objects(
        seen_by_tiles(truth, [0.8, 0.7]), INFO, SOLAR, threshold=0.5, min_area_m2=1
    )
    assert len(found) == 2


def test_kinds_are_not_mixed():
    tile, other = PLAN.tiles[0], PLAN.tiles[1]
    left = Part(tile, "pv", 0.9, box(500, 10, 640, 60), (500, 10, 640, 60), True, False, None)
    right = Part(
        other, "solar_thermal", 0.8, box(448, 10, 700, 60), (448, 10, 700, 60), True, False, None
    )
    assert len(merge_across_tiles([left, right])) == 2


def test_a_cut_part_lends_its_score_to_the_whole_one():
    tile, other = PLAN.tiles[0], PLAN.tiles[1]
    cut = Part(tile, "pv", 0.9, box(600, 10, 640, 60), (600, 10, 640, 60), True, False, None)
    whole = Part(other, "pv", 0.4, box(600, 10, 680, 60), (600, 10, 680, 60), False, False, None)
    (joined,) = merge_across_tiles([cut, whole])
    assert joined.score == 0.9
    assert joined.polygon.equals(whole.polygon)


@settings(deadline=None, max_examples=30)
@given(truth=apart(), threshold=st.floats(0, 1))
def test_a_higher_threshold_only_removes(truth, threshold):
    scores = [(7 * i % 10) / 10 for i in range(len(truth))]
    detection = seen_by_tiles(truth, scores)
    low = find_objects(detection, INFO, SOLAR, threshold=0.0, min_area_m2=0)
    high = find_objects(detection, INFO, SOLAR, threshold=threshold, min_area_m2=0)
    assert [one.bbox_px for one in high] == [one.bbox_px for one in low if one.score >= threshold]


def picture(rectangles, size=(1500, 1100)):
    pixels = np.full((size[1], size[0], 3), 120, dtype=np.uint8)
    for x0, y0, x1, y1 in rectangles:
        pixels[y0:y1, x0:x1] = doubles.BLUE
    return pixels


def saved(pixels, tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    return path


def found_in(analysis, threshold=0.2):
    return find_objects(
        analysis.detection, analysis.info, SOLAR, threshold=threshold, min_area_m2=0
    )


RECTANGLES = [
    (30, 30, 90, 60),
    (560, 100, 700, 180),
    (300, 500, 1400, 900),
    (1450, 1050, 1500, 1100),
]


@pytest.mark.parametrize("gsd_m", [0.1, 0.12, 0.07, 0.2])
def test_boxes_come_back_in_pixels_of_the_image(tmp_path, gsd_m):
    path = saved(picture(RECTANGLES), tmp_path)
    found = found_in(doubles.analyse(path, doubles.finds_blue(), gsd_m=gsd_m))
    assert len(found) == len(RECTANGLES)
    for one in found:
        nearest = min(RECTANGLES, key=lambda true: math.dist(true, one.bbox_px))
        assert one.bbox_px == pytest.approx(nearest, abs=0.1 / gsd_m + 0.7)
        assert one.area_m2 == pytest.approx(one.area_px * gsd_m**2)


def test_a_failed_tile_is_listed(tmp_path):
    pixels = picture(RECTANGLES)
    pixels[5, 5] = doubles.MARK
    path = saved(pixels, tmp_path)
    detection = doubles.analyse(path, doubles.fails_on_the_mark(), gsd_m=0.1).detection
    assert [(one.tile_id, one.code) for one in detection.failed] == [(0, "vorhersage_gescheitert")]
    assert detection.failed[0].box_px == (0, 0, 640, 640)


@pytest.mark.parametrize(
    ("client", "code"),
    [
        (doubles.answers_about_another_image, "antwort_vertauscht"),
        (doubles.answers_with_other_weights, "modell_gewechselt"),
    ],
)
def test_foreign_answers_are_no_result(tmp_path, client, code):
    path = saved(picture(RECTANGLES), tmp_path)
    detection = doubles.analyse(path, client(), gsd_m=0.1).detection
    assert {one.code for one in detection.failed} == {code}
    assert len(detection.failed) == len(detection.plan.tiles)
    assert (detection.parts, detection.model) == ((), None)


def test_tiles_without_data_are_not_sent(tmp_path):
    pixels = np.full((640, 1536, 4), 255, dtype=np.uint8)
    pixels[..., :3] = (90, 100, 80)
    pixels[:, :700, 3] = 0
    pixels[0, -1] = 0  # else the second tile is known already
    client = doubles.finds_nothing()
    detection = doubles.analyse(saved(pixels, tmp_path), client, gsd_m=0.1).detection
    assert (detection.empty_tiles, len(detection.plan.tiles)) == (1, 3)
    assert len(client.asked) == 2
    assert not detection.failed


def test_unusual_images_make_every_object_doubtful(tmp_path):
    path = saved(picture(RECTANGLES), tmp_path)
    analysis = doubles.analyse(path, doubles.knows_no_such_image(), gsd_m=0.1)
    found = found_in(analysis)
    assert len(analysis.detection.unusual_tiles) == len(analysis.detection.plan.tiles)
    assert all(one.doubtful and one.domain_distance == 7.5 for one in found)


def part(tile, score, shape, *, cut=True):
    return Part(PLAN.tiles[tile], "pv", score, shape, shape.bounds, cut, False, None)


def found_of(*parts, threshold=0.5):
    detection = Detection(PLAN, tuple(parts), (), MODEL, 0, None)
    return find_objects(detection, INFO, SOLAR, threshold=threshold, min_area_m2=0)


def test_no_object_ends_at_a_tile_because_the_next_one_is_less_sure():
    """Tile 0 ends at 640 px, tile 1 begins at 448 px and ends at 1088 px."""
    seen = part(0, 0.6, box(400, 10, 640, 60)), part(1, 0.4, box(448, 10, 1088, 60))
    (one,) = found_of(*seen)
    assert one.polygon.bounds == pytest.approx((400, 10, 1088, 60))
    assert one.score == 0.6
    assert found_of(*seen, threshold=0.61) == ()


def test_what_the_next_tile_holds_whole_is_reported_whole_though_less_sure():
    cut, whole = part(0, 0.6, box(600, 10, 640, 60)), part(1, 0.4, box(600, 10, 700, 60), cut=False)
    (one,) = found_of(cut, whole)
    assert one.polygon.bounds == pytest.approx((600, 10, 700, 60))
    assert one.score == 0.6


def test_a_weak_roof_takes_no_score_from_the_modules_on_it():
    cut, whole = part(0, 0.9, box(600, 10, 640, 60)), part(1, 0.8, box(600, 10, 700, 60), cut=False)
    roof = part(1, 0.3, box(560, 0, 900, 400), cut=False)
    (one,) = found_of(cut, roof, whole)
    assert one.polygon.bounds == pytest.approx((600, 10, 700, 60))
    assert one.score == 0.9


def test_a_weak_roof_takes_no_modules_away():
    cut, roof = part(0, 0.9, box(600, 10, 640, 60)), part(1, 0.3, box(560, 0, 900, 400), cut=False)
    (one,) = found_of(cut, roof)
    assert one.polygon.bounds == pytest.approx((600, 10, 640, 60))


def test_two_weak_parts_make_no_object():
    assert found_of(part(0, 0.3, box(400, 10, 640, 60)), part(1, 0.4, box(448, 10, 1088, 60))) == ()


def test_an_object_over_three_tiles_is_held_together_by_the_weak_middle():
    (one,) = found_of(
        part(0, 0.7, box(300, 20, 640, 30)),
        part(1, 0.3, box(448, 20, 1088, 30)),
        part(2, 0.8, box(896, 20, 1400, 30)),
    )
    assert one.polygon.bounds == pytest.approx((300, 20, 1400, 30))
    assert one.score == 0.8


def test_a_mask_that_ends_just_before_its_tile_belongs_to_a_cut_object():
    corners = ((600.0, 10.0), (635.0, 10.0), (635.0, 60.0), (600.0, 60.0))
    find = Find("pv", 0.9, (600.0, 10.0, 640.0, 60.0), corners)
    (one,) = collect(PLAN, [TileFinds(0, (find,))], [], MODEL).parts
    assert one.cut


def test_nothing_is_found_below_a_mask(tmp_path):
    """Below transparent pixels the colours of a picture often go on."""
    pixels = np.dstack([picture(RECTANGLES), np.full((1100, 1500), 255, np.uint8)])
    x0, y0, x1, y1 = RECTANGLES[1]
    pixels[y0 - 20 : y1 + 20, x0 - 20 : x1 + 20, 3] = 0
    found = found_in(doubles.analyse(saved(pixels, tmp_path), doubles.finds_blue(), gsd_m=0.1))
    assert len(found) == len(RECTANGLES) - 1
    assert all(one.bbox_px != pytest.approx(RECTANGLES[1], abs=2) for one in found)
