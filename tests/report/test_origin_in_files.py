"""Every kind of file says where it comes from, and foreign files cannot do harm when asked."""

import io
import json
import sqlite3
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pikepdf
import pytest
import rasterio
from hypothesis import given, strategies as st
from PIL import Image
from rasterio.transform import from_origin

from shared import __version__
from shared.contracts.jobs import StoredFile
from shared.contracts.provenance import FailedUnit, InputFile, ModelUse, Provenance
from shared.errors import FileMissing, ProvenanceMissing
from shared.i18n import get_translator
from shared.report.csv_out import pack, render_csv
from shared.report.excel import render_xlsx
from shared.report.geo_out import render_geojson, render_gpkg
from shared.report.json_out import render_json
from shared.report.origin import origin_rows
from shared.report.pdf import render_pdf
from shared.store import provenance as provenance_module, provenance_reading
from shared.store.provenance import (
    describe,
    embed_in_gpkg,
    embed_in_json,
    embed_in_pdf,
    embed_in_png,
    from_dict,
    from_json,
    joint_hash,
    read_back,
    sheet_cells,
    side_file_name,
    software_version,
    to_dict,
    to_json,
    write_cog,
)
from shared.store.provenance_files import GPKG_STANDARD, XMP_NAMESPACE, xmp_packet
from shared.store.runs import RunView
from tests.report.sample import MOMENT, ORIGIN, picture, report

EXPECTED = json.loads(json.dumps(to_dict(ORIGIN)))
HARD = replace(
    ORIGIN,
    source='<b>&amp; "]]> \u202e \ud800 😀 _x0041_ =1+1',
    parameters={"text": "ü" * 5_000, "_x000D_": None, "nested": {"a": [1.5, {"b": False}]}},
    inputs=tuple(InputFile(f"Datei {at}.tif", f"{at:064x}") for at in range(400)),
)


def without_fonts_pdf(_: Path) -> bytes:
    target = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(target, deterministic_id=True)
    return target.getvalue()


def write_raster(path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (3, 600, 520), dtype="uint8")
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=520,
        height=600,
        count=3,
        dtype="uint8",
        crs="EPSG:25832",
        transform=from_origin(5e5, 57e5, 0.2, 0.2),
    ) as raster:
        raster.write(pixels)


def write(path: Path, kind: str, origin: Provenance) -> Path:
    """Write a file of a kind the way apps do, and return it."""
    made = report(2, provenance=origin)
    file = path / f"a.{kind}"
    if kind == "csv":
        for name, content in render_csv(made, file.name).items():
            (path / name).write_bytes(content)
    elif kind == "tif":
        write_raster(path / "source.tif")
        write_cog(path / "source.tif", file, origin)
    else:
        writers: dict[str, Callable[[], bytes]] = {
            "pdf": lambda: render_pdf(made).content,
            "foreign.pdf": lambda: embed_in_pdf(without_fonts_pdf(path), origin),
            "xlsx": lambda: render_xlsx(made),
            "zip": lambda: pack(render_csv(made, "a.csv"), MOMENT),
            "gpkg": lambda: render_gpkg(made),
            "geojson": lambda: render_geojson(made),
            "json": lambda: render_json(made),
            "png": lambda: embed_in_png(picture(), origin),
        }
        file.write_bytes(writers[kind]())
    return file


KINDS = ["pdf", "foreign.pdf", "xlsx", "csv", "zip", "gpkg", "geojson", "json", "png", "tif"]


@pytest.mark.parametrize("kind", KINDS)
def test_round_trip(tmp_path: Path, kind: str) -> None:
    """Acceptance 11 of the data platform."""
    assert read_back(write(tmp_path, kind, ORIGIN)) == EXPECTED


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "pdf"])
def test_hard_texts_survive(tmp_path: Path, kind: str) -> None:
    found = read_back(write(tmp_path, kind, HARD))
    assert found["parameters"] == to_dict(HARD)["parameters"]
    assert len(found["inputs"]) == 400
    assert found["source"].replace("?", "\ud800") == HARD.source.replace("?", "\ud800")


@pytest.mark.parametrize("kind", ["foreign.pdf", "png", "gpkg"])
def test_the_last_origin_counts_and_bytes_repeat(tmp_path: Path, kind: str) -> None:
    file = write(tmp_path, kind, ORIGIN)
    again = replace(ORIGIN, source="neu")
    if kind == "gpkg":
        embed_in_gpkg(file, again)
    else:
        embed = embed_in_pdf if kind == "foreign.pdf" else embed_in_png
        assert embed(file.read_bytes(), again) == embed(file.read_bytes(), again)
        file.write_bytes(embed(file.read_bytes(), again))
    assert read_back(file)["source"] == "neu"


def test_pixels_and_order_of_pictures_stay(tmp_path: Path) -> None:
    marked = embed_in_png(picture(), ORIGIN)
    with Image.open(io.BytesIO(marked)) as image, Image.open(io.BytesIO(picture())) as before:
        image.load()
        assert image.tobytes() == before.tobytes()
    with pytest.raises(ValueError, match="no PNG"):
        embed_in_png(b"GIF89a" + bytes(30), ORIGIN)
    file = write(tmp_path, "tif", ORIGIN)
    with rasterio.open(file) as raster, rasterio.open(tmp_path / "source.tif") as source:
        assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert np.array_equal(raster.read(), source.read())
        assert raster.crs == source.crs


def test_a_saved_pdf_keeps_its_origin(tmp_path: Path) -> None:
    """Another program opens the report and saves it again."""
    file = write(tmp_path, "pdf", ORIGIN)
    saved = tmp_path / "saved.pdf"
    with pikepdf.open(file) as pdf:
        pdf.save(saved)
    assert read_back(saved) == EXPECTED


def test_the_origin_stands_before_long_members() -> None:
    content = embed_in_json({"type": "FeatureCollection", "features": [], "a": 1}, ORIGIN)
    assert list(content) == ["type", "provenance", "features", "a"]


def test_a_large_geojson_is_not_read_whole(tmp_path: Path) -> None:
    content = json.dumps(embed_in_json({"type": "FeatureCollection"}, ORIGIN))
    file = tmp_path / "a.geojson"
    file.write_bytes(content[:-1].encode() + b', "features": [' + b" " * 20_000_000 + b"broken")
    assert read_back(file) == EXPECTED


# --- foreign files --------------------------------------------------------------------------

CELL = sheet_cells(ORIGIN)[0]
QUOTED = escape(CELL, {'"': "&#34;", "%": "&#37;"})
BOMB = f'<!DOCTYPE x [<!ENTITY b "{QUOTED}">]>'.encode()
"""An entity that would make a readable origin if anybody expanded it."""
PADDED = to_json(ORIGIN) + " " * 2_000_000


def zip_with(name: str, content: bytes, **changes: object) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return target.getvalue()


def shared_strings(text: bytes, head: bytes = b"") -> bytes:
    main = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return (
        b'<?xml version="1.0"?>'
        + head
        + b'<sst xmlns="'
        + main
        + b'"><si><t>'
        + text
        + b"</t></si></sst>"
    )


def zip_bomb() -> bytes:
    """About 200 kB that unpack to more than anybody wants to read."""
    target = io.BytesIO()
    block = b" " * 1_000_000
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("xl/sharedStrings.xml", "w") as stream,
    ):
        head, tail = shared_strings(escape(CELL).encode()).split(b"<si>", 1)
        stream.write(head)
        for _ in range(201):
            stream.write(block)
        stream.write(b"<si>" + tail)
    return target.getvalue()


def packet(inside: bytes, head: bytes = b"") -> bytes:
    return b'%PDF-1.7\n<?xpacket begin="" id="x"?>' + head + inside + b'<?xpacket end="r"?>\n%%EOF'


FOREIGN = {
    "empty": b"",
    "text": b"Guten Tag",
    "pdf_without": b"%PDF-1.7\n%%EOF",
    "pdf_broken_packet": packet(b"<a><b></a>"),
    "pdf_entities": packet(
        f'<r xmlns:u="{XMP_NAMESPACE}"><u:provenance>&b;</u:provenance></r>'.encode(),
        BOMB.replace(b"urbanki-provenance 1/1 ", b""),
    ),
    "pdf_megabytes": packet(
        f'<r xmlns:u="{XMP_NAMESPACE}"><u:provenance>{escape(PADDED)}</u:provenance></r>'.encode()
        + b"<!-- -->" * 1_000_000
    ),
    "pdf_half_packet": b"%PDF-1.7 <?xpacket end",
    "pdf_other_words": packet(
        f'<r xmlns:u="{XMP_NAMESPACE}"><u:provenance>5</u:provenance></r>'.encode()
    ),
    "pdf_many_packets": b"%PDF-"
    + xmp_packet(ORIGIN)
    + b'<?xpacket begin=""?><?xpacket end' * 50_000,
    "png_broken": b"\x89PNG\r\n\x1a\n" + b"\xff" * 50,
    "zip_without": zip_with("a.txt", b"x"),
    "zip_cut": zip_with("xl/sharedStrings.xml", b"x" * 500)[:80],
    "xlsx_entities": zip_with("xl/sharedStrings.xml", shared_strings(b"&b;", BOMB)),
    "xlsx_broken": zip_with("xl/sharedStrings.xml", b"<sst><si>"),
    "xlsx_half": zip_with("xl/sharedStrings.xml", shared_strings(b"urbanki-provenance 1/2 {")),
    "xlsx_no_json": zip_with("xl/sharedStrings.xml", shared_strings(b"urbanki-provenance 1/1 {")),
    "zip_bomb": zip_bomb(),
    "sqlite_cut": b"SQLite format 3\0" + b"\0" * 200,
    "tiff_broken": b"II*\0" + b"\xff" * 200,
    "json_other": b'{"a": 1}',
    "json_list": b"[1, 2]",
    "json_cut": b'{"provenance": {"schema": "urbanki-pro',
    "json_deep": b'{"a": ' + b"[" * 200_000,
    "json_number": b'{"a": ' + b"9" * 10_000 + b"}",
    "json_other_schema": b'{"provenance": {"schema": "x"}}',
    "json_fields": b'{"provenance": {"schema": "urbanki-provenance/1"}}',
    "utf16": '{"provenance": 1}'.encode("utf-16"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_files_are_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    file = tmp_path / "fremd.dat"
    file.write_bytes(FOREIGN[name])
    with pytest.raises(ProvenanceMissing, match="nennt keine lesbare Herkunft"):
        read_back(file)


def test_an_encrypted_entry_is_refused(tmp_path: Path) -> None:
    content = bytearray(zip_with("xl/sharedStrings.xml", b"x" * 50))
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + at] |= 1
    file = tmp_path / "a.xlsx"
    file.write_bytes(content)
    with pytest.raises(ProvenanceMissing):
        read_back(file)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE VIEW gpkg_metadata AS SELECT 1 AS id, 'x' AS metadata",
        "CREATE TABLE gpkg_metadata (id INTEGER, other TEXT)",
        "CREATE TABLE other (id INTEGER)",
    ],
)
def test_foreign_databases_are_refused(tmp_path: Path, statement: str) -> None:
    file = tmp_path / "a.gpkg"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(statement)
    with pytest.raises(ProvenanceMissing):
        read_back(file)


def foreign_gpkg(path: Path, rows: list[tuple[int, str, str]]) -> Path:
    file = path / "a.gpkg"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(
            "CREATE TABLE gpkg_metadata (id INTEGER, md_standard_uri TEXT, metadata TEXT)"
        )
        database.executemany("INSERT INTO gpkg_metadata VALUES (?, ?, ?)", rows)
    return file


def test_a_small_foreign_table_would_be_read(tmp_path: Path) -> None:
    """What the next two tests refuse is refused for its size alone."""
    assert read_back(foreign_gpkg(tmp_path, [(1, GPKG_STANDARD, to_json(ORIGIN))])) == EXPECTED


def test_a_database_with_endless_rows_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [(number, "x", "y") for number in range(20_000)]
    file = foreign_gpkg(tmp_path, [(-1, GPKG_STANDARD, to_json(ORIGIN)), *rows])
    assert read_back(file) == EXPECTED
    monkeypatch.setattr(provenance_reading, "SQLITE_STEPS", 10_000)
    with pytest.raises(ProvenanceMissing):
        read_back(file)


def test_an_origin_of_megabytes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProvenanceMissing):
        read_back(foreign_gpkg(tmp_path, [(1, GPKG_STANDARD, PADDED)]))
    with pytest.raises(ValueError, match="more than"):
        from_json(PADDED)


def test_a_missing_file_is_another_error(tmp_path: Path) -> None:
    with pytest.raises(FileMissing):
        read_back(tmp_path / "nicht.da")
    with pytest.raises(FileMissing):
        read_back(tmp_path)


def test_a_picture_inside_does_not_speak_for_the_whole(tmp_path: Path) -> None:
    """Metadata of a picture in a PDF stand before the document's own, or they are stripped."""
    other = replace(ORIGIN, source="Bild")
    content = b"%PDF-1.7\n" + xmp_packet(other) + b"\n" + xmp_packet(ORIGIN) + b"\n%%EOF"
    file = tmp_path / "a.pdf"
    file.write_bytes(content)
    assert read_back(file)["source"] == ORIGIN.source


def test_a_damaged_checksum_of_a_png_does_not_matter_for_reading(tmp_path: Path) -> None:
    content = embed_in_png(picture(), ORIGIN)
    (length,) = struct.unpack_from(">I", content, 33)
    body = content[37 : 41 + length]
    assert struct.unpack_from(">I", content, 41 + length) == (zlib.crc32(body),)


# --- the value itself -----------------------------------------------------------------------


def test_json_form_is_fixed() -> None:
    text = to_json(ORIGIN)
    assert text.isascii()
    assert from_json(text) == ORIGIN
    assert to_json(from_json(text)) == text
    assert json.loads(text)["decision"] == "Entscheidung trifft ein Mensch"
    shuffled = replace(ORIGIN, parameters=dict(reversed(ORIGIN.parameters.items())))
    assert to_json(shuffled) == text


def test_later_versions_may_say_more() -> None:
    assert from_dict({**to_dict(ORIGIN), "weather": "sunny"}) == ORIGIN


def test_values_without_a_json_form() -> None:
    told = json.loads(to_json(replace(ORIGIN, parameters={"schwelle": float("nan")})))
    assert told["parameters"] == {"schwelle": None}
    with pytest.raises(ValueError, match="serialize"):
        to_json(replace(ORIGIN, parameters={"schwelle": object()}))


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=4))
def test_cells_of_a_sheet_join_to_the_same_text(parameters: dict[str, str]) -> None:
    origin = replace(HARD, parameters=parameters)
    cells = sheet_cells(origin)
    assert len(cells) >= 2
    assert all(len(cell) < 32_767 for cell in cells)
    assert "".join(cell.split(" ", 2)[2] for cell in cells) == to_json(origin)


def test_name_of_the_side_file() -> None:
    assert side_file_name("a.csv") == "a.csv-metadata.json"


RUN = RunView(
    id="0199aa00-0000-7000-8000-000000000001",
    app="aviary",
    job="detect",
    title="Mitte",
    started_by="person",
    state="done",
    inputs=(
        StoredFile("a.tif", "image/tiff", "11" * 32, 5),
        StoredFile("b.tif", "image/tiff", "22" * 32, 6),
    ),
    parameters={"schwelle": 0.5},
    is_example=True,
    units_total=100,
    units_done=40,
    units_failed=60,
    seconds_per_unit=1.0,
    message_code=None,
    message_details={},
    summary=None,
    provenance=None,
    created_at=datetime(2026, 11, 24, 12, 0, tzinfo=UTC),
    started_at=datetime(2026, 11, 24, 12, 1, tzinfo=UTC),
    finished_at=datetime(2026, 11, 24, 12, 3, 30, tzinfo=UTC),
    cancel_requested=False,
    expires_at=None,
)


def test_a_stored_run_says_where_its_result_comes_from() -> None:
    model = ModelUse("solar", "0.1.0", "cd" * 32)
    failed = [FailedUnit(f"Kachel {at}", "bild_beschaedigt") for at in range(60)]
    made = describe(RUN, tenant="musterstadt", models=[model, model], failed=failed, seeds={"a": 1})
    assert made.models == (model,)
    assert made.input_sha256 == joint_hash(["11" * 32, "22" * 32])
    assert made.inputs == (InputFile("a.tif", "11" * 32), InputFile("b.tif", "22" * 32))
    assert (made.run_id, made.app, made.tenant) == (RUN.id, "aviary", "musterstadt")
    assert made.duration_s == 150
    assert made.created_at == RUN.finished_at
    assert made.created_at.utcoffset() == timedelta(hours=1), "told in local time"
    assert (made.units_total, made.units_failed, len(made.failed_units)) == (100, 60, 50)
    assert made.software_version == software_version()
    assert from_dict(json.loads(json.dumps(to_dict(made)))) == made


def test_what_a_stop_has_left_is_told() -> None:
    stopped = replace(RUN, state="cancelled", units_total=100, units_done=12, units_failed=3)
    made = describe(stopped, tenant="musterstadt")
    assert (made.units_failed, made.units_left) == (3, 85)
    words = dict(origin_rows(made, get_translator("de")))["Vollständigkeit"]
    assert words == "88 von 100 Teilen ohne Ergebnis, davon 85 nach Abbruch nicht bearbeitet"
    assert from_dict(json.loads(json.dumps(to_dict(made)))) == made
    failed = replace(stopped, state="done")
    assert describe(failed, tenant="musterstadt").units_left == 0


def test_a_run_that_has_not_begun_can_be_described() -> None:
    waiting = replace(RUN, started_at=None, finished_at=None, units_failed=0, units_total=None)
    made = describe(waiting, tenant="musterstadt", version="1.2.3")
    assert made.duration_s == 0
    assert made.software_version == "1.2.3"


def test_joint_hash() -> None:
    assert joint_hash(["ab" * 32]) == "ab" * 32
    assert joint_hash(["a", "b"]) != joint_hash(["b", "a"])


@pytest.fixture
def fresh_version(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    software_version.cache_clear()
    monkeypatch.setattr(software_version, "cache_clear", software_version.cache_clear)
    return monkeypatch


def version_with(monkeypatch: pytest.MonkeyPatch, answer: Callable[..., object]) -> str:
    monkeypatch.setattr(provenance_module.subprocess, "run", answer)
    software_version.cache_clear()
    try:
        return software_version()
    finally:
        software_version.cache_clear()


def said(text: str, code: int = 0) -> Callable[..., object]:
    return lambda command, **_: subprocess.CompletedProcess(command, code, stdout=text)


def git_missing(*_: object, **__: object) -> object:
    raise FileNotFoundError("git")


def git_hangs(command: object, **_: object) -> object:
    raise subprocess.TimeoutExpired("git", 2)


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        (said("v0.2.0-3-gabcdef123456\n"), "0.2.0-3-gabcdef123456"),
        (said("abcdef123456\n"), f"{__version__}+gabcdef123456"),
        (said("abcdef123456-dirty\n"), f"{__version__}+gabcdef123456.dirty"),
        (said("", 128), __version__),
        (said("evil\x1b[31m"), __version__),
        (git_missing, __version__),
        (git_hangs, __version__),
    ],
)
def test_version_of_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Callable[..., object], version: str
) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setattr(provenance_module, "REPOSITORY", tmp_path)
    assert version_with(monkeypatch, answer) == version


def test_without_a_checkout_nobody_asks_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance_module, "REPOSITORY", tmp_path)

    def asked(*_: object, **__: object) -> object:
        raise AssertionError("git was asked")

    assert version_with(monkeypatch, asked) == __version__
