"""`process`: exact files, restart after a kill, nothing half-written, bad inputs."""

import io
import json
import os
import signal
from functools import partial

import numpy as np
import pdfplumber
import pikepdf
import pytest
from PIL import Image

from apps.archivair import __main__ as command, export_job, jobs, process_command
from apps.archivair.archive_files.manifest import changed_files
from apps.archivair.archive_files.pdfa_check import check_pdfa
from apps.archivair.batch.contents import decode_batch
from apps.archivair.batch.result_folder import working_in
from apps.archivair.review import sample_pages
from shared.errors import Cancelled, DamagedImage, ModelServerDown, StorageFull
from shared.jobs.inline import run_inline
from tests.apps.archivair.doubles import GoneServer, InkReader, ToldTesseract, draw_lines

SIZE = (900, 500)
PAGE = draw_lines(["Der Bauherr ist zufrieden", "mit der Genehmigung"], size=SIZE)
BLANK = np.full(PAGE.shape, 240, dtype=np.uint8)
FILES = ["batch.json", "documents", "fields.csv", "manifest.json", "pages", "transfervermerk.pdf"]
TIMES = {"seconds", "written"}


def save(path, grays):
    images = [Image.fromarray(gray) for gray in grays]
    more = {"save_all": True, "append_images": images[1:]} if len(images) > 1 else {}
    images[0].save(path, **more)
    return path


@pytest.fixture
def read_by(monkeypatch):
    """Replace the engines by doubles."""

    def use(client=None):
        monkeypatch.setattr(command, "_client", lambda stack: client or InkReader())

    use()
    monkeypatch.setattr(jobs, "find_tesseract", ToldTesseract)
    monkeypatch.setattr(process_command, "find_tesseract", ToldTesseract)
    monkeypatch.setattr(process_command, "model_fingerprint", lambda client: "modell 1")
    at_once = partial(run_inline, sleep=lambda seconds: None)
    monkeypatch.setattr(process_command, "run_inline", at_once)
    return use


@pytest.fixture
def counted(monkeypatch):
    """Return the numbers of the pages that were read."""
    seen, honest = [], jobs.read_page

    def read(page, *words, **options):
        seen.append(page.index)
        return honest(page, *words, **options)

    monkeypatch.setattr(jobs, "read_page", read)
    return seen


def run(capsys, *words):
    before = signal.getsignal(signal.SIGTERM)
    try:
        code = command.main(["process", *map(str, words)])
    finally:
        signal.signal(signal.SIGTERM, before)
    said = capsys.readouterr()
    return code, said.out, said.err


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(one) for key, one in value.items() if key not in TIMES}
    return [without_times(one) for one in value] if isinstance(value, list) else value


def test_a_batch_gives_all_files_and_a_summary(tmp_path, capsys, read_by):
    path = save(tmp_path / "stapel.pdf", [PAGE, BLANK, PAGE])
    out = tmp_path / "out"
    code, printed, err = run(capsys, path, "--out", out)
    assert code == 0
    assert sorted(one.name for one in out.iterdir()) == FILES
    assert printed.count("\n") == 1
    summary = json.loads(printed)
    assert (summary["command"], summary["pages"], summary["failed"]) == ("process", 3, [])
    assert [one["stem"] for one in summary["per_page"]] == [
        "stapel_p0001", "stapel_p0002", "stapel_p0003",
    ]  # fmt: skip
    assert sorted(one.name for one in (out / "pages").iterdir()) == sorted(
        f"stapel_p000{number}{end}"
        for number in (1, 2, 3)
        for end in (".txt", ".alto.xml", ".json")
    )
    assert (out / "pages" / "stapel_p0002.txt").read_bytes() == b""
    assert "Seite 3 von 3 gelesen" in err
    documents = json.loads((out / "batch.json").read_bytes())["documents"]
    assert summary["documents"] == len(documents)
    names = [f"{one['document']:03d}_{one['class']}" for one in documents]
    assert sorted(one.name for one in (out / "documents").iterdir()) == sorted(
        name + end for name in names for end in (".pdf", ".json")
    )


def test_batch_json_has_the_promised_form(tmp_path, capsys, read_by):
    out = tmp_path / "out"
    run(capsys, save(tmp_path / "stapel.pdf", [PAGE, BLANK]), "--out", out)
    batch = json.loads((out / "batch.json").read_bytes())
    assert list(batch) == [
        "schema", "input", "pages", "documents", "files", "needs_review", "models", "seconds",
    ]  # fmt: skip
    assert batch["schema"] == "archivair-batch/1"
    assert (batch["input"]["file"], batch["input"]["pages"]) == ("stapel.pdf", 2)
    page, blank = batch["pages"]
    assert {"page", "class", "class_probabilities", "quality", "rotation_deg", "script",
            "starts_document", "boundary_probability", "document"} <= set(page)  # fmt: skip
    assert len(page["class_probabilities"]) == 20
    assert page["starts_document"] is True
    assert (blank["class"], blank["quality"], blank["document"]) == ("leer", ["leer"], 1)
    assert decode_batch((out / "batch.json").read_bytes()).seconds > 0


def test_documents_are_pdfa_with_their_text_and_attachments(tmp_path, capsys, read_by):
    out = tmp_path / "out"
    run(capsys, save(tmp_path / "stapel.tif", [PAGE, np.rot90(PAGE)]), "--out", out)
    batch = decode_batch((out / "batch.json").read_bytes())
    for document in batch.documents:
        content = (out / "documents" / f"{document.name}.pdf").read_bytes()
        assert check_pdfa(content) == []
        with pdfplumber.open(io.BytesIO(content)) as pdf:
            shown = [page.extract_text(use_text_flow=True) or "" for page in pdf.pages]
        stems = [page.stem for page in batch.pages if page.document == document.document]
        texts = [(out / "pages" / f"{stem}.txt").read_text(encoding="utf-8") for stem in stems]
        assert [text.split() for text in shown] == [text.split() for text in texts]
        with pikepdf.open(io.BytesIO(content)) as pdf:
            attached = {
                name: spec.get_file().read_bytes() for name, spec in pdf.attachments.items()
            }
        number = f"{document.document:03d}"
        own = (out / "documents" / f"{document.name}.json").read_bytes()
        assert attached.pop(f"{number}.json") == own
        altos = {(out / "pages" / f"{stem}.alto.xml").read_bytes() for stem in stems}
        assert set(attached.values()) == altos
        assert all(name.startswith(number) and name.endswith(".alto.xml") for name in attached)


def test_the_manifest_names_every_page_and_file(tmp_path, capsys, read_by):
    out = tmp_path / "out"
    run(capsys, save(tmp_path / "stapel.pdf", [PAGE, BLANK]), "--out", out)
    manifest = json.loads((out / "manifest.json").read_bytes())
    assert [page["page"] for page in manifest["pages"]] == [1, 2]
    assert len({page["page_sha256"] for page in manifest["pages"]}) == 2
    named = {one["path"] for one in manifest["files"]}
    assert named == contents(out).keys() - {"manifest.json", "transfervermerk.pdf"}
    assert changed_files((out / "manifest.json").read_bytes(), out) == []
    (out / "fields.csv").write_bytes(b"x")
    assert changed_files((out / "manifest.json").read_bytes(), out) == ["fields.csv"]
    assert check_pdfa((out / "transfervermerk.pdf").read_bytes()) == []


def test_several_files_are_one_batch(tmp_path, capsys, read_by):
    first, second = save(tmp_path / "a.tif", [PAGE, PAGE]), save(tmp_path / "b.png", [PAGE])
    bad = tmp_path / "leer.pdf"
    bad.write_bytes(b"")
    out = tmp_path / "out"
    code, printed, _ = run(capsys, first, bad, second, "--out", out)
    assert code == 0
    assert [(one["file"], one["code"]) for one in json.loads(printed)["failed"]] == [
        ("leer.pdf", "datei_leer")
    ]
    batch = decode_batch((out / "batch.json").read_bytes())
    assert [(page.page, page.file, page.stem) for page in batch.pages] == [
        (1, 1, "a_p0001"), (2, 1, "a_p0002"), (3, 2, "b"),
    ]  # fmt: skip
    manifest = json.loads((out / "manifest.json").read_bytes())
    assert [(page["file"], page["page"]) for page in manifest["pages"]] == [
        ("a.tif", 1), ("a.tif", 2), ("b.png", 1),
    ]  # fmt: skip


def test_the_fields_are_a_table_for_spreadsheets(tmp_path, capsys, read_by):
    out = tmp_path / "out"
    run(capsys, save(tmp_path / "a.png", [PAGE]), "--out", out)
    table = (out / "fields.csv").read_bytes()
    assert table.startswith(b"\xef\xbb\xbfakte;dokument;klasse;")


def test_the_same_input_gives_the_same_json_and_text(tmp_path, capsys, read_by):
    path = save(tmp_path / "stapel.pdf", [PAGE, BLANK, PAGE])
    made = []
    for name in ("eins", "zwei"):
        run(capsys, path, "--out", tmp_path / name)
        made.append(contents(tmp_path / name))
    assert made[0].keys() == made[1].keys()
    for name in made[0]:
        one, other = made[0][name], made[1][name]
        if name == "batch.json":
            assert without_times(json.loads(one)) == without_times(json.loads(other))
        elif not name.endswith(".pdf") and name != "manifest.json":
            assert one == other, name


def test_killed_it_goes_on_at_the_next_page(tmp_path, capsys, read_by, counted):
    path = save(tmp_path / "stapel.tif", [np.roll(PAGE, 5 * n, axis=0) for n in range(6)])
    run(capsys, path, "--out", tmp_path / "ganz")
    undisturbed = contents(tmp_path / "ganz")
    counted.clear()
    out = tmp_path / "out"
    read_by(GoneServer(answers=9))
    code, printed, err = run(capsys, path, "--out", out)
    assert (code, printed) == (3, "")
    done = len(list((out / ".archivair").glob("gelesen_*/*.page")))
    assert 1 <= done < 6
    assert [one.name for one in out.iterdir()] == [".archivair"]
    counted.clear()
    read_by()
    code, printed, err = run(capsys, path, "--out", out)
    assert code == 0
    assert f"{done} Seiten sind schon gelesen" in err
    assert len(counted) == 6 - done
    again = contents(out)
    assert again.keys() == undisturbed.keys()
    for name, content in again.items():
        if name.startswith("pages/") or name.endswith(".csv"):
            assert content == undisturbed[name], name
    assert without_times(json.loads(again["batch.json"])) == without_times(
        json.loads(undisturbed["batch.json"])
    )


def test_another_model_reads_anew(tmp_path, capsys, read_by, counted, monkeypatch):
    path = save(tmp_path / "stapel.tif", [np.roll(PAGE, 5 * n, axis=0) for n in range(4)])
    read_by(GoneServer(answers=9))
    run(capsys, path, "--out", tmp_path / "out")
    counted.clear()
    read_by()
    monkeypatch.setattr(process_command, "model_fingerprint", lambda client: "modell 2")
    code, _, err = run(capsys, path, "--out", tmp_path / "out")
    assert code == 0
    assert "schon gelesen" not in err
    assert sorted(counted) == [1, 2, 3, 4]


def test_a_kept_page_that_was_spoilt_is_read_again(tmp_path, capsys, read_by, counted):
    path = save(tmp_path / "stapel.tif", [np.roll(PAGE, 5 * n, axis=0) for n in range(3)])
    read_by(GoneServer(answers=7))
    run(capsys, path, "--out", tmp_path / "out")
    (first,) = (tmp_path / "out" / ".archivair").glob("gelesen_*/1.page")
    first.write_bytes(b"kaputt")
    counted.clear()
    read_by()
    assert run(capsys, path, "--out", tmp_path / "out")[0] == 0
    assert 1 in counted


def test_results_of_another_input_are_kept_unless_forced(tmp_path, capsys, read_by):
    first, second = save(tmp_path / "a.png", [PAGE]), save(tmp_path / "b.png", [PAGE[:, :-9]])
    out = tmp_path / "out"
    assert run(capsys, first, "--out", out)[0] == 0
    assert run(capsys, first, "--out", out)[0] == 0
    before = contents(out)
    code, printed, err = run(capsys, second, "--out", out)
    assert (code, printed) == (2, "")
    assert "--force" in err
    assert err.count("\n") == 1
    assert contents(out) == before
    assert run(capsys, second, "--out", out, "--force")[0] == 0
    assert not (out / "pages" / "a.txt").exists()


def test_a_page_that_cannot_be_opened_stays_in_its_place(tmp_path, capsys, read_by):
    images = [Image.fromarray(PAGE), Image.new("L", (5, 5), 255), Image.fromarray(PAGE)]
    images[0].save(tmp_path / "a.tif", save_all=True, append_images=images[1:])
    out = tmp_path / "out"
    code, printed, _ = run(capsys, tmp_path / "a.tif", "--out", out)
    assert code == 0
    (failed,) = json.loads(printed)["failed"]
    assert (failed["file"], failed["page"], failed["code"]) == ("a.tif", 2, "seite_zu_klein")
    batch = decode_batch((out / "batch.json").read_bytes())
    assert [page.page for page in batch.pages] == [1, 2, 3]
    pages = 0
    for path in (out / "documents").glob("*.pdf"):
        assert check_pdfa(path.read_bytes()) == []
        with pikepdf.open(path) as pdf:
            pages += len(pdf.pages)
    assert pages == 3


@pytest.fixture
def nobody_reads(monkeypatch):
    def refuse(stack):
        raise AssertionError("the model server was asked")

    monkeypatch.setattr(command, "_client", refuse)


def locked(path):
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(path, encryption=pikepdf.Encryption(owner="a", user="b"))


def without_pages(path):
    with pikepdf.new() as pdf:
        pdf.save(path)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (locked, "pdf_passwort"),
        (without_pages, "pdf_ohne_seiten"),
        (lambda path: path.write_bytes(b"%PDF-1.4\nkaputt"), "pdf_beschaedigt"),
        (lambda path: path.write_bytes(b"II*\x00 nichts"), "inhalt_passt_nicht"),
        (lambda path: path.write_bytes(b""), "datei_leer"),
        (lambda path: path.mkdir(), "ordner_statt_datei"),
        (lambda path: None, "datei_fehlt"),
    ],
)
def test_a_batch_that_cannot_be_opened(tmp_path, capsys, nobody_reads, make, code):
    path, out = tmp_path / "stapel.pdf", tmp_path / "out"
    make(path)
    status, printed, err = run(capsys, path, "--out", out)
    assert status == 2
    (failed,) = json.loads(printed)["failed"]
    assert (failed["file"], failed["code"]) == ("stapel.pdf", code)
    assert err.count("\n") == 1
    assert err.startswith("Keine Seite konnte gelesen werden.")
    assert not out.exists()


def test_a_batch_of_which_no_page_can_be_read_leaves_nothing(tmp_path, capsys, read_by):
    Image.new("L", (5, 5), 255).save(tmp_path / "a.png")
    code, printed, err = run(capsys, tmp_path / "a.png", "--out", tmp_path / "out")
    assert code == 2
    assert json.loads(printed)["pages"] == 0
    assert err.splitlines()[-1].startswith("Keine Seite konnte gelesen werden.")
    assert not (tmp_path / "out").exists()


def test_two_files_of_the_same_name(tmp_path, capsys, nobody_reads):
    (tmp_path / "b").mkdir()
    files = (save(tmp_path / "akte.png", [PAGE]), save(tmp_path / "b" / "akte.tif", [PAGE]))
    code, printed, err = run(capsys, *files, "--out", tmp_path / "out")
    assert (code, printed) == (2, "")
    assert "„akte“" in err
    assert not (tmp_path / "out").exists()


def test_a_full_disk_while_pages_are_kept(tmp_path, capsys, read_by, monkeypatch):
    def full(path, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("apps.archivair.batch.kept_pages.Path.replace", full)
    code, printed, err = run(capsys, save(tmp_path / "a.png", [PAGE]), "--out", tmp_path / "out")
    assert (code, printed) == (2, "")
    assert "Ordner" in err
    assert not [path for path in tmp_path.rglob("*.part")]


def test_a_place_that_cannot_be_written(tmp_path, capsys, nobody_reads):
    (tmp_path / "datei").write_text("x", encoding="utf-8")
    code, printed, err = run(
        capsys, save(tmp_path / "a.png", [PAGE]), "--out", tmp_path / "datei" / "out"
    )
    assert (code, printed, err.count("\n")) == (2, "", 1)
    assert (tmp_path / "datei").read_text(encoding="utf-8") == "x"


def test_no_model_server_leaves_nothing(tmp_path, capsys, monkeypatch):
    def down(stack):
        raise ModelServerDown()

    monkeypatch.setattr(command, "_client", down)
    code, printed, err = run(capsys, save(tmp_path / "a.png", [PAGE]), "--out", tmp_path / "out")
    assert (code, printed, err.count("\n")) == (3, "", 1)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("way", ["signal", "cancelled"])
def test_a_stop_ends_with_code_four_and_keeps_what_was_read(
    tmp_path, capsys, read_by, monkeypatch, way
):
    honest = process_command._Record.note_page

    def stops(record, step):
        honest(record, step)
        if way == "cancelled":
            raise Cancelled()
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(process_command._Record, "note_page", stops)
    out = tmp_path / "out"
    code, printed, err = run(capsys, save(tmp_path / "a.tif", [PAGE] * 4), "--out", out)
    assert (code, printed) == (4, "")
    assert "abgebrochen" in err
    assert [one.name for one in out.iterdir()] == [".archivair"]


def test_a_document_that_cannot_be_written_gives_code_four_and_can_be_made_up_for(
    tmp_path, capsys, read_by, counted, monkeypatch
):
    def broken(*words):
        raise DamagedImage()

    source, out = save(tmp_path / "a.tif", [PAGE] * 2), tmp_path / "out"
    with monkeypatch.context() as patched:
        patched.setattr(export_job, "write_document", broken)
        code, printed, err = run(capsys, source, "--out", out)
    told = json.loads(printed)
    documents = len(decode_batch((out / "batch.json").read_bytes()).documents)
    assert (code, told["documents"]) == (4, 0)
    assert [one["file"] for one in told["failed"]] == [
        f"Dokument {number}" for number in range(1, documents + 1)
    ]
    assert f"{documents} von {documents} Dokumenten konnten nicht geschrieben werden" in err
    assert not (out / "documents").exists()
    counted.clear()
    code, printed, _ = run(capsys, source, "--out", out)
    assert (code, json.loads(printed)["documents"], counted) == (0, documents, [])
    assert sorted(path.name for path in out.iterdir()) == FILES


def test_a_full_disk_while_documents_are_written_publishes_nothing(
    tmp_path, capsys, read_by, monkeypatch
):
    def full(*words):
        raise StorageFull(folder="Ablage")

    monkeypatch.setattr(export_job, "write_document", full)
    out = tmp_path / "out"
    code, printed, err = run(capsys, save(tmp_path / "a.png", [PAGE]), "--out", out)
    assert (code, printed) == (2, "")
    assert "„Ablage“" in err or "Ablage" in err
    assert [one.name for one in out.iterdir()] == [".archivair"]


def test_the_results_never_lie_in_memory_as_a_whole(tmp_path, capsys, read_by, monkeypatch):
    honest, places = process_command.publish, []

    def seen(folder, packed):
        places.append(os.fstat(packed.fileno()).st_size)
        return honest(folder, packed)

    monkeypatch.setattr(process_command, "publish", seen)
    code, _, _ = run(capsys, save(tmp_path / "a.png", [PAGE]), "--out", tmp_path / "out")
    assert code == 0
    assert places[0] > 1000


def test_note_and_page_name_the_same_sample(tmp_path, capsys, read_by):
    out = tmp_path / "out"
    run(capsys, save(tmp_path / "a.tif", [PAGE] * 3), "--out", out)
    batch = decode_batch((out / "batch.json").read_bytes())
    with pdfplumber.open(out / "transfervermerk.pdf") as pdf:
        text = " ".join((pdf.pages[0].extract_text(use_text_flow=True) or "").split())
    (page,) = sample_pages(batch.inputs, len(batch.pages))
    assert f"Stichprobe für das Vier-Augen-Prinzip (5 %): Seite {page} Ergebnis" in text


def test_a_second_call_in_one_folder_is_refused_and_harms_nothing(tmp_path, capsys, nobody_reads):
    out = tmp_path / "out"
    with working_in(out):
        code, printed, err = run(capsys, save(tmp_path / "a.png", [PAGE]), "--out", out)
    assert (code, printed, err.count("\n")) == (2, "", 1)
    assert "anderer Aufruf" in err
