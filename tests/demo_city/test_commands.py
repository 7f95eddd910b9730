"""Bad calls of the commands: exit 2, one German line, nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.demo_city import __main__ as program, commands

SCENE = "scene --split train --format semantic --out new"


@pytest.mark.parametrize(
    "words",
    [
        "",
        "burg",
        "build",
        "build --out",
        "build --out new --seed -1",
        "build --out new --seed 990000",
        "build --out new --seed abc",
        "build --out new --vintage 2024",
        "build --out new --core-only",
        "build --out file.txt",
        "build --out file.txt/new",
        "layer burg --out new.gpkg",
        "layer streets --out new.shp",
        "layer streets --out full.gpkg",
        "layer streets --out file.txt/new.gpkg",
        "layer gtfs --out new.csv",
        "lod2 --out new.xml",
        "lod2 --out full.gml",
        f"{SCENE} --count 0",
        f"{SCENE} --count 1000000000",
        "scene --split train --format pairs --out new --count 1000000000",
        f"{SCENE} --count 1 --size 0",
        f"{SCENE} --count 1 --size 100000",
        f"{SCENE} --count 1 --gsd nan",
        f"{SCENE} --count 1 --gsd 0",
        f"{SCENE} --count 1 --gsd -1",
        f"{SCENE} --count 1 --seed 900000",
        f"{SCENE} --count 1 --renewed-share nan",
        "scene --split burg --format semantic --out new --count 1",
        "scene --split train --format solar --out file.txt --count 1",
        "scene --split train --format solar --out full --count 1",
        "scene --split train --format solar --out file.txt/new --count 1",
        "scene --split train --format solar --out /proc/nowhere/new --count 1",
        "contact-sheet --split train --out new.bmp",
        "contact-sheet --split train --out file.txt/new.png",
        "contact-sheet --split train --out new.png --seed 899999",
        "building-files --out new --count 1",
        "building-files --split train --city --out new --count 1",
        "building-files --split train --out new --count 0",
        "building-files --split train --out new --count 1 --files 0",
        "building-files --split train --out new --count 1 --dpi 10",
        "building-files --split train --out new --count 1 --seed 95000",
        "building-files --split test --out new --count 5001",
        "building-files --split test --out full --count 1",
        "building-files --split test --out file.txt --count 1",
        "building-files --split test --out new --count 1 --quality bad",
        "measure --count 0",
        "measure --split val --count 1000000000",
        "measure --split val --count 1 --data nowhere",
    ],
)
def test_bad_call_is_refused(
    words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.txt").write_text("mine")
    for name in ("full", "full.gpkg", "full.gml"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "other.txt").touch()
    before = sorted(tmp_path.rglob("*"))
    assert program.main(words.split()) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert any(word in printed.err for word in ("Bitte", "Vorhanden", "Möglich", "Sie kommt"))
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file.txt").read_text() == "mine"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_broken_off_command_says_so(
    error: BaseException,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(commands, "write_scenes", fail)
    words = ["scene", "--split", "val", "--format", "solar", "--count", "1"]
    assert program.main([*words, "--out", str(tmp_path / "new")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
