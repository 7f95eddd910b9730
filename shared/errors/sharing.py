"""Recipes and models of others that cannot be taken over."""

from __future__ import annotations

from shared.errors.base import N_, CatalogueText
from shared.errors.inputs import InputError


class RecipePackageRefused(InputError):
    """A shared recipe that is damaged, too large or dangerous."""

    code = "rezeptpaket_abgelehnt"
    user_message = N_("Das Rezeptpaket „{name}“ wird nicht angenommen: {reason}")
    what_to_do = N_("Bitte lassen Sie sich das Paket neu schicken und ändern Sie nichts darin.")

    def __init__(self, *, reason: str, **details: object) -> None:
        super().__init__(reason=CatalogueText(reason), **details)


class RecipeTestFailed(InputError):
    """A shared recipe finds something else in its test image than it says."""

    code = "rezept_nicht_bestanden"
    user_message = N_(
        "Das Rezept besteht seine Prüfung hier nicht: {what} ist {found} statt {wanted}."
    )
    what_to_do = N_("Bitte fragen Sie, wer das Rezept ausgegeben hat; verwenden Sie es nicht.")

    def __init__(self, *, what: str, **details: object) -> None:
        super().__init__(what=CatalogueText(what), **details)


class OwnModelRefused(InputError):
    """A model file of the user that cannot be run."""

    code = "eigenes_modell_abgelehnt"
    user_message = N_("Das Modell „{name}“ lässt sich nicht verwenden: {reason}")
    what_to_do = N_(
        "Nötig ist ONNX mit den Angaben model_type, class_names, resolution und tiles_size, "
        "oder eine card.toml daneben."
    )

    def __init__(self, *, reason: str, **details: object) -> None:
        super().__init__(reason=CatalogueText(reason), **details)


class RecipeVersionTaken(InputError):
    """A shared recipe with the name and version of another one that was taken over before."""

    code = "rezept_version_vergeben"
    user_message = N_(
        "Ein Rezept „{recipe}“ mit der Version {version} ist schon eingelesen und hat einen "
        "anderen Inhalt."
    )
    what_to_do = N_(
        "Bitte lassen Sie sich das geänderte Rezept mit einer neuen Versionsnummer schicken."
    )
