"""What an account may do where: its role and its apps in each municipality."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from shared.contracts.identity.principal import PLATFORM_TENANT, RANKS, Role
from shared.errors import AppsInvalid, AppsWithoutRole, LastAdmin, RoleUnknown, TenantUnknown
from shared.store.identity_models import (
    AccountAppRow,
    AccountRoleRow,
    AccountRow,
    TenantRow,
)

ADMIN: Role = "admin"
"""The role that manages the accounts of its municipality."""
_APP = re.compile(r"[a-z][a-z0-9_]{0,31}")


@dataclass(frozen=True, slots=True)
class Rights:
    """Rights of an account.

    Args:
        roles: Role in each municipality.
        apps: The apps that may be opened, by municipality; all where none are named.
    """

    roles: Mapping[str, Role]
    apps: Mapping[str, frozenset[str]]

    def __post_init__(self) -> None:
        """Copy both, so nobody can change them from outside."""
        object.__setattr__(self, "roles", MappingProxyType(dict(self.roles)))
        object.__setattr__(self, "apps", MappingProxyType(dict(self.apps)))


def checked_rights(roles: Mapping[str, Role], apps: Mapping[str, frozenset[str]]) -> Rights:
    """Return rights that an account can have.

    Args:
        roles: Role in each municipality.
        apps: As in `Rights`; an empty set is refused, because no rows mean all apps.

    Raises:
        AppsInvalid: No app, or something that is none.
        AppsWithoutRole: Apps where there is no role.
        RoleUnknown: People have no such role there.
    """
    for tenant, role in roles.items():
        check_role(role, tenant)
    for tenant, names in apps.items():
        check_apps(names)
        if tenant not in roles:
            raise AppsWithoutRole(tenant=tenant)
    return Rights(roles, apps)


def check_role(role: str, tenant: str) -> None:
    """Make sure that people can have a role in a municipality, or on the platform.

    Raises:
        RoleUnknown: People have no such role there.
    """
    if role not in (("plattform_admin",) if tenant == PLATFORM_TENANT else RANKS):
        raise RoleUnknown(role=role)


def check_apps(apps: Collection[str]) -> None:
    """Make sure that a list of apps names some.

    Raises:
        AppsInvalid: It is empty, or holds something that is no app.
    """
    if not apps or not all(_APP.fullmatch(app) for app in apps):
        raise AppsInvalid()


def write_rights(session: Session, account_id: str, rights: Rights) -> None:
    """Replace all rights of an account.

    Args:
        session: A transaction that writes.
        account_id: The account.
        rights: From `checked_rights`.

    Raises:
        TenantUnknown: There is no such municipality.
    """
    for tenant in rights.roles.keys() - set(session.scalars(select(TenantRow.slug))):
        raise TenantUnknown(tenant=tenant)
    for table in (AccountRoleRow, AccountAppRow):
        session.execute(delete(table).where(table.account_id == account_id))
    session.add_all(
        AccountRoleRow(account_id=account_id, tenant=tenant, role=role)
        for tenant, role in rights.roles.items()
    )
    session.add_all(
        AccountAppRow(account_id=account_id, tenant=tenant, app=app)
        for tenant, apps in rights.apps.items()
        for app in apps
    )


def keep_an_admin(session: Session, account_id: str, tenants: Collection[str]) -> None:
    """Make sure that municipalities have an administration besides an account that loses it.

    Nobody counts who is disabled, and no municipality that is not active.

    Args:
        session: A transaction that writes.
        account_id: Who is about to lose the role, or to be disabled.
        tenants: Where.

    Raises:
        LastAdmin: One would have nobody left.
    """
    held = select(TenantRow.slug).where(TenantRow.slug.in_(tenants), TenantRow.active)
    # Of two who lose it at once, the second waits here until the first one's change is seen.
    in_turn = held.order_by(TenantRow.slug).with_for_update(key_share=True)
    for tenant in session.scalars(in_turn).all():
        query = select(AccountRoleRow.account_id).join(
            AccountRow, AccountRow.id == AccountRoleRow.account_id
        )
        able = query.where(
            AccountRoleRow.tenant == tenant,
            AccountRoleRow.role == ADMIN,
            AccountRow.disabled.is_(False),
        )
        if set(session.scalars(able)) == {account_id}:
            raise LastAdmin(tenant=tenant)


def read_rights(session: Session, account_ids: Collection[str]) -> dict[str, Rights]:
    """Return the rights of accounts by their ids, also in municipalities that are not active.

    Args:
        session: A transaction.
        account_ids: The accounts.
    """
    roles: dict[str, dict[str, Role]] = {one: {} for one in account_ids}
    apps: dict[str, dict[str, frozenset[str]]] = {one: {} for one in account_ids}
    of_role, of_app = AccountRoleRow, AccountAppRow
    query = select(of_role.account_id, of_role.tenant, of_role.role)
    for account_id, tenant, role in session.execute(query.where(of_role.account_id.in_(roles))):
        roles[account_id][tenant] = cast(Role, role)
    grants = select(of_app.account_id, of_app.tenant, of_app.app)
    for account_id, tenant, app in session.execute(grants.where(of_app.account_id.in_(apps))):
        apps[account_id][tenant] = apps[account_id].get(tenant, frozenset()) | {app}
    return {one: Rights(roles[one], apps[one]) for one in roles}
