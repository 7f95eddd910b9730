"""Dialogs about one account. A password is shown in the dialog that made it, and kept nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

from shared.auth import administration, open_sessions
from shared.auth.account_names import MOST_CHARACTERS
from shared.auth.administration import GIVEN_ROLES, ManagedAccount
from shared.auth.local_accounts import MOST_SHOWN_CHARACTERS
from shared.contracts.identity.principal import Principal
from shared.errors import UrbanKiError
from shared.i18n import Translator
from shared.store.store import Store
from shared.ui.accounts.rights_fields import rights_fields, role_field
from shared.ui.accounts.said import say_done
from shared.ui.confirm import ask_back
from shared.ui.failures import show_failure
from shared.ui.result import escape_markdown

_CLOSE = "accounts_password_close"


def now() -> datetime:
    """Return this moment."""
    return datetime.now(UTC)


def make_account(principal: Principal, store: Store, t: Translator) -> None:
    """Ask for names and rights, make the account and show its first password.

    Args:
        principal: Who administers.
        store: Where it is kept.
        t: Translator.
    """
    _close_if_wanted()
    place = st.empty()
    with place.container(), st.form("accounts_new_form", border=False):
        name = st.text_input(
            t("Anmeldename"), key="accounts_new_name", max_chars=MOST_CHARACTERS, autocomplete="off"
        )
        st.caption(
            t(
                "Mindestens zwei Zeichen: kleine Buchstaben, Ziffern, Punkt, Bindestrich, "
                "Unterstrich."
            )
        )
        shown = st.text_input(
            t("Name auf den Seiten"),
            key="accounts_new_shown",
            max_chars=MOST_SHOWN_CHARACTERS,
            autocomplete="off",
        )
        role, apps = rights_fields("accounts_new", GIVEN_ROLES, "sachbearbeitung", None, t)
        wanted = st.form_submit_button(t("Anlegen"), type="primary")
    if wanted:
        try:
            made = administration.create(principal, store, name, shown, role, apps, now=now())
        except UrbanKiError as error:
            show_failure(error, t)
            return
        place.empty()
        _show_password(made.username, made.password, t)


def take_account_in(
    principal: Principal, store: Store, names: Sequence[str], t: Translator
) -> None:
    """Ask which account of another municipality gets which role here.

    Args:
        principal: Who administers both.
        store: Where it is kept.
        names: Names to choose from.
        t: Translator.
    """
    with st.container(key="user_accounts_take"):
        name = st.selectbox(t("Konto"), names, key="accounts_take_name")
    role = role_field("accounts_take", GIVEN_ROLES, "viewer", t)

    def act() -> None:
        administration.take_in(principal, store, name, role, now=now())
        say_done(t("Das Konto „{name}“ ist aufgenommen.", name=escape_markdown(name)))

    ask_back(t("Aufnehmen"), t("Zurück"), "accounts_take", act, t)


def reset_password(
    principal: Principal, store: Store, account: ManagedAccount, t: Translator
) -> None:
    """Ask back, make a new password and show it.

    Args:
        principal: Who administers.
        store: Where it is kept.
        account: Whose.
        t: Translator.
    """
    _close_if_wanted()
    place = st.empty()
    with place.container():
        st.markdown(
            t(
                "Das bisherige Passwort von „{name}“ gilt dann nicht mehr, und alle Sitzungen "
                "enden.",
                name=escape_markdown(account.username),
            )
        )
        with st.container(horizontal=True):
            wanted = st.button(t("Passwort vergeben"), key="accounts_reset_yes", type="primary")
            unwanted = st.button(t("Zurück"), key="accounts_reset_no")
    if unwanted:
        st.rerun()
    if wanted:
        try:
            made = administration.reset_password(principal, store, account.username, now=now())
        except UrbanKiError as error:
            show_failure(error, t)
            return
        place.empty()
        _show_password(account.username, made, t)


def lock_or_unlock(
    principal: Principal, store: Store, account: ManagedAccount, t: Translator
) -> None:
    """Ask back, and let nobody, or somebody again, sign in with an account; see above."""
    name = escape_markdown(account.username)
    if account.disabled:
        st.markdown(t("Mit „{name}“ kann sich dann wieder jemand anmelden.", name=name))
        yes, done = t("Entsperren"), t("Das Konto „{name}“ ist entsperrt.", name=name)
        change = administration.enable
    else:
        st.markdown(
            t("Alle Sitzungen von „{name}“ enden. Gespeicherte Arbeit bleibt erhalten.", name=name)
        )
        yes, done = t("Sperren"), t("Das Konto „{name}“ ist gesperrt.", name=name)
        change = administration.disable
    if account.is_own:
        st.warning(t("Das ist Ihr eigenes Konto: Sie werden abgemeldet."))

    def act() -> None:
        change(principal, store, account.username, now=now())
        say_done(done)

    ask_back(yes, t("Zurück"), "accounts_lock", act, t)


def end_sessions(
    principal: Principal, store: Store, account: ManagedAccount, t: Translator
) -> None:
    """Ask back, and end all sessions of an account in this municipality; see above."""
    name = escape_markdown(account.username)
    st.markdown(
        t("„{name}“ muss sich neu anmelden. Gespeicherte Arbeit bleibt erhalten.", name=name)
    )

    def act() -> None:
        count = open_sessions.end_sessions_of(principal, store, account.id, now=now())
        say_done(t.plural("{count} Sitzung ist beendet.", "{count} Sitzungen sind beendet.", count))

    ask_back(t("Beenden"), t("Zurück"), "accounts_end", act, t)


def take_role(principal: Principal, store: Store, account: ManagedAccount, t: Translator) -> None:
    """Ask back, and take the role in this municipality from an account; see above."""
    name = escape_markdown(account.username)
    st.markdown(
        t(
            "„{name}“ sieht dann nichts mehr von dieser Kommune. Rollen in anderen Kommunen "
            "bleiben.",
            name=name,
        )
    )

    def act() -> None:
        administration.set_role(principal, store, account.username, None, now=now())
        say_done(t("„{name}“ hat hier keine Rolle mehr.", name=name))

    ask_back(t("Rolle nehmen"), t("Zurück"), "accounts_leave", act, t)


def _show_password(name: str, password: str, t: Translator) -> None:
    st.markdown(t("Das Passwort für „{name}“:", name=escape_markdown(name)))
    st.code(password, language=None)
    st.warning(
        t(
            "Es wird nur jetzt gezeigt. Geben Sie es persönlich weiter. Beim ersten Anmelden muss "
            "es geändert werden."
        )
    )
    st.button(t("Schließen"), key=_CLOSE)


def _close_if_wanted() -> None:
    """Close the dialog whose password was read; the run that made its button is over."""
    if st.session_state.get(_CLOSE):
        st.rerun()
