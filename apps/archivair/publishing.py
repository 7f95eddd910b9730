"""What other applications may know of building files: facts of property, never of people.

A text is only taken when it is what its field says: an address of the register in the spelling of
the register, a number, a date, a class. Whatever else was read stays here, and so does each text
that holds a word of a person whom the same file names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from shapely import Point

from apps.archivair.address_register import AddressRegister, Place
from apps.archivair.batch.contents import Batch, Document, FieldValue, PropertyFile
from apps.archivair.documents.folding import fold
from apps.archivair.documents.grammars import read_value
from apps.archivair.documents.page_classes import class_ids
from apps.archivair.documents.values import Surroundings
from apps.archivair.field_values import PERSON_FIELDS, read_typed, year_of
from shared.contracts.provenance import Provenance
from shared.report.blocks import Column
from shared.report.csv_out import write_csv
from shared.report.document import Report
from shared.report.layers import Feature, Layer
from shared.store.layer_files import Schema

FACTS_TOPIC, LAYER_TOPIC = "building_file_facts", "building_files"
FACTS_SCHEMA: Schema = {
    "akte": "integer",
    "strasse": "text",
    "hausnummer": "text",
    "anschrift_im_register": "boolean",
    "gemarkung": "text",
    "flur": "text",
    "flurstueck": "text",
    "flurstueck_m2": "number",
    "arten": "text",
    "dokumente": "integer",
    "seiten": "integer",
    "datum_antrag": "text",
    "datum_genehmigung": "text",
    "datum_abnahme": "text",
    "gebaeudeklasse": "integer",
}
"""Columns of the table; dates may be months (`1957-05`), so they are texts."""
LAYER_SCHEMA: Schema = {
    "anschrift": "text",
    "akten": "integer",
    "dokumente": "integer",
    "erstes_jahr": "integer",
    "letztes_jahr": "integer",
    "geometry": "geometry",
}
"""Columns of the points."""
_DATES = ("datum_antrag", "datum_genehmigung", "datum_abnahme")
_NUMBER = re.compile(r"\d{1,5}(/\d{1,4})?", re.ASCII)
_LEAST_NAME_LETTERS = 3


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is published of one file.

    Args:
        file: Its number in the batch, from 1.
        street: Street; empty when none may be told.
        house_number: House number; empty likewise.
        place: Entry of the register; None for an address that is not in it.
        district: Gemarkung; empty when none may be told.
        flur: Flur.
        plot: Flurstück.
        classes: Classes of its documents in their fixed order.
        documents: Number of its documents.
        pages: Number of its pages.
        dates: Dates by name of the field, ISO, also shortened.
        building_class: 1 to 5; None when not stated.
        years: All years that its dates name.
    """

    file: int
    street: str
    house_number: str
    place: Place | None
    district: str
    flur: str
    plot: str
    classes: tuple[str, ...]
    documents: int
    pages: int
    dates: Mapping[str, str]
    building_class: int | None
    years: tuple[int, ...]


def facts_of(batch: Batch, register: AddressRegister) -> list[FileFacts]:
    """Return what may be published of the files that name a property.

    Args:
        batch: The batch with what people decided.
        register: Addresses of the municipality.
    """
    documents = {one.document: one for one in batch.documents}
    found = []
    for number, file in enumerate(batch.files, 1):
        own = [documents[one] for one in file.documents]
        facts = _facts(number, file, own, register)
        if facts.street or facts.plot:
            found.append(facts)
    return found


def facts_csv(facts: Iterable[FileFacts]) -> bytes:
    """Return the table as the data space takes it.

    Args:
        facts: What is published.
    """
    rows = [
        (
            one.file,
            one.street,
            one.house_number,
            one.place is not None,
            one.district,
            one.flur,
            one.plot,
            one.place.parcel_m2 if one.place else None,
            "; ".join(one.classes),
            one.documents,
            one.pages,
            *(one.dates.get(name, "") for name in _DATES),
            one.building_class,
        )
        for one in facts
    ]
    return write_csv(list(FACTS_SCHEMA), rows)


def points_report(
    facts: Sequence[FileFacts], register: AddressRegister, origin: Provenance, tenant: str
) -> Report:
    """Return the points by address, for the geodata formats.

    Args:
        facts: What is published; files without an address of the register have no point.
        register: Addresses of the municipality; names the coordinate system.
        origin: Where it comes from.
        tenant: Name of the municipality for people.
    """
    by_place: dict[Place, list[FileFacts]] = {}
    for one in facts:
        if one.place is not None:
            by_place.setdefault(one.place, []).append(one)
    layer = Layer(
        LAYER_TOPIC,
        "Bauakten",
        (
            Column("anschrift", "Anschrift"),
            Column("akten", "Akten", "number"),
            Column("dokumente", "Dokumente", "number"),
            Column("erstes_jahr", "Erstes Jahr", "number"),
            Column("letztes_jahr", "Letztes Jahr", "number"),
        ),
        tuple(_feature(place, files) for place, files in by_place.items()),
        crs=register.crs,
    )
    return Report(
        title="Bauakten",
        subtitle="",
        tenant=tenant,
        created_at=origin.created_at,
        provenance=origin,
        blocks=(),
        layers=(layer,),
    )


def _feature(place: Place, files: Sequence[FileFacts]) -> Feature:
    years = [year for one in files for year in one.years]
    cells = (
        f"{place.street} {place.house_number}",
        len(files),
        sum(one.documents for one in files),
        min(years, default=None),
        max(years, default=None),
    )
    return Feature(Point(place.east_m, place.north_m), cells)


def _facts(
    number: int, file: PropertyFile, documents: Sequence[Document], register: AddressRegister
) -> FileFacts:
    names = frozenset(_name_words(documents))
    street, house_number = file.property.get("strasse", ""), file.property.get("hausnummer", "")
    place = register.find(street, house_number)
    if place is not None:
        street, house_number = place.street, place.house_number
    else:
        street = _street(street, names)
        house_number = read_typed("hausnummer", house_number).value if street else ""
    surest = _surest(documents)
    dates = {name: surest[name] for name in _DATES if year_of(surest.get(name, ""))}
    building_class = surest.get("gebaeudeklasse", "")
    classes = {one.document_class for one in documents}
    return FileFacts(
        file=number,
        street=street,
        house_number=house_number,
        place=place,
        district=_district(file.property.get("gemarkung", ""), names),
        flur=_number(file.property.get("flur", "")),
        plot=_number(file.property.get("flurstueck", "")),
        classes=tuple(name for name in class_ids() if name in classes),
        documents=len(documents),
        pages=sum(len(one.pages) for one in documents),
        dates=dates,
        building_class=int(building_class) if building_class in tuple("12345") else None,
        years=tuple(sorted(set(_years(documents)))),
    )


def _surest(documents: Sequence[Document]) -> dict[str, str]:
    """Return the surest value of each field of a file."""
    best: dict[str, FieldValue] = {}
    for one in (one for document in documents for one in document.fields):
        if one.name not in best or one.confidence > best[one.name].confidence:
            best[one.name] = one
    return {name: one.value for name, one in best.items()}


def _years(documents: Sequence[Document]) -> Iterator[int]:
    for one in (one for document in documents for one in document.fields):
        year = year_of(one.value) if one.name in _DATES else None
        if year is not None:
            yield year


def _name_words(documents: Sequence[Document]) -> Iterator[str]:
    """Return the words of all people whom a file names, read and written ones, folded."""
    for one in (one for document in documents for one in document.fields):
        if one.name in PERSON_FIELDS:
            for text in (one.value, one.raw):
                yield from _words(text)


def _words(text: str) -> Iterator[str]:
    for word in re.findall(r"[^\W\d_]+", fold(text)):
        if len(word) >= _LEAST_NAME_LETTERS:
            yield word


def _street(text: str, names: frozenset[str]) -> str:
    """Return a street that is not in the register; empty unless it reads like one."""
    parts = read_value("address", f"{text} 1", 0, Surroundings())
    whole = bool(parts) and parts[0].name == "strasse" and parts[0].start == 0
    if not whole or parts[0].end != len(text) or names & set(_words(text)):
        return ""
    return parts[0].value


def _district(text: str, names: frozenset[str]) -> str:
    parts = read_value("district", text, 0, Surroundings())
    whole = bool(parts) and parts[0].start == 0 and parts[0].end == len(text)
    return text if whole and not names & set(_words(text)) else ""


def _number(text: str) -> str:
    return text if _NUMBER.fullmatch(text) else ""
