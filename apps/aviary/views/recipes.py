"""Step 1 of the page: choose what is looked for."""

from __future__ import annotations

import streamlit as st

from apps.aviary.finds.words import DEMONSTRATION_BADGE, resolution_word
from apps.aviary.inputs.input_files import TITLES
from apps.aviary.recipe_book.listing import RecipeList, list_recipes, model_of
from apps.aviary.recipe_book.other_recipes import find_other
from apps.aviary.recipe_book.pictures import recipe_picture
from apps.aviary.recipes import Recipe
from shared.contracts.model_catalog import Catalog
from shared.errors import ModelServerError
from shared.ui import AppContext, escape_markdown, is_kiosk, primary_action, step
from shared.ui.shell import SAMPLE_PARAMETER

RECIPE_PARAMETER = "rezept"
FIRST = "solar"
"""The recipe of whoever came for the example."""
CARDS_PER_ROW = 3


def choose_recipe(ctx: AppContext) -> Recipe | None:
    """Show the cards, or the chosen recipe alone; None until one is chosen.

    Args:
        ctx: Context of the page.
    """
    found = list_recipes()
    chosen = _chosen(ctx, found)
    if chosen is None:
        with step(ctx, 1, ctx.t("Rezept wählen"), done=False):
            _cards(ctx, found)
        return None
    with step(ctx, 1, ctx.t("Rezept"), done=True):
        show_recipe(ctx, chosen)
        if not is_kiosk():
            st.button(ctx.t("Anderes Rezept wählen"), key="aviary_other_recipe", on_click=_forget)
    return chosen


def show_recipe(ctx: AppContext, recipe: Recipe) -> None:
    """Name a recipe and what it does.

    Args:
        ctx: Context of the page.
        recipe: The recipe.
    """
    title, summary = texts_of(ctx, recipe)
    with st.container(key=f"user_{ctx.manifest.id}_recipe"):
        st.markdown(f"**{title}**: {summary}")
    _badges(ctx, recipe)


def _badges(ctx: AppContext, recipe: Recipe) -> None:
    badges = f":gray-badge[{resolution_word(recipe, ctx.t)}]"
    if recipe.task != "none":
        badges += f" :orange-badge[{ctx.t(DEMONSTRATION_BADGE)}]"
    st.markdown(badges)


def texts_of(ctx: AppContext, recipe: Recipe) -> tuple[str, str]:
    """Return title and sentence of a recipe in the language of the page."""
    english = ctx.language == "en"
    title = recipe.title_en if english else recipe.title_de
    summary = recipe.summary_en if english else recipe.summary_de
    return escape_markdown(title), escape_markdown(summary)


def choose(name: str) -> None:
    """Put a recipe into the address, so that a link and a reload show it again.

    Args:
        name: Name of the recipe.
    """
    st.query_params[RECIPE_PARAMETER] = name


def _forget() -> None:
    st.query_params.pop(RECIPE_PARAMETER, None)
    st.query_params.pop(SAMPLE_PARAMETER, None)


def _chosen(ctx: AppContext, found: RecipeList) -> Recipe | None:
    name = st.query_params.get(RECIPE_PARAMETER)
    if name is None and (is_kiosk() or st.query_params.get(SAMPLE_PARAMETER) == "1"):
        name = FIRST
    if name is None:
        return None
    for recipe in found.recipes:
        if recipe.recipe_id == name:
            return recipe
    other = find_other(ctx.principal, ctx.store, ctx.models, name)
    return None if other is None else other.recipe


def _cards(ctx: AppContext, found: RecipeList) -> None:
    t = ctx.t
    if primary_action(t("Mit Beispiel ausprobieren"), key="aviary_try_example"):
        st.query_params[SAMPLE_PARAMETER] = "1"
        st.rerun()
    st.markdown(t("Was möchten Sie im Luftbild finden?"))
    for name in found.broken:
        st.warning(t("Das Rezept „{name}“ ist beschädigt und fehlt hier.", name=name))
    catalog = _catalog(ctx)
    for first in range(0, len(found.recipes), CARDS_PER_ROW):
        columns = st.columns(CARDS_PER_ROW)
        for column, recipe in zip(columns, found.recipes[first:], strict=False):
            with column:
                _card(ctx, recipe, catalog)


def _card(ctx: AppContext, recipe: Recipe, catalog: Catalog | None) -> None:
    t = ctx.t
    title, summary = texts_of(ctx, recipe)
    with st.container(border=True, height="stretch", key=f"aviary_card_{recipe.recipe_id}"):
        picture = recipe_picture(recipe.recipe_id)
        if picture is not None:
            st.image(picture, width="stretch", alt=t("Beispielbild: {title}", title=title))
        st.subheader(title, anchor=False)
        st.markdown(summary)
        _badges(ctx, recipe)
        if recipe.inputs:
            needed = ", ".join(t(TITLES[one]) for one in recipe.inputs)
            st.caption(t("Braucht außerdem: {files}", files=needed))
        st.caption(quality_sentence(ctx, recipe, catalog))
        st.space("stretch")  # The buttons of a row stand at one height.
        st.button(
            t("{title} wählen", title=title),
            key=f"aviary_choose_{recipe.recipe_id}",
            on_click=choose,
            args=(recipe.recipe_id,),
        )


def quality_sentence(ctx: AppContext, recipe: Recipe, catalog: Catalog | None) -> str:
    """Say how well the model of a recipe did, as its card states it.

    Args:
        ctx: Context of the page.
        recipe: The recipe.
        catalog: All models; None where the server does not answer.
    """
    t = ctx.t
    if recipe.task == "none":
        return t("Rechnet ohne Modell; dieselbe Formel gibt immer dasselbe Ergebnis.")
    if catalog is None:
        return t("Die Güte steht hier, sobald der Modellserver antwortet.")
    entry = model_of(recipe, catalog)
    if entry is None or not entry.available:
        return t("Das Modell fehlt auf diesem Rechner.")
    if not entry.metrics:
        return t("Güte noch nicht gemessen.")
    if entry.name != recipe.model:
        return t("Ein einfaches Verfahren vertritt das Modell, das hier noch fehlt.")
    first = entry.metrics[0]
    value, items = t.number(first.value, 2), t.number(first.items)
    if ctx.language != "de":  # the card is German
        return t("Gütezahl des Modells: {value} ({items} Fälle)", value=value, items=items)
    return t(
        "Güte des Modells: {name} {value} ({items} Fälle)",
        name=escape_markdown(first.name),
        value=value,
        items=items,
    )


def _catalog(ctx: AppContext) -> Catalog | None:
    try:
        return ctx.models.models()
    except ModelServerError:
        return None
