"""Page of ArchivAIr: choose a scanned file, check it, read it as a job, take the text along."""

from __future__ import annotations

import streamlit as st

from apps.archivair.view_answers import show_answers
from apps.archivair.view_export import show_export
from apps.archivair.view_input import choose_file
from apps.archivair.view_page import load_page, show_page
from apps.archivair.view_result import choose_page
from apps.archivair.view_run import show_order, start_reading
from apps.archivair.view_truth import show_sample_truth
from shared.store.run_views import RunView
from shared.ui import AppContext, app_page, bind_run, flag_result, job_list, job_panel, step


def show_result(ctx: AppContext, run: RunView) -> None:
    """Show a run: its file, how far it is, the pages that were read, and what to take along."""
    with step(ctx, 1, ctx.t("Akte"), done=True):
        show_order(ctx, run)
    with step(ctx, 2, ctx.t("Lesen"), done=run.state == "done" and not run.units_failed):
        run = job_panel(ctx, run.id)
    with step(ctx, 3, ctx.t("Ergebnis"), done=run.state == "done"):
        pages, number = choose_page(ctx, run)
        if number is None:
            return
        page = load_page(ctx, pages.files[number])
        show_page(ctx, page)
        if run.is_example:
            show_sample_truth(ctx, page)
        show_answers(ctx, run, pages)
        flag_result(ctx, run.id)
    with step(ctx, 4, ctx.t("Mitnehmen"), done=False):
        show_export(ctx, run, pages, page)


with app_page("archivair") as ctx:
    st.markdown(ctx.manifest.localized("description", ctx.language))
    shown = bind_run(ctx)
    if shown is not None:
        show_result(ctx, shown)
    elif (ready := choose_file(ctx)) is not None:
        start_reading(ctx, ready)
    with st.expander(ctx.t("Ihre Akten"), key="archivair_runs"):
        job_list(ctx)
