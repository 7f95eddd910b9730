"""The page of an administration: one panel at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from shared.auth.tenants import tenant_names
from shared.contracts.identity.policy import ACCOUNT_MANAGE, require
from shared.contracts.identity.principal import Principal
from shared.i18n import N_, Translator
from shared.store.store import Store
from shared.ui.accounts.audit_panel import audit_panel
from shared.ui.accounts.hints_panel import hints_panel
from shared.ui.accounts.people_panel import people_panel
from shared.ui.accounts.sessions_panel import sessions_panel
from shared.ui.accounts.settings_panel import settings_panel
from shared.ui.accounts.sharing_panel import sharing_panel
from shared.ui.result import escape_markdown

Panel = Callable[[Principal, Store, Translator], None]
PANEL_PARAMETER = "bereich"


@dataclass(frozen=True, slots=True)
class _Entry:
    title: str
    show: Panel


PANELS = {
    "konten": _Entry(N_("Konten"), people_panel),
    "sitzungen": _Entry(N_("Sitzungen"), sessions_panel),
    "protokoll": _Entry(N_("Protokoll"), audit_panel),
    "hinweise": _Entry(N_("Hinweise"), hints_panel),
    "freigaben": _Entry(N_("Freigaben"), sharing_panel),
    "einstellungen": _Entry(N_("Einstellungen"), settings_panel),
}
"""What can be chosen, by the value in the address."""


def administration(principal: Principal, store: Store, t: Translator) -> None:
    """Show the panel that is chosen; the address keeps the choice.

    Args:
        principal: Who administers.
        store: Accounts, sessions, audit, hints, layers.
        t: Translator of the gallery.

    Raises:
        NotAllowed: Only the administration of a municipality may look.
    """
    require(principal, ACCOUNT_MANAGE)
    tenant = principal.active_tenant
    name = tenant_names(store.engine).get(tenant, tenant)
    st.markdown(t("Kommune: {name}", name=escape_markdown(name)))
    names = list(PANELS)
    asked = st.query_params.get(PANEL_PARAMETER)
    # Not bound by Streamlit: it would write the word of the language into the address.
    chosen = st.radio(
        t("Bereich"),
        names,
        index=names.index(asked) if asked in PANELS else 0,
        format_func=lambda key: t(PANELS[key].title),
        horizontal=True,
        key="accounts_panel",
    )
    st.query_params[PANEL_PARAMETER] = chosen
    st.header(t(PANELS[chosen].title), anchor=False)
    PANELS[chosen].show(principal, store, t)
