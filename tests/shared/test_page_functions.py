"""Page skeleton in Streamlit's test bench: boundary, waiting, sample, table, origin."""

import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import shared.ui
from shared.auth import session
from shared.auth.principal import HOME_TENANT
from shared.auth.sessions import SessionView
from shared.contracts.provenance import ModelUse, Provenance
from shared.i18n import get_translator
from shared.registry import discover
from shared.registry.evaluation import MeasuredFigure
from shared.registry.manifest import AppManifest
from shared.settings import get_settings
from shared.ui import maps, shell
from shared.ui.export import file_name
from shared.ui.profile import demote_headings
from shared.ui.result import (
    WORD_JOINER,
    Column,
    describe_origin,
    escape_markdown,
    format_cell,
    measured_range,
)
from tests.shared.app_folders import make_app
from tests.shared.people_of_tests import ADMIN, person, session_of, sit_down
from tests.shared.process_state import begin_process, forget_process_state

HEAD = """
import streamlit as st
from shared.errors import *
from shared.ui import *
PNG = b"\\x89PNG\\r\\n\\x1a\\n" + b"0" * 30
"""
PUBLIC = [
    "AppContext",
    "ChosenData",
    "Column",
    "Download",
    "Figure",
    "Finding",
    "ImageBase",
    "LegendEntry",
    "MapEvent",
    "MapSpec",
    "SampleFile",
    "Selection",
    "Shape",
    "answer_panel",
    "app_page",
    "bind_run",
    "chart",
    "choose_data",
    "display_image",
    "empty_state",
    "error_box",
    "escape_markdown",
    "export_bar",
    "figures",
    "file_name",
    "flag_result",
    "hide_run",
    "is_kiosk",
    "job_list",
    "job_panel",
    "map_with_table",
    "model_server_status",
    "notice_bar",
    "primary_action",
    "publish_button",
    "show_checks",
    "show_run",
    "steckbrief",
    "step",
    "table",
]


@pytest.fixture(autouse=True)
def apps_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """One app named "probe" and nobody at the model server's address."""
    monkeypatch.setenv("URBANKI_MODEL_SERVER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    begin_process()
    app = make_app(tmp_path, "probe", title="Probe", tagline="Eine Probe")
    monkeypatch.setattr(shell, "require_page", lambda slug: discover.find_app(slug, tmp_path))
    monkeypatch.setattr("shared.ui.profile.APPS_FOLDER", tmp_path)
    sit_down(ADMIN, monkeypatch.setattr)
    yield app
    forget_process_state()


def run(body: str, **query: str) -> AppTest:
    """Run a page that consists of HEAD and `with app_page("probe") as ctx:` around the body."""
    indented = "\n".join(f"    {line}" for line in body.strip().splitlines())
    page = AppTest.from_string(f'{HEAD}\nwith app_page("probe") as ctx:\n{indented}\n')
    page.query_params["sprache"] = query.pop("sprache", "de")
    for name, value in query.items():
        page.query_params[name] = value
    return page.run(timeout=60)


def shown(page: AppTest) -> str:
    """Every text of a page."""
    kinds = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error")
    return "\n".join(str(element.proto) for kind in kinds for element in page.get(kind))


def test_a_fragment_acts_with_the_rights_of_its_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may run long after its page: a right that was withdrawn meanwhile is gone."""
    manifest = discover.find_app("aviary")
    assert isinstance(manifest, AppManifest)
    ctx = shell.AppContext(manifest, get_translator("de"), get_settings())
    assert (ctx.principal, ctx.tenant) == (ADMIN, HOME_TENANT)
    neighbour = person("viewer", "nachbar")
    sit_down(neighbour, monkeypatch.setattr)
    assert (ctx.principal, ctx.tenant) == (neighbour, "nachbar")


def test_a_download_acts_for_whoever_opened_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made in a thread of its own, where Streamlit knows nobody."""
    asked: list[str] = []

    def current_session(beside: str = "") -> SessionView:
        asked.append(beside)
        return session_of(ADMIN)

    manifest = discover.find_app("aviary")
    assert isinstance(manifest, AppManifest)
    ctx = shell.AppContext(manifest, get_translator("de"), get_settings(), "id-of-the-session")
    monkeypatch.setattr(session, "current_session", current_session)
    assert ctx.principal == ADMIN
    assert asked == ["id-of-the-session"]


def test_public_functions_are_the_agreed_ones() -> None:
    assert sorted(shared.ui.__all__) == sorted(PUBLIC)
    assert all(hasattr(shared.ui, name) for name in PUBLIC)


def test_title_notice_and_steps() -> None:
    page = run('with step(ctx, 1, "Daten wählen", done=False):\n    st.write("hier")')
    assert [title.value for title in page.title] == ["Probe"]
    assert page.header[0].value.startswith("1. Daten wählen")
    assert "offen" in page.header[0].value
    assert "Ein Mensch entscheidet" in page.info[0].value


def test_known_errors_are_shown_in_german_with_a_reference(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        page = run("raise FileTooLarge(limit_mb=20)")
    assert not page.exception
    text = shown(page)
    assert "Die Datei ist größer als 20 MB." in text
    assert "Bitte teilen oder verkleinern Sie die Datei." in text
    reference = page.error[0].value.rsplit(" ", 1)[1]
    assert reference.startswith("UK-")
    assert reference in caplog.text


def test_unknown_errors_keep_their_traceback_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        page = run('raise RuntimeError("geheimer Pfad /etc/x")')
    assert not page.exception
    assert "Es ist ein unerwarteter Fehler aufgetreten." in shown(page)
    assert "geheimer Pfad" not in shown(page)
    assert "geheimer Pfad" in caplog.text
    assert page.error[0].value.rsplit(" ", 1)[1] in caplog.text


def test_errors_speak_english_too() -> None:
    assert "The file is larger than 20 MB." in shown(
        run("raise FileTooLarge(limit_mb=20)", sprache="en")
    )


WORK = """
if primary_action("Los", key="probe_start"):
    if st.session_state.get("server") != "da":
        raise ModelServerDown()
    st.session_state["result"] = "fertig"
st.write(st.session_state.get("result", "noch nichts"))
"""


def test_work_waits_for_the_model_server_and_starts_by_itself() -> None:
    page = run(WORK)
    assert "noch nichts" in shown(page)
    page.button(key="probe_start").click().run()
    assert "Der Modellserver antwortet nicht." in shown(page)
    assert "wartet auf den Modellserver" in shown(page)
    page.session_state["server"] = "da"
    page.run()
    assert "fertig" in shown(page)
    assert "wartet auf den Modellserver" not in shown(page)


def test_finished_work_does_not_start_again() -> None:
    page = run(WORK.replace('"fertig"', 'st.session_state.get("result", "") + "x"'))
    page.session_state["server"] = "da"
    page.button(key="probe_start").click().run()
    page.run()
    assert page.session_state["result"] == "x"


def test_other_errors_end_the_waiting() -> None:
    page = run(
        'if primary_action("Los", key="probe_start"):\n    raise EmptyFile()\nst.write("Ruhe")'
    )
    page.button(key="probe_start").click().run()
    assert "Die Datei ist leer." in shown(page)
    page.run()
    assert "Ruhe" in shown(page)


def test_a_disabled_action_says_why() -> None:
    page = run('assert not primary_action("Los", key="a", disabled_reason="Erst prüfen.")')
    assert page.button(key="a").disabled
    assert "Erst prüfen." in shown(page)
    assert not page.error


CHOOSE = """
chosen = choose_data(ctx, kinds=("png",), sample=SampleFile("beispiel.png", lambda: PNG))
st.write(repr((chosen.is_sample, chosen.run_at_once, chosen.start_label)) if chosen else "leer")
"""


def test_the_sample_is_one_click_away() -> None:
    page = run(CHOOSE)
    assert "(True, False, 'Mit Beispiel ausprobieren')" in page.markdown[-1].value
    assert "Künstlich erzeugt, keine echten Daten." in shown(page)
    at_once = run(CHOOSE, beispiel="1")
    assert "(True, True, 'Mit Beispiel ausprobieren')" in at_once.markdown[-1].value


def test_an_own_file_ends_the_request_for_the_sample() -> None:
    page = run(CHOOSE, beispiel="1")
    page.radio[0].set_value("file").run()
    assert page.markdown[-1].value == "leer"
    assert "beispiel" not in page.query_params
    page.file_uploader[0].set_value(("plan.png", b"\x89PNG\r\n\x1a\n123", "image/png")).run()
    assert page.markdown[-1].value == "(False, False, 'Auswerten')"


def test_a_wrong_file_is_refused_beside_the_field() -> None:
    page = run(CHOOSE)
    page.radio[0].set_value("file").run()
    page.file_uploader[0].set_value(("plan.png", b"GIF89a", "image/png")).run()
    assert page.markdown[-1].value == "leer"
    assert "Diese Art von Datei kann die Anwendung nicht lesen." in shown(page)


CHECKS = """
good = show_checks([
    Finding("ok", "a", "Passt."),
    Finding("hint", "b", "Grob: {n} cm.", "Bitte prüfen.", {"n": 40.5}),
])
bad = show_checks([Finding("stop", "c", "Geht nicht.")])
st.write(f"{good} {bad}")
"""


def test_checks_are_words_and_stop_the_work() -> None:
    page = run(CHECKS)
    text = shown(page)
    assert "In Ordnung" in text
    assert "Hinweis" in text
    assert "Grob: 40,5 cm. Bitte prüfen." in text
    assert page.markdown[-1].value == "True False"


ROWS = """
rows = [{"name": f"Objekt {i}", "area": i + 0.5, "score": 0.5} for i in range(120)]
columns = [Column("name", "Name"), Column("area", "Fläche", "number", 1, "m²"),
           Column("score", "Sicherheit", "percent")]
picked = table(rows, columns=columns, key="probe_t", alt="Alle Objekte", selection="single")
st.write(f"Auswahl {picked.rows}")
"""


def test_tables_are_german_paged_and_selectable() -> None:
    page = run(ROWS)
    frame = page.table[0].value
    assert list(frame.columns) == ["Nr.", "Name", "Fläche (m²)", "Sicherheit"]
    assert len(frame) == 50
    assert frame.iloc[1].tolist() == ["2", "Objekt 1", "1,5", "50\u202f%"]
    assert "Zeilen 1 bis 50 von 120" in shown(page)
    page.selectbox[0].select_index(2).run()
    assert page.markdown[-1].value == "Auswahl (2,)"
    assert page.table[0].value["Nr."][2] == "3 (gewählt)"


def test_a_selection_beyond_a_shorter_table_is_forgotten() -> None:
    page = run(ROWS.replace("range(120)", 'range(st.session_state.get("n", 9))'))
    page.selectbox[0].select_index(7).run()
    page.session_state["n"] = 3
    page.run()
    assert not page.exception
    assert page.markdown[-1].value == "Auswahl ()"


@pytest.mark.parametrize(
    "text", ["![x](http://fremd/x.png)", "1. Antrag", "# Kopf", "*Stern* & <b>", ":red[Rot] $x$"]
)
def test_texts_in_tables_are_never_markdown(text: str) -> None:
    page = run(f'table([{{"a": {text!r}}}], columns=[Column("a", "A")], key="probe_t", alt="x")')
    cell = str(page.table[0].value["A"][0])
    visible = cell.replace(WORD_JOINER, "")
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", visible) == text
    assert not re.search(r"(?<!\\)[\[\]!#*$<&.]", cell)


def test_empty_tables_say_so() -> None:
    page = run('table([], columns=[], key="probe_t", alt="x")')
    assert "Die Tabelle ist leer." in shown(page)


def test_figures_show_their_range() -> None:
    page = run(
        'figures([Figure("Fläche", 1234.56, "m²", 1, 1000, 2000, "geschätzt"),'
        ' Figure("Ohne", None)])'
    )
    assert [(m.label, m.value) for m in page.metric] == [
        ("Fläche", "1.234,6\u202fm²"),
        ("Ohne", "–"),
    ]
    assert "Bereich: 1.000,0 bis 2.000,0\u202fm²" in shown(page)
    assert "geschätzt" in shown(page)


ORIGIN = Provenance(
    source="Beispielbild",
    input_sha256="0" * 64,
    models=(ModelUse("solar", "0.1.0", "ab" * 32),),
    parameters={},
    created_at=datetime(2026, 11, 24, 14, 5, tzinfo=UTC),
    duration_s=4.7,
    software_version="0.1.0",
    sample_data=True,
)


def test_the_origin_names_input_model_time_and_version() -> None:
    text = describe_origin(ORIGIN, get_translator("de"))
    assert text == (
        "Eingabe: Beispielbild. Beispieldaten, künstlich erzeugt. "
        "Modell: solar 0.1.0 (abababababab). "
        "Ausgewertet am 24. November 2026, 14:05 Uhr, in 4,7\u202fs mit Programmversion 0.1.0."
    )


def test_a_run_that_is_not_over_has_begun() -> None:
    text = describe_origin(replace(ORIGIN, duration_s=0.0), get_translator("de"))
    assert text.endswith("Begonnen am 24. November 2026, 14:05 Uhr, mit Programmversion 0.1.0.")


def test_all_four_questions_are_answered() -> None:
    page = run(
        "from tests.shared.test_page_functions import ORIGIN\n"
        'answer_panel(what="a", how_sure="b", origin=ORIGIN, next_step="c")'
    )
    assert [heading.value for heading in page.subheader] == [
        "Was kam heraus?",
        "Wie sicher ist das?",
        "Woher kommt das?",
        "Was tun?",
    ]


def test_profile_view_replaces_the_steps(apps_folder: Path) -> None:
    (apps_folder / "README.md").write_text("# Probe\n\n## Für wen\n\nFür alle.\n", "utf-8")
    page = run('st.write("Schritte")', ansicht="steckbrief")
    text = shown(page)
    assert "Schritte" not in text
    assert "### Für wen" in text
    assert "Ein Mensch." in text
    assert "Noch nicht gemessen." in text
    page.button(key="probe_open").click().run()
    assert "Schritte" in shown(page)


def test_cells_and_headings() -> None:
    t = get_translator("de")
    assert format_cell(None, Column("a", "A"), t) == "–"
    assert format_cell("x", Column("a", "A", "number"), t) == "x"
    assert demote_headings("# A\n## B\n```\n## kein Kopf\n```\n###### C") == (
        "### B\n```\n## kein Kopf\n```\n###### C"
    )


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("Übersicht Süd (1)", "aviary_uebersicht-sued-1_2026-11-24.csv"),
        ("", "aviary_ergebnis_2026-11-24.csv"),
        ("../../x", "aviary_x_2026-11-24.csv"),
    ],
)
def test_names_of_downloads(subject: str, name: str) -> None:
    day = datetime(2026, 11, 24, tzinfo=UTC).date()
    assert file_name("aviary", subject, day, "csv") == name
    assert len(file_name("aviary", "x" * 200, day, "csv")) == 80


def test_a_map_may_have_something_beside_it() -> None:
    page = run(
        'spec = MapSpec(ImageBase(b"", "image/jpeg", 20, 30), [], [])\n'
        'map_with_table(spec, [], columns=[], key="probe_m", alt="Karte",'
        ' beside=lambda: st.write("daneben"))'
    )
    assert not page.exception
    left, right = page.columns
    assert right.markdown[0].value == "daneben"
    assert not left.markdown


@pytest.mark.parametrize(
    ("base", "noun"), [('ImageBase(b"", "image/jpeg", 20, 30)', "Das Bild"), ("None", "Die Karte")]
)
def test_a_map_without_its_files_says_what_is_missing(
    base: str, noun: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> object:
        raise OSError

    monkeypatch.setattr(maps, "_vendor_component", missing)
    page = run(
        f'map_with_table(MapSpec({base}, [], []), [], columns=[], key="probe_m", alt="Karte")'
    )
    assert not page.exception
    told = f"{noun} konnte nicht geladen werden. Die Tabelle zeigt dieselben Objekte."
    assert [one.value for one in page.warning] == [told]


def test_a_missing_module_is_a_broken_app(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        page = run("from shared.ui import gibt_es_nicht")
    assert "Diese Anwendung konnte nicht geladen werden." in shown(page)
    assert "cannot import name" in caplog.text


def test_a_damaged_evaluation_leaves_the_rest_of_the_profile(apps_folder: Path) -> None:
    (apps_folder / "evaluation.json").write_text("{", encoding="utf-8")
    (apps_folder / "README.md").write_text("# Probe\n\n## Für wen\n\nFür alle.\n", "utf-8")
    text = shown(run("pass", ansicht="steckbrief"))
    assert "Die gemessene Güte kann nicht gelesen werden." in text
    assert "### Für wen" in text


def test_a_file_name_is_shown_and_never_followed() -> None:
    """Streamlit makes links of bare addresses, escaped or not, and formats underscores."""
    assert escape_markdown("www.a.example __x__.png") == (
        f"www{WORD_JOINER}\\.a\\.example \\_\\_x\\_\\_\\.png"
    )
    assert escape_markdown("http://a.example") == f"http\\:{WORD_JOINER}//a\\.example"
    assert escape_markdown("a@b.example") == f"a{WORD_JOINER}@b\\.example"
    origin = Provenance(
        source="www.evil.example.png",
        input_sha256="ab" * 32,
        models=(),
        parameters={},
        created_at=datetime(2026, 11, 25, 14, 5, tzinfo=UTC),
        duration_s=1.0,
        software_version="0",
    )
    assert escape_markdown(origin.source) in describe_origin(origin, get_translator("de"))


def test_the_smaller_upload_limit_counts(
    monkeypatch: pytest.MonkeyPatch, apps_folder: Path
) -> None:
    manifest = apps_folder / "app.toml"
    text = manifest.read_text(encoding="utf-8").replace("upload_mb = 1", "upload_mb = 200")
    manifest.write_text(text, encoding="utf-8")
    monkeypatch.setenv("URBANKI_MAX_UPLOAD_MB", "7")
    get_settings.cache_clear()
    body = 'choose_data(ctx, kinds=("png",), sample=SampleFile("x.png", lambda: PNG))'
    page = run(body)
    page.radio(key="probe_source").set_value("file").run()
    assert "höchstens 7 MB" in str(page.get("file_uploader")[0].proto)


def test_the_range_of_a_share_is_told_in_per_cent_like_the_share() -> None:
    share = MeasuredFigure(
        name="Trefferquote",
        name_en="Recall",
        value=0.985,
        unit="percent",
        digits=1,
        interval_95=(0.98, 0.99),
        data="Testseiten",
        data_en="test pages",
        items=120,
        command="python -m apps.x.evaluate",
        measured_on=date(2026, 11, 28),
    )
    t = get_translator("de")
    assert measured_range(share, t) == "95-%-Bereich: 98,0\u202f% bis 99,0\u202f%"
    assert measured_range(share.model_copy(update={"unit": ""}), t) == "95-%-Bereich: 1,0 bis 1,0"
    assert measured_range(share.model_copy(update={"interval_95": None}), t) == ""
