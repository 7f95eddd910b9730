"""The page: sample to result, an own file, sliders without the model, a missing model server."""

import io

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from apps.aviary import view_run
from apps.aviary.objects import ModelFacts
from shared.errors import ModelServerDown
from shared.settings import REPOSITORY
from shared.ui import escape_markdown
from tests.apps.aviary import doubles

PAGE = str(REPOSITORY / "apps" / "aviary" / "page.py")
pytestmark = pytest.mark.timeout(240)


class Counting(doubles.Double):
    """Counts how often the model is asked."""

    asked = 0

    def predict(self, tiles, gsd_m):
        type(self).asked += 1
        return super().predict(tiles, gsd_m)


@pytest.fixture
def model(monkeypatch):
    Counting.asked = 0
    double = Counting(doubles.finds_bluish.look, ModelFacts(threshold=0.3))

    def use(chosen):
        monkeypatch.setattr(view_run, "ServerPredictor", lambda *_: chosen)

    use(double)
    use.double = double
    return use


def opened(**query):
    page = AppTest.from_file(PAGE, default_timeout=120)
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def texts(page):
    kinds = ("header", "subheader", "markdown", "caption", "info", "warning", "error")
    return "\n".join(str(element.value) for kind in kinds for element in page.get(kind))


def own_file(**drawn):
    pixels = np.full((300, 400, 3), 120, dtype=np.uint8)
    pixels[..., 1] = 150
    pixels[100:180, 120:220] = doubles.BLUE
    target = io.BytesIO()
    Image.fromarray(pixels).convert(drawn.get("mode", "RGB")).save(target, "PNG")
    page = opened(sprache=drawn.get("language", "de"))
    page.radio[0].set_value("file").run()
    return page.file_uploader[0].set_value(("bild.png", target.getvalue(), "image/png")).run()


def test_sample_gives_a_result_at_once(model):
    page = opened(beispiel="1")
    assert not page.exception
    assert int(page.metric[0].value) > 0
    shown = texts(page)
    for question in ("Was kam heraus?", "Wie sicher ist das?", "Woher kommt das?", "Was tun?"):
        assert question in shown
    assert "Demonstrationsmodell" in shown
    assert "künstlich" in shown
    assert "Anlagen gemalt" in shown
    assert len(page.get("download_button")) == 4
    assert model.double.asked == 1


def test_sliders_and_reruns_do_not_ask_the_model_again(model):
    page = opened(beispiel="1")
    before = int(page.metric[0].value)
    page.slider(key="aviary_threshold").set_value(95).run()
    assert int(page.metric[0].value) < before
    page.slider(key="aviary_min_area").set_value(50).run()
    page.run()
    assert not page.exception
    assert model.double.asked == 1


def test_nothing_found_is_said_without_claiming_absence(model):
    model(doubles.finds_nothing)
    page = opened(beispiel="1")
    assert page.metric[0].value == "0"
    assert "Das heißt nicht, dass es keine Anlagen gibt" in texts(page)


def test_an_own_file_needs_its_resolution(model):
    page = own_file()
    assert "Die Bodenauflösung des Bildes ist nicht bekannt." in texts(page)
    assert not [button for button in page.button if button.key == "aviary_start"]
    page.text_input(key="aviary_gsd_cm").set_value("10,0").run()
    assert "Das Bild hat 10 cm je Bildpunkt." in texts(page)
    page.button(key="aviary_start").click().run()
    assert not page.exception
    assert page.metric[0].value == "1"
    assert "Anlagen gemalt" not in texts(page)


@pytest.mark.parametrize("typed", ["0", "-10", "zehn", "0,10", "501", "nan"])
def test_impossible_resolutions_are_named(model, typed):
    page = own_file()
    page.text_input(key="aviary_gsd_cm").set_value(typed).run()
    assert f"„{escape_markdown(typed)}“ ist keine Bodenauflösung" in texts(page)
    assert not [button for button in page.button if button.key == "aviary_start"]


def test_coarse_images_need_a_decision(model):
    page = own_file()
    page.text_input(key="aviary_gsd_cm").set_value("40").run()
    assert "höchstens 22 cm" in texts(page)
    assert not [button for button in page.button if button.key == "aviary_start"]
    page.checkbox(key="aviary_force").check().run()
    page.button(key="aviary_start").click().run()
    assert "außerhalb des geprüften Bereichs" in texts(page)


def test_a_grey_image_is_refused_in_words(model):
    page = own_file(mode="L")
    assert not page.exception
    assert any("Graubild" in str(error.proto) for error in page.error)


def test_failed_tiles_are_not_nothing_found(model):
    model(doubles.fails_on_first_tile)
    page = opened(beispiel="1")
    assert "1 von 12 Kacheln konnte nicht ausgewertet werden" in texts(page)


def test_missing_model_server_recovers_and_keeps_the_choice(model):
    class Down(doubles.Double):
        def facts(self):
            raise ModelServerDown()

    model(Down(doubles.finds_nothing.look))
    page = opened()
    page.button(key="aviary_start").click().run()
    assert any("Der Modellserver antwortet nicht." in str(error.proto) for error in page.error)
    model(model.double)
    page.run()
    assert not page.error
    assert int(page.metric[0].value) > 0


def test_english_page_speaks_english(model):
    page = opened(beispiel="1", sprache="en")
    assert not page.exception
    assert "Comparison" in "".join(str(info.proto) for info in page.info)
    assert [metric.label for metric in page.metric][:2] == ["Finds", "of these doubtful"]


def test_one_find_is_one_find(model):
    """Singular and plural, in both languages."""
    for language, sentence in (("de", "1 Fund mit "), ("en", "1 find with ")):
        page = own_file(language=language)
        page.text_input(key="aviary_gsd_cm").set_value("10").run()
        page.button(key="aviary_start").click().run()
        assert sentence in texts(page)
