"""The script behind every page: principal, registry, navigation, page."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from shared.auth.session import principal
from shared.errors import AppBroken, NotAllowed
from shared.registry.discover import BrokenApp, discover
from shared.settings import get_settings
from shared.themes import load_theme
from shared.ui.failures import error_boundary, error_box
from shared.ui.language import active_language, translator
from shared.ui.navigation import (
    ACCESSIBILITY_PATH,
    DATASPACE_PATH,
    HOME_PATH,
    IMPRINT_PATH,
    MODELS_PATH,
    PRIVACY_PATH,
    opens_one_app,
    page_footer,
    page_header,
    sections,
)

FOLDER = Path(__file__).resolve().parent


def broken_page(app: BrokenApp) -> st.Page:
    """Return the page of an app that cannot be loaded."""

    def show() -> None:
        st.title(app.title, anchor=False)
        error_box(AppBroken(), reference=app.reference)

    return st.Page(show, title=app.title, url_path=app.id, visibility="hidden")


t = translator()
settings = get_settings()
theme = load_theme(settings.theme)
try:
    acting = principal()
except NotAllowed:
    st.title(t("Bitte über apps/main.py starten."), anchor=False)
    st.stop()

apps = discover(only=settings.app_ids)
broken = [broken_page(app) for app in apps if isinstance(app, BrokenApp) and app.has_address]
opens_directly = opens_one_app(settings)
pages = {
    app.id: st.Page(
        FOLDER / app.id / "page.py",
        title=app.localized("title", active_language()),
        url_path=app.id,
        default=opens_directly,
    )
    for app in apps
    if not isinstance(app, BrokenApp) and acting.may_open(app.id, app.roles_min)
}
visible = [app for app in apps if app.id in pages]
home = st.Page(FOLDER / "home.py", title=t("Start"), url_path=HOME_PATH, default=not opens_directly)
house = [
    st.Page(FOLDER / "dataspace.py", title=t("Datenraum"), url_path=DATASPACE_PATH),
    st.Page(FOLDER / "models.py", title=t("Modelle"), url_path=MODELS_PATH),
    st.Page(FOLDER / "imprint.py", title=t("Impressum"), url_path=IMPRINT_PATH),
    st.Page(FOLDER / "accessibility.py", title=t("Barrierefreiheit"), url_path=ACCESSIBILITY_PATH),
    st.Page(FOLDER / "privacy.py", title=t("Datenschutz"), url_path=PRIVACY_PATH),
]
page = st.navigation(
    {"": [home, *broken], **sections(visible, pages), t("Über"): house}, position="top"
)
st.set_page_config(page_title=f"{page.title} – {theme.name}", layout="wide")
page_header(theme)
with error_boundary():
    page.run()
page_footer(theme, house)
