"""The model of a report: what it refuses, its JSON form, pictures without traces."""

import base64
import io
import json
from dataclasses import replace
from datetime import date, datetime

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image as Pixels
from shapely.geometry import GeometryCollection, Point, Polygon

from shared.errors import ReportInvalid
from shared.report.blocks import (
    Callout,
    Column,
    Figure,
    Figures,
    Heading,
    Image,
    LegendEntry,
    Map,
    Paragraph,
    SignatureField,
    Table,
)
from shared.report.document import Report, from_json, to_json, without_personal_columns
from shared.report.layers import Feature, Layer
from tests.report.sample import BERLIN, COLUMNS, MOMENT, ORIGIN, layer, picture, report, table

TEXT = Column("a", "A")


def jpeg_with_place() -> bytes:
    exif = Pixels.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010F] = "Kamera von Frau Muster"
    target = io.BytesIO()
    Pixels.new("RGB", (40, 20), "#2474b5").save(target, "JPEG", exif=exif, comment=b"geheim")
    return target.getvalue()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Heading(" "), "Eine Überschrift ist leer."),
        (lambda: Heading("x" * 201), "mehr als 200 Zeichen"),
        (lambda: Paragraph(5), "kein Text"),
        (lambda: Callout(""), "Ein Hinweis ist leer."),
        (lambda: SignatureField(""), "leer"),
        (lambda: Figure("", 1), "leer"),
        (lambda: Figure("a", 1, digits=10), "Nachkommastellen"),
        (lambda: Figures(()), "Kennzahlen"),
        (lambda: Column("Größe", "A"), "kein Name"),
        (lambda: Column("a", ""), "leer"),
        (lambda: Image("b", picture(), "  "), "Alternativtext"),
        (lambda: Map("b", picture(), ""), "Alternativtext"),
        (lambda: Image("b", b"GIF89a", "x"), "kein PNG oder JPEG"),
        (lambda: Image("b", picture()[:-40], "x"), "beschädigt"),
        (lambda: Image("b", b"\x89PNG" + b"0" * 20_000_001, "x"), "größer als 20 MB"),
        (lambda: Image("b", picture(5100, 5000), "x"), "25 Megapixel"),
        (lambda: LegendEntry("red", "x"), "keine Farbe"),
        (lambda: LegendEntry("#2474b5", ""), "leer"),
        (lambda: Table("t", "T", (), ()), "Spalten"),
        (lambda: Table("t", "T", (TEXT, TEXT), ()), "Zwei Spalten heißen „a“."),
        (lambda: Table("t", "T", (TEXT,), (("x", "y"),)), "2 statt 1 Zellen"),
        (lambda: Table("t", "T", (TEXT,), ((1,),)), "passt nicht zu ihrer Spalte"),
        (lambda: Table("t", "T", (TEXT,), (("x" * 32_001,),)), "zu lang"),
        (lambda: Table("t", "T", (Column("a", "A", "number"),), ((True,),)), "passt nicht"),
        (lambda: Table("t", "T", (Column("a", "A", "yes_no"),), ((1,),)), "passt nicht"),
        (lambda: Table("t", "T", (Column("a", "A", "date"),), (("31.02.2026",),)), "passt nicht"),
        (lambda: Table("t", "T", (Column("a", "A", "time"),), (("2026-01-01",),)), "passt nicht"),
        (lambda: report(title=""), "Der Titel ist leer."),
        (lambda: report(created_at=datetime(2026, 1, 1)), "Zeitzone"),
        (lambda: report(blocks=(table(), table())), "Zwei Bausteine heißen „funde“."),
        (lambda: report(blocks=(Heading("a", 2),)), "übersprungen"),
        (lambda: report(layers=(layer(), layer())), "Zwei Ebenen"),
        (lambda: replace(layer(), style_column="farbe"), "keine Spalte „farbe“"),
    ],
)
def test_what_nobody_could_show_well_is_refused(make: object, reason: str) -> None:
    with pytest.raises(ReportInvalid, match=r".") as caught:
        make()  # type: ignore[operator]
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("geometries", "reason"),
    [
        ([Point(0, 0), Polygon([(0, 0), (1, 0), (0, 1)])], "mischt"),
        ([GeometryCollection([Point(0, 0)])], "etwas anderes"),
        ([Polygon()], "ohne Ort"),
        ([Point(float("inf"), 0)], "ohne Ort"),
    ],
)
def test_a_layer_is_of_one_kind_and_has_places(geometries: list[object], reason: str) -> None:
    features = tuple(Feature(one, ("x",)) for one in geometries)  # type: ignore[arg-type]
    with pytest.raises(ReportInvalid) as caught:
        Layer("e", "Ebene", (TEXT,), features)
    assert reason in str(caught.value)


def test_cells_become_what_their_column_says() -> None:
    columns = (Column("n", "N", "number"), Column("d", "D", "date"), Column("t", "T", "time"))
    made = Table(
        "t",
        "T",
        columns,
        (
            (np.int64(3), "2026-11-24", "2026-11-24T15:00:00+01:00"),  # type: ignore[arg-type]
            (float("nan"), None, MOMENT),
        ),
    )
    assert made.rows == ((3, date(2026, 11, 24), MOMENT), (None, None, MOMENT))
    assert type(made.rows[0][0]) is int


def test_json_and_back() -> None:
    made = report()
    content = to_json(made)
    assert from_json(content) == made
    assert to_json(from_json(content)) == content
    text = content.decode("utf-8")
    assert text.index('"provenance"') < text.index('"blocks"')
    assert "Entscheidung trifft ein Mensch" in text


@given(
    st.text(min_size=1, max_size=30).filter(str.strip),
    st.floats(allow_nan=False, allow_infinity=False),
)
def test_any_words_and_numbers_survive_json(words: str, number: float) -> None:
    rows = ((number, words),)
    one = Table("t", words, (Column("n", "N", "number"), Column("w", "W")), rows)
    made = report(title=words, blocks=(one, Paragraph(words)), layers=())
    assert from_json(to_json(made)) == made


def test_half_a_character_does_not_break_the_output() -> None:
    content = to_json(report(blocks=(Paragraph("\ud800 halb"),)))
    assert "? halb" in content.decode("utf-8")


def changed(**changes: object) -> bytes:
    return json.dumps({**json.loads(to_json(report())), **changes}).encode()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "kein gültiges JSON"),
        (b"\xff\xfe{", "kein gültiges JSON"),
        (b"[" * 100_000, "kein gültiges JSON"),
        (b"[]", "keinen Bericht"),
        (b"{}", "„title“ fehlt"),
        (changed(extra=1), "„extra“ ist unbekannt"),
        (changed(language="fr"), "„language“ ist ungültig"),
        (changed(schema="urbanki-report/9"), "„schema“ ist ungültig"),
        (changed(provenance={"schema": "x"}), "„provenance“ ist ungültig"),
        (changed(blocks=[{"kind": "video"}]), "„blocks.0“ ist ungültig"),
        (changed(blocks=[{"kind": "heading", "text": "a", "x": 1}]), "unbekannt"),
        (
            changed(blocks=[{"kind": "image", "name": "a", "alt": "b", "picture": "###"}]),
            "picture“ ist ungültig",
        ),
        (
            changed(
                blocks=[
                    {
                        "kind": "image",
                        "name": "a",
                        "alt": "",
                        "picture": base64.b64encode(picture()).decode(),
                    }
                ]
            ),
            "Alternativtext",
        ),
    ],
)
def test_a_foreign_file_is_refused_in_one_sentence(content: bytes, reason: str) -> None:
    with pytest.raises(ReportInvalid) as caught:
        from_json(content)
    assert reason in str(caught.value)


def test_pictures_lose_camera_and_place_and_stand_upright() -> None:
    made = Image("bild", jpeg_with_place(), "Ein blaues Feld.")
    with Pixels.open(io.BytesIO(made.picture)) as image:
        assert image.size == (20, 40)
        assert not image.getexif()
    assert b"Muster" not in made.picture
    assert b"geheim" not in made.picture
    assert Image("bild", made.picture, "x").picture == made.picture, "clean ones stay as they are"


def test_texts_inside_a_png_are_removed() -> None:
    from PIL.PngImagePlugin import PngInfo

    notes = PngInfo()
    notes.add_text("Author", "Frau Muster")
    target = io.BytesIO()
    Pixels.new("P", (5, 5)).save(target, "PNG", pnginfo=notes)
    assert b"Muster" in target.getvalue()
    assert b"Muster" not in Image("bild", target.getvalue(), "x").picture


def test_personal_columns_can_be_left_out() -> None:
    made = without_personal_columns(report())
    (kept,) = made.tables
    assert [column.key for column in kept.columns] == [
        column.key for column in COLUMNS if not column.personal
    ]
    assert "Musterstraße" not in to_json(made).decode()
    assert len(made.layers[0].features) == 3
    assert made.layers[0].style_column == "art"


def test_a_table_about_persons_only_vanishes() -> None:
    secret = Column("wer", "Wer", personal=True)
    one = Table("t", "T", (secret,), (("Frau Muster",),))
    places = Layer("e", "E", (secret,), (Feature(Point(1, 2), ("Frau Muster",)),))
    made = without_personal_columns(report(blocks=(one,), layers=(places,)))
    assert made.tables == ()
    assert made.layers == ()


def test_the_model_knows_its_parts() -> None:
    made: Report = report()
    assert made.is_example
    assert not replace(made, provenance=replace(ORIGIN, sample_data=False)).is_example
    assert [figure.label for figure in made.figures] == ["Anlagen", "Fläche"]
    assert [block.name for block in made.pictures] == ["karte", "bild"]
    assert made.created_at.tzinfo is BERLIN
