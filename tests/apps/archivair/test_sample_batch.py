"""The sample batch: what it holds, that it is kept, that it agrees with the demo city."""

import io

import pypdfium2
import pytest

from apps.archivair import sample_batch as module
from apps.archivair.file_check import check_file
from apps.archivair.pages import Limits
from apps.archivair.sample_batch import (
    BATCH_FILES,
    BATCH_NAME,
    BATCH_PAGES,
    draw_batch,
    sample_batch,
    sample_scans,
    true_documents,
)
from shared.demo_city import CitySettings, build_city, is_city_built
from shared.settings import Settings
from tests.e2e.gallery_process import DEMO_CITY


def test_the_batch_is_one_pdf_of_34_pages_and_says_that_it_is_invented():
    content = draw_batch()
    checked = check_file(content, BATCH_NAME, Limits())
    assert (checked.pages, checked.media_type) == (BATCH_PAGES, "application/pdf")
    document = pypdfium2.PdfDocument(io.BytesIO(content))
    assert "Beispieldaten" in document.get_metadata_dict()["Title"]
    width, height = document[0].get_size()
    assert (round(width), round(height)) == (595, 842)
    assert len(module._facts()) == BATCH_FILES


def test_what_is_told_as_true_is_true():
    pages = [page.truth for scan in sample_scans() for page in scan.pages]
    truth = {number: one.page_class for number, one in enumerate(pages, 1) if one.starts_document}
    assert true_documents() == truth
    assert len(pages) == BATCH_PAGES


def test_the_batch_is_drawn_once_and_kept(monkeypatch, tmp_path):
    drawn = []

    def draw():
        drawn.append(1)
        return b"%PDF-1.7"

    monkeypatch.setattr(module, "draw_batch", draw)
    settings = Settings(_env_file=None, demo_city_dir=tmp_path / "stadt")
    assert sample_batch(settings) == sample_batch(settings) == b"%PDF-1.7"
    assert drawn == [1]
    kept = [path.name for path in (tmp_path / "stadt" / "archivair").glob("*.pdf")]
    assert len(kept) == 1
    monkeypatch.setattr(module, "_fingerprint", lambda settings: "anders")
    sample_batch(settings)
    assert drawn == [1, 1]


def test_the_files_of_the_batch_are_those_of_the_demo_city():
    settings = Settings(_env_file=None, demo_city_dir=DEMO_CITY["URBANKI_DEMO_CITY_DIR"])
    if not is_city_built(settings.demo_city_folder, CitySettings()):
        pytest.skip("the demo city of the tests is not built: python -m shared.demo_city build")
    files = build_city(CitySettings(), settings.demo_city_folder).table("building_files")
    known = files.set_index("file_id")
    for facts in module._facts():
        row = known.loc[facts["file_id"]]
        assert {key: row[key] for key in facts if key != "file_id"} == {
            key: value for key, value in facts.items() if key != "file_id"
        }
        assert not row["has_contradiction"]
