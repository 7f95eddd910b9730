"""The model server's state as a word."""

from __future__ import annotations

import streamlit as st

from shared.ui.language import translator
from shared.ui.probe import STATE_TEXTS, State, probe

REFRESH_INTERVAL_S = 10
_COLOURS: dict[State, str] = {
    "unknown": "gray",
    "ready": "green",
    "starting": "orange",
    "busy": "orange",
    "down": "red",
}


def model_server_status(*, compact: bool = False) -> None:
    """Show the state and refresh it every ten seconds; never delays or blocks the page.

    Args:
        compact: True shows the word alone, False adds queue and speed.
    """
    t = translator()

    @st.fragment(run_every=REFRESH_INTERVAL_S)
    def show() -> None:
        status = probe().current()
        st.markdown(f":{_COLOURS[status.state]}-badge[{t(STATE_TEXTS[status.state])}]")
        if compact:
            return
        if status.waiting_for:
            st.caption(t("Noch nicht geladen: {names}", names=", ".join(status.waiting_for)))
        if status.queue is not None:
            st.caption(t.plural("{count} Teil wartet", "{count} Teile warten", status.queue))
        if status.p50_ms is not None:
            duration = t.number(status.p50_ms, 0, "ms")
            st.caption(
                t("Die Hälfte der Auswertungen dauert höchstens {duration}.", duration=duration)
            )

    show()
