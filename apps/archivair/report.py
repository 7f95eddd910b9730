"""The report of a file: its figures and pages with their origin, for PDF and spreadsheet."""

from __future__ import annotations

from collections.abc import Sequence

from apps.archivair.run_pages import RunPages
from shared.contracts.provenance import Provenance
from shared.i18n import Translator
from shared.report.blocks import (
    Block,
    Callout,
    Column,
    Figure,
    Figures,
    Heading,
    Paragraph,
    Table,
)
from shared.report.checks import Cell
from shared.report.document import Report

MOST_ROWS_ON_PAPER = 200


def what_came_out(pages: RunPages, t: Translator) -> str:
    """Say what was read.

    Args:
        pages: The pages of a file.
        t: Translator of the app.
    """
    sums = pages.figures
    return t.plural(
        "{lines} Zeilen mit {words} Wörtern auf {count} Seite.",
        "{lines} Zeilen mit {words} Wörtern auf {count} Seiten.",
        sums.pages,
        lines=t.number(sums.lines),
        words=t.number(sums.words),
    )


def how_sure(pages: RunPages, t: Translator) -> str:
    """Say how certain the reading is; arguments as above."""
    sums = pages.figures
    if sums.confidence is None:
        return t("Ohne gelesenes Wort gibt es keine Schätzung.")
    count = t.plural(
        "{count} Wort ist unsicher.", "{count} Wörter sind unsicher.", sums.doubtful_words
    )
    mean = t(
        "Die mittlere Sicherheit ist {mean}. Sie ist eine Schätzung, eingestellt an künstlich "
        "erzeugten Seiten; auf Ihren Papieren kann sie anders ausfallen. Gemessene Werte stehen im "
        "Steckbrief.",
        mean=t.percent(sums.confidence, 1),
    )
    return f"{count} {mean}"


def next_step(pages: RunPages, t: Translator) -> str:
    """Say what a person does now; arguments as above."""
    sums = pages.figures
    steps = []
    if pages.failed:
        steps.append(t("Scannen Sie gescheiterte Seiten neu oder lesen Sie sie noch einmal."))
    if sums.doubtful_words:
        steps.append(
            t(
                "Vergleichen Sie zuerst die gestrichelten Zeilen mit dem Scan, dann eine "
                "Stichprobe der übrigen."
            )
        )
    elif sums.words:
        steps.append(t("Vergleichen Sie eine Stichprobe der Zeilen mit dem Scan."))
    else:
        steps.append(t("Sehen Sie am Papier nach, ob wirklich nichts darauf steht."))
    steps.append(
        t(
            "Nehmen Sie danach die Dateien mit. Heben Sie das Papier auf: Die Lesung ersetzt es "
            "nicht."
        )
    )
    return " ".join(steps)


def build_report(
    title: str, pages: RunPages, origin: Provenance, tenant: str, t: Translator, *, on_paper: bool
) -> Report:
    """Return the report of a file.

    Args:
        title: Name of the file.
        pages: Its pages.
        origin: Where the result comes from.
        tenant: Name of the municipality for people.
        t: Translator of the app.
        on_paper: True cuts a very long list of pages; a spreadsheet holds all of them.
    """
    return Report(
        title=t("Gelesene Akte"),
        subtitle=title,
        tenant=tenant,
        created_at=origin.created_at,
        provenance=origin,
        blocks=_blocks(pages, t, on_paper=on_paper),
        language=t.language,
    )


def _blocks(pages: RunPages, t: Translator, *, on_paper: bool) -> tuple[Block, ...]:
    rows = _rows(pages, t)
    shown = rows[:MOST_ROWS_ON_PAPER] if on_paper else rows
    blocks: list[Block] = [
        Figures(_figures(pages, t)),
        Heading(t("Wie sicher ist das?")),
        Paragraph(how_sure(pages, t)),
        Heading(t("Was tun?")),
        Paragraph(next_step(pages, t)),
        Heading(t("Seiten")),
    ]
    if pages.missing:
        numbers = ", ".join(map(str, pages.missing[:MOST_ROWS_ON_PAPER]))
        blocks.append(Callout(t("Nicht gelesen: Seiten {numbers}.", numbers=numbers), "warning"))
    note = ""
    if len(shown) < len(rows):
        note = t(
            "Gezeigt werden die ersten {shown} von {count} Seiten; alle stehen in der Excel-Datei.",
            shown=t.number(len(shown)),
            count=t.number(len(rows)),
        )
    blocks.append(Table("seiten", t("Seiten der Akte"), _columns(t), tuple(shown), note))
    return tuple(blocks)


def _figures(pages: RunPages, t: Translator) -> tuple[Figure, ...]:
    sums = pages.figures
    of_total = t("von {total}", total=t.number(pages.total)) if pages.total else ""
    confidence = None if sums.confidence is None else 100 * sums.confidence
    return (
        Figure(t("Seiten gelesen"), sums.pages, note=of_total),
        Figure(t("Zeilen"), sums.lines),
        Figure(t("Wörter"), sums.words),
        Figure(t("Unsichere Wörter"), sums.doubtful_words),
        Figure(t("Seiten zum Vergleichen"), sums.pages_to_review),
        Figure(t("Sicherheit im Mittel"), confidence, "%", 1, note=t("Schätzung der Software")),
    )


def _columns(t: Translator) -> tuple[Column, ...]:
    return (
        Column("seite", t("Seite"), "number"),
        Column("stand", t("Stand")),
        Column("zeilen", t("Zeilen"), "number"),
        Column("woerter", t("Wörter"), "number"),
        Column("unsicher", t("Unsichere Wörter"), "number"),
        Column("sicherheit", t("Sicherheit"), "percent", 1),
    )


def _rows(pages: RunPages, t: Translator) -> Sequence[tuple[Cell, ...]]:
    """Return one row for each page in order, with a word for its state."""
    read = [
        (
            page.page,
            t("bitte vergleichen") if page.needs_review else t("gelesen"),
            page.lines,
            page.words,
            page.doubtful_words,
            page.confidence,
        )
        for page in pages.read
    ]
    missing = [
        (number, t("gescheitert") if number in pages.failed else t("nicht gelesen"))
        for number in pages.missing
    ]
    rows: list[tuple[Cell, ...]] = [*read, *((*row, None, None, None, None) for row in missing)]
    return sorted(rows, key=lambda row: int(str(row[0])))
