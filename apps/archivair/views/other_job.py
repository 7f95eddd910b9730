"""A run that is no reading: an export or a redaction, with its files to take along."""

from __future__ import annotations

from functools import partial

import streamlit as st

from shared.contracts.jobs import StoredFile
from shared.store import artifacts, runs
from shared.store.run_views import RunView
from shared.ui import AppContext, Download, export_bar, hide_run, is_kiosk, job_panel, step


def show_other_job(ctx: AppContext, run: RunView) -> None:
    """Show how far the run is and what it has left.

    Args:
        ctx: Context of the page.
        run: The run.
    """
    t = ctx.t
    with step(ctx, 2, t("Auftrag"), done=run.state == "done"):
        run = job_panel(ctx, run.id)
        st.caption(t("Der Auftrag gehört zu einem Stapel, den Sie unter „Ihre Stapel“ finden."))
        if not is_kiosk():
            st.button(t("Anderen Stapel wählen"), key="archivair_other", on_click=hide_run)
    if run.is_active:
        return
    files = runs.result_files(ctx.principal, ctx.store, run.id)
    with step(ctx, 5, t("Mitnehmen"), done=False):
        export_bar(
            ctx,
            [
                Download(name, name, file.media_type, partial(_read, ctx, file))
                for name, file in files.items()
            ],
            run_id=run.id,
        )


def _read(ctx: AppContext, file: StoredFile) -> bytes:
    return artifacts.read(ctx.principal, ctx.store, file)
