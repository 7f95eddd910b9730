"""All fields of a batch as a report for spreadsheets, with the names of XBau beside them."""

from __future__ import annotations

from apps.archivair.batch.contents import Batch
from apps.archivair.class_words import class_word
from apps.archivair.data_files import xbau_map
from apps.archivair.field_values import PERSON_FIELDS, field_word, shown_value
from shared.contracts.provenance import Provenance
from shared.i18n import Translator
from shared.report.blocks import Block, Callout, Column, Figure, Figures, Heading, Table
from shared.report.checks import Cell
from shared.report.document import Report

PERSON_RULE = "person"
"""Rule of a value that a person wrote."""


def build_field_report(
    title: str, batch: Batch, origin: Provenance, tenant: str, t: Translator
) -> Report:
    """Return the fields of a batch with what people decided.

    Args:
        title: What the batch is known by.
        batch: The batch.
        origin: Where it comes from.
        tenant: Name of the municipality for people.
        t: Translator of the app.
    """
    return Report(
        title=t("Felder der Bauakten"),
        subtitle=title,
        tenant=tenant,
        created_at=origin.created_at,
        provenance=origin,
        blocks=_blocks(batch, t),
        language=t.language,
    )


def _blocks(batch: Batch, t: Translator) -> tuple[Block, ...]:
    fields = [one for document in batch.documents for one in document.fields]
    corrected = sum(one.rule == PERSON_RULE for one in fields)
    xbau = xbau_map()
    return (
        Figures(
            (
                Figure(t("Dokumente"), len(batch.documents)),
                Figure(t("Felder"), len(fields)),
                Figure(t("Korrigiert"), corrected),
            )
        ),
        Heading(t("Felder")),
        Table("felder", t("Felder"), _columns(t), tuple(_rows(batch, t))),
        Heading(t("Zuordnung zu {standard}", standard=xbau.standard)),
        Callout(unchecked_words(t), "warning"),
        Table(
            "xbau",
            t("Zuordnung zu {standard}", standard=xbau.standard),
            (Column("feld", t("Feld")), Column("element", t("Element in XBau"))),
            tuple((field_word(name, t), path or None) for name, path in xbau.elements.items()),
            xbau.source,
        ),
    )


def unchecked_words(t: Translator) -> str:
    """Say that the names of XBau are not checked.

    Args:
        t: Translator of the app.
    """
    return t(
        "Die Zuordnung zu XBau ist ungeprüft (Stand {date}). Sie ersetzt keine Prüfung gegen die "
        "Spezifikation.",
        date=t.iso_date(xbau_map().valid_from),
    )


def _columns(t: Translator) -> tuple[Column, ...]:
    return (
        Column("akte", t("Akte"), "number"),
        Column("dokument", t("Dokument"), "number"),
        Column("art", t("Art des Dokuments")),
        Column("feld", t("Feld")),
        Column("wert", t("Wert"), personal=True),
        Column("gelesen", t("Gelesen"), personal=True),
        Column("seite", t("Seite"), "number"),
        Column("sicherheit", t("Sicherheit"), "percent", 1),
        Column("von_person", t("Von einer Person geschrieben")),
        Column("person", t("Nennt eine Person")),
        Column("xbau", t("Element in XBau, ungeprüft")),
    )


def _rows(batch: Batch, t: Translator) -> list[tuple[Cell, ...]]:
    file_of = {
        number: place for place, file in enumerate(batch.files, 1) for number in file.documents
    }
    yes, no, elements = t("ja"), t("nein"), xbau_map().elements
    return [
        (
            file_of.get(document.document),
            document.document,
            class_word(document.document_class, t),
            field_word(one.name, t),
            shown_value(one.name, one.value, t),
            one.raw,
            one.page,
            one.confidence,
            yes if one.rule == PERSON_RULE else no,
            yes if one.name in PERSON_FIELDS else no,
            elements.get(one.name) or None,
        )
        for document in batch.documents
        for one in document.fields
    ]
