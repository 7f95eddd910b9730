"""What the realm says about itself, read at the start and again until it answers."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from threading import Lock
from typing import Any

from shared.auth.oidc_settings import OidcSettings
from shared.contracts.identity.provider_fetch import fetch_document
from shared.errors import SignInServiceDown

RETRY_S = 10.0
FRESH_S = 600.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Provider:
    """Addresses that the browser is sent to.

    Args:
        authorization_url: Where people sign in.
        logout_url: Where they sign out.
        names_itself: The provider puts its name into its answers (RFC 9207).
    """

    authorization_url: str
    logout_url: str
    names_itself: bool


def discover(settings: OidcSettings) -> Provider:
    """Ask the realm and check that it is the one of the settings.

    Args:
        settings: Realm and client.

    Raises:
        SignInServiceDown: It does not answer, has another name, or cannot do what is needed.
    """
    url = f"{settings.realm_url}/.well-known/openid-configuration"
    document = fetch_document(url, settings.timeout_s, settings.ca_file)
    if document.get("issuer") != settings.issuer:
        raise SignInServiceDown(reason="issuer")
    if "S256" not in _names(document, "code_challenge_methods_supported"):
        raise SignInServiceDown(reason="pkce")
    return Provider(
        authorization_url=_address(document, "authorization_endpoint", settings.issuer),
        logout_url=_address(document, "end_session_endpoint", settings.issuer),
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


class Discovery:
    """The realm as this process knows it; threads may share it.

    Args:
        settings: Realm and client.
    """

    def __init__(self, settings: OidcSettings) -> None:
        self._settings = settings
        self._known: Provider | None = None
        self._good_at = self._tried_at = float("-inf")
        self._lock = Lock()

    def provider(self, now: float) -> Provider:
        """Return the realm's addresses; ask at most once in 10 s, and again after 10 min.

        Args:
            now: Seconds of a clock that never goes back.

        Raises:
            SignInServiceDown: It has not answered yet.
        """
        with self._lock:
            is_old = now - self._good_at >= FRESH_S
            if is_old and now - self._tried_at >= RETRY_S:
                self._ask(now)
            if self._known is None:
                raise SignInServiceDown(reason="discovery")
            return self._known

    def _ask(self, now: float) -> None:
        self._tried_at = now
        try:
            self._known = discover(self._settings)
            self._good_at = now
        except SignInServiceDown as error:
            _log.warning("the realm was not read: %s", error.details.get("reason"))


def _address(document: dict[str, Any], name: str, issuer: str) -> str:
    """Return an address that lies in the realm: nobody is sent to another place."""
    address = document.get(name)
    if not isinstance(address, str) or not address.startswith(f"{issuer}/"):
        raise SignInServiceDown(reason=name)
    if "?" in address or "#" in address:
        raise SignInServiceDown(reason=name)
    return address


def _names(document: dict[str, Any], name: str) -> list[str]:
    names = document.get(name)
    return [entry for entry in names if isinstance(entry, str)] if isinstance(names, list) else []
