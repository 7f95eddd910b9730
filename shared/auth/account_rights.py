"""What an account may do where: its role and its apps in each municipality."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from shared.contracts.identity.principal import RANKS, Role
from shared.errors import AppsInvalid, AppsWithoutRole, RoleUnknown, TenantUnknown
from shared.store.identity_models import AccountAppRow, AccountRoleRow, TenantRow

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
        RoleUnknown: People have no such role.
    """
    for role in roles.values():
        check_role(role)
    for tenant, names in apps.items():
        check_apps(names)
        if tenant not in roles:
            raise AppsWithoutRole(tenant=tenant)
    return Rights(roles, apps)


def check_role(role: str) -> None:
    """Make sure that people can have a role.

    Raises:
        RoleUnknown: People have no such role.
    """
    if role not in RANKS:
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
