"""Tokens of a Keycloak realm: access, ID and logout tokens, and what their claims allow.

OpenID Connect Core 1.0 (section 3.1.3.7), Back-Channel Logout 1.0 (section 2.6), RFC 8725. Who
asks and what a token is for is told apart by Keycloak's claim `typ`, by `azp` and by `aud`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.contracts.identity.principal import PLATFORM_TENANT, Kind, Principal, Role
from shared.contracts.identity.signed import (
    LEEWAY_S,
    TENANT,
    Form,
    KeyFor,
    TokenRefused,
    check_times,
    key_name,
    open_signed,
    strings,
    subject,
)
from shared.contracts.identity.tokens import AUDIENCE, has_role, highest_role

ALGORITHMS = ("RS256", "ES256", "PS256")
"""What may be chosen; all of them hash with SHA-256."""
LOGOUT_LIFETIME_S = 120
MAX_NAME_CHARACTERS = 100
APP_PREFIX = "app:"
_ACCESS_TYPES = ("JWT", "at+jwt", None)
_ID_TYPES = ("JWT", None)
_LOGOUT_TYPE = "logout+jwt"
_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
_APP = re.compile(r"[a-z0-9_-]{1,40}")


@dataclass(frozen=True, slots=True)
class ProviderRules:
    """Whose tokens are accepted, and for whom.

    Args:
        issuer: Exact name of the realm.
        client_id: The gallery's client.
        other_clients: Further clients whose access tokens are accepted.
        jobs_client: The client of jobs; its access tokens alone may carry the role `service`.
        algorithms: Accepted signatures, of `ALGORITHMS`.
        audience: What access tokens must be meant for.
        tenant_prefix: Path of the group that holds one group for each municipality.
        old_logout_type: Accept logout tokens of the header type `JWT`, as older Keycloak sends.
    """

    issuer: str
    client_id: str
    other_clients: tuple[str, ...] = ()
    jobs_client: str = "urbanki-jobs"
    algorithms: tuple[str, ...] = ALGORITHMS[:1]
    audience: str = AUDIENCE
    tenant_prefix: str = "/kommune/"
    old_logout_type: bool = False


@dataclass(frozen=True, slots=True)
class LogoutNotice:
    """Whose sessions the provider has ended.

    Args:
        subject: Stable id of the person; empty if the notice names a session only.
        provider_sid: The provider's session; empty if all of the person's have ended.
        token_id: Name of the notice, which counts once.
        expires_at: Unix time in seconds until which the name must be remembered.
    """

    subject: str
    provider_sid: str
    token_id: str
    expires_at: float


def verify_access_token(
    token: str, rules: ProviderRules, key_for: KeyFor, now: float
) -> dict[str, Any]:
    """Return the claims of an access token.

    Args:
        token: What the provider has handed out.
        rules: Whose tokens are accepted.
        key_for: Gives the provider's key of a name, or raises `TokenRefused`.
        now: Unix time in seconds.

    Raises:
        TokenRefused: Anything about it is not as it must be.
        SignInServiceDown: `key_for` has no keys yet.
    """
    claims = open_signed(token, Form(rules.algorithms, _ACCESS_TYPES), key_for)
    if claims.get("typ") != "Bearer":
        raise TokenRefused("typ")
    check_times(claims, now)
    if rules.audience not in strings(claims.get("aud"), "aud"):
        raise TokenRefused("aud")
    if claims.get("azp") not in (rules.client_id, rules.jobs_client, *rules.other_clients):
        raise TokenRefused("azp")
    subject(claims)
    return claims


def access_key_name(token: str, rules: ProviderRules) -> str:
    """Return which key an access token claims to be signed with; nothing else has been checked.

    Args:
        token: What somebody has sent.
        rules: Whose tokens are accepted.

    Raises:
        TokenRefused: It is no such token.
    """
    return key_name(token, Form(rules.algorithms, _ACCESS_TYPES))


def verify_id_token(
    token: str,
    rules: ProviderRules,
    key_for: KeyFor,
    now: float,
    *,
    access_token: str,
    nonce: str | None,
) -> dict[str, Any]:
    """Return the claims of an ID token; arguments and errors as above, and two more.

    Args:
        token: See above.
        rules: See above.
        key_for: See above.
        now: See above.
        access_token: What came with it.
        nonce: The number of this login; None when tokens were renewed.
    """
    claims = open_signed(token, Form(rules.algorithms, _ID_TYPES), key_for)
    if claims.get("typ") != "ID":
        raise TokenRefused("typ")
    check_times(claims, now)
    _check_client(claims, rules.client_id)
    given = claims.get("nonce")
    if nonce is not None and not (isinstance(given, str) and _is_equal(given, nonce)):
        raise TokenRefused("nonce")
    if "at_hash" in claims and claims["at_hash"] != _half_hash(access_token):
        raise TokenRefused("at_hash")
    subject(claims)
    return claims


def verify_logout_token(
    token: str, rules: ProviderRules, key_for: KeyFor, now: float
) -> LogoutNotice:
    """Return whose sessions have ended; arguments and errors as for access tokens."""
    types = (_LOGOUT_TYPE, "JWT") if rules.old_logout_type else (_LOGOUT_TYPE,)
    claims = open_signed(token, Form(rules.algorithms, types), key_for)
    if claims.get("typ", "Logout") != "Logout":
        raise TokenRefused("typ")
    check_times(claims, now, LOGOUT_LIFETIME_S + LEEWAY_S)
    if rules.client_id not in strings(claims.get("aud"), "aud"):
        raise TokenRefused("aud")
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(_LOGOUT_EVENT), dict):
        raise TokenRefused("events")
    if "nonce" in claims:
        raise TokenRefused("nonce")
    token_id, session = claims.get("jti"), claims.get("sid", "")
    if not isinstance(token_id, str) or not token_id:
        raise TokenRefused("jti")
    if not isinstance(session, str) or (not session and "sub" not in claims):
        raise TokenRefused("sid")
    person = subject(claims) if "sub" in claims else ""
    return LogoutNotice(person, session, token_id, claims["exp"] + LEEWAY_S)


def principal_of(claims: Mapping[str, Any], rules: ProviderRules) -> Principal:
    """Return who the claims of an access token speak for; without a role nothing is allowed.

    A realm role counts in every municipality whose group the person is in; that of the platform
    counts there alone. The first municipality by name is active until the person chooses another.

    Args:
        claims: What `verify_access_token` has returned.
        rules: Whose tokens are accepted.
    """
    kind: Kind = "service" if claims.get("azp") == rules.jobs_client else "person"
    groups = _groups(claims)
    named = (
        group.removeprefix(rules.tenant_prefix)
        for group in groups
        if group.startswith(rules.tenant_prefix)
    )
    tenants = sorted(one for one in named if TENANT.fullmatch(one) and one != PLATFORM_TENANT)
    roles = _roles(claims, kind, tenants)
    return Principal(
        subject=subject(claims),
        display_name=_display_name(claims),
        roles_by_tenant=roles,
        active_tenant=next(iter(roles or tenants), ""),
        app_grants=_app_grants(claims, groups, rules.client_id),
        kind=kind,
    )


def _check_client(claims: Mapping[str, Any], client_id: str) -> None:
    audiences = strings(claims.get("aud"), "aud")
    if client_id not in audiences:
        raise TokenRefused("aud")
    if claims.get("azp", None if len(audiences) > 1 else client_id) != client_id:
        raise TokenRefused("azp")


def _half_hash(access_token: str) -> str:
    """Return the left half of the hash (OpenID Connect Core, section 3.1.3.6)."""
    half = hashlib.sha256(access_token.encode("utf-8", "surrogatepass")).digest()[:16]
    return base64.urlsafe_b64encode(half).rstrip(b"=").decode("ascii")


def _is_equal(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), known.encode("utf-8"))


def _roles(claims: Mapping[str, Any], kind: Kind, tenants: Sequence[str]) -> dict[str, Role]:
    realm = claims.get("realm_access")
    named = realm.get("roles") if isinstance(realm, dict) else None
    role = highest_role(named, kind)
    roles: dict[str, Role] = {} if role is None else dict.fromkeys(tenants, role)
    if kind == "person" and has_role(named, "plattform_admin"):
        roles[PLATFORM_TENANT] = "plattform_admin"
    return roles


def _groups(claims: Mapping[str, Any]) -> list[str]:
    groups = claims.get("groups")
    if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
        return []
    return groups


def _app_grants(
    claims: Mapping[str, Any], groups: list[str], client_id: str
) -> frozenset[str] | None:
    """Return the apps that client roles or groups name; None: no limit; unusable: no app."""
    roles: list[str] = []
    try:
        resources = claims.get("resource_access", {})
        if client_id in resources:
            roles = strings(resources[client_id]["roles"], "roles")
    except (TokenRefused, TypeError, KeyError):
        return frozenset()
    named = [*roles, *(group.removeprefix("/") for group in groups)]
    apps = [name.removeprefix(APP_PREFIX) for name in named if name.startswith(APP_PREFIX)]
    return frozenset(app for app in apps if _APP.fullmatch(app)) if apps else None


def _display_name(claims: Mapping[str, Any]) -> str:
    """Return the name that the person reads about herself, without what could disguise it."""
    for member in ("name", "preferred_username"):
        value = claims.get(member)
        if isinstance(value, str) and value.isprintable() and value.strip():
            return value.strip()[:MAX_NAME_CHARACTERS]
    return ""
