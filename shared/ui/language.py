"""The language of this session: URL, session, cookie, setting, browser - in this order."""

from __future__ import annotations

import streamlit as st

from shared.i18n import LANGUAGES, Language, Translator, get_translator, preferred_language
from shared.settings import get_settings

LANGUAGE_PARAMETER = "sprache"
LANGUAGE_COOKIE = "urbanki_sprache"
_SESSION_KEY = "gallery_language"
_NAMES: dict[Language, str] = {"de": "Deutsch", "en": "English"}


def active_language() -> Language:
    """Return the language of this session."""
    wishes = (
        st.query_params.get(LANGUAGE_PARAMETER),
        st.session_state.get(_SESSION_KEY),
        st.context.cookies.get(LANGUAGE_COOKIE),
        get_settings().language,
    )
    language = next((name for wish in wishes for name in LANGUAGES if wish == name), None)
    if language is None:
        language = preferred_language(st.context.headers.get("Accept-Language") or "")
    st.session_state[_SESSION_KEY] = language
    return language


def translator(slug: str = "") -> Translator:
    """Return the translator of this session.

    Args:
        slug: App whose own catalogue comes first; empty for the gallery's pages.
    """
    return get_translator(active_language(), slug)


def language_switch() -> None:
    """Show the switch between German and English; session, URL and cookie keep the choice."""
    other: Language = "en" if active_language() == "de" else "de"
    with st.container(key=f"lang_{other}_switch", width="content"):
        st.button(
            _NAMES[other],
            key=f"gallery_language_{other}",
            type="tertiary",
            on_click=_choose,
            args=(other,),
        )


def mark_language(language: Language) -> None:
    """Leave a mark that the page script reads to set `<html lang>` and the cookie."""
    st.html(f'<span data-urbanki-language="{language}"></span>')


def _choose(language: Language) -> None:
    st.session_state[_SESSION_KEY] = language
    st.query_params[LANGUAGE_PARAMETER] = language
    _send_choices_again()


def _send_choices_again() -> None:
    """Set every choice to itself, so that the browser learns it in the new language.

    The browser knows options by their words: without this, it would not find the chosen one among
    the translated words and fall back to the first.
    """
    for key, value in st.session_state.items():
        if isinstance(value, str | int) and not isinstance(value, bool):
            st.session_state[key] = value
