"""The ways to look at a batch, and which of them the address names."""

from __future__ import annotations

import streamlit as st

from apps.archivair.batch.contents import Batch
from shared.i18n import N_
from shared.ui import AppContext, is_kiosk
from shared.ui.shell import VIEW_PARAMETER

SCAN, PAGES, DOCUMENTS = "scan", "seiten", "dokumente"
REVIEW, SEARCH, REDACTION, STORAGE = "pruefen", "suchen", "schwaerzen", "ablage"
VIEWS = {
    SCAN: N_("Scan-Prüfung"),
    PAGES: N_("Seiten"),
    DOCUMENTS: N_("Dokumente"),
    REVIEW: N_("Prüfen"),
    SEARCH: N_("Suchen"),
    REDACTION: N_("Schwärzen"),
    STORAGE: N_("Ablage"),
}
_VIEW = "archivair_view"


def choose_view(ctx: AppContext, batch: Batch | None) -> str:
    """Let the person choose how to look at a batch; a copied address shows the same.

    Args:
        ctx: Context of the page.
        batch: The batch; None where only pages can be looked at.
    """
    if batch is None or is_kiosk():
        return PAGES
    asked = st.query_params.get(VIEW_PARAMETER)
    usual = DOCUMENTS if len(batch.pages) > 1 else PAGES
    st.session_state[_VIEW] = asked if asked in VIEWS else usual
    chosen: str | None = st.segmented_control(
        ctx.t("Ansicht des Stapels"),
        list(VIEWS),
        format_func=lambda key: ctx.t(VIEWS[key]),
        required=True,
        key=_VIEW,
        on_change=_note_view,
    )
    return chosen or usual


def _note_view() -> None:
    st.query_params[VIEW_PARAMETER] = st.session_state[_VIEW]
