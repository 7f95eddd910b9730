"""Calls to Keycloak's token and logout addresses; the only module that knows python-keycloak.

The library writes a person's token into headers that all users of one object share: with one
object, threads get each other's answers. Therefore every call here makes its own. Its
`decode_token` checks too little and is never used.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from keycloak import KeycloakOpenID
from keycloak.exceptions import KeycloakConnectionError, KeycloakError, KeycloakPostError

from shared.auth.oidc_settings import OidcSettings
from shared.errors import SignInServiceDown

MAX_VALUE_CHARACTERS = 16 * 1024
_REFUSAL = (400, "invalid_grant")
_log = logging.getLogger(__name__)


class GrantRefused(Exception):
    """The provider no longer accepts a code or a refresh token."""


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What the provider has handed out; nothing of it has been checked yet.

    Args:
        access_token: For the model server.
        refresh_token: For the next access token; works once. Empty for jobs.
        id_token: Says who has signed in. Empty where the provider sent none.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    id_token: str = field(repr=False)


def exchange_code(settings: OidcSettings, code: str, code_verifier: str) -> TokenAnswer:
    """Turn the code of a login into tokens.

    Args:
        settings: Realm and client.
        code: What the browser has brought back.
        code_verifier: The secret of this login (PKCE, RFC 7636).

    Raises:
        GrantRefused: The code is used up, too old, or of another login.
        SignInServiceDown: No answer, or none that can be used.
    """
    return _tokens(
        lambda: open_client(settings).token(
            grant_type="authorization_code",
            code=code,
            redirect_uri=settings.redirect_uri,
            code_verifier=code_verifier,
        )
    )


def refresh(settings: OidcSettings, refresh_token: str) -> TokenAnswer:
    """Get new tokens; the old refresh token ends.

    Args:
        settings: Realm and client.
        refresh_token: The newest one of the session.

    Raises:
        GrantRefused: The session has ended at the provider.
        SignInServiceDown: No answer, or none that can be used.
    """
    return _tokens(lambda: open_client(settings).refresh_token(refresh_token))


def jobs_token(settings: OidcSettings) -> TokenAnswer:
    """Get an access token for jobs that nobody is signed in for.

    Args:
        settings: Realm and client of jobs.

    Raises:
        GrantRefused: The provider does not know the client any more.
        SignInServiceDown: No answer, or none that can be used.
    """
    client = open_client(settings, settings.jobs_client, settings.jobs_secret)
    return _tokens(lambda: client.token(grant_type="client_credentials"))


def end_session(settings: OidcSettings, refresh_token: str) -> bool:
    """End a person's session at the provider; say whether that worked.

    Args:
        settings: Realm and client.
        refresh_token: The newest one of the session.
    """
    try:
        open_client(settings).logout(refresh_token)
    except (KeycloakError, TypeError) as cause:
        _log.warning("the provider did not end a session: %s", _public_reason(cause))
        return False
    return True


def open_client(
    settings: OidcSettings, client_id: str | None = None, secret: str | None = None
) -> KeycloakOpenID:
    """Make a client for one call.

    Args:
        settings: Realm and client.
        client_id: Another client than the gallery's.
        secret: Its secret.
    """
    client = KeycloakOpenID(
        server_url=settings.server_url,
        realm_name=settings.realm,
        client_id=client_id or settings.client_id,
        client_secret_key=secret if client_id else settings.client_secret,
        # The library repeats calls whose answer was lost; a repeated refresh looks like theft.
        max_retries=0,
        timeout=settings.timeout_s,  # type: ignore[arg-type]  # the library takes fractions
        # Only for its asynchronous half, which is never used and would load all certificates.
        verify=False,
    )
    client.connection.verify = True if settings.ca_file is None else str(settings.ca_file)
    return client


def _tokens(call: Callable[[], dict[str, Any]]) -> TokenAnswer:
    try:
        answer = call()
    except (KeycloakError, TypeError) as cause:
        if isinstance(cause, KeycloakPostError) and _error_code(cause) == _REFUSAL:
            raise GrantRefused(_REFUSAL[1]) from cause
        raise SignInServiceDown(reason=_public_reason(cause)) from cause
    return TokenAnswer(
        access_token=_value(answer, "access_token", needed=True),
        refresh_token=_value(answer, "refresh_token"),
        id_token=_value(answer, "id_token"),
    )


def _value(answer: dict[str, Any], name: str, *, needed: bool = False) -> str:
    value = answer.get(name, "")
    if not isinstance(value, str) or len(value) > MAX_VALUE_CHARACTERS or (needed and not value):
        raise SignInServiceDown(reason=f"answer_{name}")
    return value


def _error_code(cause: KeycloakError) -> tuple[int, object]:
    """Return HTTP status and name of an error (RFC 6749, section 5.2)."""
    try:
        name = json.loads(cause.response_body or b"{}")["error"]
    except (ValueError, KeyError, TypeError):
        name = None
    return cause.response_code or 0, name


def _public_reason(cause: Exception) -> str:
    """Say what went wrong without words of the answer, which may hold tokens."""
    if isinstance(cause, KeycloakError) and not isinstance(cause, KeycloakConnectionError):
        return f"status_{cause.response_code}"
    return type(cause).__name__
