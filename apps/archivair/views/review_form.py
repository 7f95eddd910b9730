"""Buttons by which a person answers questions about cuts and classes, and the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from apps.archivair.batch.actions import add_cut, name_class, remove_cut
from apps.archivair.batch.changes import Change
from apps.archivair.batch.contents import Batch, Document
from apps.archivair.batch.edits import CONFIRMED, LATER, NO, YES, cut_key
from apps.archivair.class_words import class_word
from apps.archivair.documents.page_classes import class_ids
from apps.archivair.field_values import field_word
from apps.archivair.review import Question, class_choices, later_key
from apps.archivair.views.review_desk import Answer, ReviewDesk

NAME = "archivair_review"
CONFIRM_KEY, LATER_KEY, UNREADABLE_KEY, NO_KEY, BACK_KEY = "Enter", "Esc", "U", "N", "Z"
KEYS = f"{LATER_KEY}, {UNREADABLE_KEY}, {NO_KEY}, {BACK_KEY}"
_KEYS = f"{NAME}_keys"


def ask_about_cut(desk: ReviewDesk, question: Question, found: Batch) -> None:
    """Ask whether a document begins at a page.

    Args:
        desk: Where the person decides.
        question: The question.
        found: The batch.
    """
    t, page = desk.ctx.t, question.page
    begins = next(one.starts_document for one in found.pages if one.page == page)
    yes = t("Ja, hier beginnt ein Dokument")
    no = t("Nein, die Seite gehört zum Dokument davor")
    right, wrong = (YES, NO) if begins else (NO, YES)
    words = {YES: yes, NO: no}
    changes: Mapping[str, Sequence[Change]] = {
        right: (Change(cut_key(page), right),),
        wrong: remove_cut(found, page) if begins else add_cut(found, page, desk.decided),
    }
    with st.container(horizontal=True):
        for value, shortcut in ((right, CONFIRM_KEY), (wrong, NO_KEY)):
            _button(desk, question, words[value], value, shortcut, _answers(changes[value]))
        _later_button(desk, question)


def ask_about_class(desk: ReviewDesk, question: Question, found: Batch) -> None:
    """Ask which class a document is; the likeliest is offered first.

    Args:
        desk: Where the person decides.
        question: The question.
        found: The batch.
    """
    t = desk.ctx.t
    document = found.documents[question.document - 1]
    likely = [name for name, _ in class_choices(found, document)]
    names = [*likely, *(name for name in class_ids() if name not in likely)]
    key = f"{NAME}_class_{question.key}"
    with st.form(f"{NAME}_form", border=False):
        st.selectbox(
            t("Art des Dokuments"), names, format_func=lambda name: class_word(name, t), key=key
        )
        with st.container(horizontal=True):
            st.form_submit_button(
                t("Stimmt"),
                key=f"{NAME}_say_{CONFIRMED}",
                shortcut=shortcut_of(CONFIRM_KEY),
                type="primary",
                on_click=_say_class,
                args=(desk, question, document, key),
            )
            st.form_submit_button(
                t("Später"),
                key=f"{NAME}_say_{LATER}",
                shortcut=shortcut_of(LATER_KEY),
                on_click=_say,
                args=(desk, question, (Answer(later_key(question), LATER),)),
            )


def show_way_back(desk: ReviewDesk) -> None:
    """Show the button that takes the last answer back, and the switch of the keys.

    Args:
        desk: Where the person decides.
    """
    t, taken = desk.ctx.t, desk.last()
    label = t("Antwort zurücknehmen")
    if taken:
        item = taken[-1].item_key
        label = t("Zurücknehmen: {what}", what=_item_word(desk, item))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            label,
            key=f"{NAME}_back",
            shortcut=shortcut_of(BACK_KEY),
            disabled=not taken,
            on_click=desk.take_back,
            args=(taken, taken[-1].item_key.removeprefix(f"{LATER}:") if taken else ""),
        )
        st.toggle(
            t("Tasten Enter, {keys}", keys=KEYS),
            True,
            key=_KEYS,
            help=t("Schalten Sie die Tasten ab, wenn sie ein Hilfsprogramm stören."),
        )


def shortcut_of(key: str) -> str | None:
    """Return a key unless the person switched the keys off.

    Args:
        key: The key.
    """
    return key if st.session_state.get(_KEYS, True) else None


def _item_word(desk: ReviewDesk, item: str) -> str:
    t, parts = desk.ctx.t, item.removeprefix(f"{LATER}:").split(":")
    if parts[0] == "feld":
        return field_word(parts[-1], t)
    return t("Schnitt") if parts[0] == "schnitt" else t("Art des Dokuments")


def _button(
    desk: ReviewDesk,
    question: Question,
    label: str,
    value: str,
    shortcut: str,
    answers: Sequence[Answer],
) -> None:
    st.button(
        label,
        key=f"{NAME}_say_{value}",
        shortcut=shortcut_of(shortcut),
        type="primary" if shortcut == CONFIRM_KEY else "secondary",
        on_click=_say,
        args=(desk, question, answers),
    )


def _later_button(desk: ReviewDesk, question: Question) -> None:
    answers = (Answer(later_key(question), LATER),)
    _button(desk, question, desk.ctx.t("Später"), LATER, LATER_KEY, answers)


def _answers(changes: Sequence[Change]) -> tuple[Answer, ...]:
    return tuple(Answer(one.item_key, one.value, one.reason) for one in changes)


def _say(desk: ReviewDesk, question: Question, answers: Sequence[Answer]) -> None:
    if desk.was_seen(question.key):
        desk.answer(question.key, answers)


def _say_class(desk: ReviewDesk, question: Question, document: Document, key: str) -> None:
    chosen = str(st.session_state[key])
    _say(desk, question, _answers(name_class(document, chosen, desk.decided)))
