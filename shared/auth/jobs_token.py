"""Access tokens for jobs that nobody is signed in for, from the realm's client for jobs."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from threading import Lock

from shared.auth import keycloak
from shared.auth.keycloak import GrantRefused
from shared.auth.oidc_settings import OidcSettings, load_oidc_settings
from shared.contracts.identity.provider_keys import provider_keys
from shared.contracts.identity.provider_tokens import verify_access_token
from shared.contracts.identity.signed import KeyFor, TokenRefused
from shared.errors import SignInServiceDown
from shared.settings import Settings

RENEW_BELOW_S = 60


class JobsToken:
    """A source of tokens of the realm's client for jobs; threads may share it.

    Args:
        settings: Realm and client of jobs.
        key_for: Gives the provider's key of a name.
        clock: Gives Unix time in seconds.
    """

    def __init__(
        self, settings: OidcSettings, key_for: KeyFor, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._key_for = key_for
        self._clock = clock
        self._lock = Lock()
        self._token = ""
        self._renew_at = float("-inf")

    def token(self) -> str:
        """Return a token that is good for at least 60 s.

        Raises:
            SignInServiceDown: The provider gives none that can be used.
        """
        with self._lock:
            return self._token if self._clock() < self._renew_at else self._fetch()

    def renew(self) -> str:
        """Return a new token, because the last one was not accepted; errors as above."""
        with self._lock:
            return self._fetch()

    def _fetch(self) -> str:
        settings, now = self._settings, self._clock()
        try:
            answer = keycloak.jobs_token(settings)
            claims = verify_access_token(answer.access_token, settings.rules, self._key_for, now)
        except (GrantRefused, TokenRefused) as cause:
            raise SignInServiceDown(reason=f"jobs_{cause}") from cause
        if claims["azp"] != settings.jobs_client:
            raise SignInServiceDown(reason="jobs_azp")
        self._token, self._renew_at = answer.access_token, claims["exp"] - RENEW_BELOW_S
        return self._token


@lru_cache(maxsize=1)
def process_jobs_token(settings: Settings) -> JobsToken:
    """Return the source that all of this process shares.

    Args:
        settings: What begins with `oidc_`.

    Raises:
        SecretUnusable: The client's secret cannot be read.
        SettingInvalid: The issuer is no realm or not encrypted, or another value is unusable.
    """
    chosen = load_oidc_settings(settings)
    keys = provider_keys(chosen)
    return JobsToken(chosen, lambda kid: keys.key_for(kid, time.monotonic()))
