"""The job in this process: pages, failures, what is stored, and that it is the same every time."""

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from apps.archivair import jobs
from apps.archivair.batch.stream import decode_stream
from apps.archivair.errors import PdfDamaged, ReadingUnusable, ScriptNotAvailable, StemTaken
from apps.archivair.jobs import JOBS, OCR
from apps.archivair.kept_page import decode_page
from apps.archivair.page_figures import figures_from
from apps.archivair.results_zip import Readings
from shared.errors import (
    DamagedImage,
    EmptyFile,
    FileTypeRefused,
    ModelServerDown,
    ModelServerTimeout,
)
from shared.jobs.inline import InlineFile, run_inline
from tests.apps.archivair.doubles import GoneServer, InkReader, ToldTesseract, draw_lines

PAGE = draw_lines(["Der Bauherr ist zufrieden", "mit der Genehmigung"], size=(900, 500))


@pytest.fixture(autouse=True)
def told_tesseract(monkeypatch):
    monkeypatch.setattr(jobs, "find_tesseract", ToldTesseract)


def scan(path, pages=1, gray=PAGE):
    images = [Image.fromarray(np.roll(gray, 3 * number, axis=0)) for number in range(pages)]
    more = {"save_all": True, "append_images": images[1:]} if pages > 1 else {}
    images[0].save(path, **more)
    return path


def read(path, client=None, script="auto", **options):
    file = InlineFile(path, path.name, "application/octet-stream")
    options = {"sleep": lambda seconds: None} | options
    return run_inline(OCR, [file], {"script": script}, models=client or InkReader(), **options)


def test_every_page_is_a_unit_with_figures_and_one_file(tmp_path):
    with read(scan(tmp_path / "akte.tif", 3)) as result:
        outcomes = list(result.outcomes())
        assert [outcome.key for outcome in outcomes] == ["1", "2", "3"]
        for number, outcome in enumerate(outcomes, start=1):
            figures = figures_from(outcome.data)
            page = decode_page(result.read(outcome.file))
            assert (figures.page, page.identity.index, page.identity.pages) == (number, number, 3)
            assert figures.stem == page.identity.stem == f"akte_p000{number}"
            assert (figures.lines, figures.words) == (2, len(page.reading.text.split()))
            picture = Image.open(io.BytesIO(page.picture))
            assert (picture.format, picture.size) == ("JPEG", (900, 500))
        assert [model.name for model in result.models] == ["ppocrv6_small", "tesseract_deu"]


def test_the_summary_has_figures_models_and_pages(tmp_path):
    with read(scan(tmp_path / "akte.pdf", 2)) as result:
        summary = result.summary.data
        assert summary["schema"] == "archivair-run/1"
        assert (summary["figures"]["pages"], summary["figures"]["lines"]) == (2, 4)
        assert [model["name"] for model in summary["models"]] == ["ppocrv6_small", "tesseract_deu"]
        assert [row[0] for row in summary["pages"]] == [1, 2]
        assert summary["failed"] == []
        packed, *others = result.summary.files
        assert packed.name == "akte.zip"
        assert [file.name for file in others] == ["stream.json", "lesungen.zip", "suche.sqlite"]
        with zipfile.ZipFile(io.BytesIO(result.read(packed))) as archive:
            assert len(archive.namelist()) == 6
            assert json.loads(archive.read("akte_p0002.json"))["input"]["sha256"]


def test_the_same_file_gives_the_same_bytes(tmp_path):
    """Whatever the order in which pages were done."""
    path = scan(tmp_path / "akte.tif", 4)
    hashes = []
    for at_once in (1, 2):
        with read(path, units_at_once=at_once) as result:
            files = [outcome.file.sha256 for outcome in result.outcomes()]
            hashes.append([*files, result.summary.files[0].sha256])
    assert hashes[0] == hashes[1]
    assert len(set(hashes[0])) == 5


def test_a_bad_page_is_listed_and_the_others_are_read(tmp_path):
    images = [Image.fromarray(PAGE), Image.new("L", (5, 5), 255), Image.fromarray(PAGE)]
    images[0].save(tmp_path / "a.tif", save_all=True, append_images=images[1:])
    with read(tmp_path / "a.tif") as result:
        codes = [outcome.error_code for outcome in result.outcomes()]
        assert codes == [None, "seite_zu_klein", None]
        assert result.summary.data["failed"] == [[2, "seite_zu_klein"]]
        assert result.summary.data["figures"]["pages"] == 2
        with zipfile.ZipFile(io.BytesIO(result.read(result.summary.files[0]))) as archive:
            assert not [name for name in archive.namelist() if "p0002" in name]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"GIF89a", FileTypeRefused),
        (b"II*\x00 nothing", DamagedImage),
        (b"%PDF-1.4\nkaputt", PdfDamaged),
        (b"", EmptyFile),
    ],
)
def test_a_file_that_cannot_be_opened_ends_the_run(tmp_path, content, error):
    path = tmp_path / "akte"
    path.write_bytes(content)
    with pytest.raises(error):
        read(path)


def test_an_unknown_script_is_refused_before_anything_is_read(tmp_path):
    client = InkReader()
    with pytest.raises(ScriptNotAvailable):
        read(scan(tmp_path / "a.png"), client, script="kurrent")
    assert client.pages == 0


@pytest.mark.parametrize("script", ["antiqua", "typewriter"])
def test_a_known_script_is_taken(tmp_path, script):
    with read(scan(tmp_path / "a.png"), script=script) as result:
        (outcome,) = result.outcomes()
        assert figures_from(outcome.data).script == script


def test_a_page_that_takes_too_long_is_tried_again(tmp_path):
    class SlowAtFirst(InkReader):
        def ocr(self, images, *, mode="page", stop=lambda: False):
            if mode == "detect" and self.pages < 2:
                self.pages += 1
                raise ModelServerTimeout()
            return super().ocr(images, mode=mode, stop=stop)

    with read(scan(tmp_path / "a.tif", 2), SlowAtFirst()) as result:
        assert result.units_failed == 0


def test_a_missing_model_server_is_not_a_failed_page(tmp_path):
    """The supervisor lets such a page wait; this process has to give up."""
    with pytest.raises(ModelServerDown):
        read(scan(tmp_path / "a.tif", 2), GoneServer(answers=0))


def test_the_name_of_the_upload_names_the_results(tmp_path):
    """The stored file is called by its hash, which nobody wants to read."""
    path = scan(tmp_path / "akte.tif").rename(tmp_path / ("0" * 64))
    file = InlineFile(path, "Grüner Weg 7.tif", "image/tiff")
    with run_inline(OCR, [file], {}, models=InkReader()) as result:
        (outcome,) = result.outcomes()
        page = decode_page(result.read(outcome.file))
        assert page.identity.file_name == "Grüner Weg 7.tif"
        assert page.identity.stem == "Grüner Weg 7"
        assert result.summary.files[0].name == "Grüner Weg 7.zip"


def test_the_definition_is_found_by_its_name():
    assert [job.name for job in JOBS] == ["ocr", "export", "redact"]


def read_several(*paths):
    files = [InlineFile(path, path.name, "application/octet-stream") for path in paths]
    return run_inline(OCR, files, {}, models=InkReader(), sleep=lambda seconds: None)


def test_several_files_are_numbered_through(tmp_path):
    paths = (scan(tmp_path / "b.tif", 2), scan(tmp_path / "a.png"), scan(tmp_path / "c.pdf", 2))
    with read_several(*paths) as result:
        outcomes = list(result.outcomes())
        assert [outcome.key for outcome in outcomes] == ["1", "2", "3", "4", "5"]
        assert [figures_from(outcome.data).page for outcome in outcomes] == [1, 2, 3, 4, 5]
        pages = [decode_page(result.read(outcome.file)).identity for outcome in outcomes]
        assert [(page.stem, page.index) for page in pages] == [
            ("b_p0001", 1), ("b_p0002", 2), ("a", 1), ("c_p0001", 1), ("c_p0002", 2),
        ]  # fmt: skip
        by_name = {file.name: result.read(file) for file in result.summary.files}
        stream = decode_stream(by_name["stream.json"])
        assert [(one.file, one.pages) for one in stream.inputs] == [
            ("b.tif", 2), ("a.png", 1), ("c.pdf", 2),
        ]  # fmt: skip
        assert [page.file for page in stream.pages] == [1, 1, 2, 3, 3]
        with zipfile.ZipFile(io.BytesIO(by_name["b.zip"])) as archive:
            assert {name.split(".")[0] for name in archive.namelist()} == {
                page.stem for page in pages
            }


def test_a_file_that_cannot_be_opened_is_named_and_the_others_are_read(tmp_path):
    bad = tmp_path / "schlecht.pdf"
    bad.write_bytes(b"%PDF-1.4\nkaputt")
    with read_several(scan(tmp_path / "a.tif", 2), bad, scan(tmp_path / "b.png")) as result:
        assert result.units_total == 3
        assert result.summary.data["unusable"] == [[2, "pdf_beschaedigt"]]
        assert result.summary.data["failed"] == []
    with pytest.raises(PdfDamaged):
        read_several(bad)


def test_files_of_the_same_name_are_refused(tmp_path):
    with pytest.raises(StemTaken):
        read_several(scan(tmp_path / "a.tif"), scan(tmp_path / "a.png"))
    with pytest.raises(StemTaken):
        read_several(scan(tmp_path / "c.tif", 2), scan(tmp_path / "c_p0002.png"))


def test_how_a_page_looks_is_kept_with_it(tmp_path):
    with read(scan(tmp_path / "a.png")) as result:
        (outcome,) = result.outcomes()
        kept = decode_page(result.read(outcome.file))
        assert 0.005 < kept.look.ink < 0.2
        assert kept.look.rows < 0.9


def test_readings_of_a_run_are_found_by_their_number(tmp_path):
    images = [Image.fromarray(PAGE), Image.new("L", (5, 5), 255), Image.fromarray(PAGE)]
    images[0].save(tmp_path / "a.tif", save_all=True, append_images=images[1:])
    with read(tmp_path / "a.tif") as result:
        outcomes = list(result.outcomes())
        (file,) = [one for one in result.summary.files if one.name == "lesungen.zip"]
        path = tmp_path / "lesungen.zip"
        path.write_bytes(result.read(file))
        with Readings(path) as readings:
            assert readings.find(2) is None
            kept = decode_page(result.read(outcomes[2].file))
            assert readings.find(3) == replace(kept, picture=b"")
    path.write_bytes(b"kein ZIP")
    with pytest.raises(ReadingUnusable):
        Readings(path)
