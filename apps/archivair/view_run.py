"""The run of the page: ordered once, or read again."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from apps.archivair.jobs import SCRIPT
from apps.archivair.ordering import make_order
from apps.archivair.recognise import model_fingerprint
from apps.archivair.view_input import SCRIPTS, ReadyFile
from shared.errors import FileGone, NotFound
from shared.store import artifacts, runs
from shared.store.run_views import RunOrder, RunView
from shared.ui import AppContext, escape_markdown, hide_run, is_kiosk, primary_action, show_run


def start_reading(ctx: AppContext, ready: ReadyFile) -> None:
    """Show the main button; a click keeps the file and orders its reading.

    Args:
        ctx: Context of the page.
        ready: The checked file.

    Raises:
        ModelServerError: The model server cannot answer; the page waits for it.
        StorageFull: The file cannot be kept.
    """
    wanted = primary_action(ready.chosen.start_label, key="archivair_start")
    if not (wanted or ready.chosen.run_at_once):
        return
    fingerprint = model_fingerprint(ctx.models)
    file, is_example = ready.chosen.file, ready.chosen.is_sample
    stored = artifacts.save(
        ctx.principal,
        ctx.store,
        file.content,
        name=file.name,
        media_type=ready.media_type,
        kind="upload",
        is_example=is_example,
        now=datetime.now(UTC),
    )
    order = make_order(
        stored, {SCRIPT: ready.script}, fingerprint, pages=ready.pages, is_example=is_example
    )
    _submit(ctx, order)


def show_order(ctx: AppContext, run: RunView) -> None:
    """Name the file, and offer another one or another reading.

    Args:
        ctx: Context of the page.
        run: The run.
    """
    t = ctx.t
    with st.container(key=f"user_{ctx.manifest.id}_order"):
        st.markdown(f"**{escape_markdown(run.title)}**")
    script = run.parameters.get(SCRIPT, "auto")
    if script in SCRIPTS:
        st.caption(t("Schrift der Akte: {script}", script=t(SCRIPTS[script])))
    if is_kiosk():
        return
    with st.container(horizontal=True):
        st.button(t("Andere Akte wählen"), key="archivair_other", on_click=hide_run)
        if not run.is_active and st.button(t("Noch einmal lesen"), key="archivair_again"):
            _read_again(ctx, run)


def _read_again(ctx: AppContext, run: RunView) -> None:
    """Order the same once more.

    Raises:
        FileGone: The upload was deleted after its time.
    """
    fingerprint = model_fingerprint(ctx.models)
    pages = run.units_total or 1
    order = make_order(
        run.inputs[0], run.parameters, fingerprint, pages=pages, is_example=run.is_example
    )
    try:
        _submit(ctx, order, repeat=True)
    except NotFound as cause:
        raise FileGone(name=run.title) from cause


def _submit(ctx: AppContext, order: RunOrder, *, repeat: bool = False) -> None:
    now = datetime.now(UTC)
    show_run(runs.submit(ctx.principal, ctx.store, order, now=now, repeat=repeat))
    st.rerun()
