"""All fields of a batch with what was said about them; a selected one is looked at next."""

from __future__ import annotations

import streamlit as st

from apps.archivair.batch.contents import Batch
from apps.archivair.batch.edits import CONFIRMED, CORRECTED, LATER, UNREADABLE
from apps.archivair.class_words import class_word
from apps.archivair.field_values import field_word, shown_value
from apps.archivair.review import Review, ReviewField
from apps.archivair.views.review_form import NAME
from shared.i18n import N_, Translator
from shared.ui import AppContext, Column, table
from shared.ui.result import selected_row

_TABLE, _SELECTED = f"{NAME}_rows", f"{NAME}_was_selected"
_STATES = {
    CONFIRMED: N_("geprüft: stimmt"),
    CORRECTED: N_("korrigiert"),
    UNREADABLE: N_("unleserlich"),
    LATER: N_("zurückgestellt"),
}


def show_fields(ctx: AppContext, found: Batch, review: Review) -> None:
    """Show all fields as a table.

    Args:
        ctx: Context of the page.
        found: The batch.
        review: The review as it stands.
    """
    t = ctx.t
    classes = {one.document: one.document_class for one in found.documents}
    rows = [
        {
            "field": field_word(one.found.name, t),
            "value": shown_value(one.found.name, one.value, t) or None,
            "document": t(
                "{number}: {kind}", number=one.document, kind=class_word(classes[one.document], t)
            ),
            "page": one.found.page,
            "sure": one.found.confidence,
            "state": state_words(one, review.threshold, t),
        }
        for one in review.fields
    ]
    table(
        rows,
        columns=(
            Column("field", t("Feld")),
            Column("value", t("Wert")),
            Column("document", t("Dokument")),
            Column("page", t("Seite"), "number"),
            Column("sure", t("Sicherheit"), "percent", 1),
            Column("state", t("Stand")),
        ),
        key=_TABLE,
        alt=t("Alle Felder des Stapels mit Wert, Seite, Sicherheit und Stand der Prüfung."),
        selection="single",
        t=t,
    )


def selected_item(review: Review) -> str | None:
    """Return the item of a field that somebody has just selected in the table; None for none.

    Args:
        review: The review as it stands.
    """
    row = selected_row(_TABLE)
    if row == st.session_state.get(_SELECTED):
        return None
    st.session_state[_SELECTED] = row
    return review.fields[row].key if row is not None and row < len(review.fields) else None


def state_words(one: ReviewField, threshold: float, t: Translator) -> str:
    """Say how far the review of a field is.

    Args:
        one: The field.
        threshold: Fields below are asked, 0 to 1.
        t: Translator.
    """
    if one.verdict is not None:
        return t(_STATES[one.verdict])
    return t("noch offen") if one.found.confidence < threshold else t("sicher genug")
