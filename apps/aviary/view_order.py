"""Order a run once; later name its image and offer another one."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from apps.aviary.inference import pin_model
from apps.aviary.ordering import make_order
from apps.aviary.recipes import Recipe
from apps.aviary.view_input import ReadyImage
from shared.store import artifacts, runs
from shared.store.run_views import RunView
from shared.ui import AppContext, escape_markdown, hide_run, is_kiosk, primary_action, show_run

MEDIA_TYPES = {"jpeg": "image/jpeg", "png": "image/png", "tiff": "image/tiff", "webp": "image/webp"}


def order_run(ctx: AppContext, ready: ReadyImage, recipe: Recipe) -> None:
    """Show the main button; a click keeps the image and orders its run.

    Args:
        ctx: Context of the page.
        ready: The checked image.
        recipe: What is looked for.

    Raises:
        ModelServerError: The model server cannot answer; the page waits for it.
        StorageFull: The image cannot be kept.
    """
    wanted = primary_action(ready.chosen.start_label, key="aviary_start")
    if not (wanted or ready.chosen.run_at_once):
        return
    model = pin_model(ctx.models, recipe)
    now = datetime.now(UTC)
    file, is_example = ready.chosen.file, ready.chosen.is_sample
    image = artifacts.save(
        ctx.principal,
        ctx.store,
        file.content,
        name=file.name,
        media_type=MEDIA_TYPES[file.kind],
        kind="upload",
        is_example=is_example,
        now=now,
    )
    order = make_order(
        image, recipe, model, ready.options, force=ready.force, is_example=is_example
    )
    show_run(runs.submit(ctx.principal, ctx.store, order, now=now))
    st.rerun()


def show_order(ctx: AppContext, run: RunView) -> None:
    """Name the image and offer another one.

    Args:
        ctx: Context of the page.
        run: The run.
    """
    with st.container(key=f"user_{ctx.manifest.id}_order"):
        st.markdown(f"**{escape_markdown(run.title)}**")
    if not is_kiosk():
        st.button(ctx.t("Anderes Luftbild wählen"), key="aviary_other", on_click=hide_run)
