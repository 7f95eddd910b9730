"""What people have said about results, without saying who."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import streamlit as st

from shared.auth.audited_work import take_hints_along
from shared.contracts.identity.policy import FEEDBACK_READ, require
from shared.contracts.identity.principal import Principal
from shared.i18n import N_, Translator
from shared.store.feedback import Feedback, list_feedback
from shared.store.store import Store
from shared.ui.accounts.csv_button import csv_button
from shared.ui.accounts.rights_fields import app_titles
from shared.ui.result import Column, table
from shared.ui.run_words import moment

MOST_SHOWN = 200
RATINGS = {0: N_("stimmt nicht"), 1: N_("stimmt")}


def hints_panel(principal: Principal, store: Store, t: Translator) -> None:
    """Show the hints of the active municipality, newest first, and offer them as a table.

    Args:
        principal: Who administers.
        store: Where they are kept.
        t: Translator.

    Raises:
        NotAllowed: Only the administration may look.
    """
    require(principal, FEEDBACK_READ)
    titles = app_titles(t)
    app = st.selectbox(
        t("Anwendung"),
        ["", *titles],
        format_func=lambda name: titles[name] if name else t("alle"),
        key="accounts_hints_app",
    )
    found = list_feedback(principal, store, app=app or None, limit=MOST_SHOWN)
    if not found:
        st.info(t("Es gibt noch keine Hinweise."))
        return
    st.caption(t("Wer einen Hinweis gegeben hat, ist nicht gespeichert."))
    csv_button(
        principal,
        lambda acting: take_hints_along(acting, store, t, app=app or None, now=datetime.now(UTC)),
        subject=t("Hinweise"),
        key="accounts_hints_download",
        t=t,
    )
    if len(found) == MOST_SHOWN:
        st.caption(t("Gezeigt werden die neuesten {count}.", count=MOST_SHOWN))
    _show(found, titles, t)


def _show(found: list[Feedback], titles: Mapping[str, str], t: Translator) -> None:
    rows = [
        {
            "moment": moment(hint.created_at, t),
            "app": titles.get(hint.app, hint.app),
            "rating": t(RATINGS[hint.rating]) if hint.rating in RATINGS else str(hint.rating),
            "text": hint.text or None,
        }
        for hint in found
    ]
    columns = [
        Column("moment", t("Zeitpunkt")),
        Column("app", t("Anwendung")),
        Column("rating", t("Bewertung")),
        Column("text", t("Hinweis")),
    ]
    with st.container(key="user_accounts_hints"):
        table(
            rows,
            columns=columns,
            key="accounts_hints",
            alt=t("Hinweise zu Ergebnissen, die neuesten zuerst"),
            t=t,
        )
