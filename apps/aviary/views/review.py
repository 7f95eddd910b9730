"""Step 4 of the page: look at one find after the other and decide about it, by keys too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import streamlit as st

from apps.aviary.finds.analysis import Result
from apps.aviary.finds.cut_out import CutOut, frame_object
from apps.aviary.finds.joining import FoundObject
from apps.aviary.finds.review_words import decision_word
from apps.aviary.review import (
    ACCEPTED,
    REJECTED,
    SAMPLE_SIZE,
    UNCLEAR,
    Progress,
    ReviewList,
    checked_beginning,
    count_progress,
    undecided,
)
from apps.aviary.views.cut_out import AHEAD, show_cut_out
from apps.aviary.views.decided import list_once, offer_redraw
from apps.aviary.views.desk import Desk, may_decide, show_foreign
from apps.aviary.views.review_export import show_review_export
from apps.aviary.views.review_table import NAME, go_to_number, go_to_selected, show_decisions
from apps.aviary.views.run import ShownRun
from apps.aviary.views.verdict import Choice, show_buttons
from shared.store.decisions import current
from shared.ui import AppContext, Figure, escape_markdown, figures, is_kiosk, step

DOUBTFUL, RANDOM = "doubtful", "random"


@dataclass(frozen=True, slots=True)
class Review:
    """A review as it stands.

    Args:
        shown: The run with its result.
        listed: What was found with the settings in force.
        order: What is looked at, in turn, by `object_key`.
        verdicts: What was decided about it, by `object_key`.
        at_random: True where the order is a random sample.
    """

    shown: ShownRun
    listed: ReviewList
    order: Sequence[str]
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
    st.fragment(_review)(ctx, shown, list_once(ctx, shown, result, threshold, min_area_m2))
    if may_decide(ctx):
        show_review_export(ctx, shown, result, threshold, min_area_m2)


def _review(ctx: AppContext, shown: ShownRun, listed: ReviewList) -> None:
    t = ctx.t
    decided = current(ctx.principal, ctx.store, shown.run.id)
    everything = {key: one.value for key, one in decided.items()}
    verdicts = listed.known(everything)
    desk = Desk(ctx, shown.run.id, NAME, decided)
    go_to_selected(listed)
    with step(ctx, 4, t("Sichten"), done=len(verdicts) == len(listed.by_key)):
        at_random = _choose_order(ctx) == RANDOM
        order = listed.sample if at_random else listed.doubtful
        review = Review(shown, listed, order, verdicts, at_random)
        _figures(ctx, review)
        if desk.may_decide:
            _decide(desk, review)
        else:
            st.caption(t("Über Funde entscheidet die Sachbearbeitung."))
        offer_redraw(ctx, shown, everything)
        show_decisions(ctx, shown, listed, verdicts)


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
    ctx, t, finds = desk.ctx, desk.ctx.t, review.listed.by_key
    waiting = list(islice(undecided(review.order, review.verdicts), AHEAD))
    go_to_number(ctx, review.listed)
    chosen = desk.wanted(finds) or (waiting[0] if waiting else None)
    if chosen is None:
        st.success(t("Hier ist alles gesichtet."))
    else:
        _show_object(desk, review, chosen, waiting)
    last = desk.last(finds)
    back = t("Zurück")
    if last is not None:
        back = t("Nr. {number} zurücknehmen", number=finds[last.item_key].object_id)
    choices = [
        Choice(ACCEPTED, t("Annehmen"), "J"),
        Choice(REJECTED, t("Ablehnen"), "N"),
        Choice(UNCLEAR, t("Unklar"), "U"),
    ]
    show_buttons(desk, chosen, choices, last, back)


def _show_object(desk: Desk, review: Review, chosen: str, waiting: Sequence[str]) -> None:
    ctx, t, analysis = desk.ctx, desk.ctx.t, review.shown.analysis
    finds = review.listed.by_key
    one, said = finds[chosen], review.verdicts.get(chosen)
    words = t(
        "Nr. {number}: {kind}, {score}, {area}",
        number=one.object_id,
        kind=analysis.recipe.title(one.class_key, ctx.language),
        score=t.percent(one.score, 0),
        area=t.number(one.area_m2, 1, "m²"),
    )
    state = t("zweifelhaft") if one.doubtful and not said else decision_word(said, t)
    with st.container(key=f"live_{NAME}"):
        st.markdown(f"**{escape_markdown(words)}** ({state})")
        show_foreign(desk, chosen)
    ahead = [key for key in waiting if key != chosen][: AHEAD - 1]
    places = [_place(review, finds[key]) for key in (chosen, *ahead)]
    show_cut_out(ctx, review.shown.run, analysis.info, review.shown.overview, places, words)


def _place(review: Review, one: FoundObject) -> CutOut:
    info = review.shown.analysis.info
    lines = (one.polygon.exterior, *one.polygon.interiors)
    rings = tuple(tuple((x, y) for x, y in line.coords) for line in lines)
    return frame_object(one.bbox_px, rings, info.width, info.height)
