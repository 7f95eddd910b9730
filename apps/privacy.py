"""Page "Datenschutz": what happens to data."""

from __future__ import annotations

import streamlit as st

from shared.settings import get_settings
from shared.themes import load_theme
from shared.ui.language import translator

t = translator()
st.title(t("Datenschutz"), anchor=False)
st.header(t("Wo Ihre Daten bleiben"), anchor=False)
st.markdown(t("Galerie und Modellserver laufen auf diesem Rechner. Nichts geht ins Internet."))
st.markdown(
    t(
        "Ihre Dateien liegen nur im Arbeitsspeicher, solange Ihre Sitzung dauert. "
        "Danach sind Datei und Ergebnis gelöscht. Speichern Sie, was Sie behalten wollen."
    )
)
st.markdown(t("Der Modellserver speichert weder Bilder noch Texte."))
st.header(t("Was gespeichert wird"), anchor=False)
st.markdown(
    t(
        "Ein Cookie merkt sich die gewählte Sprache, ein weiteres schützt vor gefälschten "
        "Anfragen. Beide enden mit der Browsersitzung."
    )
)
st.markdown(
    t(
        "Protokolle nennen Zeitpunkt, Fehlerart und Vorgangsnummer, "
        "aber keine Inhalte und keine Dateinamen."
    )
)
st.markdown(t("Es gibt keine Nutzungsstatistik und keine Auswertung einzelner Personen."))
st.header(t("Ihre Ansprechstelle"), anchor=False)
email = load_theme(get_settings().theme).contact.privacy_email
st.markdown(t("Datenschutzbeauftragte Stelle: {email}", email=email))
