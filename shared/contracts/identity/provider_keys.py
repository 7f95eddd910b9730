"""The provider's public keys: fetched seldom and on demand, kept while it cannot be reached.

A JSON Web Key Set (RFC 7517); keys for encryption, of other kinds or too short are left out.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from shared.contracts.identity.oidc_settings import OidcSettings
from shared.contracts.identity.provider_fetch import fetch_document
from shared.contracts.identity.provider_tokens import ALGORITHMS
from shared.contracts.identity.signed import KEY_NAME, TokenRefused, TrustedKey
from shared.errors import SignInServiceDown

FRESH_S = 600.0
LONGEST_WITHOUT_PROVIDER_S = 24 * 3600.0
UNKNOWN_WAIT_S = 10.0
MAX_KEYS = 32
LEAST_RSA_BITS = 2048
_ELLIPTIC = ("ES256",)
_RSA = tuple(name for name in ALGORITHMS if name not in _ELLIPTIC)
_log = logging.getLogger(__name__)


def read_provider_keys(document: Mapping[str, Any], issuer: str) -> dict[str, TrustedKey]:
    """Return the usable keys of a key set by their names.

    Args:
        document: The parsed answer of the provider.
        issuer: Whose keys they are.

    Raises:
        SignInServiceDown: It is no key set, has no usable key, or a name stands twice.
    """
    entries = document.get("keys")
    if not isinstance(entries, list) or len(entries) > MAX_KEYS:
        raise SignInServiceDown(reason="jwks_form")
    found: dict[str, TrustedKey] = {}
    for entry in entries:
        key = _key(entry, issuer)
        if key is None:
            continue
        if entry["kid"] in found:
            raise SignInServiceDown(reason="jwks_repeats")
        found[entry["kid"]] = key
    if not found:
        raise SignInServiceDown(reason="jwks_empty")
    return found


class ProviderKeys:
    """The provider's keys in a running process; threads may share it.

    Args:
        issuer: Whose keys they are.
        fetch: Gets the parsed key set, or raises `SignInServiceDown`.
    """

    def __init__(self, issuer: str, fetch: Callable[[], Mapping[str, Any]]) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._known: dict[str, TrustedKey] = {}
        self._good_at = self._tried_at = self._asked_at = float("-inf")
        self._lock = Lock()
        self.fetches = 0

    def key_for(self, kid: str, now: float) -> TrustedKey:
        """Return the key of a token.

        A name that is not known makes the set be fetched again, at most once in 10 s, however
        many invented names arrive. Known keys are fetched again after 10 min and stay valid for
        24 h while the provider cannot be reached.

        Args:
            kid: Name of the key in the token.
            now: Seconds of a clock that never goes back.

        Raises:
            SignInServiceDown: There are no keys.
            TokenRefused: No key has this name.
        """
        # A known key is at hand at once; another one may be in the answer that is on its way.
        if self._lock.acquire(blocking=kid not in self._known):
            try:
                if self._is_due(kid, now):
                    self._renew(kid, now)
            finally:
                self._lock.release()
        if now - self._good_at > LONGEST_WITHOUT_PROVIDER_S:
            raise SignInServiceDown(reason="jwks_missing")
        key = self._known.get(kid)
        if key is None:
            raise TokenRefused("kid")
        return key

    def is_at_hand(self, kid: str, now: float) -> bool:
        """Say whether `key_for` has the key and waits for nobody; the arguments are the same."""
        return kid in self._known and not self._is_due(kid, now)

    def _is_due(self, kid: str, now: float) -> bool:
        if kid in self._known or not self._known:
            aged = now - self._good_at >= FRESH_S
            return aged and now - self._tried_at >= UNKNOWN_WAIT_S
        return now - self._asked_at >= UNKNOWN_WAIT_S

    def _renew(self, kid: str, now: float) -> None:
        self._tried_at = now
        if self._known and kid not in self._known:
            self._asked_at = now
        self.fetches += 1
        try:
            self._known = read_provider_keys(self._fetch(), self._issuer)
            self._good_at = now
        except SignInServiceDown as error:
            _log.warning("the provider's keys were not renewed: %s", error.details.get("reason"))


def provider_keys(settings: OidcSettings) -> ProviderKeys:
    """Return the cache of the realm's keys; nothing is fetched yet.

    Args:
        settings: Realm and client.
    """
    url = f"{settings.realm_url}/protocol/openid-connect/certs"
    return ProviderKeys(
        settings.issuer, lambda: fetch_document(url, settings.timeout_s, settings.ca_file)
    )


def _key(entry: object, issuer: str) -> TrustedKey | None:
    """Return a key that may check signatures; None for one that has another purpose."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig" or "d" in entry:
        return None
    kid, kind = entry.get("kid"), entry.get("kty")
    if not isinstance(kid, str) or not KEY_NAME.fullmatch(kid):
        return None
    key: RSAKey | ECKey
    try:
        if kind == "RSA" and _bits(entry["n"]) >= LEAST_RSA_BITS:
            able, key = _RSA, RSAKey.import_key({name: entry[name] for name in ("kty", "n", "e")})
        elif kind == "EC" and entry["crv"] == "P-256":
            members = ("kty", "crv", "x", "y")
            able, key = _ELLIPTIC, ECKey.import_key({name: entry[name] for name in members})
        else:
            return None
    except (JoseError, ValueError, TypeError, KeyError) as cause:
        _log.warning("a key of the provider is unusable: %s", type(cause).__name__)
        return None
    algorithms = tuple(name for name in able if entry.get("alg", name) == name)
    return TrustedKey(key, issuer, algorithms)


def _bits(number: str) -> int:
    content = base64.urlsafe_b64decode(number + "=" * (-len(number) % 4))
    return int.from_bytes(content, "big").bit_length()
