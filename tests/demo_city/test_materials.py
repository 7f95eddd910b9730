"""Materials: split into seen and unseen ones, plausible in the near infrared."""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from pathlib import Path
from statistics import median

import pytest

from shared.demo_city.labels import FINE
from shared.demo_city.materials import TINTS, materials
from shared.demo_city.render.looks import base_colours

NIR_REFLECTANCE = {
    "lawn": (0.35, 0.55), "meadow": (0.35, 0.55), "crop_green": (0.35, 0.55),
    "rapeseed": (0.35, 0.55), "tree_broad": (0.35, 0.55), "tree_conifer": (0.35, 0.55),
    "tree_copper": (0.35, 0.55), "hedge": (0.35, 0.55), "bed": (0.35, 0.55),
    "soil": (0.2, 0.3), "asphalt": (0.08, 0.2), "asphalt_worn": (0.08, 0.2),
    "tile_red": (0.25, 0.35), "tile_orange": (0.25, 0.35), "slate": (0.06, 0.12),
    "pv_black": (0.03, 0.08), "pv_blue": (0.03, 0.08), "pv_violet": (0.03, 0.08),
    "water": (0.0, 0.04), "pool": (0.0, 0.04), "artificial_turf": (0.05, 0.2),
}  # fmt: skip
"""Ranges of the specification."""
DATA = Path(os.environ.get("URBANKI_DATA_SETS", "../shared/data")) / "greenroofs_zurich_stats"
BANDS = ("red", "green", "blue", "nir")


def test_there_are_46_materials_of_which_8_are_unseen() -> None:
    unseen = {one.key: one.fine for one in materials().values() if one.unseen}
    assert len(materials()) == 46
    assert unseen == {
        "tile_glazed": "tile_roof",
        "fibre_cement": "tile_roof",
        "dry_roof": "extensive_green_roof",
        "open_paving": "open_paving",
        "clinker": "paving",
        "pv_violet": "other_roof",
        "rapeseed": "planting",
        "tree_copper": "tree",
    }


@pytest.mark.parametrize("key", sorted(NIR_REFLECTANCE))
def test_near_infrared_lies_in_the_range_of_the_specification(key: str) -> None:
    low, high = NIR_REFLECTANCE[key]
    assert low <= materials()[key].nir_reflectance <= high


def test_near_infrared_in_digital_numbers_is_400_per_reflectance() -> None:
    lawn = materials()["lawn"]
    assert lawn.nir_reflectance == pytest.approx(lawn.rgbi[3] / 400)
    assert lawn.ndvi == pytest.approx((184 - 88) / (184 + 88))


@pytest.mark.parametrize("key", ["lawn", "meadow", "crop_green", "tree_broad", "hedge"])
def test_vegetation_stands_out_from_all_else_in_the_vegetation_index(key: str) -> None:
    others = [
        one.ndvi
        for one in materials().values()
        if one.fine not in {"lawn", "planting", "tree", "grass_pavers", "intensive_green_roof"}
    ]
    assert materials()[key].ndvi > max(others) + 0.1


def test_artificial_turf_is_green_but_no_vegetation() -> None:
    turf = materials()["artificial_turf"]
    assert turf.rgbi[1] > 1.3 * turf.rgbi[0]
    assert turf.ndvi < 0


def test_every_material_names_a_finer_cover_and_a_known_season() -> None:
    for one in materials().values():
        assert one.fine in FINE
        assert one.season in {"", *TINTS}
        assert all(0 < value < 256 for value in one.rgbi)


def test_grass_is_greener_in_spring_and_drier_in_late_summer() -> None:
    lawn = materials()["lawn"].number
    red, green, _, infrared = base_colours("spring")[lawn]
    dry_red, dry_green, _, dry_infrared = base_colours("late_summer")[lawn]
    assert green / red > dry_green / dry_red
    assert infrared / red > dry_infrared / dry_red


def test_spruces_keep_their_colour_in_winter_and_beeches_do_not() -> None:
    winter, summer = base_colours("winter"), base_colours("summer")
    spruce, beech = (materials()[key].number for key in ("tree_conifer", "tree_broad"))
    assert (winter[spruce] == summer[spruce]).all()
    assert winter[beech, 3] < 0.5 * summer[beech, 3]


@pytest.mark.parametrize(
    ("code", "keys"), [("e", ("sedum_roof", "dry_roof")), ("b", ("felt", "gravel_roof"))]
)
def test_flat_roofs_follow_labelled_roofs(code: str, keys: tuple[str, str]) -> None:
    """Band means of real extensive (e) and bare (b) roofs: half of them lie around ours."""
    if not DATA.is_dir():
        pytest.skip(f"no data in {DATA}")
    means = _band_means(code)
    for key in keys:
        for band, value in zip(BANDS, materials()[key].rgbi, strict=True):
            ordered = sorted(means[band])
            low, high = ordered[len(ordered) // 10], ordered[-len(ordered) // 10]
            assert low <= value <= high, (key, band)
    ours = sum(materials()[key].ndvi for key in keys) / 2
    assert ours == pytest.approx(median(means["ndvi"]), abs=0.08)


def _band_means(code: str) -> dict[str, list[float]]:
    with (DATA / "roofs.csv").open(encoding="utf-8") as file:
        wanted = {
            row["roof_id"]
            for row in csv.DictReader(file)
            if (row["class_code"], row["canton"], row["label_confidence"]) == (code, "ZH", "1.0")
        }
    means = defaultdict(list)
    with (DATA / "band_statistics_whole_roof.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["roof_id"] in wanted:
                means[row["band"]].append(float(row["mean"]))
    return means
