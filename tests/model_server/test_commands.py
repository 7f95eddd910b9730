"""The operator's commands: JSON on stdout, one German line and an exit code otherwise."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from model_server import __main__ as command, catalog
from model_server.catalog import BUILT_IN
from model_server.commands import check, publish
from model_server.commands.outcome import one_line
from shared.settings import REPOSITORY, get_settings
from tests.model_server.tiny_models import write_model

EXECUTABLE = [sys.executable, "-m", "model_server"]


@pytest.fixture
def own_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of `URBANKI_MODEL_DIR`."""
    folder = tmp_path / "own"
    folder.mkdir()
    settings = get_settings().model_copy(update={"model_dir": folder})
    monkeypatch.setattr(command, "get_settings", lambda: settings)
    return folder


def summary_of(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    content = json.loads(capsys.readouterr().out)
    assert isinstance(content, dict)
    return content


def line_of(capsys: pytest.CaptureFixture[str]) -> str:
    """The one German line on the error stream; nothing else was said."""
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    assert line.isprintable()
    return line


def test_check_finds_the_shipped_models_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["check"]) == 0
    summary = summary_of(capsys)
    assert summary["ok"] is True
    assert summary["problems"] == []
    assert {"solar", "ppocrv6_small", "e5_small_multilingual"} <= {
        row["name"] for row in summary["models"]
    }
    assert all(row["problems"] == [] for row in summary["models"])
    assert {row["origin"] for row in summary["models"]} == {"shipped"}


def test_check_names_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = next((BUILT_IN / "e5_small_multilingual").iterdir())
    whole = tmp_path / "e5_small_multilingual" / source.name
    broken = tmp_path / "broken" / "1.0.0"
    for folder in (whole, broken):
        folder.mkdir(parents=True)
        (folder / "card.toml").write_bytes((source / "card.toml").read_bytes())
    (whole / "LICENSE").write_text(" \n", encoding="utf-8")
    monkeypatch.setattr(command, "BUILT_IN", tmp_path)
    assert command.main(["check"]) == 1
    rows = {row["name"]: row for row in summary_of(capsys)["models"]}
    assert rows["e5_small_multilingual"]["problems"] == ["README.md fehlt.", "LICENSE ist leer."]
    assert rows["broken"]["state"] == "failed"


OTHER = "parity.json: onnxruntime wurde mit anderen Gewichten verglichen."
TOO_FAR = "parity.json: {} weicht stärker ab als erlaubt."
NOTHING = "parity.json enthält keine Werte."


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        (None, ["parity.json fehlt."]),
        ("{", ["parity.json ist nicht lesbar."]),
        ("[" * 100_000, ["parity.json ist nicht lesbar."]),
        ([], [NOTHING]),
        ({}, [NOTHING]),
        ({"limits": {"score": 1e-4}}, ["parity.json enthält keinen Wert für score."]),
        ({"limits": {"score": 1e-4}, "max_score_difference": 1e-5}, []),
        ({"limits": {"score": 1e-4}, "max_score_difference": 1e-3}, [TOO_FAR.format("score")]),
        ({"limits": {"box_px": 0.05}, "max_box_difference_px": 0.06}, [TOO_FAR.format("box_px")]),
        ({"limits": {"mask_iou": 0.99}, "min_mask_iou": 0.995}, []),
        ({"limits": {"mask_iou": 0.99}, "min_mask_iou": 0.98}, [TOO_FAR.format("mask_iou")]),
        ({"onnxruntime": {"sha256": "SHA", "ok": True}}, []),
        ({"onnxruntime": {"sha256": "SHA", "ok": False}}, [TOO_FAR.format("onnxruntime")]),
        ({"onnxruntime": {"sha256": "0", "ok": True}}, [OTHER]),
        (
            {
                "onnxruntime": {"sha256": "SHA", "ok": True},
                "openvino": {"sha256": "SHA", "ok": False},
            },
            [],
        ),
    ],
)
def test_check_wants_the_engines_to_agree_on_weights_of_our_own(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: object,
    problems: list[str],
) -> None:
    sha256 = write_model(tmp_path, "tiny", "1.0.0", 1.0)
    folder = tmp_path / "tiny" / "1.0.0"
    for name in check.TEXTS:
        (folder / name).write_text("Text", encoding="utf-8")
    monkeypatch.setattr(command, "BUILT_IN", tmp_path)
    if content is not None:
        text = content if isinstance(content, str) else json.dumps(content).replace("SHA", sha256)
        (folder / "parity.json").write_text(text, encoding="utf-8")
    assert command.main(["check"]) == (1 if problems else 0)
    assert summary_of(capsys)["models"][0]["problems"] == problems


def test_check_believes_no_card_that_allows_an_engine_without_a_comparison(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sha256 = write_model(tmp_path, "tiny", "1.0.0", 1.0)
    folder = tmp_path / "tiny" / "1.0.0"
    card = (folder / "card.toml").read_text(encoding="utf-8")
    card = card.replace("quality =", "openvino_ok = true\nquality =")
    (folder / "card.toml").write_text(card, encoding="utf-8")
    fine = {"sha256": sha256, "ok": True}
    monkeypatch.setattr(command, "BUILT_IN", tmp_path)
    for section, words in (
        (None, "nicht verglichen"),
        ({"sha256": sha256, "ok": False}, "openvino weicht"),
        (fine, None),
    ):
        content = {"onnxruntime": fine} | ({} if section is None else {"openvino": section})
        (folder / "parity.json").write_text(json.dumps(content), encoding="utf-8")
        command.main(["check"])
        found = summary_of(capsys)["models"][0]["problems"]
        about = [problem for problem in found if problem.startswith("parity")]
        assert len(about) == (words is not None)
        assert words is None or words in about[0]


def test_check_counts_the_size_of_shipped_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = BUILT_IN / "e5_small_multilingual"
    shutil.copytree(source, tmp_path / source.name)
    folder = next((tmp_path / source.name).iterdir())
    monkeypatch.setattr(command, "BUILT_IN", tmp_path)
    for size, problems, general in (
        (check.MAX_FILE_BYTES, 0, 0),
        (check.MAX_FILE_BYTES + 1, 1, 0),
        (check.MAX_ALL_BYTES, 1, 1),
    ):
        with (folder / "big.bin").open("wb") as file:
            file.truncate(size)
        assert command.main(["check"]) == (1 if problems else 0)
        summary = summary_of(capsys)
        assert len(summary["models"][0]["problems"]) == problems
        assert len(summary["problems"]) == general


def test_check_reports_own_models_but_only_shipped_ones_decide(
    own_models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_model(own_models, "tiny", "1.0.0", 1.0)
    half = own_models / "half" / "1.0.0"
    half.mkdir(parents=True)
    (half / "card.toml").write_text('name = "half"\nodd = 1\n', encoding="utf-8")
    assert command.main(["check"]) == 0
    rows = {row["name"]: row for row in summary_of(capsys)["models"] if row["origin"] == "own"}
    assert rows["tiny"]["problems"] == ["README.md fehlt.", "LICENSE fehlt.", "parity.json fehlt."]
    assert {"task: fehlt", "odd: unbekannte Angabe"} <= set(rows["half"]["problems"])
    assert command.main(["check", "--model", "half"]) == 0
    assert [row["name"] for row in summary_of(capsys)["models"]] == ["half"]


def test_check_says_in_german_what_is_wrong_with_a_value(
    own_models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_model(own_models, "tiny", "1.0.0", 1.0)
    card = own_models / "tiny" / "1.0.0" / "card.toml"
    text = card.read_text(encoding="utf-8")
    for old, new in (
        ("max_batch = ", "max_batch = 99999 #"),
        ("memory_mb = ", "memory_mb = 0 #"),
        ("quality = ", 'quality = "best" #'),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    card.write_text(text, encoding="utf-8")
    assert command.main(["check", "--model", "tiny"]) == 0
    found = " | ".join(summary_of(capsys)["models"][0]["problems"])
    assert "limits.max_batch: höchstens " in found
    assert "limits.memory_mb: mindestens 1" in found
    assert "quality: erlaubt ist nur 'demonstration', 'pilot' oder 'productive'" in found
    assert "Input should" not in found


def test_check_says_when_the_own_folder_is_not_there(
    own_models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own_models.rmdir()
    assert command.main(["check"]) == 0
    (problem,) = summary_of(capsys)["problems"]
    assert "URBANKI_MODEL_DIR" in problem


def test_check_of_an_unknown_model_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["check", "--model", "nix"]) == 2
    assert capsys.readouterr().err == "Das Modell nix ist nicht vorhanden.\n"


def test_check_with_nothing_to_check_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "BUILT_IN", tmp_path)
    assert command.main(["check"]) == 1
    assert summary_of(capsys)["ok"] is False


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "check, card, publish oder call"),
        (["nix"], "check"),
        (["check", "--model"], "--model"),
        (["check", "--nix"], "--nix"),
        (["card", "--out", "x"], "--from-onnx"),
        (["call", "nix", "a", "--out", "x"], "segment"),
        (["publish"], "NAME"),
        (["check", "--model", "../\x1b[31m\n" + "x" * 5000], "nicht vorhanden"),
        (["publish", "../../etc:\n1"], "nicht vorhanden"),
        (["publish", "solar:9.9.9"], "solar:9.9.9 ist nicht vorhanden"),
        (["call", "segment", "/dev/zero", "--out", "x"], "keine Datei"),
        (["call", "segment", "/", "--out", "x"], "keine Datei"),
        (["call", "segment", "x" * 5000, "--out", "x"], "kann nicht gelesen werden"),
    ],
)
def test_a_wrong_line_is_answered_in_one_german_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(words) == 2
    line = line_of(capsys)
    assert said in line
    assert len(line) < 500


def test_a_wrong_setting_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("URBANKI_PORT", "many")
    get_settings.cache_clear()
    try:
        assert command.main(["check"]) == 2
        assert "URBANKI_PORT" in line_of(capsys)
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()


def test_long_texts_lose_their_middle() -> None:
    line = one_line("a" * 300 + "\n\x07" + "b" * 300, 50)
    assert len(line) <= 50
    assert line.startswith("aaa")
    assert line.endswith("bbb")
    assert one_line("a\n b\x07") == "a b?"


def test_publish_copies_a_model_once_and_tells_nobody(own_models: Path, tmp_path: Path) -> None:
    """In a process of its own, because the store's place is read when the library is loaded."""
    write_model(own_models, "tiny", "1.0.0", 1.0)
    home = tmp_path / "bentoml"
    report = tmp_path / "reported"
    # Whoever still reports to the maker leaves a file behind.
    script = (
        "import sys, pathlib, httpx; from model_server.__main__ import main; "
        f"httpx.post = lambda *a, **k: pathlib.Path({str(report)!r}).touch(); "
        "sys.exit(main(sys.argv[1:]))"
    )
    environment = os.environ | {
        "BENTOML_HOME": str(home),
        "URBANKI_MODEL_DIR": str(own_models),
        publish.NO_TRACKING: "False",
    }
    command_line = [sys.executable, "-W", "error::ResourceWarning", "-c", script]
    done = [
        subprocess.run(
            [*command_line, "publish", wanted],
            capture_output=True,
            text=True,
            cwd=REPOSITORY,
            env=environment,
            timeout=120,
        )
        for wanted in ("tiny", "tiny:1.0.0")
    ]
    first, second = done
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["tag"] == "tiny:1.0.0"
    stored = home / "models" / "tiny" / "1.0.0"
    for name in ("card.toml", "model.onnx"):
        assert (stored / name).read_bytes() == (own_models / "tiny/1.0.0" / name).read_bytes()
    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr == "Das Modell tiny:1.0.0 liegt schon im Speicher von BentoML.\n"
    assert not report.exists()


def test_publish_refuses_broken_models_and_links(
    own_models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_model(own_models, "tiny", "1.0.0", 1.0)
    (own_models / "tiny" / "1.0.0" / "link").symlink_to("/etc/passwd")
    assert command.main(["publish", "tiny"]) == 2
    assert "Verknüpfung" in line_of(capsys)
    (own_models / "tiny" / "1.0.0" / "model.onnx").write_bytes(b"")
    assert command.main(["publish", "tiny"]) == 2
    assert "Prüfsumme" in line_of(capsys)


def test_the_command_line_answers_bytes_that_are_no_text(tmp_path: Path) -> None:
    name = os.fsencode(str(tmp_path)) + b"/\xff\n.onnx"
    done = subprocess.run(
        [*EXECUTABLE, "card", "--from-onnx", name, "--out", str(tmp_path)],
        capture_output=True,
        cwd=REPOSITORY,
        timeout=120,
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_the_built_in_folder_is_the_same_everywhere() -> None:
    assert command.BUILT_IN == catalog.BUILT_IN
