"""The job in this process: pages, failures, what is stored, and that it is the same every time."""

import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from apps.archivair import jobs
from apps.archivair.errors import PdfDamaged, ScriptNotAvailable
from apps.archivair.jobs import JOBS, OCR
from apps.archivair.kept_page import decode_page
from apps.archivair.page_figures import figures_from
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
        (packed,) = result.summary.files
        assert packed.name == "akte.zip"
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


def test_fraktur_is_refused_before_anything_is_read(tmp_path):
    client = InkReader()
    with pytest.raises(ScriptNotAvailable):
        read(scan(tmp_path / "a.png"), client, script="fraktur")
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
    assert [(job.app, job.name) for job in JOBS] == [("archivair", "ocr")]
