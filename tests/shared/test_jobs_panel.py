"""Panel, address and list of runs in Streamlit's test bench, over a real SQLite database."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import delete, insert, select, update
from streamlit.testing.v1 import AppTest

from shared.auth.principal import Principal
from shared.contracts.provenance import LOCAL_ZONE
from shared.errors import FileTooLarge, ModelServerBusy, OrderRevoked
from shared.i18n import get_translator
from shared.jobs.runner import SUPERVISOR
from shared.registry import discover
from shared.settings import get_settings
from shared.store import runs
from shared.store.engine import read_scope, session_scope
from shared.store.joins import JOIN
from shared.store.models import FeedbackRow, LeaseRow, RunRow, SignalRow, UnitRow
from shared.store.progress import Pace, read_pace
from shared.store.run_views import RunOrder, RunView
from shared.store.store import Store, process_store
from shared.ui import jobs as ui_jobs, shell
from shared.ui.house_probe import HouseStatus, ask_house, house_probe
from tests.shared.app_folders import make_app
from tests.shared.people_of_tests import ADMIN, person, sit_down
from tests.shared.process_state import begin_process, forget_process_state

NOW = datetime.now(UTC)
NEIGHBOUR = person("admin", "nachbar")
PAGE = """
import streamlit as st
from shared.ui import *
with app_page("probe") as ctx:
    st.write("Seite lebt")
    run = bind_run(ctx)
    if run is not None:
        job_panel(ctx, run.id, on_done=lambda done: st.write(f"Ergebnis {done.state}"))
    job_list(ctx)
"""
FLAG = """
from shared.ui import *
with app_page("probe") as ctx:
    run = bind_run(ctx)
    flag_result(ctx, run.id if run else None)
"""


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Store]:
    """A fresh database, an app "probe", and a runner that works."""
    monkeypatch.setenv("URBANKI_MODEL_SERVER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    begin_process()
    make_app(tmp_path, "probe", title="Probe", tagline="Eine Probe")
    monkeypatch.setattr(shell, "require_page", lambda slug: discover.find_app(slug, tmp_path))
    sit_down(ADMIN, monkeypatch.setattr)
    made = process_store()
    beat(made, datetime.now(UTC))
    yield made
    forget_process_state()


def beat(store: Store, at: datetime, **details: object) -> None:
    """Leave a supervisor's sign of life and let pages know."""
    with session_scope(store.engine) as session:
        session.merge(
            LeaseRow(
                name=SUPERVISOR,
                owner="a|b|c",
                beat=1,
                beat_at=at,
                details_json={"workers": 2, **details},
            )
        )
    house_probe.cache_clear()
    house_probe().look_now()


def order(title: str = "Akte.pdf", app: str = "probe", **parameters: object) -> RunOrder:
    return RunOrder(app, "lesen", title, (), {"title": title, **parameters}, is_example=True)


def make_run(store: Store, principal: Principal = ADMIN, **values: object) -> RunView:
    """A run in the state that a test needs."""
    made = runs.submit(principal, store, order(), now=NOW)
    change_run(store, made.id, **values)
    return made


def change_run(store: Store, run_id: str, **values: object) -> None:
    if values:
        with session_scope(store.engine) as session:
            session.execute(update(RunRow).where(RunRow.id == run_id).values(**values))


def add_units(store: Store, run_id: str, states: str, seconds: float | None = None) -> None:
    """Units by letters: d done, f failed, l leased, q queued."""
    names = {"d": "done", "f": "failed", "l": "leased", "q": "queued"}
    rows = [
        {
            "run_id": run_id,
            "ordinal": ordinal,
            "key": str(ordinal),
            "state": names[letter],
            "seconds": seconds if letter == "d" else None,
            "error_code": FileTooLarge.code if letter == "f" else None,
            "error_message": "Die Datei ist größer als 20 MB." if letter == "f" else None,
            "error_details": {"limit_mb": 20} if letter == "f" else None,
        }
        for ordinal, letter in enumerate(states)
    ]
    with session_scope(store.engine) as session:
        session.execute(insert(UnitRow), rows)


def open_page(run_id: str | None = None, page: str = PAGE, language: str = "de") -> AppTest:
    bench = AppTest.from_string(page)
    bench.query_params["sprache"] = language
    if run_id is not None:
        bench.query_params["ergebnis"] = run_id
    bench.run(timeout=60)
    assert not bench.exception
    return bench


def shown(page: AppTest) -> str:
    kinds = ("title", "markdown", "caption", "info", "warning", "error", "success", "progress")
    return "\n".join(str(element.proto) for kind in kinds for element in page.get(kind))


@pytest.mark.parametrize(
    "address",
    [
        "0198a000-0000-7000-8000-000000000000",
        "<script>alert(1)</script>",
        "x" * 10_000,
        "../../etc/passwd",
        "' OR 1=1 --",
        "ß\u202e",
    ],
)
def test_unknown_address_is_said_and_the_page_can_be_used(
    store: Store, caplog: pytest.LogCaptureFixture, address: str
) -> None:
    with caplog.at_level(logging.WARNING):
        page = open_page(address)
    assert "Dieses Ergebnis gibt es hier nicht." in shown(page)
    assert "Seite lebt" in shown(page)
    reference = page.error[0].value.rsplit(" ", 1)[1]
    assert reference.startswith("UK-")
    assert reference in caplog.text


def test_a_run_of_another_municipality_or_app_is_not_there(store: Store) -> None:
    foreign = make_run(store, NEIGHBOUR)
    other_app = runs.submit(ADMIN, store, order(app="andere"), now=NOW)
    for run in (foreign, other_app):
        page = open_page(run.id)
        assert "Dieses Ergebnis gibt es hier nicht." in shown(page)
        assert "Akte.pdf" not in shown(page)


def test_a_waiting_order_says_its_place(store: Store) -> None:
    runs.submit(ADMIN, store, order("Erste.pdf"), now=NOW - timedelta(minutes=1))
    page = open_page(make_run(store).id)
    text = shown(page)
    assert "wartet" in text
    assert "Vor Ihrem Auftrag ist noch 1 anderer." in text
    assert "Der Auftrag wird vorbereitet." in text
    assert "Sie können diese Seite schließen" in text
    assert "Ergebnis" not in [element.value for element in page.markdown]


def test_progress_and_a_forecast_from_five_measured_units(store: Store) -> None:
    run = make_run(store, state="running", units_total=40, units_done=4)
    add_units(store, run.id, "dddd" + "ll" + "q" * 34, seconds=3.0)
    assert "Noch etwa" not in shown(open_page(run.id))
    change_run(store, run.id, units_done=20)
    with session_scope(store.engine) as session:
        session.execute(
            update(UnitRow).where(UnitRow.ordinal < 20).values(state="done", seconds=3.0)
        )
        session.execute(update(UnitRow).where(UnitRow.ordinal.in_((20, 21))).values(state="leased"))
    text = shown(open_page(run.id))
    assert "läuft" in text
    assert "Teile: 20 von 40 fertig" in text
    assert "Noch etwa" in text
    assert "gemessen an 20 fertigen Teilen" in text


def test_the_pace_of_a_foreign_run_is_not_told(store: Store) -> None:
    run = make_run(store, state="running", units_total=6, units_done=5)
    add_units(store, run.id, "dddddl", seconds=3.0)
    assert read_pace(ADMIN, store, run.id, 5) == Pace((3.0,) * 5, 1)
    assert read_pace(NEIGHBOUR, store, run.id, 5) == Pace((), 0)


def test_without_a_runner_the_order_is_safe(store: Store) -> None:
    beat(store, NOW - timedelta(minutes=5))
    run = make_run(store, state="running", units_total=40, units_done=20)
    text = shown(open_page(run.id))
    assert "unterbrochen (läuft von selbst weiter)" in text
    assert "Der Auftragsdienst läuft nicht." in text
    assert "Noch etwa" not in text
    assert "Seite lebt" in text


def test_a_busy_model_server_keeps_the_order(store: Store) -> None:
    run = make_run(store, state="waiting", message_code=ModelServerBusy.code, units_total=2)
    text = shown(open_page(run.id))
    assert "Modellserver ausgelastet, Ihr Auftrag bleibt in der Warteschlange." in text
    assert "unterbrochen" in text


def test_a_finished_run_shows_its_result(store: Store) -> None:
    run = make_run(store, state="done", units_total=2, units_done=2)
    page = open_page(run.id)
    assert "Ergebnis done" in shown(page)
    assert "fertig mit Fehlern" not in shown(page)
    keys = [button.key for button in page.button if "_job_" in (button.key or "")]
    assert keys == ["probe_job_delete"], "nothing to take up again"


def test_deletion_is_asked_back(store: Store) -> None:
    run = make_run(store, state="done", units_total=2, units_done=2)
    page = open_page(run.id)
    page.button(key="probe_job_delete").click().run()
    assert page.button(key="probe_job_delete_yes").label == "Ja, löschen"
    assert "Das lässt sich nicht rückgängig machen." in shown(page)
    assert runs.get(ADMIN, store, run.id).id == run.id


def test_dates_of_a_run_are_told(store: Store) -> None:
    over = NOW + timedelta(days=90)
    run = make_run(
        store, state="done", units_total=1, units_done=1, finished_at=NOW, expires_at=over
    )
    text = shown(open_page(run.id))
    assert "In Auftrag gegeben: " in text
    assert "Beendet: " in text
    assert f"Wird gelöscht am {get_translator('de').date(over.astimezone(LOCAL_ZONE))}." in text


def test_failed_units_are_listed_with_reasons_and_tried_again(store: Store) -> None:
    run = make_run(store, state="done", units_total=3, units_done=1, units_failed=2)
    add_units(store, run.id, "dff")
    page = open_page(run.id)
    assert "fertig mit Fehlern" in shown(page)
    frame = page.table[0].value
    assert frame["Teil"].tolist() == ["Teil\u00a02", "Teil\u00a03"]
    assert all("größer als 20 MB" in reason for reason in frame["Grund"])
    page.button(key="probe_job_again").click().run()
    assert runs.get(ADMIN, store, run.id).state == "queued"
    assert "wartet" in shown(page)
    with read_scope(store.engine) as session:
        assert "retry" in session.scalars(select(SignalRow.kind)).all()


def test_the_first_failures_are_said_while_it_runs(store: Store) -> None:
    run = make_run(store, state="running", units_total=6, units_done=0, units_failed=5)
    add_units(store, run.id, "fffffl")
    text = shown(open_page(run.id))
    assert "Teil 3: Die Datei ist größer als 20 MB" in text.replace("\\\\", "")
    assert "Teil 4:" not in text


def test_a_stop_is_asked_back_and_then_told(store: Store) -> None:
    run = make_run(store, state="running", units_total=40, units_done=20)
    page = open_page(run.id)
    page.button(key="probe_job_stop").click().run()
    assert page.button(key="probe_job_stop_yes").label == "Ja, abbrechen"
    assert not runs.get(ADMIN, store, run.id).cancel_requested
    runs.request_cancel(ADMIN, store, run.id, now=NOW)  # the click: in the browser test
    page.run()
    assert "probe_job_stop" not in [button.key for button in page.button]
    assert "wird abgebrochen" in shown(page)
    assert "Was fertig ist, bleibt erhalten." in shown(page)


@pytest.mark.parametrize("ended", [timedelta(), timedelta(hours=1)])
def test_a_stopped_run_that_is_being_joined_says_so(
    store: Store, monkeypatch: pytest.MonkeyPatch, ended: timedelta
) -> None:
    looks: list[str] = []
    monkeypatch.setattr(ui_jobs, "_follow_joining", lambda ctx, run_id: looks.append(run_id))
    finished_at = datetime.now(UTC) - ended
    run = make_run(store, state="cancelled", units_total=40, units_done=20, finished_at=finished_at)
    with session_scope(store.engine) as session:
        session.add(SignalRow(run_id=run.id, kind=JOIN))
    said = "wird gerade zu einem Teilergebnis zusammengestellt"
    assert said in shown(open_page(run.id).run())
    assert set(looks) == (set() if ended else {run.id})
    with session_scope(store.engine) as session:
        session.execute(delete(SignalRow))
    assert said not in shown(open_page(run.id).run())


def test_the_panel_ends_its_looking_when_the_part_is_joined(store: Store) -> None:
    run = make_run(store, state="cancelled", units_total=4, units_done=2, finished_at=NOW)
    with session_scope(store.engine) as session:
        session.add(SignalRow(run_id=run.id, kind=JOIN))
    reruns: list[str] = []
    ctx = SimpleNamespace(principal=ADMIN, store=store)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ui_jobs.st, "rerun", lambda: reruns.append("again"))
        ui_jobs._follow_joining(ctx, run.id)
        assert reruns == []
        with session_scope(store.engine) as session:
            session.execute(delete(SignalRow))
        ui_jobs._follow_joining(ctx, run.id)
    assert reruns == ["again"]


def test_a_stopped_run_can_go_on(store: Store) -> None:
    run = make_run(store, state="cancelled", units_total=40, units_done=20)
    page = open_page(run.id)
    assert "abgebrochen" in shown(page)
    page.button(key="probe_job_again").click().run()
    assert runs.get(ADMIN, store, run.id).state == "queued"


def test_a_run_whose_orderer_lost_the_right_says_so(store: Store) -> None:
    run = make_run(
        store,
        state="cancelled",
        units_total=40,
        units_done=20,
        message_code=OrderRevoked.code,
        message_details={},
    )
    page = open_page(run.id)
    assert "abgebrochen" in shown(page)
    assert OrderRevoked.user_message in page.warning[0].value
    assert page.button(key="probe_job_again")


def test_a_failed_run_says_why(store: Store) -> None:
    run = make_run(
        store, state="failed", message_code=FileTooLarge.code, message_details={"limit_mb": 20}
    )
    page = open_page(run.id)
    assert "gescheitert" in shown(page)
    assert "Die Datei ist größer als 20 MB." in page.error[0].value


def test_titles_are_text_and_never_markup(store: Store) -> None:
    made = runs.submit(ADMIN, store, order("<b>*fett*</b> :red[x].pdf"), now=NOW)
    page = open_page(made.id)
    (title,) = [text.value for text in page.markdown if "fett" in text.value]
    assert r"\<b\>\*fett\*" in title


def test_everything_is_english_in_english(store: Store) -> None:
    run = make_run(store, state="done", units_total=3, units_done=1, units_failed=2)
    add_units(store, run.id, "dff")
    page = open_page(run.id, language="en")
    assert "done with errors" in shown(page)
    assert page.table[0].value["Reason"][1].startswith("The file is larger than 20 MB")


def test_own_runs_of_this_app_are_listed_and_opened(store: Store) -> None:
    first = make_run(store, state="done", units_total=1, units_done=1)
    make_run(store, NEIGHBOUR)
    runs.submit(ADMIN, store, order("Fremd.pdf", app="andere"), now=NOW)
    page = open_page()
    opened = [button for button in page.button if "_open_" in (button.key or "")]
    assert [button.key for button in opened] == [f"probe_open_{first.id}"]
    opened[0].click().run()
    assert page.query_params["ergebnis"] in (first.id, [first.id])
    assert "Ergebnis done" in shown(page)


def test_damaged_database_is_said_in_german(store: Store) -> None:
    run = make_run(store)
    store.engine.dispose()
    file = Path(get_settings().data_dir) / "gallery.db"
    file.rename(file.with_suffix(".gone"))
    file.mkdir()
    bench = AppTest.from_string(PAGE)
    bench.query_params["sprache"] = "de"
    bench.query_params["ergebnis"] = run.id
    bench.run(timeout=60)
    assert not bench.exception
    assert "UK-" in bench.error[0].value


def test_the_state_of_the_house_is_asked_from_what_is_there(store: Store) -> None:
    assert ask_house(store) == HouseStatus("running", "ready", "ready", 2)
    beat(store, datetime.now(UTC), message_code="rechenverbund_weg")
    assert ask_house(store).jobs == "waiting"
    beat(store, datetime.now(UTC) - timedelta(minutes=5))
    assert ask_house(store).jobs == "away"


def test_a_hint_is_kept_without_a_person(store: Store) -> None:
    run = make_run(store, state="done", units_total=1, units_done=1)
    page = open_page(run.id, FLAG)
    page.text_area[0].set_value("Seite 3 fehlt")
    page.button[0].click().run()
    assert "Bitte wählen Sie einen Daumen." in shown(page)
    page.feedback[0].set_value(0)
    page.text_area[0].set_value("Seite 3 fehlt")
    page.button[0].click().run()
    assert "Danke, Ihr Hinweis ist angekommen." in shown(page)
    with read_scope(store.engine) as session:
        (row,) = session.scalars(select(FeedbackRow)).all()
        assert (row.app, row.run_id, row.rating, row.text) == ("probe", run.id, 0, "Seite 3 fehlt")
