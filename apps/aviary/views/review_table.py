"""All finds with what was decided about them; a selected one is looked at next."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from apps.aviary.finds.review_words import decision_word
from apps.aviary.finds.score_words import score_words
from apps.aviary.review import ReviewList
from apps.aviary.views.paging import MOST_AT_ONCE, choose_part, part_start
from apps.aviary.views.run import ShownRun
from shared.ui import AppContext, Column, table
from shared.ui.result import selected_row

NAME = "aviary_review"
_LIST = f"{NAME}_table"
_TABLE, _SELECTED = f"{_LIST}_rows", f"{NAME}_was_selected"


def show_decisions(
    ctx: AppContext, shown: ShownRun, listed: ReviewList, verdicts: Mapping[str, str]
) -> None:
    """Show the finds as a table when somebody asks for it: there may be thousands.

    Args:
        ctx: Context of the page.
        shown: The run with its result.
        listed: What was found with the settings in force.
        verdicts: What was decided, by `object_key`.
    """
    t, recipe = ctx.t, shown.analysis.recipe
    if not st.toggle(t("Alle Funde mit Entscheidung als Tabelle"), key=f"{NAME}_list"):
        return
    numbers = [one.object_id for one in listed.objects]
    part = choose_part(ctx, numbers, _LIST)
    rows = [
        {
            "number": listed.objects[place].object_id,
            "kind": recipe.title(listed.objects[place].class_key, ctx.language),
            "score": listed.objects[place].score,
            "area": listed.objects[place].area_m2,
            "said": decision_word(verdicts.get(listed.keys[place]), t),
        }
        for place in part
    ]
    table(
        rows,
        columns=(
            *((Column("number", t("Fund Nr."), "number"),) if len(numbers) > MOST_AT_ONCE else ()),
            Column("kind", t("Art")),
            Column("score", t(score_words(recipe).title), "percent"),
            Column("area", t("Fläche"), "number", 1, "m²"),
            Column("said", t("Entscheidung")),
        ),
        key=_TABLE,
        alt=t("Alle Funde mit ihrer Entscheidung"),
        selection="single",
        t=t,
    )


def go_to_selected(listed: ReviewList) -> None:
    """Let the find be looked at that somebody has just selected in the table.

    Args:
        listed: What was found with the settings in force.
    """
    row = selected_row(_TABLE)
    place = None if row is None else row + part_start(_LIST)
    if place != st.session_state.get(_SELECTED):
        st.session_state[_SELECTED] = place
        if place is not None and place < len(listed.keys):
            st.session_state[f"{NAME}_item"] = listed.keys[place]


def go_to_number(ctx: AppContext, listed: ReviewList) -> None:
    """Let a person go to a find by its number, however many there are.

    Args:
        ctx: Context of the page.
        listed: What was found with the settings in force.
    """
    key = f"{NAME}_number"

    def go() -> None:
        number: int | None = st.session_state.get(key)
        if number is not None:
            st.session_state[f"{NAME}_item"] = listed.keys[number - 1]
            st.session_state[key] = None

    st.number_input(
        ctx.t("Zu Fund Nr."), 1, len(listed.keys), None, key=key, on_change=go, width=200
    )
