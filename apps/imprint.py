"""Page "Impressum": who runs the gallery."""

from __future__ import annotations

import streamlit as st

from shared import __version__
from shared.settings import get_settings
from shared.themes import load_theme
from shared.ui.language import translator

t = translator()
contact = load_theme(get_settings().theme).contact
st.title(t("Impressum"), anchor=False)
st.header(t("Verantwortlich"), anchor=False)
st.markdown(contact.operator)
st.markdown(contact.address)
st.header(t("Kontakt"), anchor=False)
st.markdown(t("E-Mail: {email}", email=contact.email))
st.header(t("Software"), anchor=False)
st.markdown(
    t("URBAN.KI-Galerie, Version {version}. Freie Software unter AGPL-3.0.", version=__version__)
)
st.markdown(
    t(
        "Fremde Bestandteile und ihre Lizenzen stehen in der Datei THIRD_PARTY.md "
        "des Programmpakets."
    )
)
