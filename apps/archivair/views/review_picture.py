"""What a question of the review is about, beside it: the place on the page, or whole pages."""

from __future__ import annotations

import streamlit as st

from apps.archivair.batch.contents import Batch, BatchPage
from apps.archivair.field_picture import draw_field
from apps.archivair.field_values import field_word
from apps.archivair.review import Question, ReviewField
from apps.archivair.run_pages import RunPages
from apps.archivair.views.page import load_page
from apps.archivair.views.thumbnails import LARGE_PX, page_picture
from shared.ui import AppContext

PAGE_WIDTH_PX, PAIR_WIDTH_PX = 420, 310


def show_place(
    ctx: AppContext, pages: RunPages, found: Batch, question: Question, one: ReviewField
) -> None:
    """Show the part of the page where a value stands, the value outlined.

    Args:
        ctx: Context of the page.
        pages: Stored files of the pages.
        found: The batch.
        question: The question.
        one: The field.
    """
    t, file = ctx.t, pages.files.get(question.page)
    if file is None:
        _missing(ctx, question.page)
        return
    kept = load_page(ctx, file)
    turned = _page(found, question.page).rotation_deg - kept.reading.rotation_deg
    alt = t(
        "Ausschnitt der Seite {page}; umrandet ist, was für „{field}“ gelesen wurde.",
        page=str(question.page),
        field=field_word(one.found.name, t),
    )
    st.image(draw_field(kept, one.found.bbox_px, turned), alt=alt, width="stretch")
    if st.toggle(t("Ganze Seite zeigen"), key="archivair_review_whole"):
        show_pages(ctx, pages, found, (question.page,))


def show_pages(ctx: AppContext, pages: RunPages, found: Batch, numbers: tuple[int, ...]) -> None:
    """Show whole pages beside each other.

    Args:
        ctx: Context of the page.
        pages: Stored files of the pages.
        found: The batch.
        numbers: Numbers of the pages.
    """
    width_px = PAGE_WIDTH_PX if len(numbers) == 1 else PAIR_WIDTH_PX
    with st.container(horizontal=True, gap="small"):
        for number in numbers:
            # The container shrinks on a phone; a picture of a fixed width would not.
            with st.container(width=width_px):
                _whole_page(ctx, pages, found, number)


def _whole_page(ctx: AppContext, pages: RunPages, found: Batch, number: int) -> None:
    file = pages.files.get(number)
    if file is None:
        _missing(ctx, number)
        return
    caption = ctx.t("Seite {number}", number=number)
    picture = page_picture(ctx, file, _page(found, number), LARGE_PX)
    st.image(picture, caption=caption, alt=caption, width="stretch")


def _page(found: Batch, number: int) -> BatchPage:
    return next(page for page in found.pages if page.page == number)


def _missing(ctx: AppContext, number: int) -> None:
    st.caption(ctx.t("Seite {number} wurde nicht gelesen.", number=number))
