"""Accounts as rows: reading them, and changing one and its rights in a transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import EllipsisType
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, Update, select, update
from sqlalchemy.orm import Session

from shared.auth.account_names import account_name
from shared.auth.account_rights import (
    ADMIN,
    Rights,
    checked_rights,
    keep_an_admin,
    read_rights,
    write_rights,
)
from shared.contracts.identity.principal import HOME_TENANT, Principal, Role
from shared.errors import AccountUnknown
from shared.store.engine import read_scope, session_scope
from shared.store.identity_models import AccountRoleRow, AccountRow

Found = tuple[str, str, str, str, bool]


@dataclass(frozen=True, slots=True)
class Account:
    """An account as the administration sees it.

    Args:
        id: The subject of whoever signs in with it.
        username: Name for signing in.
        display_name: Name on the pages.
        rights: Roles and apps by municipality.
        must_change: Whether its password must be changed before anything else.
        is_first: Whether the first start made it and its password is still the printed one.
        disabled: Whether nobody can sign in with it.
        failed_count: Refused attempts since somebody signed in.
        created_at: When it was made.
        changed_at: When it was last changed.
    """

    id: str
    username: str
    display_name: str
    rights: Rights
    must_change: bool
    is_first: bool
    disabled: bool
    failed_count: int
    created_at: datetime
    changed_at: datetime

    def principal(self) -> Principal:
        """Return who acts after signing in, in the home municipality if she has a role there."""
        roles = self.rights.roles
        tenant = HOME_TENANT if HOME_TENANT in roles or not roles else min(roles)
        return Principal(
            self.id, self.display_name, roles, tenant, app_grants=self.rights.apps.get(tenant)
        )


def get_account(engine: Engine, username: str) -> Account:
    """Return an account.

    Raises:
        AccountUnknown: There is no such account.
    """
    found = _accounts(engine, named(username))
    if not found:
        raise AccountUnknown()
    return found[0]


def list_accounts(engine: Engine, tenant: str | None = None) -> list[Account]:
    """Return accounts in the order of their names.

    Args:
        engine: The database.
        tenant: Only those with a role in this municipality; None means all.
    """
    of_tenant = select(AccountRoleRow.account_id).where(AccountRoleRow.tenant == tenant)
    return _accounts(engine, *(() if tenant is None else (AccountRow.id.in_(of_tenant),)))


def find_row(engine: Engine, condition: ColumnElement[bool]) -> Row[*Found] | None:
    """Return id, names, hash of the password and state of one account.

    Args:
        engine: The database.
        condition: On `AccountRow`.
    """
    row = AccountRow
    query = select(row.id, row.username, row.display_name, row.password_hash, row.disabled)
    with read_scope(engine) as session:
        return session.execute(query.where(condition)).one_or_none()


def required_row(engine: Engine, condition: ColumnElement[bool]) -> Row[*Found]:
    """Return what `find_row` returns.

    Raises:
        AccountUnknown: There is no such account.
    """
    found = find_row(engine, condition)
    if found is None:
        raise AccountUnknown()
    return found


def named(username: str) -> ColumnElement[bool]:
    """Return the condition on `AccountRow` for what somebody typed; it may fit none."""
    return AccountRow.username == (account_name(username) or "")


def change(condition: ColumnElement[bool], **values: Any) -> Update:  # noqa: ANN401
    """Return the statement that changes accounts.

    Args:
        condition: On `AccountRow`.
        **values: Columns with their new values.
    """
    statement = update(AccountRow).where(condition).values(**values)
    return statement.execution_options(synchronize_session=False)


@contextmanager
def rights_to_change(
    engine: Engine, username: str, now: datetime
) -> Iterator[tuple[Session, str, Rights]]:
    """Open a transaction with the rights of an account, which nobody else changes meanwhile.

    Args:
        engine: The database.
        username: Whose.
        now: The moment.

    Raises:
        AccountUnknown: There is no such account.
    """
    with session_scope(engine) as session:
        query = select(AccountRow.id).where(named(username)).with_for_update()
        account_id = session.scalar(query)
        if account_id is None:
            raise AccountUnknown()
        yield session, account_id, read_rights(session, [account_id])[account_id]
        session.execute(change(AccountRow.id == account_id, changed_at=now))


def set_role(
    engine: Engine,
    username: str,
    tenant: str,
    role: Role | None,
    now: datetime,
    *,
    apps: frozenset[str] | EllipsisType | None = ...,
) -> None:
    """Give an account a role in a municipality; it counts at the next look at a session.

    Args:
        engine: The database.
        username: Whose.
        tenant: The municipality.
        role: None takes the role, and the apps with it.
        now: The moment.
        apps: What `set_apps` takes, in the same transaction; `...` leaves them as they are.

    Raises:
        AccountRightsInvalid: There is no such role or municipality, or no app at all.
        AccountUnknown: There is no such account.
        LastAdmin: The municipality would have no administration any more.
    """
    with rights_to_change(engine, username, now) as (session, account_id, rights):
        roles, granted = dict(rights.roles), dict(rights.apps)
        if roles.get(tenant) == ADMIN != role:
            keep_an_admin(session, account_id, [tenant])
        if role is None:
            roles.pop(tenant, None)
        else:
            roles[tenant] = role
        if role is None or apps is None:
            granted.pop(tenant, None)
        elif not isinstance(apps, EllipsisType):
            granted[tenant] = apps
        write_rights(session, account_id, checked_rights(roles, granted))


def set_apps(
    engine: Engine, username: str, tenant: str, apps: frozenset[str] | None, now: datetime
) -> None:
    """Say which apps an account may open in a municipality.

    Args:
        engine: The database.
        username: Whose.
        tenant: Where it has a role.
        apps: At least one; None means all that the role allows.
        now: The moment.

    Raises:
        AccountRightsInvalid: No app, or the account has no role there.
        AccountUnknown: There is no such account.
    """
    with rights_to_change(engine, username, now) as (session, account_id, rights):
        granted = {name: some for name, some in rights.apps.items() if name != tenant}
        if apps is not None:
            granted[tenant] = apps
        write_rights(session, account_id, checked_rights(rights.roles, granted))


def _accounts(engine: Engine, *conditions: ColumnElement[bool]) -> list[Account]:
    query = select(AccountRow).where(*conditions).order_by(AccountRow.username)
    with read_scope(engine) as session:
        rows = session.scalars(query).all()
        rights = read_rights(session, [row.id for row in rows])
        return [
            Account(
                id=row.id,
                username=row.username,
                display_name=row.display_name,
                rights=rights[row.id],
                must_change=row.must_change,
                is_first=row.is_first,
                disabled=row.disabled,
                failed_count=row.failed_count,
                created_at=row.created_at,
                changed_at=row.changed_at,
            )
            for row in rows
        ]
