"""Cleaning: even paper, no scan border, no tilt, and a way back to the page image."""

import numpy as np
import pytest

from apps.archivair.clean import clean_page, find_tilt, flatten_background, ink_threshold, rotate
from apps.archivair.damage import scan_border
from apps.archivair.rendering import RenderedPage, Wear, spoil
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
