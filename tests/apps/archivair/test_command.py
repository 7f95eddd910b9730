"""The headless command: exact files, exit codes, one German line on stderr."""

import json
import os
import signal
from functools import partial

import numpy as np
import pytest
from PIL import Image

from apps.archivair import __main__ as command, jobs
from shared.errors import Cancelled, ModelServerDown, ModelServerTimeout
from shared.jobs.inline import run_inline
from tests.apps.archivair.doubles import GoneServer, InkReader, ToldTesseract, draw_lines

PAGE = draw_lines(["Der Bauherr ist zufrieden", "mit der Genehmigung"], size=(900, 500))
SUMMARY = {"command", "pages", "failed", "seconds", "per_page", "models"}
PER_PAGE = {"stem", "script", "lines", "chars", "mean_confidence", "needs_review", "engines"}


def save(path, pages=1, gray=PAGE):
    images = [Image.fromarray(gray)] * pages
    images[0].save(path, save_all=True, append_images=images[1:]) if pages > 1 else images[0].save(
        path
    )
    return path


@pytest.fixture
def read_by(monkeypatch):
    """Replace the engines by doubles."""

    def use(client=None, tesseract=None):
        monkeypatch.setattr(command, "_client", lambda stack: client or InkReader())
        monkeypatch.setattr(jobs, "find_tesseract", lambda: tesseract)

    use(tesseract=ToldTesseract())
    return use


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    at_once = partial(run_inline, sleep=lambda seconds: None)
    monkeypatch.setattr(command, "run_inline", at_once)


@pytest.fixture
def nobody_reads(monkeypatch):
    def refuse(stack):
        raise AssertionError("the model server was asked")

    monkeypatch.setattr(command, "_client", refuse)


def run(capsys, *words):
    before = signal.getsignal(signal.SIGTERM)
    try:
        code = command.main(["ocr", *map(str, words)])
    finally:
        signal.signal(signal.SIGTERM, before)
    said = capsys.readouterr()
    return code, said.out, said.err


def refused(capsys, *words):
    """Run with bad input; return the one line."""
    code, out, err = run(capsys, *words)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    return err


def test_one_page_gives_three_files_and_a_summary(tmp_path, capsys, read_by):
    out = tmp_path / "tief" / "out"
    code, printed, err = run(capsys, save(tmp_path / "akte.png"), "--out", out)
    assert code == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "akte.alto.xml", "akte.json", "akte.txt",
    ]  # fmt: skip
    assert err == "Seite 1 von 1 gelesen\n"
    assert printed.count("\n") == 1
    summary = json.loads(printed)
    assert set(summary) == SUMMARY
    assert (summary["command"], summary["pages"], summary["failed"]) == ("ocr", 1, [])
    (entry,) = summary["per_page"]
    assert set(entry) == PER_PAGE
    assert (entry["stem"], entry["lines"], entry["engines"]) == ("akte", 2, ["ppocr", "tesseract"])
    assert [set(model) for model in summary["models"]] == [{"name", "version", "sha256"}] * 2
    text = (out / "akte.txt").read_bytes()
    assert text == b"Der Bauherr ist zufrieden\nDer Bauherr ist zufrieden\n"


@pytest.mark.parametrize("name", ["akte.pdf", "akte.tif"])
def test_several_pages_are_numbered(tmp_path, capsys, read_by, name):
    code, printed, err = run(capsys, save(tmp_path / name, 3), "--out", tmp_path / "out")
    assert code == 0
    stems = [entry["stem"] for entry in json.loads(printed)["per_page"]]
    assert stems == ["akte_p0001", "akte_p0002", "akte_p0003"]
    assert len(list((tmp_path / "out").iterdir())) == 9
    assert err.count("\n") == 3


def test_same_command_gives_the_same_files(tmp_path, capsys, read_by):
    image = save(tmp_path / "akte.png")
    contents = []
    for name in ("one", "two"):
        run(capsys, image, "--out", tmp_path / name)
        contents.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert contents[0] == contents[1]


def test_bad_files_are_listed_and_the_others_go_on(tmp_path, capsys, read_by):
    (tmp_path / "text.pdf").write_text("kein PDF", encoding="utf-8")
    (tmp_path / "leer.pdf").write_bytes(b"")
    (tmp_path / "halb.jpg").write_bytes(save(tmp_path / "ganz.jpg").read_bytes()[:4000])
    Image.new("L", (1, 1)).save(tmp_path / "eins.png")
    (tmp_path / "ordner").mkdir()
    names = ["text.pdf", "leer.pdf", "ordner", "fehlt.png", "halb.jpg", "eins.png"]
    good = save(tmp_path / "gut.png")
    code, printed, _ = run(
        capsys, *(tmp_path / name for name in names), good, "--out", tmp_path / "out"
    )
    assert code == 0
    summary = json.loads(printed)
    assert [set(one) for one in summary["failed"]] == [{"file", "page", "code", "message"}] * 6
    assert {one["file"]: (one["page"], one["code"]) for one in summary["failed"]} == {
        "text.pdf": (None, "dateityp"),
        "leer.pdf": (None, "datei_leer"),
        "ordner": (None, "ordner_statt_datei"),
        "fehlt.png": (None, "datei_fehlt"),
        "halb.jpg": (1, "bild_beschaedigt"),
        "eins.png": (1, "seite_zu_klein"),
    }
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "gut.alto.xml", "gut.json", "gut.txt",
    ]  # fmt: skip


def test_all_bad_is_bad_input(tmp_path, capsys, nobody_reads):
    (tmp_path / "a.pdf").write_text("kein PDF", encoding="utf-8")
    code, printed, err = run(capsys, tmp_path / "a.pdf", "--out", tmp_path / "out")
    assert code == 2
    assert json.loads(printed)["failed"][0]["code"] == "dateityp"
    assert err.startswith("Keine Seite konnte gelesen werden.")
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_blank_page_gives_empty_text_and_is_no_failure(tmp_path, capsys, read_by):
    path = save(tmp_path / "leer.png", gray=np.full((900, 700), 240, dtype=np.uint8))
    code, printed, _ = run(capsys, path, "--out", tmp_path / "out")
    assert code == 0
    (entry,) = json.loads(printed)["per_page"]
    assert (entry["lines"], entry["chars"], entry["needs_review"]) == (0, 0, False)
    assert (tmp_path / "out" / "leer.txt").read_bytes() == b""


def test_same_stem_twice(tmp_path, capsys, nobody_reads):
    (tmp_path / "b").mkdir()
    files = (save(tmp_path / "akte.png"), save(tmp_path / "b" / "akte.tif"))
    assert "„akte“" in refused(capsys, *files, "--out", tmp_path / "out")
    clash = (save(tmp_path / "c.tif", 2), save(tmp_path / "c_p0002.png"))
    assert "c_p0002" in refused(capsys, *clash, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_results_of_another_input_are_kept_unless_forced(tmp_path, capsys, read_by):
    image, out = save(tmp_path / "akte.png"), tmp_path / "out"
    assert run(capsys, image, "--out", out)[0] == 0
    assert run(capsys, image, "--out", out)[0] == 0
    save(image, gray=PAGE[:, :-10])
    before = (out / "akte.json").read_bytes()
    assert "--force" in refused(capsys, image, "--out", out)
    assert (out / "akte.json").read_bytes() == before
    assert run(capsys, image, "--out", out, "--force")[0] == 0


def test_a_place_that_cannot_be_written(tmp_path, capsys, nobody_reads):
    image = save(tmp_path / "akte.png")
    (tmp_path / "datei").write_text("x", encoding="utf-8")
    assert "Ordner" in refused(capsys, image, "--out", tmp_path / "datei" / "out")
    assert (tmp_path / "datei").read_text(encoding="utf-8") == "x"


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["ocr"], "DATEI, --out"),
        (["ocr", "a.pdf"], "--out"),
        (["ocr", "a.pdf", "--out"], "--out"),
        (["ocr", "--out", "o"], "DATEI"),
        (["ocr", "a.pdf", "--out", "o", "--script", "sütterlin"], "--script"),
        (["process", "a.pdf"], "--out"),
        (["process", "a.pdf", "--out", "o", "--script", "kurrent"], "--script"),
        (["ocr", "a.pdf", "--out", "o", "--dpi", "300"], "--dpi"),
        (["lesen"], "ocr"),
        ([], "ocr"),
    ],
)
def test_wrong_words_are_named(capsys, nobody_reads, words, named):
    assert command.main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert named in said.err
    assert said.err.count("\n") == 1
    assert "usage" not in said.err


def test_help_is_german(capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(["ocr", "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert "Aufruf" in text
    assert "show this help" not in text


def test_without_tesseract_the_page_is_read_and_says_so(tmp_path, capsys, read_by):
    read_by()
    code, printed, _ = run(capsys, save(tmp_path / "akte.png"), "--out", tmp_path / "out")
    assert code == 0
    assert json.loads(printed)["per_page"][0]["engines"] == ["ppocr"]
    page = json.loads((tmp_path / "out" / "akte.json").read_bytes())
    assert "tesseract_fehlt" in [finding["code"] for finding in page["findings"]]


@pytest.mark.parametrize("script", ["antiqua", "typewriter"])
def test_a_known_script_is_not_measured(tmp_path, capsys, read_by, script):
    words = (save(tmp_path / "akte.png"), "--out", tmp_path / "out", "--script", script)
    assert json.loads(run(capsys, *words)[1])["per_page"][0]["script"] == script


def test_no_model_server_leaves_nothing(tmp_path, capsys, monkeypatch):
    def down(stack):
        raise ModelServerDown()

    monkeypatch.setattr(command, "_client", down)
    code, printed, err = run(capsys, save(tmp_path / "akte.png"), "--out", tmp_path / "out")
    assert (code, printed) == (3, "")
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_server_that_goes_away_leaves_whole_files_only(tmp_path, capsys, read_by):
    read_by(GoneServer(answers=4))
    code, printed, err = run(capsys, save(tmp_path / "akte.tif", 6), "--out", tmp_path / "out")
    assert (code, printed) == (3, "")
    assert "Traceback" not in err
    written = sorted(path.name for path in (tmp_path / "out").glob("*"))
    stems = {name.split(".")[0] for name in written}
    assert len(written) == 3 * len(stems) < 18


def test_a_page_that_takes_too_long_again_and_again_is_listed(tmp_path, capsys, read_by):
    class SlowOnPageTwo(InkReader):
        def ocr(self, images, *, mode="page", stop=lambda: False):
            if mode == "detect" and 1 <= self.pages <= jobs.OCR.attempts:
                self.pages += 1
                raise ModelServerTimeout()
            return super().ocr(images, mode=mode, stop=stop)

    read_by(SlowOnPageTwo())
    code, printed, _ = run(capsys, save(tmp_path / "akte.tif", 1), "--out", tmp_path / "one")
    assert code == 0
    code, printed, _ = run(
        capsys, save(tmp_path / "b.png"), save(tmp_path / "c.png"), "--out", tmp_path / "out"
    )
    assert code == 0
    summary = json.loads(printed)
    assert [one["stem"] for one in summary["per_page"]] == ["c"]
    assert [(one["file"], one["code"]) for one in summary["failed"]] == [
        ("b.png", ModelServerTimeout.code)
    ]


def test_a_bug_on_one_page_does_not_lose_the_others(tmp_path, capsys, read_by, monkeypatch):
    honest = jobs.read_page

    def stumbles(page, *words, **options):
        if page.index == 2:
            raise ZeroDivisionError
        return honest(page, *words, **options)

    monkeypatch.setattr(jobs, "read_page", stumbles)
    code, printed, err = run(capsys, save(tmp_path / "akte.tif", 3), "--out", tmp_path / "out")
    assert code == 0
    failed = json.loads(printed)["failed"]
    assert [(one["page"], one["code"]) for one in failed] == [(2, "unerwarteter_fehler")]
    assert "Traceback" not in err


@pytest.mark.parametrize("way", ["signal", "cancelled"])
def test_a_stop_ends_with_code_four_and_whole_files(tmp_path, capsys, read_by, monkeypatch, way):
    write = command.write_page

    def stops(*words):
        write(*words)
        if way == "cancelled":
            raise Cancelled()
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(command, "write_page", stops)
    code, printed, err = run(capsys, save(tmp_path / "akte.tif", 4), "--out", tmp_path / "out")
    assert (code, printed) == (4, "")
    assert "abgebrochen" in err
    names = [path.name for path in (tmp_path / "out").iterdir()]
    assert sorted(names) == ["akte_p0001.alto.xml", "akte_p0001.json", "akte_p0001.txt"]


def test_few_pages_are_held_in_memory_at_a_time(tmp_path, capsys, read_by, monkeypatch):
    held, most = [], []
    honest = jobs.read_page

    def counted(page, *words, **options):
        held.append(page.index)
        most.append(len(held))
        try:
            return honest(page, *words, **options)
        finally:
            held.remove(page.index)

    monkeypatch.setattr(jobs, "read_page", counted)
    gray = np.full((200, 200), 250, dtype=np.uint8)
    code, printed, _ = run(capsys, save(tmp_path / "akte.tif", 60, gray), "--out", tmp_path / "out")
    assert code == 0
    assert json.loads(printed)["pages"] == 60
    assert max(most) <= command.PAGES_AT_ONCE


def test_progress_tells_the_time_left_once_it_is_measured(tmp_path, capsys, read_by):
    gray = np.full((200, 200), 250, dtype=np.uint8)
    _, _, said = run(capsys, save(tmp_path / "akte.tif", 8, gray), "--out", tmp_path / "out")
    lines = said.splitlines()
    assert lines[0] == "Seite 1 von 8 gelesen"
    assert lines[5].startswith("Seite 6 von 8 gelesen, noch etwa ")
    assert lines[7] == "Seite 8 von 8 gelesen"
