"""The state of model server, jobs, database and files as words."""

from __future__ import annotations

import streamlit as st

from shared.i18n import Translator
from shared.ui.house_probe import (
    DATABASE_TEXTS,
    JOBS_TEXTS,
    STORAGE_TEXTS,
    house_probe,
)
from shared.ui.language import translator
from shared.ui.probe import STATE_TEXTS, ServerStatus, State, probe

REFRESH_INTERVAL_S = 10
_COLOURS: dict[State, str] = {
    "unknown": "gray",
    "ready": "green",
    "starting": "orange",
    "busy": "orange",
    "down": "red",
}
_HOUSE_COLOURS = {
    "unknown": "gray",
    "ready": "green",
    "running": "green",
    "busy": "orange",
    "waiting": "orange",
    "full": "red",
    "away": "red",
}


def house_status() -> None:
    """Show every part that pages need as a word; never delays or blocks the page."""
    t = translator()

    @st.fragment(run_every=REFRESH_INTERVAL_S)
    def show() -> None:
        server, house = probe().current(), house_probe().current()
        shown = [
            (_COLOURS[server.state], STATE_TEXTS[server.state]),
            (_HOUSE_COLOURS[house.jobs], JOBS_TEXTS[house.jobs]),
            (_HOUSE_COLOURS[house.storage], STORAGE_TEXTS[house.storage]),
        ]
        if house.database not in {"unknown", "ready"}:
            shown.append((_HOUSE_COLOURS[house.database], DATABASE_TEXTS[house.database]))
        st.markdown(" ".join(f":{colour}-badge[{t(text)}]" for colour, text in shown))
        _server_details(server, t)

    show()


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
        _server_details(status, t)

    show()


def _server_details(status: ServerStatus, t: Translator) -> None:
    if status.waiting_for:
        st.caption(t("Noch nicht geladen: {names}", names=", ".join(status.waiting_for)))
    if status.queue is not None:
        st.caption(t.plural("{count} Teil wartet", "{count} Teile warten", status.queue))
    if status.p50_ms is not None:
        duration = t.number(status.p50_ms, 0, "ms")
        st.caption(t("Die Hälfte der Auswertungen dauert höchstens {duration}.", duration=duration))
