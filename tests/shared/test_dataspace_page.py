"""From a run into the data space and onto its page, in Streamlit's test bench."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from shared.auth.principal import HOME_TENANT
from shared.contracts.jobs import StoredFile
from shared.registry import discover
from shared.report.csv_out import write_csv
from shared.settings import REPOSITORY
from shared.store import artifacts, dataspace, runs
from shared.store.layers import Layer, Publication
from shared.store.run_views import RunOrder, RunView
from shared.store.store import Store, process_store
from shared.ui import shell
from tests.shared.app_folders import make_app
from tests.shared.people_of_tests import ADMIN, sit_down
from tests.shared.process_state import begin_process, forget_process_state

NOW = datetime.now(UTC)
PAGE = """
from shared.contracts.jobs import StoredFile
from shared.store.layers import Publication
from shared.ui import *
with app_page("probe") as ctx:
    run = bind_run(ctx)
    publish_button(ctx, run, Publication(
        "probe/daecher", "Dächer", run.inputs[0], {"Name": "text", "Fläche": "number"},
        "CC0-1.0", "Musterstadt"))
"""


@pytest.fixture(autouse=True)
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Store]:
    """A fresh database and an app "probe"."""
    monkeypatch.setenv("URBANKI_MODEL_SERVER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    begin_process()
    make_app(tmp_path, "probe", title="Probe", tagline="Eine Probe")
    monkeypatch.setattr(shell, "require_page", lambda slug: discover.find_app(slug, tmp_path))
    sit_down(ADMIN, monkeypatch.setattr)
    yield process_store()
    forget_process_state()


def make_run(store: Store, rows: int = 2) -> RunView:
    """A run whose one file is a table."""
    cells = [(f"Dach {number}", number + 0.5) for number in range(rows)]
    file: StoredFile = artifacts.save(
        ADMIN,
        store,
        write_csv(["Name", "Fläche"], cells),
        name="dächer.csv",
        media_type="text/csv",
        kind="result",
        is_example=True,
        now=NOW,
    )
    order = RunOrder("probe", "lesen", "Luftbild <b>", (file,), is_example=True)
    return runs.submit(ADMIN, store, order, now=NOW)


def publish(store: Store, rows: int = 2) -> Layer:
    run = make_run(store, rows)
    schema = {"Name": "text", "Fläche": "number"}
    publication = Publication(
        "probe/daecher", "Dächer *1*", run.inputs[0], schema, "CC0-1.0", "Musterstadt"
    )
    return dataspace.publish(ADMIN, store, run.id, publication, now=NOW)


def shown(page: AppTest) -> str:
    kinds = ("title", "header", "subheader", "markdown", "caption", "info", "error", "code")
    return "\n".join(str(element.value) for kind in kinds for element in page.get(kind))


def open_dataspace(language: str = "de") -> AppTest:
    page = AppTest.from_file(str(REPOSITORY / "apps" / "dataspace.py"), default_timeout=60)
    page.query_params["sprache"] = language
    page.run()
    assert not page.exception
    return page


def test_a_result_is_published_once_and_says_where(store: Store) -> None:
    run = make_run(store)
    page = AppTest.from_string(PAGE)
    page.query_params["sprache"] = "de"
    page.query_params["ergebnis"] = run.id
    page.run(timeout=60)
    page.button(key="probe_publish").click().run()
    assert not page.exception
    assert page.text_input(key="probe_publish_title").value == "Dächer"
    assert page.radio(key="probe_publish_share").options == ["nur diese Kommune", "alle Kommunen"]
    assert "Lizenz: CC0-1.0. Quellenangabe: Musterstadt." in shown(page)
    publication = Publication(
        "probe/daecher",
        "Dächer",
        run.inputs[0],
        {"Name": "text", "Fläche": "number"},
        "CC0-1.0",
        "Musterstadt",
    )
    dataspace.publish(ADMIN, store, run.id, publication, now=NOW)
    page.run()
    assert "Im Datenraum als „probe/daecher“, Fassung 1." in shown(page)
    assert "probe_publish" not in [button.key for button in page.button]


def test_an_empty_data_space_says_so() -> None:
    assert "Hier ist noch nichts freigegeben." in shown(open_dataspace())
    assert "Nothing has been shared here yet." in shown(open_dataspace("en"))


def test_a_layer_shows_preview_licence_and_origin(store: Store) -> None:
    publish(store, rows=60)
    page = open_dataspace()
    assert page.table[0].value["Daten"].tolist() == ["Beispieldaten"]
    page.selectbox(key="dataspace_layers_selected").select_index(0).run()
    assert not page.exception
    text = shown(page)
    assert r"Dächer \*1\*" in text
    assert "Lizenz: CC0\\-1\\.0. Quellenangabe: Musterstadt." in text
    assert "probe/daecher" in text
    assert "60 Zeilen" in text
    preview = page.table[1].value
    assert len(preview) == 50
    assert preview["Fläche"][1] == "1,50"
    assert "Auswertung: Luftbild" in text
    assert "Datei: dächer" in text


def test_a_lost_file_is_said_in_german(store: Store) -> None:
    layer = publish(store)
    store.files.remove(HOME_TENANT, layer.file.sha256)
    page = open_dataspace()
    page.selectbox(key="dataspace_layers_selected").select_index(0).run()
    assert not page.exception
    assert "UK-" in page.error[0].value
    assert "ist nicht mehr da" in str(page.error[0].proto)
