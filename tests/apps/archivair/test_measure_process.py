"""What the measuring of `process` counts as right and as wrong."""

import json
from functools import partial

import pypdfium2
import pytest
from PIL import Image

from apps.archivair import __main__ as command, jobs, measure_process, process_command
from apps.archivair.measure_process import Figures, check_results, draw_batch
from shared.jobs.inline import run_inline
from tests.apps.archivair.doubles import InkReader, ToldTesseract, draw_lines


@pytest.fixture
def results(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "_client", lambda stack: InkReader())
    monkeypatch.setattr(jobs, "find_tesseract", ToldTesseract)
    monkeypatch.setattr(process_command, "find_tesseract", ToldTesseract)
    monkeypatch.setattr(process_command, "model_fingerprint", lambda client: "modell 1")
    at_once = partial(run_inline, sleep=lambda seconds: None)
    monkeypatch.setattr(process_command, "run_inline", at_once)
    page = Image.fromarray(draw_lines(["Der Bauherr ist zufrieden"], size=(900, 500)))
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page])
    words = ["process", str(tmp_path / "a.tif"), "--out", str(tmp_path / "out")]
    assert command.main(words) == 0
    capsys.readouterr()
    return tmp_path / "out"


def test_sound_results_are_counted_as_such(results):
    figures = Figures()
    check_results(results, figures)
    assert figures.faults == []
    assert (figures.texts, figures.texts_in_order, figures.texts_by_place) == (2, 2, 2)
    documents = json.loads((results / "batch.json").read_bytes())["documents"]
    assert figures.documents == len(documents)
    assert (figures.attachments, figures.attachments_wrong) == (2 + len(documents), 0)


def test_other_texts_attachments_and_broken_files_are_counted(results):
    (results / "pages" / "a_p0001.txt").write_text("ganz anders", encoding="utf-8")
    (results / "pages" / "a_p0002.alto.xml").write_bytes(b"<alto/>")
    document = json.loads((results / "batch.json").read_bytes())["documents"][0]
    path = results / "documents" / f"{document['document']:03d}_{document['class']}.pdf"
    path.write_bytes(path.read_bytes().replace(b"<pdfaid:part>3<", b"<pdfaid:part>1<"))
    figures = Figures()
    check_results(results, figures)
    assert (figures.texts, figures.texts_in_order) == (2, 1)
    assert figures.attachments_wrong == 2
    assert figures.faults


def test_a_batch_has_as_many_pages_as_were_asked_for(tmp_path):
    draw_batch(tmp_path / "a.pdf", 95_500, 2)
    document = pypdfium2.PdfDocument(tmp_path / "a.pdf")
    try:
        assert len(document) == 2
    finally:
        document.close()
    assert measure_process.FIRST_SEED >= 95_000


def test_true_words_are_exported_and_found_again(tmp_path):
    kept = draw_batch(tmp_path / "stapel.pdf", 95_500, 3)
    figures = Figures()
    measure_process.run_export(tmp_path / "stapel.pdf", kept, tmp_path / "out", figures)
    check_results(tmp_path / "out", figures)
    assert (figures.pages, figures.texts) == (3, 3)
    assert (figures.faults, figures.texts_in_order, figures.attachments_wrong) == ([], 3, 0)
    text = (tmp_path / "out" / "pages" / "stapel_p0001.txt").read_text(encoding="utf-8")
    assert text == kept[1].reading.text != ""
