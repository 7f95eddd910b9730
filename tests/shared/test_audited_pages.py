"""Uploads and downloads of pages: one row each in the audit, and no name of a file anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from shared.auth import session
from shared.auth.audit_log import log_folder
from shared.auth.sessions import SessionView
from shared.errors import NotAllowed, NotSignedIn
from shared.registry import discover
from shared.settings import get_settings
from shared.store import feedback
from shared.store.store import process_store
from shared.ui import shell
from tests.auth.audit_trail import trail
from tests.shared.app_folders import make_app
from tests.shared.people_of_tests import ADMIN, CLERK, VIEWER, person, session_of, sit_down
from tests.shared.process_state import begin_process, forget_process_state
from tests.shared.test_dataspace_page import NOW, open_dataspace, publish

PLANTED = "bauakte_mueller_1957"
PNG = b"\x89PNG\r\n\x1a\n"
CHOOSE = """
from shared.ui import *
with app_page("probe") as ctx:
    choose_data(ctx, kinds=("png",), sample=SampleFile("x.png", lambda: PNG))
""".replace("PNG)", f"{PNG!r})")
EXPORT = f"""
from shared.ui import *
with app_page("probe") as ctx:
    made = []
    export_bar(
        ctx,
        [
            Download("Bericht", "{PLANTED}.pdf", "application/pdf", b"bericht"),
            Download("Tabelle", "{PLANTED}.csv", "text/csv", lambda: made.append(1) or b"tabelle"),
        ],
        run_id="lauf",
    )
    assert not made
"""
HINTS = """
from shared.auth.session import principal
from shared.store.store import process_store
from shared.ui.accounts.hints_panel import hints_panel
from shared.ui.language import translator
hints_panel(principal(), process_store(), translator())
"""
Taken = dict[str, Callable[[], bytes]]


@pytest.fixture(autouse=True)
def house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A fresh installation with an app "probe", and a clerk before it."""
    monkeypatch.setenv("URBANKI_MODEL_SERVER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    begin_process()
    make_app(tmp_path, "probe", title="Probe", tagline="Eine Probe")
    monkeypatch.setattr(shell, "require_page", lambda slug: discover.find_app(slug, tmp_path))
    sit_down(CLERK, monkeypatch.setattr)
    yield
    forget_process_state()


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Taken:
    """What the buttons of the page give, by their labels."""
    found: Taken = {}

    def button(label: str, data: Callable[[], bytes], **_more: Any) -> None:
        found[label] = data

    monkeypatch.setattr(st, "download_button", button)
    return found


def told() -> list[tuple[str, str, str, str]]:
    rows = trail(process_store().engine)
    return [(row.event, row.app, row.object_id, row.reason_code) for row in rows]


def names_of_files_stand_nowhere() -> bool:
    settings = get_settings()
    files = [*settings.data_dir.glob("gallery.db*"), *log_folder(settings).iterdir()]
    return all(PLANTED.encode() not in file.read_bytes() for file in files)


def test_an_upload_is_told_of_once_and_not_at_each_run() -> None:
    page = AppTest.from_string(CHOOSE).run(timeout=30)
    page.radio[0].set_value("file").run()
    assert told() == []
    page.file_uploader[0].set_value((f"{PLANTED}.png", PNG + b"1", "image/png")).run()
    page.run()
    assert not page.exception
    ((event, app, content, _),) = told()
    assert (event, app, len(content)) == ("upload", "probe", 64)
    page.file_uploader[0].set_value((f"{PLANTED}.png", PNG + b"2", "image/png")).run()
    page.file_uploader[0].set_value((f"{PLANTED}.png", PNG + b"1", "image/png")).run()
    assert [row[0] for row in told()] == ["upload"] * 3
    assert told()[0] == told()[2] != told()[1]
    assert names_of_files_stand_nowhere()


def test_a_refused_file_and_the_example_are_no_uploads() -> None:
    page = AppTest.from_string(CHOOSE).run(timeout=30)
    page.radio[0].set_value("file").run()
    page.file_uploader[0].set_value((f"{PLANTED}.png", b"GIF89a", "image/png")).run()
    assert told() == []


def test_a_file_is_made_and_told_of_when_somebody_takes_it(offered: Taken) -> None:
    assert not AppTest.from_string(EXPORT).run(timeout=30).exception
    assert told() == []
    assert offered["Tabelle"]() == b"tabelle"
    assert offered["Bericht"]() == b"bericht"
    assert told() == [
        ("export", "probe", "lauf", "datei"),
        ("export", "probe", "lauf", "bericht"),
    ]
    assert names_of_files_stand_nowhere()


def test_the_rights_of_the_export_bar_are_those_of_the_click(
    offered: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    AppTest.from_string(EXPORT).run(timeout=30)
    sit_down(VIEWER, monkeypatch.setattr)
    with pytest.raises(NotAllowed):
        offered["Tabelle"]()
    assert offered["Bericht"]() == b"bericht"
    assert [row[0] for row in told()] == ["denied", "export"]


def open_data_space() -> str:
    """Open the page with one layer and choose it; return the layer's id."""
    layer = publish(process_store())
    page = open_dataspace()
    page.selectbox(key="dataspace_layers_selected").select_index(0).run()
    assert not page.exception
    return layer.id


def test_a_layer_that_is_taken_along_is_told_of(offered: Taken) -> None:
    layer_id = open_data_space()
    assert offered["Herunterladen"]().startswith(b"\xef\xbb\xbf")
    assert told() == [("export", "", layer_id, "datei")]


def test_the_rights_of_the_data_space_are_those_of_the_click(
    offered: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_data_space()
    sit_down(VIEWER, monkeypatch.setattr)
    with pytest.raises(NotAllowed):
        offered["Herunterladen"]()
    assert [row[0] for row in told()] == ["denied"]


def test_hints_that_are_taken_along_are_told_of(
    offered: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    feedback.flag(CLERK, process_store(), "probe", 0, PLANTED, now=NOW)
    sit_down(ADMIN, monkeypatch.setattr)
    assert not AppTest.from_string(HINTS).run(timeout=30).exception
    (take,) = offered.values()
    assert PLANTED.encode() in take()
    assert told() == [("export", "", "", "hinweise")]


@pytest.mark.parametrize("page", ["bar", "data space", "hints"])
def test_whoever_has_signed_out_takes_nothing(
    offered: Taken, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    acting = person("admin" if page == "hints" else "sachbearbeitung", session_id="mine")
    if page == "hints":
        feedback.flag(CLERK, process_store(), "probe", 0, PLANTED, now=NOW)
    asked = []

    def current_session(beside: str = "") -> SessionView:
        asked.append(beside)
        if beside:
            raise NotSignedIn()
        return session_of(acting)

    monkeypatch.setattr(session, "current_session", current_session)
    if page == "data space":
        open_data_space()
    else:
        AppTest.from_string(EXPORT if page == "bar" else HINTS).run(timeout=30)
    assert set(asked) == {""}
    for take in offered.values():
        with pytest.raises(NotSignedIn):
            take()
    assert offered
    assert set(asked) == {"", "mine"}
    assert told() == []
