"""Page "Modelle": what the model server has, with origin, licence and measured quality."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

import streamlit as st

from shared.auth.session import principal
from shared.contracts.identity.policy import MODEL_CATALOG, require
from shared.contracts.model_catalog import CatalogEntry, CatalogMetric
from shared.contracts.model_server import Quality
from shared.errors import ModelServerError
from shared.i18n import N_, Translator
from shared.ui.failures import show_failure
from shared.ui.language import translator
from shared.ui.result import Column, escape_markdown, table
from shared.ui.shell import house_client
from shared.ui.status import model_server_status
from shared.ui.task_names import TASK_NAMES

REFRESH_INTERVAL_S = 10
STATES = {
    "loaded": N_("geladen"),
    "available": N_("verfügbar"),
    "failed": N_("nicht verfügbar"),
}
PLANNED = N_("geplant")
QUALITIES: dict[Quality, str] = {
    "demonstration": N_("Demonstration"),
    "pilot": N_("Pilot"),
    "productive": N_("Betrieb"),
}


@st.cache_data(ttl=5, max_entries=1, show_spinner=False)
def catalogue() -> list[CatalogEntry]:
    """Return all models, usable ones first; asked at most once in 5 s for all sessions."""
    return sorted(house_client().models().models, key=lambda model: not model.available)


def state_of(model: CatalogEntry) -> str:
    """Return the German word for a state; what is only announced has no version yet."""
    return STATES[model.state] if model.version else PLANNED


def overview(models: list[CatalogEntry], t: Translator) -> None:
    """Show all models as one table."""
    rows = [
        {
            "title": model.title_de if t.language == "de" and model.title_de else model.name,
            "task": t(TASK_NAMES[model.task]) if model.task else None,
            "version": model.version or None,
            "state": t(state_of(model)),
            "quality": t(QUALITIES[model.quality]) if model.quality else None,
            "runtime": model.runtime or None,
            "hash": model.sha256[:12] or None,
        }
        for model in models
    ]
    columns = [
        Column("title", t("Modell")),
        Column("task", t("Aufgabe")),
        Column("version", t("Version")),
        Column("state", t("Zustand")),
        Column("quality", t("Reife")),
        Column("runtime", t("Laufzeit")),
        Column("hash", t("Prüfsumme")),
    ]
    table(rows, columns=columns, key="models", alt=t("Alle Modelle mit Version und Zustand"), t=t)


def details(model: CatalogEntry, place: int, t: Translator) -> None:
    """Show origin, licence and measured quality of one model.

    Args:
        model: What its card says.
        place: Tells apart several with one name and version; all but one of them are refused.
        t: Translator.
    """
    with st.expander(
        escape_markdown(f"{model.title_de or model.name} {model.version}".strip()),
        key=f"model_{model.name}_{model.version}_{place}",
    ):
        if model.reason:
            st.markdown(t("Grund: {reason}", reason=escape_markdown(model.reason)))
        if model.licence:
            st.markdown(t("Lizenz: {licence}", licence=escape_markdown(model.licence)))
        if model.credit:
            st.caption(escape_markdown(model.credit))
        for data in model.training_data:
            st.markdown(
                t(
                    "Gelernt aus: {name}, {items} Beispiele, {licence}. {origin}",
                    name=escape_markdown(data.name),
                    items=t.number(data.items),
                    licence=escape_markdown(data.licence),
                    origin=escape_markdown(data.origin),
                )
            )
        for command, metrics in groupby(model.metrics, key=lambda metric: metric.command):
            st.markdown("\n".join(f"- {figure(metric, t)}" for metric in metrics))
            # Plain: the colours of highlighted shell code fall below the contrast that text needs.
            st.code(command, language=None)
        if model.limits_de:
            st.markdown(t("Grenzen: {limits}", limits=escape_markdown(model.limits_de)))
        if model.sha256:
            st.caption(t("Prüfsumme der Gewichte (SHA-256)"))
            st.code(model.sha256, language=None)


def figure(metric: CatalogMetric, t: Translator) -> str:
    """Write one measured figure as a line of Markdown."""
    value = t.number(metric.value, 3)
    if metric.interval_95 is not None:
        low, high = (t.number(edge, 3) for edge in metric.interval_95)
        value = t("{value}, zu 95 % zwischen {low} und {high}", value=value, low=low, high=high)
    return t(
        "{name}: {value} ({items} Fälle, {data}, gemessen am {date})",
        name=escape_markdown(" ".join(metric.name.split())),
        value=value,
        items=t.number(metric.items),
        data=escape_markdown(" ".join(metric.data.split())),
        date=t.iso_date(metric.measured_on),
    )


t = translator()
st.title(t("Modelle"), anchor=False)
require(principal(), MODEL_CATALOG)
st.markdown(
    t(
        "Diese Modelle laufen auf dem Modellserver dieser Installation. "
        "Jedes Ergebnis nennt Modell, Version und Prüfsumme."
    )
)
model_server_status()


@st.fragment(run_every=REFRESH_INTERVAL_S)
def show() -> None:
    """Show the catalogue and keep it fresh."""
    try:
        models = catalogue()
    except ModelServerError as error:
        show_failure(error, t)
        return
    overview(models, t)
    shown: Counter[tuple[str, str]] = Counter()
    with st.container(key="lang_de_models"):
        for model in models:
            same = (model.name, model.version)
            details(model, shown[same], t)
            shown[same] += 1


show()
