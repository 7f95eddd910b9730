"""The data space: versions that never change, shared on purpose, never mixed with examples."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy
import pytest
import rasterio
from rasterio.transform import from_origin

from shared.contracts.identity.principal import DEMO_TENANT, HOME_TENANT
from shared.contracts.jobs import StoredFile
from shared.errors import (
    FileDamaged,
    FileTypeRefused,
    InputError,
    LayerNameInvalid,
    LayerSchemaChanged,
    NotAllowed,
    NotFound,
    SampleMixed,
    TextTooLong,
)
from shared.report.csv_out import write_csv
from shared.store import artifacts, dataspace, runs
from shared.store.example_data import combine_check
from shared.store.layer_files import CSV, GEOJSON, GEOPACKAGE, GEOTIFF
from shared.store.layers import Publication
from shared.store.store import Store
from tests.store.filled import DAY, NOW, TABLE, finished, published, stored
from tests.store.servers import acting

ANNA, ADMIN = acting(), acting(role="admin", subject="chefin")
BERT = acting("herten", "bert")
ROOFS = {"nummer": "integer", "geometry": "geometry"}


def roofs_file(folder: Path, media_type: str = GEOPACKAGE, count: int = 3) -> bytes:
    """Squares of 10 m in a row, 100 m apart."""
    import geopandas
    import shapely

    boxes = [shapely.box(1000 + 100 * n, 2000, 1010 + 100 * n, 2010) for n in range(count)]
    frame = geopandas.GeoDataFrame({"nummer": range(count)}, geometry=boxes, crs="EPSG:25832")
    path = folder / ("dach.gpkg" if media_type == GEOPACKAGE else "dach.geojson")
    path.unlink(missing_ok=True)
    frame.to_file(path)
    return path.read_bytes()


def roofs(store: Store, folder: Path, media_type: str = GEOPACKAGE) -> Publication:
    file = stored(store, ANNA, roofs_file(folder, media_type), "dach", media_type=media_type)
    return Publication("aviary/dach/nord", "Dächer", file, ROOFS, "CC BY 4.0", "Stadt")


def test_a_table_comes_back_with_its_types(store: Store) -> None:
    schema = {
        "ags": "text", "bemerkung": "text", "anzahl": "integer", "anteil": "number",
        "geprueft": "boolean", "tag": "date",
    }  # fmt: skip
    rows = [
        ("05914", "=SUMME(A1)", 7, -0.25, True, "2026-05-09"),
        ("00001", "NA; mit\r\nUmbruch „ä“", None, None, None, None),
    ]
    run = finished(store, ANNA, "eins")
    file = stored(store, ANNA, write_csv(list(schema), rows), media_type=CSV)
    dataspace.publish(
        ANNA,
        store,
        run.id,
        Publication("aviary/zahlen", "Zahlen", file, schema, "dl-de/zero-2-0", "Stadt"),
        now=NOW,
    )
    frame = dataspace.read_table(ANNA, store, "aviary/zahlen")
    assert list(frame.columns) == list(schema)
    assert list(frame["ags"]) == ["05914", "00001"]
    assert list(frame["bemerkung"]) == ["=SUMME(A1)", "NA; mit\r\nUmbruch „ä“"]
    assert frame["anzahl"][0] == 7
    assert frame["anteil"][0] == -0.25
    assert bool(frame["geprueft"][0]) is True
    assert f"{frame['tag'][0]:%d.%m.%Y}" == "09.05.2026"
    assert frame.loc[1, ["anzahl", "anteil", "geprueft", "tag"]].isna().all()
    some = dataspace.read_table(ANNA, store, "aviary/zahlen", columns=["anteil", "ags"])
    assert list(some.columns) == ["anteil", "ags"]


def test_tables_without_rows_and_rows_without_text_are_tables_too(store_sqlite: Store) -> None:
    store = store_sqlite
    run = finished(store, ANNA, "eins")
    published(store, ANNA, run, rows=0)
    empty = dataspace.read_table(ANNA, store, "aviary/dach")
    assert (len(empty), list(empty.columns)) == (0, list(TABLE))
    file = stored(store, ANNA, write_csv(["wort"], [("",), ("x",), ("",)]), media_type=CSV)
    publication = Publication("aviary/wort", "Wort", file, {"wort": "text"}, "CC0", "Stadt")
    dataspace.publish(ANNA, store, run.id, publication, now=NOW)
    assert list(dataspace.read_table(ANNA, store, "aviary/wort")["wort"]) == ["", "x", ""]


@pytest.mark.parametrize("media_type", [GEOPACKAGE, GEOJSON])
def test_vector_data_is_read_by_box_and_columns(
    store: Store, tmp_path: Path, media_type: str
) -> None:
    run = finished(store, ANNA, "eins")
    layer = dataspace.publish(ANNA, store, run.id, roofs(store, tmp_path, media_type), now=NOW)
    assert (layer.kind, layer.version, layer.crs) == ("vector", 1, "EPSG:25832")
    assert layer.bbox == (1000, 2000, 1210, 2010)
    whole = dataspace.read_layer(ANNA, store, layer.name)
    assert list(whole["nummer"]) == [0, 1, 2]
    assert whole.crs.to_epsg() == 25832
    some = dataspace.read_layer(ANNA, store, layer.name, bbox=(1095, 1990, 1120, 2100))
    assert list(some["nummer"]) == [1]
    bare = dataspace.read_layer(ANNA, store, layer.name, columns=[])
    assert list(bare.columns) == ["geometry"]
    table = dataspace.read_table(ANNA, store, layer.name)
    assert list(table.columns) == ["nummer"]
    with pytest.raises(InputError, match="höhe"):
        dataspace.read_layer(ANNA, store, layer.name, columns=["höhe"])


def test_a_raster_is_handed_out_as_a_file(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "bild.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=4, height=2, count=1, dtype="uint8",
        crs="EPSG:25832", transform=from_origin(500, 900, 2, 2),
    ) as raster:  # fmt: skip
        raster.write(numpy.ones((1, 2, 4), dtype="uint8"))
        raster.set_band_description(1, "klasse")
    run = finished(store, ANNA, "eins")
    file = stored(store, ANNA, path.read_bytes(), media_type=GEOTIFF)
    publication = Publication(
        "aviary/klassen", "Klassen", file, {"klasse": "integer"}, "CC0", "Stadt"
    )
    layer = dataspace.publish(ANNA, store, run.id, publication, now=NOW)
    assert (layer.kind, layer.bbox, layer.crs) == ("raster", (500, 896, 508, 900), "EPSG:25832")
    assert layer.file.name == "aviary_klassen_v1.tif"
    assert dataspace.layer_path(ANNA, store, layer.id).read_bytes() == path.read_bytes()
    for read in (dataspace.read_table, dataspace.read_layer):
        with pytest.raises(InputError):
            read(ANNA, store, layer.name)


def test_the_newest_version_wins_and_old_ones_stay(store: Store) -> None:
    first = published(store, ANNA, finished(store, ANNA, "eins"), rows=1)
    second = published(store, ANNA, finished(store, ANNA, "zwei"), rows=2, now=NOW + DAY)
    assert (first.version, second.version) == (1, 2)
    assert dataspace.find_layer(ANNA, store, "aviary/dach") == second
    assert len(dataspace.read_table(ANNA, store, "aviary/dach")) == 2
    assert len(dataspace.read_table(ANNA, store, "aviary/dach", version=1)) == 1
    assert dataspace.list_layers(ANNA, store) == [second]
    assert dataspace.list_layers(ANNA, store, all_versions=True) == [second, first]
    with pytest.raises(NotFound):
        dataspace.find_layer(ANNA, store, "aviary/dach", version=3)


def test_a_double_click_publishes_once(store: Store) -> None:
    run = finished(store, ANNA, "eins")
    assert published(store, ANNA, run) == published(store, ANNA, run)
    assert len(dataspace.list_layers(ANNA, store, all_versions=True)) == 1


def test_versions_published_at_once_get_numbers_of_their_own(store: Store) -> None:
    all_runs = [finished(store, ANNA, f"lauf {n}") for n in range(3)]
    start, versions, errors = threading.Barrier(3), [], []

    def click(index: int) -> None:
        start.wait()
        try:
            versions.append(published(store, ANNA, all_runs[index], rows=index + 1).version)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=click, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(versions) == [1, 2, 3]


def test_lists_are_filtered_by_app_and_kind(store: Store, tmp_path: Path) -> None:
    run = finished(store, ANNA, "eins")
    table = published(store, ANNA, run)
    vector = dataspace.publish(ANNA, store, run.id, roofs(store, tmp_path), now=NOW)
    other = published(
        store, ANNA, finished(store, ANNA, "zwei", app="archivair"), name="archivair/akten"
    )
    assert dataspace.list_layers(ANNA, store) == [other, table, vector]
    assert dataspace.list_layers(ANNA, store, app="aviary", kind="vector") == [vector]
    assert dataspace.list_layers(ANNA, store, app="avi") == []
    assert dataspace.list_layers(ANNA, store, app="%") == []


@pytest.mark.parametrize(
    "name",
    ["dach", "aviary/", "/dach", "aviary/Dach", "aviary/dächer", "aviary/a/b/c", "../aviary/dach",
     "aviary/..", "aviary/" + "x" * 51, "aviary/dach\n", "archivair/dach", "aviaryx/dach"],
)  # fmt: skip
def test_names_are_the_run_s_app_and_plain_words(store_sqlite: Store, name: str) -> None:
    run = finished(store_sqlite, ANNA, "eins")
    with pytest.raises(LayerNameInvalid):
        published(store_sqlite, ANNA, run, name=name)


def test_other_columns_need_another_name(store: Store) -> None:
    run = finished(store, ANNA, "eins")
    published(store, ANNA, run)
    schema = TABLE | {"jahr": "integer"}
    file = stored(store, ANNA, write_csv(list(schema), [("1", 2.0, 3)]), media_type=CSV)
    publication = Publication("aviary/dach", "Dächer", file, schema, "CC0", "Stadt")
    with pytest.raises(LayerSchemaChanged, match="aviary/dach"):
        dataspace.publish(ANNA, store, run.id, publication, now=NOW)
    other_type = replace(
        publication,
        schema={**TABLE, "flaeche_m2": "text"},
        file=stored(store, ANNA, write_csv(list(TABLE), [("1", 2.0)]), media_type=CSV),
    )
    with pytest.raises(LayerSchemaChanged):
        dataspace.publish(ANNA, store, run.id, other_type, now=NOW)
    renamed = replace(publication, name="aviary/dach2")
    assert dataspace.publish(ANNA, store, run.id, renamed, now=NOW).version == 1


@pytest.mark.parametrize(
    ("schema", "content", "error"),
    [
        ({"a": "text"}, "b\r\n1\r\n", InputError),
        ({"a": "text", "b": "text"}, "a\r\n1\r\n", InputError),
        ({"a": "integer"}, "a\r\n1,5\r\n", InputError),
        ({"a": "integer"}, "a\r\n1.5\r\n", InputError),
        ({"a": "integer"}, "a\r\n99999999999999999999\r\n", InputError),
        ({"a": "integer"}, "a\r\n1e400\r\n", InputError),
        ({"a": "number"}, "a\r\n1e400\r\n", InputError),
        ({"a": "number"}, "a\r\n-inf\r\n", InputError),
        ({"": "text", "b": "text"}, ";b\r\n1;2\r\n", InputError),
        ({"a": "text", "b": "text"}, "a;b\r\n1;2\r\n3\r\n", InputError),
        ({"a": "number"}, "a\r\nviel\r\n", InputError),
        ({"a": "boolean"}, "a\r\nTrue\r\n", InputError),
        ({"a": "date"}, "a\r\n31.02.2026\r\n", InputError),
        ({"a": "text", "b": "text"}, "a;b\r\n1;2;3\r\n", InputError),
        ({"a": "text"}, "a;a\r\n1;2\r\n", InputError),
        ({}, "\r\n", InputError),
        ({"a": "money"}, "a\r\n1\r\n", InputError),
        ({"a": "geometry"}, "a\r\n1\r\n", InputError),
        ({"ä": "text"}, "ä\r\nö\r\n".encode("cp1252"), FileTypeRefused),
    ],
)
def test_a_table_must_be_as_it_says(
    store_sqlite: Store, schema: dict[str, str], content: str | bytes, error: type[Exception]
) -> None:
    store = store_sqlite
    run = finished(store, ANNA, "eins")
    content = content.encode() if isinstance(content, str) else content
    file = stored(store, ANNA, content, media_type=CSV)
    publication = Publication("aviary/dach", "Dächer", file, schema, "CC0", "Stadt")
    with pytest.raises(error):
        dataspace.publish(ANNA, store, run.id, publication, now=NOW)
    assert dataspace.list_layers(ANNA, store) == []


SECRET_VRT = (
    '<OGRVRTDataSource><OGRVRTLayer name="dach"><SrcDataSource>{secret}</SrcDataSource>'
    "</OGRVRTLayer></OGRVRTDataSource>"
)
SECRET_PIPELINE = (
    '{{"type": "gdal_streamed_alg", "command_line": "gdal vector pipeline ! read {secret} '
    '! reproject --dst-crs EPSG:4326", "relative_paths_relative_to_this_file": false}}'
)


@pytest.mark.parametrize("media_type", [GEOPACKAGE, GEOJSON, GEOTIFF])
@pytest.mark.parametrize("trick", [SECRET_VRT, SECRET_PIPELINE, "kein Geodatensatz"])
def test_a_file_that_points_to_others_is_refused(
    store_sqlite: Store, tmp_path: Path, media_type: str, trick: str
) -> None:
    """Geodata libraries follow such files anywhere on the machine, if they may guess the format."""
    store = store_sqlite
    secret = tmp_path / "secret.gpkg"
    secret.write_bytes(roofs_file(tmp_path))
    run = finished(store, ANNA, "eins")
    content = trick.format(secret=secret).encode()
    file = stored(store, ANNA, content, media_type=media_type)
    schema = {"klasse": "integer"} if media_type == GEOTIFF else ROOFS
    publication = Publication("aviary/dach", "Dächer", file, schema, "CC0", "Stadt")
    with pytest.raises(FileTypeRefused):
        dataspace.publish(ANNA, store, run.id, publication, now=NOW)


def test_other_kinds_of_files_are_refused(store_sqlite: Store) -> None:
    run = finished(store_sqlite, ANNA, "eins")
    file = stored(store_sqlite, ANNA, b"x", media_type="application/octet-stream")
    publication = Publication("aviary/dach", "Dächer", file, TABLE, "CC0", "Stadt")
    with pytest.raises(FileTypeRefused) as refused:
        dataspace.publish(ANNA, store_sqlite, run.id, publication, now=NOW)
    assert "GeoPackage" in refused.value.remedy


def test_licence_and_credit_line_must_be_said(store_sqlite: Store) -> None:
    run = finished(store_sqlite, ANNA, "eins")
    file = stored(store_sqlite, ANNA, write_csv(list(TABLE), []), media_type=CSV)
    whole = Publication("aviary/dach", "Dächer", file, TABLE, "CC0", "Stadt")
    for field in ("title_de", "licence", "credit_line"):
        for text in ("", " ", "x" * 201):
            with pytest.raises(TextTooLong):
                part = replace(whole, **{field: text})
                dataspace.publish(ANNA, store_sqlite, run.id, part, now=NOW)


def test_reading_a_damaged_layer_says_so(store_sqlite: Store) -> None:
    layer = published(store_sqlite, ANNA, finished(store_sqlite, ANNA, "eins"))
    path = dataspace.layer_path(ANNA, store_sqlite, layer.id)
    path.write_bytes(path.read_bytes().replace(b"0,5", b"9,5"))
    with pytest.raises(FileDamaged):
        dataspace.read_table(ANNA, store_sqlite, "aviary/dach")


def test_readers_of_other_municipalities_see_owner_date_licence_and_credit(store: Store) -> None:
    run = finished(store, ANNA, "eins")
    published(store, ANNA, run)
    layer = published(store, ADMIN, finished(store, ANNA, "zwei"), rows=3, share=("herten", "marl"))
    assert layer.shared_with == ("herten", "marl")
    seen = dataspace.find_layer(BERT, store, "aviary/dach", owner="musterstadt")
    assert dataspace.list_layers(BERT, store, all_versions=True) == [seen]
    assert (seen.owner, seen.is_own, seen.created_at) == ("musterstadt", False, NOW)
    assert (seen.licence, seen.credit_line) == ("CC BY 4.0", "Stadt")
    assert (seen.run_id, seen.provenance, seen.shared_with) == (None, {}, None)
    assert len(dataspace.read_table(BERT, store, "aviary/dach", owner="musterstadt")) == 3
    for attempt in (
        lambda: dataspace.find_layer(BERT, store, "aviary/dach"),
        lambda: dataspace.find_layer(BERT, store, "aviary/dach", owner="musterstadt", version=1),
        lambda: dataspace.find_layer(acting("unna"), store, "aviary/dach", owner="musterstadt"),
    ):
        with pytest.raises(NotFound):
            attempt()


def test_sharing_is_said_anew_by_the_administration_of_the_owner(store: Store) -> None:
    layer = published(store, ANNA, finished(store, ANNA, "eins"))
    assert dataspace.list_layers(BERT, store) == []
    assert dataspace.share(ADMIN, store, layer.id, "alle").shared_with == "alle"
    assert [one.id for one in dataspace.list_layers(BERT, store)] == [layer.id]
    assert dataspace.share(ADMIN, store, layer.id, ("marl",)).shared_with == ("marl",)
    assert dataspace.list_layers(BERT, store) == []
    assert dataspace.share(ADMIN, store, layer.id, "eigene").shared_with == "eigene"
    assert dataspace.list_layers(acting("marl"), store) == []
    with pytest.raises(NotAllowed):
        dataspace.share(ANNA, store, layer.id, "alle")
    with pytest.raises(NotAllowed):
        published(store, ANNA, finished(store, ANNA, "zwei"), share="alle")
    with pytest.raises(NotFound):
        dataspace.share(acting("herten", role="admin"), store, layer.id, "alle")
    with pytest.raises(InputError):
        dataspace.share(ADMIN, store, layer.id, ("../herten",))


def test_who_only_looks_publishes_nothing(store_sqlite: Store) -> None:
    run = finished(store_sqlite, ANNA, "eins")
    for role in ("gast", "viewer"):
        with pytest.raises(NotAllowed):
            published(store_sqlite, acting(role=role), run)
    assert published(store_sqlite, acting(role="service"), run).version == 1


def test_only_the_owner_of_the_run_publishes(store_sqlite: Store) -> None:
    run = finished(store_sqlite, ANNA, "eins")
    with pytest.raises(NotFound):
        published(store_sqlite, BERT, run)


def test_guests_read_example_data_only(store: Store) -> None:
    published(store, ADMIN, finished(store, ANNA, "echt"), share="alle")
    run = finished(store, ANNA, "beispiel", example=True)
    example = published(store, ADMIN, run, name="aviary/beispiel", share="alle")
    guest = acting(DEMO_TENANT, role="gast")
    assert [layer.id for layer in dataspace.list_layers(guest, store)] == [example.id]
    assert len(dataspace.read_table(guest, store, "aviary/beispiel", owner=HOME_TENANT)) == 2
    with pytest.raises(NotFound):
        dataspace.read_table(guest, store, "aviary/dach", owner=HOME_TENANT)


def test_whoever_is_a_guest_of_a_real_municipality_reads_nothing(store: Store) -> None:
    run = finished(store, ANNA, "beispiel", example=True)
    layer = published(store, ADMIN, run, name="aviary/beispiel", share="alle")
    guest = acting(role="gast")
    for attempt in (
        lambda: dataspace.list_layers(guest, store),
        lambda: dataspace.layer_by_id(guest, store, layer.id),
        lambda: runs.get(guest, store, run.id),
    ):
        with pytest.raises(NotAllowed):
            attempt()


def test_example_data_never_mixes_with_real_data(store: Store) -> None:
    real, example = (
        finished(store, ANNA, "echt"),
        finished(store, ANNA, "beispiel", example=True),
    )
    layer = published(store, ANNA, real)
    with pytest.raises(SampleMixed):
        published(store, ANNA, example, rows=7)
    with pytest.raises(SampleMixed):
        dataspace.note_use(ANNA, store, example.id, [layer.id])
    with pytest.raises(SampleMixed):
        combine_check([layer, example])
    assert combine_check([layer, real]) is False
    assert combine_check([example]) is True
    assert combine_check([]) is False


def test_a_shared_layer_becomes_an_input_of_an_own_run(store: Store) -> None:
    layer = published(store, ADMIN, finished(store, ANNA, "eins"), share="alle")
    file = dataspace.as_input(BERT, store, layer.id, now=NOW)
    assert file == StoredFile("aviary_dach_v1.csv", CSV, layer.file.sha256, layer.file.bytes)
    content = artifacts.read(BERT, store, file)
    assert content.count(b"\r\n") == 3
    run = runs.submit(BERT, store, runs.RunOrder("sovia", "pruefen", "Dächer", (file,)), now=NOW)
    dataspace.note_use(BERT, store, run.id, [layer.id])
    dataspace.note_use(BERT, store, run.id, [layer.id])
    assert dataspace.as_input(ANNA, store, layer.id, now=NOW).sha256 == file.sha256


def test_use_is_noted_only_of_what_may_be_read(store: Store) -> None:
    layer = published(store, ANNA, finished(store, ANNA, "eins"))
    run = finished(store, BERT, "zwei")
    with pytest.raises(NotFound):
        dataspace.note_use(BERT, store, run.id, [layer.id])
    with pytest.raises(NotFound):
        dataspace.note_use(ANNA, store, run.id, [layer.id])
    with pytest.raises(NotFound):
        dataspace.as_input(BERT, store, layer.id, now=NOW)


def test_content_that_was_stored_as_something_else_before_can_be_published(store: Store) -> None:
    content = write_csv(list(TABLE), [("1", 2.0)])
    stored(store, ANNA, content, media_type="application/octet-stream")
    run = finished(store, ANNA, "eins")
    file = stored(store, ANNA, content, media_type=CSV)
    publication = Publication("aviary/dach", "Dächer", file, TABLE, "CC0", "Stadt")
    layer = dataspace.publish(ANNA, store, run.id, publication, now=NOW + timedelta(hours=1))
    assert layer.file.media_type == CSV
    assert len(dataspace.read_table(ANNA, store, "aviary/dach")) == 1


def test_many_who_publish_under_one_name_at_once_all_get_a_version(store: Store) -> None:
    made = [finished(store, ANNA, f"lauf {number}") for number in range(12)]
    with ThreadPoolExecutor(len(made)) as pool:
        layers = list(pool.map(lambda run: published(store, ANNA, run, word=run.id[-4:]), made))
    assert sorted(layer.version for layer in layers) == list(range(1, 13))
