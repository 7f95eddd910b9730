"""What this installation keeps of a session at the provider; it never leaves the server."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ProviderTokens:
    """Tokens of one session.

    Args:
        provider_sid: The provider's name of its session; empty if it gives none.
        id_token: Proves at a logout whose session is meant.
        access_token: For the model server.
        access_expires_at: Unix time in seconds at which that ends.
        refresh_token: For the next access token; works once.
    """

    provider_sid: str
    id_token: str = field(repr=False)
    access_token: str = field(repr=False)
    access_expires_at: float
    refresh_token: str = field(repr=False)
