"""Asking back before something is done that others feel."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from shared.errors import UrbanKiError
from shared.i18n import Translator
from shared.ui.failures import show_failure


def ask_back(yes: str, no: str, key: str, act: Callable[[], None], t: Translator) -> None:
    """Show two buttons in a dialog, act on the first, close the dialog on both.

    An error is shown in the dialog.

    Args:
        yes: Translated label of the button that acts.
        no: Translated label of the other.
        key: Begins the keys of both.
        act: What is to be done.
        t: Translator.
    """
    with st.container(horizontal=True):
        wanted = st.button(yes, key=f"{key}_yes", type="primary")
        unwanted = st.button(no, key=f"{key}_no")
    if wanted:
        try:
            act()
        except UrbanKiError as error:
            show_failure(error, t)
            return
    if wanted or unwanted:
        st.rerun()
