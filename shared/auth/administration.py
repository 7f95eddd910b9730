"""What an administration does with the accounts of its municipality; each change is audited.

Whoever administers A is nobody in B: she sees accounts with a role in her active municipality and
changes that role only. Password and lock count everywhere, so she changes them only where she
administers all municipalities of an account.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import EllipsisType
from typing import Literal

from shared.auth import audit, local_accounts
from shared.auth.account_rights import ADMIN
from shared.auth.account_rows import Account, get_account, list_accounts
from shared.auth.attempts import FREE_ATTEMPTS
from shared.auth.audit import AuditEvent, Event
from shared.auth.open_sessions import end_all_of
from shared.contracts.identity.policy import ACCOUNT_MANAGE, require
from shared.contracts.identity.principal import Principal, Role
from shared.errors import (
    AccountElsewhere,
    AccountNameTaken,
    AccountUnknown,
    AccountWithoutRole,
    InputError,
    OwnPassword,
    RoleUnknown,
)
from shared.store.store import Store

GIVEN_ROLES: tuple[Role, ...] = ("viewer", "sachbearbeitung", "admin")
"""What an administration can give."""
_SAME_ORDER = timedelta(seconds=10)
"""A second click on the same button comes within this time."""


@dataclass(frozen=True, slots=True)
class ManagedAccount:
    """An account as the administration of one municipality sees it.

    Args:
        id: The subject of whoever signs in with it.
        username: Name for signing in.
        display_name: Name on the pages.
        role: Role in this municipality.
        apps: The apps that it may open there; None means all.
        must_change: Whether its password must be changed before anything else.
        disabled: Whether nobody can sign in with it.
        was_guessed_at: Whether many attempts were refused since somebody signed in; not how many,
            because no page has figures of single persons.
        changed_at: When it was last changed.
        is_own: Whether it is that of whoever looks.
        is_elsewhere: Whether it has a role in another municipality, too.
        is_whole: Whether whoever looks administers all its municipalities.
    """

    id: str
    username: str
    display_name: str
    role: Role
    apps: frozenset[str] | None
    must_change: bool
    disabled: bool
    was_guessed_at: bool
    changed_at: datetime
    is_own: bool
    is_elsewhere: bool
    is_whole: bool


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account that was just made.

    Args:
        username: Name for signing in, as it is kept.
        password: To be changed at the first login; kept nowhere.
    """

    username: str
    password: str = field(repr=False)


def accounts(principal: Principal, store: Store) -> list[ManagedAccount]:
    """Return the accounts of the active municipality in the order of their names.

    Args:
        principal: Who looks.
        store: Where they are kept.

    Raises:
        NotAllowed: Only the administration sees them.
    """
    require(principal, ACCOUNT_MANAGE)
    found = list_accounts(store.engine, principal.active_tenant)
    return [_managed(principal, account) for account in found]


def create(
    principal: Principal,
    store: Store,
    username: str,
    display_name: str,
    role: Role,
    apps: frozenset[str] | None,
    *,
    now: datetime,
) -> NewAccount:
    """Make an account of the active municipality, with a first password.

    The same order once more within seconds, as by a double click, gives another password: nobody
    has seen the one before.

    Args:
        principal: Who makes it.
        store: Where it is kept.
        username: Name for signing in.
        display_name: Name on the pages.
        role: Its role, one of `GIVEN_ROLES`.
        apps: The apps that it may open; None means all.
        now: The moment, with zone.

    Raises:
        AccountNameInvalid: The name has other characters than allowed.
        AccountNameTaken: Another account has it.
        AccountRightsInvalid: No such role, or no app at all.
        NotAllowed: Only the administration makes accounts.
        TextInvalid: The name on the pages holds characters that no text has.
        TextTooLong: It is empty, or too long.
    """
    require(principal, ACCOUNT_MANAGE)
    tenant = principal.active_tenant
    granted = {} if apps is None else {tenant: apps}
    roles = {tenant: _given(role)}
    try:
        account, password = local_accounts.create_account(
            store.engine, username, display_name, roles, app_grants=granted, now=now
        )
    except AccountNameTaken:
        account = get_account(store.engine, username)
        as_ordered = (display_name.strip(), roles, granted)
        rights = account.rights
        if (account.display_name, dict(rights.roles), dict(rights.apps)) != as_ordered:
            raise
        if not account.must_change or now - account.created_at > _SAME_ORDER:
            raise
        password = local_accounts.reset_password(store.engine, username, now)
    _note(principal, store, account.id, "angelegt", now)
    return NewAccount(account.username, str(password))


def disable(principal: Principal, store: Store, username: str, *, now: datetime) -> None:
    """Let nobody sign in with an account any more; its sessions end.

    Args:
        principal: Who does it.
        store: Where it is kept.
        username: Whose.
        now: The moment, with zone.

    Raises:
        AccountElsewhere: It also belongs to a municipality that is not hers to administer.
        AccountUnknown: The municipality has no such account.
        LastAdmin: The municipality would have no administration any more.
        NotAllowed: Only the administration does this.
    """
    with _change(principal, store, username, "gesperrt", now) as account:
        _require_whole(principal, account)
        local_accounts.disable(store.engine, username, now)


def enable(principal: Principal, store: Store, username: str, *, now: datetime) -> None:
    """Let a person sign in again; see `disable`."""
    with _change(principal, store, username, "entsperrt", now) as account:
        _require_whole(principal, account)
        local_accounts.enable(store.engine, username, now)


def reset_password(principal: Principal, store: Store, username: str, *, now: datetime) -> str:
    """Make a new password, which must be changed, and return it; the sessions end.

    Args:
        principal: Who does it.
        store: Where it is kept.
        username: Whose.
        now: The moment, with zone.

    Raises:
        AccountElsewhere: It also belongs to a municipality that is not hers to administer.
        AccountUnknown: The municipality has no such account.
        NotAllowed: Only the administration does this.
        OwnPassword: It is her own account.
    """
    with _change(principal, store, username, "passwort_neu", now) as account:
        _require_whole(principal, account)
        if account.id == principal.subject:
            raise OwnPassword()
        return local_accounts.reset_password(store.engine, username, now)


def set_role(
    principal: Principal,
    store: Store,
    username: str,
    role: Role | None,
    *,
    now: datetime,
    apps: frozenset[str] | EllipsisType | None = ...,
) -> None:
    """Give an account another role in the active municipality; its sessions there end.

    Args:
        principal: Who does it.
        store: Where it is kept.
        username: Whose.
        role: One of `GIVEN_ROLES`; None takes the role of an account that has one elsewhere.
        now: The moment, with zone.
        apps: What `set_apps` takes, at the same time; `...` leaves them as they are.

    Raises:
        AccountRightsInvalid: There is no such role, or no app at all.
        AccountUnknown: The municipality has no such account.
        AccountWithoutRole: It would have none anywhere.
        LastAdmin: The municipality would have no administration any more.
        NotAllowed: Only the administration does this.
    """
    reason = f"rolle:{role or 'keine'}{'' if apps is ... else ':anwendungen'}"
    with _change(principal, store, username, reason, now) as account:
        if role is None and len(account.rights.roles) == 1:
            raise AccountWithoutRole()
        wanted, tenant = None if role is None else _given(role), principal.active_tenant
        local_accounts.set_role(store.engine, username, tenant, wanted, now, apps=apps)
        if account.rights.roles[tenant] != wanted:
            # Nobody can put a new cookie into her browser; so she signs in anew.
            end_all_of(store.engine, account.id, tenant)


def set_apps(
    principal: Principal,
    store: Store,
    username: str,
    apps: frozenset[str] | None,
    *,
    now: datetime,
) -> None:
    """Say which apps an account may open in the active municipality; it counts at once.

    Args:
        principal: Who does it.
        store: Where it is kept.
        username: Whose.
        apps: At least one; None means all that the role allows.
        now: The moment, with zone.

    Raises:
        AccountRightsInvalid: No app at all.
        AccountUnknown: The municipality has no such account.
        NotAllowed: Only the administration does this.
    """
    with _change(principal, store, username, "anwendungen", now):
        local_accounts.set_apps(store.engine, username, principal.active_tenant, apps, now)


def accounts_elsewhere(principal: Principal, store: Store) -> list[str]:
    """Return the names of accounts that can be taken into the active municipality.

    They have no role in it yet, and all their municipalities are the person's to administer.

    Args:
        principal: Who looks.
        store: Where they are kept.

    Raises:
        NotAllowed: Only the administration does this.
    """
    require(principal, ACCOUNT_MANAGE)
    roles, active = principal.roles_by_tenant, principal.active_tenant
    own = [tenant for tenant, role in roles.items() if role == ADMIN and tenant != active]
    found = {
        account.username: account
        for tenant in own
        for account in list_accounts(store.engine, tenant)
    }
    return sorted(name for name, one in found.items() if _can_be_taken_in(principal, one))


def take_in(
    principal: Principal, store: Store, username: str, role: Role, *, now: datetime
) -> None:
    """Give an account of another municipality a role in the active one.

    Args:
        principal: Who does it; she administers all municipalities of the account.
        store: Where it is kept.
        username: One of `accounts_elsewhere`.
        role: One of `GIVEN_ROLES`.
        now: The moment, with zone.

    Raises:
        AccountRightsInvalid: There is no such role.
        AccountUnknown: There is no such account, or it is not hers to administer.
        NotAllowed: Only the administration does this.
    """
    require(principal, ACCOUNT_MANAGE)
    account = get_account(store.engine, username)
    if not _can_be_taken_in(principal, account):
        raise AccountUnknown()
    local_accounts.set_role(store.engine, username, principal.active_tenant, _given(role), now)
    _note(principal, store, account.id, f"rolle:{role}", now)


def _managed(principal: Principal, account: Account) -> ManagedAccount:
    rights, tenant = account.rights, principal.active_tenant
    return ManagedAccount(
        id=account.id,
        username=account.username,
        display_name=account.display_name,
        role=rights.roles[tenant],
        apps=rights.apps.get(tenant),
        must_change=account.must_change,
        disabled=account.disabled,
        was_guessed_at=account.failed_count >= FREE_ATTEMPTS,
        changed_at=account.changed_at,
        is_own=account.id == principal.subject,
        is_elsewhere=len(rights.roles) > 1,
        is_whole=_is_whole(principal, account),
    )


@contextmanager
def _change(
    principal: Principal, store: Store, username: str, reason_code: str, now: datetime
) -> Iterator[Account]:
    """Open a change of an account of the active municipality, and note how it went."""
    require(principal, ACCOUNT_MANAGE)
    account = get_account(store.engine, username)
    if principal.active_tenant not in account.rights.roles:
        raise AccountUnknown()
    try:
        yield account
    except InputError as refusal:
        _note(principal, store, account.id, refusal.code, now, outcome="refused")
        raise
    _note(principal, store, account.id, reason_code, now)


def _require_whole(principal: Principal, account: Account) -> None:
    if not _is_whole(principal, account):
        raise AccountElsewhere()


def _is_whole(principal: Principal, account: Account) -> bool:
    return all(principal.roles_by_tenant.get(tenant) == ADMIN for tenant in account.rights.roles)


def _can_be_taken_in(principal: Principal, account: Account) -> bool:
    roles = account.rights.roles
    return bool(roles) and principal.active_tenant not in roles and _is_whole(principal, account)


def _given(role: Role) -> Role:
    if role not in GIVEN_ROLES:
        raise RoleUnknown(role=role)
    return role


def _note(
    principal: Principal,
    store: Store,
    account_id: str,
    reason_code: str,
    now: datetime,
    outcome: Literal["ok", "refused"] = "ok",
) -> None:
    event = AuditEvent(
        Event.ACCOUNT_CHANGE,
        principal,
        object_id=account_id,
        outcome=outcome,
        reason_code=reason_code,
    )
    audit.write(store.engine, store.settings, event, now=now)
