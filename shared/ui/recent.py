"""Runs of the person who is looking: on an app's page and on the start page."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import streamlit as st

from shared.auth.principal import Principal
from shared.contracts.identity.policy import RESULT_READ, decide
from shared.errors import DatabaseUnreachable, UrbanKiError
from shared.i18n import Translator
from shared.store import runs
from shared.store.run_views import RunView
from shared.store.store import process_store
from shared.ui import run_words as words
from shared.ui.house_probe import house_probe
from shared.ui.jobs import show_run
from shared.ui.result import escape_markdown
from shared.ui.shell import RESULT_PARAMETER, AppContext

MOST_ON_HOME = 5
REFRESH_S = 10
logger = logging.getLogger(__name__)


def job_list(ctx: AppContext, limit: int = 20) -> None:
    """List the person's runs of this app, newest first; a click shows one again.

    The run that the page shows already is left out.

    Args:
        ctx: Context of the page.
        limit: Most runs.
    """
    t = ctx.t
    newest = runs.recent(ctx.principal, ctx.store, app=ctx.manifest.id, limit=limit + 1)
    shown = st.query_params.get(RESULT_PARAMETER)
    found = [run for run in newest if run.id != shown][:limit]
    if not newest:
        st.caption(t("Sie haben hier noch nichts ausgewertet."))
    for run in found:
        with st.container(horizontal=True, vertical_alignment="center", key=f"user_run_{run.id}"):
            st.button(
                escape_markdown(run.title),
                key=f"{ctx.manifest.id}_open_{run.id}",
                type="tertiary",
                on_click=show_run,
                args=(run,),
            )
            _state(run, t)


def recent_runs(acting: Principal, titles: Mapping[str, str], t: Translator) -> None:
    """Show what the person worked on last, in all apps; nothing where there is nothing.

    Args:
        acting: Who looks.
        titles: Title of each app that can be opened by its id.
        t: Translator of the gallery.
    """
    if not decide(acting, RESULT_READ).allowed:
        return
    try:
        if house_probe().current().database == "away":
            raise DatabaseUnreachable()  # without waiting for it once more
        found = runs.recent(acting, process_store(), limit=MOST_ON_HOME)
    except UrbanKiError as error:
        logger.warning("the last results cannot be read: %s", error.code)
        st.caption(t("Ihre letzten Ergebnisse können gerade nicht gelesen werden."))
        return
    if not found:
        return
    refresh_s = REFRESH_S if any(run.is_active for run in found) else None
    st.fragment(_show_recent, run_every=refresh_s)(acting, titles, t, found)


def _show_recent(
    acting: Principal, titles: Mapping[str, str], t: Translator, found: list[RunView]
) -> None:
    if any(run.is_active for run in found):
        try:
            found = runs.recent(acting, process_store(), limit=MOST_ON_HOME)
        except UrbanKiError as error:
            logger.warning("the last results cannot be read: %s", error.code)
    st.header(t("Zuletzt bearbeitet"), anchor=False)
    for run in found:
        with st.container(horizontal=True, vertical_alignment="center", key=f"user_run_{run.id}"):
            if run.app in titles:
                label = f"{titles[run.app]}: {escape_markdown(run.title)}"
                st.page_link(
                    f"{run.app}/page.py", label=label, query_params={RESULT_PARAMETER: run.id}
                )
            else:
                st.markdown(escape_markdown(run.title))
            _state(run, t)


def _state(run: RunView, t: Translator) -> None:
    word = words.state_word(run, runner_away=house_probe().current().jobs == "away")
    st.markdown(f":{word.colour}-badge[{t(word.text)}]")
    # Escaped, because a day with its full stop would begin a numbered list.
    st.caption(escape_markdown(words.moment(run.created_at, t)))
