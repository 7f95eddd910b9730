"""The four answers about a file: what came out, how sure, from where, what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import streamlit as st

from apps.archivair.batch_words import batch_words, unsure_words
from apps.archivair.report import how_sure, next_step, what_came_out
from apps.archivair.run_pages import RunPages
from apps.archivair.views.loading import load_batch
from apps.archivair.views.measured import measured_words
from apps.archivair.views.result import REFRESH_S, load_pages
from shared.contracts.provenance import LOCAL_ZONE, ModelUse, Provenance
from shared.errors import UrbanKiError
from shared.i18n import N_
from shared.store import provenance, runs
from shared.store.run_views import RunView
from shared.ui import AppContext, answer_panel

STILL_RUNNING = N_("Der Auftrag läuft noch; die Angaben gelten für das, was gelesen ist.")


def origin_of(tenant: str, run: RunView) -> Provenance:
    """Return where the result comes from; of a run that has not ended, as far as it is known.

    Args:
        tenant: Id of the municipality.
        run: The run.
    """
    noted = run.provenance or {}
    if not run.is_active and "schema" in noted:
        return provenance.from_dict(noted)
    models = [ModelUse(**model) for model in noted.get("models", ())]
    known = provenance.describe(run, tenant=tenant, models=models, notes=(STILL_RUNNING,))
    now = datetime.now(UTC).astimezone(LOCAL_ZONE)
    began = run.started_at or run.created_at
    return replace(known, created_at=now, duration_s=(now - began).total_seconds())


def show_answers(ctx: AppContext, run: RunView, pages: RunPages) -> None:
    """Answer the four questions for the whole file; refreshes by itself while it is read.

    Args:
        ctx: Context of the page.
        run: The run.
        pages: Its pages.
    """
    if run.is_active:
        st.fragment(_follow, run_every=REFRESH_S)(ctx, run.id)
    else:
        answer_now(ctx, run, pages)


def _follow(ctx: AppContext, run_id: str) -> None:
    try:
        run = runs.get(ctx.principal, ctx.store, run_id)
        pages = load_pages(ctx, run)
    except UrbanKiError as error:
        st.warning(ctx.t.error(error)[0])
        return
    answer_now(ctx, run, pages)


def answer_now(ctx: AppContext, run: RunView, pages: RunPages) -> None:
    """Answer them as they stand now; arguments as above."""
    t = ctx.t
    what, sure = what_came_out(pages, t), how_sure(pages, t)
    batch = load_batch(ctx, run) if pages.total != 1 else None
    step = next_step(pages, t)
    if batch is not None:
        if batch.needs_review:
            look = t("Sehen Sie zuerst an, was „bitte prüfen“ trägt, dann eine Stichprobe.")
            step = f"{look} {step}"
        what = f"{batch_words(batch, t)} {what}"
        sure = f"{unsure_words(batch, t)} {measured_words(t)} {sure}"
    answer_about(ctx, run, what=what, how_sure=sure, next_step=step)


def answer_about(
    ctx: AppContext, run: RunView, *, what: str, how_sure: str, next_step: str
) -> None:
    """Answer the four questions about what a view shows.

    Args:
        ctx: Context of the page.
        run: The run that it comes from.
        what: Translated sentence, what came out.
        how_sure: Translated sentence, how certain it is.
        next_step: Translated sentence, what a person does now.
    """
    with st.container(key="archivair_answers"):
        answer_panel(
            what=what,
            how_sure=how_sure,
            origin=origin_of(ctx.tenant, run),
            next_step=next_step,
            t=ctx.t,
        )
