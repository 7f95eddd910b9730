"""Accounts of a municipality: the list, and what can be done with one of them."""

from __future__ import annotations

import streamlit as st

from shared.auth import administration
from shared.auth.administration import GIVEN_ROLES, ManagedAccount
from shared.contracts.identity.policy import ACCOUNT_MANAGE, require
from shared.contracts.identity.principal import Principal, Role
from shared.errors import UrbanKiError
from shared.i18n import Translator
from shared.store.store import Store
from shared.ui.account_menu import ROLE_NAMES
from shared.ui.accounts import account_dialogs as dialogs
from shared.ui.accounts.acting import open_dialog
from shared.ui.accounts.rights_fields import app_titles, rights_fields
from shared.ui.accounts.said import say_done, show_done
from shared.ui.failures import show_failure
from shared.ui.result import Column, escape_markdown, table


def people_panel(principal: Principal, store: Store, t: Translator) -> None:
    """Show the accounts of the active municipality, and what can be done with the chosen one.

    Args:
        principal: Who administers.
        store: Where they are kept.
        t: Translator.

    Raises:
        NotAllowed: Only the administration may look.
    """
    require(principal, ACCOUNT_MANAGE)
    if store.settings.auth_mode == "keycloak":
        st.info(
            t(
                "Konten, Rollen und Passwörter verwaltet hier der Anmeldedienst Ihrer Kommune. "
                "Bitte ändern Sie sie dort."
            )
        )
        return
    show_done()
    _offer_new(principal, store, t)
    found = administration.accounts(principal, store)
    chosen = _choose(found, t)
    if chosen is not None:
        _details(principal, store, chosen, t)


def _offer_new(principal: Principal, store: Store, t: Translator) -> None:
    elsewhere = administration.accounts_elsewhere(principal, store)
    with st.container(horizontal=True):
        make = st.button(t("Konto anlegen"), key="accounts_new", type="primary")
        take = bool(elsewhere) and st.button(
            t("Konto einer anderen Kommune aufnehmen"), key="accounts_take"
        )
    if make:
        open_dialog(t("Konto anlegen"), dialogs.make_account, "rerun", store, t)
    elif take:
        open_dialog(t("Konto aufnehmen"), dialogs.take_account_in, "ignore", store, elsewhere, t)


def _choose(found: list[ManagedAccount], t: Translator) -> ManagedAccount | None:
    titles = app_titles(t)
    rows = [
        {
            "name": account.username,
            "shown": account.display_name,
            "role": t(ROLE_NAMES.get(account.role, account.role)),
            "apps": t("alle")
            if account.apps is None
            else ", ".join(titles.get(app, app) for app in sorted(account.apps)),
            "state": state_word(account, t),
        }
        for account in found
    ]
    columns = [
        Column("name", t("Anmeldename")),
        Column("shown", t("Name")),
        Column("role", t("Rolle")),
        Column("apps", t("Anwendungen")),
        Column("state", t("Zustand")),
    ]
    with st.container(key="user_accounts_list"):
        selected = table(
            rows,
            columns=columns,
            key="accounts_list",
            alt=t("Alle Konten dieser Kommune mit Rolle, Anwendungen und Zustand"),
            selection="single",
            t=t,
        )
    return found[selected.rows[0]] if selected.rows else None


def state_word(account: ManagedAccount, t: Translator) -> str:
    """Say in a word whether somebody can sign in with an account.

    Args:
        account: The account.
        t: Translator.
    """
    if account.disabled:
        return t("gesperrt")
    return t("Passwortwechsel offen") if account.must_change else t("aktiv")


def _details(principal: Principal, store: Store, account: ManagedAccount, t: Translator) -> None:
    with st.container(key="user_accounts_name"):
        st.subheader(escape_markdown(account.display_name), anchor=False)
    if account.was_guessed_at:
        st.warning(
            t("Seit der letzten Anmeldung hat jemand mehrfach ein falsches Passwort eingegeben.")
        )
    if account.is_own:
        st.caption(t("Das ist Ihr eigenes Konto."))
    _rights(principal, store, account, t)
    _actions(store, account, t)


def _rights(principal: Principal, store: Store, account: ManagedAccount, t: Translator) -> None:
    # A change of somebody else brings new fields, so that they show what counts.
    key = f"accounts_rights_{account.id}_{account.changed_at.timestamp():.6f}"
    with st.form(key):
        roles = list(dict.fromkeys([*GIVEN_ROLES, account.role]))
        role, apps = rights_fields(key, roles, account.role, account.apps, t)
        st.caption(t("Mit einer neuen Rolle meldet sich die Person neu an."))
        wanted = st.form_submit_button(t("Rechte speichern"))
    if not wanted:
        return
    try:
        _save(principal, store, account, role, apps)
    except UrbanKiError as error:
        show_failure(error, t)
        return
    say_done(t("Die Rechte sind gespeichert."))
    st.rerun()


def _save(
    principal: Principal,
    store: Store,
    account: ManagedAccount,
    role: Role,
    apps: frozenset[str] | None,
) -> None:
    """Write what differs, both at once: either may be refused."""
    name, now = account.username, dialogs.now()
    if role == account.role:
        if apps != account.apps:
            administration.set_apps(principal, store, name, apps, now=now)
    elif apps == account.apps:
        administration.set_role(principal, store, name, role, now=now)
    else:
        administration.set_role(principal, store, name, role, now=now, apps=apps)


def _actions(store: Store, account: ManagedAccount, t: Translator) -> None:
    key, whole = f"accounts_{account.id}", account.is_whole
    with st.container(horizontal=True):
        reset = st.button(
            t("Neues Passwort"), key=f"{key}_reset", disabled=not whole or account.is_own
        )
        lock = st.button(
            t("Entsperren") if account.disabled else t("Sperren"),
            key=f"{key}_{'unlock' if account.disabled else 'lock'}",
            disabled=not whole,
        )
        end = st.button(t("Sitzungen beenden"), key=f"{key}_end")
        leave = account.is_elsewhere and st.button(t("Rolle nehmen"), key=f"{key}_leave")
    if not whole:
        st.caption(
            t(
                "Das Konto gehört auch zu einer anderen Kommune. Passwort und Sperre ändert nur, "
                "wer alle seine Kommunen verwaltet."
            )
        )
    elif account.is_own:
        st.caption(t("Ihr Passwort ändern Sie im Menü mit Ihrem Namen."))
    act = (store, account, t)
    if reset:
        open_dialog(t("Neues Passwort vergeben?"), dialogs.reset_password, "rerun", *act)
    elif lock:
        title = t("Konto entsperren?") if account.disabled else t("Konto sperren?")
        open_dialog(title, dialogs.lock_or_unlock, "ignore", *act)
    elif end:
        open_dialog(t("Sitzungen beenden?"), dialogs.end_sessions, "ignore", *act)
    elif leave:
        open_dialog(t("Rolle nehmen?"), dialogs.take_role, "ignore", *act)
