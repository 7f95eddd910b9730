"""Page of aviary: choose recipe and image, check, try out, evaluate, review, take along."""

from __future__ import annotations

import streamlit as st

from apps.aviary.recipes import Recipe
from apps.aviary.views.check import shown_findings
from apps.aviary.views.class_export import show_class_export
from apps.aviary.views.classes import show_class_result
from apps.aviary.views.export import show_export
from apps.aviary.views.input import choose_image
from apps.aviary.views.next import show_next
from apps.aviary.views.order import order_run, show_order
from apps.aviary.views.other import offer_own_models
from apps.aviary.views.preview import show_preview
from apps.aviary.views.publish import publish_classes, publish_finds
from apps.aviary.views.quality import show_model, show_sample_truth
from apps.aviary.views.recipes import choose_recipe
from apps.aviary.views.result import show_result
from apps.aviary.views.review import review_step
from apps.aviary.views.run import ShownMap, ShownRun, load_result
from apps.aviary.views.sample import sample_step
from apps.aviary.views.share import share_recipe
from apps.aviary.views.taking_over import is_import, offer_import, show_import
from shared.store.run_views import RunView
from shared.ui import (
    AppContext,
    app_page,
    bind_run,
    flag_result,
    is_kiosk,
    job_list,
    job_panel,
    show_checks,
    step,
)


def show_run_again(ctx: AppContext, run: RunView) -> None:
    """Show a run: its image, how far it is, its result, and what to take along."""
    with step(ctx, 1, ctx.t("Rezept und Luftbild"), done=True):
        show_order(ctx, run)
    checks = st.container()
    with step(ctx, 3, ctx.t("Ergebnis"), done=run.state == "done" and not run.units_failed):
        run = job_panel(ctx, run.id)
        shown = load_result(ctx, run)
    if shown is None:
        with checks, step(ctx, 2, ctx.t("Prüfen"), done=True):
            st.caption(
                ctx.t("Vor dem Start geprüft. Was dabei auffiel, steht hier mit dem Ergebnis.")
            )
        return
    about = shown.content if isinstance(shown, ShownMap) else shown.analysis
    with checks, step(ctx, 2, ctx.t("Prüfen"), done=True):
        show_checks(shown_findings(about.findings, is_example=run.is_example), ctx.t)
    if isinstance(shown, ShownMap):
        show_map(ctx, shown)
    else:
        show_finds(ctx, shown)


def show_finds(ctx: AppContext, shown: ShownRun) -> None:
    """Show found objects, let somebody review them, and offer files."""
    with st.container(key="aviary_result"):
        result, threshold, min_area_m2 = show_result(ctx, shown)
        if shown.run.is_example:
            show_sample_truth(ctx, shown, result)
        show_model(ctx, shown.analysis.recipe)
        flag_result(ctx, shown.run.id)
    review_step(ctx, shown, result, threshold, min_area_m2)
    with step(ctx, 5, ctx.t("Mitnehmen"), done=False):
        show_export(ctx, shown, result, threshold, min_area_m2)
        publish_finds(ctx, shown, result, threshold, min_area_m2)
        show_next(ctx)
        boxes = [one.bbox_px for one in result.objects]
        share_recipe(ctx, shown.run, shown.analysis.recipe, shown.analysis.info, boxes)


def show_map(ctx: AppContext, shown: ShownMap) -> None:
    """Show a class map, let somebody check it at random points, and offer files."""
    with st.container(key="aviary_result"):
        show_class_result(ctx, shown)
        show_model(ctx, shown.content.recipe)
        flag_result(ctx, shown.run.id)
    sample_step(ctx, shown)
    with step(ctx, 5, ctx.t("Mitnehmen"), done=False):
        show_class_export(ctx, shown)
        publish_classes(ctx, shown)
        show_next(ctx)
        share_recipe(ctx, shown.run, shown.content.recipe, shown.content.info, ())


def order_anew(ctx: AppContext, recipe: Recipe) -> None:
    """Ask for an image and order its run."""
    ready = choose_image(ctx, recipe)
    if ready is None:
        return
    if not (ready.chosen.run_at_once or is_kiosk()):
        show_preview(ctx, ready, recipe)
    order_run(ctx, ready, recipe)


with app_page("aviary") as ctx:
    bound = bind_run(ctx)
    if bound is not None and is_import(bound):
        show_import(ctx, bound)
    elif bound is not None:
        show_run_again(ctx, bound)
    elif (chosen := choose_recipe(ctx)) is not None:
        order_anew(ctx, chosen)
    else:
        offer_import(ctx)
        offer_own_models(ctx)
    with st.expander(ctx.t("Ihre Auswertungen"), key="aviary_runs"):
        job_list(ctx)
