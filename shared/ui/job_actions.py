"""What a person can do with a run: stop it, take it up again, delete it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import streamlit as st

from shared.errors import UrbanKiError, new_reference
from shared.store import runs
from shared.store.deletion import delete_run
from shared.store.run_views import RunView
from shared.ui.failures import error_box
from shared.ui.shell import RESULT_PARAMETER, AppContext


def offer_stop(ctx: AppContext, run: RunView) -> None:
    """Offer to stop an active run.

    The button stands outside the part of the panel that refreshes, so that its dialog stays open.

    Args:
        ctx: Context of the page.
        run: The run.
    """
    t = ctx.t
    if run.cancel_requested:
        st.caption(t("Der Abbruch ist angenommen. Was fertig ist, bleibt erhalten."))
    elif st.button(t("Abbrechen"), key=f"{ctx.manifest.id}_job_stop"):
        st.dialog(t("Auftrag abbrechen?"))(_confirm_stop)(ctx, run)


def offer_more(ctx: AppContext, run: RunView) -> None:
    """Offer to work on what has no result, and to delete the run.

    Args:
        ctx: Context of the page.
        run: A run that has ended.
    """
    t, slug = ctx.t, ctx.manifest.id
    unfinished = run.state != "done" or run.units_failed > 0
    label = t("Gescheiterte erneut versuchen") if run.state == "done" else t("Fortsetzen")
    with st.container(horizontal=True):
        again = unfinished and st.button(label, key=f"{slug}_job_again")
        delete = st.button(t("Löschen"), key=f"{slug}_job_delete", type="tertiary")
    if again:
        runs.go_on(ctx.principal, ctx.store, run.id)
        st.rerun()
    if delete:
        st.dialog(t("Auftrag löschen?"))(_confirm_deletion)(ctx, run)


def _confirm_stop(ctx: AppContext, run: RunView) -> None:
    t = ctx.t
    st.markdown(t("Was fertig ist, bleibt erhalten. Sie können den Auftrag später fortsetzen."))
    yes, no = t("Ja, abbrechen"), t("Nein, weiterlaufen lassen")

    def stop() -> None:
        runs.request_cancel(ctx.principal, ctx.store, run.id, now=datetime.now(UTC))

    _ask_back(ctx, yes, no, f"{ctx.manifest.id}_job_stop", stop)


def _confirm_deletion(ctx: AppContext, run: RunView) -> None:
    t = ctx.t
    st.markdown(
        t(
            "Eingaben, Ergebnisse, Entscheidungen und veröffentlichte Daten dieses Auftrags werden "
            "gelöscht. "
            "Das lässt sich nicht rückgängig machen."
        )
    )

    def delete() -> None:
        delete_run(ctx.principal, ctx.store, run.id)
        st.query_params.pop(RESULT_PARAMETER, None)

    yes, no = t("Ja, löschen"), t("Nein, behalten")
    _ask_back(ctx, yes, no, f"{ctx.manifest.id}_job_delete", delete)


def _ask_back(ctx: AppContext, yes: str, no: str, key: str, act: Callable[[], None]) -> None:
    """Show two buttons, act on the first, close the dialog on both; an error is shown in it."""
    with st.container(horizontal=True):
        wanted = st.button(yes, key=f"{key}_yes", type="primary")
        unwanted = st.button(no, key=f"{key}_no")
    if wanted:
        try:
            act()
        except UrbanKiError as error:
            error_box(error, reference=new_reference(), t=ctx.t)
            return
    if wanted or unwanted:
        st.rerun()
