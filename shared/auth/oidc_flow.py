"""The login at Keycloak: authorization code flow with PKCE, bound to one browser.

OpenID Connect Core 1.0 (section 3.1), RFC 7636 (PKCE), RFC 9207 (issuer in the answer) and
RFC 9700 (section 4: the attacks that state, nonce and binding answer). Nothing here knows a
database or a web framework.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol
from urllib.parse import urlencode

from shared.auth import keycloak
from shared.auth.discovery import Provider
from shared.auth.keycloak import GrantRefused, TokenAnswer
from shared.auth.next_path import safe_next
from shared.auth.oidc_settings import OidcSettings
from shared.auth.provider_session import ProviderTokens
from shared.auth.randomness import new_token
from shared.contracts.identity.principal import Principal
from shared.contracts.identity.provider_tokens import (
    principal_of,
    verify_access_token,
    verify_id_token,
)
from shared.contracts.identity.signed import KeyFor, TokenRefused
from shared.errors import RoleMissing, SignInFailed, UrbanKiError

PENDING_S = 600
SCOPE = "openid profile"
"""Without `email`: nobody needs it here."""
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_CODE = re.compile(r"[\x21-\x7e]{1,2048}")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PendingLogin:
    """A login that has begun.

    Args:
        nonce: Ties the ID token to this login.
        code_verifier: Ties the code to this login.
        browser_binding_sha256: Hash of the cookie of the browser that has begun, hexadecimal.
        next_path: Page to show afterwards.
        created_at: Unix time in seconds.
    """

    nonce: str = field(repr=False)
    code_verifier: str = field(repr=False)
    browser_binding_sha256: str
    next_path: str
    created_at: float


class PendingLogins(Protocol):
    """Where logins wait for the browser's return."""

    def put(self, state_sha256: str, login: PendingLogin) -> None:
        """Keep a login for 10 min."""

    def take(self, state_sha256: str) -> PendingLogin | None:
        """Return a login and forget it, so that nobody gets it twice, also of two at once."""


@dataclass(frozen=True, slots=True)
class LoginStart:
    """Where to send the browser, and what it must keep.

    Args:
        url: Address at the provider.
        browser_binding: Value of the cookie that must come back with the answer.
    """

    url: str
    browser_binding: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A finished login.

    Args:
        principal: Who has signed in; has a role.
        tokens: What the server keeps.
        next_path: Page to show.
    """

    principal: Principal
    tokens: ProviderTokens
    next_path: str


def begin_login(
    settings: OidcSettings,
    provider: Provider,
    logins: PendingLogins,
    *,
    next_path: str,
    browser_binding: str = "",
    now: float,
) -> LoginStart:
    """Begin a login.

    Args:
        settings: Realm and client.
        provider: The realm's addresses.
        logins: Where it waits.
        next_path: Page to show afterwards; another place becomes the start page.
        browser_binding: The cookie that the browser has already, so that logins in two of its
            tabs do not end each other; anything of another form is replaced.
        now: Unix time in seconds.
    """
    state, nonce, verifier = new_token(), new_token(), new_token()
    binding = browser_binding if _SECRET.fullmatch(browser_binding) else new_token()
    login = PendingLogin(nonce, verifier, _sha256(binding), safe_next(next_path), now)
    logins.put(_sha256(state), login)
    query = {
        "response_type": "code",
        "client_id": settings.client_id,
        "redirect_uri": settings.redirect_uri,
        "scope": SCOPE,
        "state": state,
        "nonce": nonce,
        "code_challenge": _challenge(verifier),
        "code_challenge_method": "S256",
    }
    return LoginStart(f"{provider.authorization_url}?{urlencode(query)}", binding)


def finish_login(
    settings: OidcSettings,
    provider: Provider,
    logins: PendingLogins,
    key_for: KeyFor,
    *,
    answer: Iterable[tuple[str, str]],
    browser_binding: str,
    now: float,
) -> SignedIn:
    """Finish a login with what the browser has brought back.

    Args:
        settings: Realm and client.
        provider: The realm's addresses.
        logins: Where the login waits.
        key_for: Gives the provider's key of a name.
        answer: Names and values of the query, in their order.
        browser_binding: The browser's cookie; empty if it has none.
        now: Unix time in seconds.

    Raises:
        SignInFailed: State, browser, code or a token is not as it must be, or the provider said no.
        RoleMissing: The person has no role.
        SignInServiceDown: The provider does not answer.
    """
    given = _without_repeats(answer)
    login = _waiting(logins, given, browser_binding, now)
    code = _code(settings, provider, given)
    try:
        tokens = keycloak.exchange_code(settings, code, login.code_verifier)
    except GrantRefused as cause:
        raise SignInFailed(reason="code") from cause
    try:
        principal, kept = check_tokens(settings, tokens, key_for, now, nonce=login.nonce)
        if not principal.roles_by_tenant:
            raise RoleMissing()
    except UrbanKiError:
        # Otherwise the provider would sign the same person in again without asking.
        keycloak.end_session(settings, tokens.refresh_token)
        raise
    return SignedIn(principal, kept, login.next_path)


def check_tokens(
    settings: OidcSettings,
    tokens: TokenAnswer,
    key_for: KeyFor,
    now: float,
    *,
    nonce: str | None,
    before: ProviderTokens | None = None,
) -> tuple[Principal, ProviderTokens]:
    """Check what the provider has handed out.

    Args:
        settings: Realm and client.
        tokens: The tokens.
        key_for: Gives the provider's key of a name.
        now: Unix time in seconds.
        nonce: Of the login; None when tokens were renewed.
        before: What was kept until now; an answer without an ID token is accepted only then.

    Raises:
        SignInFailed: A token is not as it must be, or they speak for two persons.
        SignInServiceDown: The provider's keys are not there.
    """
    rules = settings.rules
    try:
        access = verify_access_token(tokens.access_token, rules, key_for, now)
        if access["azp"] != settings.client_id:
            raise TokenRefused("azp")
        sid = access.get("sid", "")
        if tokens.id_token or before is None:
            identity = verify_id_token(
                tokens.id_token, rules, key_for, now, access_token=tokens.access_token, nonce=nonce
            )
            sid = identity.get("sid", sid)
            if identity["sub"] != access["sub"]:
                raise TokenRefused("sub")
    except TokenRefused as cause:
        _log.warning("the provider's tokens were refused: %s", cause)
        raise SignInFailed(reason=f"token_{cause}") from cause
    kept = ProviderTokens(
        provider_sid=sid if isinstance(sid, str) else "",
        id_token=tokens.id_token,
        access_token=tokens.access_token,
        access_expires_at=access["exp"],
        refresh_token=tokens.refresh_token,
    )
    return principal_of(access, rules), kept if before is None else _completed(kept, before)


def sign_out(settings: OidcSettings, provider: Provider, tokens: ProviderTokens) -> str | None:
    """End a session at the provider; return where the browser must go if that did not work.

    Ending only our own session would be no logout: the provider would sign in again silently.

    Args:
        settings: Realm and client.
        provider: The realm's addresses.
        tokens: Of the session, which has already ended here.
    """
    if keycloak.end_session(settings, tokens.refresh_token):
        return None
    return logout_url(settings, provider, tokens.id_token)


def logout_url(settings: OidcSettings, provider: Provider, id_token: str) -> str:
    """Return where the browser itself signs out (RP-Initiated Logout 1.0).

    Args:
        settings: Realm and client.
        provider: The realm's addresses.
        id_token: Of the session that ends.
    """
    query = {
        "id_token_hint": id_token,
        "client_id": settings.client_id,
        "post_logout_redirect_uri": settings.post_logout_uri,
    }
    return f"{provider.logout_url}?{urlencode(query)}"


def _completed(kept: ProviderTokens, before: ProviderTokens) -> ProviderTokens:
    """Keep what an answer with renewed tokens need not repeat."""
    return replace(
        kept,
        provider_sid=kept.provider_sid or before.provider_sid,
        id_token=kept.id_token or before.id_token,
        refresh_token=kept.refresh_token or before.refresh_token,
    )


def _waiting(
    logins: PendingLogins, given: dict[str, str], browser_binding: str, now: float
) -> PendingLogin:
    state = given.get("state", "")
    login = logins.take(_sha256(state)) if _SECRET.fullmatch(state) else None
    if login is None:
        raise SignInFailed(reason="state")
    if not 0 <= now - login.created_at <= PENDING_S:
        raise SignInFailed(reason="late")
    if not hmac.compare_digest(_sha256(browser_binding), login.browser_binding_sha256):
        raise SignInFailed(reason="browser")
    return login


def _code(settings: OidcSettings, provider: Provider, given: dict[str, str]) -> str:
    named = given.get("iss")
    if named != settings.issuer and (named is not None or provider.names_itself):
        raise SignInFailed(reason="iss")
    if "error" in given:
        # Its words come from outside and are never shown.
        raise SignInFailed(reason="provider_said_no")
    code = given.get("code", "")
    if not _CODE.fullmatch(code):
        raise SignInFailed(reason="code_form")
    return code


def _without_repeats(answer: Iterable[tuple[str, str]]) -> dict[str, str]:
    pairs = list(answer)
    found = dict(pairs)
    if len(found) != len(pairs):
        raise SignInFailed(reason="repeated")
    return found


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
