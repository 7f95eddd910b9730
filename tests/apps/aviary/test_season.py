"""The season: a recipe names its months, the image its day, and a mismatch is a hint."""

import json
from datetime import date

import numpy as np
import pytest
from PIL import Image
from pydantic import TypeAdapter

from apps.aviary.commands import program as command
from apps.aviary.parameters import make_parameters, read_parameters
from apps.aviary.pinned import NO_MODEL
from apps.aviary.preflight import check_image
from apps.aviary.recipes import FOLDER, find_recipe, read_recipe, recipe_names
from apps.aviary.season import MONTHS, check_season, name_months
from shared.contracts.finding import Finding, may_continue
from shared.errors import RecipeBroken
from shared.geo.raster import OpenOptions
from shared.i18n import get_translator
from shared.store import runs
from shared.store.store import process_store
from tests.apps.aviary import test_page as page_tests
from tests.apps.aviary.test_page import own_file, run_id_of, started, texts
from tests.apps.aviary.test_preflight import info, picture
from tests.shared.people_of_tests import ADMIN

model = page_tests.model
SUMMER = (5, 6, 7, 8, 9)
TREES = (FOLDER / "trees.toml").read_text(encoding="utf-8")
STATED = "season = [5, 6, 7, 8, 9]"


def only(day, season=SUMMER):
    (finding,) = check_season(day, season)
    return finding


@pytest.mark.parametrize("day", [date(2026, 5, 1), date(2026, 9, 30)])
def test_the_months_of_the_recipe_fit(day):
    assert (only(day).level, only(day).code) == ("ok", "jahreszeit")


@pytest.mark.parametrize("day", [date(2026, 4, 30), date(2026, 10, 1), date(2026, 1, 15)])
def test_other_months_are_a_hint_with_a_way_out_and_never_stop(day):
    finding = only(day)
    assert (finding.level, finding.code) == ("hint", "jahreszeit_ungeeignet")
    assert may_continue([finding])
    assert f"Das Bild ist vom {MONTHS[day.month - 1]} 2026." in finding.german
    assert "von Mai bis September" in finding.german
    assert "Sie können trotzdem starten" in finding.german


def test_a_season_may_cross_the_turn_of_the_year():
    winter = (11, 12, 1, 2)
    assert only(date(2026, 1, 9), winter).level == "ok"
    assert only(date(2026, 6, 9), winter).german.count("von November bis Februar") == 1


def test_an_unknown_day_is_named_and_is_no_reservation():
    finding = only(None)
    assert (finding.level, finding.code) == ("ok", "jahreszeit_unbekannt")
    assert "nicht bekannt" in finding.german
    assert "Geben Sie den Tag" in finding.german


def test_recipes_of_all_seasons_and_of_none():
    assert only(date(2026, 1, 9), tuple(range(1, 13))).level == "ok"
    assert check_season(date(2026, 1, 9), ()) == []


def test_the_checks_of_an_image_hold_the_season():
    solar = find_recipe("solar")
    found = {one.code: one.level for one in check_image(info(), picture(), solar)}
    assert found["jahreszeit_unbekannt"] == "ok"
    winter = check_image(info(taken_on=date(2026, 1, 9)), picture(), solar)
    assert {one.code for one in winter if one.level != "ok"} == {"jahreszeit_ungeeignet"}


def test_months_are_english_on_an_english_page_also_after_a_file():
    adapter = TypeAdapter(tuple[Finding, ...])
    written = adapter.validate_json(adapter.dump_json((only(date(2026, 1, 9)),)))
    (finding,) = name_months(written)
    english = get_translator("en", "aviary")(finding.text, **finding.details)
    assert english.startswith("The image is from January 2026.")
    assert "from May to September" in english


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_says_in_its_sheet_for_which_months_it_was_made_and_why(name):
    season = find_recipe(name).season
    sheet = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    words = (
        "zu jeder Jahreszeit: "
        if len(season) == len(MONTHS)
        else f"von {MONTHS[season[0] - 1]} bis {MONTHS[season[-1] - 1]} gemacht: "
    )
    assert words in sheet


@pytest.mark.parametrize(
    "season", ["[0]", "[13]", "[5, 7]", "[6, 5]", "[5, 5]", '["Mai"]', "5", "[5.5]"]
)
def test_a_wrong_season_is_named(season):
    with pytest.raises(RecipeBroken, match="needs"):
        read_recipe(TREES.replace(STATED, f"season = {season}"), "x.toml")


def test_a_recipe_without_season_is_one_of_the_time_before():
    assert STATED in TREES
    assert read_recipe(TREES.replace(STATED, ""), "x.toml").season == ()
    assert read_recipe(TREES.replace(STATED, "season = [12, 1]"), "x.toml").season == (12, 1)


def test_a_run_keeps_the_day_that_was_stated():
    day = date(2026, 1, 9)
    recipe = find_recipe("index")
    values = make_parameters(recipe, NO_MODEL, OpenOptions(taken_on=day), force=False)
    assert json.loads(json.dumps(values))["taken_on"] == "2026-01-09"
    parameters, _ = read_parameters(values)
    assert parameters.options.taken_on == day
    del values["taken_on"]
    assert read_parameters(values)[0].options.taken_on is None


def test_the_command_warns_of_winter_and_goes_on(tmp_path, capsys):
    pixels = np.random.default_rng(3).integers(40, 200, (96, 96, 3), dtype=np.uint8)
    image = tmp_path / "bild.png"
    Image.fromarray(pixels).save(image)
    words = ["check", "--image", str(image), "--gsd", "0.2", "--recipe", "index"]
    assert command.main([*words, "--date", "2026-01-09"]) == 0
    found = {one["code"]: one for one in json.loads(capsys.readouterr().out)["findings"]}
    assert found["jahreszeit_ungeeignet"]["level"] == "hint"
    assert command.main([*words, "--date", "09.01.2026"]) == 2
    assert "--date muss ein Tag wie" in capsys.readouterr().err


@pytest.mark.timeout(240)
def test_the_page_asks_for_the_day_and_warns_in_the_language_of_the_reader(model):
    page = own_file(language="en")
    page = page.date_input(key="aviary_taken_on").set_value(date(2026, 1, 9)).run()
    page = page.text_input(key="aviary_gsd_cm").set_value("10").run()
    assert "The image is from January 2026." in texts(page)
    assert "from March to October" in texts(page)
    page = started(page)
    assert not page.exception
    run = runs.get(ADMIN, process_store(), run_id_of(page))
    assert run.parameters["taken_on"] == "2026-01-09"
