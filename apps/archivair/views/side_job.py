"""How far a job is that stands on the page beside the reading, which alone has the job panel."""

from __future__ import annotations

import streamlit as st

from shared.errors import UrbanKiError
from shared.jobs.lookup import unit_word
from shared.store import runs
from shared.store.run_views import RunView
from shared.ui import AppContext, run_words as words
from shared.ui.jobs import POLL_S


def show_active(ctx: AppContext, run: RunView, name: str) -> None:
    """Show a job that goes on, and look at it again and again.

    Args:
        ctx: Context of the page.
        run: The job.
        name: Prefix of the keys on the page, with the slug.
    """
    st.fragment(_follow, run_every=POLL_S)(ctx, run.id, name)


def show_state(ctx: AppContext, run: RunView, name: str) -> None:
    """Show the state of a job and, where it failed as a whole, why; arguments as above."""
    t = ctx.t
    word = words.state_word(run)
    counted = words.counts(run, unit_word(run.app, run.job), t)
    with st.container(key=f"live_{name}_state"):
        st.markdown(f":{word.colour}-badge[{t(word.text)}] {counted}")
    if run.is_active and run.units_total:
        st.progress(words.share_done(run))
    if run.state == "failed":
        st.error(words.reason_text(run.message_code, run.message_details, "", t))


def _follow(ctx: AppContext, run_id: str, name: str) -> None:
    """Look at an active job; at its end the whole page runs once more."""
    try:
        run = runs.get(ctx.principal, ctx.store, run_id)
    except UrbanKiError as error:
        st.warning(ctx.t.error(error)[0])
        return
    if not run.is_active:
        st.rerun()
    show_state(ctx, run, name)
