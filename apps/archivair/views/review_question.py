"""One question of the review: its words, its place on the page, and what can be answered."""

from __future__ import annotations

import streamlit as st

from apps.archivair.batch.contents import Batch
from apps.archivair.batch_words import pages_words
from apps.archivair.class_words import class_word
from apps.archivair.field_values import field_word
from apps.archivair.review import Question
from apps.archivair.run_pages import RunPages
from apps.archivair.views.review_desk import ReviewDesk
from apps.archivair.views.review_field import ask_about_field
from apps.archivair.views.review_form import NAME, ask_about_class, ask_about_cut
from apps.archivair.views.review_picture import show_pages, show_place
from shared.ui import AppContext, escape_markdown


def ask(desk: ReviewDesk, pages: RunPages, found: Batch, question: Question) -> None:
    """Show a question with what it is about beside it.

    Args:
        desk: Where the person decides.
        pages: Stored files of the pages.
        found: The batch.
        question: The question.
    """
    ctx = desk.ctx
    left, right = st.columns([3, 2], gap="medium")
    with left:
        if question.field is not None:
            show_place(ctx, pages, found, question, question.field)
        elif question.kind == "boundary":
            show_pages(ctx, pages, found, _with_page_before(found, question.page))
        else:
            show_pages(ctx, pages, found, (question.page,))
    with right, st.container(key=f"typing_{NAME}"):
        with st.container(key=f"live_{NAME}"):
            st.markdown(f"**{escape_markdown(_words(ctx, found, question))}**")
        st.caption(_about(ctx, found, question))
        if question.field is not None:
            ask_about_field(desk, question, question.field, found)
        elif question.kind == "boundary":
            ask_about_cut(desk, question, found)
        else:
            ask_about_class(desk, question, found)


def _with_page_before(found: Batch, number: int) -> tuple[int, ...]:
    numbers = [page.page for page in found.pages]
    place = numbers.index(number)
    return tuple(numbers[max(0, place - 1) : place + 1])


def _words(ctx: AppContext, found: Batch, question: Question) -> str:
    t = ctx.t
    if question.field is not None:
        return t("{field}: Stimmt der Wert?", field=field_word(question.field.found.name, t))
    if question.kind == "boundary":
        return t("Beginnt auf Seite {page} ein neues Dokument?", page=str(question.page))
    document = found.documents[question.document - 1]
    if document.first_page == document.last_page:
        return t("Welche Art ist das Dokument auf Seite {page}?", page=str(document.first_page))
    if document.order:
        return t("Welche Art ist dieses Dokument? {pages}", pages=pages_words(document, t))
    return t(
        "Welche Art ist das Dokument auf den Seiten {first} bis {last}?",
        first=str(document.first_page),
        last=str(document.last_page),
    )


def _about(ctx: AppContext, found: Batch, question: Question) -> str:
    t = ctx.t
    parts = [
        t("Seite {number}", number=question.page),
        class_word(found.documents[question.document - 1].document_class, t),
        t("Sicherheit {percent}", percent=t.percent(question.confidence, 1)),
    ]
    if question.field is not None and question.field.found.normalised:
        parts.append(t("gelesen: {raw}", raw=escape_markdown(question.field.found.raw)))
    return ", ".join(parts)
