"""Page of ArchivAIr: choose a scanned file, check it, read it page by page, take the text along."""

from __future__ import annotations

import streamlit as st

from apps.archivair.view_answers import show_answers
from apps.archivair.view_export import show_export
from apps.archivair.view_input import choose_file
from apps.archivair.view_page import show_page
from apps.archivair.view_result import choose_page, show_failures, show_figures
from apps.archivair.view_run import read_once
from apps.archivair.view_truth import show_sample_truth
from shared.ui import app_page, step

with app_page("archivair") as ctx:
    st.markdown(ctx.manifest.localized("description", ctx.language))
    ready = choose_file(ctx)
    run, outage = (None, None) if ready is None else read_once(ctx, ready)
    if run is not None and run.pages:
        done = not run.unread and not run.failed
        with step(ctx, 3, ctx.t("Ergebnis"), done=done):
            show_figures(ctx, run, outage)
            show_failures(ctx, run)
            page = choose_page(ctx, run)
            if page is not None:
                show_page(ctx, page)
            if run.is_sample:
                show_sample_truth(ctx, run)
            show_answers(ctx, run)
        if page is not None:
            with step(ctx, 4, ctx.t("Mitnehmen"), done=False):
                show_export(ctx, run, page)
    if outage is not None:
        raise outage
