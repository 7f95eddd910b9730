"""The stream of pages as a strip: small pages, cuts between them, grouped by document and file."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import streamlit as st

from apps.archivair.batch.contents import Batch, BatchPage, Document, PropertyFile
from apps.archivair.batch_words import property_words
from apps.archivair.class_words import short_class_word
from apps.archivair.run_pages import RunPages
from apps.archivair.scan_words import page_words
from apps.archivair.views.position import Position
from apps.archivair.views.thumbnails import SMALL_PX, page_picture
from shared.ui import AppContext, escape_markdown

PAGE_WIDTH_PX, GAP_PX, FRAME_PX = 104, 16, 20
LEAST_BESIDE, MOST_BESIDE = 2, 6
"""Pages side by side in the card of a document; a phone shows two."""


def show_strip(ctx: AppContext, position: Position, pages: RunPages) -> None:
    """Show a part of the stream; a button at each page leads to it.

    Args:
        ctx: Context of the page.
        position: The page that is looked at.
        pages: Files of the pages.
    """
    batch = position.batch
    shown = [batch.pages[place] for place in position.part]
    unsure: set[tuple[str, int]] = {(item.kind, item.page) for item in batch.needs_review}
    position.choose_part()
    numbers = {page.document for page in shown}
    documents = [one for one in batch.documents if one.document in numbers]
    for file, cards in groupby(documents, lambda one: _file_of(batch, one)):
        if file is not None:
            _file_head(ctx, batch, file)
        with st.container(horizontal=True, gap="small"):
            for document in cards:
                mine = [page for page in shown if page.document == document.document]
                with st.container(border=True, gap="small", width=_card_width_px(len(mine))):
                    _document_head(ctx, document, mine, unsure)
                    _pages(ctx, position, pages, mine)


def _card_width_px(pages: int) -> int:
    """Return how wide the card of a document is: at most some pages side by side."""
    beside = min(max(pages, LEAST_BESIDE), MOST_BESIDE)
    return beside * (PAGE_WIDTH_PX + GAP_PX) + FRAME_PX


def _file_of(batch: Batch, document: Document) -> PropertyFile | None:
    return next((file for file in batch.files if document.document in file.documents), None)


def _file_head(ctx: AppContext, batch: Batch, file: PropertyFile) -> None:
    t = ctx.t
    number = batch.files.index(file) + 1
    words = t("Akte {number}: {words}", number=number, words=property_words(file, t))
    st.subheader(escape_markdown(words), anchor=False)


def _document_head(
    ctx: AppContext, document: Document, mine: Sequence[BatchPage], unsure: set[tuple[str, int]]
) -> None:
    """Write number and class as a chip, and how sure cut and class are."""
    t, first = ctx.t, mine[0]
    doubtful = ("class", document.first_page) in unsure
    colour = "orange" if doubtful else "blue"
    name = escape_markdown(short_class_word(document.document_class, t))
    st.markdown(f"**{document.document}.** :{colour}-badge[{name}]")
    parts = [t("Sicherheit {share}", share=t.percent(document.confidence, 0))]
    if first.page != document.first_page:
        parts.append(t("begann auf Seite {number}", number=document.first_page))
    elif document.document > 1:
        parts.append(t("Schnitt {share}", share=t.percent(first.boundary_probability, 0)))
    if doubtful or ("boundary", first.page) in unsure:
        asked = t("bitte prüfen")
        parts.append(f":orange-badge[{asked}]")
    st.caption(" · ".join(parts))


def _pages(ctx: AppContext, position: Position, pages: RunPages, mine: Sequence[BatchPage]) -> None:
    t = ctx.t
    with st.container(horizontal=True, gap="small"):
        for page in mine:
            with st.container(width=PAGE_WIDTH_PX, gap=None):
                _small_picture(ctx, pages, page)
                chosen = page is position.page
                words = t("Seite {number}", number=page.page)
                st.button(
                    f"▸ {words}" if chosen else words,
                    key=f"archivair_documents_page_{page.page}",
                    type="secondary" if chosen else "tertiary",
                    on_click=position.go_to,
                    args=(page.page,),
                )


def _small_picture(ctx: AppContext, pages: RunPages, page: BatchPage) -> None:
    t, file = ctx.t, pages.files.get(page.page)
    if file is None:
        st.caption(t("nicht gelesen"))
        return
    words = page_words(page, t)
    name = t("Seite {number}", number=page.page)
    alt = f"{name}: {words}" if words else name
    st.image(page_picture(ctx, file, page, SMALL_PX), alt=alt, width=PAGE_WIDTH_PX)
