"""Take over a recipe that others have shared, after its test; choose one that was taken over."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from apps.aviary.recipe_book.imported import (
    OtherRecipe,
    find_imported,
    list_imported,
    order_import,
    refuse_taken,
)
from apps.aviary.sharing.import_job import IMPORT
from apps.aviary.sharing.share import MOST_BYTES, SUFFIX, KnownRecipe, read_shared_recipe
from apps.aviary.views.recipes import choose, texts_of
from shared.auth.audited_work import note_upload
from shared.contracts.identity.policy import UPLOAD, decide
from shared.errors import InputError, RecipeVersionTaken
from shared.limited_reading import read_limited
from shared.store.run_views import RunView
from shared.ui import AppContext, escape_markdown, hide_run, is_kiosk, job_panel, show_run, step
from shared.ui.failures import show_failure
from shared.ui.intake import sanitize_name

KEY = "aviary_import"


def offer_import(ctx: AppContext) -> None:
    """List the recipes that were taken over, and take another one.

    Args:
        ctx: Context of the page.
    """
    t = ctx.t
    if is_kiosk():
        return
    with st.expander(t("Geteilte Rezepte"), key=KEY):
        found = list_imported(ctx.principal, ctx.store)
        for title in found.broken:
            name = escape_markdown(title)
            st.warning(t("Das Rezept „{name}“ ist beschädigt und fehlt hier.", name=name))
        for one in found.recipes:
            _offer(ctx, one)
        if not found.recipes:
            st.caption(t("Ihre Verwaltung hat noch kein Rezept eingelesen."))
        if decide(ctx.principal, UPLOAD).allowed:
            _take(ctx)


def _offer(ctx: AppContext, one: OtherRecipe) -> None:
    title, summary = texts_of(ctx, one.recipe)
    st.markdown(f"**{title}** {one.recipe.version}: {summary}")
    st.button(
        ctx.t("{title} wählen", title=title),
        key=f"{KEY}_{one.key}",
        on_click=choose,
        args=(one.key,),
    )


def _take(ctx: AppContext) -> None:
    t = ctx.t
    limit_mb = MOST_BYTES >> 20
    upload = st.file_uploader(
        t("Rezept einlesen ({ending}, höchstens {limit} MB)", ending=SUFFIX, limit=limit_mb),
        type=[SUFFIX.lstrip(".")],
        key=f"{KEY}_file",
        max_upload_size=limit_mb,
    )
    if upload is None:
        return
    content, name = upload.getvalue(), sanitize_name(upload.name)
    known = _look_into(content, name, upload.file_id)
    if isinstance(known, InputError):
        show_failure(known, t, ctx.manifest.id)
        return
    title, summary = texts_of(ctx, known.recipe)
    st.markdown(f"**{title}** {known.recipe.version}: {summary}")
    try:
        refuse_taken(ctx.principal, ctx.store, known)
    except RecipeVersionTaken as error:
        show_failure(error, t, ctx.manifest.id)
        return
    if not st.button(t("Prüfen und einlesen"), key=f"{KEY}_start"):
        return
    now = datetime.now(UTC)
    run = order_import(ctx.principal, ctx.store, content, name, known, now)
    note_upload(ctx.principal, ctx.store, ctx.manifest.id, run.inputs[0].sha256, now=now)
    show_run(run)
    st.rerun()


def _look_into(content: bytes, name: str, file_id: str) -> KnownRecipe | InputError:
    """Read the file in a process of its own, once; a refusal is remembered too."""
    known: tuple[str, KnownRecipe | InputError] | None = st.session_state.get(f"{KEY}_seen")
    if known is not None and known[0] == file_id:
        return known[1]
    found: KnownRecipe | InputError
    try:
        found = read_limited(read_shared_recipe, content, name)
    except InputError as error:
        found = error
    st.session_state[f"{KEY}_seen"] = (file_id, found)
    return found


def is_import(run: RunView) -> bool:
    """Say whether a run is the test of a shared recipe."""
    return run.job == IMPORT.name


def show_import(ctx: AppContext, run: RunView) -> None:
    """Show the test of a shared recipe and, once it has passed, offer the recipe.

    Args:
        ctx: Context of the page.
        run: The run.
    """
    t = ctx.t
    with step(ctx, 1, t("Geteiltes Rezept prüfen"), done=run.state == "done"):
        st.markdown(f"**{escape_markdown(run.title)}**")
        run = job_panel(ctx, run.id)
        if run.state != "done":
            return
        found = find_imported(ctx.principal, ctx.store, run.id)
        if found is None:
            st.error(t("Das Rezept hat die Prüfung nicht bestanden und wurde nicht eingelesen."))
        else:
            st.success(t("Das Rezept findet hier dasselbe wie dort, wo es herkommt."))
            st.button(
                t("{title} wählen", title=texts_of(ctx, found.recipe)[0]),
                key=f"{KEY}_choose",
                on_click=_choose,
                args=(run.id,),
            )
    st.button(t("Anderes Rezept wählen"), key=f"{KEY}_other", on_click=hide_run)


def _choose(run_id: str) -> None:
    hide_run()
    choose(run_id)
