"""Exports and redacted extracts belong to one municipality: nobody else opens or downloads them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from streamlit.testing.v1 import AppTest

from apps.archivair.batch.making import make_batch
from apps.archivair.batch.stream import STREAM_NAME, decode_stream
from apps.archivair.ordering import export_order
from apps.archivair.redaction import job
from apps.archivair.redaction.choices import ChosenHit, make_plan
from apps.archivair.redaction.hits import PiiHit
from apps.archivair.redaction.job import redact_order
from apps.archivair.redaction.plan import MEDIA_TYPE, PLAN_NAME, encode_plan
from apps.archivair.redaction.profiles import load_profile
from shared.errors import NotAllowed, NotFound
from shared.settings import REPOSITORY
from shared.store import artifacts, decisions, runs
from shared.store.store import Store, process_store
from tests.apps.archivair.run_doubles import APPLICATION, NOW, PERMIT, finished_run
from tests.jobs.in_process import forget_worker, work_off
from tests.shared.people_of_tests import CLERK, GUEST, person, sit_down
from tests.shared.process_state import begin_process, forget_process_state

NEIGHBOUR = person("admin", "nachbarstadt", subject="test-neighbour")
PAGE = str(REPOSITORY / "apps" / "archivair" / "page.py")
LATER = NOW + timedelta(minutes=1)
pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path) -> Iterator[Store]:
    monkeypatch.setenv("URBANKI_MODEL_SERVER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(job, "reread_with", lambda engines: lambda pixels, dpi: ())
    begin_process()
    forget_worker()
    yield process_store()
    forget_worker()
    forget_process_state()


@pytest.fixture
def orders(store, monkeypatch):
    """Return the reading of a town, and the orders of its export and of its extract."""
    run = runs.get(CLERK, store, finished_run(store, monkeypatch, APPLICATION, PERMIT))
    files = runs.result_files(CLERK, store, run.id)
    batch = make_batch(decode_stream(artifacts.read(CLERK, store, files[STREAM_NAME])))
    name = PiiHit(1, "person_name", "Karl Müller", "Name der Akte", ((176, 180, 320, 204),))
    chosen = [ChosenHit(name, "1", True, True)]
    profile = load_profile("forschung")
    plan = make_plan(profile, batch, batch.documents, chosen, (), NOW, "sachbearbeitung")
    kept = artifacts.save(
        CLERK, store, encode_plan(plan), name=PLAN_NAME, media_type=MEDIA_TYPE,
        kind="upload", is_example=False, now=NOW,
    )  # fmt: skip
    role = "sachbearbeitung"
    return run, [
        export_order(run, files, decisions.current(CLERK, store, run.id), role),
        redact_order(run, files, kept, "forschung"),
    ]


def test_another_town_and_a_guest_get_neither_export_nor_extract(store, orders):
    _, wanted = orders
    made = [runs.submit(CLERK, store, order, now=LATER) for order in wanted]
    work_off(store)
    for one in made:
        run = runs.get(CLERK, store, one.id)
        assert (run.state, run.units_failed) == ("done", 0)
        results = [*runs.result_files(CLERK, store, one.id).values(), *run.inputs]
        assert len(results) > 3
        assert all(artifacts.read(CLERK, store, file) for file in results)
        for stranger in (NEIGHBOUR, GUEST):
            with pytest.raises((NotFound, NotAllowed)):
                runs.get(stranger, store, one.id)
            with pytest.raises((NotFound, NotAllowed)):
                runs.result_files(stranger, store, one.id)
        for file in results:
            for opens in (artifacts.read, artifacts.open_file, artifacts.local_path):
                with pytest.raises(NotFound):
                    opens(NEIGHBOUR, store, file)
    assert runs.recent(NEIGHBOUR, store, everybody=True) == []


def test_another_town_cannot_order_from_files_of_this_one(store, orders):
    _, wanted = orders
    for order in wanted:
        with pytest.raises(NotFound):
            runs.submit(NEIGHBOUR, store, order, now=LATER)
        with pytest.raises((NotFound, NotAllowed)):
            runs.submit(GUEST, store, order, now=LATER)


@pytest.mark.parametrize("view", ["ablage", "schwaerzen"])
@pytest.mark.parametrize("stranger", [NEIGHBOUR, GUEST], ids=["town", "guest"])
def test_the_page_shows_a_stranger_nothing_of_a_run(store, orders, monkeypatch, stranger, view):
    run, wanted = orders
    for order in wanted:
        runs.submit(CLERK, store, order, now=LATER)
    work_off(store)
    sit_down(stranger, monkeypatch.setattr)
    page = AppTest.from_file(PAGE, default_timeout=120)
    page.query_params["ergebnis"], page.query_params["ansicht"] = run.id, view
    page.run()
    assert not page.exception
    shown = (*page.markdown, *page.caption, *page.warning, *page.info, *page.error)
    assert not [one for one in shown if "Müller" in one.value or "akte.pdf" in one.value]
    labels = [str(one.label) for one in page.get("download_button")]
    assert not [one for one in labels if "Geschwärzt" in one or "ZIP" in one]
