"""Top navigation: sections by topic, header and footer of every page."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from shared import __version__
from shared.i18n import N_
from shared.registry.discover import BrokenApp, manifests
from shared.registry.manifest import AppManifest, Topic
from shared.settings import Settings
from shared.themes import Theme
from shared.themes.theme import LOGOS_FOLDER
from shared.ui.account_menu import account_menu
from shared.ui.failures import error_boundary
from shared.ui.kiosk import demo_banner, is_kiosk
from shared.ui.language import active_language, language_switch, mark_language, translator
from shared.ui.status import model_server_status

HOME_PATH = "start"
MODELS_PATH = "modelle"
DATASPACE_PATH = "datenraum"
IMPRINT_PATH = "impressum"
ACCESSIBILITY_PATH = "barrierefreiheit"
PRIVACY_PATH = "datenschutz"
ACCOUNTS_PATH = "verwaltung"
FIXED_PATHS = frozenset(
    {
        *("", HOME_PATH, MODELS_PATH, DATASPACE_PATH),
        *(IMPRINT_PATH, ACCESSIBILITY_PATH, PRIVACY_PATH, ACCOUNTS_PATH),
    }
)
HIDDEN_FROM_VISITORS = frozenset({DATASPACE_PATH, MODELS_PATH, ACCOUNTS_PATH})
"""A kiosk has none of these pages."""
TOPICS: dict[Topic, str] = {
    "klima": N_("Klima & Fläche"),
    "mobilitaet": N_("Mobilität & Energie"),
    "sicherheit": N_("Sicherheit & Umwelt"),
    "verwaltung": N_("Verwaltung & Wissen"),
}
STATUS_TEXTS = {"prototyp": N_("Prototyp"), "pilot": N_("Pilot"), "betrieb": N_("Betrieb")}


def opens_one_app(settings: Settings) -> bool:
    """Say whether the gallery serves one app only, which then is the first page."""
    return len(settings.app_ids) == 1 and len(manifests(only=settings.app_ids)) == 1


def page_header(theme: Theme, sample: st.Page | None = None) -> None:
    """Show logo, example badge, model server's state, language switch and account menu.

    Args:
        theme: Gives the logo.
        sample: Page that explains the sample data; the badge leads there.
    """
    t = translator()
    st.logo(str(LOGOS_FOLDER / theme.logo_light), size="large", link=None)
    with st.container(key="gallery_header", horizontal=True, horizontal_alignment="right"):
        mark_language(active_language())
        if not is_kiosk():
            _sample_badge(sample, t("Beispieldaten"))
        model_server_status(compact=True)
        language_switch()
        if not is_kiosk():
            with error_boundary():
                account_menu(t)
    if is_kiosk():
        demo_banner()


def _sample_badge(page: st.Page | None, word: str) -> None:
    if page is None:
        st.badge(word, color="blue")
    else:
        st.page_link(page, label=f":blue-badge[{word}]")


def page_footer(theme: Theme, links: Sequence[st.Page]) -> None:
    """Show the links that every page owes its reader.

    Args:
        theme: Gives the name.
        links: Imprint, accessibility, privacy, models.
    """
    t = translator()
    with st.container(key="gallery_footer", horizontal=True, vertical_alignment="center"):
        for link in links:
            st.page_link(link)
        st.caption(t("{name}, Version {version}", name=theme.name, version=__version__))


def sections(
    apps: list[AppManifest | BrokenApp], pages: dict[str, st.Page]
) -> dict[str, list[st.Page]]:
    """Group app pages by topic in the order of the gallery; empty topics are left out.

    Args:
        apps: All apps, broken ones are skipped.
        pages: Page of each app id.
    """
    t = translator()
    grouped: dict[str, list[st.Page]] = {}
    for topic, title in TOPICS.items():
        members = [
            pages[app.id] for app in apps if isinstance(app, AppManifest) and app.topic == topic
        ]
        if members:
            grouped[t(title)] = members
    return grouped
