"""The review: one uncertain field after the other, beside its place on the page, by keys alone."""

from __future__ import annotations

from collections import Counter

import streamlit as st

from apps.archivair.batch.contents import Batch
from apps.archivair.batch.edits import CORRECTED, LATER, UNREADABLE
from apps.archivair.documents.field_confidence import ASKED_BELOW, THRESHOLD_STEP, review_threshold
from apps.archivair.review import Review, make_review
from apps.archivair.run_pages import RunPages
from apps.archivair.views.answers import answer_about
from apps.archivair.views.deciding import may_decide
from apps.archivair.views.measured import measured_words
from apps.archivair.views.result import load_pages
from apps.archivair.views.review_desk import ReviewDesk
from apps.archivair.views.review_form import NAME, show_way_back
from apps.archivair.views.review_found import load_found
from apps.archivair.views.review_question import ask
from apps.archivair.views.review_table import selected_item, show_fields
from shared.errors import UrbanKiError
from shared.store import runs
from shared.store.decisions import current
from shared.store.run_views import RunView
from shared.ui import AppContext, is_kiosk

PERCENT = 100.0
_THRESHOLD = f"{NAME}_threshold"


def show_review(ctx: AppContext, run: RunView, batch: Batch) -> None:
    """Show the review; a decision runs this part alone again. Visitors of a kiosk only look.

    Args:
        ctx: Context of the page.
        run: The run.
        batch: Its documents as they stand.
    """
    if run.is_active:
        st.caption(ctx.t("Prüfen können Sie, sobald alle Seiten gelesen sind."))
    elif not any(document.fields for document in batch.documents) and not batch.needs_review:
        st.caption(ctx.t("In diesem Stapel ist nichts zu prüfen."))
    st.fragment(_review)(ctx, run.id)


def _review(ctx: AppContext, run_id: str) -> None:
    try:
        run = runs.get(ctx.principal, ctx.store, run_id)
        decided = current(ctx.principal, ctx.store, run_id)
        found = load_found(ctx, run, decided)
        pages = load_pages(ctx, run)
    except UrbanKiError as error:
        st.warning(ctx.t.error(error)[0])
        return
    if found is None:
        return
    head = st.container()
    threshold = _choose_threshold(ctx, run_id, found)
    review = make_review(found, decided, threshold)
    desk = ReviewDesk(ctx, run_id, NAME, decided)
    selected = selected_item(review)
    if selected is not None:
        desk.go_to(selected)
    with head:
        left = _counter(ctx, review)
    if is_kiosk() or not may_decide(ctx):
        st.caption(ctx.t("Über Felder entscheidet die Sachbearbeitung."))
    else:
        _decide(desk, pages, found, review)
    if st.toggle(ctx.t("Alle Felder als Tabelle"), key=f"{NAME}_list"):
        with st.container(key=f"user_{NAME}_list"):
            show_fields(ctx, found, review)
    _answers(ctx, run, left)


def _answers(ctx: AppContext, run: RunView, left: str) -> None:
    t = ctx.t
    guess = t(
        "Felder über der Schwelle wurden nicht gefragt; auch sie können falsch sein, oder ein "
        "Feld wurde gar nicht gefunden."
    )
    answer_about(
        ctx,
        run,
        what=f"{left}.",
        how_sure=f"{guess} {measured_words(t)}",
        next_step=t(
            "Vergleichen Sie jedes gefragte Feld mit dem Ausschnitt. Aktenzeichen sehen Sie bitte "
            "immer selbst an. Danach erstellen Sie die Ablage."
        ),
    )


def _choose_threshold(ctx: AppContext, run_id: str, found: Batch) -> float:
    """Return the threshold: what the person chose for this run, else what suits the batch."""
    t = ctx.t
    confidences = [one.confidence for document in found.documents for one in document.fields]
    suggested = review_threshold(confidences)
    kept: dict[str, float] = st.session_state.setdefault(_THRESHOLD, {})
    chosen = kept.get(run_id, round(PERCENT * suggested, 1))
    asked = sum(one < suggested for one in confidences)
    with st.expander(t("Schwelle: {percent}", percent=t.percent(chosen / PERCENT, 1))):
        kept[run_id] = st.slider(
            t("Felder prüfen, die weniger sicher sind als (%)"),
            0.0,
            PERCENT,
            chosen,
            PERCENT * THRESHOLD_STEP,
            format="localized",
            key=f"{_THRESHOLD}_{run_id}",
        )
        st.caption(
            t(
                "Vorgeschlagen sind {percent}: Darunter liegen {asked} von {total} Feldern, etwa "
                "die unsichersten 10 %, immer aber alle unter {least}. Die Sicherheit schätzt die "
                "Software.",
                percent=t.percent(suggested, 1),
                asked=t.number(asked),
                total=t.number(len(confidences)),
                least=t.percent(ASKED_BELOW, 0),
            )
        )
    return kept[run_id] / PERCENT


def _counter(ctx: AppContext, review: Review) -> str:
    """Show how much is left to answer, and return it as words."""
    t, total = ctx.t, len(review.fields)
    said = Counter(one.verdict for one in review.fields)
    left = t(
        "Offen: {left} von {total} Feldern",
        left=t.number(review.fields_left),
        total=t.number(total),
    )
    if review.others_left:
        left += ", " + t.plural(
            "dazu {count} Frage zu einem Dokument",
            "dazu {count} Fragen zu Dokumenten",
            review.others_left,
        )
    with st.container(key=f"live_{NAME}_counter"):
        st.markdown(f"**{left}**")
    st.caption(
        t(
            "Geprüft: {decided}, davon korrigiert {corrected}, unleserlich {unreadable}. "
            "Zurückgestellt: {later}.",
            decided=t.number(sum(one.is_decided for one in review.fields)),
            corrected=t.number(said[CORRECTED]),
            unreadable=t.number(said[UNREADABLE]),
            later=t.number(said[LATER]),
        )
    )
    return left


def _decide(desk: ReviewDesk, pages: RunPages, found: Batch, review: Review) -> None:
    t = desk.ctx.t
    wanted = review.question(desk.wanted) if desk.wanted else None
    question = wanted or next(iter(review.open), None)
    desk.show_trouble()
    if question is None:
        st.success(t("Alles ist geprüft, was unter der Schwelle liegt."))
        desk.note_shown(None)
    else:
        # Names and values are user data: the gallery neither translates nor judges them.
        with st.container(key=f"user_{NAME}"):
            ask(desk, pages, found, question)
        desk.note_shown(question.key)
        if wanted is not None and question not in review.open:
            st.button(
                t("Weiter mit dem nächsten offenen Feld"),
                key=f"{NAME}_next",
                on_click=desk.go_to,
                args=(None,),
            )
    show_way_back(desk)
