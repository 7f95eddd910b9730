"""Fields for a role and for the apps of an account."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from shared.contracts.identity.principal import Role
from shared.i18n import Translator
from shared.registry.discover import manifests
from shared.ui.account_menu import ROLE_NAMES


def app_titles(t: Translator) -> dict[str, str]:
    """Return the titles of all apps by their ids, also of those that this process does not show.

    Args:
        t: Translator.
    """
    return {app.id: app.localized("title", t.language) for app in manifests()}


def rights_fields(
    key: str,
    roles: Sequence[Role],
    role: Role,
    apps: frozenset[str] | None,
    t: Translator,
) -> tuple[Role, frozenset[str] | None]:
    """Show both fields and return what they hold.

    Args:
        key: Begins the keys of both.
        roles: What can be chosen.
        role: What is chosen at first.
        apps: The apps that are chosen at first; None means all.
        t: Translator.
    """
    titles = app_titles(t)
    chosen = role_field(key, roles, role, t)
    some = st.multiselect(
        t("Anwendungen"),
        sorted(titles.keys() | (apps or frozenset())),
        default=sorted(apps or ()),
        format_func=lambda app: titles.get(app, app),
        key=f"{key}_apps",
        placeholder=t("alle Anwendungen"),
    )
    st.caption(t("Ohne Auswahl sind alle Anwendungen offen, die die Rolle erlaubt."))
    return chosen, frozenset(some) or None


def role_field(key: str, roles: Sequence[Role], role: Role, t: Translator) -> Role:
    """Show the field for a role and return what it holds; see `rights_fields`."""
    chosen = st.selectbox(
        t("Rolle"),
        roles,
        index=roles.index(role),
        format_func=lambda name: t(ROLE_NAMES.get(name, name)),
        key=f"{key}_role",
    )
    st.caption(
        t(
            "„Ansicht“ liest Ergebnisse. „Sachbearbeitung“ lädt Dateien hoch, wertet aus und "
            "entscheidet. „Administration“ verwaltet dazu Konten und Protokoll."
        )
    )
    return chosen
