"""Recipes of aviary that cannot be used."""

from __future__ import annotations

from shared.errors.base import N_, CatalogueText
from shared.errors.inputs import InputError


class RecipeUnknown(InputError):
    """No recipe of that name."""

    code = "rezept_unbekannt"
    user_message = N_("Das Rezept „{name}“ gibt es nicht. Am ähnlichsten ist „{nearest}“.")
    what_to_do = N_("Alle Rezepte zeigt: python -m apps.aviary recipes")


class RecipeBroken(InputError):
    """A recipe file that cannot be used."""

    code = "rezept_defekt"
    user_message = N_("Die Rezeptdatei „{name}“ ist fehlerhaft: {reason}")
    what_to_do = N_("Bitte verwenden Sie eine unveränderte Rezeptdatei.")


class RecipeInputMissing(InputError):
    """A recipe works with a file that was not given."""

    code = "rezept_braucht_datei"
    user_message = N_("Das Rezept „{recipe}“ braucht eine weitere Datei: {what}.")
    what_to_do = N_("Bitte geben Sie sie an (auf der Befehlszeile mit {flag}).")

    def __init__(self, *, what: str, **details: object) -> None:
        super().__init__(what=CatalogueText(what), **details)


class RecipeInputUnused(InputError):
    """A file was given with which a recipe does not work."""

    code = "rezept_ohne_datei"
    user_message = N_("Das Rezept „{recipe}“ verwendet {flag} nicht.")
    what_to_do = N_("Bitte lassen Sie {flag} weg oder wählen Sie ein anderes Rezept.")
