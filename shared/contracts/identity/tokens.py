"""Bearer tokens of the installation: signed here, verified strictly before anybody is believed.

JSON Web Tokens (RFC 7519) as access tokens (RFC 9068) with Ed25519 signatures (RFC 9864).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, cast

from joserfc import jwt
from joserfc.jwk import OKPKey

from shared.contracts.identity.principal import RANKS, Kind, Principal, Role
from shared.contracts.identity.signed import (
    INSTALLATION_ALGORITHM,
    LEEWAY_S,
    TENANT,
    Form,
    KeyFor,
    TokenRefused,
    TrustedKey,
    check_times,
    open_signed,
    strings,
    subject,
)

__all__ = [
    "ALGORITHM",
    "AUDIENCE",
    "LEEWAY_S",
    "LIFETIME_S",
    "TokenRefused",
    "TrustedKey",
    "has_role",
    "highest_role",
    "sign_token",
    "verify_token",
]

AUDIENCE = "urbanki-model-server"
ALGORITHM = INSTALLATION_ALGORITHM
TOKEN_TYPE = "at+jwt"  # noqa: S105  # a media type (RFC 9068)
LIFETIME_S = 120
_ACCESS = Form((ALGORITHM,), (TOKEN_TYPE,))
_ROLES_OF: Mapping[Kind, tuple[Role, ...]] = {
    "person": RANKS,
    "guest": RANKS[:1],
    "service": ("service",),
}


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


def verify_token(token: str, key_for: KeyFor, now: float) -> Principal:
    """Return who a token speaks for.

    Args:
        token: What came after "Bearer ".
        key_for: Gives the trusted key of a name, or raises `TokenRefused`.
        now: Unix time in seconds.

    Raises:
        TokenRefused: Anything about it is not as it must be.
    """
    claims = open_signed(token, _ACCESS, key_for)
    check_times(claims, now)
    if AUDIENCE not in strings(claims.get("aud"), "aud"):
        raise TokenRefused("aud")
    return _principal(claims)


def highest_role(roles: object, kind: Kind) -> Role | None:
    """Return the highest role that the kind may have; anything but a list of texts is no role.

    Args:
        roles: What a token says.
        kind: Person, guest or service.
    """
    held = [role for role in _ROLES_OF[kind] if has_role(roles, role)]
    return held[-1] if held else None


def has_role(roles: object, role: Role) -> bool:
    """Say whether a token names a role; anything but a list of texts names none.

    Args:
        roles: What a token says.
        role: Which one.
    """
    is_list = isinstance(roles, list) and all(isinstance(one, str) for one in roles)
    return is_list and role in cast(list[str], roles)


def _principal(claims: Mapping[str, Any]) -> Principal:
    acting, tenant, kind = subject(claims), claims.get("tenant"), claims.get("kind")
    if not isinstance(tenant, str) or not TENANT.fullmatch(tenant):
        raise TokenRefused("tenant")
    if kind != "person" and kind != "guest" and kind != "service":
        raise TokenRefused("kind")
    if not isinstance(claims.get("jti"), str) or not claims["jti"]:
        raise TokenRefused("jti")
    role = highest_role(claims.get("roles"), kind)
    apps = None if claims.get("apps") is None else frozenset(strings(claims["apps"], "apps"))
    return Principal(
        subject=acting,
        display_name="",
        roles_by_tenant={} if role is None else {tenant: role},
        active_tenant=tenant,
        app_grants=apps,
        kind=kind,
    )


def _new_name() -> str:
    return secrets.token_urlsafe(12)
