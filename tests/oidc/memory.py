"""Stores of the sign-in that live in memory: pending logins, used notices, one session."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.auth.oidc_flow import PendingLogin
from shared.auth.provider_session import ProviderTokens
from shared.contracts.identity.principal import Principal


@dataclass
class Logins:
    """Pending logins; each is given out once."""

    waiting: dict[str, PendingLogin] = field(default_factory=dict)

    def put(self, state_sha256: str, login: PendingLogin) -> None:
        self.waiting[state_sha256] = login

    def take(self, state_sha256: str) -> PendingLogin | None:
        return self.waiting.pop(state_sha256, None)


@dataclass
class Used:
    """Names that count once."""

    names: dict[str, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def claim(self, token_id: str, expires_at: float) -> bool:
        with self.lock:
            is_new = token_id not in self.names
            self.names.setdefault(token_id, expires_at)
            return is_new


class Session:
    """Tokens of one session with its lock.

    Args:
        tokens: What is kept.
    """

    def __init__(self, tokens: ProviderTokens) -> None:
        self.tokens: ProviderTokens | None = tokens
        self.principal: Principal | None = None
        self.locked_until = 0.0
        self._guard = threading.Lock()

    def read(self) -> ProviderTokens | None:
        with self._guard:
            return self.tokens

    def try_lock(self, now: float, until: float) -> bool:
        with self._guard:
            if self.locked_until > now:
                return False
            self.locked_until = until
            return True

    def unlock(self) -> None:
        with self._guard:
            self.locked_until = 0.0

    def store(self, tokens: ProviderTokens, principal: Principal) -> None:
        with self._guard:
            self.tokens, self.principal, self.locked_until = tokens, principal, 0.0

    def end(self, *, doubts_others: bool = False) -> None:
        with self._guard:
            self.tokens = None


def only(answer: Iterable[tuple[str, str]], name: str) -> str:
    """Return the one value of a name in a query."""
    (value,) = [value for given, value in answer if given == name]
    return value
