"""What a person can do with a run: stop it, take it up again, delete it. Visitors only look."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from shared.auth.audited_work import delete_run
from shared.contracts.identity.policy import decide
from shared.store import runs
from shared.store.rights import cancel_action, delete_action, start_action
from shared.store.run_views import RunView
from shared.ui.confirm import ask_back
from shared.ui.kiosk import is_kiosk
from shared.ui.shell import RESULT_PARAMETER, AppContext


def offer_stop(ctx: AppContext, run: RunView) -> None:
    """Offer to stop an active run.

    The button stands outside the part of the panel that refreshes, so that its dialog stays open.

    Args:
        ctx: Context of the page.
        run: The run.
    """
    if is_kiosk():
        return
    t = ctx.t
    if run.cancel_requested:
        st.caption(t("Der Abbruch ist angenommen. Was fertig ist, bleibt erhalten."))
    elif not decide(ctx.principal, cancel_action(ctx.principal, run)).allowed:
        st.caption(t("Abbrechen darf, wer den Auftrag gestartet hat, oder die Administration."))
    elif st.button(t("Abbrechen"), key=f"{ctx.manifest.id}_job_stop"):
        st.dialog(t("Auftrag abbrechen?"))(_confirm_stop)(ctx, run)


def offer_more(ctx: AppContext, run: RunView) -> None:
    """Offer to work on what has no result, and to delete the run.

    Args:
        ctx: Context of the page.
        run: A run that has ended.
    """
    if is_kiosk():
        return
    t, slug = ctx.t, ctx.manifest.id
    unfinished = run.state != "done" or run.units_failed > 0
    may_start = decide(ctx.principal, start_action(run.is_example)).allowed
    may_delete = decide(ctx.principal, delete_action(ctx.principal, run.started_by)).allowed
    label = t("Gescheiterte erneut versuchen") if run.state == "done" else t("Fortsetzen")
    with st.container(horizontal=True):
        again = unfinished and may_start and st.button(label, key=f"{slug}_job_again")
        delete = may_delete and st.button(t("Löschen"), key=f"{slug}_job_delete", type="tertiary")
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

    ask_back(yes, no, f"{ctx.manifest.id}_job_stop", stop, t)


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
        delete_run(ctx.principal, ctx.store, run, now=datetime.now(UTC))
        st.query_params.pop(RESULT_PARAMETER, None)

    yes, no = t("Ja, löschen"), t("Nein, behalten")
    ask_back(yes, no, f"{ctx.manifest.id}_job_delete", delete, t)
