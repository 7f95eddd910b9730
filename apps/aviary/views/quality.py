"""What is known about the model: its card, and how it did on the invented example."""

from __future__ import annotations

import streamlit as st

from apps.aviary.finds.analysis import Result
from apps.aviary.ordering import RECIPE
from apps.aviary.painted.sample import SAMPLE_NAME, render_sample
from apps.aviary.recipe_book.listing import model_of
from apps.aviary.recipes import Recipe
from apps.aviary.views.run import ShownRun
from shared.contracts.model_catalog import CatalogEntry
from shared.errors import ModelServerError
from shared.geo.metrics import match_objects
from shared.i18n import get_translator
from shared.ui import AppContext, escape_markdown

HIT_IOU = 0.5


def show_sample_truth(ctx: AppContext, shown: ShownRun, result: Result) -> None:
    """Compare the finds with what was painted into the example; other examples have no such truth.

    Args:
        ctx: Context of the page.
        shown: The run with its result.
        result: What was found with the settings in force.
    """
    if shown.run.title != SAMPLE_NAME or shown.analysis.recipe.recipe_id != RECIPE:
        return
    truth = render_sample().objects
    matches = match_objects(
        [one.polygon for one in result.objects],
        [one.score for one in result.objects],
        [one.polygon for one in truth],
        HIT_IOU,
    )
    with st.container(key="aviary_truth"):
        st.info(
            ctx.t(
                "Im Beispiel sind {total} Anlagen gemalt. Mit diesen Einstellungen fand das Modell "
                "{correct} davon; falsch oder schlecht passend: {false}. Das Bild ist "
                "künstlich: Auf echten Luftbildern kann es anders sein.",
                total=len(truth),
                correct=matches.correct,
                false=matches.false,
            ),
            title=ctx.t("Vergleich mit der Wahrheit"),
        )


def show_model(ctx: AppContext, recipe: Recipe) -> None:
    """Show the weakness of the model in the words of its card.

    Args:
        ctx: Context of the page.
        recipe: Names the model.
    """
    t = ctx.t
    if recipe.task == "none":
        return
    with st.expander(t("Was das Modell kann und was nicht"), key="aviary_model_card"):
        try:
            entry = model_of(recipe, ctx.models.models())
        except ModelServerError as error:
            st.markdown(t.error(error)[0])
            return
        if entry is None:
            st.markdown(t("Das Modell {model} ist nicht vorhanden.", model=recipe.model))
            return
        if ctx.language != "de":
            st.caption(t("Die Modellkarte gibt es nur auf Deutsch."))
        with st.container(key=f"lang_de_{ctx.manifest.id}_card"):
            _card(entry)


def _card(entry: CatalogEntry) -> None:
    """Show the card in its own language, German."""
    german = get_translator("de")
    title, version = escape_markdown(entry.title_de), escape_markdown(entry.version)
    st.markdown(f"**{title}** {version} ({entry.sha256[:12]})")
    st.markdown(escape_markdown(entry.limits_de))
    for metric in entry.metrics:
        st.markdown(
            german(
                "{name}: {value} (Daten: {data}, {items} Fälle, gemessen am {date})",
                name=escape_markdown(metric.name),
                value=metric.value,
                data=escape_markdown(metric.data),
                items=metric.items,
                date=german.iso_date(metric.measured_on),
            )
        )
    if entry.credit:
        st.caption(escape_markdown(entry.credit))
