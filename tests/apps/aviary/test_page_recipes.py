"""The page beyond solar installations: cards, areas, previews, class maps, further files."""

import io
from collections.abc import Iterator

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from rasterio.io import MemoryFile
from rasterio.transform import from_origin
from streamlit.testing.v1 import AppTest

from apps.aviary.inputs.town_example import EXAMPLES
from apps.aviary.painted.sample import EARLIER_NAME, SAMPLE_NAME
from apps.aviary.recipe_book.listing import ORDER, list_recipes
from apps.aviary.views import examples as view_examples, files as view_files, input as view_input
from shared.errors import ModelServerDown, PredictionFailed
from shared.settings import REPOSITORY
from shared.store import runs
from shared.store.store import process_store
from shared.ui import shell
from tests.apps.aviary import doubles
from tests.apps.aviary.cell_doubles import CellDouble
from tests.apps.aviary.job_runner import work_off
from tests.shared.people_of_tests import ADMIN, sit_down
from tests.shared.process_state import begin_process, forget_process_state

PAGE = str(REPOSITORY / "apps" / "aviary" / "page.py")
pytestmark = pytest.mark.timeout(240)


class Model:
    """The model server of page and worker, replaced by a double."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.client = CellDouble()
        monkeypatch.setattr(shell, "model_client", self)

    def __call__(self, _acting: object) -> CellDouble:
        return self.client

    def work_off(self) -> None:
        work_off(process_store(), self.client, self.monkeypatch, None)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[Model]:
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("URBANKI_DEMO_CITY_DIR", str(tmp_path / "town"))
    begin_process()
    sit_down(ADMIN, monkeypatch.setattr)
    yield Model(monkeypatch)
    forget_process_state()


def opened(**query) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=120)
    for name, value in query.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def texts(page) -> str:
    kinds = ("header", "subheader", "markdown", "caption", "info", "warning", "error")
    shown = [str(element.value) for kind in kinds for element in page.get(kind)]
    return "\n".join([*shown, *(str(error.proto) for error in page.error)])


def keys(page) -> set[str]:
    return {button.key for button in page.button}


def ground(form: str = "PNG") -> bytes:
    """An image whose left half is asphalt and whose right half is grass, for the double."""
    pixels = np.full((256, 512, 3), (35, 90, 120), np.uint8)
    pixels[:, 256:] = (75, 160, 60)
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, form)
    return target.getvalue()


def placed_ground() -> bytes:
    """The same ground as GeoTIFF of 20 cm with near infrared, like an image of the town."""
    pixels = np.asarray(Image.open(io.BytesIO(ground())))
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=512, height=256, count=4, dtype="uint8", crs="EPSG:25832",
            transform=from_origin(380_000, 5_720_000, 0.2, 0.2), photometric="RGB",
        ) as target:  # fmt: skip
            target.write(np.concatenate([np.moveaxis(pixels, 2, 0), pixels[None, ..., 1]]))
        content: bytes = memory.read()
    return content


def own_file(recipe: str, language: str = "de") -> AppTest:
    page = opened(rezept=recipe, sprache=language)
    page.radio(key="aviary_source").set_value("file").run()
    page.file_uploader[0].set_value(("boden.png", ground(), "image/png")).run()
    page.text_input(key="aviary_gsd_cm").set_value("20").run()
    assert not page.exception
    return page


def evaluated(model: Model, page: AppTest) -> AppTest:
    page.button(key="aviary_start").click().run()
    assert not page.exception
    model.work_off()
    page.run()
    assert not page.exception
    return page


def test_each_recipe_has_a_card_in_the_order_of_the_page(model):
    page = opened()
    names = [recipe.recipe_id for recipe in list_recipes().recipes]
    assert names[:3] == list(ORDER[:3])
    assert list_recipes().broken == ()
    assert {f"aviary_choose_{name}" for name in names} <= keys(page)
    shown = texts(page)
    for recipe in list_recipes().recipes:
        assert recipe.title_de in shown
        assert recipe.summary_de.rstrip(".") in shown.replace("\\", "")
    assert "aviary_start" not in keys(page)


def test_cards_speak_english(model):
    shown = texts(opened(sprache="en"))
    assert "Choose a recipe" in shown
    assert "Sealed surfaces" in shown
    assert "cm per pixel" in shown


def test_cards_need_no_model_server(model):
    class Down(CellDouble):
        def models(self):
            raise ModelServerDown()

    model.client = Down()
    assert "sobald der Modellserver antwortet" in texts(opened())


def test_a_card_leads_to_the_example_and_back(model):
    page = opened()
    page.button(key="aviary_choose_landcover").click().run()
    assert page.query_params["rezept"] in ("landcover", ["landcover"])
    assert page.button(key="aviary_start").label == "Mit Beispiel ausprobieren"
    page.button(key="aviary_other_recipe").click().run()
    assert "rezept" not in page.query_params
    assert "aviary_choose_landcover" in keys(page)


def test_an_address_with_an_unknown_recipe_shows_the_cards(model):
    assert "aviary_choose_solar" in keys(opened(rezept="gibt_es_nicht"))


def test_a_class_map_is_shown_with_its_areas_and_files(model):
    page = evaluated(model, own_file("landcover"))
    shown = texts(page)
    assert "Am meisten: Asphalt/Beton 50" in shown
    assert "Gras, Beet, niedriges Grün 50" in shown
    labels = [button.proto.label for button in page.get("download_button")]
    assert "Klassen als Raster" in labels
    assert "Bericht (PDF)" in labels
    assert "Geodaten (GeoPackage)" not in labels  # the image has no place on the map
    (table,) = [one.value for one in page.table if "Anteil" in one.value]
    # 256 x 256 pixels of 20 cm.
    assert table["Fläche (m²)"].tolist()[:3] == ["2.621", "2.621", "0"]


def test_views_and_certainty_ask_no_model(model):
    page = evaluated(model, own_file("sealed"))
    asked = len(model.client.asked)
    for view in ("classes", "photo", "confidence", "both"):
        page.radio(key="aviary_classes_view").set_value(view).run()
        assert not page.exception
    page.slider(key="aviary_classes_least").set_value(95).run()
    assert "der Karte sind weniger sicher und ausgeblendet" in texts(page)
    assert len(model.client.asked) == asked


def test_the_english_class_map_speaks_english(model):
    shown = texts(evaluated(model, own_file("sealed", "en")))
    assert "are classified. Most of it: sealed 50" in shown
    assert "unversiegelt" not in shown


def test_the_part_that_counts_is_ordered_with_the_image(model):
    page = own_file("sealed")
    page.radio(key="aviary_area").set_value("sliders").run()
    page.slider(key="aviary_across").set_value((0, 50)).run()
    page.slider(key="aviary_down").set_value((0, 100)).run()
    page = evaluated(model, page)
    assert "Am meisten: versiegelt 100" in texts(page)
    shown = page.query_params["ergebnis"]
    run = runs.get(ADMIN, process_store(), shown if isinstance(shown, str) else shown[0])
    assert run.parameters["inputs"] == ["image", "area"]
    assert len(run.inputs) == 2


def test_the_preview_shows_a_part_and_the_time(model):
    page = own_file("sealed")
    page.button(key="aviary_try").click().run()
    assert not page.exception
    shown = texts(page)
    assert "voraussichtlich" in shown and "gemessen an der Vorschau" in shown
    asked = len(model.client.asked)
    page.slider(key="aviary_preview_least").set_value(50).run()
    assert not page.exception
    assert len(model.client.asked) == asked
    assert "voraussichtlich" in texts(page)


def test_a_preview_without_an_answer_is_no_preview_without_finds(model):
    def look(rgb):
        raise PredictionFailed()

    model.client = doubles.Double(look, threshold=0.3)
    page = opened(rezept="solar")
    page.button(key="aviary_try").click().run()
    assert not page.exception
    shown = texts(page)
    assert "2 von 2 Kacheln konnten nicht ausgewertet werden" in shown
    assert "rot gekreuzt schraffiert: 2 Kacheln ohne Ergebnis" in shown
    assert "keinen Fund" not in shown


def test_another_area_needs_another_preview(model):
    page = own_file("sealed")
    page.button(key="aviary_try").click().run()
    page.radio(key="aviary_area").set_value("sliders").run()
    assert "voraussichtlich" not in texts(page)
    assert "aviary_try" in keys(page)


def test_the_result_begins_with_the_settings_of_the_preview(model):
    model.client = doubles.finds_bluish(threshold=0.3)
    page = opened(rezept="solar")
    page.button(key="aviary_try").click().run()
    page.slider(key="aviary_preview_threshold").set_value(80).run()
    page.slider(key="aviary_preview_min_area").set_value(7).run()
    assert not page.exception
    page = evaluated(model, page)
    assert page.slider(key="aviary_threshold").value == 80
    assert page.slider(key="aviary_min_area").value == 7


def test_a_needed_file_that_is_missing_stops_in_words(model):
    page = own_file("gravel_garden")
    assert "Das Rezept braucht noch eine Datei: Flurstücke." in texts(page)
    assert "aviary_start" not in keys(page)


def test_the_example_of_changes_brings_its_older_flight_along(model):
    """Houses that were built between both painted flights; both ways to the example."""

    class AnyColour(CellDouble):
        def look(self, pixels):
            return super().look(np.minimum(pixels, 99))

    model.client = AnyColour()
    page = opened(rezept="change", beispiel="1")
    model.work_off()
    page.run()
    assert not page.exception
    (run,) = runs.recent(ADMIN, process_store(), app="aviary")
    assert [one.name for one in run.inputs] == [SAMPLE_NAME, EARLIER_NAME]
    assert (run.state, run.is_example) == ("done", True)
    page = opened(rezept="change")
    assert "Aus dem Beispiel dabei" in texts(page)
    assert "Das Rezept braucht noch eine Datei" not in texts(page)
    assert "aviary_start" in keys(page)


def test_what_an_example_lacks_is_asked_for_instead_of_a_run_that_must_fail(model):
    page = opened(rezept="gravel_garden", beispiel="1")
    assert "Das Rezept braucht noch eine Datei: Flurstücke." in texts(page)
    assert list(runs.recent(ADMIN, process_store(), app="aviary")) == []


def test_of_the_town_only_places_with_both_flights_serve_changes(model, monkeypatch):
    monkeypatch.setattr(view_input, "ready_examples", lambda: EXAMPLES[:2])
    monkeypatch.setattr(view_input, "has_both_flights", lambda one: one == EXAMPLES[1])
    monkeypatch.setattr(view_input, "example_tiff", lambda example: ground("TIFF"))
    monkeypatch.setattr(view_files, "example_file", lambda example, role: ground("TIFF"))
    options = opened(rezept="change").selectbox(key="aviary_example").options
    assert EXAMPLES[1].title in options and EXAMPLES[0].title not in options


@pytest.mark.parametrize(("threshold", "percent"), [(0.37, 37), (0.304, 30)])
def test_the_slider_begins_at_the_calibrated_threshold(model, threshold, percent):
    """Steps of five would show 35 % where the list of runs and the command count with 37 %."""
    model.client = doubles.finds_bluish(threshold=threshold)
    page = evaluated(model, opened(rezept="solar"))
    slider = page.slider(key="aviary_threshold")
    assert (slider.value, slider.step) == (percent, 1)


def state_of(page, title: str) -> str:
    """Whether a step is "erledigt" or "offen"."""
    (header,) = [str(one.value) for one in page.header if title in str(one.value)]
    return header.rpartition("[")[2].rstrip("]")


def test_a_step_is_done_only_when_nothing_is_left_to_do_in_it(model):
    page = opened(rezept="similar")
    assert state_of(page, "Bild und Gebiet") == state_of(page, "Prüfen") == "offen"
    for x in (40, 120, 200):
        page.number_input(key="aviary_examples_x").set_value(x).run()
        page.button(key="aviary_examples_add").click().run()
    page.run()
    assert state_of(page, "Bild und Gebiet") == state_of(page, "Prüfen") == "erledigt"
    parcels_missing = own_file("gravel_garden")
    assert state_of(parcels_missing, "Bild und Gebiet") == "offen"
    assert state_of(parcels_missing, "Prüfen") == "offen"
    lacking = opened(rezept="gravel_garden", beispiel="1")
    assert state_of(lacking, "Bild und Gebiet") == state_of(lacking, "Prüfen") == "offen"
    assert state_of(opened(rezept="change"), "Bild und Gebiet") == "erledigt"


def test_marks_of_another_image_do_not_count(model):
    page = own_file("similar")
    for x in (40, 120, 200):
        page.number_input(key="aviary_examples_x").set_value(x).run()
        page.button(key="aviary_examples_add").click().run()
    page.run()
    assert state_of(page, "Bild und Gebiet") == "erledigt"
    other = Image.open(io.BytesIO(ground())).transpose(Image.Transpose.ROTATE_180)
    target = io.BytesIO()
    other.save(target, "PNG")
    page.file_uploader[0].set_value(("anderes.png", target.getvalue(), "image/png")).run()
    assert "Markiert: 0 Beispiele, 0 Gegenbeispiele." in texts(page)
    assert state_of(page, "Bild und Gebiet") == state_of(page, "Prüfen") == "offen"


def test_a_coarse_image_is_checked_once_somebody_takes_it_nevertheless(model):
    page = own_file("sealed")
    assert state_of(page, "Prüfen") == "erledigt"
    page.text_input(key="aviary_gsd_cm").set_value("60").run()
    assert state_of(page, "Prüfen") == "offen"
    page.checkbox(key="aviary_force").check().run()
    assert state_of(page, "Prüfen") == "erledigt"


def test_nobody_is_asked_when_an_example_was_taken(model, monkeypatch):
    asked = "Geben Sie den Tag der Aufnahme an"
    assert asked in texts(own_file("sealed"))
    painted = texts(opened(rezept="solar"))
    assert "Wann das Bild aufgenommen wurde, ist nicht bekannt." in painted
    assert asked not in painted
    monkeypatch.setattr(view_input, "ready_examples", lambda: EXAMPLES[:1])
    monkeypatch.setattr(view_input, "example_tiff", lambda example: placed_ground())
    assert "Das Bild ist vom Mai 2026." in texts(opened(rezept="sealed"))


def test_a_recipe_without_a_preview_has_no_step_for_it(model):
    page = opened(rezept="change")
    assert "Für dieses Rezept gibt es keine Vorschau." in texts(page)
    assert not [one for one in page.header if "Vorschau" in str(one.value)]


def test_the_picture_of_certainty_is_explained(model):
    page = evaluated(model, own_file("sealed"))
    words = "hell ist sicher, dunkel ist unsicher"
    assert words not in texts(page)
    page.radio(key="aviary_classes_view").set_value("confidence").run()
    assert words in texts(page)


def test_examples_are_marked_by_numbers_too(model):
    page = own_file("similar")
    assert "aviary_start" not in keys(page)
    assert "Bitte markieren Sie 3 bis 20 Beispiele" in texts(page)
    assert "Das Rezept braucht noch eine Datei" not in texts(page)
    for x in (40, 120, 200):
        page.number_input(key="aviary_examples_x").set_value(x).run()
        page.button(key="aviary_examples_add").click().run()
    assert "Markiert: 3 Beispiele, 0 Gegenbeispiele." in texts(page)
    assert "aviary_start" in keys(page)
    page.button(key="aviary_examples_undo").click().run()
    assert "Markiert: 2 Beispiele, 0 Gegenbeispiele." in texts(page)
    assert "aviary_start" not in keys(page)
    page.radio(key="aviary_examples_kind").set_value("unwanted").run()
    page.button(key="aviary_examples_add").click().run()
    page.button(key="aviary_examples_undo").click().run()
    page.button(key="aviary_examples_undo").click().run()
    assert "Markiert: 1 Beispiel, 0 Gegenbeispiele." in texts(page)


def test_a_mark_stays_where_somebody_goes_on_before_the_page_is_drawn(model, monkeypatch):
    """A run that is interrupted before it reaches the button takes the click with it."""
    page = own_file("similar")
    draw, interrupts = view_examples.map_with_table, []

    def interrupted(*words, **more):
        if interrupts:
            interrupts.pop()
            st.rerun()
        return draw(*words, **more)

    monkeypatch.setattr(view_examples, "map_with_table", interrupted)
    for x in (40, 120, 200):
        page.number_input(key="aviary_examples_x").set_value(x).run()
        interrupts.append(True)
        page.button(key="aviary_examples_add").click().run()
    assert "Markiert: 3 Beispiele, 0 Gegenbeispiele." in texts(page)
    interrupts.append(True)
    page.button(key="aviary_examples_undo").click().run()
    assert "Markiert: 2 Beispiele, 0 Gegenbeispiele." in texts(page)


def test_marks_are_examples_and_no_samples_in_english(model):
    page = own_file("similar", "en")
    kinds = page.radio(key="aviary_examples_kind")
    assert kinds.options == ["Example (wanted)", "Counter-example (not wanted)"]
    assert "Marked: 0 examples, 0 counter-examples." in texts(page)


def test_the_town_is_offered_where_it_is_rendered(model, monkeypatch):
    monkeypatch.setattr(view_input, "ready_examples", lambda: EXAMPLES)
    monkeypatch.setattr(view_input, "example_tiff", lambda example: ground())
    page = opened(rezept="solar")
    offered = page.selectbox(key="aviary_example")
    assert offered.value == "painted"
    assert any("am Markt" in option for option in offered.options)
