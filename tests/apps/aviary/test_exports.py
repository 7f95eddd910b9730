"""What people take along: complete, the same every time, with an origin that can be read back."""

import io
import sqlite3
import zipfile
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyogrio
import pytest
import rasterio
from PIL import Image
from rasterio.transform import from_origin

from apps.aviary.finds.analysis import count
from apps.aviary.finds.overlay import overlay_jpeg, overlay_png
from apps.aviary.finds.report import MOST_ROWS_ON_PAPER, SCHEMA, build_report
from apps.aviary.views import export as view_export
from apps.aviary.views.run import ShownRun
from shared.contracts.provenance import InputFile, ModelUse, Provenance
from shared.errors import DamagedImage
from shared.geo.open import open_raster
from shared.i18n import get_translator
from shared.report.excel import render_xlsx
from shared.report.geo_out import render_gpkg
from shared.store.layer_files import GEOPACKAGE, look_into
from shared.store.provenance import read_back
from tests.apps.aviary import doubles

GERMAN = get_translator("de", "aviary")
SQUARES = ((20, 40, 60, 70), (100, 100, 300, 250))
MOMENT = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)


def draw():
    pixels = np.full((300, 400, 3), 120, dtype=np.uint8)
    pixels[..., 1] = 150
    for x0, y0, x1, y1 in SQUARES:
        pixels[y0:y1, x0:x1] = doubles.BLUE
    return pixels


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """A result with a place on the map."""
    path = tmp_path_factory.mktemp("bild") / "Bild ä.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=400, height=300, count=3, dtype="uint8",
        crs="EPSG:25833", transform=from_origin(300000, 5700000, 0.1, 0.1),
    ) as target:  # fmt: skip
        target.write(draw().transpose(2, 0, 1))
    overview = io.BytesIO()
    Image.fromarray(draw()).save(overview, "JPEG", quality=95)
    analysis = doubles.analyse(path, doubles.finds_blue())
    return ShownRun(None, analysis, overview.getvalue(), "")


@pytest.fixture(scope="module")
def result(shown):
    return count(shown.analysis, threshold=0.2, min_area_m2=0)


@pytest.fixture(scope="module")
def origin(shown):
    sha256 = shown.analysis.info.sha256
    return Provenance(
        source="Bild ä.tif",
        input_sha256=sha256,
        models=(ModelUse("solar", "9.9.9", "ab" * 32, "double", "cpu"),),
        parameters={"threshold": 0.2, "min_area_m2": 0, "recipe": "solar"},
        created_at=MOMENT,
        duration_s=2.5,
        software_version="1",
        tenant="musterstadt",
        app="aviary",
        run_id="01a21b34-4853-7d0a-bf85-6542bc93a96d",
        inputs=(InputFile("Bild ä.tif", sha256),),
        units_total=1,
    )


def report(shown, result, origin, *, on_paper=False, t=GERMAN):
    return build_report(
        shown.analysis, result, shown.overview, origin, "Musterstadt", t, on_paper=on_paper
    )


def files(shown, result, origin):
    """Every file of the page by its ending."""
    whole = report(shown, result, origin)
    return {
        "png": view_export._png(shown, result, origin),
        "pdf": view_export._pdf(lambda on_paper: whole, None),
        "xlsx": render_xlsx(whole),
        "zip": view_export._csv(whole, "aviary_bild.csv"),
        "geojson": view_export._geojson(shown, result, 0.2, origin),
        "gpkg": render_gpkg(whole),
        "json": view_export._protocol(shown, result, 0.2, 0.0, origin),
    }


def test_every_file_names_its_origin_and_can_be_read_back(shown, result, origin, tmp_path):
    for ending, content in files(shown, result, origin).items():
        path = tmp_path / f"datei.{ending}"
        path.write_bytes(content)
        found = read_back(path)
        assert found["run_id"] == origin.run_id, ending
        assert found["inputs"] == [{"name": "Bild ä.tif", "sha256": origin.input_sha256}], ending
        assert found["models"][0]["sha256"] == "ab" * 32, ending
        assert found["parameters"]["threshold"] == 0.2, ending
        assert found["decision"] == "Entscheidung trifft ein Mensch", ending


def test_the_same_result_gives_the_same_files(shown, result, origin):
    first, again = (files(shown, result, origin) for _ in range(2))
    assert [ending for ending in first if first[ending] != again[ending]] == []


def test_example_data_are_marked(shown, result, origin):
    sample = replace(origin, sample_data=True)
    data = view_export._png(shown, result, sample)
    assert "künstlich" in Image.open(io.BytesIO(data)).text["Description"]
    assert report(shown, result, sample).is_example


def test_csv_opens_in_german_excel(shown, result, origin):
    packed = view_export._csv(report(shown, result, origin), "aviary_bild.csv")
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.namelist() == ["aviary_bild.csv", "aviary_bild.csv-metadata.json"]
        data = archive.read("aviary_bild.csv")
    assert data.startswith(b"\xef\xbb\xbf")
    lines = data.decode("utf-8-sig").split("\r\n")
    assert lines[0].split(";")[:5] == ["Nr.", "Art", "Sicherheit", "zweifelhaft", "Fläche (m²)"]
    assert lines[1].split(";")[:2] == ["1", "Photovoltaik"]
    assert {line.split(";")[3] for line in lines[1:3]} == {"ja", "nein"}
    assert lines[1].split(";")[4] == "300,0"


def test_overlay_draws_on_the_finds(shown, result):
    drawn = overlay_png(shown.overview, shown.analysis, result.objects, "Hinweis")
    image = Image.open(io.BytesIO(drawn))
    assert image.size == (400, 300)
    assert image.text["Description"] == "Hinweis"
    bare = np.asarray(Image.open(io.BytesIO(shown.overview)).convert("RGB")).astype(int)
    changed = np.abs(np.asarray(image.convert("RGB")).astype(int) - bare).sum(axis=2) > 0
    assert changed[175, 99:102].any()
    assert not changed[175, 150:250].any()
    small = overlay_jpeg(shown.overview, shown.analysis, result.objects)
    assert Image.open(io.BytesIO(small)).size == (400, 300)


def test_geopackage_lies_in_the_coordinates_of_the_house(shown, result, origin, tmp_path):
    """The image lies in zone 33; all layers of the data space lie in zone 32."""
    path = tmp_path / "funde.gpkg"
    path.write_bytes(render_gpkg(report(shown, result, origin)))
    shape = look_into(path, GEOPACKAGE, SCHEMA)
    assert sorted(shape.columns) == sorted(SCHEMA)
    assert shape.crs == "EPSG:25832"
    rows = pyogrio.read_dataframe(path, layer="funde")
    assert list(rows["nummer"]) == [1, 2]
    assert set(rows["art"]) == {"pv"}
    assert list(rows.geometry.area.round()) == pytest.approx([300, 12], rel=0.01)
    back = rows.to_crs("EPSG:25833").geometry.total_bounds
    assert back == pytest.approx((300002, 5699975, 300030, 5699996), abs=0.06)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM layer_styles").fetchone() == (1,)


def test_a_result_without_finds_can_be_taken_along(shown, origin, tmp_path):
    nothing = count(shown.analysis, threshold=1.0, min_area_m2=0)
    whole = report(shown, nothing, origin)
    path = tmp_path / "funde.gpkg"
    path.write_bytes(render_gpkg(whole))
    assert sorted(look_into(path, GEOPACKAGE, SCHEMA).columns) == sorted(SCHEMA)
    assert view_export._pdf(lambda on_paper: whole, None).startswith(b"%PDF-")
    assert render_xlsx(whole).startswith(b"PK")


def test_paper_holds_the_best_finds_and_says_so(shown, result, origin):
    many = replace(result, objects=result.objects * MOST_ROWS_ON_PAPER)
    (paper,) = report(shown, many, origin, on_paper=True).tables
    assert len(paper.rows) == MOST_ROWS_ON_PAPER
    assert "von 400 Funden" in paper.note
    (whole,) = report(shown, many, origin).tables
    assert (len(whole.rows), whole.note) == (400, "")


def test_failed_tiles_and_bad_resolution_stand_in_the_report(tmp_path, origin):
    pixels = np.full((700, 700, 3), 120, dtype=np.uint8)
    pixels[660:, 660:] = doubles.MARK
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    analysis = doubles.analyse(path, doubles.fails_on_the_mark(), gsd_m=0.4, force=True)
    nothing = count(analysis, threshold=0.2, min_area_m2=0)
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "JPEG")
    whole = build_report(
        analysis, nothing, target.getvalue(), origin, "Musterstadt", GERMAN, on_paper=True
    )
    said = " ".join(block.text for block in whole.blocks if block.kind == "callout")
    assert "konnte nicht ausgewertet werden" in said
    assert "außerhalb des geprüften Bereichs" in said
    assert whole.layers == ()


def test_a_report_does_not_open_the_door_for_broken_images(shown, result, origin):
    """The library of the PDF would have Pillow fill up images that break off, in all apps."""
    assert view_export._pdf(lambda on_paper: report(shown, result, origin), None)
    with pytest.raises(DamagedImage):
        open_raster(shown.overview[: len(shown.overview) // 2])


def test_the_english_report_is_english(shown, result, origin):
    english = report(shown, result, origin, t=get_translator("en", "aviary"))
    assert english.language == "en"
    assert [figure.label for figure in english.figures][:2] == ["Finds", "of these doubtful"]
    assert english.tables[0].columns[1].title == "Kind"
