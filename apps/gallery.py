"""The script behind every page: principal, registry, navigation, page."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import streamlit as st

from shared.auth import guard_state
from shared.auth.session import principal
from shared.contracts.identity.policy import (
    ACCOUNT_MANAGE,
    DATASPACE_READ,
    MODEL_CATALOG,
    Decision,
    decide,
    may_open,
)
from shared.errors import AppBroken, UrbanKiError
from shared.registry.discover import BrokenApp, discover
from shared.settings import get_settings
from shared.themes import load_theme
from shared.ui.ending import page_may_end
from shared.ui.failures import error_boundary, error_box, show_failure
from shared.ui.kiosk import HOME_SCRIPT, is_kiosk
from shared.ui.language import active_language, translator
from shared.ui.navigation import (
    ACCESSIBILITY_PATH,
    ACCOUNTS_PATH,
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
SAMPLE_APP = "musterstadt"  # shows the town that the sample data of all apps come from


def broken_page(app: BrokenApp) -> st.Page:
    """Return the page of an app that cannot be loaded."""

    def show() -> None:
        st.title(app.title, anchor=False)
        error_box(AppBroken(), reference=app.reference)

    return st.Page(show, title=app.title, url_path=app.id, visibility="hidden")


def tool_page(script: str, title: str, path: str, may: Decision) -> st.Page:
    """Return a page that the menu names to those alone who may use it."""
    visibility: Literal["visible", "hidden"] = "visible" if may.allowed else "hidden"
    return st.Page(FOLDER / script, title=title, url_path=path, visibility=visibility)


t = translator()
settings = get_settings()
theme = load_theme(settings.theme)
try:
    acting = principal()
except UrbanKiError as error:
    if guard_state.is_active():
        st.title(theme.name, anchor=False)
        show_failure(error)
    else:
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
    if not isinstance(app, BrokenApp) and may_open(acting, app.id, app.roles_min)
}
visible = [app for app in apps if app.id in pages]
home_script = FOLDER / (HOME_SCRIPT if is_kiosk() else "home.py")
home = st.Page(home_script, title=t("Start"), url_path=HOME_PATH, default=not opens_directly)
tools = [
    tool_page("dataspace.py", t("Datenraum"), DATASPACE_PATH, decide(acting, DATASPACE_READ)),
    tool_page("models.py", t("Modelle"), MODELS_PATH, decide(acting, MODEL_CATALOG)),
]
house = [
    *([] if is_kiosk() else tools),
    st.Page(FOLDER / "imprint.py", title=t("Impressum"), url_path=IMPRINT_PATH),
    st.Page(FOLDER / "accessibility.py", title=t("Barrierefreiheit"), url_path=ACCESSIBILITY_PATH),
    st.Page(FOLDER / "privacy.py", title=t("Datenschutz"), url_path=PRIVACY_PATH),
]
accounts = tool_page("accounts.py", t("Verwaltung"), ACCOUNTS_PATH, decide(acting, ACCOUNT_MANAGE))
page = st.navigation(
    {
        "": [home, *broken],
        **sections(visible, pages),
        t("Über"): [*house, *([] if is_kiosk() else [accounts])],
    },
    position="top",
)
st.set_page_config(page_title=f"{page.title} – {theme.name}", layout="wide")
page_header(theme, pages.get(SAMPLE_APP))
# A page that ends early, as a refused one does, still owes its reader the footer.
with page_may_end(), error_boundary():
    page.run()
page_footer(theme, [link for link in house if link.visibility == "visible"])
