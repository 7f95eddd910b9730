"""The scan check: all pages small, what is wrong with them, and which to scan again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import PurePath

import streamlit as st

from apps.archivair.batch.contents import Batch, BatchPage
from apps.archivair.rescan import build_rescan, pages_to_rescan
from apps.archivair.run_pages import RunPages
from apps.archivair.scan_words import SCAN_WORDS, needs_rescan, page_advice, page_words
from apps.archivair.views.answers import answer_about, origin_of
from apps.archivair.views.loading import batch_anew, load_batch
from apps.archivair.views.result import REFRESH_S, load_pages
from apps.archivair.views.thumbnails import SMALL_PX, page_picture
from shared.contracts.provenance import LOCAL_ZONE
from shared.errors import UrbanKiError
from shared.report.csv_out import write_csv
from shared.report.document import Report
from shared.report.pdf import render_pdf
from shared.store import runs
from shared.store.run_views import RunView
from shared.themes import load_theme
from shared.ui import AppContext, Column, Download, export_bar, file_name, table

PART_PAGES = 24
PAGE_WIDTH_PX = 152
_ONLY, _PART = "archivair_scan_only", "archivair_scan_part"


def show_scan_check(ctx: AppContext, run: RunView, batch: Batch) -> None:
    """Show what the scan check found; refreshes by itself while pages are read.

    Args:
        ctx: Context of the page.
        run: The run.
        batch: Its pages.
    """
    refresh = REFRESH_S if run.is_active else None
    st.fragment(_scan_check, run_every=refresh)(ctx, run.id, batch)
    _downloads(ctx, run)


def _scan_check(ctx: AppContext, run_id: str, shown: Batch) -> None:
    t = ctx.t
    try:
        run = runs.get(ctx.principal, ctx.store, run_id)
        batch, pages = load_batch(ctx, run) or shown, load_pages(ctx, run)
    except UrbanKiError as error:
        st.warning(t.error(error)[0])
        return
    wanted = pages_to_rescan(batch)
    _summary(ctx, batch, len(wanted))
    only = bool(wanted) and st.toggle(t("Nur Seiten, die neu gescannt werden sollten"), key=_ONLY)
    listed = list(wanted) if only else list(batch.pages)
    _pictures(ctx, listed, pages)
    with st.container(key=f"user_{ctx.manifest.id}_scan_table"):
        table(
            [_row(ctx, batch, page) for page in listed],
            columns=(
                Column("page", t("Seite"), "number"),
                Column("file", t("Datei")),
                Column("found", t("Scan-Prüfung")),
                Column("advice", t("Was tun?")),
            ),
            key="archivair_scan_table",
            alt=t("Alle Seiten des Stapels mit dem Ergebnis der Scan-Prüfung."),
            t=t,
        )
    _answers(ctx, run, batch, len(wanted))


def _answers(ctx: AppContext, run: RunView, batch: Batch, count: int) -> None:
    t = ctx.t
    answer_about(
        ctx,
        run,
        what=" ".join(_counts(ctx, batch, count)),
        how_sure=t(
            "Die Prüfung misst Schärfe, Helligkeit, Lage und Ränder des Bildes. Sie kann Fehler "
            "übersehen und gute Seiten melden, vor allem Zeichnungen. Ob Seiten fehlen, sieht "
            "sie nicht."
        ),
        next_step=t(
            "Sehen Sie die genannten Seiten am Papier an und scannen Sie sie bei Bedarf neu. Die "
            "Liste dafür können Sie mitnehmen."
        ),
    )


def _counts(ctx: AppContext, batch: Batch, count: int) -> tuple[str, str]:
    """Say how many pages were checked, and how many of them should be scanned again."""
    t = ctx.t
    checked = t.plural("{count} Seite geprüft.", "{count} Seiten geprüft.", len(batch.pages))
    if not count:
        return checked, t("Keine Seite muss neu gescannt werden.")
    return checked, t.plural(
        "{count} Seite sollte neu gescannt werden.",
        "{count} Seiten sollten neu gescannt werden.",
        count,
    )


def _summary(ctx: AppContext, batch: Batch, count: int) -> None:
    t = ctx.t
    found = " ".join(_counts(ctx, batch, count))
    if not count:
        st.success(found)
        return
    more = t("Sie können trotzdem weitermachen; die Lesung dieser Seiten ist unsicherer.")
    st.warning(f"{found} {more}")


def _pictures(ctx: AppContext, listed: Sequence[BatchPage], pages: RunPages) -> None:
    t = ctx.t
    parts = -(-len(listed) // PART_PAGES)
    part = st.pagination(parts, key=_PART) if parts > 1 else 1
    first = (min(part, parts) - 1) * PART_PAGES if parts else 0
    with st.container(horizontal=True, gap="small"):
        for page in listed[first : first + PART_PAGES]:
            with st.container(width=PAGE_WIDTH_PX, gap=None):
                name = t("Seite {number}", number=page.page)
                words = page_words(page, t)
                file = pages.files.get(page.page)
                if file is not None:
                    picture = page_picture(ctx, file, page, SMALL_PX)
                    alt = f"{name}: {words}" if words else name
                    st.image(picture, alt=alt, width=PAGE_WIDTH_PX)
                # A badge does not wrap: each finding has its own, so that none is cut.
                known = [t(SCAN_WORDS[one].text) for one in page.quality if one in SCAN_WORDS]
                marks = "".join(f" :orange-badge[{word}]" for word in known or [words])
                quiet = f" ({words})" if words else ""
                st.markdown(name + (marks if needs_rescan(page) else quiet))


def _row(ctx: AppContext, batch: Batch, page: BatchPage) -> dict[str, object]:
    t = ctx.t
    return {
        "page": page.page,
        "file": batch.inputs[page.file - 1].file,
        "found": page_words(page, t) or t("in Ordnung"),
        "advice": page_advice(page, t) or None,
    }


def _downloads(ctx: AppContext, run: RunView) -> None:
    t = ctx.t
    stem = PurePath(run.title).stem
    day = (run.finished_at or run.created_at).astimezone(LOCAL_ZONE).date()
    name = partial(file_name, "archivair", f"{stem} neu scannen", day)
    pdf, csv = partial(_pdf, ctx, run.id), partial(_csv, ctx, run.id)
    export_bar(
        ctx,
        [
            Download(t("Bitte neu scannen (PDF)"), name("pdf"), "application/pdf", pdf),
            Download(t("Bitte neu scannen (CSV)"), name("csv"), "text/csv", csv),
        ],
        run_id=run.id,
        note=t("Die Liste nennt jede Seite, die neu gescannt werden sollte, mit dem Grund."),
    )


def _report(ctx: AppContext, run_id: str) -> Report:
    """Make the list anew for whoever asks for it: more pages may be read by now."""
    run, batch = batch_anew(ctx, run_id)
    tenant = load_theme(ctx.settings.theme).name
    return build_rescan(run.title, batch, origin_of(ctx.tenant, run), tenant, ctx.t)


def _pdf(ctx: AppContext, run_id: str) -> bytes:
    return render_pdf(_report(ctx, run_id), load_theme(ctx.settings.theme)).content


def _csv(ctx: AppContext, run_id: str) -> bytes:
    (listed,) = _report(ctx, run_id).tables
    return write_csv([column.heading for column in listed.columns], listed.rows)
