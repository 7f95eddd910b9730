"""`redact` on the command line: exact files, exit codes, one German line on stderr."""

import errno
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from PIL import Image

from apps.archivair import __main__ as command
from apps.archivair.archive_files.page_content import ArchivePage, PageWord
from apps.archivair.archive_files.pdfa_check import check_pdfa
from apps.archivair.redaction import command as redact_command, release
from apps.archivair.redaction.laid_aside import PagesAside
from shared.errors import ModelServerDown, StorageFull
from shared.settings import REPOSITORY
from tests.apps.archivair.doubles import InkReader, draw_lines

PAGE = draw_lines(["Bauherr: Walter Schlehdorn", "Bauherr: Walter Schlehdorn"], size=(900, 500))


@pytest.fixture
def reads(monkeypatch):
    """Replace the engines: one text in every line, nothing in the finished file."""

    def use(text="Bauherr: Walter Schlehdorn", again=()):
        monkeypatch.setattr(command, "_client", lambda stack: InkReader(text))
        monkeypatch.setattr(redact_command, "find_tesseract", lambda: None)
        monkeypatch.setattr(
            redact_command, "reread_with", lambda engines: lambda pixels, dpi: again
        )

    use()
    return use


@pytest.fixture
def scan(tmp_path):
    place = tmp_path / "akte.png"
    Image.fromarray(PAGE).save(place)
    return place


def run(capsys, *words):
    before = signal.getsignal(signal.SIGTERM)
    try:
        code = command.main(["redact", *map(str, words)])
    finally:
        signal.signal(signal.SIGTERM, before)
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_file_a_report_and_a_summary(tmp_path, capsys, reads, scan):
    out = tmp_path / "neu" / "auszug.pdf"
    code, printed, _ = run(capsys, scan, "--profile", "forschung", "--out", out)
    assert code == 0
    assert sorted(one.name for one in out.parent.iterdir()) == [
        "auszug.pdf", "auszug.pdf.report.json",
    ]  # fmt: skip
    summary = json.loads(printed.splitlines()[-1])
    assert (summary["command"], summary["pages"], summary["residues"]) == ("redact", 1, 0)
    assert summary["removed"] >= 1
    assert check_pdfa(out.read_bytes()) == []
    report = json.loads((out.parent / "auszug.pdf.report.json").read_bytes())
    assert report["input"]["file"] == "akte.png"
    with pikepdf.open(out) as pdf:
        image = np.asarray(pikepdf.PdfImage(pdf.pages[0].Resources.XObject.Scan).as_pil_image())
    for entry in report["removed"]:
        for left, top, right, bottom in entry["boxes_px"]:
            assert image[top:bottom, left:right].var() == 0
    assert b"Schlehdorn" not in out.read_bytes() + json.dumps(report).encode()


def test_a_residue_gives_exit_4_and_no_file(tmp_path, capsys, reads, scan):
    reads(again=[PageWord("Schlehdorn", (600, 400, 700, 420))])
    out = tmp_path / "auszug.pdf"
    code, printed, err = run(capsys, scan, "--profile", "forschung", "--out", out)
    assert (code, printed) == (4, "")
    assert [one.name for one in tmp_path.iterdir()] == ["akte.png"]
    assert "ocr_seite" in err.splitlines()[-1]
    assert "Schlehdorn" not in err


def test_a_planted_attachment_gives_exit_4_and_no_file(tmp_path, capsys, reads, scan, monkeypatch):
    from apps.archivair.archive_files.pdfa import Attachment

    left = Attachment("rest.txt", b"Walter Schlehdorn", "text/plain", "vergessen")
    monkeypatch.setattr(release, "_words", lambda number, page: left)
    out = tmp_path / "auszug.pdf"
    code, _, err = run(capsys, scan, "--profile", "forschung", "--out", out)
    assert code == 4
    assert not out.exists()
    assert "objekte" in err


def test_names_of_the_facts_are_searched(tmp_path, capsys, reads, scan):
    reads("Der Zaun Hopfengarts steht")
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps({"neighbours": ["Timo Hopfengart"], "owner": "Walter Rot"}))
    out = tmp_path / "auszug.pdf"
    code, printed, _ = run(capsys, scan, "--profile", "eigentuemer", "--out", out, "--facts", facts)
    assert code == 0
    assert json.loads(printed.splitlines()[-1])["removed"] >= 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--profile", "presse"], "presse"),
        (["--profile", "nachbar", "--facts", "FACTS"], "facts.json"),
        (["--profile", "nachbar", "--facts", "MISSING"], "fehlt.json"),
        ([], "--profile"),
    ],
)
def test_bad_calls_give_exit_2_and_one_line(tmp_path, capsys, reads, scan, words, message):
    (tmp_path / "facts.json").write_text('{"eigentuemer": "x y"}')
    places = {"FACTS": tmp_path / "facts.json", "MISSING": tmp_path / "fehlt.json"}
    out = tmp_path / "auszug.pdf"
    code, printed, err = run(capsys, scan, "--out", out, *[places.get(one, one) for one in words])
    assert (code, printed, err.count("\n")) == (2, "", 1)
    assert message in err
    assert not out.exists()


def test_a_result_of_another_input_is_not_overwritten(tmp_path, capsys, reads, scan):
    out = tmp_path / "auszug.pdf"
    words = ("--profile", "forschung", "--out", out)
    assert run(capsys, scan, *words)[0] == 0
    assert run(capsys, scan, *words)[0] == 0
    other = tmp_path / "andere.png"
    Image.fromarray(PAGE[:400]).save(other)
    code, _, err = run(capsys, other, *words)
    assert code == 2
    assert "--force" in err
    assert run(capsys, scan, "--profile", "nachbar", "--out", out)[0] == 2
    assert run(capsys, other, *words, "--force")[0] == 0


def test_a_page_that_cannot_be_read_ends_the_call(tmp_path, capsys, reads):
    broken = tmp_path / "kaputt.pdf"
    broken.write_bytes(b"%PDF-1.7\nkein Inhalt")
    code, _, err = run(capsys, broken, "--profile", "nachbar", "--out", tmp_path / "x.pdf")
    assert code == 2
    assert not (tmp_path / "x.pdf").exists()
    assert err.count("\n") == 1


def test_without_model_server_the_exit_code_is_3(tmp_path, capsys, reads, scan, monkeypatch):
    def gone(stack):
        raise ModelServerDown()

    monkeypatch.setattr(command, "_client", gone)
    assert run(capsys, scan, "--profile", "nachbar", "--out", tmp_path / "x.pdf")[0] == 3
    assert not (tmp_path / "x.pdf").exists()


def test_a_stop_between_report_and_file_leaves_nothing_half_done(
    tmp_path, capsys, reads, scan, monkeypatch
):
    out = tmp_path / "neu" / "auszug.pdf"
    honest, moved = redact_command.Path.replace, []

    def stops(path, target):
        if moved:
            raise KeyboardInterrupt
        moved.append(target)
        return honest(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(redact_command.Path, "replace", stops)
        code, printed, _ = run(capsys, scan, "--profile", "forschung", "--out", out)
    assert (code, printed) == (4, "")
    assert [one.name for one in out.parent.iterdir()] == ["auszug.pdf.report.json"]
    first = json.loads((out.parent / "auszug.pdf.report.json").read_bytes())
    code, _, _ = run(capsys, scan, "--profile", "forschung", "--out", out)
    assert code == 0
    assert check_pdfa(out.read_bytes()) == []
    assert json.loads((out.parent / "auszug.pdf.report.json").read_bytes()) == first


def test_an_old_file_never_lies_beside_the_report_of_another_input(
    tmp_path, capsys, reads, scan, monkeypatch
):
    out = tmp_path / "auszug.pdf"
    assert run(capsys, scan, "--profile", "forschung", "--out", out)[0] == 0
    seen = []

    def watched(path, target):
        seen.append((target.name, out.exists()))
        raise KeyboardInterrupt

    monkeypatch.setattr(redact_command.Path, "replace", watched)
    words = ("--profile", "eigentuemer", "--out", out, "--force")
    assert run(capsys, scan, *words)[0] == 4
    assert seen == [("auszug.pdf.report.json", False)]
    assert not list(tmp_path.glob(".*.part"))


def test_a_stop_while_the_old_result_is_taken_away_does_not_refuse_the_next_call(
    tmp_path, capsys, reads, scan, monkeypatch
):
    out = tmp_path / "auszug.pdf"
    words = ("--profile", "forschung", "--out", out)
    assert run(capsys, scan, *words)[0] == 0
    honest, gone = redact_command.Path.unlink, []

    def stops(path, missing_ok=False):
        if path.name.startswith("."):
            return honest(path, missing_ok=missing_ok)
        if gone:
            raise KeyboardInterrupt
        gone.append(path.name)
        return honest(path, missing_ok=missing_ok)

    with monkeypatch.context() as patched:
        patched.setattr(redact_command.Path, "unlink", stops)
        assert run(capsys, scan, *words)[0] == 4
    assert gone == ["auszug.pdf"]
    assert run(capsys, scan, *words)[0] == 0
    assert check_pdfa(out.read_bytes()) == []


def test_images_of_pages_lie_on_the_disk_and_not_in_memory(reads):
    page = ArchivePage(np.arange(48, dtype=np.uint8).reshape(2, 8, 3)[:, ::-1], 200.0, ())
    with PagesAside() as aside:
        aside = aside.lay(page)
    assert np.array_equal(aside.image, page.image)
    assert (aside.dpi, aside.lines) == (200.0, ())
    assert not aside.image.flags.owndata
    assert not aside.image.flags.writeable


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_many_pages_share_few_files_and_stay_what_they_are():
    before = open_files()
    pages = [
        ArchivePage(np.full((9, 7 + number), number, np.uint8), 200.0, ()) for number in range(200)
    ]
    with PagesAside(room=5000) as aside:
        laid = [aside.lay(page) for page in [*pages, pages[3]]]
        # 201 images of 10 to 207 x 9 bytes lie in some 40 files; the last one is still written.
        assert open_files() - before < 60
    assert all(
        np.array_equal(one.image, page.image)
        for one, page in zip(laid, [*pages, pages[3]], strict=True)
    )
    with PagesAside() as aside:
        laid = [aside.lay(page) for page in pages]
    assert open_files() - before < 61
    del laid
    assert open_files() == before


@pytest.mark.parametrize(("number", "told"), [(errno.ENOSPC, StorageFull), (errno.EMFILE, OSError)])
def test_only_a_full_disk_is_called_full(monkeypatch, number, told):
    def refused(**words):
        raise OSError(number, "refused")

    monkeypatch.setattr(tempfile, "TemporaryFile", refused)
    page = ArchivePage(np.zeros((4, 4), np.uint8), 200.0, ())
    with PagesAside() as aside, pytest.raises(told) as caught:
        aside.lay(page)
    assert isinstance(caught.value, StorageFull) == (told is StorageFull)


def test_pages_are_written_one_after_the_other(tmp_path, capsys, reads, scan, monkeypatch):
    honest, kinds = release.write_pdfa, []

    def watched(pages, *words):
        kinds.append(isinstance(pages, Iterator))
        return honest(pages, *words)

    monkeypatch.setattr(release, "write_pdfa", watched)
    out = tmp_path / "auszug.pdf"
    assert run(capsys, scan, "--profile", "forschung", "--out", out)[0] == 0
    assert kinds == [True]


KILLED = """
import os, signal, sys
from pathlib import Path
from apps.archivair import __main__ as command
from apps.archivair.redaction import command as redact_command
from tests.apps.archivair.doubles import InkReader

scan, out, moment = sys.argv[1:]
honest_write, honest_move, done = Path.write_bytes, Path.replace, []

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def write_bytes(path, content):
    if moment == "write" and path.name.startswith(".auszug.pdf.") and content[:4] == b"%PDF":
        honest_write(path, content[: len(content) // 2])
        die()
    return honest_write(path, content)

def move(path, target):
    if moment == f"move {len(done)}":
        die()
    done.append(target)
    return honest_move(path, target)

Path.write_bytes, Path.replace = write_bytes, move
command._client = lambda stack: InkReader("Bauherr: Walter Schlehdorn")
redact_command.find_tesseract = lambda: None
redact_command.reread_with = lambda engines: lambda pixels, dpi: ()
command.main(["redact", scan, "--profile", "forschung", "--out", out])
"""


@pytest.mark.parametrize("moment", ["write", "move 1"])
def test_a_call_that_is_killed_while_it_writes_leaves_no_half_file_and_the_next_goes_on(
    tmp_path, capsys, reads, scan, moment
):
    folder = tmp_path / "neu"
    out = folder / "auszug.pdf"
    words = [sys.executable, "-c", KILLED, str(scan), str(out), moment]
    killed = subprocess.run(words, cwd=REPOSITORY, capture_output=True, timeout=300, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-500:]
    assert not out.exists()
    assert [one for one in folder.iterdir() if one.suffix == ".part"]
    foreign = folder / f".auszug.pdf.{signal.SIGKILL}x.part"
    foreign.write_bytes(b"no number of a process")
    assert run(capsys, scan, "--profile", "forschung", "--out", out)[0] == 0
    assert check_pdfa(out.read_bytes()) == []
    assert sorted(one.name for one in folder.iterdir()) == [
        foreign.name, "auszug.pdf", "auszug.pdf.report.json",
    ]  # fmt: skip
