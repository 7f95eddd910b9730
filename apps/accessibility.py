"""Page "Barrierefreiheit": a true statement, nothing is claimed that was not checked."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from pathlib import Path

import streamlit as st
from pydantic import BaseModel, ConfigDict, Field

from shared.i18n import Translator
from shared.settings import REPOSITORY, get_settings
from shared.themes import load_theme
from shared.ui.language import translator

AUDIT_FILE = REPOSITORY / "docs" / "audit.json"
logger = logging.getLogger(__name__)


class Audit(BaseModel):
    """What the statement takes from the report of `python -m tests.e2e.audit`."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    audited_at: datetime
    grave: int = Field(ge=0)
    axe_allowances: int = Field(ge=0)
    pages: list[dict[str, object]]


def read_audit(path: Path) -> Audit | None:
    """Read the last report; None if there is none that can be read."""
    if not path.is_file():
        return None
    try:
        return Audit.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except ValueError:
        logger.exception("%s is no audit report", path.name)
        return None


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
