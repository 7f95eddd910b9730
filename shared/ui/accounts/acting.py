"""Who acts at this moment, for what runs later than the page: dialogs and downloads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Concatenate, Literal, ParamSpec

import streamlit as st

from shared.auth import sessions
from shared.auth.session import principal
from shared.contracts.identity.principal import Principal
from shared.errors import NotSignedIn
from shared.store.store import Store
from shared.ui.failures import error_boundary

Parameters = ParamSpec("Parameters")


def open_dialog(
    title: str,
    show: Callable[Concatenate[Principal, Parameters], None],
    on_dismiss: Literal["ignore", "rerun"] = "ignore",
    *args: Parameters.args,
    **kwargs: Parameters.kwargs,
) -> None:
    """Open a dialog; each of its runs asks anew who acts, so that a withdrawn role counts.

    Args:
        title: Translated title.
        show: Shows its content, for whoever acts.
        on_dismiss: Whether the page runs again when it is closed without a button.
        *args: Further arguments of `show`.
        **kwargs: Further arguments of `show`.
    """

    def body() -> None:
        with error_boundary():
            show(principal(), *args, **kwargs)

    st.dialog(title, on_dismiss=on_dismiss)(body)()


def acting_now(acting: Principal, store: Store) -> Principal:
    """Return somebody with the rights of this moment, where Streamlit cannot be asked.

    Args:
        acting: Who opened the page.
        store: Has the sessions.

    Raises:
        NotSignedIn: The session has ended.
    """
    found = sessions.by_id(store.engine, acting.session_id, datetime.now(UTC))
    if found is None:
        raise NotSignedIn()
    return found.principal
