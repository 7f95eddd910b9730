"""Requests that cannot be answered as a whole."""

from __future__ import annotations

from shared.errors.base import N_, CatalogueText
from shared.errors.inputs import InputError


class RequestError(InputError):
    """The whole request is unusable."""


class BadRequest(RequestError):
    """Malformed request to the model server."""

    code = "anfrage_ungueltig"
    user_message = N_("Die Anfrage ist ungültig: {field}")
    what_to_do = N_("Bitte prüfen Sie das genannte Feld.")


class NotSignedIn(RequestError):
    """Token missing or wrong."""

    code = "nicht_angemeldet"
    user_message = N_("Die Anmeldung fehlt oder ist abgelaufen.")
    what_to_do = N_("Bitte melden Sie sich neu an.")
    http_status = 401


class NotAllowed(RequestError):
    """Known, but without the right.

    Args:
        action: What was refused, as the policy table names it; empty where no action is meant.
        what: The same in German.
    """

    code = "keine_berechtigung"
    user_message = N_("Dafür fehlt Ihnen die Berechtigung ({what}).")
    what_to_do = N_("Zuständig: Ihre Administration.")
    http_status = 403

    def __init__(self, action: str = "", what: str = N_("Zugang")) -> None:
        super().__init__(action=action, what=CatalogueText(what))


class NotFound(RequestError):
    """Unknown page or route."""

    code = "nicht_gefunden"
    user_message = N_("Diese Seite gibt es nicht.")
    what_to_do = N_("Bitte gehen Sie zur Startseite.")
    http_status = 404


class ResultMissing(NotFound):
    """The address names a run that is not there, or not for this municipality."""

    code = "ergebnis_fehlt"
    user_message = N_("Dieses Ergebnis gibt es hier nicht.")
    what_to_do = N_("Vielleicht wurde es gelöscht oder die Adresse ist unvollständig.")


class ModelMissing(RequestError):
    """Model or version unknown, or its weights are absent."""

    code = "modell_fehlt"
    user_message = N_("Das Modell {model} ist nicht vorhanden.")
    what_to_do = N_("Die Seite „Modelle“ zeigt, welche Modelle bereitstehen.")
    http_status = 404


class MethodNotAllowed(RequestError):
    """Wrong HTTP method."""

    code = "methode_falsch"
    user_message = N_("Diese Art der Anfrage ist hier nicht möglich.")
    what_to_do = N_("Bitte beachten Sie die Beschreibung der Schnittstelle.")
    http_status = 405


class LengthRequired(RequestError):
    """Neither Content-Length nor chunked."""

    code = "laenge_fehlt"
    user_message = N_("Der Anfrage fehlt die Angabe ihrer Länge.")
    what_to_do = N_("Bitte beachten Sie die Beschreibung der Schnittstelle.")
    http_status = 411


class RequestTooLarge(RequestError):
    """Body above the limit."""

    code = "anfrage_zu_gross"
    user_message = N_("Die Anfrage ist größer als {limit_mb} MB.")
    what_to_do = N_("Bitte senden Sie weniger oder kleinere Bilder auf einmal.")
    http_status = 413


class UnsupportedContentType(RequestError):
    """Content type outside the allow-list; always for pickle."""

    code = "inhaltstyp"
    user_message = N_("Dieser Inhaltstyp wird nicht angenommen.")
    what_to_do = N_("Bitte beachten Sie die Beschreibung der Schnittstelle.")
    http_status = 415
