"""Start page: what this is, search, cards, state of the server."""

from __future__ import annotations

import logging

import streamlit as st

from shared.auth.session import principal
from shared.contracts.identity.policy import may_open
from shared.contracts.identity.principal import Principal
from shared.errors import AppBroken
from shared.i18n import Translator
from shared.registry.discover import APPS_FOLDER, BrokenApp, discover
from shared.registry.evaluation import read_evaluation
from shared.registry.manifest import AppManifest
from shared.settings import get_settings
from shared.themes import load_theme
from shared.ui.attract import app_icon
from shared.ui.failures import error_box
from shared.ui.language import translator
from shared.ui.navigation import STATUS_TEXTS, TOPICS
from shared.ui.recent import recent_runs
from shared.ui.result import measured_sentence
from shared.ui.search import rank_apps
from shared.ui.shell import PROFILE_VIEW, SAMPLE_PARAMETER, VIEW_PARAMETER, empty_state
from shared.ui.status import house_status

CARDS_PER_ROW = 3
FILTERS = ("suche", "thema", "stand", "ohne_dienste")
logger = logging.getLogger(__name__)


def introduction(t: Translator) -> None:
    """Say in one sentence what this is."""
    name = load_theme(get_settings().theme).short_name
    st.title(t("KI-Anwendungen für die Verwaltung"), anchor=False)
    st.markdown(
        t(
            "{name} probiert hier aus, wobei künstliche Intelligenz im Amt hilft. "
            "Alles läuft auf diesem Rechner, ohne Internet. Ein Mensch entscheidet.",
            name=name,
        )
    )


def filtered(apps: list[AppManifest], t: Translator) -> list[AppManifest]:
    """Show search and filters, bound to the URL, and return the apps that fit."""
    with st.container(key="gallery_filters", horizontal=True, vertical_alignment="bottom"):
        query = st.text_input(
            t("Anwendung suchen"), key="suche", type="search", bind="query-params", max_chars=200
        )
        topic = st.pills(
            t("Thema"),
            [key for key in TOPICS if any(app.topic == key for app in apps)],
            format_func=lambda key: t(TOPICS[key]),
            key="thema",
            bind="query-params",
        )
        status = st.pills(
            t("Stand"),
            [key for key in STATUS_TEXTS if any(app.status == key for app in apps)],
            format_func=lambda key: t(STATUS_TEXTS[key]),
            key="stand",
            bind="query-params",
        )
        offline = st.checkbox(
            t("nur ohne externe Dienste"), key="ohne_dienste", bind="query-params"
        )
    return [
        hit.manifest
        for hit in rank_apps(query or "", apps)
        if topic in {None, hit.manifest.topic}
        and status in {None, hit.manifest.status}
        and (not offline or hit.manifest.network == ("none",))
    ]


def reset_filters() -> None:
    """Show every app again."""
    for key in FILTERS:
        del st.session_state[key]


def card(app: AppManifest, t: Translator) -> None:
    """Show one app with its two actions."""
    with st.container(border=True, height="stretch", key=f"card_{app.id}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.html(app_icon(app), width="content")
            st.header(app.localized("title", t.language), anchor=False)
        st.markdown(app.localized("tagline", t.language))
        network = (
            t(":green-badge[läuft ohne Internet]")
            if app.network == ("none",)
            else t(":orange-badge[braucht einen externen Dienst]")
        )
        st.markdown(f":gray-badge[{t(STATUS_TEXTS[app.status])}] {network}")
        st.caption(app.municipality)
        quality(app, t)
        with st.container(horizontal=True, vertical_alignment="center", key=f"actions_{app.id}"):
            script = f"{app.id}/page.py"
            if st.button(t("Mit Beispiel ausprobieren"), key=f"try_{app.id}", type="primary"):
                st.switch_page(script, query_params={SAMPLE_PARAMETER: "1"})
            st.page_link(script, label=t("Steckbrief"), query_params={VIEW_PARAMETER: PROFILE_VIEW})


def quality(app: AppManifest, t: Translator) -> None:
    """Show the most telling measured figure."""
    try:
        evaluation = read_evaluation(APPS_FOLDER / app.id)
    except (OSError, ValueError):
        logger.exception("evaluation.json of %s cannot be read", app.id)
        st.caption(t("Die gemessene Güte kann nicht gelesen werden."))
        return
    if evaluation is None:
        st.caption(t("Güte noch nicht gemessen."))
    else:
        st.caption(measured_sentence(evaluation.figures[0], t))


def broken_card(app: BrokenApp, t: Translator) -> None:
    """Say that an app cannot be loaded; the log has the cause."""
    with st.container(border=True, height="stretch", key=f"card_{app.id}"):
        st.header(app.title, anchor=False)
        error_box(AppBroken(), reference=app.reference, t=t)


def show_cards(found: list[AppManifest | BrokenApp], t: Translator) -> None:
    """Show cards in rows of three."""
    for start in range(0, len(found), CARDS_PER_ROW):
        columns = st.columns(CARDS_PER_ROW)
        for column, app in zip(columns, found[start : start + CARDS_PER_ROW], strict=False):
            with column:
                if isinstance(app, BrokenApp):
                    broken_card(app, t)
                else:
                    card(app, t)


def gallery(acting: Principal, t: Translator) -> None:
    """Show the apps that somebody may open, and what she did last."""
    everything = discover(only=get_settings().app_ids)
    working = [
        app
        for app in everything
        if isinstance(app, AppManifest) and may_open(acting, app.id, app.roles_min)
    ]
    broken = [app for app in everything if isinstance(app, BrokenApp)]
    found = filtered(working, t)
    with st.container(key="live_count"):
        st.markdown(t.plural("{count} Anwendung", "{count} Anwendungen", len(found)))
    if found or broken:
        show_cards([*found, *broken], t)
    if not found:
        advice = t("Ändern Sie das Suchwort oder nehmen Sie Filter weg.")
        empty_state(t("Keine Anwendung passt."), advice)
        st.button(t("Filter zurücksetzen"), key="reset_filters", on_click=reset_filters)
    recent_runs(acting, {app.id: app.localized("title", t.language) for app in working}, t)


def platform_notice(t: Translator) -> None:
    """Say why whoever runs the platform finds no apps here."""
    empty_state(
        t("Mit diesem Konto wird die Plattform betrieben."),
        t(
            "Es sieht keine Daten der Kommunen und öffnet keine Anwendungen. Dafür brauchen Sie "
            "ein Konto Ihrer Kommune."
        ),
    )


t = translator()
introduction(t)
if principal().role == "plattform_admin":
    platform_notice(t)
else:
    gallery(principal(), t)
with st.container(key="gallery_status"):
    house_status()
