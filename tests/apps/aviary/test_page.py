"""The page: example to result, an own file, sliders without the model, restarts, deletion."""

import io
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image
from rasterio.io import MemoryFile
from rasterio.transform import from_origin
from streamlit.testing.v1 import AppTest

from shared.errors import ModelServerDown
from shared.settings import REPOSITORY
from shared.store import deletion, runs
from shared.store.provenance import from_dict
from shared.store.store import process_store
from shared.ui import escape_markdown, shell
from tests.apps.aviary import doubles
from tests.apps.aviary.job_runner import work_off
from tests.shared.people_of_tests import ADMIN, sit_down
from tests.shared.process_state import begin_process, forget_process_state

PAGE = str(REPOSITORY / "apps" / "aviary" / "page.py")
pytestmark = pytest.mark.timeout(240)


class Model:
    """The model server of page and worker, replaced by a double."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.client = doubles.finds_bluish(threshold=0.3)
        monkeypatch.setattr(shell, "model_client", self)

    def __call__(self, _acting: object) -> doubles.Double:
        return self.client

    def work_off(self, until=None) -> None:
        work_off(process_store(), self.client, self.monkeypatch, until)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[Model]:
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    begin_process()
    sit_down(ADMIN, monkeypatch.setattr)
    yield Model(monkeypatch)
    forget_process_state()


def opened(**query) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=120)
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def texts(page) -> str:
    kinds = ("header", "subheader", "markdown", "caption", "info", "warning", "error")
    shown = [str(element.value) for kind in kinds for element in page.get(kind)]
    return "\n".join([*shown, *(str(error.proto) for error in page.error)])


def run_id_of(page) -> str:
    shown = page.query_params["ergebnis"]
    return shown if isinstance(shown, str) else shown[0]


def labels(page) -> list[str]:
    return [button.label for button in page.button]


def finished(model: Model, page: AppTest) -> AppTest:
    """Let the ordered run end, and show the page again."""
    model.work_off()
    page.run()
    assert not page.exception
    return page


def own_file(**drawn) -> AppTest:
    pixels = np.full((300, 400, 3), 120, dtype=np.uint8)
    pixels[..., 1] = 150
    pixels[100:180, 120:220] = doubles.BLUE
    target = io.BytesIO()
    Image.fromarray(pixels).convert(drawn.get("mode", "RGB")).save(target, "PNG")
    page = opened(rezept=drawn.get("rezept", "solar"), sprache=drawn.get("language", "de"))
    page.radio[0].set_value("file").run()
    return page.file_uploader[0].set_value(("bild.png", target.getvalue(), "image/png")).run()


def started(page: AppTest, resolution_cm: str = "10") -> AppTest:
    page.text_input(key="aviary_gsd_cm").set_value(resolution_cm).run()
    return page.button(key="aviary_start").click().run()


def test_example_gives_a_result_without_a_further_click(model):
    page = opened(beispiel="1")
    assert not page.exception
    assert "ergebnis" in page.query_params
    assert "beispiel" not in page.query_params
    page = finished(model, page)
    assert int(page.metric[0].value) > 0
    shown = texts(page)
    for question in ("Was kam heraus?", "Wie sicher ist das?", "Woher kommt das?", "Was tun?"):
        assert question in shown
    assert "Demonstrationsmodell" in shown
    assert "künstlich" in shown
    assert "Anlagen gemalt" in shown
    assert len(page.get("download_button")) == 8
    assert len(model.client.asked) == 12


def test_the_example_comes_first_and_is_marked(model):
    page = opened(beispiel="1")
    run = runs.get(ADMIN, process_store(), run_id_of(page))
    assert run.is_example
    with process_store().engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT priority FROM run").scalar() == 0


def test_the_same_example_is_worked_on_once(model):
    first = finished(model, opened(beispiel="1"))
    again = opened(beispiel="1")
    assert run_id_of(again) == run_id_of(first)
    assert int(again.metric[0].value) == int(first.metric[0].value)
    assert len(model.client.asked) == 12


def test_sliders_and_reruns_do_not_ask_the_model_again(model):
    page = finished(model, opened(beispiel="1"))
    before = int(page.metric[0].value)
    page.slider(key="aviary_threshold").set_value(95).run()
    assert int(page.metric[0].value) < before
    page.slider(key="aviary_min_area").set_value(50).run()
    page.run()
    assert not page.exception
    assert len(model.client.asked) == 12


def test_another_tab_or_a_restart_shows_the_stored_result(model):
    page = finished(model, opened(beispiel="1"))
    run_id = run_id_of(page)
    begin_process()
    other = opened(ergebnis=run_id)
    assert not other.exception
    assert other.metric[0].value == page.metric[0].value
    assert len(model.client.asked) == 12


def test_a_result_needs_no_model_server(model):
    page = finished(model, opened(beispiel="1"))

    class Down(doubles.Double):
        def models(self):
            raise ModelServerDown()

    model.client = Down(doubles.finds_nothing().look)
    again = opened(ergebnis=run_id_of(page))
    assert not again.exception
    assert again.metric[0].value == page.metric[0].value
    assert "Der Modellserver antwortet nicht." in texts(again)


def test_nothing_found_is_said_without_claiming_absence(model):
    model.client = doubles.finds_nothing()
    page = finished(model, opened(beispiel="1"))
    assert page.metric[0].value == "0"
    assert "Das heißt nicht, dass es nichts gibt" in texts(page)


def test_an_own_file_needs_its_resolution(model):
    page = own_file()
    assert "Die Bodenauflösung des Bildes ist nicht bekannt." in texts(page)
    assert not [button for button in page.button if button.key == "aviary_start"]
    page.text_input(key="aviary_gsd_cm").set_value("10,0").run()
    assert "Das Bild hat 10 cm je Bildpunkt." in texts(page)
    page.button(key="aviary_start").click().run()
    page = finished(model, page)
    assert page.metric[0].value == "1"
    assert "Anlagen gemalt" not in texts(page)
    assert "Auswerten" not in labels(page)


@pytest.mark.parametrize("typed", ["0", "-10", "zehn", "0,10", "501", "nan"])
def test_impossible_resolutions_are_named(model, typed):
    page = own_file()
    page.text_input(key="aviary_gsd_cm").set_value(typed).run()
    assert f"„{escape_markdown(typed)}“ ist keine Bodenauflösung" in texts(page)
    assert not [button for button in page.button if button.key == "aviary_start"]


def test_coarse_images_need_a_decision(model):
    model.client = doubles.finds_bluish(threshold=0.3)
    page = own_file()
    page.text_input(key="aviary_gsd_cm").set_value("40").run()
    assert "höchstens 22 cm" in texts(page)
    assert not [button for button in page.button if button.key == "aviary_start"]
    page.checkbox(key="aviary_force").check().run()
    page.button(key="aviary_start").click().run()
    page = finished(model, page)
    assert "außerhalb des geprüften Bereichs" in texts(page)


def test_a_grey_image_is_refused_in_words(model):
    page = own_file(mode="L")
    assert not page.exception
    assert any("Graubild" in str(error.proto) for error in page.error)


def test_failed_tiles_are_not_nothing_found(model):
    model.client = doubles.fails_once()
    page = finished(model, opened(beispiel="1"))
    assert "1 von 12 Kacheln konnte nicht ausgewertet werden" in texts(page)
    assert "rot gekreuzt schraffiert: 1 Kachel ohne Ergebnis" in texts(page)
    assert "Gescheiterte erneut versuchen" in labels(page)


def test_failed_tiles_are_looked_at_again_and_only_they(model):
    model.client = doubles.fails_once()
    page = finished(model, opened(beispiel="1"))
    page.button(key="aviary_job_again").click().run()
    page = finished(model, page)
    assert "konnte nicht ausgewertet werden" not in texts(page)
    assert len(model.client.asked) == 13


def stopped(model: Model, page: AppTest, after: int) -> AppTest:
    """Let somebody stop the ordered run as soon as some tiles are looked at."""
    store, run_id = process_store(), run_id_of(page)
    look = model.client.look

    def look_and_stop(*words, **more):
        if len(model.client.asked) == after:
            runs.request_cancel(ADMIN, store, run_id, now=datetime.now(UTC))
        if len(model.client.asked) >= after:
            time.sleep(0.4)  # no further tile of a bundle begins after a second
        return look(*words, **more)

    model.client.look = look_and_stop
    model.work_off(until=lambda: runs.get(ADMIN, store, run_id).state == "cancelled")
    model.client.look = look
    return page.run()


def test_of_a_stopped_run_the_part_is_shown_and_taken_along(model):
    page = stopped(model, opened(beispiel="1"), after=4)
    store, run_id = process_store(), run_id_of(page)
    model.work_off(until=lambda: runs.get(ADMIN, store, run_id).summary is not None)
    page.run()
    assert not page.exception
    run = runs.get(ADMIN, store, run_id)
    assert run.state == "cancelled"
    assert 4 <= run.units_done < 12
    assert run.units_left == 12 - run.units_done
    assert f"Abgebrochen: ausgewertet sind {run.units_done} von 12 Kacheln." in texts(page)
    assert "konnten nicht ausgewertet werden" not in texts(page)
    said = f"{run.units_left} von 12 Teilen ohne Ergebnis, davon {run.units_left} nach Abbruch"
    assert said in texts(page)
    assert from_dict(run.provenance).units_left == run.units_left
    assert len(page.get("download_button")) == 8
    page.button(key="aviary_job_again").click().run()
    page = finished(model, page)
    assert "Abgebrochen" not in texts(page)
    assert int(page.metric[0].value) > 0


def test_missing_model_server_recovers_and_keeps_the_choice(model):
    class Down(doubles.Double):
        def models(self):
            raise ModelServerDown()

    works, model.client = model.client, Down(doubles.finds_nothing().look)
    page = opened(rezept="solar")
    page.button(key="aviary_start").click().run()
    assert any("Der Modellserver antwortet nicht." in str(error.proto) for error in page.error)
    model.client = works
    page.run()
    assert not page.error
    assert int(finished(model, page).metric[0].value) > 0


def test_another_image_can_be_chosen_afterwards(model):
    page = finished(model, opened(beispiel="1"))
    page.button(key="aviary_other").click().run()
    assert not page.exception
    assert "ergebnis" not in page.query_params
    assert [button.label for button in page.button if button.key == "aviary_start"] == [
        "Mit Beispiel ausprobieren"
    ]
    assert "beispiel_kuenstlich.png" in "".join(labels(page)).replace("\\", "")


def test_a_deleted_run_is_gone_with_its_files(model):
    page = finished(model, opened(beispiel="1"))
    run_id = run_id_of(page)
    page.button(key="aviary_job_delete").click().run()
    assert page.button(key="aviary_job_delete_yes").label == "Ja, löschen"
    deletion.delete_run(ADMIN, process_store(), run_id)  # the click: in a browser
    assert list(process_store().files.keys()) == []
    assert "Dieses Ergebnis gibt es hier nicht" in texts(opened(ergebnis=run_id))


def test_english_page_speaks_english(model):
    page = finished(model, opened(beispiel="1", sprache="en"))
    assert "Comparison" in "".join(str(info.proto) for info in page.info)
    assert [metric.label for metric in page.metric][:2] == ["Finds", "of these doubtful"]


def test_one_find_is_one_find(model):
    """Singular and plural, in both languages."""
    for language, sentence in (("de", "1 Fund mit "), ("en", "1 find with ")):
        page = finished(model, started(own_file(language=language)))
        assert sentence in texts(page)


def placed_file() -> AppTest:
    """Evaluate a GeoTIFF of 90 by 30 m, two tiles."""
    pixels = np.full((300, 900, 3), 120, dtype=np.uint8)
    pixels[..., 1] = 150
    pixels[100:180, 120:220] = doubles.BLUE
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=900, height=300, count=3, dtype="uint8", crs="EPSG:25832",
            transform=from_origin(380_000, 5_720_000, 0.1, 0.1), photometric="RGB",
        ) as target:  # fmt: skip
            target.write(np.moveaxis(pixels, 2, 0))
        content = memory.read()
    page = opened(rezept="solar", sprache="en")
    page.radio[0].set_value("file").run()
    page.file_uploader[0].set_value(("bild.tif", content, "image/tiff")).run()
    return page.button(key="aviary_start").click().run()


def test_a_run_that_was_tried_again_is_published_anew_and_an_incomplete_one_says_so(model):
    model.client = doubles.fails_once()
    page = finished(model, placed_file())
    page.text_input(key="aviary_licence").set_value("dl-de/zero-2-0").run()
    page.text_input(key="aviary_credit").set_value("Geobasis NRW").run()
    page.button(key="aviary_make").click().run()
    assert "aviary_make" not in [button.key for button in page.button], "it is done"
    assert "incomplete" in texts(page)
    page.button(key="aviary_publish").click().run()
    titles = [one.value for one in page.text_input if one.key == "aviary_publish_title"]
    assert titles == ["unvollständig: Solaranlagen: bild.tif"]
    page.button(key="aviary_job_again").click().run()
    page = finished(model, page)
    assert "aviary_make" in [button.key for button in page.button]
    assert "aviary_publish" not in [button.key for button in page.button]
