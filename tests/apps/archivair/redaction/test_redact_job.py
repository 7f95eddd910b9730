"""The job in this process: what a person released is written and proved; what fails has no file."""

import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pikepdf
import pytest
from PIL import Image

from apps.archivair import jobs
from apps.archivair.archive_files.page_content import PageWord
from apps.archivair.archive_files.pdfa_check import check_pdfa
from apps.archivair.errors import ReadingUnusable
from apps.archivair.jobs import OCR
from apps.archivair.redaction import job
from apps.archivair.redaction.hits import PiiHit
from apps.archivair.redaction.job import BATCH, PROFILE, REDACT, redact_order
from apps.archivair.redaction.plan import (
    MEDIA_TYPE,
    PLAN_NAME,
    Plan,
    PlannedDocument,
    PlannedPage,
    encode_plan,
)
from apps.archivair.results_zip import READINGS_NAME
from shared.contracts.jobs import StoredFile
from shared.jobs.inline import InlineFile, run_inline
from tests.apps.archivair.doubles import InkReader, ToldTesseract, draw_lines

PAGE = draw_lines(["Der Bauherr ist zufrieden", "mit der Genehmigung"], size=(900, 500))
YELLOW = np.dstack([PAGE, PAGE, (PAGE * 0.6).astype(np.uint8)])
MOMENT = datetime(2026, 11, 28, 13, 0, tzinfo=UTC)
BOX = (80, 60, 300, 110)


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Return inputs of a batch of three pages that was read."""
    monkeypatch.setattr(jobs, "find_tesseract", ToldTesseract)
    monkeypatch.setattr(job, "find_tesseract", lambda: None)
    monkeypatch.setattr(job, "reread_with", lambda engines: lambda pixels, dpi: ())
    images = [Image.fromarray(PAGE), Image.fromarray(YELLOW), Image.fromarray(PAGE)]
    path = tmp_path / "stapel.tif"
    images[0].save(path, save_all=True, append_images=images[1:])
    file = InlineFile(path, "Stapel.tif", "image/tiff")
    with run_inline(OCR, [file], {}, models=InkReader()) as result:
        (kept,) = [one for one in result.summary.files if one.name == READINGS_NAME]
        (tmp_path / READINGS_NAME).write_bytes(result.read(kept))
    return [file, InlineFile(tmp_path / READINGS_NAME, READINGS_NAME, kept.media_type)]


def planned(number=1, pages=(1, 2), removed=(), kept=(), page_class="schriftverkehr", turn=0):
    return PlannedDocument(
        number, f"{number:03d}_schriftverkehr",
        tuple(PlannedPage(page, turn, page_class) for page in pages), tuple(removed), tuple(kept),
    )  # fmt: skip


def plan_of(*documents, profile="nachbar"):
    return Plan(
        "archivair-redaction-plan/1", profile, tuple(documents), (), MOMENT, "sachbearbeitung", 1, 2
    )


def redact(read, plan, tmp_path):
    path = tmp_path / PLAN_NAME
    path.write_bytes(encode_plan(plan))
    inputs = [*read, InlineFile(path, PLAN_NAME, MEDIA_TYPE)]
    with run_inline(
        REDACT, inputs, {BATCH: "x", PROFILE: plan.profile}, models=InkReader()
    ) as done:
        files = {}
        for file in done.summary.files:
            assert file.name == f"auszug_{plan.profile}_geschwaerzt.zip"
            with zipfile.ZipFile(io.BytesIO(done.read(file))) as archive:
                files = {name: archive.read(name) for name in archive.namelist()}
        return files, done.summary.data, list(done.outcomes())


def test_what_was_released_is_gone_and_colour_stays(read, tmp_path):
    hits = [PiiHit(page, "own", "", "Kasten einer Person", (BOX,)) for page in (1, 2)]
    files, summary, _ = redact(read, plan_of(planned(removed=hits), planned(2, (3,))), tmp_path)
    assert sorted(files) == [
        "001_schriftverkehr_nachbar.pdf", "001_schriftverkehr_nachbar.pdf.report.json",
        "002_schriftverkehr_nachbar.pdf", "002_schriftverkehr_nachbar.pdf.report.json",
    ]  # fmt: skip
    assert (summary["left"], summary["added"], summary["failed"]) == (1, 2, [])
    content = files["001_schriftverkehr_nachbar.pdf"]
    assert check_pdfa(content) == []
    report = json.loads(files["001_schriftverkehr_nachbar.pdf.report.json"])
    assert report["released"] == {"at": "2026-11-28T13:00:00+00:00", "role": "sachbearbeitung"}
    assert report["verification"]["residues"] == [] and len(report["verification"]["checks"]) == 7
    with pikepdf.open(io.BytesIO(content)) as pdf:
        scans = [page.Resources.XObject.Scan for page in pdf.pages]
        assert [str(one.ColorSpace) for one in scans] == ["/DeviceGray", "/DeviceRGB"]
        for scan, entry in zip(scans, report["removed"], strict=True):
            ((left, top, right, bottom),) = entry["boxes_px"]
            image = np.asarray(pikepdf.PdfImage(scan).as_pil_image())
            assert left <= BOX[0] and right >= BOX[2] and top <= BOX[1] and bottom >= BOX[3]
            assert len(np.unique(image[top:bottom, left:right].reshape(-1, image.ndim))) == 1


def test_a_turn_that_a_person_made_is_kept(read, tmp_path):
    upright = PiiHit(1, "own", "", "Kasten einer Person", ((30, 500, 120, 700),))
    files, *_ = redact(read, plan_of(planned(pages=(1,), removed=[upright], turn=90)), tmp_path)
    with pikepdf.open(io.BytesIO(files["001_schriftverkehr_nachbar.pdf"])) as pdf:
        scan = pdf.pages[0].Resources.XObject.Scan
        assert (int(scan.Width), int(scan.Height)) == (500, 900)
        image = np.asarray(pikepdf.PdfImage(scan).as_pil_image())
        assert image[500:700, 30:120].max() == 0


def test_a_failed_proof_gives_no_file_of_that_document_and_the_others_go_on(
    read, tmp_path, monkeypatch
):
    def sees_a_rest(pixels, dpi):
        return [PageWord("Zufrieden", (600, 400, 700, 420))] if pixels.shape[1] == 900 else []

    monkeypatch.setattr(job, "reread_with", lambda engines: sees_a_rest)
    hit = PiiHit(1, "person_name", "zufrieden", "Name der Akte", (BOX,), ((0, 3),))
    plan = plan_of(planned(pages=(1,), removed=[hit]), planned(2, (3,)))
    files, summary, outcomes = redact(read, plan, tmp_path)
    assert sorted(files) == [
        "002_schriftverkehr_nachbar.pdf", "002_schriftverkehr_nachbar.pdf.report.json",
    ]  # fmt: skip
    assert summary["failed"] == [[1, "schwaerzung_unvollstaendig"]]
    assert outcomes[0].file is None
    assert "zufrieden" not in (outcomes[0].error_message or "").casefold()


def test_when_everything_fails_there_is_no_file_at_all(read, tmp_path):
    plan = plan_of(planned(pages=(1, 2), page_class="foto"))
    files, summary, outcomes = redact(read, plan, tmp_path)
    assert files == {}
    assert summary["failed"] == [[1, "nichts_herauszugeben"]]
    assert outcomes[0].file is None


def test_withheld_pages_are_named_by_their_number_in_the_batch(read, tmp_path):
    document = planned(pages=(2, 3))
    first, second = document.pages
    document = replace(document, pages=(first, replace(second, page_class="grundriss")))
    _, summary, _ = redact(read, plan_of(document), tmp_path)
    assert [row["withheld"] for row in summary["documents"]] == [[3]]


def test_a_page_without_reading_is_never_handed_out(read, tmp_path):
    files, summary, _ = redact(read, plan_of(planned(pages=(1, 9))), tmp_path)
    assert files == {}
    assert summary["failed"] == [[1, "seite_nicht_pruefbar"]]


def test_the_order_needs_the_readings_of_the_batch():
    from types import SimpleNamespace

    stored = StoredFile("x", "ab" * 32, 1, "application/zip")
    run = SimpleNamespace(id="r", title="Akte", inputs=(stored,), is_example=True)
    order = redact_order(run, {READINGS_NAME: stored}, stored, "intern")
    assert (order.job, order.parameters, len(order.inputs)) == (
        "redact", {BATCH: "r", PROFILE: "intern"}, 3,
    )  # fmt: skip
    assert order.is_example
    with pytest.raises(ReadingUnusable):
        redact_order(run, {}, stored, "intern")
