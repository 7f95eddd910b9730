"""Third-party ONNX files become drafts that a person must complete; hostile ones are refused."""

from __future__ import annotations

import base64
import datetime
import json
import re
import tomllib
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto
from pydantic import ValidationError

from model_server import __main__ as command
from model_server.batching import Bad
from model_server.card import load_card
from model_server.catalog import BUILT_IN, ServableModel, load_catalog
from model_server.commands import draft
from model_server.commands.draft_text import FILL_IN
from model_server.engine import Engine
from model_server.items import Item, Ticket
from shared.contracts.model_server import SegmentOptions
from tests.model_server.foreign_networks import (
    DETECTOR,
    HEAD,
    SEGMENTOR,
    Shape,
    external,
    foreign_operator,
    hidden_external,
    local_function,
    network,
    pickled,
    undeclared_operator,
    wrong_operator,
    zipped,
)
from tests.model_server.pictures import encode, noise
from tests.model_server.tiny_models import brightness_network

FIELDS = ["--name", "x"]


def run(
    folder: Path, content: onnx.ModelProto | bytes, *more: str, name: str = "model.onnx"
) -> int:
    file = folder / name
    data = content if isinstance(content, bytes) else content.SerializeToString()
    file.write_bytes(data)
    return command.main(["card", "--from-onnx", str(file), "--out", str(folder / "out"), *more])


def summary_of(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    said = capsys.readouterr()
    assert said.err == ""
    content = json.loads(said.out)
    assert isinstance(content, dict)
    return content


def refusal_of(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """The one line of a refusal, after which nothing was left behind."""
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.isprintable()
    assert [path for path in (folder / "out").rglob("*") if path.is_file()] == []
    return line


def complete(text: str) -> str:
    """Fill in a draft as a person would."""
    values = {"title_de": '"Titel"', "limits_de": '"Nur für Tests."', "memory_mb": "50"}
    values |= {"gsd_min_m": "0.05", "gsd_max_m": "0.5", "script": '"s"', "command": '"c"'}
    values |= {"seed": "1", "synthetic": "true", "hours_cpu": "0.0", "split_rule": '"keine"'}
    values |= {"test_disjoint": "true", "name": '"AP50"', "value": "0.0", "items": "0"}
    values |= {"date": "2026-11-25", "measured_on": "2026-11-25", "text": '"niemand"'}
    rows = []
    section = ""
    for line in text.splitlines():
        if found := re.fullmatch(r"# (\[+\w+\]+)", line):
            section = found[1]
            rows.append(section)
        elif found := re.fullmatch(rf"# (?:{FILL_IN}: )?(\w+) = .*…[^#]*  # .*", line):
            value = values.get(found[1])
            if found[1] == "data":
                one = '{ name = "n", licence = "l", origin = "o", items = 0 }'
                value = f"[{one}]" if section == "[training]" else '"keine"'
            rows.append(f"{found[1]} = {value}")
        else:
            rows.append(line)
    return "\n".join(rows) + "\n"


def test_a_segmentor_becomes_a_draft_with_what_the_file_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = network({"softmax": (1, 2, 64, 64)}, said=SEGMENTOR)
    assert run(tmp_path, made, name="Dächer 2.onnx") == 0
    summary = summary_of(capsys)
    assert (summary["name"], summary["task"]) == ("daecher_2", "segment")
    assert summary["architecture"] == "classes_onnx"
    folder = tmp_path / "out" / "daecher_2" / "0.1.0"
    assert {path.name for path in folder.iterdir()} == {
        "model.onnx",
        "card.toml",
        "README.md",
        "LICENSE",
    }
    card = tomllib.loads((folder / "card.toml").read_text(encoding="utf-8"))
    assert [entry["key"] for entry in card["classes"]] == ["background", "gruendach"]
    assert [entry["title_de"] for entry in card["classes"]] == ["_background", "Gründach"]
    assert card["input"]["gsd_best_m"] == 0.2
    assert card["input"]["size_px"] == 64
    assert card["input"]["output_stride"] == 1
    assert card["input"]["mean"] == [0.4, 0.5, 0.6]
    assert card["limits"]["min_score"] == 0.5
    assert card["licence"] == {
        "weights": "unbekannt",
        "data": "unbekannt",
        "code": "unbekannt",
        "redistribute": False,
    }
    assert card["quality"] == "demonstration"
    assert any("15 %" in note for note in summary["notes"])
    assert any("7 Bildpunkten" in note for note in summary["notes"])


def test_the_summary_says_how_to_run_the_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, network({"softmax": (1, 2, 64, 64)}, said=SEGMENTOR), *FIELDS) == 0
    summary = summary_of(capsys)
    assert summary["classes"] == ["_background", "Gründach"]
    assert (summary["bands"], summary["gsd_m"]) == ("rgb", 0.2)
    assert (summary["tile_px"], summary["overlap_percent"]) == (64, 15)
    assert (summary["min_score"], summary["small_segment_px"]) == (0.5, 7)
    assert (summary["nms_iou"], summary["missing"]) == (None, [])

    said = DETECTOR | {"seg_small_segment": 7}
    assert run(tmp_path, network(HEAD, said=said), "--name", "tanks") == 0
    summary = summary_of(capsys)
    assert (summary["gsd_m"], summary["min_score"], summary["nms_iou"]) == (0.125, 0.3, 0.4)
    # Its input has one size, so it need not say that of its tiles; filters are for segmentors.
    assert (summary["tile_px"], summary["overlap_percent"]) == (64, None)
    assert (summary["small_segment_px"], summary["missing"]) == (None, [])


FREE = (1, 3, "height", "width")


@pytest.mark.parametrize(
    ("image", "said", "missing"),
    [
        (FREE, {"model_type": '"Segmentor"'}, ["class_names", "resolution", "tiles_size"]),
        ((1, 3, 64, 64), {"model_type": '"Segmentor"'}, ["class_names", "resolution"]),
        (FREE, {"model_type": '"Segmentor"', "tile_size": 64, "resolution": 20}, ["class_names"]),
        (FREE, {"task": "segment", "names": "{0: 'a', 1: 'b'}"}, ["resolution", "tiles_size"]),
    ],
)
def test_what_a_half_described_model_leaves_out_is_named(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    image: Shape,
    said: dict[str, object],
    missing: list[str],
) -> None:
    shapes: dict[str, Shape] = {"y": (1, 2, "height", "width")}
    if "task" in said:
        shapes = {"output0": (1, 38, "cells"), "output1": (1, 32, "height", "width")}
    assert run(tmp_path, network(shapes, image, said)) == 0
    assert summary_of(capsys)["missing"] == missing


@pytest.mark.parametrize(
    ("image", "said", "keys"),
    [
        (FREE, {}, "model_type, class_names, resolution, tiles_size"),
        ((1, 3, 64, 64), {}, "model_type, class_names, resolution"),
        (FREE, {"class_names": {"0": "a", "1": "b"}, "resolution": 20}, "model_type, tiles_size"),
        (FREE, SEGMENTOR | {"model_type": "", "task": "fly"}, "model_type"),
    ],
)
def test_a_model_that_does_not_say_what_it_does_is_told_what_is_missing(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    image: Shape,
    said: dict[str, object],
    keys: str,
) -> None:
    assert run(tmp_path, network({"y": (1, 2, "height", "width")}, image, said)) == 2
    assert f"fehlen die Angaben {keys}. " in refusal_of(tmp_path, capsys)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ((1, 5, 64, 64), "ist 5"),
        ((1, 1, 64, 64), "ist 1"),
        ((1, "bands", 64, 64), "ist offen"),
        ((1, 64, 64, 3), "ist 64"),
    ],
)
def test_a_wrong_number_of_channels_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], image: Shape, words: str
) -> None:
    assert run(tmp_path, network({"y": (1, 2, 64, 64)}, image, SEGMENTOR)) == 2
    line = refusal_of(tmp_path, capsys)
    assert words in line
    assert "3 oder 4 Kanäle" in line


def test_a_draft_is_refused_until_a_person_has_filled_it_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, network(HEAD, said=DETECTOR), "--name", "tanks") == 0
    summary = summary_of(capsys)
    folder = tmp_path / "out" / "tanks" / "0.1.0"
    card = folder / "card.toml"
    with pytest.raises(ValidationError) as refused:
        load_card(card)
    missing = {".".join(map(str, one["loc"])) for one in refused.value.errors()}
    assert {"title_de", "limits_de", "limits.memory_mb", "metrics"} <= missing
    assert missing <= {*summary["to_fill"], "contact", "input"}
    (failed,) = load_catalog([tmp_path / "out"]).failed
    assert failed.name == "tanks"

    card.write_text(complete(card.read_text(encoding="utf-8")), encoding="utf-8")
    (model,) = load_catalog([tmp_path / "out"]).models
    assert model.card.limits.min_score == 0.3
    assert model.card.limits.nms_iou == 0.4
    assert model.card.input.gsd_best_m == 0.125
    assert model.card.licence.redistribute is False


@pytest.mark.parametrize(
    ("outputs", "said", "task", "architecture"),
    [
        (HEAD, DETECTOR, None, "yolo_detect"),
        ({"output0": (1, 38, 84), "output1": (1, 32, 16, 16)},
         DETECTOR | {"det_type": '"YOLO_Ultralytics_segmentation"'}, None, "yolo_segment"),
        (HEAD, DETECTOR | {"det_type": '"YOLO_v9"'}, None, "yolo_detect"),
        (HEAD, {"task": "detect", "names": "{0: 'a', 1: 'b'}"}, None, "yolo_detect"),
        (HEAD, {}, "segment", "yolo_detect"),
        (HEAD, {}, "layout", "yolo_layout"),
        ({"y": (1, 2, 64, 64)}, {}, "segment", "classes_onnx"),
        ({"y": (1, 2, 16, 16)}, {}, "segment", "classes_onnx"),
        ({"y": (1, 7)}, {}, "classify", "label_onnx"),
        ({"y": (1, 7)}, {"task": "classify", "names": str(dict(enumerate("abcdefg")))},
         None, "label_onnx"),
        ({"features": (1, 128)}, {}, "embed", "features_onnx"),
    ],
)  # fmt: skip
def test_what_the_decoders_can_read_is_taken(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    outputs: Mapping[str, Shape],
    said: dict[str, object],
    task: str | None,
    architecture: str,
) -> None:
    more = [] if task is None else ["--task", task]
    assert run(tmp_path, network(outputs, said=said), *more) == 0
    assert summary_of(capsys)["architecture"] == architecture
    (path,) = (tmp_path / "out").rglob("card.toml")
    text = complete(path.read_text(encoding="utf-8")).replace(
        f"# {FILL_IN}: classes = ", "classes = "
    )
    path.write_text(text, encoding="utf-8")
    assert load_card(path).architecture == architecture


@pytest.mark.parametrize(
    ("outputs", "said", "more", "words"),
    [
        (HEAD, DETECTOR | {"det_type": '"YOLO_v5_or_v7_default"'}, [], "Objektwert"),
        (HEAD, DETECTOR | {"det_type": '"YOLO_v6"'}, [], "Objektwert"),
        (HEAD, DETECTOR | {"det_type": '"YOLO_Ultralytics_obb"'}, [], "OBB"),
        (HEAD, DETECTOR | {"det_type": '"YOLO_v99"'}, [], "YOLO_v99"),
        (HEAD, {"task": "pose"}, [], "Körperhaltungen"),
        ({"y": (1, 84, 7)}, DETECTOR | {"det_type": '"YOLO_Ultralytics"'}, [], "YOLO v5"),
        ({"y": (1, 300, 6)}, {"task": "detect"}, [], "NMS"),
        ({"y": (1, 9, 84)}, DETECTOR, [], "5 Klassen"),
        ({"y": (1, 6, 84), "z": (1, 6, 84)}, DETECTOR, [], "YOLO-Detektors"),
        ({"y": (1, 6, 84), "m": (1, 32, 16, 16)}, DETECTOR, [], "passen nicht"),
        ({"y": (1, 1, 64, 64)}, {"model_type": '"Regressor"'}, [], "Regressor"),
        ({"y": (1, 3, 128, 128)}, {"model_type": '"Superresolution"'}, [], "Superresolution"),
        ({"y": (1, 128)}, {"model_type": '"Recognition"'}, [], "Recognition"),
        ({"y": (1, 128)}, {"model_type": '"Magic"'}, [], "magic"),
        ({"y": (1, 1, 64, 64)}, {"model_type": '"Segmentor"'}, [], "einem Ausgangskanal"),
        ({"y": (1, 2, 64)}, {"model_type": '"Segmentor"'}, [], "4 Achsen"),
        ({"y": (1, 3, 48, 64)}, {"model_type": '"Segmentor"'}, [], "passt nicht"),
        ({"y": (1, 3, 64, 64)}, SEGMENTOR, [], "3 Klassen"),
        ({"y": (1, 2, 64, 64)}, SEGMENTOR | {"tiles_size": 512}, [], "512"),
        ({"y": (1, 2, 64, 64)}, SEGMENTOR, ["--task", "embed"], "nicht für embed"),
        ({"y": (1, 7)}, {}, [], "--task"),
        ({"y": (1, 7)}, {}, ["--task", "embed"], "features"),
        ({"y": (1, 7)}, {}, ["--task", "ocr"], "ocr"),
        ({"y": (1, 7)}, {}, ["--task", "change"], "change"),
    ],
)
def test_what_no_decoder_can_read_is_refused_with_a_reason(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    outputs: Mapping[str, Shape],
    said: dict[str, object],
    more: list[str],
    words: str,
) -> None:
    assert run(tmp_path, network(outputs, said=said), *more) == 2
    assert words in refusal_of(tmp_path, capsys)


@pytest.mark.parametrize(
    ("image", "dtype"),
    [
        ((1, 5, 64, 64), TensorProto.FLOAT),
        ((1, 64, 64, 3), TensorProto.FLOAT),
        ((1, 3, 64), TensorProto.FLOAT),
        ((1, 3, 64, 64), TensorProto.UINT8),
    ],
)
def test_an_input_that_is_no_image_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], image: Shape, dtype: int
) -> None:
    assert run(tmp_path, network(HEAD, image, DETECTOR, dtype)) == 2
    assert "float32" in refusal_of(tmp_path, capsys)


def test_four_bands_are_red_green_blue_and_infrared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = {"model_type": '"Segmentor"'}
    assert run(tmp_path, network({"y": (1, 2, 64, 64)}, (1, 4, 64, 64), said)) == 0
    summary_of(capsys)
    (path,) = (tmp_path / "out").rglob("card.toml")
    card = tomllib.loads(path.read_text(encoding="utf-8"))
    assert card["bands"] == ["rgbi"]
    assert len(card["input"]["mean"]) == 4
    assert run(tmp_path, network({"y": (1, 7)}, (1, 4, 64, 64)), "--task", "classify") == 2


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("class_names", {"0": "a", "2": "b"}, "von 0 an"),
        ("class_names", {"0": "a", "x": "b"}, "unbrauchbar"),
        ("class_names", 7, "unbrauchbar"),
        ("class_names", {"0": 1, "1": 2}, "keine Texte"),
        ("class_names", "(" * 60_000, "unbrauchbar"),
        ("class_names", "[" * 60_000, "unbrauchbar"),
        ("class_names", "-" * 60_000 + "1", "unbrauchbar"),
        ("class_names", "__import__('os').system('touch /tmp/x')", "unbrauchbar"),
        ("class_names", {str(number): "a" for number in range(300)}, "255"),
        ("class_names", "x" * 100_000, "zu lang"),
        ("resolution", 0, "resolution"),
        ("resolution", "NaN", "resolution"),
        ("resolution", "1e999", "resolution"),
        ("resolution", True, "resolution"),
        ("resolution", "9" * 5000, "resolution"),
        ("resolution", "20000", "von 0,01 bis 10000"),
        ("seg_thresh", 1.5, "seg_thresh"),
        ("tiles_size", [1], "tiles_size"),
        ("tiles_overlap", 100, "tiles_overlap"),
        ("seg_small_segment", -1, "seg_small_segment"),
        ("seg_small_segment", "many", "seg_small_segment"),
        ("standardization_mean", [0.1], "standardization_mean"),
        ("standardization_std", [0, 0, 0], "standardization_std"),
        ("standardization_mean", "half", "standardization_mean"),
    ],
)
def test_hostile_metadata_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, value: object, words: str
) -> None:
    made = network({"y": (1, 2, 64, 64)}, said=SEGMENTOR | {key: value})
    assert run(tmp_path, made) == 2
    assert words in refusal_of(tmp_path, capsys)


def test_names_cannot_break_out_of_the_card(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = '"\n[licence]\nredistribute = true # \\ \x1b[31m \ud800 \u2028'
    said = SEGMENTOR | {
        "class_names": json.dumps({"0": evil, "1": evil}),
        "license": json.dumps(evil),
    }
    assert run(tmp_path, network({"y\n[x]": (1, 2, 64, 64)}, said=said)) == 0
    summary_of(capsys)
    (path,) = (tmp_path / "out").rglob("card.toml")
    card = tomllib.loads(path.read_text(encoding="utf-8"))
    assert card["licence"]["redistribute"] is False
    assert all(entry["title_de"].isprintable() for entry in card["classes"])
    assert len({entry["key"] for entry in card["classes"]}) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "leer"),
        (b"\0" * 64, "kein ONNX"),
        (b"hello world, this is no network", "kein ONNX"),
        (pickled(), "pickle"),
        (zipped(), "pickle"),
        (encode(noise()), "kein ONNX"),
        (network(HEAD, said=DETECTOR).SerializeToString()[:-40], "kein ONNX"),
        (external(), "weitere Dateien"),
        (hidden_external(), "weitere Dateien"),
        (foreign_operator(), "evil.corp"),
        (undeclared_operator(), "evil.corp"),
        (local_function(), "evil.local"),
        (wrong_operator(), "nicht öffnen"),
    ],
)
def test_hostile_files_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, words: str
) -> None:
    assert run(tmp_path, content) == 2
    assert words in refusal_of(tmp_path, capsys)


def test_a_file_beyond_the_limit_is_not_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "big.onnx"
    with file.open("wb") as opened:
        opened.truncate(draft.MAX_BYTES + 1)
    assert command.main(["card", "--from-onnx", str(file), "--out", str(tmp_path / "out")]) == 2
    assert "500 MB" in refusal_of(tmp_path, capsys)


@pytest.mark.parametrize("name", ["../x", "", "Ä", "a" * 65, "a/b", "_a", "a\n", "-a", "A"])
def test_names_that_are_paths_or_too_long_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert run(tmp_path, network(HEAD, said=DETECTOR), f"--name={name}") == 2
    assert "--name" in refusal_of(tmp_path, capsys)


def test_a_folder_that_is_there_is_never_touched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = network(HEAD, said=DETECTOR)
    assert run(tmp_path, made, *FIELDS) == 0
    card = tmp_path / "out" / "x" / "0.1.0" / "card.toml"
    card.write_text("mine", encoding="utf-8")
    capsys.readouterr()
    assert run(tmp_path, made, *FIELDS) == 2
    assert "gibt es schon" in capsys.readouterr().err
    assert card.read_text(encoding="utf-8") == "mine"
    assert [path.name for path in card.parent.parent.iterdir()] == ["0.1.0"]


def test_nothing_is_left_when_writing_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Path, *_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fail)
    assert run(tmp_path, network(HEAD, said=DETECTOR), *FIELDS) == 2
    assert "nicht geschrieben" in refusal_of(tmp_path, capsys)


def test_a_file_in_the_way_of_the_folder_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("a file", encoding="utf-8")
    assert run(tmp_path, network(HEAD, said=DETECTOR), *FIELDS) == 2
    assert "nicht geschrieben" in capsys.readouterr().err


def answer_of(folder: Path, options: SegmentOptions) -> tuple[ServableModel, Any]:
    """Complete the card of a draft, load it and let it answer."""
    (card,) = folder.rglob("card.toml")
    card.write_text(complete(card.read_text(encoding="utf-8")), encoding="utf-8")
    catalog = load_catalog([folder / "out"])
    (model,) = catalog.models
    engine = Engine(catalog, [], lambda: 0.0)
    ticket = Ticket("0" * 8, options, model, 0.0, 1)
    (outcome,) = engine.run("segment", [Item(ticket, 0, encode(noise(64, 64)))])
    assert not isinstance(outcome.result, Bad), outcome.result
    return model, outcome.result.value.value


def test_an_imported_model_really_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, brightness_network(1.0), "--task", "segment", "--name", "hell") == 0
    summary_of(capsys)
    model, value = answer_of(tmp_path, SegmentOptions(model="hell", min_score=0.1))
    assert model.card.training is not None
    assert model.card.training.date == datetime.date(2026, 11, 25)
    assert [one.class_key for one in value.instances] == ["klasse_0"]


def test_an_imported_segmentor_gives_probabilities(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, network({"logits": (1, 2, 64, 64)}, said=SEGMENTOR), *FIELDS) == 0
    summary_of(capsys)
    options = SegmentOptions(model="x", gsd_m=0.2, output="probabilities")
    model, value = answer_of(tmp_path, options)
    assert [entry.title_de for entry in model.card.classes] == ["_background", "Gründach"]
    assert (value.class_codes, value.stride) == ([0, 1], 1)
    # The network gives zeros, so both classes are equally probable.
    assert set(zlib.decompress(base64.b64decode(value.data))) == {128}


def test_a_file_with_free_axes_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (weights,) = (BUILT_IN / "solar").glob("*/model.onnx")
    assert run(tmp_path, weights.read_bytes(), "--task", "segment") == 0
    summary = summary_of(capsys)
    assert summary["architecture"] == "yolo_segment"
    assert summary["classes"] == []
    assert "classes" in summary["to_fill"]
