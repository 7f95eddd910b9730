"""The page: sample to result, own files, failed pages, an outage in the middle, what is kept."""

import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from threading import Lock

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from apps.archivair import batch
from apps.archivair.batch import PageOutcome
from apps.archivair.errors import TooManyPages
from apps.archivair.file_check import check_file
from apps.archivair.file_run import FileRun, KeptPage, keep, pack
from apps.archivair.outputs import PageIdentity, page_files
from apps.archivair.pages import Limits, PageImage
from apps.archivair.quality import BLANK
from apps.archivair.reading import PageReading, TextLine, Word
from apps.archivair.sample import SAMPLE_NAME, render_sample, sample_jpeg, sample_text
from apps.archivair.upright import upright_corners, upright_jpeg, upright_size
from apps.archivair.view_result import clock_minutes
from shared.contracts.provenance import ModelUse
from shared.errors import DamagedImage, ModelServerDown, PredictionFailed
from shared.settings import REPOSITORY

PAGE = str(REPOSITORY / "apps" / "archivair" / "page.py")
MODEL = ModelUse("ppocrv6_small", "1.0.0", "ab" * 32)
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
        seconds=0.1,
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


def model_server_down_from_page_three(page):
    if page.index >= 3:
        raise ModelServerDown()
    return reads_two_lines(page)


def model_server_down(page):
    raise ModelServerDown()


@pytest.fixture
def reader(monkeypatch):
    """Replaces the reading of a page; `.asked` are the pages it was asked for."""

    class Reader:
        def __init__(self):
            self.asked, self.lock, self.read = [], Lock(), reads_two_lines

        def __call__(self, page, engines, *, script, clock):
            with self.lock:
                self.asked.append(page.index)
            return self.read(page)

    double = Reader()
    monkeypatch.setattr(batch, "read_page", double)
    return double


def opened(**query):
    page = AppTest.from_file(PAGE, default_timeout=120)
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def texts(page):
    kinds = ("header", "subheader", "markdown", "caption", "info", "warning", "code")
    shown = [str(element.value) for kind in kinds for element in page.get(kind)]
    return "\n".join([*shown, *(str(error.proto) for error in page.error)])


def pdf(count):
    pages = [Image.new("L", (400, 560), 255) for _ in range(count)]
    target = io.BytesIO()
    pages[0].save(target, "PDF", save_all=True, append_images=pages[1:], resolution=100)
    return target.getvalue()


def with_file(content, name="akte.pdf", mime="application/pdf", **query):
    page = opened(**query)
    page.radio(key="archivair_source").set_value("file").run()
    return page.file_uploader[0].set_value((name, content, mime)).run()


def read(page):
    return page.button(key="archivair_start").click().run()


def run_of(page):
    return page.session_state["archivair_run"]


def test_sample_gives_a_result_at_once(reader):
    page = opened(beispiel="1")
    assert not page.exception
    assert [metric.value for metric in page.metric] == ["1", "2", "1", "59,3\u202f%"]
    shown = texts(page)
    for question in ("Was kam heraus?", "Wie sicher ist das?", "Woher kommt das?", "Was tun?"):
        assert question in shown
    assert "Diese Akte: 1 Seite in 0:01 min." in shown
    assert "Das Blatt ist künstlich" in shown
    assert "Beispieldaten, künstlich erzeugt." in shown
    assert len(page.get("download_button")) == 3
    page.run()
    assert reader.asked == [1]


def test_text_of_a_scan_is_never_markdown_and_doubtful_words_are_named(reader):
    page = opened(beispiel="1")
    cells = page.table[0].value
    assert list(cells.columns) == ["Nr.", "Gelesener Text", "Sicherheit", "Bitte prüfen"]
    assert cells["Bitte prüfen"][0] == "–"
    assert cells["Bitte prüfen"][1].startswith(r"\!\[x\]\(http")
    assert page.code[0].value.startswith("Seite 1\n![x]")


def test_pages_of_a_file_are_read_once_and_taken_along_as_the_command_names_them(reader):
    page = with_file(pdf(3))
    assert "Die Datei hat 3 Seiten." in texts(page)
    assert not page.metric
    page = read(page)
    assert not page.exception
    assert sorted(reader.asked) == [1, 2, 3]
    assert [metric.value for metric in page.metric][:3] == ["3", "6", "3"]
    assert "Diese Akte: 3 Seiten in 0:01 min." in texts(page)
    page.selectbox(key="archivair_page").set_value(3).run()
    assert "Seite 3 von 3" in texts(page)
    assert page.code[0].value.startswith("Seite 3\n")
    assert len(page.get("download_button")) == 4
    assert sorted(reader.asked) == [1, 2, 3]
    with zipfile.ZipFile(io.BytesIO(pack(run_of(page)))) as packed:
        assert packed.namelist() == [
            f"akte_p000{number}{ending}"
            for number in (1, 2, 3)
            for ending in (".txt", ".alto.xml", ".json")
        ]
        assert packed.read("akte_p0002.txt").decode().startswith("Seite 2\n")
        assert json.loads(packed.read("akte_p0002.json"))["input"]["pages"] == 3


def test_another_script_is_another_reading(reader):
    page = read(with_file(pdf(1)))
    page.radio(key="archivair_script").set_value("typewriter").run()
    assert not page.metric
    page = read(page)
    assert run_of(page).key[2] == "typewriter"
    assert len(reader.asked) == 2


def test_failed_pages_are_listed_and_can_be_tried_again(reader):
    reader.read = fails_on_page_two
    page = read(with_file(pdf(3)))
    shown = texts(page)
    assert "1 Seite konnte nicht gelesen werden" in shown
    assert "Seite 2: Das Modell konnte diesen Teil nicht auswerten." in shown
    assert "Im ZIP fehlen diese Seiten: 2." in shown
    assert page.metric[0].value == "2"
    assert "gescheitert" in list(page.table[0].value["Stand"])
    reader.read, reader.asked = reads_two_lines, []
    page.button(key="archivair_retry").click().run()
    assert reader.asked == [2]
    assert not page.error
    assert [kept.identity.index for kept in run_of(page).pages] == [1, 2, 3]


def test_an_outage_keeps_finished_pages_and_goes_on_behind_them(reader):
    reader.read = model_server_down_from_page_three
    page = read(with_file(pdf(4)))
    shown = texts(page)
    assert "Der Modellserver antwortet nicht." in shown
    assert "Noch nicht gelesen: 2 von 4 Seiten." in shown
    assert "Was kam heraus?" in shown
    reader.read, reader.asked = reads_two_lines, []
    page.run()
    assert sorted(reader.asked) == [3, 4]
    assert not page.error
    assert not page.warning
    assert page.metric[0].value == "4"


def test_a_missing_model_server_recovers_and_keeps_the_choice(reader):
    reader.read = model_server_down
    page = read(opened())
    assert "Der Modellserver antwortet nicht." in texts(page)
    assert not page.metric
    reader.read = reads_two_lines
    page.run()
    assert not page.error
    assert page.metric[0].value == "1"


def test_a_stopped_file_waits_for_a_click(reader):
    page = read(with_file(pdf(3)))
    run = run_of(page)
    page.session_state["archivair_run"] = replace(run, pages=run.pages[:1], stopped=True)
    reader.asked = []
    page.run()
    assert page.button(key="archivair_start").label == "Weiterlesen"
    assert reader.asked == []
    assert page.metric[0].value == "1"
    page = read(page)
    assert sorted(reader.asked) == [2, 3]
    assert page.metric[0].value == "3"


def test_a_second_click_reads_anew(reader):
    page = read(read(opened()))
    assert reader.asked == [1, 1]
    assert page.metric[0].value == "1"


def test_a_blank_page_says_so(reader):
    reader.read = sees_a_blank_page
    page = read(with_file(pdf(1)))
    shown = texts(page)
    assert not page.exception
    assert "Die Seite ist leer." in shown
    assert "scannen Sie die Seite bitte heller" in shown
    assert page.metric[3].value == "–"
    assert not page.table


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (LOCKED_PDF, "mit einem Passwort geschützt"),
        (b"%PDF-1.7\nkaputt", "beschädigt oder unvollständig"),
        (b"GIF89a", "Diese Art von Datei kann die Anwendung nicht lesen."),
        (pdf(51), "Die Datei hat 51 Seiten, erlaubt sind 50."),
    ],
    ids=["locked", "damaged", "foreign", "too_many_pages"],
)
def test_unusable_files_are_refused_in_words(reader, content, sentence):
    page = with_file(content)
    assert not page.exception
    assert sentence in texts(page)
    assert "Vorgangsnummer" in texts(page)
    assert not [button for button in page.button if button.key == "archivair_start"]
    assert "höchstens 50 Seiten je Datei" in texts(page)


def test_english_page_speaks_english(reader):
    page = opened(beispiel="1", sprache="en")
    assert not page.exception
    assert [metric.label for metric in page.metric] == [
        "Pages read",
        "Lines",
        "Doubtful words",
        "Mean certainty",
    ]
    assert "This file: 1 page in 0:01 min." in texts(page)


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


def test_only_a_small_picture_is_kept_of_a_page():
    page = image_page()
    identity = PageIdentity("akte", "akte.pdf", "cd" * 32, 1, 1)
    kept = keep(PageOutcome(identity, reads_two_lines(page), None, page))
    assert kept.picture.startswith(b"\xff\xd8\xff")
    assert kept.error is None
    failed = keep(PageOutcome(identity, None, DamagedImage(), None))
    assert failed.reading is None
    assert isinstance(failed.error, DamagedImage)
    assert failed.picture == b""


def small_run(total=3):
    run = FileRun(("cd" * 32, "a.pdf", "auto"), "a.pdf", total, False, datetime.now(UTC))
    for index in (3, 1):
        identity = PageIdentity(f"a_p000{index}", "a.pdf", "cd" * 32, index, total)
        reading = reads_two_lines(image_page(index=index))
        run = run.with_page(KeptPage(identity, reading, None), 1.5)
    return run


def test_a_run_counts_what_it_holds():
    run = small_run()
    assert [page.identity.index for page in run.pages] == [1, 3]
    assert run.unread == (2,)
    assert run.seconds == 3.0
    assert (run.words, run.doubtful_words) == (8, 2)
    assert run.models == (MODEL,)
    failed = KeptPage(PageIdentity("a_p0002", "a.pdf", "cd" * 32, 2, 3), None, DamagedImage())
    tried = run.with_page(failed, 0.5)
    assert tried.unread == ()
    assert [page.identity.index for page in tried.failed] == [2]
    assert tried.without_failed().unread == (2,)


def test_the_archive_is_the_same_for_the_same_run():
    run = small_run()
    assert pack(run) == pack(run)
    with zipfile.ZipFile(io.BytesIO(pack(run))) as packed:
        assert {entry.date_time for entry in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        for page in run.read:
            for ending, content in page_files(page.reading, page.identity).items():
                assert packed.read(page.identity.stem + ending) == content


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
