"""Page of Musterstadt: look around the invented town while its images are rendered."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from apps.musterstadt.ordering import make_order
from apps.musterstadt.report import key_figures
from apps.musterstadt.town import has_gaps, is_built, town_figures
from apps.musterstadt.view_choices import choose_view
from apps.musterstadt.view_export import show_export
from apps.musterstadt.view_progress import follow_images, say_share, wait_for_town
from apps.musterstadt.view_town import show_town, take_picture_of
from shared.contracts.provenance import Provenance
from shared.store import runs
from shared.store.provenance import describe, from_dict
from shared.store.run_views import RunView
from shared.ui import (
    AppContext,
    Figure,
    answer_panel,
    app_page,
    bind_run,
    figures,
    flag_result,
    job_panel,
    primary_action,
    show_run,
    step,
)
from shared.ui.shell import SAMPLE_PARAMETER


def offer_start(ctx: AppContext) -> None:
    """Show the main button; a click, or coming for the example, orders the images."""
    with step(ctx, 1, ctx.t("Stadt ansehen"), done=False):
        st.markdown(
            ctx.t(
                "Die Luftbilder entstehen auf diesem Rechner, nur beim ersten Mal. Die Mitte der "
                "Stadt ist bald zu sehen, der Rest wird nebenher fertig."
            )
        )
        wanted = primary_action(ctx.t("Mit Beispiel ausprobieren"), key="musterstadt_start")
    if wanted or st.query_params.get(SAMPLE_PARAMETER) == "1":
        order_images(ctx)


def order_images(ctx: AppContext, *, repeat: bool = False) -> None:
    """Order the images and show how far they are."""
    order = make_order(ctx.manifest.sample_title(ctx.language))
    now = datetime.now(UTC)
    show_run(runs.submit(ctx.principal, ctx.store, order, now=now, repeat=repeat))
    st.rerun()


def show_run_again(ctx: AppContext, run: RunView) -> None:
    """Show the town, how far its images are, and its figures."""
    if run.is_active or run.state != "done" or run.units_failed:
        run = job_panel(ctx, run.id)  # it offers to go on, too
    elif has_gaps():
        offer_again(ctx)
    if not is_built():
        if run.is_active:
            wait_for_town(ctx)
        return
    with step(ctx, 1, ctx.t("Ausschnitt wählen"), done=True):
        wish = choose_view(ctx)
    with step(ctx, 2, ctx.t("Ansicht"), done=True):
        picture = take_picture_of(ctx, wish)
        if run.is_active:
            follow_images(ctx, wish, picture.ready)
        else:
            say_share(ctx, picture.ready)
        show_town(ctx, wish, picture)
    show_figures(ctx)
    origin = from_dict(run.provenance) if run.provenance else describe(run, tenant=ctx.tenant)
    answers(ctx, origin)
    flag_result(ctx, run.id)
    with step(ctx, 3, ctx.t("Mitnehmen"), done=False):
        show_export(ctx, wish, picture, origin, run.id)


def offer_again(ctx: AppContext) -> None:
    """Say that images are missing although they were made, and offer to make them again."""
    t = ctx.t
    st.info(t("Auf diesem Rechner fehlen Bilder der Stadt, etwa weil ihr Ordner gelöscht wurde."))
    if st.button(t("Fehlende Bilder rechnen"), key="musterstadt_again"):
        order_images(ctx, repeat=True)


def show_figures(ctx: AppContext) -> None:
    """Show the town in figures."""
    t, found = ctx.t, town_figures()
    with st.container(key="musterstadt_figures"):
        st.subheader(t("Die Stadt in Zahlen"), anchor=False)
        figures([Figure(*one) for one in key_figures(found, t)], t)


def answers(ctx: AppContext, origin: Provenance) -> None:
    """Answer what came out, how sure it is, where it comes from and what to do."""
    t = ctx.t
    with st.container(key="musterstadt_answers"):
        answer_panel(
            what=t("Eine Stadt, die es nicht gibt, mit allem, was ein Amt über eine Stadt weiß."),
            how_sure=t("Alles ist gerechnet. Darum ist die Wahrheit zu jedem Bildpunkt bekannt."),
            origin=origin,
            next_step=t("Öffnen Sie eine Anwendung; ihre Beispiele spielen in dieser Stadt."),
        )


with app_page("musterstadt") as ctx:
    st.markdown(
        ctx.t(
            "Musterstadt ist erfunden. An ihr zeigen alle Anwendungen, was sie können: "
            "Straßen, Häuser, Dächer, Bäume, Menschen und zwei Befliegungen."
        )
    )
    bound = bind_run(ctx)
    if bound is None:
        offer_start(ctx)
    else:
        show_run_again(ctx, bound)
