"""What a person can do about the page she looks at: cut, join, turn, name, put aside."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from apps.archivair.batch.actions import (
    add_cut,
    latest_action,
    mark_elsewhere,
    move_cut,
    name_class,
    remove_cut,
    turn,
)
from apps.archivair.batch.changes import Change
from apps.archivair.batch.edits import YES, other_file_key
from apps.archivair.batch_words import action_words, document_words
from apps.archivair.class_words import class_word
from apps.archivair.documents.page_classes import class_ids
from apps.archivair.scan_words import page_words
from apps.archivair.views.deciding import Desk
from apps.archivair.views.page_order import show_steps_of_page
from apps.archivair.views.position import Position
from shared.ui import escape_markdown

NAME = "archivair_documents"
KEYS = "←, →, N, S, F, P, V, H, D, A, Z"


def show_tools(desk: Desk, position: Position) -> None:
    """Show page, document and all buttons.

    Args:
        desk: Where the person decides.
        position: The page that is looked at.
    """
    t, page = desk.ctx.t, position.page
    keys = bool(st.session_state.get(f"{NAME}_keys", True))
    desk.show_trouble()
    title = t("Seite {number} von {total}", number=page.page, total=position.total)
    st.subheader(title, anchor=False)
    st.markdown(escape_markdown(document_words(position.document, t)))
    words = page_words(page, t)
    if words:
        st.caption(t("Scan: {words}", words=words))
    position.show_steps(desk.ctx, keys=keys)
    _cuts(desk, position, keys=keys)
    _classes(desk, position)
    show_steps_of_page(desk, position, keys=keys)
    _page_itself(desk, position, keys=keys)
    _way_back(desk, keys=keys)
    st.toggle(
        t("Tasten {keys}", keys=KEYS),
        True,
        key=f"{NAME}_keys",
        help=t("Schalten Sie die Tasten ab, wenn sie ein Hilfsprogramm stören."),
    )


def _button(
    desk: Desk, name: str, label: str, changes: Sequence[Change], shortcut: str | None
) -> None:
    st.button(
        label,
        key=f"{NAME}_{name}",
        shortcut=shortcut,
        disabled=not changes,
        on_click=desk.make,
        args=(changes,),
    )


def _cuts(desk: Desk, position: Position, *, keys: bool) -> None:
    t, batch, number = desk.ctx.t, position.batch, position.page.page
    decided = desk.decided
    if not position.page.starts_document:
        st.caption(t("Vor dieser Seite ist kein Schnitt."))
    elif position.before is not None:
        share = t.percent(position.page.boundary_probability, 0)
        st.caption(t("Vor dieser Seite ist ein Schnitt. Sicherheit {share}.", share=share))
    with st.container(horizontal=True, gap="small"):
        if not position.page.starts_document:
            cut = add_cut(batch, number, decided)
            _button(desk, "cut", t("Schnitt vor dieser Seite"), cut, "S" if keys else None)
            return
        joined = remove_cut(batch, number)
        earlier, later = move_cut(batch, number, -1, decided), move_cut(batch, number, 1, decided)
        label = t("Schnitt entfernen, mit davor verbinden")
        _button(desk, "join", label, joined, "S" if keys else None)
        _button(desk, "earlier", t("Schnitt früher"), earlier, "F" if keys else None)
        _button(desk, "later", t("Schnitt später"), later, "P" if keys else None)


def _classes(desk: Desk, position: Position) -> None:
    t, document = desk.ctx.t, position.document
    key = f"{NAME}_class_{document.first_page}"
    ids = class_ids()
    known = document.document_class if document.document_class in ids else None
    st.session_state[key] = known

    def decide() -> None:
        chosen = st.session_state[key]
        # A choice that has just been filled in for the first time counts as changed, too.
        if chosen not in (None, known):
            desk.make(name_class(document, chosen, desk.decided.keys()))

    st.selectbox(
        t("Art des Dokuments"),
        ids,
        index=None,
        format_func=lambda one: class_word(one, t),
        placeholder=class_word("unklar", t),
        key=key,
        on_change=decide,
    )


def _page_itself(desk: Desk, position: Position, *, keys: bool) -> None:
    t, page = desk.ctx.t, position.page
    known = desk.decided.get(other_file_key(page.page))
    elsewhere = known is not None and known.value == YES
    label = t("Gehört doch zu dieser Akte") if elsewhere else t("Gehört zu anderer Akte")
    with st.container(horizontal=True, gap="small"):
        _button(desk, "turn", t("Seite drehen"), turn(page), "D" if keys else None)
        changed = mark_elsewhere(page.page, elsewhere=not elsewhere)
        _button(desk, "elsewhere", label, changed, "A" if keys else None)


def _way_back(desk: Desk, *, keys: bool) -> None:
    t = desk.ctx.t
    latest = latest_action(desk.decided)
    label = t("Zurücknehmen")
    if latest:
        words = action_words([one.item_key for one in reversed(latest)], t)
        label = t("Zurücknehmen: {what}", what=words)
    st.button(
        label,
        key=f"{NAME}_undo",
        shortcut="Z" if keys else None,
        disabled=not latest,
        on_click=desk.take_back,
    )
