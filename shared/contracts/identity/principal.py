"""Who acts: one frozen value that every page and every check receives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Role = Literal["gast", "viewer", "sachbearbeitung", "admin", "service", "plattform_admin"]
Kind = Literal["person", "guest", "service"]
RANKS: tuple[Role, ...] = ("gast", "viewer", "sachbearbeitung", "admin")
"""Roles of people in a municipality, lowest first. `service`, the role of jobs, and
`plattform_admin`, who manages municipalities and sees no data of any, stand apart."""
HOME_TENANT = "musterstadt"
"""The municipality of an installation that was not told another."""
DEMO_TENANT = "demo"
"""The municipality of guests: example data alone."""
PLATFORM_TENANT = "plattform"
"""Where `plattform_admin` counts; no municipality, so no data can be there."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A person, guest or service.

    Args:
        subject: Stable id, never a name.
        display_name: What the person reads about herself; empty for guests, commands and jobs.
        roles_by_tenant: Role in each municipality.
        active_tenant: Municipality whose data are shown now.
        app_grants: App ids that may be opened; None means every app the role allows.
        kind: What the principal is.
        session_id: Id of the login session; empty for commands and jobs, which have none.
    """

    subject: str
    display_name: str
    roles_by_tenant: Mapping[str, Role]
    active_tenant: str
    app_grants: frozenset[str] | None = None
    kind: Kind = "person"
    session_id: str = ""

    def __post_init__(self) -> None:
        """Copy the roles, so nobody can change them from outside."""
        object.__setattr__(self, "roles_by_tenant", MappingProxyType(dict(self.roles_by_tenant)))

    @property
    def role(self) -> Role:
        """Role in the active municipality, guest where none is known."""
        return self.roles_by_tenant.get(self.active_tenant, "gast")
