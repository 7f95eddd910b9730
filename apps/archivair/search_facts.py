"""What a search can be narrowed to: class, year and property of the documents as they stand now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rapidfuzz import fuzz

from apps.archivair.batch.contents import Batch, Document, FieldValue, PropertyFile, document_of
from apps.archivair.index import IndexedLine, IndexedWord
from apps.archivair.search_folding import fold_text

BY_PERSON: Final = "person"
STREET_LEAST: Final = 85.0
"""Least likeness of a street, 0 to 100."""
_DATES = ("datum_antrag", "datum_genehmigung", "datum_abnahme")
_YEAR_DIGITS = 4


@dataclass(frozen=True, slots=True)
class SearchFilter:
    """What results are narrowed to; empty parts narrow nothing.

    Args:
        classes: Classes of documents.
        first_year: Earliest year of a date of the document.
        last_year: Latest year.
        street: Street of the property, also misspelt or a part of it.
        flur: Number of the Flur.
        plot: Number of the Flurstück, "12/3"; "12" finds all parts of it.
    """

    classes: frozenset[str] = frozenset()
    first_year: int | None = None
    last_year: int | None = None
    street: str = ""
    flur: str = ""
    plot: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether it narrows nothing."""
        return self == SearchFilter()


def pages_of(batch: Batch, wanted: SearchFilter) -> frozenset[int] | None:
    """Return the pages of the documents that a search is narrowed to; None for all.

    Args:
        batch: Documents as they stand.
        wanted: What is wanted.
    """
    if wanted.is_empty:
        return None
    files = file_of(batch)
    documents = [one for one in batch.documents if _fits(one, files.get(one.document), wanted)]
    return frozenset(number for one in documents for number in one.pages)


def file_of(batch: Batch) -> dict[int, PropertyFile]:
    """Return the file of each document by its number.

    Args:
        batch: Documents as they stand.
    """
    return {number: file for file in batch.files for number in file.documents}


def years_of(document: Document) -> tuple[int, ...]:
    """Return the years of the dates of a document, in order.

    Args:
        document: The document.
    """
    years = {
        int(one.value[:_YEAR_DIGITS])
        for one in document.fields
        if one.name in _DATES and one.value[:_YEAR_DIGITS].isdigit()
    }
    return tuple(sorted(years))


def corrected_lines(batch: Batch) -> dict[int, list[IndexedLine]]:
    """Return what people wrote in place of what was read, by page, at the place of the field.

    Args:
        batch: Documents as they stand.
    """
    found: dict[int, list[IndexedLine]] = {}
    for document in batch.documents:
        for one in document.fields:
            if one.rule == BY_PERSON and one.value:
                line = tuple(IndexedWord(word, one.bbox_px) for word in one.value.split())
                found.setdefault(one.page, []).append(line)
    return found


def address_of(batch: Batch, page: int) -> tuple[str, str]:
    """Return street and house number of the property of a page; empty texts when not known.

    Args:
        batch: Documents as they stand.
        page: Number of the page.
    """
    file = file_of(batch).get(document_of(batch.documents, page).document)
    known: Mapping[str, str] = file.property if file is not None else {}
    return known.get("strasse", ""), known.get("hausnummer", "")


def _fits(document: Document, file: PropertyFile | None, wanted: SearchFilter) -> bool:
    if wanted.classes and document.document_class not in wanted.classes:
        return False
    if not _fits_years(document, wanted):
        return False
    return (
        _fits_street(_values(document, file, "strasse"), wanted.street)
        and _fits_number(_values(document, file, "flur"), wanted.flur)
        and _fits_plot(_plots(document, file), wanted.plot)
    )


def _fits_years(document: Document, wanted: SearchFilter) -> bool:
    if wanted.first_year is None and wanted.last_year is None:
        return True
    first, last = wanted.first_year or 0, wanted.last_year or 9999
    return any(first <= year <= last for year in years_of(document))


def _fits_street(streets: Sequence[str], wanted: str) -> bool:
    folded = fold_text(wanted)
    if not folded:
        return not wanted.strip()
    return any(
        fuzz.partial_ratio(folded, fold_text(street)) >= STREET_LEAST
        for street in streets
        if street
    )


def _fits_number(values: Sequence[str], wanted: str) -> bool:
    number = wanted.strip().lstrip("0")
    return not wanted.strip() or number in {value.strip().lstrip("0") for value in values}


def _fits_plot(plots: Sequence[str], wanted: str) -> bool:
    number = "".join(wanted.split())
    if not number:
        return True
    return any(plot == number or plot.startswith(f"{number}/") for plot in plots)


def _values(document: Document, file: PropertyFile | None, name: str) -> list[str]:
    """Return values of the document itself and of its whole file."""
    own = [one.value for one in document.fields if one.name == name]
    return [*own, *([file.property[name]] if file is not None and name in file.property else [])]


def _plots(document: Document, file: PropertyFile | None) -> list[str]:
    own = _field(document.fields, "flurstueck_zaehler")
    part = _field(document.fields, "flurstueck_nenner")
    found = [f"{own}/{part}" if part else own] if own else []
    return [*found, *("".join(one.split()) for one in _values(document, file, "flurstueck"))]


def _field(fields: Sequence[FieldValue], name: str) -> str:
    return next((one.value for one in fields if one.name == name), "")
