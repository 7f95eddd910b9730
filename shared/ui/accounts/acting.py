"""Who acts at this moment, for dialogs, which run later than their page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, Literal, ParamSpec

import streamlit as st

from shared.auth.session import principal
from shared.contracts.identity.principal import Principal
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
