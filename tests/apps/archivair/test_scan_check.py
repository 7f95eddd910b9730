"""Faults of a scan are seen without reading it."""

import time
from dataclasses import replace

import cv2
import numpy as np
import pytest

from apps.archivair.clean import clean_page, is_negative
from apps.archivair.damage import punch
from apps.archivair.duplicates import (
    SeenPage,
    duplicate_finding,
    find_duplicates,
    picture_fingerprint,
)
from apps.archivair.holes import hole_mask
from apps.archivair.quality import is_blank
from apps.archivair.rendering import CLEAN, Wear, render_letter, spoil
from apps.archivair.scan_check import RESCAN_CODES, check_scan
from tests.apps.archivair.doubles import page


@pytest.fixture(scope="module")
def letter():
    """Return a typed letter at 150 dpi."""
    return spoil(render_letter("courier_prime", 7), replace(CLEAN, dpi=150), 1).image


def codes(gray, **more):
    return [finding.code for finding in check_scan(page(gray, **more)).findings]


def paper(seed=1, shape=(1754, 1240)):
    noise = np.random.default_rng(seed).normal(232, 5, shape)
    return np.clip(noise, 0, 255).astype(np.uint8)


def test_a_good_page_has_no_fault_and_a_fingerprint(letter):
    found = check_scan(page(letter))
    assert found.findings == ()
    assert not found.must_be_scanned_again
    assert len(found.fingerprint) == 16


def test_a_page_takes_less_than_a_second(letter):
    large = cv2.resize(letter, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    start = time.process_time()
    check_scan(page(large, dpi=300.0))
    assert time.process_time() - start < 1.0


def test_blank_paper_is_blank_also_with_punch_holes():
    back = paper()
    assert codes(back) == ["leer"]
    for y in (700, 1054):
        cv2.circle(back, (65, y), 17, 40, -1, cv2.LINE_AA)
    assert codes(back) == ["leer"]
    assert is_blank(clean_page(back))


def test_pale_print_is_no_blank_page(letter):
    pale = np.clip(235 - (255 - letter.astype(np.float32)) * 0.11, 0, 255).astype(np.uint8)
    assert is_blank(clean_page(pale))
    assert codes(pale) == ["zu_hell"]


@pytest.mark.parametrize(("turns", "code"), [(2, "kopfstehend"), (1, "quer"), (3, "quer")])
def test_turned_pages_are_seen(letter, turns, code):
    assert codes(np.ascontiguousarray(np.rot90(letter, turns))) == [code]


def test_cut_blurred_dark_and_small_pages_are_to_be_scanned_again(letter):
    left = int(np.flatnonzero((letter < 128).any(axis=0))[0])
    spoilt = {
        "abgeschnitten": letter[:, left + 14 :],
        "unscharf": cv2.GaussianBlur(letter, (0, 0), 3.0),
        "zu_dunkel": (letter.astype(np.float32) * 0.28).astype(np.uint8),
        "zu_klein": cv2.resize(letter, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    }
    for code, gray in spoilt.items():
        assert code in codes(gray, dpi=None if code == "zu_klein" else 150.0)
        assert code in RESCAN_CODES


def test_dark_paper_with_darker_text_is_no_negative(letter):
    dark = (letter.astype(np.float32) * 0.28).astype(np.uint8)
    assert not is_negative(dark)
    assert is_negative(255 - letter)
    assert codes(255 - letter) == ["negativ"]


def test_tilted_pages_are_told_only_beyond_ten_degrees(letter):
    def tilted(degrees):
        return spoil(render_letter("tinos", 3), Wear(tilt_deg=degrees, dpi=150), 1).image

    assert codes(tilted(4)) == []
    assert "schief" in codes(tilted(13))


def test_holes_are_found_but_no_letters():
    rendered = render_letter("tinos", 5)
    ink = rendered.image < 128
    assert hole_mask(ink) is None
    punched = punch(rendered).image < 128
    found = hole_mask(punched)
    assert found is not None
    assert (punched & ~found).sum() == pytest.approx(ink.sum(), rel=0.01)


def test_a_page_scanned_twice_is_found_by_picture_and_text(letter):
    again = spoil(render_letter("courier_prime", 7), Wear(dpi=150, noise_sigma=6), 9).image
    other = spoil(render_letter("courier_prime", 8), replace(CLEAN, dpi=150), 1).image
    prints = [check_scan(page(gray)).fingerprint for gray in (letter, other, again)]
    text = "Der Bauherr hat die Anlage am 3. Mai 1957 errichtet."
    seen = [
        SeenPage(1, prints[0], text),
        SeenPage(2, prints[1], "Ein ganz anderer Brief über den Kanal."),
        SeenPage(3, prints[2], text.replace("Mai", "Mal")),
        SeenPage(4, "", ""),
        SeenPage(5, "", ""),
    ]
    assert find_duplicates(seen) == {3: 1}
    assert "Seite 1" in duplicate_finding(1).german


def test_pages_of_one_form_with_other_text_are_no_duplicates():
    same = picture_fingerprint(paper())
    texts = ["Antrag auf Genehmigung, Mühlenweg 3, Flur 7", "Rechnung über 184,50 DM vom 3. Mai"]
    seen = [SeenPage(number, same, text) for number, text in enumerate(texts, 1)]
    assert find_duplicates(seen) == {}
    assert find_duplicates([replace(one, text=None) for one in seen]) == {2: 1}
