"""Part of the last step of the page: hand the recipe of a run on, with a proof of what it finds."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import streamlit as st
from pydantic import TypeAdapter

from apps.aviary.objects import Box
from apps.aviary.parameters import RunParameters
from apps.aviary.recipes import Recipe, built_in_text
from apps.aviary.sharing.conformance import expect
from apps.aviary.sharing.proof_image import choose_box, cut_proof_image
from apps.aviary.sharing.share import MEDIA_TYPE, SUFFIX, pack_recipe
from shared.auth.audited_work import FileToTake, may_take
from shared.errors import FileGone, InputError, NotFound
from shared.geo.raster import RasterInfo
from shared.limited_reading import read_limited
from shared.store import artifacts
from shared.store.run_views import RunView
from shared.ui import AppContext, Download, export_bar, is_kiosk
from shared.ui.failures import show_failure

KEY = "aviary_share"


def share_recipe(
    ctx: AppContext, run: RunView, recipe: Recipe, info: RasterInfo, finds: Sequence[Box]
) -> None:
    """Offer the recipe of a run as a file to whoever may take files along; a click makes it.

    Args:
        ctx: Context of the page.
        run: The run.
        recipe: What was looked for.
        info: The image.
        finds: Boxes of what was found [px]; empty for a map.

    Raises:
        ModelServerError: The model cannot answer; the page waits for it.
    """
    t = ctx.t
    if is_kiosk() or not may_take(ctx.principal, FileToTake(run.id, ctx.manifest.id)):
        return
    with st.expander(t("Rezept teilen"), key=KEY):
        if recipe.inputs:
            st.markdown(t("Dieses Rezept braucht weitere Dateien und lässt sich nicht teilen."))
            return
        st.markdown(
            t(
                "Andere Verwaltungen können das Rezept einlesen. Die Datei enthält das Rezept, die "
                "Prüfsumme des Modells, einen Ausschnitt des Luftbilds und was darin gefunden "
                "wird. Geben Sie sie nur weiter, wenn Sie den Ausschnitt weitergeben dürfen."
            )
        )
        made: tuple[str, bytes] | None = st.session_state.get(KEY + "_file")
        if made is None or made[0] != run.id:
            if not st.button(t("Datei erstellen"), key=f"{KEY}_make"):
                return
            try:
                with st.spinner(t("Das Rezept wird mit dem Ausschnitt geprüft.")):
                    made = run.id, _pack(ctx, run, recipe, info, finds)
            except (InputError, FileGone, NotFound) as error:
                show_failure(error, t, ctx.manifest.id)
                return
            st.session_state[KEY + "_file"] = made
            st.rerun()  # without the button, which has done its work
        name = f"{recipe.recipe_id}-{recipe.version}{SUFFIX}"
        note = t("Beim Einlesen wird das Rezept zuerst mit dem Ausschnitt geprüft.")
        export_bar(
            ctx,
            [Download(t("Rezept herunterladen"), name, MEDIA_TYPE, made[1])],
            run_id=run.id,
            note=note,
        )


def _pack(
    ctx: AppContext, run: RunView, recipe: Recipe, info: RasterInfo, finds: Sequence[Box]
) -> bytes:
    """Cut the proof out, in a process of its own, and measure what the recipe finds there."""
    parameters = TypeAdapter(RunParameters).validate_python(dict(run.parameters))
    path = artifacts.local_path(ctx.principal, ctx.store, run.inputs[0])
    box = choose_box(info.width, info.height, finds)
    near_infrared = recipe.bands == "rgbi"
    cut = read_limited(cut_proof_image, b"", str(path), parameters.options, box, near_infrared)
    text = parameters.recipe_text or built_in_text(recipe.recipe_id)
    image = base64.b64decode(cut)
    gsd_m = info.gsd_m or recipe.gsd_native_m
    return pack_recipe(text, image, expect(text, image, gsd_m, lambda: ctx.models))
