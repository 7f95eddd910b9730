"""Page of aviary: choose an aerial image, check it, find solar installations, take them along."""

from __future__ import annotations

import streamlit as st

from apps.aviary.recipes import find_recipe
from apps.aviary.view_export import show_export
from apps.aviary.view_input import choose_image
from apps.aviary.view_quality import show_model, show_sample_truth
from apps.aviary.view_result import DEMONSTRATION, show_result
from apps.aviary.view_run import run_once
from shared.ui import app_page, step

with app_page("aviary") as ctx:
    recipe = find_recipe("solar")
    st.markdown(recipe.summary_en if ctx.language == "en" else recipe.summary_de)
    st.caption(ctx.t(DEMONSTRATION))
    ready = choose_image(ctx, recipe)
    run = None if ready is None else run_once(ctx, ready, recipe)
    if run is not None:
        with step(ctx, 3, ctx.t("Ergebnis"), done=run.analysis.complete):
            result, threshold, min_area_m2 = show_result(ctx, run)
            if run.is_sample:
                show_sample_truth(ctx, result)
            show_model(ctx, recipe)
        with step(ctx, 4, ctx.t("Mitnehmen"), done=False):
            show_export(ctx, run, result, threshold, min_area_m2)
