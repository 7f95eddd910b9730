"""What was found in the document that is looked at: its fields, in a sentence above the strip."""

from __future__ import annotations

import streamlit as st

from apps.archivair.batch.contents import Batch, Document, FieldValue
from apps.archivair.field_values import field_word, shown_value
from shared.ui import AppContext, escape_markdown


def show_document_fields(ctx: AppContext, batch: Batch, document: Document) -> None:
    """Show the fields of a document; uncertain ones are marked.

    Args:
        ctx: Context of the page.
        batch: The batch as it stands.
        document: The document.
    """
    t = ctx.t
    asked = {
        item.name
        for item in batch.needs_review
        if item.kind == "field" and item.document == document.document
    }
    title = t("Felder von Dokument {number}", number=document.document)
    if not document.fields:
        nothing = t("keine gefunden")
        st.markdown(f"**{title}:** {nothing}")
        return
    words = [_field(ctx, one, doubtful=one.name in asked) for one in document.fields]
    found = " · ".join(words)
    st.markdown(f"**{title}:** {found}")


def _field(ctx: AppContext, one: FieldValue, *, doubtful: bool) -> str:
    t = ctx.t
    name, value = field_word(one.name, t), shown_value(one.name, one.value, t)
    words = f"{name} **{escape_markdown(value)}**"
    mark = t("bitte prüfen")
    return f"{words} :orange-badge[{mark}]" if doubtful else words
