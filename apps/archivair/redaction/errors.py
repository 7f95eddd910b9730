"""Errors of redaction.

UrbanKiError
├── ResidueFound               the check found personal data in the finished file
└── InputError
    ├── ProfileUnknown         no such profile
    ├── FactsUnusable          the file of the case's names cannot be used
    ├── PageNotRead            a page cannot be read, so nothing is handed out
    └── NothingToHandOut       the profile holds every page back
"""

from __future__ import annotations

from shared.errors import N_, InputError, UrbanKiError


class ResidueFound(UrbanKiError):
    """What should be gone is still there: no file is written."""

    code = "schwaerzung_unvollstaendig"
    user_message = N_("Die Prüfung hat noch {count} Reste entfernter Angaben gefunden: {places}.")
    what_to_do = N_("Es wurde keine Datei geschrieben. Ergänzen Sie die Namen mit --facts.")


class ProfileUnknown(InputError):
    """No such profile."""

    code = "profil_unbekannt"
    user_message = N_("Das Profil „{name}“ gibt es nicht.")
    what_to_do = N_("Möglich sind: {known}.")


class FactsUnusable(InputError):
    """The file of names has another form."""

    code = "angaben_unbrauchbar"
    user_message = N_("Die Datei „{name}“ mit den Namen des Falls kann nicht gelesen werden.")
    what_to_do = N_(
        "Erlaubt ist JSON mit owners, neighbours, officials, others, property_addresses"
        " und page_classes."
    )


class PageNotRead(InputError):
    """A page that cannot be read cannot be redacted."""

    code = "seite_nicht_pruefbar"
    user_message = N_("Seite {page} kann nicht gelesen und darum nicht geschwärzt werden. {reason}")
    what_to_do = N_("Bitte nehmen Sie die Seite heraus oder scannen Sie sie neu.")


class NothingToHandOut(InputError):
    """Every page is held back."""

    code = "nichts_herauszugeben"
    user_message = N_("Das Profil hält alle Seiten dieser Datei zurück.")
    what_to_do = N_("Bitte wählen Sie ein anderes Profil oder eine andere Datei.")
