"""The story of aviary as a guest walks it, on the example that was worked off before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from streamlit.testing.v1 import AppTest

from shared.auth import session
from shared.auth.kiosk import new_guest
from shared.jobs import samples
from shared.registry.discover import find_app
from shared.registry.story import find_story
from shared.settings import REPOSITORY
from shared.store import runs
from shared.store.store import process_store
from shared.ui import shell
from tests.apps.aviary import doubles
from tests.apps.aviary.job_runner import work_off
from tests.shared.people_of_tests import sit_down
from tests.shared.process_state import begin_process, forget_process_state

GALLERY = str(REPOSITORY / "apps" / "gallery.py")
APP = find_app("aviary")
STEPS = find_story("aviary").step  # type: ignore[union-attr]
pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[doubles.Double]:
    """A kiosk of aviary alone whose example is worked off; the double counts what it is asked."""
    monkeypatch.setenv("URBANKI_MODE", "kiosk")
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(samples, "manifests", lambda only: [APP])
    begin_process()
    double = doubles.finds_bluish(threshold=0.3)
    monkeypatch.setattr(shell, "model_client", lambda acting: double)
    (order,) = samples.order_samples(process_store(), double, datetime.now(UTC))
    assert order.run is not None
    work_off(process_store(), double, monkeypatch)
    sit_down(new_guest(), monkeypatch.setattr)
    yield double
    forget_process_state()


def opened(step: int = 1) -> AppTest:
    page = AppTest.from_file(GALLERY, default_timeout=120)
    page.query_params["sprache"] = "de"
    page.run()
    page.button(key="try_aviary").click().run()
    for _ in range(step - 1):
        page.button(key="story_next").click().run()
    assert not page.exception
    return page


def texts(page: AppTest) -> str:
    kinds = ("header", "subheader", "markdown", "caption", "info", "warning", "error")
    return "\n".join(str(element.value) for kind in kinds for element in page.get(kind))


def test_every_step_shows_what_it_tells_and_asks_no_model(model: doubles.Double) -> None:
    asked = len(model.asked)
    page = opened()
    for number, step in enumerate(STEPS, 1):
        assert f"Schritt {number} von {len(STEPS)}" in texts(page)
        assert step.text in texts(page)
        assert step.ask in texts(page)
        for key, value in step.do.items():
            assert page.slider(key=key).value == value
        if step.view == "result":
            assert "Anlagen gemalt" in texts(page)
            assert page.metric
        page.button(key="story_next" if number < len(STEPS) else "story_back").click().run()
        assert not page.exception
    assert len(model.asked) == asked


def test_the_visitor_moves_the_slider_that_the_step_has_set(model: doubles.Double) -> None:
    page = opened(step=3)
    assert page.slider(key="aviary_threshold").value == 10
    many = int(page.metric[0].value)
    page.slider(key="aviary_threshold").set_value(95).run()
    assert page.slider(key="aviary_threshold").value == 95
    assert int(page.metric[0].value) < many
    page.button(key="story_next").click().run()
    assert page.slider(key="aviary_threshold").value == 50
    page.button(key="story_back").click().run()
    assert page.slider(key="aviary_threshold").value == 10


def test_only_the_report_can_be_taken_along(model: doubles.Double) -> None:
    page = opened(step=2)
    (report,) = page.get("download_button")
    assert report.proto.label == "Bericht (PDF)"
    labels = {button.label for button in page.button}
    forbidden = {"Löschen", "Fortsetzen", "Abbrechen", "Hinweis senden", "Anderes Luftbild wählen"}
    assert not forbidden & labels
    assert not page.get("file_uploader")
    assert "Für andere Anwendungen freigeben" not in texts(page)


def test_the_next_guest_sees_nothing_of_the_last_one(model, monkeypatch) -> None:
    page = opened(step=2)
    run_id = runs.recent(session.principal(), process_store())[0].id
    assert run_id in page.query_params["ergebnis"]
    next_guest = new_guest()
    sit_down(next_guest, monkeypatch.setattr)
    assert runs.recent(next_guest, process_store()) == []
    other = AppTest.from_file(str(REPOSITORY / "apps" / "aviary" / "page.py"), default_timeout=120)
    other.query_params["ergebnis"] = run_id
    other.run()
    assert "Dieses Ergebnis gibt es hier nicht" in str([one.proto for one in other.error])


def test_a_reload_shows_the_same_step(model: doubles.Double) -> None:
    page = opened(step=3)
    again = AppTest.from_file(str(REPOSITORY / "apps" / "aviary" / "page.py"), default_timeout=120)
    for name, value in page.query_params.items():
        again.query_params[name] = value
    again.run()
    assert not again.exception
    assert "Schritt 3 von" in texts(again)
    assert again.slider(key="aviary_threshold").value == 10
