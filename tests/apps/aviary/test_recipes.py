"""Recipe files are read strictly; unknown names get the nearest one."""

import pytest

from apps.aviary.recipes import FOLDER, find_recipe, load_recipe, read_recipe, recipe_names
from shared.errors import RecipeBroken, RecipeUnknown

SOLAR = (FOLDER / "solar.toml").read_text(encoding="utf-8")
SEALED = (FOLDER / "sealed.toml").read_text(encoding="utf-8")


def written(folder, text):
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_shipped_recipe_loads_under_its_own_name():
    assert recipe_names()
    for name in recipe_names():
        assert find_recipe(name).recipe_id == name


def test_solar_has_the_native_resolution_and_tiles_of_the_specification():
    recipe = find_recipe("solar")
    assert (recipe.gsd_min_m, recipe.gsd_native_m, recipe.gsd_max_m) == (0.05, 0.10, 0.22)
    assert (recipe.tile_px, recipe.overlap_px) == (640, 192)
    assert [one.key for one in recipe.classes] == ["pv", "solar_thermal", "pv_ground"]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        *((one, "solar") for one in ("solr", "Solar", "sola", "photovoltaik", "../solar")),
        ("Schottergarten", "gravel_garden"),
        ("Versiegelung", "sealed"),
    ],
)
def test_unknown_names_get_the_nearest_one(name, nearest):
    with pytest.raises(RecipeUnknown, match=f"Am ähnlichsten ist „{nearest}“"):
        find_recipe(name)


@pytest.mark.parametrize("name", ["", "x" * 500], ids=["empty", "long"])
def test_names_like_none_get_one_that_exists(name):
    with pytest.raises(RecipeUnknown) as told:
        find_recipe(name)
    assert any(f"Am ähnlichsten ist „{one}“" in str(told.value) for one in recipe_names())


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("gsd_min_m = 0.05", "gsd_min_m = 0.5", "needs"),
        ("gsd_native_m = 0.10", "gsd_native_m = nan", "needs.gsd_native_m"),
        ("threshold = 0.25", "threshold = 1.5", "post.threshold"),
        ("threshold = 0.25", "", "post.threshold"),
        ("overlap_px = 192", "overlap_px = 320", "tiles"),
        ('name = "solar"', 'name = "../solar"', "model.name"),
        ('bands = "rgb"', 'bands = "rgb"\nsecret = 1', "needs.secret"),
        ('kind = "objects"', 'kind = "guess"', "recipe.kind"),
        ('kind = "objects"', 'kind = ["objects"]', "recipe.kind"),
        ('task = "segment"', 'task = "embed"', "fehlerhaft"),
        ('task = "segment"\nname = "solar"', 'task = "none"', "fehlerhaft"),
        ('task = "segment"\nname = "solar"', 'task = "segment"', "model"),
        ("code = 1", "code = 0", "classes"),
        ('key = "solar_thermal"', 'key = "pv"', "classes"),
        ('key = "pv"', 'key = "pv"\nfrom = [3]', "classes.0.from"),
    ],
)
def test_a_wrong_value_is_named(tmp_path, old, new, named):
    assert old in SOLAR
    with pytest.raises(RecipeBroken, match=named):
        load_recipe(written(tmp_path, SOLAR.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("from = [0, 1, 2, 3, 4]", "from = [0, 1, 2, 3, 5]", "classes"),
        ("from = [0, 1, 2, 3, 4]", "from = [0, 255]", "classes.0.from.1"),
        ("overlap_px = 128", "overlap_px = 130", "tiles"),
        ("size_px = 640", "size_px = 636", "tiles"),
        ('colour = "#5d6066"', "", "classes.0.colour"),
        ('colour = "#5d6066"', 'colour = "grau"', "classes.0.colour"),
        ("[post]", "[post]\nthreshold = 0.5", "post.threshold"),
    ],
)
def test_a_wrong_value_of_a_map_is_named(tmp_path, old, new, named):
    assert old in SEALED
    with pytest.raises(RecipeBroken, match=named):
        load_recipe(written(tmp_path, SEALED.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("low", "native", "high"),
    [
        (0.009, 0.1, 0.2),
        (0, 0.1, 0.2),
        (-0.1, 0.1, 0.2),
        (0.11, 0.1, 0.2),
        (0.05, 0.21, 0.2),
        (0.05, 0.04, 0.2),
        (0.3, 0.1, 0.05),
        (0.05, 0.1, 100.1),
        ("nan", 0.1, 0.2),
        (0.05, 0.1, "inf"),
    ],
)
def test_resolutions_outside_the_limits_or_out_of_order_are_refused(low, native, high):
    with pytest.raises(RecipeBroken, match="needs"):
        read_recipe(resolutions(low, native, high), "x.toml")


@pytest.mark.parametrize(
    "values", [(0.01, 0.01, 0.01), (0.01, 0.5, 100), (100.0, 100.0, 100.0), (0.1, 0.1, 0.2)]
)
def test_the_ends_of_the_limits_are_allowed(values):
    recipe = read_recipe(resolutions(*values), "x.toml")
    assert (recipe.gsd_min_m, recipe.gsd_native_m, recipe.gsd_max_m) == values


def resolutions(low, native, high):
    text = SOLAR.replace("gsd_min_m = 0.05", f"gsd_min_m = {low}")
    text = text.replace("gsd_native_m = 0.10", f"gsd_native_m = {native}")
    return text.replace("gsd_max_m = 0.22", f"gsd_max_m = {high}")


def test_a_map_takes_classes_together():
    assert find_recipe("sealed").groups == {0: (0, 1, 2, 3, 4), 1: (5,), 2: (6, 7, 8, 9)}
    assert find_recipe("landcover").groups == {code: (code,) for code in range(10)}
    assert find_recipe("landcover").fallbacks == ("landcover_rules",)


@pytest.mark.parametrize("text", ["", "[recipe", "\x00", "a = " + "[" * 100_000])
def test_what_is_no_recipe_is_refused(tmp_path, text):
    with pytest.raises(RecipeBroken):
        load_recipe(written(tmp_path, text))
    with pytest.raises(RecipeBroken):
        load_recipe(tmp_path / "none.toml")


def test_class_titles_follow_the_language():
    recipe = find_recipe("solar")
    assert recipe.title("pv") == "Photovoltaik"
    assert recipe.title("pv", "en") == "Photovoltaics"
    assert recipe.title("unheard_of") == "unheard_of"
