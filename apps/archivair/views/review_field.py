"""The field of the review: a value that is right, corrected by typing, illegible or put off."""

from __future__ import annotations

import streamlit as st

from apps.archivair.batch.contents import Batch, Document
from apps.archivair.batch.edits import (
    CONFIRMED,
    CORRECTED,
    LATER,
    LONGEST_FIELD_VALUE,
    UNREADABLE,
    Verdict,
    field_reason,
)
from apps.archivair.field_values import field_word, read_typed, shown_value, year_of
from apps.archivair.review import Question, ReviewField
from apps.archivair.views.review_desk import Answer, ReviewDesk
from apps.archivair.views.review_form import (
    CONFIRM_KEY,
    LATER_KEY,
    NAME,
    UNREADABLE_KEY,
    shortcut_of,
)

_PROBLEM = f"{NAME}_problem"


def ask_about_field(desk: ReviewDesk, question: Question, one: ReviewField, found: Batch) -> None:
    """Ask whether a value is right; what is typed instead corrects it.

    Args:
        desk: Where the person decides.
        question: The question.
        one: The field.
        found: The batch.
    """
    t, key = desk.ctx.t, f"{NAME}_value_{question.key}"
    shown = shown_value(one.found.name, one.value or one.found.value, t)
    document = found.documents[question.document - 1]
    with st.form(f"{NAME}_form", border=False):
        st.text_input(field_word(one.found.name, t), shown, key=key, max_chars=LONGEST_FIELD_VALUE)
        _show_problem(desk, question)
        verdicts: list[tuple[Verdict, str, str]] = [
            (CONFIRMED, t("Stimmt"), CONFIRM_KEY),
            (UNREADABLE, t("Unleserlich"), UNREADABLE_KEY),
            (LATER, t("Später"), LATER_KEY),
        ]
        with st.container(horizontal=True):
            for verdict, label, shortcut in verdicts:
                st.form_submit_button(
                    label,
                    key=f"{NAME}_say_{verdict}",
                    shortcut=shortcut_of(shortcut),
                    type="primary" if verdict == CONFIRMED else "secondary",
                    on_click=_say_field,
                    args=(desk, question, one, document, verdict, (key, shown)),
                )
    st.caption(t("Steht etwas anderes im Feld, wird es mit „Stimmt“ als Korrektur gespeichert."))


def _say_field(
    desk: ReviewDesk,
    question: Question,
    one: ReviewField,
    document: Document,
    verdict: Verdict,
    typed: tuple[str, str],
) -> None:
    """Store an answer about a field; a typed text that its grammar refuses is not stored."""
    if not desk.was_seen(question.key):
        return
    st.session_state.pop(_PROBLEM, None)
    key, shown = typed
    old = one.value or one.found.value
    new = "" if verdict == UNREADABLE else old
    text = str(st.session_state.get(key, shown))
    if verdict == CONFIRMED and text.strip() != shown:
        years = (year_of(other.value) for other in document.fields)
        read = read_typed(one.found.name, text, next((year for year in years if year), None))
        if read.problem:
            st.session_state[_PROBLEM] = (question.key, read.problem)
            return
        new = read.value
    if verdict == CONFIRMED and new != one.found.value:
        verdict = CORRECTED
    desk.answer(
        question.key, (Answer(question.key, verdict, field_reason(old, new, one.found.value)),)
    )


def _show_problem(desk: ReviewDesk, question: Question) -> None:
    problem = st.session_state.get(_PROBLEM)
    if problem is not None and problem[0] == question.key:
        st.error(desk.ctx.t(problem[1]))
