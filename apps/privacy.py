"""Page "Datenschutz": what happens to data."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import streamlit as st

from shared.auth.audited_work import delete_own
from shared.auth.session import principal
from shared.contracts.identity.policy import RESULT_DELETE_OWN, decide
from shared.errors import UrbanKiError
from shared.i18n import Translator
from shared.registry.discover import manifests
from shared.settings import get_settings
from shared.store.retention import periods
from shared.store.store import process_store
from shared.themes import load_theme
from shared.ui.failures import show_failure
from shared.ui.kiosk import is_kiosk
from shared.ui.language import translator
from shared.ui.result import Column, table

WRITING_ENDS_WITHIN_S = 1.5


def show_periods(t: Translator) -> None:
    """Show for each app how long its files and results are kept."""
    settings = get_settings()
    rows = []
    for app in manifests(only=settings.app_ids):
        kept = periods(settings, app.id)
        if kept is not None:
            rows.append(
                {
                    "app": app.localized("title", t.language),
                    "uploads": days(kept.uploads, t),
                    "results": days(kept.results, t),
                    "decisions": days(kept.decisions, t),
                }
            )
    columns = [
        Column("app", t("Anwendung")),
        Column("uploads", t("Hochgeladene Dateien")),
        Column("results", t("Ergebnisse")),
        Column("decisions", t("Entscheidungen")),
    ]
    alt = t("Wie lange jede Anwendung etwas aufbewahrt")
    table(rows, columns=columns, key="privacy_periods", alt=alt, t=t)


def days(period: timedelta, t: Translator) -> str:
    """Write a period; less than a day means until the session ends."""
    if not period.days:
        return t("bis zum Ende der Sitzung")
    return t.plural("{count} Tag", "{count} Tage", period.days)


def offer_deletion(t: Translator) -> None:
    """Offer to delete everything that the person has ordered."""
    if not decide(principal(), RESULT_DELETE_OWN).allowed:
        return
    if st.button(t("Alles löschen, was ich ausgewertet habe"), key="privacy_delete"):
        st.dialog(t("Alles löschen?"))(confirm_deletion)(t)
    deleted = st.session_state.pop("privacy_deleted", None)
    if deleted is not None:
        st.success(
            t(
                "Gelöscht: {runs} Aufträge und {files} Dateien.",
                runs=t.number(deleted.runs),
                files=t.number(deleted.files),
            )
        )


def confirm_deletion(t: Translator) -> None:
    """Ask back, delete, and prove it."""
    st.markdown(
        t(
            "Alle Ihre Aufträge werden mit Eingaben, Ergebnissen und Entscheidungen gelöscht. "
            "Laufende werden abgebrochen. Das lässt sich nicht rückgängig machen."
        )
    )
    if not st.button(t("Ja, löschen"), key="privacy_delete_yes", type="primary"):
        return
    try:
        st.session_state["privacy_deleted"] = delete_own(
            principal(),
            process_store(),
            now=datetime.now(UTC),
            patience_s=WRITING_ENDS_WITHIN_S,
        )
    except UrbanKiError as error:
        show_failure(error, t)
        return
    st.rerun()


t = translator()
st.title(t("Datenschutz"), anchor=False)
st.header(t("Wo Ihre Daten bleiben"), anchor=False)
st.markdown(t("Galerie und Modellserver laufen auf diesem Rechner. Nichts geht ins Internet."))
st.markdown(
    t(
        "Ihre Dateien, Aufträge und Ergebnisse liegen im Datenordner dieser Installation. "
        "Andere Kommunen sehen sie nicht. Nach Ablauf der Frist werden sie von selbst gelöscht; "
        "Sie können sie jederzeit früher löschen."
    )
)
show_periods(t)
if not is_kiosk():
    offer_deletion(t)
st.markdown(t("Der Modellserver speichert weder Bilder noch Texte."))
st.header(t("Was gespeichert wird"), anchor=False)
st.markdown(
    t(
        "Cookies merken sich Ihre Anmeldung und die gewählte Sprache, zwei weitere schützen vor "
        "gefälschten Anfragen. Alle enden mit der Browsersitzung."
    )
)
st.markdown(
    t(
        "Wer sich anmeldet und was dabei hoch- oder heruntergeladen, ausgewertet, gelöscht, "
        "freigegeben oder verwaltet wird, steht {days} Tage lang unter einem Pseudonym in einem "
        "Protokoll, an dem jede Änderung auffällt.",
        days=get_settings().retention_audit_days,
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
