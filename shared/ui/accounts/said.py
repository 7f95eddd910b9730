"""What was done, said once after the page has run again."""

from __future__ import annotations

import streamlit as st

_DONE = "accounts_done"


def say_done(sentence: str) -> None:
    """Keep a sentence for the next run; never a secret.

    Args:
        sentence: Translated, in Markdown.
    """
    st.session_state[_DONE] = sentence


def show_done() -> None:
    """Show what was done just now."""
    sentence = st.session_state.pop(_DONE, None)
    if sentence is not None:
        st.success(sentence)
