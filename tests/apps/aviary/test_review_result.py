"""Decisions in the result: picture, table, files; the heat map of similar places; other people."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace

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
    class_export as view_class_export,
    export as view_export,
    own_decisions,
    paging,
    picture as view_picture,
    publish as view_publish,
    result as view_result,
    verdict as view_verdict,
)
from shared.geo.raster import OpenOptions
from shared.report.blocks import Map, Table
from shared.settings import REPOSITORY
from shared.store import artifacts, decisions, runs
from shared.store.store import Store, process_store
from shared.ui import shell
from shared.ui.map_spec import MapEvent
from tests.apps.aviary import doubles
from tests.apps.aviary.cell_doubles import CellDouble
from tests.apps.aviary.job_runner import work_off
from tests.apps.aviary.test_similar import PLACES, ColourVectors, scene
from tests.shared.people_of_tests import ADMIN, CLERK, person, sit_down
from tests.shared.process_state import begin_process, forget_process_state

PAGE = str(REPOSITORY / "tests" / "apps" / "aviary" / "review_result_page.py")
NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
COLLEAGUE = person("sachbearbeitung", subject="another-clerk")
pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[Store]:
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(view_verdict, "LEAST_LOOK_S", 0.0)
    begin_process()
    sit_down(CLERK, monkeypatch.setattr)
    yield process_store()
    forget_process_state()


@pytest.fixture
def maps(monkeypatch) -> list[tuple]:
    """What each map with its table shows: specification, rows, columns, alternative text."""
    shown: list[tuple] = []

    def look(spec, rows, *, columns, key, alt, t):
        shown.append((spec, rows, columns, alt))
        return MapEvent()

    monkeypatch.setattr(view_picture, "map_with_table", look)
    return shown


def stored(store: Store, content: bytes, name: str, media_type: str):
    return artifacts.save(
        ADMIN, store, content, name=name, media_type=media_type, kind="upload",
        is_example=False, now=NOW,
    )  # fmt: skip


def finished(store, pixels, recipe_id, client, monkeypatch, others=()) -> str:
    monkeypatch.setattr(shell, "model_client", lambda acting: client)
    recipe, target = find_recipe(recipe_id), io.BytesIO()
    Image.fromarray(pixels).save(target, "PNG")
    order = make_order(
        stored(store, target.getvalue(), "bild.png", "image/png"),
        recipe,
        pin_model(client, recipe),
        OpenOptions(gsd_m=recipe.gsd_native_m),
        is_example=False,
        others=others,
    )
    run = runs.submit(ADMIN, store, order, now=NOW)
    work_off(store, client, monkeypatch)
    return run.id


@pytest.fixture
def objects_run(store, monkeypatch) -> str:
    """Four finds; the smallest, number 4, is looked at first."""
    pixels = np.full((300, 400, 3), 120, dtype=np.uint8)
    pixels[..., 1] = 150
    for number, side in enumerate((70, 60, 50, 40)):
        pixels[40 : 40 + side, 20 + 90 * number : 20 + 90 * number + side] = doubles.BLUE
    return finished(store, pixels, "solar", doubles.finds_blue(), monkeypatch)


def opened(run_id: str) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=120)
    page.query_params["ergebnis"] = run_id
    page.run()
    assert not page.exception
    return page


def press(page: AppTest, key: str) -> None:
    page.button(key=key).click().run()
    assert not page.exception


def texts(page: AppTest) -> str:
    shown = [str(one.value) for kind in ("markdown", "caption") for one in page.get(kind)]
    return "\n".join(shown).replace("\\", "")


def offers(monkeypatch, view) -> list[list]:
    offered: list[list] = []
    monkeypatch.setattr(view, "export_bar", lambda ctx, files, **_: offered.append(files))
    return offered


def test_the_result_shows_what_was_decided_and_hides_nothing_unasked(
    objects_run, maps, monkeypatch
):
    offered = offers(monkeypatch, view_export)
    page = opened(objects_run)
    assert [row["decision"] for row in maps[-1][1]] == ["noch offen"] * 4
    assert "aviary_redraw" not in [one.key for one in page.button]
    press(page, "aviary_review_say_abgelehnt")
    press(page, "aviary_review_say_angenommen")
    spec, rows, columns, _ = maps[-1]
    assert [row["decision"] for row in rows] == ["noch offen"] * 2 + ["angenommen", "abgelehnt"]
    assert "Entscheidung" in [one.title for one in columns]
    # A tick is one line, a cross two; each is a ring behind the outline of its find.
    assert [len(shape.rings) for shape in spec.shapes] == [1, 1, 2, 3]
    kinds = {entry.key: entry for entry in spec.legend}
    titles = [kinds[shape.kind].title for shape in spec.shapes]
    assert titles[2:] == [
        "Photovoltaik, angenommen (Haken)",
        "Photovoltaik, abgelehnt (Kreuz, gestrichelt)",
    ]
    assert [kinds[shape.kind].dashed for shape in spec.shapes[2:]] == [False, True]
    assert spec.shapes[3].label.endswith("abgelehnt")
    assert page.toggle(key="aviary_hide_rejected").value is False
    told = json.loads(file_of(offered[-1], "geojson"))
    assert len(told["features"]) == 4
    page.toggle(key="aviary_hide_rejected").set_value(True).run()
    assert [row["number"] for row in maps[-1][1]] == [1, 2, 3]
    assert "Abgelehnte Funde sind auf Wunsch weggelassen: 1 Fund fehlt" in texts(page)
    told = json.loads(file_of(offered[-1], "geojson"))
    assert [one["properties"]["decision"] for one in told["features"]][-1] == "angenommen"
    assert len(told["features"]) == 3
    assert told["provenance"]["parameters"]["rejected_left_out"] is True


def test_a_picture_that_does_not_show_the_latest_decision_can_be_drawn_anew(
    objects_run, maps, monkeypatch
):
    """A decision runs the review alone; tests of pages run all, so what was drawn is held here."""
    page = opened(objects_run)
    with monkeypatch.context() as held:
        held.setattr(view_result, "note_drawn", lambda *_: None)
        press(page, "aviary_review_say_abgelehnt")
    assert "zeigen noch nicht die letzten Entscheidungen" in texts(page)
    press(page, "aviary_redraw")
    assert "zeigen noch nicht die letzten Entscheidungen" not in texts(page)


def file_of(files, ending: str) -> bytes:
    (content,) = [one.content() for one in files if one.file_name.endswith(f".{ending}")]
    return content


def test_a_published_layer_tells_the_decisions(objects_run, maps, monkeypatch):
    """Whoever reads the layer must see what was rejected; another decision needs another file."""
    made = []
    monkeypatch.setattr(view_publish, "_show", lambda ctx, offer, crs: made.append(offer))
    page = opened(objects_run)
    press(page, "aviary_review_say_abgelehnt")
    press(page, "aviary_review_say_angenommen")
    (table,) = [one for one in made[-1].report().blocks if isinstance(one, Table)]
    place = [column.key for column in table.columns].index("entscheidung")
    told = ["noch offen", "noch offen", "angenommen", "abgelehnt"]
    assert [row[place] for row in table.rows] == told
    assert made[-1].schema["entscheidung"] == "text"
    before = made[-1].settings
    page.toggle(key="aviary_hide_rejected").set_value(True).run()
    assert made[-1].settings != before
    (table,) = [one for one in made[-1].report().blocks if isinstance(one, Table)]
    assert [row[place] for row in table.rows] == told[:3]
    assert made[-1].origin.parameters["rejected_left_out"] is True


def test_the_decision_of_somebody_else_is_overruled_and_never_taken_back(
    objects_run, store, maps, monkeypatch
):
    page = opened(objects_run)
    press(page, "aviary_review_say_angenommen")
    sit_down(COLLEAGUE, monkeypatch.setattr)
    other = opened(objects_run)
    assert other.button(key="aviary_review_back").disabled
    other.number_input(key="aviary_review_number").set_value(4).run()
    assert "(angenommen)" in texts(other)
    assert "nicht von Ihnen" in texts(other)
    press(other, "aviary_review_say_abgelehnt")
    assert other.button(key="aviary_review_back").label == "Nr. 4 zurücknehmen"
    sit_down(CLERK, monkeypatch.setattr)
    again = opened(objects_run)
    assert again.button(key="aviary_review_back").disabled
    sit_down(COLLEAGUE, monkeypatch.setattr)
    press(other, "aviary_review_back")
    (standing,) = decisions.current(CLERK, store, objects_run).values()
    assert standing.value == "angenommen"
    said = [one.value for one in decisions.history(CLERK, store, objects_run)]
    assert said == ["angenommen", "abgelehnt", "zurueckgenommen"]


def test_after_a_restart_a_decision_is_replaced_instead_of_taken_back(
    objects_run, store, maps, monkeypatch
):
    page = opened(objects_run)
    press(page, "aviary_review_say_angenommen")
    own_decisions.own_decisions.cache_clear()
    again = opened(objects_run)
    assert again.button(key="aviary_review_back").disabled
    again.number_input(key="aviary_review_number").set_value(4).run()
    press(again, "aviary_review_say_unklar")
    (standing,) = decisions.current(CLERK, store, objects_run).values()
    assert standing.value == "unklar"


def test_a_long_list_comes_in_parts_that_are_chosen_by_the_number_of_a_find(
    objects_run, maps, monkeypatch
):
    for module in (paging, view_picture):
        monkeypatch.setattr(module, "MOST_AT_ONCE", 3)
    page = opened(objects_run)
    assert [row["number"] for row in maps[-1][1]] == [1, 2, 3]
    assert "Gezeigt werden die Funde 1 bis 3 von 4" in texts(page)
    page.number_input(key="aviary_map_number").set_value(4).run()
    assert [row["number"] for row in maps[-1][1]] == [4]
    assert page.session_state["aviary_map_rows_selected"] == 0
    page.selectbox(key="aviary_map_part").set_value(0).run()
    assert [row["number"] for row in maps[-1][1]] == [1, 2, 3]
    assert page.session_state["aviary_map_rows_selected"] is None


@pytest.mark.parametrize(("number", "part", "row"), [(1, 0, 0), (4, 0, 1), (5, 1, 0), (2, 0, 1)])
def test_a_find_is_met_by_its_number_where_others_are_hidden(monkeypatch, number, part, row):
    """Of five finds the second and third are hidden; a hidden one leads to the next."""
    state, rows = {"x_number": number}, []
    monkeypatch.setattr(paging, "MOST_AT_ONCE", 2)
    monkeypatch.setattr(paging, "st", SimpleNamespace(session_state=state))
    monkeypatch.setattr(paging, "select_row", lambda key, chosen: rows.append((key, chosen)))
    paging._jump("x", [1, 4, 5])
    assert (state["x_part"], rows) == (part, [("x_rows", row)])


def test_similar_places_come_as_heat_map_and_ranked_list(store, maps, monkeypatch):
    pixels = scene()
    features = [
        {"type": "Feature", "properties": {},
         "geometry": {"type": "Point", "coordinates": list(place)}}
        for place in PLACES[:3]
    ]  # fmt: skip
    marks = {"type": "FeatureCollection", "coordinates": "pixel", "features": features}
    examples = stored(store, json.dumps(marks).encode(), "b.geojson", "application/geo+json")
    run_id = finished(
        store, pixels, "similar", ColourVectors(), monkeypatch, [("examples", examples)]
    )
    offered, reports, build = offers(monkeypatch, view_export), [], view_export.build_report
    monkeypatch.setattr(
        view_export, "build_report", lambda *a, **k: reports.append(build(*a, **k)) or reports[-1]
    )
    page = opened(run_id)
    spec, rows, _, alt = maps[-1]
    scores = [row["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) > 3
    assert "Wärmebild" in alt
    legend = [entry.title for entry in spec.legend if entry.title.startswith("Ähnlichkeit")]
    assert len(legend) == 5
    heated = np.asarray(Image.open(io.BytesIO(spec.base.content))).astype(int)
    assert list(page.table[0].value.iloc[:, 1]) == legend
    page.radio(key="aviary_heat_view").set_value("photo").run()
    assert not page.exception
    plain = np.asarray(Image.open(io.BytesIO(maps[-1][0].base.content))).astype(int)
    assert not [one for one in maps[-1][0].legend if one.title.startswith("Ähnlichkeit")]
    # The known roofs lie in the lightest step, the ground far from any in the darkest.
    scale = heated.shape[1] / pixels.shape[1]
    change = (heated - plain).sum(axis=2)
    x, y = (round(edge * scale) for edge in (PLACES[0][0], PLACES[0][1] - 25))
    assert change[y, x] > change[-5, 5] + 30
    # The files show the same, whatever the page shows just now.
    picture = np.asarray(Image.open(io.BytesIO(file_of(offered[-1], "png"))).convert("RGB"))
    assert np.abs(picture.astype(int)[-5, 5] - heated[-5, 5]).max() <= 4
    file_of(offered[-1], "xlsx")
    (drawn,) = [one for one in reports[-1].blocks if isinstance(one, Map)]
    assert [one.label for one in drawn.legend if one.label.startswith("Ähnlichkeit")] == legend


def test_checked_points_stand_in_the_report_of_a_class_map(store, monkeypatch):
    pixels = np.full((200, 240, 3), 75, dtype=np.uint8)
    pixels[:, :120] = 5
    run_id = finished(store, pixels, "landcover", CellDouble(), monkeypatch)
    offered = offers(monkeypatch, view_class_export)
    made = []
    monkeypatch.setattr(view_class_export, "render_xlsx", lambda whole: made.append(whole) or b"")
    opened(run_id)
    file_of(offered[-1], "xlsx")
    assert [one.name for one in made[-1].tables] == ["klassen"]
    files = runs.result_files(CLERK, store, run_id)
    content = read_class_map(artifacts.read(CLERK, store, files[CLASS_MAP_FILE]))
    points = draw_points(
        artifacts.local_path(CLERK, store, files[CODES_FILE]), content.totals.pixels
    )
    keys = {one.code: one.key for one in content.recipe.classes}
    for number, point in enumerate(points[:60]):
        said = "tree" if number == 7 else keys[point.code]
        decisions.decide(CLERK, store, run_id, point_key(point), said, now=NOW)
    file_of(offered[-1], "xlsx")
    _, table = made[-1].tables
    named = [column.key for column in table.columns]
    rows = {row[0]: dict(zip(named, row, strict=True)) for row in table.rows}
    tree = rows["tree"]
    assert tree["laut_karte_m2"] == 0
    assert 0 == tree["mindestens_m2"] < tree["berichtigt_m2"] < tree["hoechstens_m2"]
    assert "60 von 200 Punkten sind geprüft" in " ".join(
        one.text for one in made[-1].blocks if hasattr(one, "text")
    )
    protocol = json.loads(file_of(offered[-1], "json"))
    assert protocol["sample"]["area_m2"]["tree"]["corrected"] == pytest.approx(
        tree["berichtigt_m2"], abs=0.1
    )
