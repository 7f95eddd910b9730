"""What people take along: complete, the same every time, with an origin that can be read back."""

import io
import json
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
from apps.aviary.finds.decided import decide_about
from apps.aviary.finds.overlay import overlay_jpeg, overlay_png
from apps.aviary.finds.report import MOST_ROWS_ON_PAPER, build_report, layer_schema
from apps.aviary.recipes import find_recipe
from apps.aviary.review import ACCEPTED, REJECTED, UNCLEAR, list_for_review
from apps.aviary.views import export as view_export
from apps.aviary.views.run import ShownRun
from apps.aviary.views.similar_heat import ShownHeat
from shared.contracts.provenance import InputFile, ModelUse, Provenance
from shared.errors import DamagedImage
from shared.geo.open import open_raster
from shared.i18n import get_translator
from shared.report.blocks import Table
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


def report(shown, result, origin, *, on_paper=False, t=GERMAN, decided=None):
    return build_report(
        shown.analysis,
        result,
        shown.overview,
        origin,
        "Musterstadt",
        t,
        on_paper=on_paper,
        decided=decided,
    )


def decide(result, *said, hide=False):
    """The finds with these decisions, one after the other."""
    listed = list_for_review(result.objects)
    verdicts = {key: word for key, word in zip(listed.keys, said, strict=False) if word}
    return decide_about(listed, verdicts, leave_out_rejected=hide)


def files(shown, result, origin, decided=None):
    """Every file of the page by its ending."""
    decided = decided or decide(result)
    whole = report(shown, result, origin, decided=decided)
    return {
        "png": view_export._png(ShownHeat(shown.overview), shown, result, origin, decided),
        "pdf": view_export._pdf(lambda on_paper: whole, None),
        "xlsx": render_xlsx(whole),
        "zip": view_export._csv(whole, "aviary_bild.csv"),
        "geojson": view_export._geojson(shown, result, 0.2, origin, decided),
        "gpkg": render_gpkg(whole),
        "json": view_export._protocol(shown, result, (0.2, 0.0), origin, decided),
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
    data = view_export._png(ShownHeat(shown.overview), shown, result, sample, decide(result))
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


def test_scores_of_similar_places_are_called_similarity(shown, result, origin, tmp_path):
    """On paper, in tables and in layers; nowhere do they pass for certainty."""
    recipe = replace(shown.analysis.recipe, kind="similar")
    similar = replace(shown, analysis=replace(shown.analysis, recipe=recipe))
    for t, word, other in (
        (GERMAN, "Ähnlichkeit", "Sicherheit"),
        (get_translator("en", "aviary"), "similarity", "certainty"),
    ):
        whole = report(similar, result, origin, t=t)
        said = repr((whole.blocks, whole.layers[0].columns))
        assert said.lower().count(word.lower()) == 3, t.language
        assert other.lower() not in said.lower(), t.language
        assert other.lower() in repr(report(shown, result, origin, t=t).blocks).lower()
    path = tmp_path / "funde.gpkg"
    path.write_bytes(render_gpkg(report(similar, result, origin, decided=decide(result))))
    schema = layer_schema(recipe)
    assert "aehnlichkeit" in schema and "sicherheit" not in schema
    assert sorted(look_into(path, GEOPACKAGE, schema).columns) == sorted(schema)


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
    path.write_bytes(render_gpkg(report(shown, result, origin, decided=decide(result, REJECTED))))
    schema = layer_schema(shown.analysis.recipe)
    shape = look_into(path, GEOPACKAGE, schema)
    assert sorted(shape.columns) == sorted(schema)
    assert shape.crs == "EPSG:25832"
    rows = pyogrio.read_dataframe(path, layer="funde")
    assert list(rows["nummer"]) == [1, 2]
    assert set(rows["art"]) == {"pv"}
    assert sorted(rows["entscheidung"]) == ["abgelehnt", "noch offen"]
    assert list(rows.geometry.area.round()) == pytest.approx([300, 12], rel=0.01)
    back = rows.to_crs("EPSG:25833").geometry.total_bounds
    assert back == pytest.approx((300002, 5699975, 300030, 5699996), abs=0.06)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM layer_styles").fetchone() == (1,)


def test_a_result_without_finds_can_be_taken_along(shown, origin, tmp_path):
    nothing = count(shown.analysis, threshold=1.0, min_area_m2=0)
    whole = report(shown, nothing, origin, decided=decide(nothing))
    path = tmp_path / "funde.gpkg"
    path.write_bytes(render_gpkg(whole))
    schema = layer_schema(shown.analysis.recipe)
    assert sorted(look_into(path, GEOPACKAGE, schema).columns) == sorted(schema)
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


def cells(table, key):
    place = [column.key for column in table.columns].index(key)
    return [row[place] for row in table.rows]


def said_in(whole):
    return " ".join(block.text for block in whole.blocks if hasattr(block, "text"))


def test_every_file_carries_the_decision_about_each_find(shown, result, origin, tmp_path):
    decided = decide(result, ACCEPTED, REJECTED)
    made = files(shown, result, origin, decided)
    whole = report(shown, result, origin, decided=decided)
    assert cells(whole.tables[0], "entscheidung") == ["angenommen", "abgelehnt"]
    assert "Gesichtet sind 2 von 2 Funden: 1 angenommen, 1 abgelehnt, 0 unklar." in said_in(whole)
    named = {figure.label: figure for figure in whole.figures}
    seen, drawn = (
        named[label]
        for label in (
            "Treffer unter den gesichteten Funden",
            "Treffer in der zufälligen Stichprobe",
        )
    )
    # Wilson 1927 for 1 of 2.
    for figure in (seen, drawn):
        assert (figure.value, figure.unit) == (50, "%")
        assert (figure.low, figure.high) == pytest.approx((9.45, 90.55), abs=0.01)
    told = json.loads(made["geojson"])
    assert [one["properties"]["decision"] for one in told["features"]] == [ACCEPTED, REJECTED]
    assert told["review"] == json.loads(made["json"])["review"]
    assert told["review"]["interval_95"] == pytest.approx([0.0945, 0.9055], abs=1e-4)
    assert (told["review"]["rejected"], told["review"]["rejected_left_out"]) == (1, False)
    path = tmp_path / "funde.gpkg"
    path.write_bytes(made["gpkg"])
    rows = pyogrio.read_dataframe(path, layer="funde")
    assert list(rows["entscheidung"]) == ["angenommen", "abgelehnt"]
    sheet = zipfile.ZipFile(io.BytesIO(made["xlsx"]))
    texts = b"".join(sheet.read(one) for one in sheet.namelist() if one.endswith(".xml")).decode()
    assert "Entscheidung" in texts
    assert "abgelehnt" in texts
    with zipfile.ZipFile(io.BytesIO(made["zip"])) as archive:
        assert "abgelehnt" in archive.read("aviary_bild.csv").decode("utf-8-sig").splitlines()[2]


def test_what_nobody_has_decided_is_open_in_the_files(shown, result, origin):
    whole = report(shown, result, origin, decided=decide(result, UNCLEAR))
    assert cells(whole.tables[0], "entscheidung") == ["unklar", "noch offen"]
    assert not [one for one in whole.figures if one.label.startswith("Treffer")]


def test_rejected_finds_are_left_out_only_on_request_and_the_files_say_so(shown, result, origin):
    kept = report(shown, result, origin, decided=decide(result, ACCEPTED, REJECTED))
    assert len(kept.tables[0].rows) == len(kept.layers[0].features) == 2
    assert "weggelassen" not in said_in(kept)
    decided = decide(result, ACCEPTED, REJECTED, hide=True)
    fewer = report(shown, result, origin, decided=decided)
    assert cells(fewer.tables[0], "entscheidung") == ["angenommen"]
    assert len(fewer.layers[0].features) == 1
    assert "Abgelehnte Funde sind auf Wunsch weggelassen: 1 Fund fehlt" in said_in(fewer)
    told = json.loads(view_export._geojson(shown, result, 0.2, origin, decided))
    assert len(told["features"]) == 1
    assert told["review"]["rejected_left_out"] is True
    assert told["review"]["rejected"] == 1


def test_the_legend_of_the_report_names_the_sign_of_each_decision(shown, result, origin):
    whole = report(shown, result, origin, decided=decide(result, ACCEPTED, REJECTED))
    (picture,) = [block for block in whole.blocks if block.kind == "map"]
    assert {entry.label for entry in picture.legend} == {
        "Photovoltaik, angenommen (Haken)",
        "Photovoltaik, abgelehnt (Kreuz, gestrichelt)",
    }


@pytest.mark.parametrize("verdict", [ACCEPTED, REJECTED, UNCLEAR])
def test_the_picture_shows_the_sign_of_a_decision_inside_its_find(shown, result, verdict):
    largest = result.objects[0]
    bare = overlay_png(shown.overview, shown.analysis, result.objects, "")
    drawn = overlay_png(shown.overview, shown.analysis, result.objects, "", decide(result, verdict))
    before, after = (np.asarray(Image.open(io.BytesIO(one))).astype(int) for one in (bare, drawn))
    rows, columns = np.nonzero(np.abs(after - before).sum(axis=2))
    left, upper, right, lower = largest.bbox_px
    inside = (columns > left + 20) & (columns < right - 20) & (rows > upper + 20)
    assert inside.sum() > 100
    assert ((columns >= left - 3) & (columns <= right + 3) & (rows <= lower + 3)).all()
    others = [one for one in (ACCEPTED, REJECTED, UNCLEAR) if one != verdict]
    for other in others:
        signed = overlay_png(
            shown.overview, shown.analysis, result.objects, "", decide(result, other)
        )
        assert signed != drawn


def test_land_cover_before_and_after_stands_in_words_not_as_a_code(shown, result, origin):
    figures = (("class_after", 0.0), ("class_before", 7.0))
    changed = tuple(replace(one, figures=figures) for one in result.objects)
    report = build_report(
        shown.analysis, replace(result, objects=changed), shown.overview, origin, "Stadt", GERMAN,
        on_paper=False,
    )  # fmt: skip
    (table,) = [one for one in report.blocks if isinstance(one, Table)]
    keys = [column.key for column in table.columns]
    place = keys.index("class_before")
    assert keys[place + 1] == "class_after"
    assert [one.title for one in table.columns][place : place + 2] == [
        "Boden vorher", "Boden nachher",
    ]  # fmt: skip
    titles = {one.code: one.title_de for one in find_recipe("landcover").classes}
    assert table.rows[0][place : place + 2] == (titles[7], titles[0])
