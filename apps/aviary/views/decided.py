"""Decisions about the finds of a shown result, read when they are needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import streamlit as st

from apps.aviary.finds.analysis import Result
from apps.aviary.finds.decided import Decided, decide_about
from apps.aviary.review import ReviewList, list_for_review
from apps.aviary.views.run import ShownRun
from shared.store.decisions import current
from shared.ui import AppContext

LISTS_HELD = 16
HIDE = "aviary_hide_rejected"
DRAWN = "aviary_drawn_decisions"


def list_once(
    ctx: AppContext, shown: ShownRun, result: Result, threshold: float, min_area_m2: float
) -> ReviewList:
    """Name and order the finds of a result; the same result only once.

    Args:
        ctx: Context of the page.
        shown: The run with its result.
        result: What was found with the settings in force.
        threshold: Least score in force.
        min_area_m2: Least ground area in force [m2].
    """
    return _lists()(ctx.tenant, shown.sha256, threshold, min_area_m2, result)


@lru_cache(maxsize=1)
def _lists() -> Callable[[str, str, float, float, Result], ReviewList]:
    """Return the cache of lists; made late, because it needs a running server."""

    def load(
        tenant: str, detection: str, threshold: float, min_area_m2: float, _result: Result
    ) -> ReviewList:
        return list_for_review(_result.objects)

    return st.cache_resource(max_entries=LISTS_HELD, show_spinner=False)(load)


def hides_rejected() -> bool:
    """Say whether rejected finds are neither shown nor written; off until somebody asks for it."""
    return bool(st.session_state.get(HIDE, False))


def verdicts_now(ctx: AppContext, shown: ShownRun) -> dict[str, str]:
    """Return what is decided at this moment, by `object_key`.

    Args:
        ctx: Context of the page.
        shown: The run with its result.
    """
    decided = current(ctx.principal, ctx.store, shown.run.id)
    return {key: one.value for key, one in decided.items()}


def decided_now(
    ctx: AppContext, shown: ShownRun, listed: ReviewList, *, leave_out_rejected: bool
) -> Decided:
    """Return the decisions of this moment with the finds that they are about; uses no Streamlit.

    Args:
        ctx: Context of the page.
        shown: The run with its result.
        listed: Its finds.
        leave_out_rejected: See `hides_rejected`.
    """
    return decide_about(listed, verdicts_now(ctx, shown), leave_out_rejected=leave_out_rejected)


def note_drawn(shown: ShownRun, verdicts: Mapping[str, str]) -> None:
    """Remember which decisions the picture of the result shows.

    Args:
        shown: The run with its result.
        verdicts: What was decided, by `object_key`.
    """
    st.session_state[DRAWN] = (shown.run.id, dict(verdicts))


def offer_redraw(ctx: AppContext, shown: ShownRun, verdicts: Mapping[str, str]) -> None:
    """Offer to draw the picture anew where it does not show the latest decisions.

    A decision runs the review alone again: a picture of thousands of finds would make each key
    wait.

    Args:
        ctx: Context of the page.
        shown: The run with its result.
        verdicts: What is decided now, by `object_key`.
    """
    run_id, drawn = st.session_state.get(DRAWN, ("", {}))
    if run_id != shown.run.id or drawn == verdicts:
        return
    t = ctx.t
    st.caption(t("Bild und Tabelle des Ergebnisses zeigen noch nicht die letzten Entscheidungen."))
    if st.button(t("Bild und Tabelle auf diesen Stand bringen"), key="aviary_redraw"):
        st.rerun()
