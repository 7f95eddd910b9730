"""The story of ArchivAIr as a guest walks it, on the example that was read before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from streamlit.testing.v1 import AppTest

from apps.archivair import jobs, ordering
from apps.archivair.views import run as view_run
from shared.auth.kiosk import new_guest
from shared.jobs import samples
from shared.registry.discover import find_app
from shared.registry.story import find_story
from shared.settings import REPOSITORY
from shared.store.store import process_store
from tests.apps.archivair.test_page import reads_two_lines
from tests.jobs.in_process import forget_worker, work_off
from tests.shared.people_of_tests import sit_down
from tests.shared.process_state import begin_process, forget_process_state

GALLERY = str(REPOSITORY / "apps" / "gallery.py")
APP = find_app("archivair")
STEPS = find_story("archivair").step  # type: ignore[union-attr]
pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[list[int]]:
    """A kiosk whose example is read; the pages that were read since the start."""
    monkeypatch.setenv("URBANKI_MODE", "kiosk")
    monkeypatch.setenv("URBANKI_MODEL_SERVER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    begin_process()
    forget_worker()
    read: list[int] = []

    def read_page(page, engines, *, script):
        read.append(page.index)
        return reads_two_lines(page)

    monkeypatch.setattr(jobs, "read_page", read_page)
    for module in (ordering, view_run):
        monkeypatch.setattr(module, "model_fingerprint", lambda client: "ppocrv6_small 1.0.0")
    monkeypatch.setattr(samples, "manifests", lambda only: [APP])
    (order,) = samples.order_samples(process_store(), None, datetime.now(UTC))  # type: ignore[arg-type]
    assert order.run is not None
    work_off(process_store())
    assert read == [1]
    sit_down(new_guest(), monkeypatch.setattr)
    yield read
    forget_worker()
    forget_process_state()


def texts(page: AppTest) -> str:
    kinds = ("header", "subheader", "markdown", "caption", "info", "warning", "error")
    return "\n".join(str(element.value) for kind in kinds for element in page.get(kind))


def test_every_step_shows_what_it_tells_and_nothing_is_read_again(asked: list[int]) -> None:
    page = AppTest.from_file(GALLERY, default_timeout=120)
    page.query_params["sprache"] = "de"
    page.run()
    page.button(key="try_archivair").click().run()
    for number, step in enumerate(STEPS, 1):
        assert not page.exception
        assert f"Schritt {number} von {len(STEPS)}" in texts(page)
        assert step.text in texts(page)
        if step.view == "result":
            assert "Auf dem Beispiel stehen" in texts(page)
            assert [one.proto.label for one in page.get("download_button")] == ["Bericht (PDF)"]
        if number < len(STEPS):
            page.button(key="story_next").click().run()
    assert asked == [1]
    labels = {button.label for button in page.button}
    assert not {"Noch einmal lesen", "Andere Akte wählen", "Löschen"} & labels
    assert not page.get("file_uploader")
