"""Bearer tokens of the installation: signed here, verified strictly before anybody is believed.

JSON Web Tokens (RFC 7519) as access tokens (RFC 9068) with Ed25519 signatures (RFC 9864). The
library checks the signature; everything that it leaves open is checked here.
"""

from __future__ import annotations

import base64
import json
import math
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from shared.contracts.identity.principal import RANKS, Kind, Principal, Role

AUDIENCE = "urbanki-model-server"
ALGORITHM = "Ed25519"
TOKEN_TYPE = "at+jwt"  # noqa: S105  # a media type (RFC 9068)
LIFETIME_S = 120
LONGEST_S = 24 * 3600
LEEWAY_S = 10
MAX_TOKEN_CHARACTERS = 16 * 1024
MAX_SUBJECT_CHARACTERS = 200
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_KEY_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_TENANT = re.compile(r"[a-z0-9_-]{1,64}")
_ROLES_OF: Mapping[Kind, tuple[Role, ...]] = {
    "person": RANKS,
    "guest": RANKS[:1],
    "service": ("service",),
}


class TokenRefused(Exception):
    """Ends the check of a token; carries the name of what was wrong, never its value."""


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key and whose it is.

    Args:
        key: Ed25519 key.
        issuer: The only issuer that may sign with it.
    """

    key: OKPKey
    issuer: str


def sign_token(principal: Principal, key: OKPKey, issuer: str, now: float) -> str:
    """Sign a token of 120 s for the model server.

    Args:
        principal: Who acts; without a role in the active municipality the token gives no rights.
        key: The installation's private key.
        issuer: The installation's name.
        now: Unix time in seconds.
    """
    role = principal.roles_by_tenant.get(principal.active_tenant)
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": principal.subject,
        "tenant": principal.active_tenant,
        "roles": [] if role is None else [role],
        "kind": principal.kind,
        "iat": int(now),
        "exp": int(now) + LIFETIME_S,
        "jti": _new_name(),
    }
    if principal.app_grants is not None:
        claims["apps"] = sorted(principal.app_grants)
    header = {"alg": ALGORITHM, "typ": TOKEN_TYPE, "kid": key.thumbprint()}
    return jwt.encode(header, claims, key, algorithms=[ALGORITHM])


def verify_token(token: str, key_for: Callable[[str], TrustedKey], now: float) -> Principal:
    """Return who a token speaks for.

    Args:
        token: What came after "Bearer ".
        key_for: Gives the trusted key of a name, or raises `TokenRefused`.
        now: Unix time in seconds.

    Raises:
        TokenRefused: Anything about it is not as it must be.
    """
    if len(token) > MAX_TOKEN_CHARACTERS or not _FORM.fullmatch(token):
        raise TokenRefused("form")
    trusted = key_for(_key_name(token))
    try:
        signed = jws.deserialize_compact(token, trusted.key, algorithms=[ALGORITHM])
    except (JoseError, ValueError) as cause:
        raise TokenRefused("signature") from cause
    claims = _read_object(signed.payload or b"", "claims")
    _check_times(claims, now)
    if claims.get("iss") != trusted.issuer:
        raise TokenRefused("iss")
    if AUDIENCE not in _strings(claims.get("aud"), "aud"):
        raise TokenRefused("aud")
    return _principal(claims)


def _key_name(token: str) -> str:
    """Check the header before any key is touched; other members could name a key of their own."""
    head = token.partition(".")[0]
    try:
        header = _read_object(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)), "header")
    except ValueError as cause:
        raise TokenRefused("header") from cause
    if header.keys() != {"alg", "typ", "kid"} or header["alg"] != ALGORITHM:
        raise TokenRefused("header")
    if header["typ"] != TOKEN_TYPE:
        raise TokenRefused("typ")
    kid = header["kid"]
    if not isinstance(kid, str) or not _KEY_NAME.fullmatch(kid):
        raise TokenRefused("kid")
    return kid


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    issued, expires = _seconds(claims, "iat"), _seconds(claims, "exp")
    if not now - LEEWAY_S < expires <= now + LONGEST_S:
        raise TokenRefused("exp")
    if not issued <= now + LEEWAY_S or issued >= expires:
        raise TokenRefused("iat")
    if "nbf" in claims and _seconds(claims, "nbf") > now + LEEWAY_S:
        raise TokenRefused("nbf")


def _principal(claims: Mapping[str, Any]) -> Principal:
    subject, tenant, kind = claims.get("sub"), claims.get("tenant"), claims.get("kind")
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT_CHARACTERS:
        raise TokenRefused("sub")
    if not isinstance(tenant, str) or not _TENANT.fullmatch(tenant):
        raise TokenRefused("tenant")
    if kind != "person" and kind != "guest" and kind != "service":
        raise TokenRefused("kind")
    if not isinstance(claims.get("jti"), str) or not claims["jti"]:
        raise TokenRefused("jti")
    role = _role(claims.get("roles"), kind)
    apps = None if claims.get("apps") is None else frozenset(_strings(claims["apps"], "apps"))
    return Principal(
        subject=subject,
        display_name="",
        roles_by_tenant={} if role is None else {tenant: role},
        active_tenant=tenant,
        app_grants=apps,
        kind=kind,
    )


def _role(roles: object, kind: Kind) -> Role | None:
    """Return the highest role that the kind may have; anything but a list of texts is no role."""
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        return None
    held = [role for role in _ROLES_OF[kind] if role in roles]
    return held[-1] if held else None


def _strings(value: object, name: str) -> list[str]:
    """Return a text or a list of texts as a list."""
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(entry, str) for entry in values):
        raise TokenRefused(name)
    return values


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    # A truth value counts as a number in Python.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenRefused(name)
    if isinstance(value, float) and not math.isfinite(value):
        raise TokenRefused(name)
    return value


def _read_object(content: bytes, name: str) -> dict[str, Any]:
    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as cause:
        raise TokenRefused(name) from cause
    if not isinstance(value, dict):
        raise TokenRefused(name)
    return value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers could take different ones of two equal names."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _new_name() -> str:
    return secrets.token_urlsafe(12)
