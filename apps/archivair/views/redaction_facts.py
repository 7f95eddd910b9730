"""What a person knows of the case: names that are searched on all pages of the file."""

from __future__ import annotations

import json
from functools import partial

import streamlit as st

from apps.archivair.redaction.choices import TOLD, fact_item
from apps.archivair.views.deciding import may_decide
from apps.archivair.views.redaction_desk import NAME, RedactionDesk
from shared.i18n import N_

FACT_WORDS = {
    "owners": N_("Bauherrschaft, Eigentum"),
    "neighbours": N_("Nachbarschaft"),
    "officials": N_("Amtspersonen im Dienst"),
    "others": N_("Andere Personen"),
    "property_addresses": N_("Anschrift des Grundstücks (bleibt stehen)"),
}
_HEIGHT_PX = 90


def show_facts(desk: RedactionDesk) -> None:
    """Show a field for each kind of names; what is typed is searched at once.

    Args:
        desk: Where it is kept.
    """
    t = desk.ctx.t
    with st.expander(t("Namen der Akte ergänzen"), key=f"{NAME}_facts"):
        st.caption(
            t(
                "Schreiben Sie je Zeile einen Namen. ArchivAIr sucht ihn auf allen Seiten, auch "
                "gebeugt, getrennt und mit Lesefehlern."
            )
        )
        for kind, word in FACT_WORDS.items():
            widget = f"{NAME}_fact_{kind}"
            if widget not in st.session_state:
                st.session_state[widget] = "\n".join(_told(desk, kind))
            st.text_area(
                t(word), key=widget, height=_HEIGHT_PX, disabled=not may_decide(desk.ctx),
                on_change=partial(desk.tell, kind, widget),
            )  # fmt: skip
    desk.show_trouble()


def _told(desk: RedactionDesk, kind: str) -> list[str]:
    known = desk.decided.get(fact_item(kind))
    if known is None or known.value != TOLD:
        return []
    return [str(one) for one in json.loads(known.reason)]
