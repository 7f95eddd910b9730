"""The four-eyes check: one page in twenty, drawn by the batch itself, compared with the paper."""

from __future__ import annotations

import json

import streamlit as st

from apps.archivair.batch.contents import Batch
from apps.archivair.review import FAULTY, FINE, sample_key, sample_pages
from apps.archivair.views.deciding import may_decide
from apps.archivair.views.result import load_pages
from apps.archivair.views.review_desk import Answer, ReviewDesk
from apps.archivair.views.thumbnails import LARGE_PX, page_picture
from shared.errors import UrbanKiError
from shared.i18n import N_
from shared.store.decisions import current
from shared.store.run_views import RunView
from shared.ui import AppContext, Column, is_kiosk, table

NAME = "archivair_sample"
PAGE_WIDTH_PX, ANSWERS_WIDTH_PX = 420, 340
_WORDS = {FINE: N_("stimmt mit dem Papier überein"), FAULTY: N_("Mangel")}


def show_sample(ctx: AppContext, run: RunView, batch: Batch) -> None:
    """Show the sample; a decision runs this part alone again.

    Args:
        ctx: Context of the page.
        run: The reading.
        batch: Its documents.
    """
    st.fragment(_sample)(ctx, run, batch)


def _sample(ctx: AppContext, run: RunView, batch: Batch) -> None:
    t = ctx.t
    try:
        decided = current(ctx.principal, ctx.store, run.id)
    except UrbanKiError as error:
        st.warning(t.error(error)[0])
        return
    drawn = sample_pages(batch.inputs, len(batch.pages))
    said = {page: decided[sample_key(page)].value for page in drawn if sample_key(page) in decided}
    with st.container(key=f"live_{NAME}"):
        st.markdown(
            t(
                "Stichprobe: {checked} von {total} Seiten verglichen, {faulty} mit Mangel.",
                checked=t.number(len(said)),
                total=t.number(len(drawn)),
                faulty=t.number(list(said.values()).count(FAULTY)),
            )
        )
    if is_kiosk() or not may_decide(ctx):
        st.caption(t("Über die Stichprobe entscheidet die Sachbearbeitung."))
    else:
        desk = ReviewDesk(ctx, run.id, NAME, decided, begins="stichprobe:")
        _decide(desk, run, batch, [page for page in drawn if page not in said])
    table(
        [{"page": page, "said": t(_WORDS[said[page]]) if page in said else None} for page in drawn],
        columns=(Column("page", t("Seite"), "number"), Column("said", t("Ergebnis"))),
        key=f"{NAME}_rows",
        alt=t("Seiten der Stichprobe mit ihrem Ergebnis."),
        t=t,
    )


def _decide(desk: ReviewDesk, run: RunView, batch: Batch, left: list[int]) -> None:
    ctx, t = desk.ctx, desk.ctx.t
    is_second = run.started_by != ctx.principal.subject
    if not is_second:
        st.info(
            t(
                "Sie haben diesen Stapel selbst gelesen. Für vier Augen vergleicht eine andere "
                "Person; sonst steht im Protokoll, dass es dieselbe war."
            )
        )
    desk.show_trouble()
    page = next(iter(left), None)
    desk.note_shown(None if page is None else sample_key(page))
    # Beside the page: on a small screen the buttons would lie below it, out of sight.
    with st.container(horizontal=True, gap="medium"):
        if page is not None:
            with st.container(width=PAGE_WIDTH_PX):
                _show_page(ctx, run, batch, page)
        with st.container(width=ANSWERS_WIDTH_PX):
            _answers(desk, page, json.dumps({"zweite_person": is_second}))


def _answers(desk: ReviewDesk, page: int | None, reason: str) -> None:
    t, taken = desk.ctx.t, desk.last()
    if page is not None:
        st.markdown(
            t("Seite {number}: Ist das Abbild vollständig und lesbar wie das Papier?", number=page)
        )
    with st.container(horizontal=True):
        for value, label in ((FINE, t("Stimmt überein")), (FAULTY, t("Mangel"))):
            if page is not None:
                st.button(
                    label,
                    key=f"{NAME}_{value}",
                    on_click=_say,
                    args=(desk, Answer(sample_key(page), value, reason)),
                )
        st.button(
            t("Antwort zurücknehmen"),
            key=f"{NAME}_back",
            disabled=not taken,
            on_click=desk.take_back,
            args=(taken, taken[-1].item_key if taken else ""),
        )


def _say(desk: ReviewDesk, answer: Answer) -> None:
    if desk.was_seen(answer.item_key):
        desk.answer(answer.item_key, (answer,))


def _show_page(ctx: AppContext, run: RunView, batch: Batch, number: int) -> None:
    t = ctx.t
    file = load_pages(ctx, run).files.get(number)
    if file is None:
        st.caption(t("Seite {number} wurde nicht gelesen.", number=number))
        return
    page = next(one for one in batch.pages if one.page == number)
    alt = t("Seite {number}", number=number)
    st.image(page_picture(ctx, file, page, LARGE_PX), alt=alt, width="stretch")
