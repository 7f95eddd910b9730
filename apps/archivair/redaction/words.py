"""Words of redaction for people: categories, roles, reasons are texts of the catalogue."""

from __future__ import annotations

from apps.archivair.redaction.hits import PiiHit
from apps.archivair.redaction.profiles import PROFILES, Profile
from shared.i18n import N_, Translator

CATEGORY_WORDS = {
    "person_name": N_("Name einer Person"),
    "birth_date": N_("Geburtsdatum"),
    "phone": N_("Rufnummer"),
    "email": N_("E-Mail-Adresse"),
    "address_private": N_("private Anschrift"),
    "bank": N_("Bankverbindung"),
    "tax_id": N_("Steuernummer"),
    "id_document": N_("Ausweisnummer"),
    "social_security": N_("Versicherungsnummer"),
    "vehicle_plate": N_("Kennzeichen eines Fahrzeugs"),
    "signature": N_("Unterschrift"),
    "health": N_("Angabe zur Gesundheit"),
    "income": N_("Angabe zum Einkommen"),
    "family": N_("Angabe zur Familie"),
    "photo_person": N_("Person auf einem Foto"),
    "own": N_("eigener Kasten"),
}
ROLE_WORDS = {
    "owner": N_("Bauherrschaft oder Eigentum"),
    "planner": N_("Entwurf oder Bauleitung"),
    "expert": N_("Prüfung oder Gutachten"),
    "neighbour": N_("Nachbarschaft"),
    "official": N_("Amtsperson im Dienst"),
    "": N_("Rolle unbekannt"),
}
PROFILE_WORDS = {
    "eigentuemer": N_("Eigentümerin oder Eigentümer"),
    "nachbar": N_("Nachbarin oder Nachbar"),
    "forschung": N_("Forschung"),
    "intern": N_("Intern, nur für den Dienstgebrauch"),
}
REASON_WORDS = {
    one: one
    for one in (
        N_("Anschrift, nicht die des Grundstücks"),
        N_("Angabe zum Einkommen"),
        N_("Angabe zur Familie"),
        N_("Angabe zur Gesundheit"),
        N_("Ausweisnummer"),
        N_("Bankleitzahl"),
        N_("Familie"),
        N_("Form einer E-Mail-Adresse"),
        N_("Form einer IBAN, Prüfziffer stimmt nicht"),
        N_("Form einer Rufnummer"),
        N_("Form einer Steuernummer"),
        N_("Form einer Versicherungsnummer"),
        N_("Form eines Kennzeichens"),
        N_("Geburtsdatum"),
        N_("IBAN, Prüfziffer stimmt"),
        N_("Kasten einer Person"),
        N_("Kennzeichen"),
        N_("Konto"),
        N_("Konto mit Bankleitzahl"),
        N_("Name der Akte"),
        N_("Name der Akte, getrennt"),
        N_("Name nach einer Anrede"),
        N_("Name nach einer Beschriftung"),
        N_("Name unter einem Schriftzug"),
        N_("Name unter einer Beschriftung"),
        N_("Name unter einer Schlussformel"),
        N_("Name vor einer Anschrift"),
        N_("Name über einer Anschrift"),
        N_("Rufnummer"),
        N_("Schriftzug bei einer Unterschrift"),
        N_("Steuer-ID, Prüfziffer stimmt"),
        N_("Steuernummer"),
        N_("Versicherungsnummer"),
        N_("Vorname mit Nachname"),
    )
}
"""Every reason that a finder gives."""


def profile_names() -> tuple[str, ...]:
    """Return the profiles in the order of the screen."""
    return tuple(one for one in PROFILE_WORDS if one in PROFILES)


def removed_words(profile: Profile, t: Translator) -> list[str]:
    """Return what a profile removes.

    Args:
        profile: The profile.
        t: Translator of the app.
    """
    names = [t(ROLE_WORDS[one]) for one in ROLE_WORDS if one in profile.names]
    found = [t("Namen: {roles}", roles=", ".join(names))] if names else []
    return found + [t(CATEGORY_WORDS[one]) for one in CATEGORY_WORDS if one in profile.remove]


def reason_words(hit: PiiHit, t: Translator) -> str:
    """Return why something is personal.

    Args:
        hit: The hit.
        t: Translator of the app.
    """
    return t(REASON_WORDS.get(hit.reason, hit.reason))
