"""A run on its page: order it once, follow it from every tab, stop it, take it up again."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import streamlit as st

from shared.errors import JobRunnerAway, NotFound, ResultMissing, UrbanKiError, new_reference
from shared.jobs.forecast import forecast
from shared.jobs.lookup import unit_word
from shared.store import runs
from shared.store.progress import read_pace
from shared.store.run_views import RunView
from shared.ui import run_words as words
from shared.ui.failures import error_box
from shared.ui.house_probe import house_probe
from shared.ui.job_actions import offer_more, offer_stop
from shared.ui.result import Column, escape_markdown, table
from shared.ui.shell import RESULT_PARAMETER, SAMPLE_PARAMETER, AppContext

POLL_S = 2
LOOKS_FOR = timedelta(minutes=10)
"""So long after its end the page of a stopped run looks whether its part is joined."""
ANNOUNCE_S = 10.0
FAILURES_WHILE_RUNNING = 3
MOST_FAILURES = 1000
_RUN_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
logger = logging.getLogger(__name__)


def bind_run(ctx: AppContext) -> RunView | None:
    """Return the run that the address names, so that a reload shows it again.

    An address of another municipality, of another app, or of nothing gets the box "not found"; the
    rest of the page can be used.

    Args:
        ctx: Context of the page.
    """
    asked = st.query_params.get(RESULT_PARAMETER)
    if not asked:
        return None
    try:
        if not _RUN_ID.fullmatch(asked):
            raise NotFound()
        run = runs.get(ctx.principal, ctx.store, asked)
        if run.app != ctx.manifest.id:
            raise NotFound()
    except NotFound:
        reference = new_reference()
        logger.warning("%s %s: no such result", reference, ctx.manifest.id)
        error_box(ResultMissing(), reference=reference, t=ctx.t)
        return None
    return run


def show_run(run: RunView) -> None:
    """Put a run into the address: from now on the page, a reload and a copied link show it.

    Args:
        run: The run.
    """
    st.query_params[RESULT_PARAMETER] = run.id
    st.query_params.pop(SAMPLE_PARAMETER, None)


def hide_run() -> None:
    """Take the run out of the address: the page then asks for something new."""
    st.query_params.pop(RESULT_PARAMETER, None)


def job_panel(
    ctx: AppContext, run_id: str, *, on_done: Callable[[RunView], None] | None = None
) -> RunView:
    """Show a run: state, progress, forecast, failures, and what can be done with it.

    While the run is active only the panel looks again, every two seconds; at its end the whole
    page runs once more.

    Args:
        ctx: Context of the page.
        run_id: The run.
        on_done: Called with a run that has ended, below the panel.

    Raises:
        NotFound: This municipality has no such run.
        DatabaseUnreachable: The database does not answer.
    """
    run = runs.get(ctx.principal, ctx.store, run_id)
    with st.container(border=True, key=f"{ctx.manifest.id}_job"):
        if run.is_active:
            st.fragment(_follow, run_every=POLL_S)(ctx, run_id)
            offer_stop(ctx, run)
        else:
            _show_state(ctx, run)
            _show_failures(ctx, run)
            _show_joining(ctx, run)
            offer_more(ctx, run)
    if on_done is not None and not run.is_active:
        on_done(run)
    return run


def _follow(ctx: AppContext, run_id: str) -> None:
    """Look at an active run; runs again every two seconds."""
    try:
        run = runs.get(ctx.principal, ctx.store, run_id)
        if run.is_active:
            _show_state(ctx, run)
            _show_active(ctx, run)
            return
    except NotFound:
        pass  # deleted meanwhile: the page says so
    except UrbanKiError as error:
        message, advice = ctx.t.error(error)
        st.warning(f"{message} {advice}")
        return
    st.rerun()


def _show_joining(ctx: AppContext, run: RunView) -> None:
    """Say that a stopped run is still being joined, and look again until it is, for a while."""
    if run.state != "cancelled" or not runs.is_joining(ctx.principal, ctx.store, run.id):
        return
    st.caption(ctx.t("Was fertig ist, wird gerade zu einem Teilergebnis zusammengestellt."))
    if run.finished_at is not None and datetime.now(UTC) - run.finished_at < LOOKS_FOR:
        st.fragment(_follow_joining, run_every=POLL_S)(ctx, run.id)


def _follow_joining(ctx: AppContext, run_id: str) -> None:
    """Look whether a stopped run is joined; runs again every two seconds."""
    try:
        if runs.is_joining(ctx.principal, ctx.store, run_id):
            return
    except UrbanKiError as error:
        st.warning(" ".join(ctx.t.error(error)))
        return
    st.rerun()


def _show_state(ctx: AppContext, run: RunView) -> None:
    t = ctx.t
    word = words.state_word(run, runner_away=_runner_away())
    title = escape_markdown(run.title)
    with st.container(key=f"user_{ctx.manifest.id}_job_title"):
        st.markdown(f":{word.colour}-badge[{t(word.text)}] **{title}**")
    done = words.counts(run, unit_word(run.app, run.job), t)
    if run.is_active and run.units_total:
        st.progress(words.share_done(run), text=done)
    elif done:
        st.markdown(done)
    st.caption(words.dates(run, t))
    if run.started_by != ctx.principal.subject:
        st.caption(t("Eine andere Person Ihrer Kommune hat diesen Auftrag gegeben."))
    _announce(ctx, run)
    if run.state == "failed":
        st.error(words.reason_text(run.message_code, run.message_details, "", t))
    elif run.state == "cancelled" and run.message_code:
        st.warning(words.reason_text(run.message_code, run.message_details, "", t))


def _show_active(ctx: AppContext, run: RunView) -> None:
    t = ctx.t
    notes = [words.why_it_waits(run, t)]
    if _runner_away():
        notes.append(" ".join(t.error(JobRunnerAway())))
    elif run.state == "queued":
        notes.append(words.place_in_queue(runs.runs_ahead(ctx.principal, ctx.store, run.id), t))
    notes.append(_forecast(ctx, run))
    for note in filter(None, notes):
        st.markdown(note)
    st.caption(
        t("Sie können diese Seite schließen; der Auftrag läuft weiter und bleibt hier abrufbar.")
    )
    if run.units_failed:
        _first_failures(ctx, run)


def _forecast(ctx: AppContext, run: RunView) -> str:
    over, total = run.units_done + run.units_failed, run.units_total
    if run.state != "running" or total is None or _runner_away():
        return ""
    pace = read_pace(ctx.principal, ctx.store, run.id, over)
    workers = house_probe().current().workers or 1
    interval = forecast(min(over, total), total, pace.seconds, max(1, min(pace.in_flight, workers)))
    return words.time_left(interval, over, ctx.t)


def _announce(ctx: AppContext, run: RunView) -> None:
    """Tell screen readers how far it is, at most every ten seconds, and its end at once."""
    key = f"{ctx.manifest.id}_job_announced"
    now = time.monotonic()
    said: tuple[str, float, str] | None = st.session_state.get(key)
    said_before = said is not None and said[0] == run.id and run.is_active
    if said is None or not said_before or now - said[1] >= ANNOUNCE_S:
        word = words.state_word(run, runner_away=_runner_away())
        parts = [ctx.t(word.text), words.counts(run, unit_word(run.app, run.job), ctx.t)]
        said = (run.id, now, ". ".join(filter(None, parts)))
        st.session_state[key] = said
    with st.container(key=f"live_{ctx.manifest.id}_job"):
        st.markdown(said[2])


def _first_failures(ctx: AppContext, run: RunView) -> None:
    failed = runs.units(
        ctx.principal, ctx.store, run.id, states=("failed",), limit=FAILURES_WHILE_RUNNING
    )
    one = ctx.t(unit_word(run.app, run.job)[0])
    for unit in failed:
        reason = escape_markdown(words.unit_reason(unit, ctx.t))
        st.caption(f"{one} {unit.ordinal + 1}: {reason}")


def _show_failures(ctx: AppContext, run: RunView) -> None:
    """List the units that failed, with the reason of each."""
    if not run.units_failed:
        return
    t = ctx.t
    failed = runs.units(ctx.principal, ctx.store, run.id, states=("failed",), limit=MOST_FAILURES)
    one = t(unit_word(run.app, run.job)[0])
    rows = [
        {"unit": f"{one}\u00a0{unit.ordinal + 1}", "reason": words.unit_reason(unit, t)}
        for unit in failed
    ]
    title = t.plural("{count} gescheiterter Teil", "{count} gescheiterte Teile", run.units_failed)
    with st.expander(title, expanded=len(rows) <= FAILURES_WHILE_RUNNING):
        table(
            rows,
            columns=[Column("unit", one), Column("reason", t("Grund"))],
            key=f"{ctx.manifest.id}_job_failures",
            alt=title,
        )
        if run.units_failed > len(rows):
            st.caption(t("Gezeigt werden die ersten {count}.", count=t.number(len(rows))))


def _runner_away() -> bool:
    return house_probe().current().jobs == "away"
