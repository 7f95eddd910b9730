"""The measurement of `similar` counts cells as its text says."""

import numpy as np
import pytest
import shapely
from shapely import STRtree

from apps.aviary.evaluate_similar import GSD_M, SolarRoofs, _all_cells, _spread


@pytest.fixture
def roofs():
    outlines = shapely.box([100, 300, 500], [100, 300, 500], [120, 305, 530], [120, 310, 530])
    return SolarRoofs(outlines, STRtree(outlines))


def test_a_cell_is_right_from_four_square_metres_on(roofs):
    """The units have 16, 2 and 36 m2; 20 x 5 px of the first are 4 m2."""
    boxes = [(90, 90, 250, 250), (100, 100, 120, 105), (100, 100, 120, 104), (290, 290, 450, 450)]
    assert roofs.right(boxes).tolist() == [True, True, False, False]
    assert roofs.right([]).tolist() == []


def test_only_large_units_inside_can_be_clicked(roofs):
    places = roofs.places(600)
    assert len(places) == 2
    assert roofs.places(525) == places[:1]


def test_chance_is_counted_on_overlapping_cells():
    cells = _all_cells(round(64 / GSD_M))
    assert len(cells) == 9
    assert cells[1] == (80, 0, 240, 160)


def test_the_spread_names_lowest_and_share_at_the_goal():
    spread = _spread([0.5, 0.7, 0.9])
    assert (spread["mean"], spread["median"], spread["lowest"]) == (0.7, 0.7, 0.5)
    assert spread["share_of_sets_that_reach_the_goal"] == pytest.approx(2 / 3, abs=1e-3)
    assert np.isclose(sum(spread["each"]), 2.1)
