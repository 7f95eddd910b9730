"""The engines: requests to the model server, one run of Tesseract, and what is asked twice."""

import subprocess

import numpy as np
import pytest

from apps.archivair import tesseract as module
from apps.archivair.lines import TextBox
from apps.archivair.piece_reading import SECOND_ENGINE, filter_sigma, noise_level, read_pieces
from apps.archivair.recognise import CROPS_PER_REQUEST, ServerReader
from apps.archivair.tesseract import Tesseract, find_tesseract, stack_crops
from shared.contracts.provenance import ModelUse
from shared.errors import Cancelled, ModelChanged, ModelServerDown
from tests.apps.archivair.doubles import (
    IDENTITY,
    GoneServer,
    InkReader,
    ToldTesseract,
    cleaned,
    draw_lines,
    engines,
    ink_bands,
)

TEXTS = ["Der Bauherr ist zufrieden", "mit der Genehmigung", "und baut sein Haus"]
PAGE = draw_lines(TEXTS, size=(1000, 400))
CROP = np.full((40, 300), 255, dtype=np.uint8)
MODEL = ModelUse("tesseract_deu", "5.0.0", "c" * 64, "tesseract", "cpu")


def boxes(gray=PAGE, score=0.9):
    return [TextBox(*map(float, band), 0.0, score) for band in ink_bands(gray)]


def test_crops_come_back_in_order_whatever_their_width():
    widths = [900, 40, 400, 41, 2000, 300, 60, 800]
    client = InkReader()
    reader = ServerReader(client)
    found = reader.read_crops([np.full((40, width), 255, np.uint8) for width in widths])
    assert [one.text for one in found] == [client.text] * len(widths)
    assert client.crops == len(widths)
    assert reader.model == ModelUse("ppocrv6_small", "1.0.0", "b" * 64, "double", "cpu")


def test_a_crop_that_fails_is_empty_and_its_neighbours_are_not():
    found = ServerReader(InkReader(fails_on=frozenset({1}))).read_crops([CROP] * 4)
    assert sorted(one.text == "" for one in found) == [False, False, False, True]


def test_odd_crops_are_sent_in_bounded_size():
    crops = [np.zeros((3, 20_000), np.uint8), np.zeros((400, 2), np.uint8)]
    assert len(ServerReader(InkReader()).read_crops(crops)) == 2
    assert ServerReader(InkReader()).read_crops([]) == []


def test_outlines_are_in_pixels_of_the_page_though_it_is_sent_smaller():
    big = np.kron(PAGE, np.ones((4, 4), dtype=np.uint8))
    found = ServerReader(InkReader()).find_pieces(big)
    rows = np.nonzero((big < 128).any(axis=1))[0]
    assert min(polygon[:, 1].min() for polygon, _ in found) == pytest.approx(rows.min(), abs=24)
    assert max(polygon[:, 1].max() for polygon, _ in found) == pytest.approx(rows.max(), abs=24)


def test_a_stop_ends_the_work():
    with pytest.raises(Cancelled):
        ServerReader(InkReader(), stop=lambda: True).read_crops([CROP])
    with pytest.raises(Cancelled):
        ServerReader(InkReader(), stop=lambda: True).find_pieces(PAGE)


def test_a_server_that_goes_away_is_raised():
    reader = ServerReader(GoneServer(answers=1))
    with pytest.raises(ModelServerDown):
        reader.read_crops([CROP] * (2 * CROPS_PER_REQUEST))


def test_another_model_in_the_middle_is_refused():
    client = InkReader()
    reader = ServerReader(client)
    reader.read_crops([CROP])

    def other(images, *, mode="page", stop=lambda: False):
        from dataclasses import replace

        changed = IDENTITY.model_copy(update={"sha256": "d" * 64})
        return [replace(one, model=changed) for one in InkReader().ocr(images, mode=mode)]

    client.ocr = other
    with pytest.raises(ModelChanged):
        reader.read_crops([CROP])


def test_engines_that_agree_are_not_asked_again():
    client = InkReader(score=0.8)
    pieces = read_pieces(cleaned(PAGE), boxes(), engines(client, ToldTesseract()))
    assert [piece.voted.text for piece in pieces] == [client.text] * 3
    assert client.crops == 3
    assert pieces[0].voted.agreement == 1.0


def test_engines_that_differ_bring_a_second_look():
    client = InkReader()
    pieces = read_pieces(
        cleaned(PAGE), boxes(), engines(client, ToldTesseract("Der Bauherr ist zufreden"))
    )
    assert client.crops == 6
    assert SECOND_ENGINE in {one.engine for one in pieces[0].candidates}


def test_without_tesseract_only_unsure_pieces_are_looked_at_twice():
    for score, crops in ((0.99, 3), (0.80, 6)):
        client = InkReader(score=score)
        pieces = read_pieces(cleaned(PAGE), boxes(), engines(client))
        assert client.crops == crops
        assert all(one.engine != "tesseract" for piece in pieces for one in piece.candidates)


def test_ink_without_text_becomes_no_piece():
    client = InkReader(text="-", score=0.9)
    assert read_pieces(cleaned(PAGE), boxes(score=0.0), engines(client)) == []
    assert read_pieces(cleaned(PAGE), [], engines(client)) == []


def test_noise_decides_how_strongly_crops_are_filtered():
    rng = np.random.default_rng(1)
    sigmas = []
    for noise in (0, 4, 20):
        page = np.clip(230 + rng.normal(0, noise, (300, 300)), 0, 255).astype(np.uint8)
        assert noise_level(page) == pytest.approx(noise, abs=2.5)
        sigmas.append(filter_sigma(page))
    assert sigmas == sorted(sigmas)
    assert sigmas[0] < sigmas[2]


HOCR = """<html><body><div class='ocr_page'>
<span class='ocr_line'><span class='ocrx_word' title='bbox 130 {y1} 200 {y2}; x_wconf 90'>
<span class='ocrx_cinfo' title='x_conf 98.5'>B</span><span class='ocrx_cinfo'
 title='x_conf 80'>a</span></span>
<span class='ocrx_word' title='bbox 40 {y1} 100 {y2}'><span class='ocrx_cinfo'
 title='x_conf 99'>&amp;</span></span></span></div></body></html>"""


def test_words_of_the_sheet_go_to_their_lines(monkeypatch):
    _, middles = stack_crops([CROP, CROP])
    y = int(middles[1])
    answer = HOCR.format(y1=y - 10, y2=y + 10)
    calls = []

    def run(words, **options):
        calls.append((words, options))
        return subprocess.CompletedProcess(words, 0, answer.encode(), b"")

    monkeypatch.setattr(module.subprocess, "run", run)
    first, second = Tesseract("/usr/bin/tesseract", MODEL).read_lines([CROP, CROP])
    assert (first.text, second.text) == ("", "& Ba")
    assert second.scores == (0.99, 0.9, 0.985, 0.8)
    ((words, options),) = calls
    assert words[:3] == ["/usr/bin/tesseract", "stdin", "stdout"]
    assert options["timeout"] == 60
    assert options["env"]["OMP_THREAD_LIMIT"] == "1"
    assert not options.get("shell")


@pytest.mark.parametrize("trouble", ["timeout", "missing", "failed"])
def test_a_failing_tesseract_is_one_engine_fewer(monkeypatch, trouble):
    def run(words, **options):
        if trouble == "timeout":
            raise subprocess.TimeoutExpired(words, 60)
        if trouble == "missing":
            raise FileNotFoundError(words[0])
        return subprocess.CompletedProcess(words, 1, b"", b"error")

    monkeypatch.setattr(module.subprocess, "run", run)
    engine = Tesseract("/usr/bin/tesseract", MODEL)
    assert [one.text for one in engine.read_lines([CROP, CROP])] == ["", ""]
    assert engine.read_page(CROP) == ""
    assert engine.read_lines([]) == []


@pytest.fixture
def forgotten():
    find_tesseract.cache_clear()
    yield
    find_tesseract.cache_clear()


def test_tesseract_is_missing_or_has_no_german(monkeypatch, forgotten):
    monkeypatch.setattr(module.shutil, "which", lambda _: None)
    assert find_tesseract() is None
    find_tesseract.cache_clear()
    monkeypatch.setattr(module.shutil, "which", lambda _: "/usr/bin/tesseract")
    monkeypatch.setattr(module, "_ask", lambda *_: 'List in "/nowhere/" (1):\neng\n')
    assert find_tesseract() is None


def test_tesseract_tells_version_and_hash(monkeypatch, forgotten, tmp_path):
    (tmp_path / "deu.traineddata").write_bytes(b"data")
    answers = {"--version": "tesseract 5.3.0\n", "--list-langs": f'In "{tmp_path}/" (1):\ndeu\n'}
    monkeypatch.setattr(module.shutil, "which", lambda _: "/usr/bin/tesseract")
    monkeypatch.setattr(module, "_ask", lambda _, question: answers[question])
    found = find_tesseract()
    assert (found.model.name, found.model.version) == ("tesseract_deu", "5.3.0")
    assert found.model.sha256.startswith("3a6eb0790f39")
