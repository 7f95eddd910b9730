"""Ending a page before its last line; the footer that every page owes its reader still comes."""

from __future__ import annotations

from contextlib import suppress
from typing import NoReturn

from streamlit.runtime.scriptrunner import StopException


def end_page() -> NoReturn:
    """Leave the script of a page; `st.stop` would end what stands around it as well."""
    raise StopException


def page_may_end() -> suppress:
    """Return the context in which `end_page` ends the page alone."""
    return suppress(StopException)
