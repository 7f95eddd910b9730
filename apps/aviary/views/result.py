"""Step 3 of the page: picture and equal table, sliders without a second look, the four answers."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from apps.aviary.finds import words
from apps.aviary.finds.analysis import Analysis, Result
from apps.aviary.finds.decided import decide_about
from apps.aviary.finds.review_words import left_out_sentence
from apps.aviary.finds.score_words import score_words
from apps.aviary.recipes import Recipe
from apps.aviary.review import ReviewList
from apps.aviary.views.decided import (
    HIDE,
    hides_rejected,
    list_once,
    note_drawn,
    verdicts_now,
)
from apps.aviary.views.marks import explain_marks
from apps.aviary.views.picture import show_picture
from apps.aviary.views.run import ShownRun, count_finds, origin_of
from apps.aviary.views.similar_heat import heat_legend, heat_over_image, show_heat_words
from shared.ui import AppContext, Figure, answer_panel, empty_state, figures

LEAST_PERCENT, MOST_PERCENT = 5, 95
MOST_AREA_M2 = 50
KEPT = "aviary_kept_settings"


def show_result(ctx: AppContext, shown: ShownRun) -> tuple[Result, float, float]:
    """Show what was found and return it with the threshold and least area in force.

    Args:
        ctx: Context of the page.
        shown: The run with its result.
    """
    analysis = shown.analysis
    threshold, min_area_m2 = choose_settings(ctx, analysis)
    result = count_finds(ctx, shown, threshold, min_area_m2)
    _notes(ctx, analysis)
    figures(_figures(ctx, analysis, result), ctx.t)
    explain_marks(ctx, analysis.marks)
    if result.objects:
        listed = list_once(ctx, shown, result, threshold, min_area_m2)
        _show_finds(ctx, shown, result, listed)
    else:
        empty_state(
            ctx.t("Nichts gefunden"),
            ctx.t(score_words(analysis.recipe).nothing),
        )
        st.image(shown.overview, width="stretch", alt=ctx.t("Luftbild ohne Funde"))
    _answers(ctx, shown, result, threshold, min_area_m2)
    return result, threshold, min_area_m2


def _show_finds(ctx: AppContext, shown: ShownRun, result: Result, listed: ReviewList) -> None:
    verdicts = verdicts_now(ctx, shown)
    note_drawn(shown, verdicts)
    decided = decide_about(listed, verdicts, leave_out_rejected=False)
    if decided.said.rejected or hides_rejected():
        hide = st.toggle(
            ctx.t("Abgelehnte Funde ausblenden und in Dateien weglassen"),
            key=HIDE,
            help=ctx.t("Die Dateien nennen, dass und wie viele Funde weggelassen sind."),
        )
        decided = replace(decided, leave_out_rejected=hide)
    left_out = left_out_sentence(decided, ctx.t)
    if left_out:
        st.caption(left_out)
    heat = heat_over_image(ctx, shown)
    steps = heat_legend(heat, ctx.t)
    show_picture(ctx, shown.analysis, heat.picture, result, decided=decided, steps=steps)
    show_heat_words(ctx, heat)


def choose_settings(
    ctx: AppContext, analysis: Analysis, prefix: str = "aviary"
) -> tuple[float, float]:
    """Ask for the least score and the least ground area [m2] of a find.

    Args:
        ctx: Context of the page.
        analysis: Where the settings begin.
        prefix: Start of the widgets' keys.
    """
    t, recipe = ctx.t, analysis.recipe
    least = LEAST_PERCENT if analysis.threshold * 100 >= LEAST_PERCENT else 0
    most_m2 = max(MOST_AREA_M2, 10 * round(recipe.min_area_m2))
    percent, area_m2 = st.session_state.get(KEPT, {}).get(recipe.recipe_id) or (
        round(analysis.threshold * 100),
        round(recipe.min_area_m2),
    )
    with st.container(key=f"{prefix}_sliders"):
        left, right = st.columns(2)
    percent = left.slider(
        t(score_words(recipe).least),
        least,
        MOST_PERCENT,
        min(max(percent, least), MOST_PERCENT),
        key=f"{prefix}_threshold",
        help=t("Niedriger: mehr Funde, mehr Fehlalarme. Die Auswertung läuft nicht neu."),
    )
    area_m2 = right.slider(
        t("Kleinste Fläche in Quadratmetern"),
        0,
        most_m2,
        min(area_m2, most_m2),
        key=f"{prefix}_min_area",
        help=t("Kleinere Funde werden ausgeblendet. Die Auswertung läuft nicht neu."),
    )
    return percent / 100, float(area_m2)


def keep_settings(recipe: Recipe, threshold: float, min_area_m2: float) -> None:
    """Let the result of a recipe begin with the settings of its preview.

    Args:
        recipe: What is looked for.
        threshold: Least score.
        min_area_m2: Least ground area [m2].
    """
    kept = st.session_state.setdefault(KEPT, {})
    kept[recipe.recipe_id] = (round(threshold * 100), round(min_area_m2))


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
            how_sure=words.how_sure(shown.analysis.recipe, result, ctx.t),
            origin=origin_of(shown, ctx.tenant, threshold, min_area_m2),
            next_step=words.next_step(result, ctx.t),
            t=ctx.t,
        )
