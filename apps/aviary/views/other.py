"""Choose a recipe that was made from a model of the house; the file of what was chosen."""

from __future__ import annotations

import streamlit as st

from apps.aviary.pinned import PinnedModel
from apps.aviary.recipe_book.listing import list_recipes
from apps.aviary.recipe_book.other_recipes import find_other, list_own_models
from apps.aviary.views.recipes import RECIPE_PARAMETER, choose, texts_of
from shared.errors import ModelServerError
from shared.ui import AppContext, is_kiosk


def offer_own_models(ctx: AppContext) -> None:
    """List the models that the operator has added to the model server.

    Args:
        ctx: Context of the page.
    """
    t = ctx.t
    if is_kiosk():
        return
    with st.expander(t("Eigene Modelle"), key="aviary_own_models"):
        try:
            found = list_own_models(ctx.models.models(), list_recipes().recipes)
        except ModelServerError:
            st.caption(t("Eigene Modelle stehen hier, sobald der Modellserver antwortet."))
            return
        for one in found:
            title, _ = texts_of(ctx, one.recipe)
            st.button(
                t("{title} wählen", title=title),
                key=f"aviary_{one.key}",
                on_click=choose,
                args=(one.key,),
            )
        if not found:
            st.caption(
                t(
                    "Der Modellserver hat kein weiteres Modell für Luftbilder. Die "
                    "Systembetreuung kann ONNX-Modelle hinzufügen."
                )
            )


def chosen_text(ctx: AppContext, model: PinnedModel) -> str:
    """Return the file of the recipe that was chosen; empty for one that comes with the app.

    Args:
        ctx: Context of the page.
        model: The model that will answer.

    Raises:
        RecipeTestFailed: The model has other weights than those of the recipe.
    """
    name = st.query_params.get(RECIPE_PARAMETER)
    found = None if name is None else find_other(ctx.principal, ctx.store, ctx.models, name)
    if found is None:
        return ""
    found.check(model)
    return found.text
