"""What the measurement counts: a miss is a miss, a rest is a rest, and a stop loses nothing."""

import datetime as dt
import json

import numpy as np
import pytest

from apps.archivair import evaluate_redaction
from apps.archivair.archive_files.page_content import ArchivePage, PageWord
from apps.archivair.archive_files.pdfa import FileFacts, write_pdfa
from apps.archivair.redaction.hits import PiiHit
from apps.archivair.redaction.measuring import (
    Known,
    KnownFile,
    count_hits,
    covered_share,
    residues,
    turned_box,
)
from apps.archivair.tesseract import TIMEOUT_S, find_tesseract
from tests.apps.archivair.redaction.pages import draw_page

MOMENT = dt.datetime(2026, 11, 28, 13, 0, tzinfo=dt.UTC)
NAME = Known(1, "person_name", "Walter Schlehdorn", (100, 100, 300, 130))
ELSEWHERE = (
    PageWord("Walter", (600, 700, 650, 730)), PageWord("Schlehdorn", (660, 700, 800, 730)),
)  # fmt: skip
SIGN = Known(1, "signature", "", (100, 200, 300, 260))


def file_of(*personal):
    page = draw_page(["Bauherr: Walter Schlehdorn"])
    return KnownFile((page,), personal, (), ((1, 1),), ())


def hit(category, box, page=1):
    return PiiHit(page, category, "", "", (box,))


def test_a_datum_counts_when_its_box_is_covered_by_whatever_is_removed():
    file = file_of(NAME, SIGN)
    hits = [
        hit("address_private", (90, 95, 200, 135)), hit("person_name", (199, 95, 310, 135)),
        hit("signature", (100, 200, 250, 260)), hit("phone", (700, 700, 800, 730)),
        hit("person_name", (100, 100, 300, 130), page=2),
    ]  # fmt: skip
    counts, found, missed = count_hits(file, hits)
    assert found == [NAME] and missed == [SIGN]
    assert (counts.known["signature"], counts.found["signature"]) == (1, 0)
    assert counts.right == {"address_private": 1, "person_name": 1, "signature": 1, "phone": 0}
    assert counts.hits["person_name"] == 2


def test_the_covered_share():
    assert covered_share((0, 0, 10, 10), [(0, 0, 10, 10)]) == 1
    assert covered_share((0, 0, 100, 10), [(0, 0, 49, 10)]) == pytest.approx(0.5)
    assert covered_share((0, 0, 10, 10), [(40, 40, 60, 60)]) == 0


@pytest.mark.parametrize(
    ("lines", "recognised", "expected"),
    [
        ((), "", []),
        ((ELSEWHERE,), "", ["text", "text"]),
        (((PageWord("Schlehd", (110, 100, 200, 130)),),), "", ["place"]),
        (((PageWord("Zaun", (110, 100, 200, 130)),),), "", []),
        ((), "Herr Walter Schlehdorn kam", ["ocr"]),
        ((), "Walter Schlehdornweg", []),
    ],
)  # fmt: skip
def test_rests_are_seen_in_text_at_the_place_and_by_recognition(lines, recognised, expected):
    page = ArchivePage(draw_page([]).image, 150.0, lines)
    content = write_pdfa([page], FileFacts("x", MOMENT))
    assert residues(content, [page], [NAME], (), lambda number: recognised) == expected


def test_words_that_stand_impersonally_elsewhere_may_stay():
    words = (PageWord("Mühlenweg", (600, 700, 650, 730)), PageWord("7", (660, 700, 670, 730)))
    page = ArchivePage(draw_page([]).image, 150.0, (words,))
    content = write_pdfa([page], FileFacts("x", MOMENT))
    home = Known(1, "address_private", "Mühlenweg 7", (100, 100, 300, 130))
    assert residues(content, [page], [home], (), lambda number: "") == ["text", "text"]
    assert residues(content, [page], [home], ["Bauort: Mühlenweg 7"], lambda number: "") == []


def test_boxes_turn_with_their_page():
    assert turned_box((10, 20, 30, 50), 1, 100, 200) == (150, 10, 180, 30)
    assert turned_box((10, 20, 30, 50), 4, 100, 200) == (10, 20, 30, 50)


@pytest.fixture
def streams(monkeypatch):
    """Replace the drawn streams by one page with a name, and count how often they are drawn."""
    drawn = []

    def files(seed, quality, engines):
        drawn.append(seed)
        page = draw_page(["Bauherr: Walter Schlehdorn", "Das Haus ist fertig."])
        box = page.lines[0][1].box[:2] + page.lines[0][2].box[2:]
        known = Known(1, "person_name", "Walter Schlehdorn", box)
        return [KnownFile((page,), (known,), (), ((1, 1),), ("Das Haus ist fertig.",))]

    monkeypatch.setattr(evaluate_redaction, "known_files", files)
    return drawn


def measure(tmp_path, monkeypatch, documents, read=()):
    monkeypatch.setattr(evaluate_redaction, "_proof_reader", lambda: lambda pixels, dpi: read)
    out = tmp_path / "messung.json"
    words = ["--documents", str(documents), "--seed", "90500", "--out", str(out)]
    assert evaluate_redaction.main([*words, "--date", "2026-11-28"]) == 0
    content = json.loads(out.read_bytes())
    return {figure["name"]: figure for figure in content["figures"]}


def test_figures_have_number_seed_and_interval_and_a_second_call_goes_on(
    streams, tmp_path, monkeypatch, capsys
):
    figures = measure(tmp_path, monkeypatch, 2)
    found = figures["Personenangaben gefunden, person_name"]
    assert (found["value"], found["items"], found["seeds"]) == (1.0, 2, [90500, 90501])
    low, high = found["interval_95"]
    assert 0 < low < 1 == high
    rest = figures["Dokumente mit Resten nach der Schwärzung"]
    assert (rest["value"], rest["items"]) == (0.0, 2)
    measure(tmp_path, monkeypatch, 3)
    assert streams == [90500, 90501, 90502]


def test_a_document_that_the_proof_held_back_is_not_counted_as_clean(
    streams, tmp_path, monkeypatch, capsys
):
    figures = measure(tmp_path, monkeypatch, 2, [PageWord("Schlehdorn", (0, 0, 0, 0))])
    assert figures["Dokumente, die der Nachweis zurückhielt"]["value"] == 1.0
    assert "Dokumente mit Resten nach der Schwärzung" not in figures


def test_a_page_that_nobody_could_read_in_time_proves_nothing(streams, tmp_path, monkeypatch):
    class Slow:
        def read_page(self, page):
            clock[0] += TIMEOUT_S
            return ""

    clock = [0.0]
    monkeypatch.setattr(evaluate_redaction, "find_tesseract", Slow)
    monkeypatch.setattr(evaluate_redaction.time, "monotonic", lambda: clock[0])
    reader = evaluate_redaction._proof_reader()
    with pytest.raises(evaluate_redaction.PageNotRead):
        reader(np.full((400, 300, 3), 255, np.uint8), 150.0)

    def unread(*words):
        raise evaluate_redaction.PageNotRead

    monkeypatch.setattr(evaluate_redaction, "release_choice", unread)
    file = next(iter(evaluate_redaction.known_files(1, "mixed", None)))
    kept = evaluate_redaction._released(file, (1, 1), [], [], lambda pixels, dpi: [])
    assert kept == {"refused": 1}


@pytest.mark.skipif(find_tesseract() is None, reason="Tesseract fehlt")
def test_the_grain_of_paper_is_not_read_and_the_letters_on_it_are():
    """Tesseract by itself takes the grain for ink: it reads thousands of letters or nothing."""
    page = draw_page(["Bauherr: Walter Schlehdorn", "Das Haus ist fertig."]).image
    height = page.shape[0]
    empty = np.full((height, page.shape[1]), 255, np.uint8)
    noise = np.random.default_rng(4).normal(0, 8, empty.shape)

    def grained(image):
        gray = image[:, :, 1] if image.ndim == 3 else image
        spoilt = np.clip(gray * 0.75 + 20 + noise, 0, 255).astype(np.uint8)
        return np.repeat(spoilt[:, :, None], 3, axis=2)

    read = evaluate_redaction._proof_reader()
    assert read(grained(empty), 150.0) == []
    assert {"Das", "Haus", "ist"} <= {word.text for word in read(grained(page), 150.0)}
