"""The audit of the municipality: by time and kind, never by person."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta

import streamlit as st

from shared.auth import administration, audit_view
from shared.auth.audit_view import EVENTS, EXPORTED_ROWS, OUTCOMES, SHOWN_ROWS, AuditFilter, Line
from shared.contracts.identity.policy import AUDIT_READ, require
from shared.contracts.identity.principal import Principal
from shared.contracts.provenance import LOCAL_ZONE
from shared.i18n import N_, Translator
from shared.store.store import Store
from shared.ui.account_menu import ROLE_NAMES
from shared.ui.accounts.csv_button import csv_button
from shared.ui.accounts.reason_words import reason_words
from shared.ui.accounts.rights_fields import app_titles
from shared.ui.result import Column, table
from shared.ui.run_words import moment

PERIODS = {
    "heute": (N_("heute"), 0),
    "woche": (N_("die letzten 7 Tage"), 6),
    "monat": (N_("die letzten 30 Tage"), 29),
    "alles": (N_("alles, was aufbewahrt ist"), 36_500),
}
"""Days before today, by the key of the choice."""
_SHORT = 8
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def audit_panel(principal: Principal, store: Store, t: Translator) -> None:
    """Show the audit of the active municipality, newest first, and offer it as a table.

    Args:
        principal: Who administers.
        store: Where it is kept.
        t: Translator.

    Raises:
        NotAllowed: Only the administration may look.
    """
    require(principal, AUDIT_READ)
    st.caption(
        t(
            "Personen stehen hier als Pseudonym; es gibt keine Auswertung nach Personen. "
            "Einträge bleiben {days} Tage.",
            days=store.settings.retention_audit_days,
        )
    )
    wanted = _filter(datetime.now(UTC), t)
    total = audit_view.count(principal, store, wanted)
    with st.container(key="live_accounts_audit"):
        st.markdown(t.plural("{count} Eintrag", "{count} Einträge", total))
    if not total:
        return
    if total > SHOWN_ROWS:
        st.caption(t("Gezeigt werden die neuesten {count}.", count=SHOWN_ROWS))
    _offer_table(principal, store, wanted, total, t)
    names = {one.id: one.username for one in administration.accounts(principal, store)}
    _show(audit_view.newest(principal, store, wanted), names, t)


def _filter(now: datetime, t: Translator) -> AuditFilter:
    with st.container(horizontal=True):
        period = st.selectbox(
            t("Zeitraum"),
            list(PERIODS),
            index=1,
            format_func=lambda key: t(PERIODS[key][0]),
            key="accounts_audit_period",
        )
        event = st.selectbox(
            t("Vorgang"),
            ["", *sorted(EVENTS, key=lambda name: t(EVENTS[name]))],
            format_func=lambda name: t(EVENTS[name]) if name else t("alle"),
            key="accounts_audit_event",
        )
        outcome = st.selectbox(
            t("Ergebnis"),
            ["", *OUTCOMES],
            format_func=lambda name: t(OUTCOMES[name]) if name else t("alle"),
            key="accounts_audit_outcome",
        )
    first = now.astimezone(LOCAL_ZONE).date() - timedelta(days=PERIODS[period][1])
    return AuditFilter(datetime.combine(first, time(), LOCAL_ZONE), event, outcome)


def _offer_table(
    principal: Principal, store: Store, wanted: AuditFilter, total: int, t: Translator
) -> None:
    if total > EXPORTED_ROWS:
        st.caption(
            t(
                "Für eine Tabelle sind es zu viele. Bitte wählen Sie einen kürzeren Zeitraum oder "
                "einen Vorgang."
            )
        )
        return

    csv_button(
        principal,
        lambda acting: audit_view.export(acting, store, wanted, t, now=datetime.now(UTC)),
        subject=t("Protokoll"),
        key="accounts_audit_download",
        t=t,
    )


def _show(lines: list[Line], names: Mapping[str, str], t: Translator) -> None:
    titles = app_titles(t)
    words = {str(role): word for role, word in ROLE_NAMES.items()}
    rows = [
        {
            "moment": moment(line.moment, t),
            "event": t(line.event),
            "outcome": t(line.outcome),
            "reason": reason_words(line.reason_code, t) or None,
            "object": _object(line.object_id, names) or None,
            "app": titles.get(line.app, line.app) or None,
            "who": line.pseudonym[:_SHORT] or None,
            "role": t(words.get(line.role, line.role)) or None,
            "network": line.ip_prefix or None,
        }
        for line in lines
    ]
    columns = [
        Column("moment", t("Zeitpunkt")),
        Column("event", t("Vorgang")),
        Column("outcome", t("Ergebnis")),
        Column("reason", t("Grund")),
        Column("object", t("Gegenstand")),
        Column("app", t("Anwendung")),
        Column("who", t("Pseudonym")),
        Column("role", t("Rolle")),
        Column("network", t("Netz")),
    ]
    with st.container(key="user_accounts_audit"):
        table(
            rows,
            columns=columns,
            key="accounts_audit",
            alt=t("Protokoll der Kommune, die neuesten Einträge zuerst"),
            t=t,
        )


def _object(object_id: str, names: Mapping[str, str]) -> str:
    """Return an account's name, or the end of an id, in which ids of one time differ."""
    if object_id in names:
        return names[object_id]
    return f"…{object_id[-_SHORT:]}" if _UUID.fullmatch(object_id) else object_id
