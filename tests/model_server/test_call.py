"""`python -m model_server call`: one request, the whole answer in a file, a short summary."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_server import __main__ as command, torture
from model_server.commands import call
from shared.contracts.model_server import TaskResponse
from shared.settings import Settings, get_settings
from tests.model_server.conftest import Service
from tests.model_server.pictures import encode, noise, page
from tests.model_server.test_commands import line_of, summary_of


@pytest.fixture(autouse=True)
def _keys_of_the_service(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the command sign with the key that the service knows."""
    monkeypatch.setenv("URBANKI_DATA_DIR", str(service.settings.data_dir))
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def arguments(service: Service, *more: str) -> list[str]:
    return ["call", *more, "--url", service.url]


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
    summary = summary_of(capsys)
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
    assert summary_of(capsys)["ok"] == 1


@pytest.mark.parametrize(
    ("task", "options"),
    [
        ("ocr", {}),
        ("layout", {}),
        ("embed", {"model": "tile_features"}),
    ],
)
def test_call_sends_an_image_for_every_task_that_takes_one(
    service: Service,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    task: str,
    options: dict[str, str],
) -> None:
    file, out = tmp_path / "a.png", tmp_path / "out.json"
    file.write_bytes(encode(page(["Stadt"], 320, 320)))
    words = [task, str(file), "--options", json.dumps(options), "--out", str(out)]
    assert command.main(arguments(service, *words)) == 0
    assert summary_of(capsys)["ok"] == 1


def test_call_signs_no_token_that_the_server_would_refuse(
    service: Service,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    by_provider = service.settings.model_copy(update={"auth_mode": "keycloak"})
    monkeypatch.setattr(call, "get_settings", lambda: by_provider)
    file = tmp_path / "a.txt"
    file.write_text("Grüße", encoding="utf-8")
    words = ["embed", str(file), "--out", str(tmp_path / "out.json")]
    assert command.main(arguments(service, *words)) == 2
    assert "--token-file" in line_of(capsys)


@pytest.mark.parametrize("task", ["change", "classify"])
def test_call_reaches_tasks_without_a_model_yet(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str], task: str
) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(encode(noise()))
    options = '{"model": "not_there"}'
    words = [task, str(file), str(file), "--options", options, "--out", str(tmp_path / "x")]
    assert command.main(arguments(service, *words)) == 2
    assert "not_there" in line_of(capsys)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["segment", "absent.png"], "absent.png"),
        (["segment", __file__, "--options", "{"], "kein JSON"),
        (["segment", __file__, "--options", "[" * 100_000], "kein JSON"),
        (["segment", __file__, "--options", '{"min_score": NaN}'], "kein JSON"),
        (["segment", __file__, "--options", "[]"], "JSON-Objekt"),
        (["segment", __file__, "--options", '{"model": "nix"}'], "nix ist nicht vorhanden"),
        (["segment", __file__, "--options", '{"\\ud800": 1}'], "ungültig"),
        (["change", __file__], "Paare"),
        (["embed", sys.executable], "UTF-8"),
        (["segment", __file__, "--token-file", __file__], "kein Zugangszeichen"),
        (["segment", __file__, "--token-file", "/"], "keine Datei"),
    ],
)
def test_call_says_what_is_wrong(
    service: Service,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    words: str,
) -> None:
    assert command.main(arguments(service, *more, "--out", str(tmp_path / "x"))) == 2
    assert words in line_of(capsys)


def test_call_keeps_images_and_texts_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = tmp_path / "a.png"
    image.write_bytes(encode(noise()))
    assert command.main(["call", "embed", str(image), __file__, "--out", str(tmp_path / "x")]) == 2
    assert "Bilder und Texte" in line_of(capsys)


def test_call_refuses_more_than_a_request_may_hold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "big"
    with file.open("wb") as opened:
        opened.truncate(40 * 2**20)
    for files, words in (([file, file], "zusammen"), ([file, tmp_path / "absent"], "absent")):
        names = [str(one) for one in files]
        assert command.main(["call", "segment", *names, "--out", str(tmp_path / "x")]) == 2
        assert words in line_of(capsys)


def test_call_says_that_the_answer_could_not_be_kept(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "a.txt"
    text.write_text("a", encoding="utf-8")
    assert command.main(arguments(service, "embed", str(text), "--out", str(tmp_path))) == 2
    assert "kann nicht geschrieben werden" in line_of(capsys)


@pytest.mark.parametrize("url", ["nowhere", "ftp://127.0.0.1", "http://\x01"])
def test_call_refuses_an_address_that_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    token = tmp_path / "token"
    token.write_text("x" * 40)
    words = ["call", "segment", __file__, "--out", str(tmp_path / "x")]
    assert command.main([*words, "--url", url, "--token-file", str(token)]) == 2
    assert "ist ungültig" in line_of(capsys)


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
