"""How bearer tokens are checked: by the installation's keys or the provider's, never by both."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from shared.contracts.identity.jwks import KeyCache
from shared.contracts.identity.oidc_settings import OidcSettings, load_oidc_settings
from shared.contracts.identity.principal import Principal
from shared.contracts.identity.provider_keys import ProviderKeys, provider_keys
from shared.contracts.identity.provider_tokens import (
    access_key_name,
    principal_of,
    verify_access_token,
)
from shared.contracts.identity.tokens import TokenRefused, verify_token
from shared.errors import ModelServerNotReady, SignInServiceDown
from shared.settings import Settings


class TokenCheck(Protocol):
    """Says whom a token speaks for."""

    def verify(self, token: str, wall_s: float, steady_s: float) -> Principal:
        """Return who it is.

        Args:
            token: What came after "Bearer ".
            wall_s: Unix time in seconds.
            steady_s: Seconds of a clock that never goes back.

        Raises:
            TokenRefused: Anything about it is not as it must be.
            ModelServerNotReady: There are no keys yet.
        """

    def is_at_hand(self, token: str, steady_s: float) -> bool:
        """Say whether `verify` answers at once, without waiting for another server."""


class InstallationTokens:
    """Tokens that this installation has signed.

    Args:
        settings: File of the public keys; it may appear later.
    """

    def __init__(self, settings: Settings) -> None:
        self._keys = KeyCache(settings.key_set_file)

    def verify(self, token: str, wall_s: float, steady_s: float) -> Principal:
        """See `TokenCheck.verify`."""
        return verify_token(token, partial(self._keys.key_for, now=steady_s), wall_s)

    def is_at_hand(self, _token: str, _steady_s: float) -> bool:
        """Say yes: a small file is all that is ever read."""
        return True


class ProviderAccessTokens:
    """Access tokens of the provider.

    Args:
        settings: The realm.
        keys: Its keys.
    """

    def __init__(self, settings: OidcSettings, keys: ProviderKeys) -> None:
        self._rules = settings.rules
        self._keys = keys

    def verify(self, token: str, wall_s: float, steady_s: float) -> Principal:
        """See `TokenCheck.verify`; may take as long as the provider."""
        key_for = partial(self._keys.key_for, now=steady_s)
        try:
            claims = verify_access_token(token, self._rules, key_for, wall_s)
        except SignInServiceDown as cause:
            raise ModelServerNotReady() from cause
        return principal_of(claims, self._rules)

    def is_at_hand(self, token: str, steady_s: float) -> bool:
        """See `TokenCheck.is_at_hand`; what is no token at all is refused at once."""
        try:
            return self._keys.is_at_hand(access_key_name(token, self._rules), steady_s)
        except TokenRefused:
            return True


def token_check(settings: Settings) -> TokenCheck:
    """Return the one check that the settings name.

    Args:
        settings: How people and programs sign in.

    Raises:
        SettingInvalid: The issuer is no realm or not encrypted, or another value is unusable.
    """
    if settings.auth_mode == "keycloak":
        chosen = load_oidc_settings(settings, with_secrets=False)
        return ProviderAccessTokens(chosen, provider_keys(chosen))
    return InstallationTokens(settings)
