"""What differs at a station for visitors: one question that the pages ask, and what only it shows.

A kiosk shows examples only. Nothing can be uploaded, published, flagged or deleted; the one file
to take along is the report. Who may do what is decided elsewhere (`shared.contracts.identity.
policy`): the pages only leave out what a guest could not do.
"""

from __future__ import annotations

import logging

import streamlit as st

from shared.registry.story import Story, find_story
from shared.settings import get_settings
from shared.ui.language import translator

HOME_SCRIPT = "kiosk_home.py"
REPORT_MIME = "application/pdf"
_log = logging.getLogger(__name__)


def is_kiosk() -> bool:
    """Say whether this gallery stands in front of visitors."""
    return get_settings().mode == "kiosk"


def story_of(slug: str) -> Story | None:
    """Return the story of an app; None where there is none or it cannot be read, which is logged.

    Args:
        slug: App folder.
    """
    try:
        return find_story(slug)
    except (OSError, ValueError):
        _log.exception("the story of %s cannot be read", slug)
        return None


def demo_banner() -> None:
    """Say on every page that all data are invented, and offer to begin anew."""
    t = translator()
    with st.container(
        key="kiosk_banner",
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="distribute",
    ):
        title, text = t("Demodaten"), t("Alles hier ist erfunden.")
        st.markdown(f"**{title}:** {text}")
        # The script of the guard ends the session instead; this is for a page without it.
        if st.button(t("Neu beginnen"), key="kiosk_restart"):
            st.session_state.clear()
            st.switch_page(HOME_SCRIPT)
