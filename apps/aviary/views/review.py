"""Step 4 of the page: look at one find after the other and decide about it, by keys too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from apps.aviary.finds.analysis import Result
from apps.aviary.finds.cut_out import CutOut, frame_object
from apps.aviary.finds.joining import FoundObject
from apps.aviary.review import (
    ACCEPTED,
    REJECTED,
    SAMPLE_SIZE,
    UNCLEAR,
    Progress,
    checked_beginning,
    count_progress,
    doubtful_first,
    object_key,
    sample_objects,
    undecided,
)
from apps.aviary.views.cut_out import AHEAD, show_cut_out
from apps.aviary.views.review_export import show_review_export
from apps.aviary.views.review_table import NAME, WORDS, go_to_selected, show_decisions
from apps.aviary.views.run import ShownRun
from apps.aviary.views.verdict import Choice, Desk, may_decide, show_buttons
from shared.store.decisions import current
from shared.ui import AppContext, Figure, escape_markdown, figures, is_kiosk, step

DOUBTFUL, RANDOM = "doubtful", "random"


@dataclass(frozen=True, slots=True)
class Review:
    """A review as it stands.

    Args:
        shown: The run with its result.
        objects: What was found with the settings in force, by `object_key`.
        order: What is looked at, in turn.
        verdicts: What was decided, by `object_key`.
        at_random: True where the order is a random sample.
    """

    shown: ShownRun
    objects: Mapping[str, FoundObject]
    order: Sequence[FoundObject]
    verdicts: Mapping[str, str]
    at_random: bool


def review_step(
    ctx: AppContext, shown: ShownRun, result: Result, threshold: float, min_area_m2: float
) -> None:
    """Show the step; a decision runs this step alone again. Visitors of a kiosk do not decide.

    Args:
        ctx: Context of the page.
        shown: The run with its result.
        result: What was found with the settings in force.
        threshold: Least score in force.
        min_area_m2: Least ground area in force [m2].
    """
    if not result.objects or is_kiosk():
        return
    st.fragment(_review)(ctx, shown, result)
    if may_decide(ctx):
        show_review_export(ctx, shown, result, threshold, min_area_m2)


def _review(ctx: AppContext, shown: ShownRun, result: Result) -> None:
    t = ctx.t
    objects = {object_key(one): one for one in result.objects}
    decided = current(ctx.principal, ctx.store, shown.run.id)
    verdicts = {key: decided[key].value for key in objects if key in decided}
    desk = Desk(ctx, shown.run.id, NAME, decided)
    go_to_selected(result)
    with step(ctx, 4, t("Sichten"), done=len(verdicts) == len(objects)):
        at_random = _choose_order(ctx) == RANDOM
        found = result.objects
        order = sample_objects(found) if at_random else doubtful_first(found)
        review = Review(shown, objects, order, verdicts, at_random)
        _figures(ctx, review)
        if desk.may_decide:
            _decide(desk, review)
        else:
            st.caption(t("Über Funde entscheidet die Sachbearbeitung."))
        show_decisions(ctx, shown, result, verdicts)


def _choose_order(ctx: AppContext) -> str:
    t = ctx.t
    names = {
        DOUBTFUL: t("Zweifelhafte zuerst"),
        RANDOM: t("Zufällige Stichprobe von höchstens {count}", count=SAMPLE_SIZE),
    }
    return st.radio(
        t("Reihenfolge"), list(names), format_func=names.__getitem__, key=f"{NAME}_order"
    )


def _figures(ctx: AppContext, review: Review) -> None:
    t = ctx.t
    said = count_progress(review.order, review.verdicts)
    counted = said
    if review.at_random:
        beginning = checked_beginning(review.order, review.verdicts)
        counted = count_progress(beginning, review.verdicts)
    low, high = counted.interval or (None, None)
    share = None if counted.precision is None else 100 * counted.precision
    note = t("von {count}", count=t.number(said.objects))
    with st.container(key=f"{NAME}_figures"):
        figures(
            [
                Figure(t("Gesichtet"), said.checked, note=note),
                Figure(t("Angenommen"), said.accepted),
                Figure(t("Abgelehnt"), said.rejected, note=_unclear(ctx, said)),
                Figure(
                    t("Treffer bisher"),
                    share,
                    "%",
                    low=None if low is None else 100 * low,
                    high=None if high is None else 100 * high,
                ),
            ],
            t,
        )
    st.caption(_meaning(ctx, review))


def _unclear(ctx: AppContext, said: Progress) -> str | None:
    if not said.unclear:
        return None
    return ctx.t("dazu {count} unklar", count=ctx.t.number(said.unclear))


def _meaning(ctx: AppContext, review: Review) -> str:
    if review.at_random:
        return ctx.t(
            "Der Bereich gilt mit 95 % Sicherheit für alle Funde mit diesen Einstellungen. "
            "Unklare zählen nicht mit."
        )
    return ctx.t(
        "Der Anteil gilt nur für die gesichteten Funde: Zweifelhafte kommen zuerst. "
        "Für alle Funde gilt erst der Anteil der zufälligen Stichprobe. Unklare zählen nicht mit."
    )


def _decide(desk: Desk, review: Review) -> None:
    ctx, t = desk.ctx, desk.ctx.t
    waiting = undecided(review.order, review.verdicts)
    chosen = desk.wanted(review.objects) or (object_key(waiting[0]) if waiting else None)
    if chosen is None:
        st.success(t("Hier ist alles gesichtet."))
    else:
        _show_object(ctx, review, review.objects[chosen], waiting)
    last = desk.last(review.objects)
    back = t("Zurück")
    if last is not None:
        number = review.objects[last.item_key].object_id
        back = t("Nr. {number} zurücknehmen", number=number)
    choices = [
        Choice(ACCEPTED, t("Annehmen"), "J"),
        Choice(REJECTED, t("Ablehnen"), "N"),
        Choice(UNCLEAR, t("Unklar"), "U"),
    ]
    show_buttons(desk, chosen, choices, last, back)


def _show_object(
    ctx: AppContext, review: Review, one: FoundObject, waiting: Sequence[FoundObject]
) -> None:
    t, analysis = ctx.t, review.shown.analysis
    said = review.verdicts.get(object_key(one))
    words = t(
        "Nr. {number}: {kind}, {score}, {area}",
        number=one.object_id,
        kind=analysis.recipe.title(one.class_key, ctx.language),
        score=t.percent(one.score, 0),
        area=t.number(one.area_m2, 1, "m²"),
    )
    state = t(WORDS[said]) if said else t("zweifelhaft") if one.doubtful else t("noch offen")
    with st.container(key=f"live_{NAME}"):
        st.markdown(f"**{escape_markdown(words)}** ({state})")
    others = [other for other in waiting if other is not one]
    places = [_place(review, other) for other in (one, *others[: AHEAD - 1])]
    show_cut_out(ctx, review.shown.run, analysis.info, review.shown.overview, places, words)


def _place(review: Review, one: FoundObject) -> CutOut:
    info = review.shown.analysis.info
    lines = (one.polygon.exterior, *one.polygon.interiors)
    rings = tuple(tuple((x, y) for x, y in line.coords) for line in lines)
    return frame_object(one.bbox_px, rings, info.width, info.height)
