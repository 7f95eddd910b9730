"""Names of the classes of documents for people."""

from __future__ import annotations

from shared.i18n import N_, Translator

CLASS_WORDS = {
    "deckblatt": N_("Aktendeckblatt"),
    "bauantrag": N_("Bauantrag (Formular, Gesuch)"),
    "baubeschreibung": N_("Bau- oder Betriebsbeschreibung"),
    "lageplan": N_("Lageplan"),
    "liegenschaftskarte": N_("Auszug aus Liegenschaftskarte oder Flurkarte"),
    "grundriss": N_("Grundriss"),
    "schnitt_ansicht": N_("Schnitt oder Ansicht"),
    "entwaesserung": N_("Entwässerungsplan oder -antrag"),
    "statik": N_("Standsicherheitsnachweis oder Prüfbericht"),
    "nachweis": N_("Wärme-, Schall- oder Brandschutznachweis"),
    "flaechen": N_("Wohn- und Nutzfläche, umbauter Raum"),
    "stellplatz": N_("Stellplatznachweis"),
    "genehmigung": N_("Baugenehmigung, Bauschein, Nachtrag"),
    "abnahme": N_("Rohbau- oder Schlussabnahme"),
    "baulast_befreiung": N_("Baulast, Abweichung, Befreiung"),
    "nachbar": N_("Nachbarzustimmung"),
    "stellungnahme": N_("Stellungnahme anderer Stellen"),
    "gebuehr": N_("Gebührenbescheid, Rechnung"),
    "schriftverkehr": N_("Schriftverkehr, Vermerk"),
    "foto": N_("Foto"),
    "leer": N_("leere Seite"),
    "unklar": N_("Art unklar"),
}
"""The 20 classes in their fixed order, then what is none of them."""

SHORT_WORDS = {
    "bauantrag": N_("Bauantrag"),
    "baubeschreibung": N_("Baubeschreibung"),
    "liegenschaftskarte": N_("Liegenschaftskarte"),
    "entwaesserung": N_("Entwässerung"),
    "statik": N_("Standsicherheitsnachweis"),
    "nachweis": N_("Nachweis"),
    "flaechen": N_("Wohn- und Nutzfläche"),
    "genehmigung": N_("Baugenehmigung"),
    "abnahme": N_("Abnahme"),
    "baulast_befreiung": N_("Baulast, Befreiung"),
    "stellungnahme": N_("Stellungnahme"),
    "gebuehr": N_("Gebührenbescheid"),
    "schriftverkehr": N_("Schriftverkehr"),
}
"""For where there is little room; the others are short already."""


def class_word(document_class: str, t: Translator) -> str:
    """Return the name of a class.

    Args:
        document_class: One of the 20 classes, "leer" or "unklar".
        t: Translator of the app.
    """
    return t(CLASS_WORDS[document_class])


def short_class_word(document_class: str, t: Translator) -> str:
    """Return a name of a class of at most about 25 letters; arguments as above."""
    return t(SHORT_WORDS.get(document_class, CLASS_WORDS[document_class]))
