"""The one local person, who acts until accounts exist."""

from __future__ import annotations

from shared.contracts.identity.principal import RANKS, Principal, Role

__all__ = ["LOCAL_PRINCIPAL", "RANKS", "Principal", "Role"]

LOCAL_PRINCIPAL = Principal(
    subject="local",
    display_name="",
    roles_by_tenant={"default": "admin"},
    active_tenant="default",
)
