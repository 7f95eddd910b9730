"""Step 4 of the page: the files of the shown page and of all pages, named as the command does."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import PurePath

from apps.archivair.batch.stream import STREAM_NAME
from apps.archivair.kept_page import KeptPage, decode_page
from apps.archivair.outputs import page_files
from apps.archivair.report import build_report
from apps.archivair.results_zip import MEDIA_TYPE, READINGS_NAME, write_results
from apps.archivair.run_pages import RunPages
from apps.archivair.views.answers import origin_of
from apps.archivair.views.result import load_pages
from shared.contracts.provenance import LOCAL_ZONE
from shared.report.document import Report
from shared.report.excel import render_xlsx
from shared.report.pdf import render_pdf
from shared.store import artifacts, runs
from shared.store.run_views import RunView
from shared.themes import load_theme
from shared.ui import AppContext, Download, export_bar, file_name

NOT_FOR_PEOPLE = frozenset({STREAM_NAME, READINGS_NAME})
MIMES = {".txt": "text/plain", ".alto.xml": "application/xml", ".json": "application/json"}
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def show_export(ctx: AppContext, run: RunView, pages: RunPages, page: KeptPage | None) -> None:
    """Offer text, ALTO and JSON of the page, all pages as ZIP, and the figures as a report.

    What is about the whole file is made at the click, from all pages that are read by then.

    Args:
        ctx: Context of the page.
        run: The run.
        pages: All its pages.
        page: The page that is shown; None where the whole batch is.
    """
    t = ctx.t
    downloads = _of_page(ctx, page) if page is not None else []
    stem = PurePath(run.title).stem
    if (pages.total or 0) > 1:
        pack = partial(pack_pages, ctx, run.id)
        downloads.append(
            Download(t("Alle gelesenen Seiten (ZIP)"), f"{stem}.zip", MEDIA_TYPE, pack)
        )
    day = (run.finished_at or run.created_at).astimezone(LOCAL_ZONE).date()
    name = partial(file_name, "archivair", stem, day)
    pdf, excel = partial(make_pdf, ctx, run.id), partial(make_excel, ctx, run.id)
    downloads += [
        Download(t("Bericht (PDF)"), name("pdf"), "application/pdf", pdf),
        Download(t("Kennzahlen (Excel)"), name("xlsx"), EXCEL, excel),
    ]
    export_bar(ctx, downloads, run_id=run.id, note=_note(ctx, run, pages))


def _of_page(ctx: AppContext, page: KeptPage) -> list[Download]:
    t = ctx.t
    labels = {".txt": t("Text (TXT)"), ".alto.xml": t("Text mit Orten (ALTO)"), ".json": "JSON"}
    return [
        Download(labels[ending], page.identity.stem + ending, MIMES[ending], content)
        for ending, content in page_files(page.reading, page.identity).items()
    ]


def _note(ctx: AppContext, run: RunView, pages: RunPages) -> str:
    t = ctx.t
    note = t("ALTO und JSON nennen Herkunft, Modell und Einstellungen; TXT enthält nur den Text.")
    if run.is_active:
        return note + " " + t("ZIP und Bericht enthalten, was bis zum Klick gelesen ist.")
    if pages.missing and (pages.total or 0) > 1:
        numbers = ", ".join(str(number) for number in pages.missing)
        note += " " + t("Im ZIP fehlen diese Seiten: {numbers}.", numbers=numbers)
    return note


def pack_pages(ctx: AppContext, run_id: str) -> bytes:
    """Return the ZIP that the job made, or one of what is read by now.

    Args:
        ctx: Context of the page.
        run_id: The run.
    """
    principal, store = ctx.principal, ctx.store
    run = runs.get(principal, store, run_id)
    if run.summary is not None and len(run.summary["pages"]) == run.units_done:
        files = runs.result_files(principal, store, run_id)
        packed = [files[name] for name in files if name not in NOT_FOR_PEOPLE]
        if packed:
            return artifacts.read(principal, store, packed[0])
    pages = load_pages(ctx, run).files.values()
    with tempfile.TemporaryFile() as target:
        write_results(
            target, (decode_page(artifacts.read(principal, store, file)) for file in pages)
        )
        target.seek(0)
        return target.read()


def make_pdf(ctx: AppContext, run_id: str) -> bytes:
    """Return the report as PDF; arguments as above."""
    report = _report(ctx, run_id, on_paper=True)
    return render_pdf(report, load_theme(ctx.settings.theme)).content


def make_excel(ctx: AppContext, run_id: str) -> bytes:
    """Return the report as workbook; arguments as above."""
    return render_xlsx(_report(ctx, run_id, on_paper=False))


def _report(ctx: AppContext, run_id: str, *, on_paper: bool) -> Report:
    run = runs.get(ctx.principal, ctx.store, run_id)
    name = load_theme(ctx.settings.theme).name
    origin = origin_of(ctx.tenant, run)
    return build_report(run.title, load_pages(ctx, run), origin, name, ctx.t, on_paper=on_paper)
