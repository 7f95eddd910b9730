"""Cleaning: even paper, no scan border, no tilt, and a way back to the page image."""

import numpy as np
import pytest

from apps.archivair.clean import (
    CleanPage,
    clean_page,
    enlarge_small,
    find_tilt,
    flatten_background,
    ink_threshold,
    rotate,
)
from apps.archivair.damage import punch, scan_border
from apps.archivair.holes import hole_mask
from apps.archivair.rendering import RenderedPage, Wear, render_letter, spoil
from tests.apps.archivair.doubles import draw_lines

TEXT = draw_lines(["Der Bauherr hat den Antrag zurückgezogen und neu gestellt."] * 14, (1240, 1000))


def worn(**wear):
    return spoil(RenderedPage(TEXT, (), 150), Wear(dpi=150, **wear), 3).image


@pytest.mark.parametrize("tilt", [-12.0, -3.0, -0.4, 0.0, 1.6, 3.0, 14.0])
def test_tilt_is_measured(tilt):
    flat = worn(tilt_deg=tilt)
    assert find_tilt(flat, ink_threshold(flat)) == pytest.approx(tilt, abs=0.11)


def test_a_tilted_page_is_turned_back():
    clean = clean_page(worn(tilt_deg=2.4, shading=0.4, noise_sigma=12))
    assert clean.angle_deg == pytest.approx(2.4, abs=0.11)
    assert abs(find_tilt(clean.image, clean.ink_threshold)) < 0.11


def test_shaded_paper_becomes_white_and_ink_stays():
    flat = flatten_background(worn(shading=0.6))
    paper = TEXT == 255
    assert np.percentile(flat[paper], 10) > 235
    assert np.median(flat[TEXT < 60]) < 90


def test_dark_scan_borders_become_white():
    page = scan_border(RenderedPage(TEXT, (), 150), 5)
    clean = clean_page(page.image)
    dark = clean.image < clean.ink_threshold
    assert dark[:, :5].mean() < 0.05
    assert dark.mean() < 2 * (TEXT < 128).mean()


def test_a_negative_is_turned_round():
    clean = clean_page(255 - TEXT)
    assert clean.negative
    assert np.median(clean.image) > 200


def test_faint_ink_gets_contrast():
    faint = (255 - (255 - TEXT.astype(int)) // 5).astype(np.uint8)
    clean = clean_page(faint)
    assert (clean.image < clean.ink_threshold).mean() == pytest.approx((TEXT < 128).mean(), rel=0.5)


def test_white_black_and_tiny_pages_pass():
    for gray in (np.full((400, 300), 255), np.zeros((400, 300)), np.full((16, 16), 200)):
        clean = clean_page(gray.astype(np.uint8))
        assert clean.angle_deg == 0
        assert clean.image.shape == gray.shape


@pytest.mark.parametrize("angle", [0.0, 1.6, -7.0])
def test_the_way_back_leads_to_the_same_place(angle):
    image = np.full((300, 500), 255, dtype=np.uint8)
    image[100:110, 200:210] = 0
    turned, back = rotate(image, angle)
    rows, columns = np.nonzero(turned < 128)
    found = back @ np.array([columns.mean(), rows.mean(), 1.0])
    assert found == pytest.approx([204.5, 104.5], abs=0.7)


def test_small_pages_are_enlarged_and_keep_their_places():
    image = np.full((1400, 1000), 255, np.uint8)
    image[100:110, 200:220] = 0
    clean = enlarge_small(CleanPage(image, 0.0, np.eye(2, 3), 128))
    assert (clean.enlarged, clean.image.shape) == (2, (2800, 2000))
    rows, columns = np.nonzero(clean.image < 128)
    found = np.array([columns.mean(), rows.mean(), 1.0])
    assert clean.to_source @ found == pytest.approx((209.5, 104.5), abs=0.1)
    assert enlarge_small(clean) is clean
    tiny = CleanPage(image[:900, :600], 0.0, np.eye(2, 3), 128)
    assert enlarge_small(tiny).enlarged == 3
    large = clean_page(np.full((1754, 1240), 255, np.uint8))
    assert enlarge_small(large) is large


def test_punch_holes_are_taken_out_of_the_copy_that_is_read():
    page = punch(render_letter("tinos", 4))
    holes = hole_mask(page.image < 128)
    assert (page.image[holes] < 128).mean() > 0.5
    clean = clean_page(page.image)
    assert abs(clean.angle_deg) < 0.1
    assert hole_mask(clean.image < 128) is None
