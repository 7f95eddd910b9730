"""The run itself: one click, progress with a measured forecast, a result that stays."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import streamlit as st
from PIL import Image

from apps.aviary.analysis import Analysis, analyse
from apps.aviary.inference import TILES_IN_FLIGHT, ServerPredictor
from apps.aviary.objects import Progress
from apps.aviary.plan import forecast_s
from apps.aviary.recipes import Recipe
from apps.aviary.view_input import ReadyImage
from shared.geo.open import open_raster
from shared.ui import AppContext, ImageBase, display_image, primary_action

FORECAST_FROM_TILES = 5


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A finished run in the session.

    Args:
        key: Image, resolution and choice it belongs to.
        analysis: What the model found at any score.
        picture: The image for the browser.
        is_sample: True for the invented example.
        created_at: When it was made.
    """

    key: tuple[str, float | None, bool]
    analysis: Analysis
    picture: ImageBase
    is_sample: bool
    created_at: datetime


def run_once(ctx: AppContext, ready: ReadyImage, recipe: Recipe) -> StoredRun | None:
    """Show the main button and return the result that belongs to the image, if there is one.

    Args:
        ctx: Context of the page.
        ready: The checked image.
        recipe: What is looked for.

    Raises:
        ModelServerError: The model server cannot answer; the page waits for it.
        InputError: The image breaks off.
    """
    stored: StoredRun | None = st.session_state.get("aviary_run")
    current = stored if stored is not None and stored.key == ready.key else None
    wanted = primary_action(ready.chosen.start_label, key="aviary_start")
    if wanted or (current is None and ready.chosen.run_at_once):
        current = _run(ctx, ready, recipe)
        st.session_state["aviary_run"] = current
    return current


def _run(ctx: AppContext, ready: ReadyImage, recipe: Recipe) -> StoredRun:
    t = ctx.t
    bar = st.progress(0.0, text=t("Das Bild wird vorbereitet."))
    predictor = ServerPredictor(lambda: ctx.models, recipe)
    file = ready.chosen.file
    try:
        with open_raster(file.content, name=file.name, options=ready.options) as source:
            analysis = analyse(
                source,
                recipe,
                predictor,
                time.monotonic,
                force=ready.force,
                on_progress=_show_progress(ctx, bar),
            )
    finally:
        bar.empty()
    picture = display_image(Image.fromarray(analysis.overview.rgb))
    return StoredRun(
        key=ready.key,
        analysis=analysis,
        picture=replace(picture, width_px=analysis.info.width, height_px=analysis.info.height),
        is_sample=ready.chosen.is_sample,
        created_at=datetime.now(UTC).astimezone(),
    )


def _show_progress(ctx: AppContext, bar: st.delta_generator.DeltaGenerator) -> Progress:
    t = ctx.t
    started = time.monotonic()

    def show(done: int, total: int) -> None:
        text = t("Kachel {done} von {total} ist ausgewertet.", done=done, total=total)
        if FORECAST_FROM_TILES <= done < total:
            per_tile = (time.monotonic() - started) / done * TILES_IN_FLIGHT
            left = forecast_s(per_tile, total - done, TILES_IN_FLIGHT)
            text += " " + t("Noch etwa {time}, gemessen an diesem Bild.", time=t.duration(left))
        bar.progress(done / total, text=text)

    return show
