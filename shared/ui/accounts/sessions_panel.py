"""Who is signed in at the municipality, and ending a session."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from shared.auth import open_sessions
from shared.auth.open_sessions import OpenSession
from shared.contracts.identity.policy import SESSION_END, require
from shared.contracts.identity.principal import Principal
from shared.i18n import Translator
from shared.store.store import Store
from shared.ui.accounts.acting import open_dialog
from shared.ui.accounts.said import say_done, show_done
from shared.ui.confirm import ask_back
from shared.ui.result import Column, escape_markdown, table
from shared.ui.run_words import moment


def sessions_panel(principal: Principal, store: Store, t: Translator) -> None:
    """Show the sessions of the active municipality, and offer to end the chosen one.

    Args:
        principal: Who administers.
        store: Where they are kept.
        t: Translator.

    Raises:
        NotAllowed: Only the administration may look.
    """
    require(principal, SESSION_END)
    show_done()
    st.caption(t("Was jemand in einer Sitzung tut, steht hier nicht."))
    if store.settings.auth_mode == "keycloak":
        st.caption(
            t(
                "Der Anmeldedienst kann eine Person ohne neues Passwort wieder anmelden. Wer nicht "
                "mehr hereinkommen soll, muss dort gesperrt werden."
            )
        )
    found = open_sessions.open_sessions(principal, store, now=datetime.now(UTC))
    chosen = _choose(found, t)
    if chosen is None:
        return
    if chosen.is_own:
        st.caption(t("Das ist Ihre eigene Sitzung. Sie beenden sie im Menü mit Ihrem Namen."))
    elif st.button(t("Sitzung beenden"), key=f"accounts_session_{chosen.id}"):
        open_dialog(t("Sitzung beenden?"), confirm_end, "ignore", store, chosen, t)


def _choose(found: list[OpenSession], t: Translator) -> OpenSession | None:
    rows = [
        {
            "name": t("{name} (diese Sitzung)", name=one.display_name)
            if one.is_own
            else one.display_name,
            "since": moment(one.created_at, t),
            "until": moment(one.ends_at, t),
            "network": one.ip_prefix or None,
        }
        for one in found
    ]
    columns = [
        Column("name", t("Name")),
        Column("since", t("Angemeldet")),
        Column("until", t("Endet spätestens")),
        Column("network", t("Netz")),
    ]
    with st.container(key="user_accounts_sessions"):
        selected = table(
            rows,
            columns=columns,
            key="accounts_sessions",
            alt=t("Alle laufenden Sitzungen mit Beginn und Ende"),
            selection="single",
            t=t,
        )
    return found[selected.rows[0]] if selected.rows else None


def confirm_end(principal: Principal, store: Store, chosen: OpenSession, t: Translator) -> None:
    """Ask back, and end a session.

    Args:
        principal: Who administers.
        store: Where it is kept.
        chosen: The session.
        t: Translator.
    """
    name = escape_markdown(chosen.display_name)
    st.markdown(
        t("„{name}“ muss sich neu anmelden. Gespeicherte Arbeit bleibt erhalten.", name=name)
    )

    def act() -> None:
        open_sessions.end_session(principal, store, chosen.id, now=datetime.now(UTC))
        say_done(t("Die Sitzung ist beendet."))

    ask_back(t("Beenden"), t("Zurück"), "accounts_session", act, t)
