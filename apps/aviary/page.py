"""Page of aviary: choose an aerial image, check it, find solar installations, take them along."""

from __future__ import annotations

import streamlit as st

from apps.aviary.ordering import RECIPE
from apps.aviary.recipes import Recipe, find_recipe
from apps.aviary.view_export import show_export
from apps.aviary.view_input import choose_image
from apps.aviary.view_order import order_run, show_order
from apps.aviary.view_publish import show_publication
from apps.aviary.view_quality import show_model, show_sample_truth
from apps.aviary.view_result import show_result
from apps.aviary.view_run import load_result
from apps.aviary.words import DEMONSTRATION
from shared.store.run_views import RunView
from shared.ui import (
    AppContext,
    app_page,
    bind_run,
    flag_result,
    job_list,
    job_panel,
    show_checks,
    step,
)


def show_run_again(ctx: AppContext, run: RunView, recipe: Recipe) -> None:
    """Show a run: its image, how far it is, its result, and what to take along."""
    with step(ctx, 1, ctx.t("Luftbild"), done=True):
        show_order(ctx, run)
    checks = st.container()
    with step(ctx, 3, ctx.t("Ergebnis"), done=run.state == "done" and not run.units_failed):
        run = job_panel(ctx, run.id)
        shown = load_result(ctx, run)
        if shown is None:
            return
        with checks, step(ctx, 2, ctx.t("Prüfen"), done=True):
            show_checks(shown.analysis.findings, ctx.t)
        result, threshold, min_area_m2 = show_result(ctx, shown)
        if run.is_example:
            show_sample_truth(ctx, result)
        show_model(ctx, recipe)
        flag_result(ctx, run.id)
    with step(ctx, 4, ctx.t("Mitnehmen"), done=False):
        show_export(ctx, shown, result, threshold, min_area_m2)
        show_publication(ctx, shown, result, threshold, min_area_m2)


with app_page("aviary") as ctx:
    recipe = find_recipe(RECIPE)
    st.markdown(recipe.summary_en if ctx.language == "en" else recipe.summary_de)
    st.caption(ctx.t(DEMONSTRATION))
    bound = bind_run(ctx)
    if bound is not None:
        show_run_again(ctx, bound, recipe)
    elif (ready := choose_image(ctx, recipe)) is not None:
        order_run(ctx, ready, recipe)
    with st.expander(ctx.t("Ihre Auswertungen"), key="aviary_runs"):
        job_list(ctx)
