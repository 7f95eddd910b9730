"""The review on a page: decisions that stay, the way back, two tabs, rights, samples of a map."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from apps.aviary.class_maps.area_uncertainty import draw_points, point_key
from apps.aviary.class_maps.map_file import CLASS_MAP_FILE, CODES_FILE, read_class_map
from apps.aviary.ordering import make_order
from apps.aviary.pinned import pin_model
from apps.aviary.recipes import find_recipe
from apps.aviary.views import (
    review_export as view_review_export,
    sample as view_sample,
    sample_result as view_sample_result,
    verdict as view_verdict,
)
from apps.aviary.views.verdict import Choice
from shared.geo.raster import OpenOptions
from shared.settings import REPOSITORY
from shared.store import artifacts, decisions, runs
from shared.store.store import Store, process_store
from shared.ui import shell
from tests.apps.aviary import doubles
from tests.apps.aviary.cell_doubles import CellDouble
from tests.apps.aviary.job_runner import work_off
from tests.shared.people_of_tests import ADMIN, CLERK, VIEWER, sit_down
from tests.shared.process_state import begin_process, forget_process_state

PAGE = str(REPOSITORY / "tests" / "apps" / "aviary" / "review_page.py")
NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[Store]:
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(view_verdict, "LEAST_LOOK_S", 0.0)
    begin_process()
    sit_down(CLERK, monkeypatch.setattr)
    yield process_store()
    forget_process_state()


def finished_run(store: Store, pixels: np.ndarray, recipe_id: str, client, monkeypatch) -> str:
    """Order a run, work it off with a double, and return its id."""
    monkeypatch.setattr(shell, "model_client", lambda acting: client)
    recipe, target = find_recipe(recipe_id), io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    image = artifacts.save(
        ADMIN, store, target.getvalue(), name="bild.png", media_type="image/png",
        kind="upload", is_example=False, now=NOW,
    )  # fmt: skip
    order = make_order(
        image,
        recipe,
        pin_model(client, recipe),
        OpenOptions(gsd_m=recipe.gsd_native_m),
        is_example=False,
    )
    run = runs.submit(ADMIN, store, order, now=NOW)
    work_off(store, client, monkeypatch)
    return run.id


@pytest.fixture
def objects_run(store, monkeypatch) -> str:
    """Four finds; the two smallest are doubtful."""
    pixels = np.full((300, 400, 3), 120, dtype=np.uint8)
    pixels[..., 1] = 150
    for number, side in enumerate((70, 60, 50, 40)):
        pixels[40 : 40 + side, 20 + 90 * number : 20 + 90 * number + side] = doubles.BLUE
    return finished_run(store, pixels, "solar", doubles.finds_blue(), monkeypatch)


@pytest.fixture
def map_run(store, monkeypatch) -> str:
    """The left half roofs, the right half grass."""
    pixels = np.full((200, 240, 3), 75, dtype=np.uint8)
    pixels[:, :120] = 5
    return finished_run(store, pixels, "landcover", CellDouble(), monkeypatch)


def opened(run_id: str, **query: str) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=120)
    page.query_params["ergebnis"] = run_id
    for name, value in query.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def press(page: AppTest, key: str) -> None:
    page.button(key=key).click().run()
    assert not page.exception


def texts(page: AppTest) -> str:
    kinds = ("header", "markdown", "caption", "info", "warning", "success")
    shown = [str(element.value) for kind in kinds for element in page.get(kind)]
    # Words of recipes are shown with every sign escaped.
    return "\n".join([*shown, *(str(error.proto) for error in page.error)]).replace("\\", "")


def figures(page: AppTest) -> dict[str, str]:
    return {one.label: one.value for one in page.metric}


def number_shown(page: AppTest) -> int:
    (line,) = [line for line in texts(page).splitlines() if line.startswith("**Nr. ")]
    return int(line.removeprefix("**Nr. ").split(":")[0])


def test_the_least_certain_find_comes_first_and_the_next_one_after_a_decision(objects_run):
    page = opened(objects_run)
    assert number_shown(page) == 4
    assert len(page.image) == 2
    press(page, "aviary_review_say_angenommen")
    assert number_shown(page) == 3
    press(page, "aviary_review_say_abgelehnt")
    press(page, "aviary_review_say_unklar")
    shown = figures(page)
    assert (shown["Gesichtet"], shown["Angenommen"], shown["Abgelehnt"]) == ("3", "1", "1")
    assert shown["Treffer bisher"].startswith("50")
    assert "von 4" in texts(page)
    assert "Bereich: 9 bis 91" in texts(page)
    assert "dazu 1 unklar" in texts(page)


def test_decisions_outlive_a_reload_and_a_restart(objects_run, store):
    page = opened(objects_run)
    press(page, "aviary_review_say_angenommen")
    begin_process()
    again = opened(objects_run)
    assert figures(again)["Angenommen"] == "1"
    assert number_shown(again) == 3
    kept = decisions.history(CLERK, process_store(), objects_run)
    assert [one.value for one in kept] == ["angenommen"]
    assert kept[0].role == "sachbearbeitung"


def test_the_way_back_shows_the_find_again_and_the_log_keeps_both(objects_run, store):
    page = opened(objects_run)
    press(page, "aviary_review_say_angenommen")
    press(page, "aviary_review_say_abgelehnt")
    assert page.button(key="aviary_review_back").label == "Nr. 3 zurücknehmen"
    press(page, "aviary_review_back")
    assert number_shown(page) == 3
    assert figures(page)["Gesichtet"] == "1"
    assert page.button(key="aviary_review_back").label == "Nr. 4 zurücknehmen"
    press(page, "aviary_review_say_unklar")
    assert number_shown(page) == 2
    said = [one.value for one in decisions.history(CLERK, store, objects_run)]
    assert said == ["angenommen", "abgelehnt", "zurueckgenommen", "unklar"]


def test_nothing_can_be_taken_back_before_a_decision(objects_run):
    page = opened(objects_run)
    assert page.button(key="aviary_review_back").disabled
    press(page, "aviary_review_say_angenommen")
    assert not page.button(key="aviary_review_back").disabled


def test_after_a_reload_the_latest_decision_can_be_taken_back(objects_run):
    page = opened(objects_run)
    press(page, "aviary_review_say_angenommen")
    press(page, "aviary_review_say_abgelehnt")
    again = opened(objects_run)
    assert again.button(key="aviary_review_back").label == "Nr. 3 zurücknehmen"


def test_a_second_tab_that_decides_later_is_told(objects_run, store):
    first, second = opened(objects_run), opened(objects_run)
    press(first, "aviary_review_say_angenommen")
    press(second, "aviary_review_say_abgelehnt")
    assert "Das wurde inzwischen geändert" in texts(second)
    assert [one.value for one in decisions.history(CLERK, store, objects_run)] == ["angenommen"]
    assert number_shown(second) == 4
    assert "(angenommen)" in texts(second)
    second.run()  # as a map that has just been drawn makes the page do
    assert "Das wurde inzwischen geändert" in texts(second)
    press(second, "aviary_review_say_abgelehnt")
    assert "inzwischen geändert" not in texts(second)
    assert number_shown(second) == 3
    assert figures(second)["Abgelehnt"] == "1"


def test_a_tab_takes_its_own_decision_back_first(objects_run):
    first, second = opened(objects_run), opened(objects_run)
    press(first, "aviary_review_say_angenommen")
    second.run()
    press(second, "aviary_review_say_abgelehnt")
    first.run()
    assert first.button(key="aviary_review_back").label == "Nr. 4 zurücknehmen"
    assert second.button(key="aviary_review_back").label == "Nr. 3 zurücknehmen"


def test_a_key_that_is_held_down_decides_about_nothing_unseen(objects_run, monkeypatch):
    monkeypatch.setattr(view_verdict, "LEAST_LOOK_S", 3600.0)
    page = opened(objects_run)
    press(page, "aviary_review_say_angenommen")
    assert figures(page)["Gesichtet"] == "0"
    assert number_shown(page) == 4


def test_all_finds_stand_in_a_table_and_a_selected_one_is_shown(objects_run):
    page = opened(objects_run)
    press(page, "aviary_review_say_angenommen")
    page.toggle(key="aviary_review_list").set_value(True).run()
    (rows,) = page.table
    assert list(rows.value.iloc[:, -1]) == ["noch offen"] * 3 + ["angenommen"]
    page.selectbox(key="aviary_review_table_rows_selected").set_value(3).run()
    assert not page.exception
    assert number_shown(page) == 4
    assert "(angenommen)" in texts(page)
    press(page, "aviary_review_say_abgelehnt")
    assert figures(page)["Abgelehnt"] == "1"
    assert number_shown(page) == 3


def test_a_random_sample_states_what_its_share_is_good_for(objects_run):
    page = opened(objects_run)
    assert "Für alle Funde gilt erst der Anteil der zufälligen Stichprobe" in texts(page)
    page.radio(key="aviary_review_order").set_value("random").run()
    assert "gilt mit 95 % Sicherheit für alle Funde" in texts(page)
    for _ in range(4):
        press(page, "aviary_review_say_angenommen")
    assert "Hier ist alles gesichtet." in texts(page)
    assert figures(page)["Treffer bisher"].startswith("100")


def test_the_keys_can_be_switched_off(objects_run):
    page = opened(objects_run)
    buttons = ("say_angenommen", "say_abgelehnt", "say_unklar", "back")

    def keys() -> list[str]:
        return [page.button(key=f"aviary_review_{one}").proto.shortcut for one in buttons]

    assert keys() == ["j", "n", "u", "z"]
    page.toggle(key="aviary_review_keys").set_value(False).run()
    assert keys() == ["", "", "", ""]


def test_who_may_not_decide_sees_how_far_it_is(objects_run, monkeypatch):
    page = opened(objects_run)
    press(page, "aviary_review_say_angenommen")
    sit_down(VIEWER, monkeypatch.setattr)
    page = opened(objects_run)
    assert figures(page)["Angenommen"] == "1"
    assert "Über Funde entscheidet die Sachbearbeitung." in texts(page)
    assert not [one for one in page.button if str(one.key).startswith("aviary_review")]
    assert not page.get("download_button")


def test_a_right_that_was_lost_meanwhile_is_asked_again(objects_run, store, monkeypatch):
    page = opened(objects_run)
    sit_down(VIEWER, monkeypatch.setattr)
    press(page, "aviary_review_say_angenommen")
    assert decisions.history(VIEWER, store, objects_run) == []
    assert figures(page)["Gesichtet"] == "0"


def test_reviewed_finds_can_be_taken_along(objects_run, monkeypatch):
    offered = []
    monkeypatch.setattr(
        view_review_export, "export_bar", lambda ctx, files, **_: offered.append(files)
    )
    page = opened(objects_run)
    coco, yolo = offered[0]
    assert json.loads(coco.content())["annotations"] == []
    press(page, "aviary_review_say_angenommen")
    # What was offered before holds what was decided since.
    assert (coco.label, yolo.label) == ("Geprüfte Funde (COCO)", "Geprüfte Funde (YOLO)")
    assert coco.file_name.startswith("aviary_gesichtet-bild_")
    (one,) = json.loads(coco.content())["annotations"]
    assert one["bbox"][2:] == [40, 40]
    with zipfile.ZipFile(io.BytesIO(yolo.content())) as archive:
        assert archive.read("labels/bild.txt").startswith(b"0 0.7")


def test_the_shrunk_image_stands_in_where_the_image_is_gone(objects_run, store):
    run = runs.get(ADMIN, store, objects_run)
    artifacts.local_path(ADMIN, store, run.inputs[0]).unlink()
    page = opened(objects_run)
    assert number_shown(page) == 4
    assert len(page.image) == 2
    assert "nicht mehr gespeichert" in texts(page)


def test_in_english(objects_run):
    page = opened(objects_run, sprache="en")
    assert page.button(key="aviary_review_say_angenommen").label == "Accept"
    assert "of 4" in texts(page)


def test_points_are_drawn_checked_and_correct_the_areas(map_run, store, monkeypatch):
    offered = []
    monkeypatch.setattr(
        view_sample_result, "export_bar", lambda ctx, files, **_: offered.append(files)
    )
    page = opened(map_run)
    assert not page.image
    press(page, "aviary_sample_draw")
    assert "Punkt 1 von 200" in texts(page)
    files = runs.result_files(CLERK, store, map_run)
    content = read_class_map(artifacts.read(CLERK, store, files[CLASS_MAP_FILE]))
    codes = artifacts.local_path(CLERK, store, files[CODES_FILE])
    points = draw_points(codes, content.totals.pixels)
    assert len(points) == 200
    press(page, "aviary_sample_say_roof_pitched")
    assert "Punkt 2 von 200" in texts(page)
    truths = {0: "roof_pitched", 7: "grass"}
    for number, point in enumerate(points[1:], 1):
        said = "unklar" if number == 5 else "tree" if number == 7 else truths[point.code]
        decisions.decide(CLERK, store, map_run, point_key(point), said, now=NOW)
    again = opened(map_run)
    assert "Alle Punkte sind geprüft." in texts(again)
    assert "200 von 200 Punkten sind geprüft, davon 1 unklar." in texts(again)
    rows = {str(row[1]).replace("\\", ""): row for row in again.table[0].value.to_numpy()}
    tree, roof = rows["Baum, Strauch, Hecke"], rows["Dach geneigt"]
    assert tree[2] == "0"
    assert 5 < float(tree[3]) < 30
    assert roof[2] == "960"
    checked, right = int(tree[6]), int(tree[7])
    assert (checked, right) == (0, 0)
    assert sum(int(row[6]) for row in rows.values()) == 199
    assert sum(int(row[7]) for row in rows.values()) == 198
    assert "Sicherheit im Bereich" in texts(again)
    told = json.loads(offered[0][0].content())
    assert (len(told["points"]), told["unclear"]) == (200, 1)
    assert 5 < told["area_m2"]["tree"]["corrected"] < 30


def test_a_point_can_be_taken_back(map_run):
    page = opened(map_run)
    press(page, "aviary_sample_draw")
    press(page, "aviary_sample_say_grass")
    press(page, "aviary_sample_say_Unklar")
    assert page.button(key="aviary_sample_back").label == "Punkt 2 zurücknehmen"
    press(page, "aviary_sample_back")
    assert "Punkt 2 von 200" in texts(page)
    assert "1 von 200 Punkten sind geprüft" in texts(page)
    assert "fehlen noch Punkte" in texts(page)


def test_every_class_has_a_key_and_its_own_word(map_run):
    page = opened(map_run)
    press(page, "aviary_sample_draw")
    buttons = [one for one in page.button if str(one.key).startswith("aviary_sample")]
    assert [one.proto.shortcut for one in buttons] == [*"1234567890", "u", "z"]
    assert len({one.label for one in buttons}) == 12


def test_classes_of_others_are_no_names_of_the_page(map_run, monkeypatch):
    names = ("back", "draw", "item", "keys", "own", "shown", "trouble")
    choices = [Choice(name, name, None) for name in names]
    monkeypatch.setattr(view_sample, "_choices", lambda *_: choices)
    page = opened(map_run)
    press(page, "aviary_sample_draw")
    press(page, "aviary_sample_say_item")
    assert "Punkt 2 von 200" in texts(page)


def test_who_may_not_decide_draws_no_points(map_run, monkeypatch):
    sit_down(VIEWER, monkeypatch.setattr)
    page = opened(map_run)
    assert "Über Punkte entscheidet die Sachbearbeitung." in texts(page)
    assert not [one for one in page.button if str(one.key).startswith("aviary_sample")]
