"""The start page of the kiosk: pictures that invite, and one large tile for each app."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import streamlit as st

from shared.i18n import Translator
from shared.registry.discover import APPS_FOLDER
from shared.registry.manifest import AppManifest
from shared.registry.start_pictures import start_pictures
from shared.ui.kiosk import story_of
from shared.ui.shell import SAMPLE_PARAMETER
from shared.ui.story import STORY_PARAMETER, show_picture

MOST_PICTURES = 3
TILES_PER_ROW = 2


def attract(apps: Sequence[AppManifest], t: Translator) -> None:
    """Show up to three pictures in turn; the style sheet moves them.

    They stand still while the keyboard or the mouse is on them, when the visitor says so, and all
    beside each other when the system asks for less motion.

    Args:
        apps: Apps in the order of the gallery.
        t: Translator.
    """
    pictures = [one for app in apps for one in start_pictures(app.id)][:MOST_PICTURES]
    if not pictures:
        return
    stopped = st.session_state.get("kiosk_still", False)
    state = "still" if stopped else "moving"
    with st.container(key=f"attract_{state}_{len(pictures)}"):
        for picture in pictures:
            show_picture(picture, t)
    if len(pictures) > 1:
        st.toggle(t("Bilder anhalten"), key="kiosk_still")


def tiles(apps: Sequence[AppManifest], t: Translator) -> None:
    """Show one tile for each app; its only button opens the story, or the example without one.

    Args:
        apps: Apps in the order of the gallery.
        t: Translator.
    """
    for start in range(0, len(apps), TILES_PER_ROW):
        columns = st.columns(TILES_PER_ROW)
        for column, app in zip(columns, apps[start : start + TILES_PER_ROW], strict=False):
            with column:
                _tile(app, t)


def _tile(app: AppManifest, t: Translator) -> None:
    with st.container(border=True, height="stretch", key=f"card_{app.id}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.html(app_icon(app), width="content")
            st.header(app.localized("title", t.language), anchor=False)
        st.markdown(app.localized("tagline", t.language))
        with st.container(key=f"actions_{app.id}"):
            label = t("Beispiel ansehen")
            if st.button(label, key=f"try_{app.id}", type="primary", width="stretch"):
                name = STORY_PARAMETER if story_of(app.id) else SAMPLE_PARAMETER
                st.switch_page(f"{app.id}/page.py", query_params={name: "1"})


def app_icon(app: AppManifest) -> str:
    """Return the app's icon; as an image it cannot run scripts."""
    encoded = base64.b64encode((APPS_FOLDER / app.id / app.icon).read_bytes()).decode()
    return f'<img class="app-icon" src="data:image/svg+xml;base64,{encoded}" alt="" />'
