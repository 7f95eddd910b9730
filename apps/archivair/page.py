"""Page of ArchivAIr: choose a batch of scans, check it, read it as a job, cut and take along."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from apps.archivair.jobs import OCR
from apps.archivair.sample import SAMPLE_NAME
from apps.archivair.views.answers import show_answers
from apps.archivair.views.documents import show_documents
from apps.archivair.views.export import show_export
from apps.archivair.views.input import choose_batch
from apps.archivair.views.loading import load_batch
from apps.archivair.views.other_job import show_other_job
from apps.archivair.views.page import load_page, show_page
from apps.archivair.views.redaction import show_redaction
from apps.archivair.views.result import choose_page, load_pages
from apps.archivair.views.review import show_review
from apps.archivair.views.run import show_order, start_reading
from apps.archivair.views.scan_check import show_scan_check
from apps.archivair.views.search import show_search
from apps.archivair.views.storage import show_storage
from apps.archivair.views.switch import (
    DOCUMENTS,
    PAGES,
    REDACTION,
    REVIEW,
    SCAN,
    SEARCH,
    STORAGE,
    choose_view,
)
from apps.archivair.views.truth import show_sample_truth
from shared.store.run_views import RunView
from shared.ui import (
    AppContext,
    app_page,
    bind_run,
    escape_markdown,
    flag_result,
    job_list,
    job_panel,
    step,
)

VIEWS_OF_BATCH = {
    SCAN: show_scan_check,
    DOCUMENTS: show_documents,
    REVIEW: show_review,
    SEARCH: show_search,
    REDACTION: show_redaction,
    STORAGE: show_storage,
}


def show_result(ctx: AppContext, run: RunView) -> None:
    """Show a run: its files, how far it is, and what came out in the way that somebody chose."""
    with _earlier_steps(ctx, run):
        with step(ctx, 1, ctx.t("Stapel"), done=True):
            show_order(ctx, run)
        with step(ctx, 2, ctx.t("Lesen"), done=_is_read(run)):
            run = job_panel(ctx, run.id)
    with step(ctx, 3, ctx.t("Ergebnis"), done=run.state == "done"):
        batch = load_batch(ctx, run)
        view = choose_view(ctx, batch)
        if batch is not None and view != PAGES:
            VIEWS_OF_BATCH[view](ctx, run, batch)
    if batch is None or view == PAGES:
        show_pages(ctx, run)
    elif view == DOCUMENTS:
        show_rest(ctx, run)


def _is_read(run: RunView) -> bool:
    return run.state == "done" and not run.units_failed


def _earlier_steps(ctx: AppContext, run: RunView) -> DeltaGenerator:
    """Fold what is behind the clerk: the documents of a batch begin on the first screen."""
    if not _is_read(run) or run.units_done < 2:
        return st.container()
    with st.container(key=f"user_{ctx.manifest.id}_title"):
        st.markdown(f"**{escape_markdown(run.title)}**")
    words = ctx.t(
        "1. Stapel und 2. Lesen: {count} Seiten fertig", count=ctx.t.number(run.units_done)
    )
    return st.expander(words, key="archivair_earlier_steps")


def show_pages(ctx: AppContext, run: RunView) -> None:
    """Show one page after the other, with its files to take along."""
    pages, number = choose_page(ctx, run)
    if number is None:
        return
    page = load_page(ctx, pages.files[number])
    show_page(ctx, page)
    if run.is_example and page.identity.file_name == SAMPLE_NAME:
        show_sample_truth(ctx, page)
    show_answers(ctx, run, pages)
    flag_result(ctx, run.id)
    with step(ctx, 4, ctx.t("Mitnehmen"), done=False):
        show_export(ctx, run, pages, page)


def show_rest(ctx: AppContext, run: RunView) -> None:
    """Offer the files of the whole batch; its documents answer the four questions themselves."""
    pages = load_pages(ctx, run)
    flag_result(ctx, run.id)
    with step(ctx, 4, ctx.t("Mitnehmen"), done=False):
        show_export(ctx, run, pages, None)


with app_page("archivair") as ctx:
    st.markdown(ctx.manifest.localized("description", ctx.language))
    shown = bind_run(ctx)
    if shown is not None and shown.job != OCR.name:
        show_other_job(ctx, shown)
    elif shown is not None:
        show_result(ctx, shown)
    elif (ready := choose_batch(ctx)) is not None:
        start_reading(ctx, ready)
    with st.expander(ctx.t("Ihre Stapel"), key="archivair_runs"):
        job_list(ctx)
