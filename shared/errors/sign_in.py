"""Signing in at the municipality's own service (Keycloak)."""

from __future__ import annotations

from shared.errors.base import N_
from shared.errors.operation import OperationError
from shared.errors.requests import RequestError


class SignInServiceDown(OperationError):
    """The service does not answer, or not as agreed; `reason` is for the log."""

    code = "anmeldedienst_fehlt"
    retry = "wait"
    user_message = N_("Der Anmeldedienst ist nicht erreichbar.")
    what_to_do = N_("Bitte versuchen Sie es in einigen Minuten noch einmal.")
    http_status = 503


class SignInFailed(RequestError):
    """A login did not come to its end; `reason` is for the log."""

    code = "anmeldung_gescheitert"
    user_message = N_("Die Anmeldung ist nicht gelungen.")
    what_to_do = N_("Bitte beginnen Sie die Anmeldung noch einmal.")


class RoleMissing(RequestError):
    """The person is known, but has no role in any municipality."""

    code = "rolle_fehlt"
    user_message = N_("Ihr Konto hat keine Rolle.")
    what_to_do = N_("Bitte wenden Sie sich an Ihre Administration.")
    http_status = 403
