"""The page: sample to result, own files, failed pages, an outage in the middle, what is kept."""

import io
import re
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import delete, select, update
from streamlit.testing.v1 import AppTest

from apps.archivair import jobs, ordering
from apps.archivair.errors import TooManyPages
from apps.archivair.file_check import check_file
from apps.archivair.page_figures import figures_of
from apps.archivair.pages import Limits, PageIdentity, PageImage
from apps.archivair.quality import BLANK
from apps.archivair.reading import PageReading, TextLine, Word
from apps.archivair.report import build_report
from apps.archivair.run_pages import RunPages, working_seconds
from apps.archivair.sample import SAMPLE_NAME, render_sample, sample_jpeg, sample_text
from apps.archivair.upright import upright_corners, upright_jpeg, upright_size
from apps.archivair.views import export as view_export, run as view_run
from apps.archivair.views.result import clock_minutes
from shared.contracts.jobs import Priority
from shared.contracts.provenance import ModelUse, Provenance
from shared.errors import ModelServerDown, PredictionFailed
from shared.i18n.translator import get_translator
from shared.jobs.inline import InlineFile, run_inline
from shared.registry.discover import find_app
from shared.settings import REPOSITORY, get_settings
from shared.store import artifacts, deletion, provenance, runs
from shared.store.engine import read_scope, session_scope
from shared.store.models import ArtifactRow, RunFileRow, RunRow, UnitRow
from shared.store.store import process_store
from shared.ui import AppContext
from tests.jobs.in_process import forget_worker, work_off
from tests.shared.people_of_tests import ADMIN, sit_down
from tests.shared.process_state import begin_process, forget_process_state

PAGE = str(REPOSITORY / "apps" / "archivair" / "page.py")
MODEL = ModelUse("ppocrv6_small", "1.0.0", "ab" * 32)
IDENTITY = PageIdentity("a_p0001", "a.pdf", "cd" * 32, 1, 3)
LOCKED_PDF = (
    b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages"
    b" /Kids [3 0 R] /Count 1 >>\nendobj\n3 0 obj\n<< /Type /Page /Parent 2 0 R /MediaBox"
    b" [0 0 200 200] >>\nendobj\n4 0 obj\n<< /Filter /Standard /V 1 /R 2 /P -4 /O <"
    + b"aa" * 32
    + b"> /U <"
    + b"bb" * 32
    + b"> >>\nendobj\ntrailer\n<< /Size 5 /Root 1 0 R /Encrypt 4 0 R /ID [<00><00>] >>\n%%EOF"
)
pytestmark = pytest.mark.timeout(240)


def line(*words, top=100):
    """A line of (text, confidence) pairs."""
    placed = tuple(
        Word(text, (100 + 90 * place, top, 180 + 90 * place, top + 30), confidence)
        for place, (text, confidence) in enumerate(words)
    )
    right = placed[-1].box[2]
    corners = ((100.0, float(top)), (right, top), (right, top + 30), (100.0, top + 30))
    return TextLine(placed, corners)


def reading_of(page, *lines, rotation=0, findings=()):
    height, width = page.gray.shape
    return PageReading(
        blocks=(lines,) if lines else (),
        width=width,
        height=height,
        dpi=page.dpi,
        rotation_deg=rotation,
        tilt_deg=0.0,
        script="typewriter",
        findings=findings,
        engines=("ppocr",),
        models=(MODEL,) if lines else (),
    )


def reads_two_lines(page):
    """Find one sure line and one with a doubtful word that looks like Markdown."""
    return reading_of(
        page,
        line(("Seite", 0.99), (str(page.index), 0.99)),
        line(("![x](http://fremd/x.png)", 0.4), ("Größer", 0.97), top=160),
    )


def sees_a_blank_page(page):
    return reading_of(page, findings=(BLANK,))


def fails_on_page_two(page):
    if page.index == 2:
        raise PredictionFailed()
    return reads_two_lines(page)


def waits_from_page_three(page):
    if page.index >= 3:
        raise ModelServerDown()
    return reads_two_lines(page)


@pytest.fixture
def store(monkeypatch, tmp_path):
    """A fresh installation; nobody works on its jobs until `work_off` does."""
    monkeypatch.setenv("URBANKI_MODEL_SERVER_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("URBANKI_DATA_DIR", str(tmp_path / "data"))
    begin_process()
    forget_worker()
    sit_down(ADMIN, monkeypatch.setattr)
    yield process_store()
    forget_worker()
    forget_process_state()


@pytest.fixture
def reader(monkeypatch, store):
    """Replaces the reading of a page; `.asked` are the pages it was asked for."""

    class Reader:
        def __init__(self):
            self.asked, self.read = [], reads_two_lines

        def __call__(self, page, engines, *, script):
            self.asked.append(page.index)
            return self.read(page)

    double = Reader()
    monkeypatch.setattr(jobs, "read_page", double)
    monkeypatch.setattr(view_run, "model_fingerprint", lambda client: "ppocrv6_small 1.0.0")
    return double


def opened(**query):
    """The page with its single sample page chosen, showing pages one by one."""
    page = AppTest.from_file(PAGE, default_timeout=120)
    page.session_state["archivair_source"] = "page"
    page.query_params["ansicht"] = "seiten"
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def texts(page):
    kinds = ("header", "subheader", "markdown", "caption", "info", "warning", "code")
    shown = [str(element.value) for kind in kinds for element in page.get(kind)]
    return "\n".join([*shown, *(str(error.proto) for error in page.error)])


def pdf(count, gray=255):
    pages = [Image.new("L", (400, 560), gray) for _ in range(count)]
    target = io.BytesIO()
    pages[0].save(target, "PDF", save_all=True, append_images=pages[1:], resolution=100)
    return target.getvalue()


def with_file(content, name="akte.pdf", mime="application/pdf", **query):
    page = opened(**query)
    page.radio(key="archivair_source").set_value("file").run()
    return page.file_uploader[0].set_value([(name, content, mime)]).run()


def order(page):
    page = page.button(key="archivair_start").click().run()
    assert not page.exception
    return page


def read(page, store):
    """Order the reading, let it be done, and look again."""
    page = order(page)
    work_off(store)
    return page.run()


def run_of(store):
    (run, *_) = runs.recent(ADMIN, store)
    return runs.get(ADMIN, store, run.id)


def context(language="de"):
    """What a page gives to its exports."""
    t = get_translator(language, "archivair")
    manifest = find_app("archivair")
    return AppContext(manifest, t, get_settings())


def metrics(page):
    return [metric.value for metric in page.metric]


def test_sample_gives_a_result_without_another_click(reader, store):
    page = opened(beispiel="1")
    assert not page.exception
    assert not page.metric
    run = run_of(store)
    assert (run.title, run.is_example, run.units_total) == (SAMPLE_NAME, True, None)
    assert page.query_params == {"ansicht": "seiten", "ergebnis": run.id}
    work_off(store)
    page.run()
    assert not page.exception
    assert metrics(page) == ["1", "2", "1", "59,3\u202f%"]
    shown = texts(page)
    for question in ("Was kam heraus?", "Wie sicher ist das?", "Woher kommt das?", "Was tun?"):
        assert question in shown
    assert re.search(r"Diese Akte: 1 Seite in 0:\d\d min\.", shown)
    assert "Das Blatt ist künstlich" in shown
    assert "Beispieldaten, künstlich erzeugt." in shown
    assert "ppocrv6_small 1.0.0" in shown
    assert len(page.get("download_button")) == 5
    page.run()
    assert reader.asked == [1]


def test_a_reload_a_second_tab_and_a_second_order_show_the_same_result(reader, store):
    page = read(opened(), store)
    run = run_of(store)
    assert metrics(opened(ergebnis=run.id)) == metrics(page)
    again = order(opened())
    assert again.query_params == {"ansicht": "seiten", "ergebnis": run.id}
    assert metrics(again) == metrics(page)
    assert reader.asked == [1]
    assert len(runs.recent(ADMIN, store)) == 1


def test_short_files_come_first(reader, store):
    order(with_file(pdf(ordering.MOST_PAGES_AT_ONCE)))
    order(with_file(pdf(ordering.MOST_PAGES_AT_ONCE + 1), "lang.pdf"))
    with read_scope(store.engine) as session:
        priorities = dict(session.execute(select(RunRow.title, RunRow.priority)).all())
    assert priorities == {"akte.pdf": Priority.INTERACTIVE, "lang.pdf": Priority.NORMAL}


def test_text_of_a_scan_is_never_markdown_and_doubtful_words_are_named(reader, store):
    page = read(opened(), store)
    cells = page.table[0].value
    assert list(cells.columns) == ["Nr.", "Gelesener Text", "Sicherheit", "Bitte prüfen"]
    assert cells["Bitte prüfen"][0] == "–"
    assert cells["Bitte prüfen"][1].startswith(r"\!\[x\]\(http")
    assert page.code[0].value.startswith("Seite 1\n![x]")


def test_pages_of_a_file_are_read_once_and_taken_along_as_the_command_names_them(reader, store):
    page = with_file(pdf(3))
    assert "Die Datei hat 3 Seiten." in texts(page)
    assert "Spätestens nach 30 Tagen wird sie gelöscht, die Lesung nach 90 Tagen." in texts(page)
    assert not runs.recent(ADMIN, store)
    page = read(page, store)
    assert not page.exception
    assert reader.asked == [1, 2, 3]
    assert metrics(page)[:3] == ["3", "6", "3"]
    assert re.search(r"Diese Akte: 3 Seiten in 0:\d\d min\.", texts(page))
    page.selectbox(key="archivair_page").set_value(3).run()
    assert "Seite 3 von 3" in texts(page)
    assert page.code[0].value.startswith("Seite 3\n")
    assert page.button(key="archivair_pages_forward").disabled
    page.button(key="archivair_pages_back").click().run()
    assert page.code[0].value.startswith("Seite 2\n")
    page.button(key="archivair_pages_forward").click().run()
    assert page.code[0].value.startswith("Seite 3\n")
    assert len(page.get("download_button")) == 6
    assert reader.asked == [1, 2, 3]
    run = run_of(store)
    packed = runs.result_files(ADMIN, store, run.id)["akte.zip"]
    content = artifacts.read(ADMIN, store, packed)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == [
            f"akte_p000{number}{ending}"
            for number in (1, 2, 3)
            for ending in (".txt", ".alto.xml", ".json")
        ]
        assert archive.read("akte_p0002.txt").decode().startswith("Seite 2\n")


def test_the_job_gives_the_same_bytes_as_the_same_definition_in_one_process(
    reader, store, tmp_path
):
    content = pdf(3)
    read(with_file(content), store)
    run = run_of(store)
    packed = runs.result_files(ADMIN, store, run.id)["akte.zip"]
    path = tmp_path / "akte.pdf"
    path.write_bytes(content)
    file = InlineFile(path, "akte.pdf", "application/pdf")
    with run_inline(jobs.OCR, [file], {"script": "auto"}, units_at_once=2) as result:
        assert result.summary.files[0].sha256 == packed.sha256
        stored = [unit.file.sha256 for unit in runs.units(ADMIN, store, run.id)]
        assert [outcome.file.sha256 for outcome in result.outcomes()] == stored
        here, there = dict(result.summary.data), dict(run.summary)
        for one in (here, there):
            one["figures"] = {**one["figures"], "seconds": 0}
        assert here == there


def test_pages_are_shown_while_others_are_still_read(reader, store):
    reader.read = waits_from_page_three
    page = order(with_file(pdf(4)))
    work_off(store, until=lambda: run_of(store).state == "waiting")
    page.run()
    assert not page.exception
    shown = texts(page)
    assert "Der Modellserver antwortet nicht." in shown
    assert metrics(page)[0] == "2"
    assert "von 4" in shown
    assert page.code[0].value.startswith("Seite 1\n")
    assert "ZIP und Bericht enthalten, was bis zum Klick gelesen ist." in shown
    assert "ppocrv6_small 1.0.0" in shown
    assert "Der Auftrag läuft noch" in shown
    reader.read = reads_two_lines
    work_off(store)
    page.run()
    assert metrics(page)[0] == "4"
    assert not page.error
    assert reader.asked[:3] == [1, 2, 3]
    assert sorted(set(reader.asked)) == [1, 2, 3, 4]
    assert reader.asked.count(1) == reader.asked.count(2) == 1


def test_the_chosen_page_stays_while_others_are_read(reader, store):
    reader.read = waits_from_page_three
    page = order(with_file(pdf(3)))
    work_off(store, until=lambda: run_of(store).state == "waiting")
    page.run().selectbox(key="archivair_page").set_value(2).run()
    reader.read = reads_two_lines
    work_off(store)
    page.run()
    assert page.code[0].value.startswith("Seite 2\n")


def test_what_was_read_of_a_stopped_file_can_be_taken_along(reader, store):
    reader.read = waits_from_page_three
    page = order(with_file(pdf(4)))
    work_off(store, until=lambda: run_of(store).state == "waiting")
    runs.request_cancel(ADMIN, store, run_of(store).id, now=datetime.now(UTC))
    work_off(store)
    page.run()
    assert not page.exception
    run = run_of(store)
    assert (run.state, run.units_done) == ("cancelled", 2)
    assert metrics(page)[0] == "2"
    content = view_export.pack_pages(context(), run.id)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert len(archive.namelist()) == 6
    assert "Im ZIP fehlen diese Seiten: 3, 4." in texts(page)
    reader.read = reads_two_lines
    runs.go_on(ADMIN, store, run.id)
    work_off(store)
    page.run()
    assert metrics(page)[0] == "4"
    assert reader.asked.count(1) == 1


def test_the_zip_of_a_part_is_packed_anew_when_more_pages_are_read(reader, store):
    page = read(with_file(pdf(3)), store)
    assert not page.exception
    run = run_of(store)
    whole = view_export.pack_pages(context(), run.id)
    with session_scope(store.engine) as session:
        session.execute(update(UnitRow).where(UnitRow.ordinal == 2).values(state="queued"))
        session.execute(update(RunRow).values(units_done=2))
    part = view_export.pack_pages(context(), run.id)
    for content, pages in ((whole, 3), (part, 2)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert len(archive.namelist()) == 3 * pages


def test_another_script_is_another_reading(reader, store):
    page = opened()
    page.radio(key="archivair_script").set_value("typewriter").run()
    read(page, store)
    assert run_of(store).parameters == {"script": "typewriter"}
    read(opened(), store)
    assert run_of(store).parameters == {"script": "auto"}
    assert len(reader.asked) == 2


def test_failed_pages_are_listed_and_can_be_tried_again(reader, store):
    reader.read = fails_on_page_two
    page = read(with_file(pdf(3)), store)
    shown = texts(page)
    assert "Im ZIP fehlen diese Seiten: 2." in shown
    assert metrics(page)[0] == "2"
    states = [list(table.value["Stand"]) for table in page.table if "Stand" in table.value]
    assert states == [["bitte vergleichen", "gescheitert", "bitte vergleichen"]]
    assert "Das Modell konnte diesen Teil nicht auswerten" in str(
        [table.value.to_dict() for table in page.table]
    ).replace("\\", "")
    reader.read, reader.asked = reads_two_lines, []
    page.button(key="archivair_job_again").click().run()
    work_off(store)
    page.run()
    assert reader.asked == [2]
    assert metrics(page)[0] == "3"


def test_a_missing_model_server_is_said_before_anything_is_stored(store):
    page = opened(beispiel="1")
    assert not page.exception
    assert "Der Modellserver antwortet nicht." in texts(page)
    assert not runs.recent(ADMIN, store)


def test_a_file_can_be_read_again(reader, store):
    page = read(opened(), store)
    first = run_of(store)
    page.button(key="archivair_again").click().run()
    assert run_of(store).id != first.id
    work_off(store)
    page.run()
    assert reader.asked == [1, 1]
    assert metrics(page)[0] == "1"


def test_an_upload_whose_time_is_over_cannot_be_read_again(reader, store):
    page = read(opened(), store)
    with session_scope(store.engine) as session:
        session.execute(delete(RunFileRow).where(RunFileRow.role == "input"))
        session.execute(delete(ArtifactRow).where(ArtifactRow.kind == "upload"))
    page.button(key="archivair_again").click().run()
    assert not page.exception
    assert "ist nicht mehr da" in texts(page)
    assert len(runs.recent(ADMIN, store)) == 1


def test_another_file_can_be_chosen(reader, store):
    page = read(opened(), store)
    page.button(key="archivair_other").click().run()
    assert not page.exception
    assert not page.metric
    assert page.query_params == {"ansicht": "seiten"}
    assert page.button(key="archivair_start")


def test_a_deleted_file_leaves_nothing(reader, store):
    page = read(with_file(pdf(2)), store)
    assert list(store.files.keys())
    deletion.delete_run(ADMIN, store, run_of(store).id)
    assert not list(store.files.keys())
    page.run()
    assert not page.exception
    assert not page.metric
    assert page.button(key="archivair_start")


def test_a_blank_page_says_so(reader, store):
    reader.read = sees_a_blank_page
    page = read(with_file(pdf(1)), store)
    shown = texts(page)
    assert not page.exception
    assert "Die Seite ist leer." in shown
    assert "scannen Sie die Seite bitte heller" in shown
    assert metrics(page)[3] == "–"
    assert not [table for table in page.table if "Gelesener Text" in table.value]


def test_a_reading_of_another_version_is_refused_in_words(reader, store):
    page = read(opened(), store)
    with session_scope(store.engine) as session:
        session.execute(update(UnitRow).values(result_json={"page": 1}))
    page.run()
    assert not page.exception
    assert "passt nicht zu dieser Fassung" in texts(page)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (LOCKED_PDF, "mit einem Passwort geschützt"),
        (b"%PDF-1.7\nkaputt", "beschädigt oder unvollständig"),
        (b"GIF89a", "Diese Art von Datei kann die Anwendung nicht lesen."),
    ],
    ids=["locked", "damaged", "foreign"],
)
def test_unusable_files_are_refused_in_words(reader, content, sentence):
    page = with_file(content)
    assert not page.exception
    assert sentence in texts(page)
    assert "Vorgangsnummer" in texts(page)
    assert not [button for button in page.button if button.key == "archivair_start"]
    assert "höchstens 2.000 Seiten je Datei" in texts(page)


def test_english_page_speaks_english(reader, store):
    page = opened(beispiel="1", sprache="en")
    work_off(store)
    page.run()
    assert not page.exception
    assert [metric.label for metric in page.metric] == [
        "Pages read",
        "Lines",
        "Doubtful words",
        "Mean certainty",
    ]
    assert re.search(r"This file: 1 page in 0:\d\d min\.", texts(page))


@pytest.mark.parametrize("language", ["de", "en"])
def test_report_and_spreadsheet_say_where_they_come_from(reader, store, tmp_path, language):
    reader.read = fails_on_page_two
    read(with_file(pdf(3)), store)
    run = run_of(store)
    origin = provenance.from_dict(run.provenance)
    ctx = context(language)
    files = {"pdf": view_export.make_pdf(ctx, run.id), "xlsx": view_export.make_excel(ctx, run.id)}
    for ending, content in files.items():
        path = tmp_path / f"bericht.{ending}"
        path.write_bytes(content)
        assert provenance.read_back(path) == provenance.to_dict(origin)
    assert (origin.run_id, origin.units_total, origin.units_failed) == (run.id, 3, 1)
    assert [one.name for one in origin.models] == ["ppocrv6_small"]
    assert origin.parameters == {"script": "auto"}


def test_a_long_list_is_cut_on_paper_only():
    figures = replace(figures_of(reads_two_lines(image_page()), IDENTITY, 1.0), needs_review=False)
    read_pages = tuple(replace(figures, page=number) for number in range(1, 301))
    pages = RunPages(read_pages, dict.fromkeys(range(1, 301)), (), 302)
    t = get_translator("de", "archivair")
    origin = Provenance("a.pdf", "0" * 64, (), {}, datetime.now(UTC), 1.0, "1")
    paper = build_report("a.pdf", pages, origin, "Stadt", t, on_paper=True)
    sheet = build_report("a.pdf", pages, origin, "Stadt", t, on_paper=False)
    assert [len(report.tables[0].rows) for report in (paper, sheet)] == [200, 302]
    assert "200 von 302" in paper.tables[0].note
    assert sheet.tables[0].note == ""
    assert sheet.tables[0].rows[-1][:2] == (302, "nicht gelesen")
    assert any("301, 302" in getattr(block, "text", "") for block in sheet.blocks)


@pytest.mark.parametrize(
    ("began", "ended", "shown_s"),
    [(0, 6, 6.0), (0, 3600, 10.0), (None, None, 10.0)],
    ids=["two workers", "stopped in between", "never began"],
)
def test_a_pause_does_not_count_as_work(began, ended, shown_s):
    start = datetime(2026, 1, 1, tzinfo=UTC)
    moments = [None if one is None else start + timedelta(seconds=one) for one in (began, ended)]
    run = SimpleNamespace(started_at=moments[0], finished_at=moments[1])
    sums = SimpleNamespace(seconds=10.0)
    assert working_seconds(run, sums, start) == shown_s


def image_page(width=60, height=40, index=1):
    gray = np.full((height, width), 250, dtype=np.uint8)
    preview = np.full((height, width, 3), 250, dtype=np.uint8)
    return PageImage(gray, 100.0, index, "cd" * 32, "akte.pdf", preview)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_outlines_lie_right_on_the_turned_picture(turns):
    """A mark on the upright page is found inside its outline, however the page was scanned."""
    upright = np.full((400, 300, 3), 255, dtype=np.uint8)
    upright[50:70, 30:120] = 0
    scanned = np.ascontiguousarray(np.rot90(upright, turns))
    height, width = scanned.shape[:2]
    dark = np.argwhere(scanned[..., 0] == 0)
    (top, left), (bottom, right) = dark.min(axis=0), dark.max(axis=0) + 1
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    reading = replace(
        reading_of(image_page(), rotation=90 * turns), width=int(width), height=int(height)
    )
    assert upright_size(reading) == (300, 400)
    xs, ys = zip(*upright_corners(corners, reading), strict=True)
    assert (min(xs), min(ys), max(xs), max(ys)) == (30, 50, 120, 70)
    picture = Image.open(io.BytesIO(upright_jpeg(scanned, 90 * turns)))
    assert picture.size == (300, 400)
    assert picture.mode == "L"
    assert np.asarray(picture)[52:68, 32:118].max() < 40


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.2, "0:01"), (59.6, "1:00"), (200, "3:20"), (3661, "61:01")]
)
def test_durations_are_minutes_and_seconds(seconds, shown):
    assert clock_minutes(seconds) == shown


def png(width, height, dpi=None):
    target = io.BytesIO()
    more = {"dpi": (dpi, dpi)} if dpi else {}
    Image.new("L", (width, height), 255).save(target, "PNG", **more)
    return target.getvalue()


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (png(1654, 2339, 200), ["eine_seite", "groesse"]),
        (png(827, 1169, 100), ["eine_seite", "groesse", "aufloesung_niedrig"]),
        (png(1654, 2339), ["eine_seite", "groesse"]),
        (png(600, 800), ["eine_seite", "groesse", "wenige_bildpunkte"]),
    ],
)
def test_the_check_names_size_and_resolution(content, codes):
    checked = check_file(content, "seite.png", Limits())
    assert checked.pages == 1
    assert [finding.code for finding in checked.findings] == codes


def test_the_check_counts_pages_and_measures_paper():
    checked = check_file(png(1654, 2339, 200), "seite.png", Limits())
    assert "210 x 297 mm" in checked.findings[1].german
    with pytest.raises(TooManyPages):
        check_file(pdf(3), "akte.pdf", Limits(pages=2))


def tiff_with_a_tiny_page_first():
    target = io.BytesIO()
    tiny, whole = Image.new("L", (9, 9), 255), Image.new("L", (400, 560), 255)
    tiny.save(target, "TIFF", save_all=True, append_images=[whole])
    return target.getvalue()


def test_a_broken_first_page_does_not_refuse_the_others():
    checked = check_file(tiff_with_a_tiny_page_first(), "akte.tif", Limits())
    assert checked.pages == 2
    assert [finding.code for finding in checked.findings] == ["seiten", "erste_seite_defekt"]


def test_the_sample_is_the_same_every_time_and_names_itself_an_example():
    first = sample_jpeg()
    render_sample.cache_clear()
    assert sample_jpeg() == first
    image = Image.open(io.BytesIO(first))
    assert b"Beispieldaten" in image.info["comment"]
    assert check_file(first, SAMPLE_NAME, Limits()).pages == 1
    text = sample_text()
    assert "Bauschein Nr. 427/58" in text
    assert "Beispieldaten" in text
    assert text.count("\n\n") == 8
