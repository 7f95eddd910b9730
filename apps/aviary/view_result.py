"""Step 3 of the page: picture and equal table, sliders without a second look, the four answers."""

from __future__ import annotations

import streamlit as st

from apps.aviary import words
from apps.aviary.analysis import Analysis, Result
from apps.aviary.view_picture import show_picture
from apps.aviary.view_run import ShownRun, count_finds, origin_of
from shared.ui import AppContext, Figure, answer_panel, empty_state, figures

LEAST_PERCENT, MOST_PERCENT, STEP_PERCENT = 5, 95, 5
MOST_AREA_M2 = 50


def show_result(ctx: AppContext, shown: ShownRun) -> tuple[Result, float, float]:
    """Show what was found and return it with the threshold and least area in force.

    Args:
        ctx: Context of the page.
        shown: The run with its result.
    """
    analysis = shown.analysis
    threshold, min_area_m2 = _sliders(ctx, analysis)
    result = count_finds(ctx, shown, threshold, min_area_m2)
    _notes(ctx, analysis)
    figures(_figures(ctx, analysis, result), ctx.t)
    if result.objects:
        show_picture(ctx, shown, result)
    else:
        empty_state(
            ctx.t("Nichts gefunden"),
            ctx.t(
                "Mit diesen Einstellungen gibt es keinen Fund. Das heißt nicht, dass es keine "
                "Anlagen gibt. Senken Sie die kleinste Sicherheit oder die kleinste Fläche."
            ),
        )
    _answers(ctx, shown, result, threshold, min_area_m2)
    return result, threshold, min_area_m2


def _sliders(ctx: AppContext, analysis: Analysis) -> tuple[float, float]:
    t, recipe = ctx.t, analysis.recipe
    with st.container(key="aviary_sliders"):
        left, right = st.columns(2)
    percent = left.slider(
        t("Kleinste Sicherheit in Prozent"),
        LEAST_PERCENT,
        MOST_PERCENT,
        round(analysis.threshold * 100 / STEP_PERCENT) * STEP_PERCENT,
        STEP_PERCENT,
        key="aviary_threshold",
        help=t("Niedriger: mehr Funde, mehr Fehlalarme. Die Auswertung läuft nicht neu."),
    )
    area_m2 = right.slider(
        t("Kleinste Fläche in Quadratmetern"),
        0,
        MOST_AREA_M2,
        round(recipe.min_area_m2),
        key="aviary_min_area",
        help=t("Kleinere Funde werden ausgeblendet. Ein Solarmodul misst etwa 1,7 m²."),
    )
    return percent / 100, float(area_m2)


def _notes(ctx: AppContext, analysis: Analysis) -> None:
    stopped = words.stopped_tiles(analysis, ctx.t)
    if stopped:
        st.warning(stopped)
    failed = words.failed_tiles(analysis, ctx.t)
    if failed:
        st.error(failed)
    if analysis.outside_checked_range:
        st.warning(ctx.t(words.OUTSIDE_RANGE))
    unusual = words.unusual_tiles(analysis, ctx.t)
    if unusual:
        st.warning(unusual)


def _figures(ctx: AppContext, analysis: Analysis, result: Result) -> list[Figure]:
    return [
        Figure(one.label, one.value, one.unit, low=one.low, high=one.high, note=one.note or None)
        for one in words.key_figures(analysis, result, ctx.t)
    ]


def _answers(
    ctx: AppContext, shown: ShownRun, result: Result, threshold: float, min_area_m2: float
) -> None:
    with st.container(key="aviary_answers"):
        answer_panel(
            what=words.what_came_out(shown.analysis, result, ctx.t),
            how_sure=words.how_sure(result, ctx.t),
            origin=origin_of(shown, ctx.tenant, threshold, min_area_m2),
            next_step=words.next_step(ctx.t),
            t=ctx.t,
        )
