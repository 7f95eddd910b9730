"""The documents of a batch as a table, equal to the strip."""

from __future__ import annotations

import streamlit as st

from apps.archivair.batch.contents import Batch
from apps.archivair.batch_words import pages_words, property_words
from apps.archivair.class_words import class_word
from apps.archivair.views.position import Position
from shared.ui import AppContext, Column, table
from shared.ui.result import selected_row

_TABLE, _SELECTED = "archivair_documents_table", "archivair_documents_was_selected"


def show_tables(ctx: AppContext, position: Position) -> None:
    """Show all documents with class, pages and property; a selected one is looked at.

    Args:
        ctx: Context of the page.
        position: The page that is looked at.
    """
    t, batch = ctx.t, position.batch
    st.subheader(t("Alle Dokumente als Tabelle"), anchor=False)
    files = _files(ctx, batch)
    chances = {page.page: page.boundary_probability for page in batch.pages}
    asked = {item.document for item in batch.needs_review if item.kind in ("boundary", "class")}
    table(
        [
            {
                "class": class_word(document.document_class, t),
                "pages": pages_words(document, t),
                "confidence": document.confidence,
                "cut": chances[document.first_page],
                "file": files.get(document.document),
                "state": t("bitte prüfen") if document.document in asked else t("vorgeschlagen"),
            }
            for document in batch.documents
        ],
        columns=(
            Column("class", t("Art")),
            Column("pages", t("Seiten")),
            Column("confidence", t("Sicherheit der Art"), "percent"),
            Column("cut", t("Sicherheit des Schnitts"), "percent"),
            Column("file", t("Akte")),
            Column("state", t("Stand")),
        ),
        key=_TABLE,
        alt=t("Alle Dokumente des Stapels mit Art, Seiten, Sicherheit und Akte."),
        selection="single",
        t=t,
    )


def _files(ctx: AppContext, batch: Batch) -> dict[int, str]:
    """Return the name of the file of each document."""
    return {
        document: f"{number}: {property_words(file, ctx.t)}"
        for number, file in enumerate(batch.files, 1)
        for document in file.documents
    }


def go_to_selected(position: Position) -> bool:
    """Look at the document that was just selected in the table; True where there is one.

    Args:
        position: The page that is looked at.
    """
    row = selected_row(_TABLE)
    if row == st.session_state.get(_SELECTED):
        return False
    st.session_state[_SELECTED] = row
    if row is None or row >= len(position.batch.documents):
        return False
    position.go_to(position.batch.documents[row].first_page)
    return True
