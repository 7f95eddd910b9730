"""Who is signed in, and what she can do about it: change municipality or password, sign out.

These are links and forms of plain HTML: a session gets a new cookie at each of them, and only an
answer to the browser can set one.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from urllib.parse import urlsplit

import streamlit as st

from shared.auth import session as signed_in
from shared.auth.account_paths import (
    NEXT_FIELD,
    PASSWORD,
    SIGN_IN,
    SIGN_OUT,
    TENANT,
    TENANT_FIELD,
    address,
)
from shared.auth.login_form import TOKEN_FIELD
from shared.auth.next_path import safe_next
from shared.auth.principal import Role
from shared.auth.services import AccountServices, process_services
from shared.auth.sessions import LOCAL, SessionView
from shared.auth.tenants import tenant_names
from shared.contracts.identity.policy import ACCOUNT_MANAGE, decide
from shared.i18n import N_, Translator
from shared.ui.result import escape_markdown

ADMINISTRATION = "/verwaltung"
ROLE_NAMES: Mapping[Role, str] = {
    "gast": N_("Gast"),
    "viewer": N_("Ansicht"),
    "sachbearbeitung": N_("Sachbearbeitung"),
    "admin": N_("Administration"),
    "service": N_("Auftrag"),
    "plattform_admin": N_("Administration der Plattform"),
}


def account_menu(t: Translator) -> None:
    """Show the menu of whoever is signed in.

    Args:
        t: Translator of the gallery.
    """
    session = signed_in.current_session()
    name = escape_markdown(session.principal.display_name) or t("Konto")
    with st.popover(name, key="account_menu"):
        st.html(_menu(process_services(), session, t))


def sign_in_link(t: Translator) -> None:
    """Show the way to the login form.

    Args:
        t: Translator of the gallery.
    """
    st.html(_link(SIGN_IN, t("Anmelden"), t))


def _menu(services: AccountServices, session: SessionView, t: Translator) -> str:
    acting = session.principal
    names = tenant_names(services.engine)
    mine = {slug: names.get(slug, slug) for slug in sorted(acting.roles_by_tenant)}
    role = t(ROLE_NAMES.get(acting.role, acting.role))
    place = mine.get(acting.active_tenant, acting.active_tenant)
    lines = [t("Rolle: {role}", role=role), t("Kommune: {name}", name=place)]
    who = "<br />".join([f"<strong>{escape(acting.display_name)}</strong>", *map(escape, lines)])
    parts = [f"<p>{who}</p>"]
    if len(mine) > 1:
        parts.append(_tenant_form(services, session, mine, t))
    if decide(acting, ACCOUNT_MANAGE).allowed:
        label = escape(t("Verwaltung"))
        parts.append(f'<p><a href="{ADMINISTRATION}" target="_self">{label}</a></p>')
    if session.mode == LOCAL:
        parts.append(_link(PASSWORD, t("Passwort ändern"), t))
    parts.append(_form(services, session, SIGN_OUT, t("Abmelden"), t))
    return f'<div class="account-menu">{"".join(parts)}</div>'


def _link(path: str, label: str, t: Translator) -> str:
    target = address(path, weiter=_shown_path(), sprache=t.language)
    return f'<p><a href="{escape(target)}" target="_self">{escape(label)}</a></p>'


def _tenant_form(
    services: AccountServices, session: SessionView, names: Mapping[str, str], t: Translator
) -> str:
    active = session.principal.active_tenant
    options = "".join(
        f'<option value="{escape(slug)}"{" selected" if slug == active else ""}>'
        f"{escape(name)}</option>"
        for slug, name in names.items()
    )
    label = escape(t("Kommune"))
    fields = (
        f'<label for="account-tenant">{label}</label>'
        f'<select id="account-tenant" name="{TENANT_FIELD}">{options}</select>'
        f'<input type="hidden" name="{NEXT_FIELD}" value="{escape(_shown_path())}" />'
    )
    return _form(services, session, TENANT, t("Kommune wechseln"), t, fields)


def _form(
    services: AccountServices,
    session: SessionView,
    path: str,
    action: str,
    t: Translator,
    fields: str = "",
) -> str:
    # Of the session's beginning, so that the form stays the same until the session ends.
    token = services.tokens.give(path, session.csrf_secret, session.created_at)
    target = escape(address(path, sprache=t.language))
    return (
        f'<form method="post" action="{target}">'
        f'<input type="hidden" name="{TOKEN_FIELD}" value="{escape(token)}" />{fields}'
        f'<button type="submit">{escape(action)}</button></form>'
    )


def _shown_path() -> str:
    """Return the page in front of the person, as `next_path` takes it."""
    return safe_next(urlsplit(st.context.url or "").path)
