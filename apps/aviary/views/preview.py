"""Step 4 of the page: try the recipe out on a small part, and say how long the whole will take."""

from __future__ import annotations

import base64
import hashlib
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st

from apps.aviary.finds.analysis import Analysis, count
from apps.aviary.finds.words import failed_words
from apps.aviary.inputs.image_check import cut_out_tiff
from apps.aviary.parameters import IMAGE, make_parameters
from apps.aviary.pinned import NO_MODEL, PinnedModel, pin_model
from apps.aviary.plan import plan_run
from apps.aviary.preview import Preview, has_preview, preview_box, try_out
from apps.aviary.recipes import Recipe
from apps.aviary.views.classes import show_class_picture
from apps.aviary.views.folder import path_of
from apps.aviary.views.input import ReadyImage
from apps.aviary.views.marks import explain_marks
from apps.aviary.views.other import chosen_text
from apps.aviary.views.picture import show_picture
from apps.aviary.views.result import choose_settings, keep_settings
from shared.geo.raster import OpenOptions
from shared.limited_reading import read_limited
from shared.ui import AppContext, step
from shared.ui.house_probe import house_probe

KEY = "aviary_preview"


def show_preview(ctx: AppContext, ready: ReadyImage, recipe: Recipe) -> None:
    """Offer a preview; once it is there, show it with sliders and the forecast.

    Args:
        ctx: Context of the page.
        ready: The checked image.
        recipe: What is looked for.

    Raises:
        InputError: The image cannot be read.
        ModelServerError: The model cannot answer.
    """
    t, key = ctx.t, _key(ready, recipe)
    stored: tuple[str, Preview] | None = st.session_state.get(KEY)
    preview = stored[1] if stored is not None and stored[0] == key else None
    if not has_preview(recipe):
        st.caption(t("Für dieses Rezept gibt es keine Vorschau."))
        return
    with step(ctx, 4, t("Vorschau"), done=preview is not None):
        if preview is None:
            st.markdown(
                t(
                    "Die Vorschau wertet zwei Kacheln aus der Mitte aus und misst, wie lange die "
                    "ganze Auswertung dauern wird. Sie können auch ohne Vorschau starten."
                )
            )
            if not st.button(t("Vorschau rechnen"), key="aviary_try"):
                return
            with st.spinner(t("Die Vorschau wird gerechnet.")):
                preview = _try(ctx, ready, recipe)
            st.session_state[KEY] = (key, preview)
            st.rerun()
        _show(ctx, preview)
        explain_marks(ctx, preview.marks)
        st.markdown(f"**{_forecast(ctx, ready, recipe, preview)}**")


def _show(ctx: AppContext, preview: Preview) -> None:
    failed = len(preview.marks.failed)
    if failed:
        # What a tile without a result shows is unknown; it is no tile without finds.
        st.warning("\n".join(failed_words(failed, 0, preview.tiles, ctx.t)))
    if preview.analysis is not None:
        _show_finds(ctx, preview.analysis, preview.overview)
    if preview.content is not None and preview.reduced is not None:
        show_class_picture(ctx, preview.content, preview.reduced, preview.overview, KEY)


def _show_finds(ctx: AppContext, analysis: Analysis, overview: bytes) -> None:
    t = ctx.t
    threshold, min_area_m2 = choose_settings(ctx, analysis, KEY)
    keep_settings(analysis.recipe, threshold, min_area_m2)
    result = count(analysis, threshold=threshold, min_area_m2=min_area_m2)
    if result.objects:
        show_picture(ctx, analysis, overview, result, f"{KEY}_map")
        return
    st.image(overview, width="stretch", alt=t("Ausschnitt des Luftbilds ohne Funde"))
    if analysis.complete:
        st.caption(t("In diesem Ausschnitt gibt es mit diesen Einstellungen keinen Fund."))


def _forecast(ctx: AppContext, ready: ReadyImage, recipe: Recipe, preview: Preview) -> str:
    t, info = ctx.t, ready.info
    area = None if ready.area is None else ready.area.polygons
    tiles = len(plan_run(info, recipe, gsd_m=_gsd_m(preview), area_px=area).tiles)
    seconds = preview.pace.forecast_s(tiles, info.megapixels)
    return t.plural(
        "{count} Kachel, voraussichtlich {time} (gemessen an der Vorschau)",
        "{count} Kacheln, voraussichtlich {time} (gemessen an der Vorschau)",
        tiles,
        time=t.duration(max(1, round(seconds))),
    )


def _gsd_m(preview: Preview) -> float | None:
    if preview.content is not None:
        return preview.content.model_gsd_m
    return None if preview.analysis is None else preview.analysis.detection.plan.gsd_m


def _key(ready: ReadyImage, recipe: Recipe) -> str:
    area = b"" if ready.area is None else ready.area.content
    files = [hashlib.sha256(one.content).hexdigest() for one in ready.files]
    told = (recipe, ready.info.sha256, ready.options, ready.force, area, files)
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _try(ctx: AppContext, ready: ReadyImage, recipe: Recipe) -> Preview:
    models = None if recipe.task == "none" else ctx.models
    model = NO_MODEL if models is None else pin_model(models, recipe)
    content = _cut(ready, recipe, model)
    info = ready.info
    options = OpenOptions(
        gsd_m=info.gsd_m if info.crs is None else None, limits=ready.options.limits
    )
    with TemporaryDirectory() as folder:
        image = Path(folder) / "vorschau.tif"
        image.write_bytes(content)
        files = {}
        for one in ready.files:
            files[one.role] = Path(folder) / f"{one.role}{Path(one.name).suffix.lower()}"
            files[one.role].write_bytes(one.content)
        parameters = make_parameters(
            recipe,
            model,
            options,
            force=ready.force,
            use_cache=False,
            inputs=(IMAGE, *files),
            recipe_text=chosen_text(ctx, model),
        )
        workers = house_probe().current().workers or 1
        return try_out(image, files, parameters, models, at_once=workers, clock=time.monotonic)


def _cut(ready: ReadyImage, recipe: Recipe, model: PinnedModel) -> bytes:
    """Cut the part out, in a process of its own where somebody else made the image."""
    area = None if ready.area is None else ready.area.polygons
    box = preview_box(ready.info, recipe, model.gsd_m, area)
    file = ready.chosen.file
    if ready.chosen.is_sample:
        text = cut_out_tiff(file.content, recipe, ready.options, name=file.name, box=box)
    else:
        text = read_limited(
            cut_out_tiff,
            file.content,
            recipe,
            ready.options,
            name=file.name,
            box=box,
            path=path_of(file),
        )
    return base64.b64decode(text)
