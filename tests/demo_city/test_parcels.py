"""Parcels: they are exactly the blocks, lie on a street and fit what is planned on them."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
import shapely
from hypothesis import given, settings

from shared.demo_city.town import Town
from shared.demo_city.vectors.parcels import PLOTS, cut_parcels, longest_straight
from shared.demo_city.vectors.plan import TownPlan
from shared.demo_city.vectors.streets import lay_streets
from tests.demo_city.overlaps import overlaps_m2
from tests.demo_city.small_towns import plans


def test_parcels_are_exactly_the_blocks(town: Town) -> None:
    areas = defaultdict(float)
    for parcel in town.parcels:
        areas[parcel.block] += parcel.area.area
    for index, block in enumerate(town.network.blocks):
        assert areas[index] == pytest.approx(block.area.area, abs=1e-3)
    assert overlaps_m2([parcel.area for parcel in town.parcels]) < 0.01


def test_every_parcel_lies_on_its_street(town: Town) -> None:
    for parcel in town.parcels:
        assert parcel.street_side.length > 3
        assert parcel.street >= 0
        line = town.network.streets[parcel.street].line
        assert line.distance(parcel.area) < 25


def test_numbers_are_not_given_twice(town: Town) -> None:
    names = [parcel.parcel_id for parcel in town.parcels]
    assert len(set(names)) == len(names)


def test_sizes(town: Town) -> None:
    trade = next(one.number for one in town.plan.districts if one.name == "Gewerbepark")
    plots = [parcel for parcel in town.parcels if parcel.site < 0]
    homes = [parcel.area.area for parcel in plots if parcel.district != trade]
    halls = [parcel.area.area for parcel in plots if parcel.district == trade]
    assert 460 <= np.median(homes) <= 600
    assert 3_000 <= np.median(halls) <= 4_000


def test_few_parcels_are_narrower_than_their_use_needs(town: Town) -> None:
    plots = [parcel for parcel in town.parcels if parcel.use in PLOTS]
    narrow = [
        parcel
        for parcel in plots
        if parcel.front is None or parcel.front.length_m < 0.9 * PLOTS[parcel.use][0]
    ]
    assert len(narrow) < 0.05 * len(plots)


def test_front_has_its_plot_on_the_left(town: Town) -> None:
    for parcel in town.parcels[::17]:
        if parcel.front is not None:
            inside = parcel.front.at(parcel.front.length_m / 2, 0.5)
            assert parcel.area.buffer(0.6).contains(shapely.Point(inside))


def test_longest_straight_stops_at_bends() -> None:
    bent = shapely.LineString([(0, 0), (10, 0), (30, 0.4), (30, 15)])
    start, end = longest_straight(bent)
    assert start.tolist() == [0, 0]
    assert end.tolist() == [30, 0.4]
    assert longest_straight(shapely.LineString()) is None


@settings(max_examples=8, deadline=None, derandomize=True)
@given(plan=plans)
def test_any_plan_is_cut_without_gap(plan: TownPlan) -> None:
    network = lay_streets(plan)
    parcels = cut_parcels(plan, network)
    land = sum(block.area.area for block in network.blocks)
    assert sum(parcel.area.area for parcel in parcels) == pytest.approx(land, abs=1e-3)
    assert overlaps_m2([parcel.area for parcel in parcels]) < 1e-3
