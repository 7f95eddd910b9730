"""Training of the recogniser for Fraktur: data by work, changes, loop, search, figures, files."""

import itertools
import json
import math
import os
import re
import shutil
import signal
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from model_server.catalog import ServableModel, check_model
from model_server.tasks.grey_lines import HEIGHT_PX, prepare_grey_crop
from model_server.training.fraktur import batches as batches_module
from model_server.training.fraktur.alphabet import UNKNOWN, build_alphabet, encode
from model_server.training.fraktur.disturb import disturb_line
from model_server.training.fraktur.lines import (
    SPLITS,
    SPLITS_FILE,
    Line,
    Lines,
    LinesUnusable,
    clean_text,
    read_drops,
    read_lines,
    read_splits,
)
from shared.settings import REPOSITORY

pytest.importorskip("torch", reason="torch is needed for training only")
pytest.importorskip("ultralytics", reason="ultralytics is needed for training only")

import torch

from model_server.tasks.ocr_lines import LineOcrModel
from model_server.training import timed_run
from model_server.training.fraktur import experiment as experiment_module
from model_server.training.fraktur.anchors import available_anchors
from model_server.training.fraktur.batches import Training, draw_batch, pad, plan_epoch
from model_server.training.fraktur.card import write_card, write_licence, write_sheet
from model_server.training.fraktur.experiment import Experiment, PartMissing
from model_server.training.fraktur.export import export_onnx, measure_parity, parity_content
from model_server.training.fraktur.labels import suspect
from model_server.training.fraktur.language import CharacterModel, Search, search_text
from model_server.training.fraktur.loop import CURVE, Settings, ctc_loss, train
from model_server.training.fraktur.network import LineNetwork, Shape
from model_server.training.fraktur.parts import UnknownPart, run_experiment
from model_server.training.fraktur.reading import read_lines_with
from model_server.training.fraktur.rendered import (
    FONT,
    SENTENCES_FILE,
    FontMissing,
    render_lines,
    write_sentence,
)
from model_server.training.fraktur.report import find_confusions, verdict
from model_server.training.fraktur.scoring import (
    count_errors,
    keep_raw,
    normalise,
    normalise_umlauts,
)
from model_server.training.timed_run import LAST, STABLE, STOPPED, OtherSettings

REAL_LINES = REPOSITORY.parent / "shared" / "data" / "fraktur_lines_train"
TINY = Shape((8, 8, 8, 8, 8), 16)
ALPHABET = ["", " ", "a", "b", "ſ", UNKNOWN]
SETTINGS = Settings("tiny", 1, 2, 6)
SIGNS = {"a": (6, 20), "b": (20, 12), "ſ": (2, 28), " ": (0, 0)}
"""Top and height of a sign in the tests' writing [px]."""


def write(text: str, noise: int = 1) -> np.ndarray:
    """Return a line 48 px high, one stroke of 8 px per sign."""
    pixels = np.full((48, 24 + 16 * len(text)), 230, dtype=np.uint8)
    for place, sign in enumerate(text):
        top, height = SIGNS[sign]
        pixels[8 + top : 8 + top + height, 16 + 16 * place : 24 + 16 * place] = 40
    random = np.random.default_rng(noise)
    return (pixels + random.integers(0, 9, pixels.shape)).astype(np.uint8)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Let no second thread wait actively for a core that others use."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def lines(tmp_path: Path) -> Lines:
    """Return two small lines in each split, with their pictures."""
    rows = {}
    for split in SPLITS:
        rows[split] = [
            Line(f"{split}_{number}.png", f"{split}_work", 1850, text)
            for number, text in enumerate(("ab ſa", "bbaſ"))
        ]
        for line in rows[split]:
            cv2.imwrite(str(tmp_path / line.file), write(line.text))
    return Lines(tmp_path, rows, "0" * 64)


@pytest.fixture(scope="module")
def data() -> Training:
    texts = ["ab ſa", "bbaſ", "aaaa", "bſbſ", "a b a", "ſſb"]
    return Training(
        [write(text) for text in texts], [encode(text, ALPHABET) for text in texts], ALPHABET, 1
    )


def tiny() -> LineNetwork:
    torch.manual_seed(1)
    return LineNetwork(TINY, len(ALPHABET))


def test_no_work_stands_in_two_splits() -> None:
    content = tomllib.loads(SPLITS_FILE.read_text(encoding="utf-8"))
    sizes = {name: len(set(content[name])) for name in SPLITS}
    assert sizes == {"train": 80, "development": 10, "test": 10, "transfer": 11}
    assert len(read_splits()) == sum(sizes.values())


def test_the_real_lines_are_all_divided_and_dropped_labels_are_no_test_lines() -> None:
    if not REAL_LINES.is_dir():
        pytest.skip("the data set fraktur_lines_train is not here")
    lines = read_lines(REAL_LINES.parent)
    assert sum(len(one) for one in lines.splits.values()) == 3773
    works = [{line.work for line in one} for one in lines.splits.values()]
    assert sum(map(len, works)) == len(set().union(*works))
    droppable = {line.file for split in ("train", "development") for line in lines.splits[split]}
    assert read_drops() <= droppable
    alphabet = build_alphabet(line.text for line in lines.splits["train"])
    assert 100 <= len(alphabet) <= 150
    assert {"ſ", "\u0364", "„", "§", "ß"} <= set(alphabet)


def test_a_missing_or_foreign_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LinesUnusable, match=r"lines\.tsv"):
        read_lines(tmp_path)
    table = tmp_path / "lines.tsv"
    table.write_text("file\ttext\n", encoding="utf-8")
    with pytest.raises(LinesUnusable, match="Spalten"):
        read_lines(tmp_path)
    table.write_text("file\twork_id\tyear\ttext\na.webp\tnobody\t1850\tx\n", encoding="utf-8")
    with pytest.raises(LinesUnusable, match="nobody"):
        read_lines(tmp_path)


def test_texts_are_composed_but_keep_the_long_s_and_old_umlauts() -> None:
    assert clean_text(" u\u0308ber  das Waſſer\t") == "über das Waſſer"
    assert clean_text("fu\u0364r") == "fu\u0364r"


def test_rare_characters_are_unknown() -> None:
    alphabet = build_alphabet(["aab", "aſſ", "ſb"])
    assert alphabet == ["", "a", "ſ", UNKNOWN]
    assert encode("aſx", alphabet) == [1, 2, 3]


def test_changed_lines_keep_their_height_and_order_and_the_original() -> None:
    grey, other = write("ab ſa ab ſa"), write("bb")
    kept = grey.copy()
    inks = [disturb_line(grey, other, np.random.default_rng(seed)) for seed in range(60)]
    assert (grey == kept).all()
    assert {ink.shape[0] for ink in inks} == {HEIGHT_PX}
    widths = [ink.shape[1] / (grey.shape[1] * HEIGHT_PX / 48) for ink in inks]
    most = 1.12 * (grey.shape[1] + 2 * 14) / grey.shape[1]
    assert 0.87 < min(widths) < 0.95 < 1.05 < max(widths) < most + 0.01
    assert all(np.isfinite(ink).all() and ink.min() >= -0.3 and ink.max() <= 1.3 for ink in inks)
    assert all(0.02 < (ink > 0.5).mean() < 0.6 for ink in inks)
    again = disturb_line(grey, other, np.random.default_rng(7))
    assert (again == inks[7]).all()


def test_a_round_uses_every_line_once_and_pads_little() -> None:
    widths = np.random.default_rng(1).integers(300, 1700, 1000).tolist()
    plan = plan_epoch(widths, 10, seed=1, epoch=0)
    assert sorted(index for batch in plan for index in batch) == list(range(1000))
    spread = [
        max(widths[index] for index in one) - min(widths[index] for index in one) for one in plan
    ]
    assert np.mean(spread) < 200
    assert plan == plan_epoch(widths, 10, seed=1, epoch=0)
    assert plan != plan_epoch(widths, 10, seed=1, epoch=1)


def test_batches_are_filled_up_with_paper(data: Training) -> None:
    batch = draw_batch(data, [0, 5], np.random.default_rng(1))
    assert batch.labels == [data.labels[0], data.labels[5]]
    assert batch.pictures.shape[:3] == (2, 1, HEIGHT_PX)
    filled = pad([np.ones((HEIGHT_PX, 33), np.float32), np.ones((HEIGHT_PX, 10), np.float32)])
    assert filled.shape == (2, 1, HEIGHT_PX, 64)
    assert (filled[1, 0, :, 10:] == 0).all()


def test_lines_with_wrong_labels_or_odd_widths_are_left_out(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = lines.splits["train"]
    assert len(batches_module.load_training(lines, chosen, ALPHABET).images) == 2
    monkeypatch.setattr(batches_module, "read_drops", lambda: frozenset({chosen[0].file}))
    assert len(batches_module.load_training(lines, chosen, ALPHABET).images) == 1
    monkeypatch.setattr(batches_module, "MOST_PX_PER_SIGN", 10)
    assert batches_module.load_training(lines, chosen, ALPHABET).images == []


def test_office_german_has_long_s_only_where_print_has_it() -> None:
    bank = tomllib.loads(SENTENCES_FILE.read_text(encoding="utf-8"))
    texts = [write_sentence(bank, np.random.default_rng(seed)) for seed in range(300)]
    assert not any("{" in text for text in texts)
    words = {word for text in texts for word in re.findall(r"[\w\u0364]+", text)}
    assert not [word for word in words if word.endswith("ſ")]
    # Round s within a word only where a part of it ends.
    inner = {word for word in words if re.search(r"s\w", word)}
    assert inner <= {
        "Situationsplan", "Hinterhauſes", "Jahresfriſt", "geſundheitsgemäß", "Kreisphyſikus",
        "Ausführung", "auszuführen",
    }  # fmt: skip


def test_rendered_lines_need_their_font(monkeypatch: pytest.MonkeyPatch, lines: Lines) -> None:
    assert render_lines(0, 1) == []
    if FONT.is_file():
        made = render_lines(4, 1)
        assert all(image.shape[0] == 48 and image.min() < 90 for _, image in made)
        assert [line.text for line, _ in made] == [line.text for line, _ in render_lines(4, 1)]
        chosen = lines.splits["train"]
        assert len(batches_module.load_training(lines, chosen, ALPHABET, made).images) == 6
    monkeypatch.setattr("model_server.training.fraktur.rendered.FONT", Path("nowhere.ttf"))
    with pytest.raises(FontMissing, match="fonts-blankenburg"):
        render_lines(1, 1)


def test_the_loss_is_that_of_all_ways_to_write_a_text() -> None:
    logits = torch.log(torch.tensor([[[0.5, 0.5]], [[0.25, 0.75]]]))
    # "a" in two columns: a-, -a, aa.
    wanted = -math.log(0.5 * 0.25 + 0.5 * 0.75 + 0.5 * 0.75)
    assert ctc_loss(logits, [[1]]).item() == pytest.approx(wanted, abs=1e-6)
    assert ctc_loss(logits, [[1, 1]]).item() == 0.0


def measured(_network: torch.nn.Module) -> float:
    return 0.5


@pytest.fixture(autouse=True)
def _even_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step takes a thousandth of a minute, however busy the machine is."""
    ticks = itertools.count()
    clock = SimpleNamespace(process_time=lambda: 0.06 * next(ticks))
    monkeypatch.setattr(timed_run, "time", clock)


def test_a_polite_end_loses_nothing_and_more_minutes_go_on_before_the_fall(
    data: Training, tmp_path: Path
) -> None:
    steps: list[int] = []

    def stop(_network: torch.nn.Module) -> float:
        steps.append(1)
        os.kill(os.getpid(), signal.SIGTERM)
        return 0.5

    every = pytest.MonkeyPatch()
    every.setattr("model_server.training.fraktur.loop.MEASURE_EVERY", 1e-9)
    with pytest.raises(SystemExit) as ended:
        train(tiny(), data, SETTINGS, 5.0, tmp_path, stop)
    every.undo()
    assert ended.value.code == STOPPED
    stored = torch.load(tmp_path / LAST, weights_only=True)
    assert stored["steps"] == 2
    assert not stored["cooled"]
    short = train(tiny(), data, SETTINGS, stored["minutes"] + 0.02, tmp_path, measured)
    assert short.steps > 2
    before_the_fall = torch.load(tmp_path / STABLE, weights_only=True)
    assert 2 < before_the_fall["steps"] < short.steps
    longer = train(tiny(), data, SETTINGS, short.minutes + 0.001, tmp_path, measured)
    assert longer.all_minutes > longer.minutes
    rows = [json.loads(row) for row in (tmp_path / CURVE).read_text().splitlines()]
    assert [row["character_error_rate"] for row in rows] == [0.5] * len(rows)
    assert rows[-1]["steps"] == longer.steps


def test_a_folder_keeps_to_its_settings(data: Training, tmp_path: Path) -> None:
    train(tiny(), data, SETTINGS, 0.001, tmp_path, measured)
    with pytest.raises(OtherSettings, match="andere"):
        train(tiny(), data, Settings("tiny", 2, 2, 6), 0.001, tmp_path, measured)


def test_training_learns_to_read(data: Training, tmp_path: Path) -> None:
    state = train(tiny(), data, Settings("tiny", 1, 6, 6), 0.06, tmp_path, measured)
    losses = []
    for network in (tiny().eval(), state.averaged):
        pictures = torch.from_numpy(np.stack([prepare_grey_crop(one) for one in data.images]))
        with torch.no_grad():
            losses.append(ctc_loss(network(pictures), data.labels).item())
    assert losses[1] < 0.5 * losses[0]


def test_texts_are_compared_after_the_same_normalisation() -> None:
    assert normalise("Daſs  „Jahr“ — a⸗b") == 'Dass "Iahr" - a-b'
    assert normalise("fu\u0364r") != normalise("für")
    assert normalise_umlauts("fu\u0364r") == normalise_umlauts("für")
    assert keep_raw("ſ  J") == "ſ J"


def test_errors_are_pooled_over_lines_and_the_interval_over_works() -> None:
    truth = [Line("1", "w1", 1850, "abcd ef"), Line("2", "w2", 1850, "abc")]
    errors = count_errors(truth, ["abxd ef", "abc"])
    assert errors.character_error_rate == pytest.approx(1 / 10)
    assert errors.word_error_rate == pytest.approx(1 / 3)
    assert errors.perfect_lines == 0.5
    # Drawn works: twice the first 2/14, one of each 1/10, twice the second 0.
    assert errors.interval_95 == (pytest.approx(0.0), pytest.approx(1 / 7))
    with pytest.raises(ValueError, match="no lines"):
        count_errors([], [])
    with pytest.raises(ValueError, match="zip"):
        count_errors(truth, ["abc"])
    assert find_confusions(truth, ["abxd ef", "ab"]) == [("c", "x", 1), ("c", "", 1)]


def test_doubtful_transcriptions_are_named_with_their_reason() -> None:
    line = Line("1.webp", "w", 1850, "abcdefghij")
    assert list(suspect(line, "abcdefghij", 200)) == []
    assert list(suspect(line, "abcdefg", 200)) == []
    assert list(suspect(line, "abcdef", 90)) == ["errors", "too_long"]
    assert list(suspect(line, "abcdefghij", 700)) == ["too_short"]


def test_the_character_model_adds_up_and_knows_what_it_read() -> None:
    model = CharacterModel(["abab", "aba"], order=3)
    signs = "abx"
    for before in ("", "a", "ab", "xx"):
        # "x" stands for all that was never seen.
        assert sum(math.exp(model.log(before, sign)) for sign in signs) == pytest.approx(
            1, abs=1e-9
        )
    assert model.log("a", "b") > -0.5 > model.log("a", "a")


def test_the_search_weighs_network_and_characters() -> None:
    model = CharacterModel(["abab"] * 20, order=3)
    columns = np.full((4, len(ALPHABET)), 0.001)
    columns[0, 2], columns[1, 0], columns[3, 0] = 0.99, 0.99, 0.99
    columns[2, 2], columns[2, 3] = 0.55, 0.44
    logs = np.log(columns / columns.sum(axis=1, keepdims=True)).astype(np.float32)
    assert search_text(logs, ALPHABET, model, Search(weight=0.0, bonus=0.0)) == "aa"
    assert search_text(logs, ALPHABET, model, Search(weight=0.5, bonus=0.0)) == "ab"


def test_the_search_joins_repeats_but_not_over_a_blank() -> None:
    model = CharacterModel(["ab"], order=2)
    for order, text in (((2, 2, 0, 2), "aa"), ((2, 2, 2, 2), "a"), ((0, 2, 3, 0), "ab")):
        columns = np.full((4, len(ALPHABET)), 1e-6)
        columns[np.arange(4), order] = 1
        logs = np.log(columns / columns.sum(axis=1, keepdims=True)).astype(np.float32)
        assert search_text(logs, ALPHABET, model, Search(weight=0.0, bonus=0.0)) == text


def test_a_trained_network_becomes_a_folder_that_the_server_opens(
    lines: Lines, tmp_path: Path
) -> None:
    network = tiny().eval()
    target = tmp_path / "fraktur_line" / "0.1.0"
    model = export_onnx(network, ALPHABET, target / "model.onnx")
    parity = measure_parity(model, target / "model.onnx", lines, lines.splits["test"], ALPHABET)
    assert parity.text_agreement == 1
    assert parity_content(target / "model.onnx", parity)["onnxruntime"]["ok"]
    metrics = made_up_metrics(lines, parity.milliseconds)
    metrics["final"]["rendered"] = 2
    write_card(target, metrics, ALPHABET)
    write_sheet(target, metrics)
    write_licence(target)
    sheet = (target / "README.md").read_text(encoding="utf-8")
    assert "noch nicht erreicht" in sheet
    assert "$" not in sheet
    checked = check_model(target)
    assert isinstance(checked, ServableModel)
    assert [entry.key for entry in checked.card.classes] == [
        "blank", "u0020", "u0061", "u0062", "u017f", "unknown",
    ]  # fmt: skip
    assert checked.card.training is not None
    assert [entry.items for entry in checked.card.training.data] == [4, 2]
    opened = LineOcrModel.open(checked, 1)
    crops = [cv2.imread(str(lines.folder / line.file)) for line in lines.splits["test"]]
    for crop, line in zip(crops, lines.splits["test"], strict=True):
        (read,) = opened.predict(0, [crop])
        (expected,) = read_lines_with(network, lines, [line], ALPHABET)
        assert read.text == expected


def test_the_command_trains_compares_and_reports(
    lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(experiment_module.SHAPES, "small", TINY)
    monkeypatch.setattr("model_server.training.fraktur.alphabet.RAREST", 1)
    monkeypatch.setattr("model_server.training.fraktur.parts.read_lines", lambda _data: lines)
    asked: list[int] = []

    def read_a(grey: np.ndarray) -> str:
        asked.append(grey.shape[1])
        return "a"

    monkeypatch.setattr(
        "model_server.training.fraktur.anchors.available_anchors", lambda: {"other": read_a}
    )
    experiment = Experiment(
        data=lines.folder,
        folder=tmp_path / "out",
        minutes=0.001,
        device="cpu",
        seed=1,
        batch=2,
        shape="small",
        rendered=0,
        version="0.1.0",
        command="python -m model_server.training.fraktur_line",
    )
    with pytest.raises(PartMissing, match="fehlt noch"):
        run_experiment(experiment, ["report"])
    with pytest.raises(UnknownPart, match="tea"):
        run_experiment(experiment, ["train", "tea"])
    run_experiment(experiment, ["train", "anchors", "search", "labels", "report"])
    suspicious = (tmp_path / "out" / "suspicious.csv").read_text(encoding="utf-8")
    assert suspicious.startswith("file,reason\n")
    assert "test_" not in suspicious
    assert len(asked) == 6
    target = tmp_path / "out" / "model"
    metrics = json.loads((target / "metrics.json").read_text(encoding="utf-8"))
    assert set(metrics["splits"]) == {"development", "test", "transfer"}
    engines = metrics["splits"]["test"]["engines"]
    # "ab ſa" and "bbaſ" against "a" twice: 4 and 3 of 9 characters.
    assert engines["other"]["normalised"]["character_error_rate"] == pytest.approx(7 / 9)
    assert engines["fraktur_line"]["normalised"]["lines"] == 2
    assert metrics["curve"][-1]["steps"] == metrics["final"]["steps"]
    assert len(metrics["search"]["tried"]) == 9
    copied = tmp_path / "models" / "fraktur_line" / "0.1.0"
    shutil.copytree(target, copied)
    assert isinstance(check_model(copied), ServableModel)
    run_experiment(experiment, ["train", "report"])
    assert len(asked) == 6
    again = json.loads((target / "metrics.json").read_text(encoding="utf-8"))
    assert again["curve"] == metrics["curve"]


def test_tesseract_reads_along_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("model_server.training.fraktur.anchors._printed", lambda: len)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list(available_anchors()) == ["ppocrv6_small"]
    assert "Tesseract kann nicht mitlesen" in capsys.readouterr().out
    program = tmp_path / "tesseract"
    program.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = --list-langs ]; then echo "List of 2:"; echo frk; echo deu; exit; fi\n'
        'echo " das   $4"\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    readers = available_anchors()
    assert list(readers) == ["tesseract frk", "ppocrv6_small"]
    assert "Fraktur+deu" in capsys.readouterr().out
    assert readers["tesseract frk"](write("ab")) == "das frk"


def made_up_metrics(lines: Lines, milliseconds: float) -> dict:
    errors = {
        kind: {
            "lines": 2,
            "character_error_rate": 0.02,
            "interval_95": (0.01, 0.03),
            "word_error_rate": 0.1,
            "perfect_lines": 0.5,
        }
        for kind in ("normalised", "with_umlauts", "diplomatic")
    }
    split = {"works": 1, "engines": {"fraktur_line": errors}, "confusions": [("c", "e", 3)]}
    return {
        "version": "0.1.0",
        "command": "python -m model_server.training.fraktur_line",
        "measured_on": "2026-11-28",
        "data_sha256": lines.sha256,
        "final": {
            "settings": {"shape": "tiny", "seed": 1, "batch": 2, "lines": 6},
            "parameters": 1000,
            "symbols": 6,
            "works": 1,
            "rendered": 0,
            "minutes": 1.0,
            "rounds": 2.0,
        },
        "splits": dict.fromkeys(("development", "test", "transfer"), split),
        "curve": [{"cpu_minutes": 1, "rounds": 2, "cooling": True, "character_error_rate": 0.02}],
        "parity": {"milliseconds": milliseconds},
    }


@pytest.mark.parametrize(("other", "word"), [(0.03, ": besser"), (0.01, "noch nicht besser")])
def test_the_verdict_names_the_best_other_engine(lines: Lines, other: float, word: str) -> None:
    metrics = made_up_metrics(lines, 1.0)
    engines = metrics["splits"]["development"]["engines"]
    engines["tesseract frk"] = {"normalised": {"character_error_rate": other}}
    assert word in verdict(metrics)
    assert "tesseract frk" in verdict(metrics)
