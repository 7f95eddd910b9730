"""The list "Bitte neu scannen": pages that a person should put on the scanner again."""

from __future__ import annotations

from collections.abc import Sequence

from apps.archivair.batch.contents import Batch, BatchPage
from apps.archivair.scan_words import needs_rescan, page_advice, page_words
from shared.contracts.provenance import Provenance
from shared.i18n import Translator
from shared.report.blocks import Block, Callout, Column, Paragraph, Table
from shared.report.checks import Cell
from shared.report.document import Report


def pages_to_rescan(batch: Batch) -> tuple[BatchPage, ...]:
    """Return the pages that should be scanned again, in their order.

    Args:
        batch: The batch.
    """
    return tuple(page for page in batch.pages if needs_rescan(page))


def build_rescan(
    title: str, batch: Batch, origin: Provenance, tenant: str, t: Translator
) -> Report:
    """Return the list as a report.

    Args:
        title: Name of the batch.
        batch: Its pages.
        origin: Where the result comes from.
        tenant: Name of the municipality for people.
        t: Translator of the app.
    """
    wanted = pages_to_rescan(batch)
    blocks: list[Block] = [
        Paragraph(
            t("Diese Seiten sind schlecht lesbar. Legen Sie sie bitte noch einmal auf den Scanner.")
        ),
        Table("neu_scannen", t("Bitte neu scannen"), _columns(t), _rows(batch, wanted, t)),
    ]
    if not wanted:
        blocks = [Callout(t("Keine Seite muss neu gescannt werden."), "hint"), blocks[1]]
    return Report(
        title=t("Bitte neu scannen"),
        subtitle=title,
        tenant=tenant,
        created_at=origin.created_at,
        provenance=origin,
        blocks=tuple(blocks),
        language=t.language,
    )


def _columns(t: Translator) -> tuple[Column, ...]:
    return (
        Column("seite", t("Seite"), "number"),
        Column("datei", t("Datei")),
        Column("seite_der_datei", t("Seite in der Datei"), "number"),
        Column("grund", t("Grund")),
        Column("rat", t("Was tun?")),
    )


def _rows(batch: Batch, wanted: Sequence[BatchPage], t: Translator) -> tuple[tuple[Cell, ...], ...]:
    before = [0]
    for one in batch.inputs:
        before.append(before[-1] + one.pages)
    return tuple(
        (
            page.page,
            batch.inputs[page.file - 1].file,
            page.page - before[page.file - 1],
            page_words(page, t),
            page_advice(page, t),
        )
        for page in wanted
    )
