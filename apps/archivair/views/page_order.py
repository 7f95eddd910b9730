"""The order of the pages of a document: a step for each page, or into another document."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from apps.archivair.batch.changes import Change
from apps.archivair.batch.placing import as_scanned, move_page, step_page
from apps.archivair.batch_words import document_words
from apps.archivair.views.deciding import Desk
from apps.archivair.views.position import PART_PAGES, Position

NAME = "archivair_order"
PLACE_WIDTH_PX = 36
FRONT_KEY, BACK_KEY = "V", "H"


def show_steps_of_page(desk: Desk, position: Position, *, keys: bool) -> None:
    """Show the two buttons that move the page that is looked at.

    Args:
        desk: Where the person decides.
        position: The page that is looked at.
        keys: Whether keys do the same.
    """
    if len(position.document.pages) == 1:
        return
    t = desk.ctx.t
    steps = (("front", t("Nach vorn"), -1, FRONT_KEY), ("back", t("Nach hinten"), 1, BACK_KEY))
    with st.container(horizontal=True, gap="small"):
        for name, label, step, key in steps:
            changes = step_page(position.batch, position.page.page, step, desk.decided)
            st.button(
                label,
                key=f"{NAME}_{name}",
                help=t("Die Seite tauscht ihren Platz mit der Nachbarseite im Dokument."),
                shortcut=key if keys else None,
                disabled=not changes,
                on_click=_order,
                args=(desk, position, changes),
            )


def show_page_order(desk: Desk, position: Position) -> None:
    """Show the pages of the document with their steps, and the way to another document.

    Args:
        desk: Where the person decides.
        position: The page that is looked at.
    """
    t, document = desk.ctx.t, position.document
    with st.expander(t("Seiten ordnen")):
        st.caption(
            t(
                "Die Reihenfolge gilt überall: in der Liste, bei der Schwärzung und in den "
                "Dateien der Ablage. Die Scans selbst bleiben, wie sie sind."
            )
        )
        st.markdown(f"**{document_words(document, t)}**")
        if len(document.pages) > 1:
            for place, number in _part(document.pages, position.page.page):
                _row(desk, position, place, number)
            back = as_scanned(document, desk.decided)
            st.button(
                t("Reihenfolge der Scans wiederherstellen"),
                key=f"{NAME}_scanned",
                disabled=not back,
                on_click=_order,
                args=(desk, position, back),
            )
        _other_document(desk, position)


def _part(pages: Sequence[int], number: int) -> list[tuple[int, int]]:
    """Return place and number of the pages around one; a browser cannot hold 2,000 rows."""
    first = list(pages).index(number) // PART_PAGES * PART_PAGES
    return list(enumerate(pages, 1))[first : first + PART_PAGES]


def _row(desk: Desk, position: Position, place: int, number: int) -> None:
    """Show a page with its steps; the keys carry its number, so that the focus goes with it."""
    t = desk.ctx.t
    steps = (
        ("front", t("Seite {number} nach vorn", number=number), -1),
        ("back", t("Seite {number} nach hinten", number=number), 1),
    )
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        with st.container(width=PLACE_WIDTH_PX):
            st.markdown(f"{place}\\.")
        for name, label, step in steps:
            changes = step_page(position.batch, number, step, desk.decided)
            st.button(
                label,
                key=f"{NAME}_{name}_{number}",
                disabled=not changes,
                on_click=_order,
                args=(desk, position, changes),
            )


def _other_document(desk: Desk, position: Position) -> None:
    """Let a person say into which other document the page belongs that is looked at."""
    t, batch, number = desk.ctx.t, position.batch, position.page.page
    others = [one.document for one in batch.documents if one is not position.document]
    if not others:
        return
    words = {one.document: document_words(one, t) for one in batch.documents}
    chosen = st.selectbox(
        t("Seite {number} gehört in ein anderes Dokument", number=number),
        others,
        index=None,
        format_func=lambda one: words.get(one, str(one)),
        placeholder=t("Dokument wählen"),
        key=f"{NAME}_document_{number}",
        help=t("Die Seite kommt an das Ende des Dokuments."),
    )
    st.button(
        t("Seite {number} dorthin legen", number=number),
        key=f"{NAME}_move",
        disabled=chosen is None,
        on_click=_move,
        args=(desk, position, chosen),
    )


def _order(desk: Desk, position: Position, changes: Sequence[Change]) -> None:
    """Go on looking at the same page, also where it was only the first of the batch till now."""
    position.go_to(position.page.page)
    desk.make(changes)


def _move(desk: Desk, position: Position, document: int | None) -> None:
    if document is None:
        return
    number = position.page.page
    _order(desk, position, move_page(position.batch, number, document, desk.decided))
    # Numbers of documents may have changed: nothing stays chosen.
    st.session_state[f"{NAME}_document_{number}"] = None
