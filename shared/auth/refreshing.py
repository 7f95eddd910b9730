"""Keeps a session's access token fresh, with one refresh at a time over all processes.

The provider hands out a new refresh token each time and takes the use of an old one for theft
(RFC 9700, section 4.14.2): two refreshes at once would end the session.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from shared.auth import keycloak
from shared.auth.keycloak import GrantRefused
from shared.auth.oidc_flow import check_tokens
from shared.auth.oidc_settings import OidcSettings
from shared.auth.provider_session import ProviderTokens
from shared.contracts.identity.principal import Principal
from shared.contracts.identity.signed import KeyFor
from shared.errors import NotSignedIn, RoleMissing, SignInFailed, SignInServiceDown

RENEW_BELOW_S = 60
LOCK_S = 30.0
"""Longer than a refresh takes; after that the process that held the lock is believed dead."""
LONGEST_WAIT_S = 5.0
POLL_S = 0.05


class SessionTokens(Protocol):
    """The tokens of one session, which all processes share."""

    def read(self) -> ProviderTokens | None:
        """Return the newest tokens; None when the session has ended."""

    def try_lock(self, now: float, until: float) -> bool:
        """Take the lock until a time unless somebody holds it; at most one of many gets it."""

    def unlock(self) -> None:
        """Give the lock back; a session that has ended has none."""

    def store(self, tokens: ProviderTokens, principal: Principal) -> None:
        """Keep renewed tokens and the roles in them, and give the lock back."""

    def end(self, *, doubts_others: bool = False) -> None:
        """End the session; the provider's refusal makes the person's others doubtful too."""


Renew = Callable[[ProviderTokens], tuple[ProviderTokens, Principal]]


def fresh_tokens(
    session: SessionTokens,
    renew: Renew,
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> ProviderTokens:
    """Return tokens that are good for at least 60 s, or as long as they still are.

    A network failure leaves the session alone until its access token ends; a refusal ends it.

    Args:
        session: Where its tokens lie.
        renew: Gets new ones, see `renewal`.
        clock: Gives Unix time in seconds.
        sleep: Waits seconds while another process renews.

    Raises:
        NotSignedIn: The session has ended.
        SignInServiceDown: Another process has been renewing tokens that have run out for 5 s.
    """
    first, give_up_at = _read(session), clock() + LONGEST_WAIT_S
    while True:
        kept, now = _read(session), clock()
        if _is_enough(kept, first, now):
            return kept
        if session.try_lock(now, now + LOCK_S):
            return _renewed(session, first, renew, clock)
        if now >= give_up_at:
            if kept.access_expires_at > now:
                return kept
            raise SignInServiceDown(reason="refresh_lock")
        sleep(POLL_S)


def renewal(
    settings: OidcSettings, key_for: KeyFor, subject: str, clock: Callable[[], float]
) -> Renew:
    """Return the call that gets new tokens from the provider and checks them.

    Args:
        settings: Realm and client.
        key_for: Gives the provider's key of a name.
        subject: Whose session it is.
        clock: Gives Unix time in seconds.
    """

    def renew(kept: ProviderTokens) -> tuple[ProviderTokens, Principal]:
        answer = keycloak.refresh(settings, kept.refresh_token)
        principal, tokens = check_tokens(
            settings, answer, key_for, clock(), nonce=None, before=kept
        )
        if principal.subject != subject:
            raise SignInFailed(reason="subject")
        if not principal.roles_by_tenant:
            raise RoleMissing()
        return tokens, principal

    return renew


def _is_enough(kept: ProviderTokens, first: ProviderTokens, now: float) -> bool:
    """Say whether nothing is to be done: good for long, or renewed since we first looked."""
    left_s = kept.access_expires_at - now
    # Some providers hand out tokens that are never good for 60 s.
    return left_s >= RENEW_BELOW_S or (left_s > 0 and kept != first)


def _renewed(
    session: SessionTokens, first: ProviderTokens, renew: Renew, clock: Callable[[], float]
) -> ProviderTokens:
    """Renew while holding the lock."""
    is_held = True
    try:
        # Somebody may have renewed between the look and the lock.
        kept = _read(session)
        if _is_enough(kept, first, clock()):
            return kept
        try:
            tokens, principal = renew(kept)
        except SignInServiceDown as cause:
            if kept.access_expires_at > clock():
                return kept
            session.end()
            raise NotSignedIn() from cause
        except (GrantRefused, SignInFailed, RoleMissing) as cause:
            session.end(doubts_others=True)
            raise NotSignedIn() from cause
        session.store(tokens, principal)
        is_held = False
        return tokens
    finally:
        if is_held:
            session.unlock()


def _read(session: SessionTokens) -> ProviderTokens:
    kept = session.read()
    if kept is None:
        raise NotSignedIn()
    return kept
