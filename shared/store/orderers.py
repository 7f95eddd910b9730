"""Whether those who ordered runs may still order them, as far as the database knows.

An account must be there, not disabled, and have the role and the app in a municipality that is
active; a guest needs her session. With a provider the roles stand in its tokens: here they are
known only while the person is signed in, without session only a closed municipality counts. What
commands and the house itself have ordered stays as it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.contracts.identity.installation import LOCAL_SUBJECT
from shared.contracts.identity.policy import decide
from shared.contracts.identity.principal import Principal, Role
from shared.settings import Settings
from shared.store.demo_copies import HOUSE_SUBJECT
from shared.store.guest_data import GUEST_PREFIX
from shared.store.identity_models import (
    AccountAppRow,
    AccountRoleRow,
    AccountRow,
    SessionRow,
    TenantRow,
)
from shared.store.models import RunRow
from shared.store.rights import start_action

ERASED = "erased:"
"""How the name of whoever started a run begins when that person was erased."""
_COMMANDS = frozenset({LOCAL_SUBJECT, HOUSE_SUBJECT})


@dataclass(frozen=True, slots=True)
class _Order:
    """A run with what decides about it."""

    id: str
    started_by: str
    tenant: str
    app: str
    is_example: bool


_Found = Mapping[tuple[str, str], Sequence[Principal]]
"""Whoever somebody is now in a municipality, by subject and municipality."""


def without_right(
    session: Session, settings: Settings, run_ids: Collection[str], now: datetime
) -> frozenset[str]:
    """Return which of some runs nobody could order any more in the name of whoever did.

    Args:
        session: A transaction.
        settings: How people sign in.
        run_ids: The runs.
        now: The moment, with zone.

    Raises:
        DatabaseUnreachable: The database does not answer.
    """
    columns = (RunRow.id, RunRow.started_by, RunRow.tenant, RunRow.app, RunRow.is_example)
    found = session.execute(select(*columns).where(RunRow.id.in_(run_ids)))
    runs = [_Order(*row) for row in found]
    has_provider = settings.auth_mode == "keycloak"
    held = [run for run in runs if _is_held(run.started_by, has_provider)]
    guests = [run for run in held if run.started_by.startswith(GUEST_PREFIX)]
    others = [run for run in held if not run.started_by.startswith(GUEST_PREFIX)]
    gone = _refused(guests, _of_sessions(session, guests, now)) if guests else set()
    if others:
        find = _not_allowed_by_provider if has_provider else _not_allowed_by_account
        gone |= find(session, others, now)
    return frozenset(gone)


def _is_held(subject: str, has_provider: bool) -> bool:
    """Say whether the rights of whoever ordered a run can be taken."""
    if subject.startswith((GUEST_PREFIX, ERASED)):
        return True
    return subject not in _COMMANDS if has_provider else _is_account(subject)


def _is_account(subject: str) -> bool:
    """Say whether a subject is an account's id; commands have plain words instead."""
    try:
        return str(UUID(subject)) == subject
    except ValueError:
        return False


def _refused(runs: Iterable[_Order], found: _Found) -> set[str]:
    """Return the runs that nobody of those found may order."""
    return {
        run.id
        for run in runs
        if not any(
            decide(one, start_action(run.is_example), tenant=run.tenant, app=run.app).allowed
            for one in found.get((run.started_by, run.tenant), ())
        )
    }


def _not_allowed_by_account(session: Session, runs: Sequence[_Order], _now: datetime) -> set[str]:
    roles: dict[tuple[str, str], Role] = {}
    apps: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    query = (
        select(AccountRow.id, AccountRoleRow.tenant, AccountRoleRow.role, AccountAppRow.app)
        .join(AccountRoleRow, AccountRoleRow.account_id == AccountRow.id)
        .join(TenantRow, (TenantRow.slug == AccountRoleRow.tenant) & TenantRow.active)
        .outerjoin(
            AccountAppRow,
            (AccountAppRow.account_id == AccountRow.id)
            & (AccountAppRow.tenant == AccountRoleRow.tenant),
        )
        .where(AccountRow.id.in_(_subjects(runs)), AccountRow.disabled.is_(False))
    )
    for account, tenant, role, app in session.execute(query):
        roles[account, tenant] = cast(Role, role)
        if app is not None:
            apps[account, tenant].add(app)
    found = {
        (account, tenant): [_person(account, tenant, {tenant: role}, apps.get((account, tenant)))]
        for (account, tenant), role in roles.items()
    }
    return _refused(runs, found)


def _not_allowed_by_provider(session: Session, runs: Sequence[_Order], now: datetime) -> set[str]:
    closed = set(
        session.scalars(
            select(TenantRow.slug).where(
                TenantRow.slug.in_({run.tenant for run in runs}), TenantRow.active.is_(False)
            )
        )
    )
    found = _of_sessions(session, runs, now)
    known = [run for run in runs if (run.started_by, run.tenant) in found]
    no_more = {run.id for run in runs if run.tenant in closed or run.started_by.startswith(ERASED)}
    return no_more | _refused(known, found)


def _of_sessions(session: Session, runs: Sequence[_Order], now: datetime) -> _Found:
    query = select(SessionRow.subject, SessionRow.claims_json).where(
        SessionRow.subject.in_(_subjects(runs)), SessionRow.idle_expires_at > now
    )
    claims: defaultdict[str, list[Any]] = defaultdict(list)
    for subject, content in session.execute(query):
        claims[subject].append(content)
    return {
        (run.started_by, run.tenant): [
            _person(run.started_by, run.tenant, one["roles_by_tenant"], one["app_grants"])
            for one in claims[run.started_by]
        ]
        for run in runs
        if run.started_by in claims
    }


def _person(
    subject: str, tenant: str, roles: Mapping[str, Role], apps: Collection[str] | None
) -> Principal:
    return Principal(subject, "", roles, tenant, None if apps is None else frozenset(apps))


def _subjects(runs: Iterable[_Order]) -> set[str]:
    return {run.started_by for run in runs}
