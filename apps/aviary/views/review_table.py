"""All finds with what was decided about them; a selected one is looked at next."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from apps.aviary.finds.analysis import Result
from apps.aviary.review import ACCEPTED, REJECTED, UNCLEAR, object_key
from apps.aviary.views.run import ShownRun
from shared.i18n import N_
from shared.ui import AppContext, Column, table
from shared.ui.result import selected_row

NAME = "aviary_review"
WORDS = {ACCEPTED: N_("angenommen"), REJECTED: N_("abgelehnt"), UNCLEAR: N_("unklar")}
_TABLE, _SELECTED = f"{NAME}_table", f"{NAME}_was_selected"


def show_decisions(
    ctx: AppContext, shown: ShownRun, result: Result, verdicts: Mapping[str, str]
) -> None:
    """Show the finds as a table when somebody asks for it: there may be thousands.

    Args:
        ctx: Context of the page.
        shown: The run with its result.
        result: What was found with the settings in force.
        verdicts: What was decided, by `object_key`.
    """
    t, recipe = ctx.t, shown.analysis.recipe
    if not st.toggle(t("Alle Funde mit Entscheidung als Tabelle"), key=f"{NAME}_list"):
        return
    rows = []
    for one in result.objects:
        said = verdicts.get(object_key(one))
        rows.append(
            {
                "kind": recipe.title(one.class_key, ctx.language),
                "score": one.score,
                "area": one.area_m2,
                "said": t(WORDS[said]) if said else t("noch offen"),
            }
        )
    table(
        rows,
        columns=(
            Column("kind", t("Art")),
            Column("score", t("Sicherheit"), "percent"),
            Column("area", t("Fläche"), "number", 1, "m²"),
            Column("said", t("Entscheidung")),
        ),
        key=_TABLE,
        alt=t("Alle Funde mit ihrer Entscheidung"),
        selection="single",
        t=t,
    )


def go_to_selected(result: Result) -> None:
    """Let the find be looked at that somebody has just selected in the table.

    Args:
        result: What was found with the settings in force.
    """
    row = selected_row(_TABLE)
    if row != st.session_state.get(_SELECTED):
        st.session_state[_SELECTED] = row
        if row is not None and row < len(result.objects):
            st.session_state[f"{NAME}_item"] = object_key(result.objects[row])
