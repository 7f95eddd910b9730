"""The button that takes a list of the administration along as a table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import streamlit as st

from shared.auth.session import principal
from shared.contracts.identity.principal import Principal
from shared.contracts.provenance import LOCAL_ZONE
from shared.i18n import Translator
from shared.report.names import file_name


def csv_button(
    opened_by: Principal,
    content: Callable[[Principal], bytes],
    *,
    subject: str,
    key: str,
    t: Translator,
) -> None:
    """Offer a table; it is made when somebody asks for it, with the rights of that moment.

    Args:
        opened_by: Who opened the page.
        content: Makes the file for somebody; it runs beside the page, so without Streamlit.
        subject: Translated word for the file's name.
        key: Of the button.
        t: Translator.
    """
    st.download_button(
        t("Als Tabelle herunterladen (CSV)"),
        lambda: content(principal(opened_by.session_id)),
        file_name=file_name("verwaltung", subject, datetime.now(LOCAL_ZONE).date(), "csv"),
        mime="text/csv",
        key=key,
        on_click="ignore",
    )
