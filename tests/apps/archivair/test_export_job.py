"""The export in this process: decisions applied, colours kept, the same bytes, one ZIP."""

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pikepdf
import pytest
from PIL import Image

from apps.archivair import jobs
from apps.archivair.archive_files.pdfa_check import check_pdfa
from apps.archivair.batch.contents import decode_batch
from apps.archivair.errors import ReadingUnusable
from apps.archivair.export_job import EXPORT, export_inputs, export_parameters
from apps.archivair.jobs import OCR
from apps.archivair.ordering import export_order
from shared.contracts.jobs import StoredFile
from shared.jobs.inline import InlineFile, run_inline
from shared.store.decisions import Decision
from tests.apps.archivair.doubles import InkReader, ToldTesseract, draw_lines

PAGE = draw_lines(["Der Bauherr ist zufrieden", "mit der Genehmigung"], size=(900, 500))
YELLOW = np.dstack([PAGE, PAGE, (PAGE * 0.6).astype(np.uint8)])
NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Read:
    """A batch that was read: its file and what the reading wrote."""

    inputs: list[InlineFile]


@pytest.fixture
def read(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "find_tesseract", ToldTesseract)
    images = [Image.fromarray(PAGE), Image.fromarray(YELLOW), Image.fromarray(PAGE)]
    path = tmp_path / "stapel.tif"
    images[0].save(path, save_all=True, append_images=images[1:])
    file = InlineFile(path, "Stapel.tif", "image/tiff")
    with run_inline(OCR, [file], {}, models=InkReader()) as result:
        inputs = [file]
        for name in ("stream.json", "lesungen.zip"):
            (kept,) = [one for one in result.summary.files if one.name == name]
            (tmp_path / name).write_bytes(result.read(kept))
            inputs.append(InlineFile(tmp_path / name, name, kept.media_type))
    return Read(inputs)


def export(read, decisions=None, **more):
    parameters = export_parameters(decisions or [], NOW, "sachbearbeitung")
    with run_inline(EXPORT, read.inputs, parameters, **more) as result:
        (file,) = result.summary.files
        assert file.name == "Stapel_ablage.zip"
        return result.read(file), result.summary.data


def opened(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_decisions_make_the_documents(read):
    said = [
        ("schnitt:2", "ja", ""), ("schnitt:3", "nein", ""), ("klasse:2", "foto", ""),
        ("drehung:3", "90", ""),
    ]  # fmt: skip
    content, summary = export(read, said)
    files = opened(content)
    batch = decode_batch(files["batch.json"])
    assert [(one.first_page, one.last_page) for one in batch.documents] == [(1, 1), (2, 3)]
    assert "documents/002_foto.pdf" in files
    assert (summary["documents"], summary["pages"], summary["failed"]) == (2, 3, [])
    assert summary["files"] == len(files)
    with pikepdf.open(io.BytesIO(files["documents/002_foto.pdf"])) as pdf:
        sizes = [[round(float(side)) for side in page.mediabox[2:]] for page in pdf.pages]
        assert sizes[0] == sizes[1][::-1]
        spaces = [str(page.Resources.XObject.Scan.ColorSpace) for page in pdf.pages]
        assert spaces == ["/DeviceRGB", "/DeviceGray"]
        assert str(pdf.docinfo["/Title"]) == "Foto"
    own = json.loads(files["documents/002_foto.json"])
    assert (own["class"], own["confidence"]) == ("foto", 1.0)
    assert [page["page"] for page in own["pages"]] == [2, 3]
    assert own["input"][0]["file"] == "Stapel.tif"
    assert all(not check_pdfa(one) for name, one in files.items() if name.endswith(".pdf"))


def test_the_same_order_gives_the_same_bytes_in_any_order_of_work(read):
    hashes = {
        hashlib.sha256(export(read, units_at_once=at_once)[0]).hexdigest() for at_once in (1, 2)
    }
    assert len(hashes) == 1


def test_the_manifest_names_the_pages_of_each_file(read):
    files = opened(export(read)[0])
    manifest = json.loads(files["manifest.json"])
    assert (manifest["role"], manifest["written"]) == (
        "sachbearbeitung", "2026-11-28T12:00:00+00:00",
    )  # fmt: skip
    for one in manifest["files"]:
        assert hashlib.sha256(files[one["path"]]).hexdigest() == one["sha256"]
    first, second, third = (page["page_sha256"] for page in manifest["pages"])
    assert first == third != second


def test_what_another_version_read_is_refused(read, tmp_path):
    read.inputs[1].path.write_bytes(b"{}")
    with pytest.raises(ReadingUnusable):
        export(read)
    files = (StoredFile("a.pdf", "application/pdf", "a" * 64, 1),)
    with pytest.raises(ReadingUnusable):
        export_inputs(files, {"a.zip": files[0]})


def decided(value, minutes, reason=""):
    at = NOW + timedelta(minutes=minutes)
    return Decision(f"{minutes:04d}", "k", value, reason, "sachbearbeitung", at, taken_back=False)


def test_the_same_state_of_a_batch_is_the_same_order():
    file = StoredFile("a.pdf", "application/pdf", "a" * 64, 1)
    stream, readings = (
        StoredFile(name, "x", "b" * 64, 1) for name in ("stream.json", "lesungen.zip")
    )
    results = {"a.zip": file, "lesungen.zip": readings, "stream.json": stream}
    run = SimpleNamespace(
        title="a.pdf", inputs=(file,), is_example=False, finished_at=NOW, created_at=NOW
    )
    said = {"klasse:1": decided("foto", 5), "schnitt:2": decided("ja", 3)}
    order = export_order(run, results, said, "sachbearbeitung")
    assert order == export_order(run, results, dict(reversed(said.items())), "sachbearbeitung")
    assert order.inputs == (file, stream, readings)
    assert order.job == "export"
    items = [key for key, _, _ in order.parameters["decisions"]]
    assert items == ["schnitt:2", "klasse:1"], "the oldest first"
    assert datetime.fromisoformat(order.parameters["moment"]) == NOW + timedelta(minutes=5)
    other = export_order(run, results, said | {"schnitt:3": decided("ja", 9)}, "sachbearbeitung")
    assert other.parameters != order.parameters
