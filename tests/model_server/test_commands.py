"""The operator's commands: JSON on stdout, one German line and an exit code otherwise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from model_server import __main__ as command
from model_server import catalog, torture
from model_server.catalog import BUILT_IN
from shared.contracts.model_server import TaskResponse
from shared.settings import Settings
from tests.model_server.conftest import Service
from tests.model_server.pictures import encode, noise


def test_check_finds_the_shipped_models_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["check"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["ok"] is True
    assert {"solar", "ppocrv6_small", "e5_small_multilingual"} <= {
        row["name"] for row in summary["models"]
    }
    assert all(row["problems"] == [] for row in summary["models"])


def test_check_names_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = next((BUILT_IN / "e5_small_multilingual").iterdir())
    whole = tmp_path / "e5_small_multilingual" / source.name
    broken = tmp_path / "broken" / "1.0.0"
    for folder in (whole, broken):
        folder.mkdir(parents=True)
        (folder / "card.toml").write_bytes((source / "card.toml").read_bytes())
    monkeypatch.setattr(command, "BUILT_IN", tmp_path)
    assert command.main(["check"]) == 1
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["models"]}
    assert rows["e5_small_multilingual"]["problems"] == ["README.md fehlt.", "LICENSE fehlt."]
    assert rows["broken"]["state"] == "failed"


def test_check_of_an_unknown_model_is_bad_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["check", "--model", "nix"]) == 2
    assert capsys.readouterr().err == "Das Modell nix ist nicht vorhanden.\n"


def arguments(service: Service, *more: str) -> list[str]:
    file = str(service.settings.model_server_secret_file)
    return ["call", *more, "--url", service.url, "--token-file", file]


def test_call_sends_images_and_keeps_the_answer(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad, out = tmp_path / "good.png", tmp_path / "bad.png", tmp_path / "out.json"
    good.write_bytes(encode(noise()))
    bad.write_bytes(b"nothing")
    options = '{"model": "solar", "gsd_m": 0.12}'
    code = command.main(
        arguments(service, "segment", str(good), str(bad), "--options", options, "--out", str(out))
    )
    summary = json.loads(capsys.readouterr().out)
    assert code == 0
    assert (summary["items"], summary["ok"], summary["errors"]) == (2, 1, 1)
    assert summary["model"].startswith("solar ")
    assert len(TaskResponse.model_validate_json(out.read_bytes()).results) == 2


def test_call_sends_texts(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "a.txt"
    text.write_text("Grüße", encoding="utf-8")
    out = str(tmp_path / "out.json")
    assert command.main(arguments(service, "embed", str(text), "--out", out)) == 0
    assert json.loads(capsys.readouterr().out)["ok"] == 1


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        (["segment", "absent.png"], 2, "absent.png"),
        (["segment", __file__, "--options", "{"], 2, "kein JSON"),
        (["segment", __file__, "--options", "[]"], 2, "JSON-Objekt"),
        (["segment", __file__, "--options", '{"model": "nix"}'], 2, "nix ist nicht vorhanden"),
    ],
)
def test_call_says_what_is_wrong(
    service: Service,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    code: int,
    words: str,
) -> None:
    assert command.main(arguments(service, *more, "--out", str(tmp_path / "x"))) == code
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert words in lines[0]


def test_call_without_a_server_ends_with_code_3(
    model_server_down: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    token = tmp_path / "token"
    token.write_text("x" * 40)
    where = ["--url", model_server_down.model_server_address, "--token-file", str(token)]
    given = ["call", "segment", __file__, "--out", str(tmp_path / "x"), *where]
    assert command.main(given) == 3
    assert capsys.readouterr().err == "Der Modellserver antwortet nicht.\n"
    assert torture.main(where) == 3
    assert torture.main(["--token-file", str(tmp_path / "absent")]) == 2


def test_the_built_in_folder_is_the_same_everywhere() -> None:
    assert command.BUILT_IN == catalog.BUILT_IN
