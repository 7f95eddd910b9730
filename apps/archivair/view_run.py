"""The reading itself: one click, progress with a measured forecast, finished pages that stay."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

import streamlit as st

from apps.archivair.batch import read_source
from apps.archivair.file_run import FileRun, keep
from apps.archivair.forecast import Forecast
from apps.archivair.pages import open_source
from apps.archivair.piece_reading import Engines
from apps.archivair.recognise import ServerReader
from apps.archivair.tesseract import find_tesseract
from apps.archivair.view_input import ReadyFile
from shared.errors import ModelServerError
from shared.ui import AppContext, primary_action

FORECAST_FROM_PAGES = 3
_RUN, _START, _STOP = "archivair_run", "archivair_start", "archivair_stop_asked"


def read_once(ctx: AppContext, ready: ReadyFile) -> tuple[FileRun | None, ModelServerError | None]:
    """Show the main button; read what is still unread once the work was started.

    Args:
        ctx: Context of the page.
        ready: The checked file.

    Returns:
        The run that belongs to the file, if it was started, and what the model server said when
        it broke off. Pages read before are kept; the next call goes on behind them.
    """
    stored: FileRun | None = st.session_state.get(_RUN)
    current = stored if stored is not None and stored.key == ready.key else None
    held = current is not None and current.stopped
    label = ctx.t("Weiterlesen") if held else ready.chosen.start_label
    wanted = primary_action(label, key=_START)
    if st.session_state.pop(_STOP, False):
        return current, None
    # `wanted` stays true while the model server is away; only a click may change a kept run.
    clicked = bool(st.session_state.get(_START))
    if current is None and (wanted or ready.chosen.run_at_once):
        current = _new_run(ready)
    elif current is not None and clicked:
        current = replace(current, stopped=False) if current.unread else _new_run(ready)
    if current is None or current.stopped or not current.unread:
        return current, None
    return _go_on(ctx, ready, current)


def retry_failed() -> None:
    """Forget the failed pages; the next run of the page reads them again."""
    run: FileRun = st.session_state[_RUN]
    st.session_state[_RUN] = run.without_failed()


def _new_run(ready: ReadyFile) -> FileRun:
    return FileRun(
        key=ready.key,
        file_name=ready.chosen.file.name,
        total=ready.pages,
        is_sample=ready.chosen.is_sample,
        created_at=datetime.now(UTC).astimezone(),
    )


def _stop() -> None:
    run: FileRun = st.session_state[_RUN]
    st.session_state[_RUN] = replace(run, stopped=True)
    st.session_state[_STOP] = True


def _go_on(
    ctx: AppContext, ready: ReadyFile, run: FileRun
) -> tuple[FileRun, ModelServerError | None]:
    """Read the unread pages; each one is kept before the next is waited for."""
    st.session_state[_RUN] = run
    place = st.empty()
    with place.container():
        bar = st.progress(len(run.pages) / run.total, text=_progress(ctx, run, None))
        if run.total > 1:
            st.button(ctx.t("Anhalten"), key="archivair_stop", on_click=_stop)
    file = ready.chosen.file
    engines = Engines(ServerReader(ctx.models), find_tesseract())
    source = open_source(file.content, file.name, ready.limits)
    try:
        with closing(
            read_source(source, engines, script=ready.script, pages=run.unread)
        ) as outcomes:
            last = time.monotonic()
            forecast = Forecast(len(run.unread), last)
            for outcome in outcomes:
                now = time.monotonic()
                forecast.count(now)
                run = run.with_page(keep(outcome), now - last)
                st.session_state[_RUN] = run
                bar.progress(len(run.pages) / run.total, text=_progress(ctx, run, forecast))
                last = now
    except ModelServerError as outage:
        return run, outage
    finally:
        source.close()
        place.empty()
    return run, None


def _progress(ctx: AppContext, run: FileRun, forecast: Forecast | None) -> str:
    t = ctx.t
    if run.total == 1:
        return t("Die Seite wird gelesen.")
    text = t("{done} von {total} Seiten sind gelesen.", done=len(run.pages), total=run.total)
    left_s = None if forecast is None else forecast.remaining_s
    if forecast is None or left_s is None or forecast.done < FORECAST_FROM_PAGES or not run.unread:
        return text
    return text + " " + t("Noch etwa {time}, gemessen an dieser Akte.", time=t.duration(left_s))
