"""The traffic light speaks plain German and blocks what cannot work."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from apps.aviary.inputs.run_image import inspect_image
from apps.aviary.plan import plan_run
from apps.aviary.preflight import check_image, no_data_share, outside_checked_range
from apps.aviary.recipes import find_recipe
from shared.contracts.finding import may_continue
from shared.errors import ResolutionMissing
from shared.geo.raster import OpenOptions, Patch, RasterInfo

SOLAR = find_recipe("solar")


def info(gsd_m=0.1, width=1000, height=800, **other):
    known = {} if gsd_m is None else {"pixel_width_m": gsd_m, "pixel_height_m": gsd_m}
    return RasterInfo("a.png", "00" * 32, width, height, 3, "PNG", **known, **other)


def picture(value=None, valid=True):
    rng = np.random.default_rng(1)
    rgb = rng.integers(60, 180, (40, 50, 3), dtype=np.uint8)
    if value is not None:
        rgb[:] = value
    return Patch(rgb, np.full((40, 50), valid, dtype=bool))


def levels(findings):
    return {finding.code: finding.level for finding in findings}


def test_a_fitting_image_gets_no_reservation():
    findings = check_image(info(), picture(), SOLAR)
    assert {finding.level for finding in findings} == {"ok"}
    assert findings[0].german == "Das Bild hat 10 cm je Bildpunkt. Das passt zum Rezept."


def test_unknown_resolution_blocks():
    findings = check_image(info(None), picture(), SOLAR)
    assert levels(findings)["aufloesung_fehlt"] == "stop"
    assert not may_continue(findings)


@pytest.mark.parametrize("gsd_m", [0.049, 0.23, 0.4, 1.0])
def test_resolution_outside_the_range_blocks_unless_forced(gsd_m):
    assert outside_checked_range(info(gsd_m), SOLAR)
    assert levels(check_image(info(gsd_m), picture(), SOLAR))["aufloesung_ungeeignet"] == "stop"
    forced = check_image(info(gsd_m), picture(), SOLAR, force=True)
    assert levels(forced)["aufloesung_ungeeignet"] == "hint"
    assert may_continue(forced)


def test_the_sentence_names_both_resolutions():
    sentence = check_image(info(0.4), picture(), SOLAR)[0].german
    assert sentence.startswith("Das Bild hat 40 cm je Bildpunkt.")
    assert "höchstens 22 cm" in sentence


@pytest.mark.parametrize("gsd_m", [0.05, 0.1, 0.2, 0.22, 0.2200001])
def test_the_ends_of_the_range_are_inside(gsd_m):
    assert not outside_checked_range(info(gsd_m), SOLAR)


@pytest.mark.parametrize("size", [(1, 1), (31, 900), (900, 5)])
def test_tiny_images_block(size):
    found = check_image(info(width=size[0], height=size[1]), picture(), SOLAR)
    assert levels(found)["bild_zu_klein"] == "stop"


def test_large_images_are_announced():
    findings = check_image(info(width=12000, height=12000), picture(), SOLAR)
    assert levels(findings)["lange_dauer"] == "hint"


@pytest.mark.parametrize(
    ("value", "code"),
    [(90, "kaum_farbe"), ((20, 8, 9), "dunkel"), ((255, 255, 251), "ueberbelichtet")],
)
def test_odd_content_is_a_hint(value, code):
    assert levels(check_image(info(), picture(value), SOLAR))[code] == "hint"


def test_an_image_without_data_blocks():
    assert levels(check_image(info(), picture(valid=False), SOLAR))["bild_leer"] == "stop"


def test_gaps_are_named_with_their_share():
    patch = picture()
    patch.valid[:, :10] = False
    assert no_data_share(patch) == pytest.approx(0.2)
    finding = next(one for one in check_image(info(), patch, SOLAR) if one.code == "luecken")
    assert finding.german.startswith("20 % des Bildes")


def test_coordinates_are_said():
    placed = replace(info(), crs="EPSG:25832")
    assert "EPSG:25832" in levels_text(check_image(placed, picture(), SOLAR), "koordinaten")
    assert "Bildpunkten" in levels_text(check_image(info(), picture(), SOLAR), "ohne_koordinaten")


def levels_text(findings, code):
    return next(one.german for one in findings if one.code == code)


@pytest.mark.parametrize(
    ("gsd_m", "grid"),
    [(0.1, (1000, 800)), (0.1004, (1000, 800)), (0.12, (1200, 960)), (0.05, (500, 400))],
)
def test_tiles_lie_on_the_native_grid(gsd_m, grid):
    plan = plan_run(info(gsd_m), SOLAR)
    assert (plan.width, plan.height) == grid
    assert plan.source_box(plan.tiles[-1])[2:] == pytest.approx((1000, 800))


def test_a_plan_needs_a_resolution():
    with pytest.raises(ResolutionMissing):
        plan_run(info(None), SOLAR)


def test_a_collar_is_no_dark_ground(tmp_path):
    """Black around the flown area is a gap; it must not make the rest look dark."""
    pixels = np.zeros((300, 400, 3), np.uint8)
    pixels[60:240, 80:320] = np.random.default_rng(1).integers(90, 130, (180, 240, 3))
    Image.fromarray(pixels).save(tmp_path / "a.png")
    _, findings = inspect_image(tmp_path / "a.png", SOLAR, OpenOptions(gsd_m=0.1))
    told = {one.code: one for one in findings}
    assert told["luecken"].details["percent"] == pytest.approx(64, abs=0.5)
    assert "dunkel" not in told
    Image.fromarray(np.zeros_like(pixels)).save(tmp_path / "b.png")
    _, findings = inspect_image(tmp_path / "b.png", SOLAR, OpenOptions(gsd_m=0.1))
    assert levels(findings)["bild_leer"] == "stop"
