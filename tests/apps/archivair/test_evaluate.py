"""Measuring: order, words, ground truth in PAGE XML, and the file that cards show."""

import json
from contextlib import nullcontext
from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from apps.archivair import evaluate as module
from apps.archivair.evaluate import evaluate, processor_clock
from apps.archivair.evaluation_books import NUMBERS, book_figures
from apps.archivair.evaluation_pages import Amount
from apps.archivair.measure import (
    calibration_error,
    calibration_interval,
    judge_words,
    lines_in_order,
    measure_book_page,
    measure_page,
)
from apps.archivair.page_xml import Region, is_formula, order_agreement, read_regions
from apps.archivair.rendering import RenderedPage
from shared.errors import ModelServerDown
from shared.registry.evaluation import Evaluation, read_evaluation
from shared.settings import REPOSITORY
from tests.apps.archivair.doubles import (
    InkReader,
    ToldTesseract,
    draw_lines,
    engines,
    reading,
)

TEXTS = ("Der Bauherr ist zufrieden", "mit der Genehmigung", "und baut sein Haus")
PAGE = RenderedPage(draw_lines(TEXTS, size=(900, 500)), (TEXTS,), 150)
ALTERNATIVE = "xxxx yyyy zzzz"
TODAY = date(2026, 11, 25)
ABOUT = {"command": module.COMMAND, "measured_on": TODAY.isoformat()}


def test_words_are_right_or_wrong_at_their_place():
    judged = judge_words("Der Bauherr baut ein „Haus“", reading([["Der Bauhorr baut", '"Haus"']]))
    assert [word.is_right for word in judged] == [True, False, True, True]


def test_line_pairs_in_order():
    assert lines_in_order(PAGE, reading([list(TEXTS)])) == [True, True, True]
    assert lines_in_order(PAGE, reading([[TEXTS[0], TEXTS[2], TEXTS[1]]])) == [True, True, False]
    mixed = reading([[f"{TEXTS[0]} {ALTERNATIVE} {TEXTS[1]}", TEXTS[2]]])
    assert lines_in_order(PAGE, mixed) == [False, False, False]
    assert lines_in_order(PAGE, reading([])) == [False, False, False]


def test_a_measured_page():
    ticks = iter([10.0, 12.5])
    measure = measure_page(PAGE, engines(InkReader(), ToldTesseract()), lambda: next(ticks))
    assert measure.errors.characters == len(" ".join(TEXTS))
    assert measure.errors.edits > 0
    assert measure.cpu_seconds == 2.5
    assert calibration_error([measure]) > 0
    low, high = calibration_interval([measure, measure])
    assert low <= calibration_error([measure]) <= high + 1e-9


def xml_page(folder, name, regions, size=(900, 500), texts=TEXTS):
    """Write a scan with its PAGE XML; regions are (id, box, text) in file order."""
    Image.fromarray(draw_lines(texts, size=size)).save(folder / f"{name}.tif")
    order = "".join(
        f'<RegionRefIndexed regionRef="{key}" index="{n}"/>'
        for n, (key, _, _) in enumerate(sorted(regions))
    )
    body = "".join(
        f'<TextRegion id="{key}"><Coords points="{x0},{y0} {x1},{y0} {x1},{y1} {x0},{y1}"/>'
        f"<TextEquiv><Unicode>{text}</Unicode></TextEquiv></TextRegion>"
        for key, (x0, y0, x1, y1), text in regions
    )
    (folder / f"{name}.xml").write_text(
        '<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"><Page>'
        f"<ReadingOrder><OrderedGroup>{order}</OrderedGroup></ReadingOrder>{body}"
        '<TextRegion id="z"><Coords points="0,0 1,1"/></TextRegion></Page></PcGts>',
        encoding="utf-8",
    )
    return folder / f"{name}.tif"


REGIONS = [("b", (0, 180, 900, 500), ""), ("a", (0, 0, 900, 180), "")]


def test_regions_come_in_reading_order(tmp_path):
    scan = xml_page(tmp_path, "seite", REGIONS)
    first, second = read_regions(scan.with_suffix(".xml"))
    assert (first.box, second.box) == ((0, 0, 900, 180), (0, 180, 900, 500))
    assert first.area == 900 * 180


def test_order_of_lines_against_regions():
    regions = [Region((0, 0, 100, 50), ""), Region((0, 50, 100, 100), "")]
    assert order_agreement([(50, 10), (50, 30), (50, 70)], regions) == [True, True]
    assert order_agreement([(50, 70), (50, 10)], regions) == [False]
    assert order_agreement([(500, 500)], regions) == []


@pytest.mark.parametrize(
    ("line", "formula"),
    [
        ("Der Satz gilt für jeden Körper.", False),
        ("a x^2 + b x y + c = 0", True),
        ("(1 - A) (1 - B) = P", True),
        ("wobei α eine ganze Zahl ist", False),
    ],
)
def test_formula_lines_are_told_apart(line, formula):
    assert is_formula(line) is formula


def test_book_pages_without_text_give_the_order_alone(tmp_path, capsys):
    xml_page(tmp_path, "seite_1", REGIONS)
    xml_page(tmp_path, "seite_2", REGIONS)
    (figure,) = book_figures(tmp_path, engines(), tmp_path / "evaluation.json", NUMBERS)
    assert figure["value"] == 1.0
    assert len(figure["data_sha256"]) == 64
    assert "CC BY-SA 4.0" in figure["data"]
    assert "keinen Text" in capsys.readouterr().err
    Evaluation.model_validate({"figures": [figure | ABOUT]})


def test_book_pages_with_text_give_error_rates(tmp_path):
    text = f"{InkReader().text}\na + b = c"
    scan = xml_page(tmp_path, "seite", [("a", (0, 0, 900, 500), text)], texts=TEXTS[:1])
    measure = measure_book_page(scan, engines())
    assert measure.text.rate == 0
    assert measure.formulae.rate == 1
    names = [one["name"] for one in book_figures(tmp_path, engines(), tmp_path / "none", NUMBERS)]
    assert names == [
        "Zeichenfehlerrate, Buchseiten von 1897 mit Formeln, Textzeilen",
        "Zeichenfehlerrate, Buchseiten von 1897 mit Formeln, Formelzeilen",
    ]


def test_without_the_folder_stored_figures_stay(tmp_path, capsys):
    stored = tmp_path / "evaluation.json"
    assert book_figures(tmp_path / "fehlt", engines(), stored, NUMBERS) == []
    kept = {"name": f"x, {NUMBERS.name}", "data_sha256": "a" * 64}
    stored.write_text(json.dumps({"figures": [{"name": "y"}, kept]}), encoding="utf-8")
    assert book_figures(tmp_path / "fehlt", engines(), stored, NUMBERS) == [kept]
    assert "fehlen" in capsys.readouterr().err


@pytest.fixture
def few_pages(monkeypatch):
    from apps.archivair.evaluation_pages import Kind

    kinds = [Kind("saubere Seiten", "clean pages", (PAGE,))]
    monkeypatch.setattr(module, "read_kinds", lambda amount: kinds)
    monkeypatch.setattr(module, "turned_pages", lambda count: [(PAGE, 0)])
    monkeypatch.setattr(module, "quote_figures", lambda engines, count: [])
    monkeypatch.setattr(module, "column_pages", lambda count: [PAGE])
    monkeypatch.setattr(module, "stage_pages", lambda count: [PAGE])
    return Amount(1, 1, 1, 1, 1)


def test_the_content_fits_what_cards_show(few_pages):
    class WithPages(ToldTesseract):
        def read_page(self, page):
            return "Der Bauherr"

    content = evaluate(engines(InkReader(), WithPages()), few_pages, TODAY, lambda: 1.0)
    figures = Evaluation.model_validate(content).figures
    assert len({one.name for one in figures}) == len(figures) >= 7
    assert [one.unit for one in figures][:2] == ["percent", "percent"]
    assert "nur Tesseract" in figures[1].name
    assert {one.measured_on for one in figures} == {TODAY}
    assert [model["name"] for model in content["models"]] == ["ppocrv6_small", "tesseract_deu"]


def test_without_tesseract_its_reference_is_left_out(few_pages):
    content = evaluate(engines(), few_pages, TODAY, lambda: 1.0)
    assert not any("Tesseract" in one["name"] for one in content["figures"])


def test_the_command_writes_the_file(few_pages, monkeypatch, tmp_path, capsys):
    server = SimpleNamespace(settings=None, process_id=None)
    monkeypatch.setattr(module, "ensure_model_server", lambda _: nullcontext(server))
    monkeypatch.setattr(module, "ModelServerClient", lambda _: nullcontext(InkReader()))
    monkeypatch.setattr(module, "find_tesseract", lambda: None)
    monkeypatch.setattr(module, "QUICK", few_pages)
    monkeypatch.setenv("URBANKI_DEVELOPMENT_DATA_DIR", str(tmp_path / "fehlt"))
    out = tmp_path / "evaluation.json"
    assert module.main(["--quick", "--date", "2026-11-25", "--out", str(out)]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(out.read_text(encoding="utf-8"))


def test_no_model_server_ends_with_code_three(monkeypatch, tmp_path, capsys):
    def down(settings):
        raise ModelServerDown()

    monkeypatch.setattr(module, "ensure_model_server", down)
    assert module.main(["--out", str(tmp_path / "e.json")]) == 3
    assert capsys.readouterr().err
    assert not (tmp_path / "e.json").exists()


def test_processor_time_only_grows():
    import os

    clock = processor_clock([os.getpid()])
    before = clock()
    np.linalg.svd(np.random.default_rng(1).random((300, 300)))
    assert clock() >= before > 0


def test_the_shipped_figures_meet_the_acceptance():
    evaluation = read_evaluation(REPOSITORY / "apps" / "archivair")
    assert evaluation is not None
    values = {figure.name: figure.value for figure in evaluation.figures}

    def value(*parts):
        (found,) = [v for name, v in values.items() if all(part in name for part in parts)]
        return found

    own = {name: v for name, v in values.items() if "nur Tesseract" not in name}
    clean, degraded = (
        next(v for name, v in own.items() if "Zeichenfehlerrate" in name and part in name)
        for part in ("300 dpi", "200 dpi")
    )
    assert clean <= 0.004
    assert degraded <= 0.01
    assert value("richtig herum") == 1.0
    assert value("zweispaltige") == 1.0
    assert value("Wortsicherheit (ECE)") <= 0.03
