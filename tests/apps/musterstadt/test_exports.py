"""What people take along: read back with places, words and origin, and marked as sample data."""

import csv
import io
import json
import sqlite3
import zipfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import pyogrio
import pytest
import shapely

from apps.musterstadt import town
from apps.musterstadt.areas import Area
from apps.musterstadt.layer_files import tables_zip
from apps.musterstadt.layers import LAYERS
from apps.musterstadt.view_export import area_report
from shared.contracts.provenance import Provenance
from shared.geo.vector_io import VectorOptions, list_layers, open_vectors
from shared.i18n import get_translator
from shared.report.document import Report
from shared.report.geo_out import render_geojson, render_gpkg
from shared.store.provenance import read_back

pytestmark = pytest.mark.usefixtures("town_here")
MOMENT = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
ORIGIN = Provenance(
    source="Musterstadt 2023, 2026",
    input_sha256="0" * 64,
    models=(),
    parameters={},
    created_at=MOMENT,
    duration_s=60.0,
    software_version="1",
    sample_data=True,
    app="musterstadt",
    run_id="01a21b34-4853-7d0a-bf85-6542bc93a96d",
)


def close_up() -> Area:
    return next(area for area in town.town_areas() if area.key == "close-market")


def report_of(area: Area, language: str = "de", names: tuple[str, ...] = ()) -> Report:
    layers = [one for one in LAYERS if not names or one.name in names]
    t = get_translator(language, "musterstadt")
    return area_report(area, area.title, ORIGIN, "Musterstadt KI", t, layers)


def test_the_geopackage_holds_every_layer_whole_and_in_its_place(tmp_path: Path) -> None:
    area, file = close_up(), tmp_path / "ebenen.gpkg"
    file.write_bytes(render_gpkg(report_of(area)))
    assert list_layers(file) == tuple(layer.name for layer in LAYERS)
    origin_m = town.city_store().settings.origin_m
    part = shapely.transform(shapely.box(*area.bounds_m), lambda xy: xy + origin_m)
    whole = town._whole_layer(town.city_store().city(), "buildings").set_index("building_id")
    found = open_vectors(file, options=VectorOptions(layer="buildings")).frame
    assert set(found["building_id"]) == set(whole.index[whole.intersects(part)])
    for row in found.itertuples():
        outline = whole.geometry[row.building_id]
        assert row.geometry.symmetric_difference(outline).area < 0.01, row.building_id


def test_the_geopackage_says_that_the_data_are_invented(tmp_path: Path) -> None:
    file = tmp_path / "ebenen.gpkg"
    file.write_bytes(render_gpkg(report_of(close_up())))
    assert read_back(file)["sample_data"] is True
    assert read_back(file)["run_id"] == ORIGIN.run_id
    with closing(sqlite3.connect(file)) as database:
        told = database.execute(
            "SELECT identifier, description FROM gpkg_contents WHERE data_type = 'features'"
        ).fetchall()
        styles = database.execute("SELECT count(*) FROM layer_styles").fetchone()
    assert styles == (len(LAYERS),)
    assert [name for name, _ in told][:2] == [
        "Ortsteile, Stand 9. Mai 2026 (Beispieldaten)",
        "Änderungen zwischen den Flügen, Stand 9. Mai 2026 (Beispieldaten)",
    ]
    assert all(text.startswith("Beispieldaten") for _, text in told)


def test_tables_open_in_german_excel_with_their_origin_beside_them(tmp_path: Path) -> None:
    file = tmp_path / "tabellen.zip"
    file.write_bytes(tables_zip(report_of(close_up()), "musterstadt_close-market.csv"))
    assert read_back(file)["run_id"] == ORIGIN.run_id
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        assert names == [
            f"musterstadt_close-market_{layer.name}.csv{ending}"
            for layer in LAYERS
            for ending in ("", "-metadata.json")
        ]
        for name in names[1::2]:
            described = json.loads(archive.read(name))
            assert described["dc:title"].endswith("(Beispieldaten)"), name
            assert described["notes"][0]["sample_data"] is True, name
        text = archive.read("musterstadt_close-market_parcels.csv").decode("utf-8-sig")
    head, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=";")
    assert head == ["Flurstück", "Fläche (m²)", "Nutzung", "Ortsteil", "x_25832", "y_25832"]
    parcels = town.whole_objects_in("parcels", close_up().bounds_m).set_index("parcel_id")
    assert len(rows) == len(parcels)
    for row in rows:
        east, north = (float(one.replace(",", ".")) for one in row[4:])
        assert parcels.geometry[row[0]].buffer(0.01).covers(shapely.Point(east, north))
        assert float(row[1].replace(",", ".")) == pytest.approx(
            parcels["area_m2"][row[0]], abs=0.01
        )


def test_geojson_holds_the_shown_layer_in_degrees(tmp_path: Path) -> None:
    file = tmp_path / "solar.geojson"
    file.write_bytes(render_geojson(report_of(close_up(), names=("solar_units",))))
    assert read_back(file)["sample_data"] is True
    content = json.loads(file.read_text(encoding="utf-8"))
    assert content["title"] == "Solaranlagen, Stand 9. Mai 2026 (Beispieldaten)"
    frame = gpd.read_file(file).to_crs("EPSG:25832").set_index("unit_id")
    units = town.whole_objects_in("solar_units", close_up().bounds_m).set_index("unit_id")
    assert set(frame.index) == set(units.index)
    assert set(frame["kind"]) <= {"Photovoltaik", "Solarthermie", "Photovoltaik auf dem Boden"}
    moved = frame.geometry.centroid.distance(units.geometry.centroid)
    assert moved.max() < 0.05


def test_the_same_part_gives_the_same_files() -> None:
    first, again = (
        (render_gpkg(made), tables_zip(made, "a.csv"), render_geojson(made))
        for made in (report_of(close_up()) for _ in range(2))
    )
    assert first == again


def test_an_empty_layer_can_be_taken_along(tmp_path: Path) -> None:
    nowhere = Area("nowhere", "Nirgends", (0.0, 0.0, 1.0, 1.0))
    file = tmp_path / "leer.gpkg"
    file.write_bytes(render_gpkg(report_of(nowhere, names=("solar_units",))))
    frame = pyogrio.read_dataframe(file, layer="solar_units")
    assert len(frame) == 0
    assert "kwp" in frame.columns


def test_an_english_file_speaks_english() -> None:
    layers = report_of(close_up(), "en").layers
    assert layers[3].title == "Buildings, as of 9 May 2026 (sample data)"
    assert [column.heading for column in layers[4].columns] == [
        *("Parcel", "Area (m²)", "Use", "District")
    ]
    (uses,) = zip(*((one.cells[2],) for one in layers[4].features), strict=True)
    assert "Perimeter block" in uses
