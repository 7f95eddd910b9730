"""Spreadsheets and CSV files: typed, harmless, the same bytes for the same report."""

import csv
import io
import json
import re
import zipfile
from dataclasses import replace
from datetime import date, datetime
from xml.etree import ElementTree

import pytest
from hypothesis import given, strategies as st

from shared.errors import ReportInvalid
from shared.report.blocks import Column, Paragraph, Table
from shared.report.csv_out import FORMULA_STARTS, csv_with_origin, pack, render_csv
from shared.report.excel import render_xlsx
from shared.report.names import file_name
from shared.store.provenance import to_dict
from tests.report.sample import BERLIN, COLUMNS, MOMENT, ORIGIN, report, table

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def parsed(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)  # noqa: S314  # written by the code under test


def parts(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode("utf-8") for name in archive.namelist()}


def sheets(content: bytes) -> dict[str, ElementTree.Element]:
    found = parts(content)
    book = parsed(found["xl/workbook.xml"])
    names = [sheet.get("name") or "" for sheet in book.iter(f"{MAIN}sheet")]
    return {
        name: parsed(found[f"xl/worksheets/sheet{number}.xml"])
        for number, name in enumerate(names, start=1)
    }


def cells(content: bytes, sheet: str) -> dict[str, object]:
    """Return number or text of every cell of a sheet."""
    shared = parsed(parts(content)["xl/sharedStrings.xml"])
    texts = ["".join(t.text or "" for t in one.iter(f"{MAIN}t")) for one in shared]
    found: dict[str, object] = {}
    for cell in sheets(content)[sheet].iter(f"{MAIN}c"):
        value = cell.find(f"{MAIN}v")
        if value is not None and value.text is not None:
            is_text = cell.get("t") == "s"
            found[cell.get("r") or ""] = texts[int(value.text)] if is_text else float(value.text)
    return found


def formats(content: bytes, sheet: str, place: str) -> str:
    """Return the number format of a cell."""
    styles = parsed(parts(content)["xl/styles.xml"])
    own = {one.get("numFmtId"): one.get("formatCode") or "" for one in styles.iter(f"{MAIN}numFmt")}
    uses = styles.find(f"{MAIN}cellXfs")
    assert uses is not None
    for cell in sheets(content)[sheet].iter(f"{MAIN}c"):
        if cell.get("r") == place:
            number = uses[int(cell.get("s") or 0)].get("numFmtId") or ""
            return own.get(number, number)
    raise AssertionError(place)


def test_the_four_sheets_with_typed_cells() -> None:
    content = render_xlsx(report())
    assert list(sheets(content)) == ["Ergebnis", "Kennzahlen", "Herkunft", "Legende"]
    found = cells(content, "Ergebnis")
    assert found["A1"] == "Gefundene Anlagen"
    assert str(found["A2"]).startswith("Beispieldaten")
    assert "Entscheidung trifft ein Mensch" in str(found["A2"])
    assert [found[f"{letter}4"] for letter in "ABCDEFGH"] == [one.heading for one in COLUMNS]
    assert found["A5"] == 1
    assert found["B5"] == "Musterstraße 1"
    assert found["D5"] == pytest.approx(12.34)
    assert found["F5"] == (date(2020, 1, 2) - date(1899, 12, 30)).days
    assert found["G5"] == pytest.approx(
        (datetime(2026, 5, 1, 12, 1) - datetime(1899, 12, 30)).total_seconds() / 86400
    )
    assert found["H5"] == "nein"
    assert formats(content, "Ergebnis", "D5") == "#,##0.0"
    assert formats(content, "Ergebnis", "E5") == "0%"
    assert formats(content, "Ergebnis", "F5") == "dd.mm.yyyy"


def test_heads_stay_in_sight_and_rows_can_be_filtered() -> None:
    sheet = sheets(render_xlsx(report()))["Ergebnis"]
    (pane,) = sheet.iter(f"{MAIN}pane")
    assert (pane.get("ySplit"), pane.get("state")) == ("4", "frozen")
    (chosen,) = sheet.iter(f"{MAIN}autoFilter")
    assert chosen.get("ref") == "A4:H7"
    widths = [float(one.get("width") or 0) for one in sheet.iter(f"{MAIN}col")]
    assert widths
    assert all(9 <= width <= 62 for width in widths)


def test_figures_origin_and_legend_have_their_sheets() -> None:
    content = render_xlsx(report())
    figures = cells(content, "Kennzahlen")
    assert [figures[place] for place in ("A6", "B6", "C6", "D6", "E6", "F6")] == [
        "Fläche",
        12345.6,
        "m²",
        11800,
        12900,
        "ca.",
    ]
    origin = {str(value) for value in cells(content, "Herkunft").values()}
    assert "solar 0.1.0 (cdcdcdcdcdcd)" in origin
    assert any("Stand 1. September 2026" in one for one in origin)
    assert {"ab" * 32, "0.1.0+g2d7a1a1", "3 von 140 Teilen ohne Ergebnis"} <= origin
    legend = {str(value) for value in cells(content, "Legende").values()}
    assert {"Grundfläche der Anlage", "#2474b5", "Photovoltaik"} <= legend


def test_several_tables_get_several_sheets() -> None:
    second = replace(table(), name="andere", title="Andere")
    content = render_xlsx(report(blocks=(table(), second)))
    assert list(sheets(content))[:2] == ["Ergebnis", "Ergebnis 2"]
    assert cells(content, "Ergebnis 2")["A1"] == "Andere"


@given(st.lists(st.text(max_size=20), min_size=1, max_size=4))
def test_no_text_becomes_a_formula_or_breaks_the_file(texts: list[str]) -> None:
    one = Table("t", "T", (Column("a", "A"),), tuple((text,) for text in texts))
    content = render_xlsx(report(blocks=(one,)))
    assert "<f>" not in parts(content)["xl/worksheets/sheet1.xml"]
    shown = [str(value) for value in cells(content, "Ergebnis").values()]
    assert not [text for text in shown if text.startswith(FORMULA_STARTS)]


def test_what_a_spreadsheet_would_run_or_round_is_text() -> None:
    columns = (Column("a", "=A", "text"), Column("n", "N", "number"))
    one = Table("t", "=T", columns, (("=cmd|'/C calc'!A0", 10**17), ("\r=1", -3), ("-2", 1)))
    found = cells(render_xlsx(report(blocks=(one,))), "Ergebnis")
    assert found["A1"] == "'=T"
    assert found["A4"] == "'=A"
    assert found["A5"] == "'=cmd|'/C calc'!A0"
    assert found["A6"] == "'=1"
    assert found["A7"] == "'-2"
    assert found["B5"] == "100000000000000000"
    assert found["B6"] == -3


def test_links_stay_texts() -> None:
    one = Table("t", "T", (Column("a", "A"),), (("https://a.example/x",), ("x" * 32_000,)))
    content = render_xlsx(report(blocks=(one,)))
    assert "hyperlink" not in parts(content)["xl/worksheets/sheet1.xml"].lower()
    assert len(str(cells(content, "Ergebnis")["A6"])) == 32_000


def test_same_report_same_workbook() -> None:
    assert render_xlsx(report()) == render_xlsx(report())
    assert render_xlsx(report()) != render_xlsx(report(created_at=MOMENT.replace(hour=16)))
    assert "2026-11-24T14:00:00Z" in parts(render_xlsx(report()))["docProps/core.xml"]


def test_english_workbook() -> None:
    content = render_xlsx(report(language="en"))
    assert list(sheets(content)) == ["Result", "Figures", "Origin", "Legend"]


def test_csv_with_its_side_file() -> None:
    files = csv_with_origin("a.csv", table(), ORIGIN)
    assert list(files) == ["a.csv", "a.csv-metadata.json"]
    text = files["a.csv"].decode("utf-8")
    assert text.startswith("\ufeffNr.;Adresse;Art;Fläche (m²);")
    (_, first, *_) = csv.reader(io.StringIO(text, newline=""), delimiter=";")
    assert first == [
        "1",
        "Musterstraße 1",
        "Photovoltaik",
        "12,34",
        "0,51",
        "2020-01-02",
        "2026-05-01 12:01:00+02:00",
        "nein",
    ]
    told = json.loads(files["a.csv-metadata.json"])
    assert told["url"] == "a.csv"
    assert told["notes"] == [json.loads(json.dumps(to_dict(ORIGIN)))]
    columns = told["tableSchema"]["columns"]
    assert [one["name"] for one in columns] == [one.key for one in COLUMNS]
    assert columns[3]["datatype"] == {"base": "double", "format": {"decimalChar": ","}}
    assert files == csv_with_origin("a.csv", table(), ORIGIN)


def test_csv_reads_back_identically() -> None:
    files = csv_with_origin("a.csv", table(40), ORIGIN)
    text = files["a.csv"].decode("utf-8-sig")
    _, *read = csv.reader(io.StringIO(text, newline=""), delimiter=";")
    made = tuple(
        (
            int(row[0]),
            row[1],
            row[2],
            float(row[3].replace(",", ".")),
            float(row[4].replace(",", ".")),
            date.fromisoformat(row[5]),
            datetime.fromisoformat(row[6]).astimezone(BERLIN),
            row[7] == "ja",
        )
        for row in read
    )
    assert made == table(40).rows


def test_all_tables_as_one_archive() -> None:
    second = replace(table(), name="andere")
    files = render_csv(report(blocks=(table(), second)), "a.csv")
    assert list(files) == [
        "a.csv",
        "a.csv-metadata.json",
        "a_andere.csv",
        "a_andere.csv-metadata.json",
    ]
    packed = pack(files, MOMENT)
    assert packed == pack(files, MOMENT)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.namelist() == list(files)
        assert archive.infolist()[0].date_time == (2026, 11, 24, 15, 0, 0)


def test_no_table_no_csv() -> None:
    with pytest.raises(ReportInvalid, match="keine Tabelle"):
        render_csv(report(blocks=(Paragraph("x"),)), "a.csv")


@given(st.text(max_size=300), st.sampled_from(["pdf", "geojson", "gpkg"]))
def test_names_of_files(subject: str, ending: str) -> None:
    name = file_name("archivair", subject, date(2026, 11, 24), ending)
    assert len(name) <= 80
    assert re.fullmatch(rf"archivair_[a-z0-9-]+_2026-11-24\.{ending}", name)
