"""Pairs of roofs: what is said to have happened is what was changed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
import shapely

from shared.demo_city.events.roof_changes import (
    FAMILIES,
    cleaned,
    extended,
    raised,
    renewed,
    under_construction,
)
from shared.demo_city.randomness import stream
from shared.demo_city.scenes.draws import draw_scene
from shared.demo_city.scenes.pair_changes import (
    HARD,
    LABEL_OF,
    Change,
    ChangeKind,
    apply_changes,
    draw_changes,
)
from shared.demo_city.scenes.pairs import render_pairs
from shared.demo_city.scenes.scene import build_scene_town
from shared.demo_city.settings import SceneSettings
from shared.demo_city.town import Town

SETTINGS = SceneSettings(3, "train", 0.2, 480)
DAY = date(2026, 5, 1)


@pytest.fixture(scope="module")
def small_town() -> Town:
    return build_scene_town(draw_scene(SETTINGS))


def pitched(town: Town) -> int:
    houses = [roof for roof in town.roofs if town.buildings[roof.building].is_main]
    gabled = [roof for roof in houses if roof.form == "gabled" and roof.outline.area > 60]
    return gabled[0].building


def solar(town: Town, building: int) -> set[str]:
    return {thing.solar for thing in town.things if thing.building == building} - {"none"}


def changed(town: Town, kind: ChangeKind) -> tuple[Town, Town, int]:
    """Return both sides for the first building that a change fits."""
    for roof in sorted(town.roofs, key=lambda roof: -roof.outline.area):
        before, after, done = apply_changes(town, [Change(roof.building, kind)])
        if done:
            return before, after, roof.building
    pytest.fail(f"{kind} fits no roof")


def test_a_renewal_in_another_colour_changes_the_material(small_town: Town) -> None:
    roof = small_town.roofs[pitched(small_town)]
    for number in range(20):
        new = renewed(roof, DAY, stream(number, "renewal"), same_colour=False)
        family = next(one for one in FAMILIES if roof.material in one)
        assert new.material not in family
        assert (new.covered_on, new.wear) == (DAY, 0.0)
        assert new.planes == roof.planes and new.outline == roof.outline


def test_a_renewal_in_the_same_colour_keeps_the_material(small_town: Town) -> None:
    roof = small_town.roofs[pitched(small_town)]
    new = renewed(roof, DAY, stream(1, "renewal"), same_colour=True)
    assert new.material == roof.material
    assert new.look != roof.look and (new.covered_on, new.wear) == (DAY, 0.0)


def test_cleaning_keeps_everything_but_the_wear(small_town: Town) -> None:
    roof = replace(small_town.roofs[0], wear=0.8)
    assert cleaned(roof) == replace(roof, wear=pytest.approx(0.2))


def test_a_new_storey_lifts_the_roof(small_town: Town) -> None:
    index = pitched(small_town)
    building, roof = small_town.buildings[index], small_town.roofs[index]
    higher, lifted = raised(building, roof)
    up = lifted.eaves_m - roof.eaves_m
    assert higher.floors == building.floors + 1 and 2.5 < up < 4
    for old, new in zip(roof.planes, lifted.planes, strict=True):
        assert new.slope.base - old.slope.base == pytest.approx(up)
        assert (new.slope.rise_x, new.slope.rise_y) == (old.slope.rise_x, old.slope.rise_y)


def test_an_annex_lies_on_the_plot_and_rises_to_the_house(small_town: Town) -> None:
    before, after, index = changed(small_town, "extension")
    old, new = before.buildings[index], after.buildings[index]
    annex = new.walls.difference(old.walls)
    assert annex.area > 5
    assert before.parcels[old.parcel].area.buffer(0.01).contains(new.walls)
    roof = after.roofs[index]
    plane = roof.planes[-1]
    assert len(roof.planes) == len(before.roofs[index].planes) + 1
    assert plane.slope.slope_deg == pytest.approx(12.0, abs=0.01)
    heights = [plane.slope.height_m(*at) for at in plane.area.exterior.coords]
    assert min(heights) > 1.5 and max(heights) <= max(roof.eaves_m, 4.0)
    covered = sum(one.area.area for one in roof.planes)
    assert covered == pytest.approx(roof.outline.area, rel=0.02)


def test_no_annex_where_there_is_no_room(small_town: Town) -> None:
    index = pitched(small_town)
    building, roof = small_town.buildings[index], small_town.roofs[index]
    tight = building.walls.buffer(0.6, join_style="mitre")
    assert extended(building, roof, tight, [], stream(1, "annex")) is None


def test_a_roof_under_construction_is_laid_bare_within_its_planes(small_town: Town) -> None:
    roof = small_town.roofs[pitched(small_town)]
    kinds: Counter[str] = Counter()
    for number in range(10):
        for thing in under_construction(roof, stream(number, "works")):
            kinds[thing.kind] += 1
            if thing.kind == "battens":
                plane = roof.planes[thing.plane].area.buffer(0.01)
                assert all(plane.contains(part.area) for part in thing.parts)
            else:
                assert not thing.area.intersects(roof.outline.buffer(-0.01))
    assert kinds["battens"] >= 8 and kinds["scaffold"] >= 8


@pytest.mark.parametrize(
    ("kind", "before_solar", "after_solar"),
    [
        ("pv_added", set(), {"pv"}),
        ("pv_removed", {"pv"}, set()),
        ("thermal_added", set(), {"thermal"}),
    ],
)
def test_solar_units_come_and_go_on_an_equal_roof(
    small_town: Town, kind: ChangeKind, before_solar: set[str], after_solar: set[str]
) -> None:
    before, after, index = changed(small_town, kind)
    assert solar(before, index) == before_solar
    assert solar(after, index) == after_solar
    assert before.roofs[index] == after.roofs[index]


def test_a_new_building_stands_only_afterwards(small_town: Town) -> None:
    before, after, index = changed(small_town, "new_building")
    assert index in before.gone and index not in after.gone
    walls = small_town.buildings[index].walls
    inside = walls.buffer(-0.1)
    below = {one.cover for one in before.surfaces if one.area.intersects(inside)}
    assert "building" not in below and below


def test_only_the_named_roof_changes(small_town: Town) -> None:
    kinds: tuple[ChangeKind, ...] = ("renewed_other", "cleaned", "under_construction", "moss")
    for kind in kinds:
        before, after, index = changed(small_town, kind)
        other = [number for number in range(len(before.roofs)) if number != index]
        assert [before.roofs[n] for n in other] == [after.roofs[n] for n in other]
        assert [before.roofs[n] for n in other] == [small_town.roofs[n] for n in other]


def test_shares_of_the_changes() -> None:
    kinds = Counter(one.kind for one in draw_changes(7, range(6_000), 0.25))
    renewals = sum(number for kind, number in kinds.items() if LABEL_OF[kind] == "renewed")
    assert renewals / 6_000 == pytest.approx(0.25, abs=0.02)
    assert kinds["renewed_other"] / renewals == pytest.approx(0.58, abs=0.04)
    hard = sum(number for kind, number in kinds.items() if kind in HARD)
    # Displacement and other light make more of them hard when the pairs are rendered.
    assert hard / (6_000 - renewals) > 0.35
    assert {one.kind for one in draw_changes(7, range(50), 1.0)} <= {
        "renewed_other", "renewed_same", "scaffold_removed",
    }  # fmt: skip


def test_rendered_pairs_tell_the_truth() -> None:
    facts, pairs = render_pairs(SETTINGS)
    again = render_pairs(SETTINGS)[1]
    assert len(pairs) >= 5
    assert facts["roof_ids"] == [pair.building_id for pair in pairs]
    first, second = facts["flights"]
    assert first["sun"] == facts["sun"] != second["sun"]
    assert set(facts["materials"]) == {*first["materials"], *second["materials"]}
    assert {pair.recognisable for pair in pairs} <= {0, 1}
    assert sum(pair.recognisable for pair in pairs) > len(pairs) / 2
    for pair, same in zip(pairs, again, strict=True):
        assert np.array_equal(pair.before, same.before) and np.array_equal(pair.after, same.after)
        assert pair.before.shape == pair.after.shape
        outline = shapely.from_wkt(pair.outline_wkt)
        assert outline.is_valid
        assert shapely.box(0, 0, *pair.before.shape[1::-1]).contains(outline)
        if pair.kind == "pv_added":
            assert (pair.pv_before, pair.pv_after) == (0, 1)
        if pair.kind in {"plain", "season", "shadow_side", "displaced", "moss"}:
            assert pair.label == "unchanged" and pair.pv_before == pair.pv_after


def test_a_roof_below_trees_and_in_the_shade_is_not_recognisable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With half of each roof needed in the open, some roofs are; with all of it, none is."""
    monkeypatch.setattr("shared.demo_city.scenes.pairs.LEAST_OPEN", 1.01)
    assert not any(pair.recognisable for pair in render_pairs(SETTINGS)[1])


def test_a_share_of_renewals_can_be_asked_for() -> None:
    facts, pairs = render_pairs(SETTINGS, renewed_share=1.0)
    assert pairs and {pair.label for pair in pairs} == {"renewed"}
    first, second = (set(flight["materials"]) for flight in facts["flights"])
    assert first != second and set(facts["materials"]) == first | second
    _, pairs = render_pairs(SETTINGS, renewed_share=0.0)
    assert "renewed" not in {pair.label for pair in pairs}
