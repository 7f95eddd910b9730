"""The model server could not answer."""

from __future__ import annotations

from shared.errors.base import N_, UrbanKiError


class ModelServerError(UrbanKiError):
    """The model server could not answer."""

    code = "modellserver"
    http_status = 503


class ModelServerDown(ModelServerError):
    """Nobody answers at the address."""

    code = "modellserver_aus"
    retry = "wait"
    user_message = N_("Der Modellserver antwortet nicht.")
    what_to_do = N_("Ihre Eingaben bleiben erhalten. Es geht von selbst weiter, sobald er läuft.")


class ModelServerNotReady(ModelServerError):
    """Starting or stopping."""

    code = "nicht_bereit"
    retry = "wait"
    user_message = N_("Der Modellserver startet gerade.")
    what_to_do = N_("Bitte warten Sie einen Augenblick. Es geht von selbst weiter.")


class ModelServerBusy(ModelServerError):
    """Queue or token bucket full."""

    code = "ausgelastet"
    retry = "wait"
    user_message = N_("Der Modellserver ist ausgelastet.")
    what_to_do = N_("Es wird automatisch erneut versucht.")
    http_status = 429


class ModelServerTimeout(ModelServerError):
    """No answer in time."""

    code = "zeitueberschreitung"
    retry = "attempts"
    user_message = N_("Die Auswertung hat zu lange gedauert.")
    what_to_do = N_("Bitte versuchen Sie es mit einem kleineren Bild oder später noch einmal.")
    http_status = 504


class ModelServerFault(ModelServerError):
    """A bug in the model server; the traceback is in its log."""

    code = "interner_fehler"
    retry = "attempts"
    user_message = N_("Im Modellserver ist ein Fehler aufgetreten.")
    what_to_do = N_("Bitte nennen Sie der Systembetreuung die Kennung der Anfrage.")
    http_status = 500


class ModelServerRefusal(ModelServerError):
    """A refusal that only a newer server knows; its own German words are passed on."""

    code = "modellserver_ablehnung"
    user_message = N_("Der Modellserver lehnt die Anfrage ab: {message}")
    what_to_do = N_("{advice}")
    http_status = 502


class ModelCrashed(ModelServerError):
    """The model server broke off twice over the same item; it is not sent a third time."""

    code = "modell_abgestuerzt"
    retry = "attempts"
    user_message = N_("Der Modellserver ist an dieser Eingabe zweimal abgestürzt.")
    what_to_do = N_("Bitte prüfen Sie die Datei. Alle anderen Eingaben sind nicht betroffen.")
    http_status = 502


class AnswerMismatch(ModelServerError):
    """The answer does not belong to what was sent; it is thrown away."""

    code = "antwort_vertauscht"
    user_message = N_("Die Antwort des Modellservers passt nicht zur Anfrage und wurde verworfen.")
    what_to_do = N_("Bitte melden Sie den Fehler der Systembetreuung.")
    http_status = 502


class ModelChanged(ModelServerError):
    """The model was replaced while a job ran."""

    code = "modell_gewechselt"
    retry = "attempts"
    user_message = N_("Während der Auswertung wurde das Modell ausgetauscht.")
    what_to_do = N_("Bitte starten Sie die Auswertung noch einmal.")
    http_status = 409
