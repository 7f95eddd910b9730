"""Which role a repository asks for before it changes something for others."""

from __future__ import annotations

from shared.contracts.identity.principal import RANKS, Principal, Role
from shared.errors import NotAllowed


def require_role(principal: Principal, lowest: Role, *, service: bool = False) -> None:
    """Refuse a principal whose role in the active municipality is too low.

    Args:
        principal: Who acts.
        lowest: Lowest role of people that may do it.
        service: Whether jobs may do it too.

    Raises:
        NotAllowed: The role may not do this.
    """
    role = principal.roles_by_tenant.get(principal.active_tenant)
    if role == "service" and service:
        return
    if role not in RANKS or RANKS.index(role) < RANKS.index(lowest):
        raise NotAllowed()
