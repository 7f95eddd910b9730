"""Who acts, as the rest of the gallery imports it."""

from __future__ import annotations

from shared.contracts.identity.principal import HOME_TENANT, RANKS, Principal, Role

__all__ = ["HOME_TENANT", "RANKS", "Principal", "Role"]
