"""Each derivation has its recipe, which says every number; wrong settings are refused."""

import pytest
from pydantic import ValidationError

from apps.aviary.recipes import find_recipe, recipe_names
from apps.aviary.surfaces import DERIVATIONS

NAMES = sorted(DERIVATIONS)


def test_every_recipe_of_surfaces_names_a_derivation_and_each_has_one():
    recipes = [find_recipe(name) for name in recipe_names()]
    assert sorted(one.method for one in recipes if one.kind == "surfaces") == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_recipe_says_every_setting(name):
    settings = dict(find_recipe(name).settings)
    assert set(settings) == set(DERIVATIONS[name].settings.model_fields)
    for key in settings:
        with pytest.raises(ValidationError, match=key):
            DERIVATIONS[name].check({one: settings[one] for one in settings if one != key})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("unknown", 1),
        ("classes", []),
        ("classes", [255]),
        ("tolerance_m", -0.1),
        ("tolerance_m", float("nan")),
        ("least_m2", "viel"),
    ],
)
def test_wrong_settings_are_refused(name, key, value):
    with pytest.raises(ValidationError, match=key):
        DERIVATIONS[name].check({**find_recipe(name).settings, key: value})


def test_the_numbers_of_the_specification():
    buildings, pools = find_recipe("buildings").settings, find_recipe("pools").settings
    assert (buildings["min_iou"], buildings["hole_m2"]) == (0.9, 4.0)
    assert (pools["least_m2"], pools["most_m2"]) == (4.0, 120.0)
    assert (pools["least_compactness"], pools["water_m2"]) == (0.55, 300.0)
    gravel = find_recipe("gravel_garden")
    assert (gravel.settings["least_m2"], gravel.settings["most_m2"]) == (8.0, 400.0)
    assert gravel.inputs == ("parcels",)
    assert find_recipe("greenroof").optional_inputs == ("buildings",)
    assert find_recipe("trees").optional_inputs == ("ndsm",)
