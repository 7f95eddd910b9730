"""The provider as a running process knows it: its addresses and keys, and sessions kept fresh."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from threading import BoundedSemaphore

from sqlalchemy import Engine

from shared.auth import sessions
from shared.auth.discovery import Discovery, Provider
from shared.auth.oidc_settings import OidcSettings, load_oidc_settings
from shared.auth.provider_session import ProviderTokens
from shared.auth.refreshing import LONGEST_WAIT_S, RENEW_BELOW_S, fresh_tokens, renewal
from shared.auth.secret_box import SecretBox, load_secret_box
from shared.auth.session_tokens import StoredTokens
from shared.auth.sessions import SessionView
from shared.contracts.identity.provider_keys import provider_keys
from shared.contracts.identity.signed import TrustedKey
from shared.errors import NotSignedIn, SignInServiceDown
from shared.settings import Settings

_AT_ONCE = 4
"""Sessions that are renewed at the same time; with more, a silent provider would stop us all."""


class SignInProvider:
    """A realm; threads may share it.

    Args:
        settings: Realm and client.
        box: What encrypts the tokens of sessions.
        clock: Gives Unix time in seconds.
        steady_clock: Gives seconds and never goes back.
    """

    def __init__(
        self,
        settings: OidcSettings,
        box: SecretBox,
        clock: Callable[[], float] = time.time,
        steady_clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.box = box
        self._clock = clock
        self._steady_clock = steady_clock
        self._discovery = Discovery(settings)
        self._keys = provider_keys(settings)
        self._turns = BoundedSemaphore(_AT_ONCE)

    def addresses(self) -> Provider:
        """Return where browsers are sent to.

        Raises:
            SignInServiceDown: The realm has not answered yet.
        """
        return self._discovery.provider(self._steady_clock())

    def key_for(self, kid: str) -> TrustedKey:
        """Return the key of a name; see `ProviderKeys.key_for` for errors."""
        return self._keys.key_for(kid, self._steady_clock())

    def kept(
        self,
        engine: Engine,
        session: SessionView,
        on_end: Callable[[], None] = lambda: None,
    ) -> SessionView | None:
        """Return a session whose rights the provider has confirmed, renewed before they run out.

        Args:
            engine: The database.
            session: Of this provider.
            on_end: Called if this call ends the session.

        Returns:
            None when the session has ended: at the provider, or because that could not be asked
            before the last confirmation ran out.

        Raises:
            SignInServiceDown: That has run out, and others have been asking for 5 s.
        """
        expires_at = session.access_expires_at
        left_s = -1.0 if expires_at is None else expires_at.timestamp() - self._clock()
        if left_s >= RENEW_BELOW_S or not self._has_turn(left_s):
            return session
        try:
            self.tokens_of(engine, session.id, session.principal.subject, on_end)
        except NotSignedIn:
            return None
        finally:
            self._turns.release()
        return sessions.by_id(engine, session.id, datetime.fromtimestamp(self._clock(), UTC))

    def tokens_of(
        self,
        engine: Engine,
        session_id: str,
        subject: str,
        on_end: Callable[[], None] = lambda: None,
    ) -> ProviderTokens:
        """Return the tokens of a session, renewed before they run out.

        Args:
            engine: The database.
            session_id: The session.
            subject: Whose it is.
            on_end: Called if this call ends the session.

        Raises:
            NotSignedIn: The session has ended.
            SignInServiceDown: Another process is still asking, and the tokens have run out.
        """
        stored = _EndingTokens(engine, self.box, session_id, on_end)
        renew = renewal(self.settings, self.key_for, subject, self._clock)
        return fresh_tokens(stored, renew, clock=self._clock, sleep=time.sleep)

    def _has_turn(self, left_s: float) -> bool:
        """Say whether to ask now; whoever has some time left lets others go first.

        Raises:
            SignInServiceDown: No time is left, and others have been asking for 5 s.
        """
        if left_s > 0:
            return self._turns.acquire(blocking=False)
        if not self._turns.acquire(timeout=LONGEST_WAIT_S):
            raise SignInServiceDown(reason="busy")
        return True


def open_provider(settings: Settings) -> SignInProvider:
    """Return the provider of the settings; nothing is asked yet.

    Args:
        settings: What begins with `oidc_`, the public address and the secret.

    Raises:
        SecretUnusable: A secret cannot be read, or others can read it.
        SecretWeak: The secret of the installation protects nothing.
        SettingInvalid: The issuer is no realm or not encrypted, or another value is unusable.
    """
    return SignInProvider(load_oidc_settings(settings), load_secret_box(settings))


class _EndingTokens(StoredTokens):
    """Tells who has ended the session."""

    def __init__(
        self, engine: Engine, box: SecretBox, session_id: str, on_end: Callable[[], None]
    ) -> None:
        super().__init__(engine, box, session_id)
        self._on_end = on_end

    def end(self, *, doubts_others: bool = False) -> None:
        super().end(doubts_others=doubts_others)
        self._on_end()
