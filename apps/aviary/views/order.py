"""Order a run once; later name its image and offer another one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import streamlit as st

from apps.aviary.inputs.area_choice import AREA_NAME
from apps.aviary.inputs.image_folder import open_in_place
from apps.aviary.ordering import make_order
from apps.aviary.parameters import AREA
from apps.aviary.pinned import NO_MODEL, pin_model
from apps.aviary.recipes import Recipe, find_recipe, read_recipe
from apps.aviary.views.files import MEDIA_TYPES, GivenFile
from apps.aviary.views.folder import path_of
from apps.aviary.views.input import ReadyImage
from apps.aviary.views.other import chosen_text
from apps.aviary.views.recipes import RECIPE_PARAMETER, texts_of
from shared.auth.audited_work import note_upload
from shared.contracts.jobs import StoredFile
from shared.errors import FileChanged, RecipeBroken, RecipeUnknown
from shared.store import artifacts, runs
from shared.store.run_views import RunView
from shared.ui import AppContext, escape_markdown, hide_run, is_kiosk, primary_action, show_run


def order_run(ctx: AppContext, ready: ReadyImage, recipe: Recipe) -> None:
    """Show the main button; a click keeps the files and orders their run.

    Args:
        ctx: Context of the page.
        ready: The checked image.
        recipe: What is looked for.

    Raises:
        ModelServerError: The model server cannot answer; the page waits for it.
        RecipeTestFailed: The model has other weights since the shared recipe was tested.
        StorageFull: A file cannot be kept.
        FileChanged: The image on the server was changed since it was checked.
    """
    wanted = primary_action(ready.chosen.start_label, key="aviary_start")
    if not (wanted or ready.chosen.run_at_once):
        return
    model = NO_MODEL if recipe.task == "none" else pin_model(ctx.models, recipe)
    recipe_text = chosen_text(ctx, model)
    now = datetime.now(UTC)
    is_example = ready.chosen.is_sample
    given = list(ready.files)
    if ready.area is not None:
        given.insert(0, GivenFile(AREA, AREA_NAME, ready.area.content))
    image = _keep_image(ctx, ready, now)
    others = [(one.role, _keep(ctx, one.content, one.name, is_example, now)) for one in given]
    order = make_order(
        image,
        recipe,
        model,
        ready.options,
        force=ready.force,
        is_example=is_example,
        others=others,
        recipe_text=recipe_text,
    )
    st.query_params.pop(RECIPE_PARAMETER, None)
    show_run(runs.submit(ctx.principal, ctx.store, order, now=now))
    st.rerun()


def _keep_image(ctx: AppContext, ready: ReadyImage, now: datetime) -> StoredFile:
    """Keep the image; one that lies on the server is copied in a stream and must be unchanged.

    The copy stays readable when the folder is cleared, and is deleted with the run like an upload.

    Raises:
        FileChanged: It is another one than the one that was checked.
    """
    file, is_example = ready.chosen.file, ready.chosen.is_sample
    path = path_of(file)
    if not path:
        return _keep(ctx, file.content, file.name, is_example, now)
    with open_in_place(Path(path)) as stream:
        image = _keep(ctx, stream, file.name, is_example, now)
    if image.sha256 != ready.info.sha256:
        raise FileChanged(name=file.name)
    note_upload(ctx.principal, ctx.store, ctx.manifest.id, image.sha256, now=now)
    return image


def _keep(
    ctx: AppContext, content: bytes | BinaryIO, name: str, is_example: bool, now: datetime
) -> StoredFile:
    return artifacts.save(
        ctx.principal,
        ctx.store,
        content,
        name=name,
        media_type=MEDIA_TYPES[name.rpartition(".")[2].lower()],
        kind="upload",
        is_example=is_example,
        now=now,
    )


def show_order(ctx: AppContext, run: RunView) -> None:
    """Name recipe and image and offer others.

    Args:
        ctx: Context of the page.
        run: The run.
    """
    t = ctx.t
    name, text = str(run.parameters["recipe"]), str(run.parameters.get("recipe_text", ""))
    with st.container(key=f"user_{ctx.manifest.id}_order"):
        st.markdown(f"**{_recipe_title(ctx, name, text)}**: {escape_markdown(run.title)}")
    if is_kiosk():
        return
    with st.container(horizontal=True):
        # A recipe that was taken over is not known by its name; it is chosen anew.
        if not text:
            st.button(
                t("Anderes Luftbild wählen"), key="aviary_other", on_click=_again, args=(name,)
            )
        st.button(t("Anderes Rezept wählen"), key="aviary_other_recipe", on_click=hide_run)


def _recipe_title(ctx: AppContext, name: str, text: str) -> str:
    """Return the title of a recipe; one that is gone keeps its name."""
    try:
        recipe = read_recipe(text, name) if text else find_recipe(name)
        return texts_of(ctx, recipe)[0]
    except (RecipeUnknown, RecipeBroken):
        return escape_markdown(name)


def _again(recipe: str) -> None:
    """Ask for another image for the same recipe."""
    hide_run()
    st.query_params[RECIPE_PARAMETER] = recipe
