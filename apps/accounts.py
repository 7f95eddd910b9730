"""Page "Verwaltung": accounts, sessions and audit of a municipality, for its administration."""

from __future__ import annotations

import streamlit as st

from shared.auth.session import principal
from shared.store.store import process_store
from shared.ui.accounts.overview import administration
from shared.ui.failures import error_boundary
from shared.ui.language import translator

t = translator()
st.title(t("Verwaltung"), anchor=False)
with error_boundary(t):
    administration(principal(), process_store(), t)
