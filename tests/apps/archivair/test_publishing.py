"""What other applications get of building files: facts of property, and no name of a person."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from shapely import Point

from apps.archivair.address_register import (
    NO_REGISTER,
    AddressRegister,
    address_key,
    register_of,
)
from apps.archivair.batch.contents import Batch, Document, FieldValue, PropertyFile
from apps.archivair.batch.making import make_batch
from apps.archivair.documents.fields import find_candidates
from apps.archivair.documents.noise import spoil_page
from apps.archivair.documents.page_class import load_page_classifier
from apps.archivair.documents.training_data import true_content
from apps.archivair.publishing import (
    FACTS_SCHEMA,
    LAYER_SCHEMA,
    facts_csv,
    facts_of,
    points_report,
)
from shared.contracts.provenance import Provenance
from shared.demo_city import iter_batch
from shared.report.geo_out import render_gpkg
from shared.store.layer_files import CSV, GEOPACKAGE, look_into, read_csv, read_vector
from tests.apps.archivair.batch.streams import sheet, stream

ORIGIN = Provenance(
    source="akte.pdf", tenant="musterstadt", created_at=datetime(2026, 11, 28, tzinfo=UTC),
    duration_s=1.0, software_version="1.0", input_sha256="ab" * 32,
    models=(), parameters={},
)  # fmt: skip


def field(name: str, value: str, confidence: float = 0.9) -> FieldValue:
    return FieldValue(name, value, value, 1, (0.0, 0.0, 1.0, 1.0), confidence, "regel", False)


def batch(*fields: FieldValue, **prop: str) -> Batch:
    documents = (
        Document(1, 1, 2, "bauantrag", 0.9, fields),
        Document(2, 3, 3, "genehmigung", 0.9, ()),
    )
    return Batch("archivair-batch/1", (), (), documents, (PropertyFile(prop, (1, 2)),), (), (), 1.0)


@pytest.fixture(scope="module")
def register() -> AddressRegister:
    frame = gpd.GeoDataFrame(
        {
            "street": ["Lindenstraße", "Am Markt", "Müllerstraße"],
            "label": ["Lindenstraße 12a", "Am Markt 3", "Müllerstraße 1"],
            "old_street": ["Hindenburgstraße", "", ""],
            "parcel_id": ["P1", "P2", "P3"],
        },
        geometry=[Point(300, 500), Point(310, 510), Point(320, 520)],
        crs="EPSG:25832",
    )
    parcels = pd.DataFrame({"parcel_id": ["P1"], "area_m2": [612.5]})
    return register_of(frame, parcels, "stadt/addresses")


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))


def test_a_file_is_told_with_address_parcel_kinds_dates_and_class(register) -> None:
    found = batch(
        field("datum_antrag", "1957-05-03"), field("datum_genehmigung", "1957-08"),
        field("gebaeudeklasse", "3"), field("bauherr", "Karl Schulze"),
        strasse="Lindenstr.", hausnummer="12 a", gemarkung="Musterstadt", flur="7",
        flurstueck="104/3",
    )  # fmt: skip
    (row,) = rows_of(facts_csv(facts_of(found, register)))
    assert row == {
        "akte": "1", "strasse": "Lindenstraße", "hausnummer": "12a",
        "anschrift_im_register": "ja", "gemarkung": "Musterstadt", "flur": "7",
        "flurstueck": "104/3", "flurstueck_m2": "612,5", "arten": "bauantrag; genehmigung",
        "dokumente": "2", "seiten": "3", "datum_antrag": "1957-05-03",
        "datum_genehmigung": "1957-08", "datum_abnahme": "", "gebaeudeklasse": "3",
    }  # fmt: skip


def test_the_register_is_found_by_old_names_and_old_spelling(register) -> None:
    assert register.find("Hindenburgstr.", "12A").street == "Lindenstraße"
    assert register.find("Lindenſtraße", "12a").house_number == "12a"
    assert register.find("Lindenstraße", "13") is None
    assert register.find("", "13") is None
    assert address_key("Am Markt", "3") in register.places


@pytest.mark.parametrize(
    ("prop", "column"),
    [
        ({"strasse": "Karl Schulze", "hausnummer": "1", "flurstueck": "7"}, "strasse"),
        ({"strasse": "Schulze Straße", "hausnummer": "1", "flurstueck": "7"}, "strasse"),
        ({"strasse": "wohnhaft bei Schulze", "hausnummer": "1", "flurstueck": "7"}, "strasse"),
        ({"gemarkung": "Schulze", "flurstueck": "7"}, "gemarkung"),
        ({"gemarkung": "Herr Karl Schulze", "flurstueck": "7"}, "gemarkung"),
        ({"flur": "Schulze", "flurstueck": "7"}, "flur"),
    ],
)
def test_what_may_be_a_person_is_not_told(register, prop, column) -> None:
    found = batch(field("bauherr", "Karl Schulze"), **prop)
    (row,) = rows_of(facts_csv(facts_of(found, register)))
    assert row[column] == ""
    assert "Schulze" not in str(row)


def test_a_street_that_is_named_after_a_name_stays(register) -> None:
    found = batch(field("bauherr", "Karl Müller"), strasse="Müllerstraße", hausnummer="1")
    assert facts_of(found, register)[0].street == "Müllerstraße"
    assert facts_of(found, NO_REGISTER)[0].street == "Müllerstraße"


def test_a_name_that_a_person_corrected_is_known_in_both_spellings() -> None:
    bauherr = replace(field("bauherr", "Karl Schulze"), raw="Karl Schulte")
    for name in ("Schulze", "Schulte"):
        found = batch(bauherr, gemarkung=name, flurstueck="7")
        assert facts_of(found, NO_REGISTER)[0].district == ""


@settings(max_examples=60)
@given(st.text(alphabet="abcdefghij ABCÄß.-", max_size=25))
def test_free_text_never_gets_out(text: str) -> None:
    found = batch(
        field("vorhaben", f"Neubau {text} Xaver"), field("plan_nr", "Xaver"),
        field("aktenzeichen", "Xaver 12"), field("datum_antrag", "Xaver"),
        field("gebaeudeklasse", "Xaver"), flurstueck="7", flur=f"{text}Xaver",
    )  # fmt: skip
    assert b"Xaver" not in facts_csv(facts_of(found, NO_REGISTER))


def test_files_without_a_property_are_not_told() -> None:
    assert facts_of(batch(field("bauherr", "Karl Schulze")), NO_REGISTER) == []


def test_points_count_files_and_years_by_address(register, tmp_path) -> None:
    one = batch(
        field("datum_antrag", "1957-05-03"), field("datum_abnahme", "1961-01"),
        strasse="Lindenstraße", hausnummer="12a",
    )  # fmt: skip
    two = replace(one, files=(*one.files, PropertyFile(dict(one.files[0].property), (2,))))
    facts = facts_of(two, register)
    path = tmp_path / "akten.gpkg"
    path.write_bytes(render_gpkg(points_report(facts, register, ORIGIN, "Musterstadt")))
    assert look_into(path, GEOPACKAGE, LAYER_SCHEMA).crs == "EPSG:25832"
    frame = read_vector(path, GEOPACKAGE)
    assert len(frame) == 1
    row = frame.iloc[0]
    assert (row.anschrift, row.akten, row.dokumente) == ("Lindenstraße 12a", 2, 3)
    assert (row.erstes_jahr, row.letztes_jahr) == (1957, 1961)
    assert (row.geometry.x, row.geometry.y) == (300, 500)


def test_the_table_fits_its_schema(register, tmp_path) -> None:
    path = tmp_path / "akten.csv"
    path.write_bytes(facts_csv(facts_of(batch(flurstueck="007", gemarkung="Ort"), register)))
    assert look_into(path, CSV, FACTS_SCHEMA).columns == tuple(FACTS_SCHEMA)
    assert list(read_csv(path, FACTS_SCHEMA)["flurstueck"]) == ["007"]


@pytest.mark.parametrize("seed", [90_001, 90_007, 95_003])
@pytest.mark.parametrize("noise", [0.0, 0.04])
def test_no_name_of_the_truth_gets_out_of_rendered_files(seed: int, noise: float) -> None:
    truths = [page.truth.as_dict() for page in iter_batch(seed, files=2, dpi=72, quality="clean")]
    rng = np.random.default_rng(seed)
    contents = [spoil_page(true_content(truth, None), noise, rng) for truth in truths]
    classified = load_page_classifier().classify(contents)
    sheets = [
        sheet(
            number,
            truth["class"] if truth["state"] == "text" else "",
            start=0.99 if truth["starts_document"] else 0.01,
        )
        for number, truth in enumerate(truths, 1)
    ]
    found = make_batch(stream(*sheets, candidates=find_candidates(contents, classified)))
    facts = facts_of(found, NO_REGISTER)
    told = set(words_of(facts_csv(facts).decode("utf-8-sig")))
    places = set(words_of(" ".join(str(file.property) for file in found.files)))
    own = {
        word
        for truth in truths
        for field_of in truth["fields"]
        if field_of["name"] in {"strasse", "ort", "gemarkung"}
        for word in words_of(field_of["value"])
    }
    people = {
        word
        for truth in truths
        for one in truth["personal"]
        if one["category"] == "person_name"
        for word in words_of(one["text"])
        if len(word) > 3
    }
    assert facts
    assert people
    assert places
    assert not (told & people) - own


def words_of(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.casefold().replace("ſ", "s"))
