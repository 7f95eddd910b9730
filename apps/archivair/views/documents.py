"""The documents of a batch: look at a cut, set it, name what is between two cuts."""

from __future__ import annotations

import streamlit as st

from apps.archivair.batch.contents import Batch, BatchPage
from apps.archivair.batch_words import batch_words, unsure_words
from apps.archivair.run_pages import RunPages
from apps.archivair.sample_batch import BATCH_NAME
from apps.archivair.views.answers import answer_now
from apps.archivair.views.deciding import Desk, may_decide
from apps.archivair.views.document_fields import show_document_fields
from apps.archivair.views.document_tables import go_to_selected, show_tables
from apps.archivair.views.document_tools import show_tools
from apps.archivair.views.loading import PAGES_AHEAD, load_batch
from apps.archivair.views.page_order import show_page_order
from apps.archivair.views.position import Position
from apps.archivair.views.result import REFRESH_S, load_pages
from apps.archivair.views.strip import show_strip
from apps.archivair.views.thumbnails import LARGE_PX, page_picture
from apps.archivair.views.truth import show_batch_truth
from shared.errors import UrbanKiError
from shared.store import runs
from shared.store.decisions import current
from shared.store.run_views import RunView
from shared.ui import AppContext

PICTURE_PX = 300


def show_documents(ctx: AppContext, run: RunView, batch: Batch) -> None:
    """Show the stream of pages with its cuts; a decision runs this part alone again.

    Args:
        ctx: Context of the page.
        run: The run.
        batch: Its documents as they stand.
    """
    refresh = REFRESH_S if run.is_active else None
    st.fragment(_documents, run_every=refresh)(ctx, run.id, batch)


def _documents(ctx: AppContext, run_id: str, shown: Batch) -> None:
    try:
        run = runs.get(ctx.principal, ctx.store, run_id)
        batch = load_batch(ctx, run) or shown
        pages = load_pages(ctx, run)
        desk = Desk(ctx, run_id, current(ctx.principal, ctx.store, run_id))
    except UrbanKiError as error:
        st.warning(ctx.t.error(error)[0])
        return
    _head(ctx, run, batch)
    position = Position(run_id, batch)
    if go_to_selected(position):
        position = Position(run_id, batch)
    with st.container(key=f"user_{ctx.manifest.id}_documents"):
        _show_page(desk, position, pages)
        show_document_fields(ctx, batch, position.document)
        if may_decide(ctx):
            show_page_order(desk, position)
        show_strip(ctx, position, pages)
        show_tables(ctx, position)
    if run.is_example and not run.is_active and run.inputs[0].name == BATCH_NAME:
        show_batch_truth(ctx, batch)
    answer_now(ctx, run, pages)


def _head(ctx: AppContext, run: RunView, batch: Batch) -> None:
    t = ctx.t
    with st.container(key=f"live_{ctx.manifest.id}_documents"):
        st.markdown(f"**{batch_words(batch, t)}** {unsure_words(batch, t)}")
    if run.is_active:
        st.caption(
            t(
                "Gezeigt wird, was bis jetzt gelesen ist, höchstens die ersten {count} Seiten. "
                "Weitere Seiten können Schnitte noch verschieben.",
                count=t.number(PAGES_AHEAD),
            )
        )


def _show_page(desk: Desk, position: Position, pages: RunPages) -> None:
    """Show the page and the one before it, because a cut is judged by both."""
    ctx, t = desk.ctx, desk.ctx.t
    before, page = position.before, position.page
    left, right, tools = st.columns([3, 3, 4], gap="medium")
    with left:
        if before is None:
            st.caption(t("Vor dieser Seite liegt keine andere."))
        else:
            _picture(ctx, pages, before, t("Seite davor: {number}", number=before.page))
    with right:
        _picture(ctx, pages, page, t("Seite {number}", number=page.page))
    with tools:
        if may_decide(ctx):
            show_tools(desk, position)
        else:
            position.show_steps(ctx, keys=True)
            st.caption(t("Über Schnitte und Arten entscheidet die Sachbearbeitung."))


def _picture(ctx: AppContext, pages: RunPages, page: BatchPage, caption: str) -> None:
    file = pages.files.get(page.page)
    if file is None:
        st.caption(ctx.t("Seite {number} wurde nicht gelesen.", number=page.page))
        return
    picture = page_picture(ctx, file, page, LARGE_PX)
    with st.container(width=PICTURE_PX):
        st.image(picture, caption=caption, alt=caption, width="stretch")
