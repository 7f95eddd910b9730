"""Rendered pages: same seed, same page; wear and marks do what they say."""

import numpy as np
import pytest

from apps.archivair.damage import punch, scan_border, stamp, turn
from apps.archivair.evaluation_pages import FULL, QUICK, column_pages, read_kinds, turned_pages
from apps.archivair.rendering import (
    CLEAN,
    DEGRADED,
    FONTS,
    SPACING,
    RenderedPage,
    Wear,
    render_columns,
    render_letter,
    space_out,
    spoil,
)

PAGE = render_letter("courier_prime", 50_001, spaced_names=True)


def test_same_seed_same_page():
    again = render_letter("courier_prime", 50_001, spaced_names=True)
    assert np.array_equal(again.image, PAGE.image)
    assert again.text == PAGE.text
    assert render_letter("courier_prime", 50_002).text != PAGE.text


def test_the_reference_is_plain_text():
    assert SPACING not in PAGE.text
    assert "{" not in PAGE.text
    assert len(PAGE.text) > 1000
    assert PAGE.image.shape == (3508, 2480)


def test_names_are_spaced_out_for_the_drawing_only():
    spaced = space_out("gegen Frau Röttger und Herrn Weiß")
    assert spaced.replace(SPACING, "") == "gegen Frau Röttger und Herrn Weiß"
    assert spaced.count(SPACING) == len("Röttger") + len("Weiß") - 2


def test_columns_are_blocks_side_by_side():
    page = render_columns("arimo", 50_003)
    assert len(page.blocks) > 6
    gutter = page.image[:, page.image.shape[1] // 2 - 20 : page.image.shape[1] // 2 + 20]
    assert gutter.min() == 255


def test_wear_changes_size_and_ink_but_not_the_text():
    worn = spoil(PAGE, DEGRADED, 1)
    assert worn.image.shape == (2339, 1653)
    assert worn.text == PAGE.text
    assert np.array_equal(spoil(PAGE, DEGRADED, 1).image, worn.image)
    assert spoil(PAGE, CLEAN) is PAGE
    faded = spoil(PAGE, Wear(ink_fade=0.8), 1)
    assert faded.image[PAGE.image < 60].mean() > PAGE.image[PAGE.image < 60].mean() + 40


def test_marks_add_ink_and_keep_the_text():
    holes = punch(PAGE)
    assert (holes.image[:, :260] < 60).sum() > 5000
    stamped = stamp(PAGE, 3)
    assert (stamped.image < 200).sum() > (PAGE.image < 200).sum()
    bordered = scan_border(PAGE, 3)
    assert bordered.image[:10].mean() < 60
    assert bordered.image.shape > PAGE.image.shape
    assert holes.text == stamped.text == bordered.text == PAGE.text


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_turned_pages_turn_back(turns):
    turned = turn(PAGE, turns)
    assert np.array_equal(np.rot90(turned.image, -turns), PAGE.image)


def test_kinds_of_the_evaluation():
    kinds = read_kinds(QUICK)
    assert [len(kind.pages) for kind in kinds] == [3, 3, 1, 1]
    assert len({kind.name for kind in kinds}) == len({kind.name_en for kind in kinds}) == 4
    assert kinds[0].pages[0].dpi == 300
    assert kinds[2].pages[0].dpi == 115
    assert [turns for _, turns in turned_pages(2)] == [2, 1]
    assert len(column_pages(1)) == 1
    assert FULL.letters == 10
    assert len(FONTS) == 3


def test_a_page_is_its_own_record():
    page = RenderedPage(PAGE.image, (("eins", "zwei"), ("drei",)), 300)
    assert page.text == "eins\nzwei\n\ndrei\n"
