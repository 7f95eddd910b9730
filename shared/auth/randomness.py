"""Randomness that nobody can guess: the only place of `shared.auth` that asks for it."""

from __future__ import annotations

import secrets


def new_token() -> str:
    """Return 256 random bits as 43 characters that cookies and addresses carry."""
    return secrets.token_urlsafe(32)


def below(limit: int) -> int:
    """Return a random whole number from 0 to below a limit."""
    return secrets.randbelow(limit)
