"""Figures on lines of Fraktur: divided by work, same normalisation for every engine."""

import tomllib
from contextlib import nullcontext
from pathlib import Path

import cv2
import pytest

from apps.archivair import calibrate_fraktur, evaluate_fraktur
from apps.archivair.evaluate_fraktur import (
    NO_DATA,
    VOTE,
    fraktur_figures,
    line_figures,
    main,
    read_texts,
)
from apps.archivair.evaluation_quotes import QUOTES, quote_figures, quoted_lines
from apps.archivair.evaluation_stages import STAGES, stage_figures
from apps.archivair.fraktur_lines import SPLITS_FILE, TrueLine, read_true_lines
from apps.archivair.metrics import FRAKTUR, FRAKTUR_TODAY, cer, normalize
from apps.archivair.piece_reading import Engines
from apps.archivair.recognise import ServerReader
from apps.archivair.rendering import RenderedPage
from shared.clients.server_process import ServerHandle
from shared.settings import Settings
from tests.apps.archivair.doubles import InkReader, candidate, draw_lines, engines

WORKS = tomllib.loads(SPLITS_FILE.read_text(encoding="utf-8"))
TRUTH = "Der Bauherr iſt zufrieden"


@pytest.fixture
def data(tmp_path):
    """Write two lines of unseen works, one of development and one for transfer."""
    folder = tmp_path / "fraktur_lines_train"
    folder.mkdir()
    used = [*WORKS["test"][:2], WORKS["development"][0], WORKS["transfer"][0]]
    rows = ["file\twork_id\tyear\ttext"]
    for number, work in enumerate(used):
        done, content = cv2.imencode(".png", draw_lines([TRUTH], size=(500, 48), top=2, size_px=30))
        assert done
        (folder / f"{number}.png").write_bytes(bytes(content))
        rows.append(f"{number}.png\t{work}\t1850\t{TRUTH}")
    (folder / "lines.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return tmp_path


def test_lines_are_divided_by_work(data):
    assert {line.work for line in read_true_lines(data, "test")} == set(WORKS["test"][:2])
    assert len(read_true_lines(data, "development")) == 1
    assert read_true_lines(data / "fehlt", "test") == []
    assert not set(WORKS["test"]) & {*WORKS["train"], *WORKS["development"]}


def test_long_s_hyphens_and_capitals_of_fraktur_count_as_one():
    assert normalize("Jm Hauſe⸗\nund =", FRAKTUR) == normalize("Im Hause- und -", FRAKTUR)
    old, today = "fu\u0364r Ma\u0364nner", "für Männer"
    assert cer(old, today, FRAKTUR).edits == 4
    assert cer(old, today, FRAKTUR_TODAY).edits == 0


def test_each_engine_and_the_vote_get_their_figures(data):
    given = Engines(ServerReader(InkReader(text="Der Bauherr ift zufrieden")), None, ())
    figures = fraktur_figures(data, given)
    names = [figure["name"] for figure in figures]
    assert len(names) == len(set(names)) == 16
    first = next(one for one in figures if one["name"].startswith("Zeichenfehlerrate, Frakturz"))
    assert first["value"] == pytest.approx(1 / len(TRUTH), abs=1e-4)
    assert first["items"] == 2 * len(TRUTH)
    assert "2 Zeilen aus 2 gedruckten Werken" in first["data"]
    assert "CC BY 4.0" in first["data"]


def test_without_the_data_nothing_is_written(tmp_path, monkeypatch, capsys):
    settings = Settings(_env_file=None, data_dir=tmp_path, development_data_dir=tmp_path)
    monkeypatch.setattr(evaluate_fraktur, "get_settings", lambda: settings)
    handle = nullcontext(ServerHandle(settings))
    monkeypatch.setattr(evaluate_fraktur, "ensure_model_server", lambda _: handle)
    out = tmp_path / "out.json"
    assert main(["--out", str(out)]) == NO_DATA
    assert capsys.readouterr().err == "Die Frakturzeilen fehlen.\n"
    assert not out.exists()


def test_words_and_whole_lines_are_counted():
    line = TrueLine(Path("a.png"), "w", TRUTH)
    figures = line_figures([line, line], [TRUTH, "Der Bau"], VOTE, ("Zeilen", "lines"))
    words = next(one for one in figures if one["name"].startswith("Wortfehlerrate"))
    assert words["value"] == pytest.approx(3 / 8)
    whole = next(one for one in figures if one["name"].startswith("Zeilen ohne Fehler"))
    assert whole["value"] == 0.5


def test_few_lines_are_spread_over_the_works(data):
    given = Engines(ServerReader(InkReader()), None, ())
    lines = read_true_lines(data, "test")
    assert len(read_texts(lines, given)[VOTE]) == 2


def test_weights_are_fitted_on_half_and_measured_on_the_other_half():
    lines, samples = [], []
    for number in range(8):
        lines.append(TrueLine(Path(f"{number}.png"), f"w{number % 4}", TRUTH))
        wrong = TRUTH.replace("B", "V") if number % 2 else TRUTH
        found = [
            candidate("ppocr", TRUTH.replace("ſ", "f"), 0.8),
            candidate("tesseract_frk", wrong, 0.9),
            candidate("tesseract_fraktur", TRUTH, 0.9),
        ]
        samples.append(calibrate_fraktur.as_sample(TRUTH, found))
    text = calibrate_fraktur.calibrated(lines, samples)
    content = tomllib.loads(text)
    assert set(content["engines"]) == set(calibrate_fraktur.ENGINES)
    assert content["engines"]["fraktur_line"] == content["engines"]["tesseract_frk"]
    assert content["language"]["folds_long_s"] is True
    assert "8 lines of 4 works" in text
    assert "0.00 %" in text


def test_the_shipped_weights_say_what_they_were_fitted_on():
    text = calibrate_fraktur.FRAKTUR_WEIGHTS_FILE.read_text(encoding="utf-8")
    assert "lines of 10 works" in text
    assert float(text.partition("other half ")[2].partition(" %")[0]) < 5.4


def test_quotes_are_counted_on_lines_with_and_without_them():
    quoted, plain = quoted_lines(30)
    assert all(sum(char in QUOTES for char in line) == 2 for line in quoted)
    assert not any(char in QUOTES for line in plain for char in line)
    assert {"‚", "„"} <= {char for line in quoted for char in line}
    given = Engines(ServerReader(InkReader(text="ohne Zeichen")), None, ())
    kept, clear = quote_figures(given, 3)
    assert (kept["value"], clear["value"]) == (0.0, 1.0)
    invented, _ = quote_figures(Engines(ServerReader(InkReader(text='"')), None, ()), 3)
    assert invented["items"] == 3


def test_stages_add_up_and_each_has_its_figure():
    figures = stage_figures([RenderedPage(draw_lines([TRUTH]), ((TRUTH,),), 150)], engines())
    assert len(figures) == len(STAGES)
    assert all(figure["value"] >= 0 for figure in figures)
    assert any("Scan-Prüfung" in figure["name"] for figure in figures)
