"""How this installation is set up; what may be secret is not among it."""

from __future__ import annotations

import streamlit as st

from shared import __version__
from shared.contracts.identity.policy import SETTINGS_READ, require
from shared.contracts.identity.principal import Principal
from shared.i18n import Translator
from shared.settings import Settings
from shared.settings_table import GERMAN
from shared.store.store import Store
from shared.ui.result import Column, table

SHOWN = (
    *("mode", "auth_mode", "host", "port", "public_url", "allowed_hosts", "trusted_proxies"),
    *("allow_local_accounts_public", "session_idle_min", "session_max_h", "oidc_issuer"),
    *("language", "theme", "apps", "max_upload_mb"),
    *("retention_uploads_days", "retention_results_days", "retention_audit_days"),
)
"""Named one by one: a new setting is not shown before somebody has thought about it."""


def settings_panel(principal: Principal, store: Store, t: Translator) -> None:
    """Show settings with their meaning.

    Args:
        principal: Who administers.
        store: Carries the settings.
        t: Translator.

    Raises:
        NotAllowed: Only the administration may look.
    """
    require(principal, SETTINGS_READ)
    st.caption(
        t("Version {version}. Ändern kann die Einstellungen nur der Betrieb.", version=__version__)
    )
    fields = Settings.model_fields
    rows = [
        {
            "name": f"URBANKI_{name.upper()}",
            "value": _written(getattr(store.settings, name), t),
            "meaning": (
                GERMAN[name] if t.language == "de" else fields[name].description or ""
            ).replace("`", ""),
        }
        for name in SHOWN
    ]
    columns = [
        Column("name", t("Einstellung")),
        Column("value", t("Wert")),
        Column("meaning", t("Bedeutung")),
    ]
    alt = t("Einstellungen dieser Installation")
    with st.container(key="user_accounts_settings"):
        table(rows, columns=columns, key="accounts_settings", alt=alt, t=t)


def _written(value: object, t: Translator) -> str | None:
    if isinstance(value, bool):
        return t("ja") if value else t("nein")
    return None if value in (None, "") else str(value)
