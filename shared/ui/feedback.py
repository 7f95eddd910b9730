"""Say that a result is right or wrong; no person is noted."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from shared.errors import InputError
from shared.store.feedback import LONGEST_TEXT, flag
from shared.ui.failures import show_failure
from shared.ui.kiosk import is_kiosk
from shared.ui.shell import AppContext


def flag_result(ctx: AppContext, run_id: str | None) -> None:
    """Offer two thumbs and a field for words; what is sent stays in this installation.

    Visitors are not asked: nobody reads what the next one could not see.

    Args:
        ctx: Context of the page.
        run_id: The result it is about; None for the app as a whole.
    """
    if is_kiosk():
        return
    t, slug = ctx.t, ctx.manifest.id
    sent_key = f"{slug}_feedback_sent"
    if st.session_state.get(sent_key) == (run_id or slug):
        st.success(t("Danke, Ihr Hinweis ist angekommen."))
        return
    with (
        st.expander(t("Stimmt das Ergebnis?")),
        st.form(f"{slug}_feedback_form", border=False),
    ):
        rating = st.feedback("thumbs", key=f"{slug}_feedback_rating")
        words = st.text_area(
            t("Was stimmt nicht? (freiwillig, höchstens {limit} Zeichen)", limit=LONGEST_TEXT),
            key=f"{slug}_feedback_text",
            max_chars=LONGEST_TEXT,
        )
        st.caption(t("Bitte nennen Sie keine Personen. Der Hinweis bleibt in dieser Installation."))
        sent = st.form_submit_button(t("Hinweis senden"))
    if not sent:
        return
    if rating is None:
        st.warning(t("Bitte wählen Sie einen Daumen."))
        return
    try:
        flag(
            ctx.principal,
            ctx.store,
            slug,
            rating,
            words,
            now=datetime.now(UTC),
            run_id=run_id,
        )
    except InputError as error:
        show_failure(error, t, slug)
        return
    st.session_state[sent_key] = run_id or slug
    st.rerun()
