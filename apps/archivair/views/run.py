"""The run of the page: ordered once, or read again."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from apps.archivair.jobs import SCRIPT
from apps.archivair.ordering import make_order
from apps.archivair.recognise import model_fingerprint
from apps.archivair.views.input import SCRIPTS, ReadyBatch
from apps.archivair.views.sources import Delivered
from shared.contracts.jobs import StoredFile
from shared.errors import FileGone, NotFound
from shared.store import artifacts, runs
from shared.store.run_views import RunOrder, RunView
from shared.ui import AppContext, escape_markdown, hide_run, is_kiosk, primary_action, show_run


def start_reading(ctx: AppContext, ready: ReadyBatch) -> None:
    """Show the main button; a click keeps the files and orders their reading.

    Args:
        ctx: Context of the page.
        ready: The checked files.

    Raises:
        ModelServerError: The model server cannot answer; the page waits for it.
        StorageFull: The files cannot be kept.
    """
    wanted = primary_action(ready.start_label, key="archivair_start")
    if not (wanted or ready.run_at_once):
        return
    fingerprint = model_fingerprint(ctx.models)
    with st.spinner(ctx.t("Der Stapel wird gespeichert.")):
        stored = [_keep(ctx, file, kind, ready) for file, kind in ready.files]
    order = make_order(
        stored,
        {SCRIPT: ready.script},
        fingerprint,
        pages=ready.pages,
        is_example=ready.is_sample,
    )
    _submit(ctx, order)


def _keep(ctx: AppContext, file: Delivered, media_type: str, ready: ReadyBatch) -> StoredFile:
    return artifacts.save(
        ctx.principal,
        ctx.store,
        file.load(),
        name=file.name,
        media_type=media_type,
        kind="upload",
        is_example=ready.is_sample,
        now=datetime.now(UTC),
    )


def show_order(ctx: AppContext, run: RunView) -> None:
    """Name the files, and offer another one or another reading.

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
        st.button(t("Anderen Stapel wählen"), key="archivair_other", on_click=hide_run)
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
        run.inputs, run.parameters, fingerprint, pages=pages, is_example=run.is_example
    )
    try:
        _submit(ctx, order, repeat=True)
    except NotFound as cause:
        raise FileGone(name=run.title) from cause


def _submit(ctx: AppContext, order: RunOrder, *, repeat: bool = False) -> None:
    now = datetime.now(UTC)
    show_run(runs.submit(ctx.principal, ctx.store, order, now=now, repeat=repeat))
    st.rerun()
