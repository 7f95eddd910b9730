"""Page "Barrierefreiheit": a true statement, nothing is claimed that was not checked."""

from __future__ import annotations

import streamlit as st

from shared.i18n import Translator
from shared.registry.audit import AUDIT_FILE, read_audit
from shared.settings import get_settings
from shared.themes import load_theme
from shared.ui.language import translator


def audit_sentence(t: Translator) -> str:
    """Say what the last audit found."""
    audit = read_audit(AUDIT_FILE)
    if audit is None:
        return t("Für diese Version liegt kein Prüfbericht vor.")
    return t(
        "Letzte Prüfung am {date}: {pages} Seitenansichten, {grave} schwere Befunde, "
        "{allowed} geduldete Ausnahmen mit Begründung.",
        date=t.date(audit.audited_at),
        pages=t.number(len(audit.pages)),
        grave=t.number(audit.grave),
        allowed=t.number(audit.axe_allowances),
    )


t = translator()
contact = load_theme(get_settings().theme).contact
st.title(t("Erklärung zur Barrierefreiheit"), anchor=False)
st.header(t("Stand der Vereinbarkeit"), anchor=False)
st.markdown(
    t(
        "Die Galerie soll ohne Hindernisse nutzbar sein. Eine vollständige Vereinbarkeit mit "
        "der BITV 2.0 ist nicht nachgewiesen und wird nicht behauptet."
    )
)
st.markdown(audit_sentence(t))
st.markdown(t("Methode: Selbstbewertung mit automatischen Prüfungen im Browser."))
st.header(t("Bekannte Lücken"), anchor=False)
st.markdown(t("Karten lassen sich mit der Tastatur nur verschieben und vergrößern."))
st.markdown(t("Jede Karte und jedes Diagramm hat deshalb eine Tabelle mit denselben Angaben."))
st.markdown(t("Ausführliche Beschreibungen der Anwendungen gibt es zum Teil nur auf Deutsch."))
st.header(t("Hindernis melden"), anchor=False)
st.markdown(t("E-Mail: {email}", email=contact.accessibility_email))
st.markdown(
    t(
        "Antworten wir nicht zufriedenstellend, hilft die Durchsetzungsstelle: {body}.",
        body=contact.enforcement_body,
    )
)
