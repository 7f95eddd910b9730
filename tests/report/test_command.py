"""`python -m shared.report render`: files, summary, one German line on bad input."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pypdfium2
import pytest

from shared.report.__main__ import FORMATS, main
from shared.report.blocks import Paragraph
from shared.report.document import to_json
from shared.settings import REPOSITORY
from shared.store.provenance import read_back
from tests.report.sample import report


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "report.json"
    path.write_bytes(to_json(report(2)))
    return path


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main([str(word) for word in words])
    told = capsys.readouterr()
    return code, told.out, told.err


@pytest.mark.parametrize("kind", FORMATS)
def test_each_format(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    target = tmp_path / "neu" / f"bericht.{kind}"
    code, out, err = run(capsys, "render", source, "--format", kind, "--out", target)
    assert (code, err) == (0, "")
    told = json.loads(out)
    content = target.read_bytes()
    assert told == {
        "file": str(target),
        "bytes": len(content),
        "pages": len(pypdfium2.PdfDocument(content)) if kind == "pdf" else None,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    assert read_back(target)["run_id"] == "0199aa00-0000-7000-8000-000000000001"
    assert not list(target.parent.glob(".*"))


def test_a_json_report_renders_the_same_again(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "render", source, "--format", "json", "--out", tmp_path / "b.json")
    assert (tmp_path / "b.json").read_bytes() == source.read_bytes()


def test_without_personal_columns(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "a.csv"
    words = ("render", source, "--format", "csv", "--out", target, "--without-personal")
    assert run(capsys, *words)[0] == 0
    assert "Musterstraße" not in target.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"{", "Der Bericht ist unbrauchbar: Die Datei ist kein gültiges JSON."),
        (b"{}", "Der Bericht ist unbrauchbar: Das Feld „title“ fehlt."),
        (None, "„report.json“ gibt es nicht oder ist nicht lesbar."),
    ],
)
def test_bad_input_is_one_german_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, line: str
) -> None:
    path = tmp_path / "report.json"
    if content is not None:
        path.write_bytes(content)
    target = tmp_path / "a.pdf"
    code, out, err = run(capsys, "render", path, "--format", "pdf", "--out", target)
    assert (code, out) == (2, "")
    assert err.startswith(line)
    assert err.count("\n") == 1
    assert not target.exists()


@pytest.mark.parametrize(("kind", "line"), [("csv", "keine Tabelle"), ("gpkg", "keine Geodaten")])
def test_nothing_to_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, line: str
) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(to_json(report(blocks=(Paragraph("x"),), layers=())))
    code, _, err = run(capsys, "render", path, "--format", kind, "--out", tmp_path / "a")
    assert code == 2
    assert line in err


@pytest.mark.parametrize(
    "words", [(), ("render",), ("render", "a", "--format", "doc", "--out", "b"), ("unknown",)]
)
def test_wrong_words_are_refused_in_german(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    code, _, err = run(capsys, *words)
    assert code == 2
    assert "--help" in err
    assert err.count("\n") == 1


def test_a_file_in_the_way_is_told_and_leaves_nothing(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "a.json"
    target.mkdir()
    code, _, err = run(capsys, "render", source, "--format", "json", "--out", target)
    assert code == 3
    assert "nicht beschreibbar" in err
    assert not list(tmp_path.glob(".*"))


def test_the_real_command(source: Path, tmp_path: Path) -> None:
    command = ["-m", "shared.report", "render", str(source), "--format", "xlsx"]
    done = subprocess.run(
        [sys.executable, *command, "--out", str(tmp_path / "a.xlsx")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["bytes"] > 5_000
