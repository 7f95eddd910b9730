"""Mode `lokal`: accounts of this installation, signing in by name and password.

Hashing a password takes about 140 ms and 64 MiB: call what hashes in a thread, never in an event
loop. Every moment is a parameter, with its zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Delete, Engine, delete, select
from sqlalchemy.exc import IntegrityError

from shared.auth import attempts, passwords
from shared.auth.account_names import account_name, checked_account_name
from shared.auth.account_rights import (
    ADMIN,
    Rights,
    checked_rights,
    keep_an_admin,
    write_rights,
)
from shared.auth.account_rows import (
    Account,
    change,
    find_row,
    get_account,
    list_accounts,
    named,
    required_row,
    rights_to_change,
    set_apps,
    set_role,
)
from shared.auth.tenants import insert_home_tenant
from shared.auth.words import new_password
from shared.contracts.identity.principal import HOME_TENANT, Role
from shared.errors import (
    AccountNameTaken,
    OldPasswordWrong,
    PasswordUnchanged,
    SignInRefused,
)
from shared.store.engine import read_scope, session_scope
from shared.store.identity_models import AccountRow, SessionRow
from shared.store.ids import new_id
from shared.store.texts import checked_text

__all__ = [
    "FIRST_ACCOUNTS",
    "Account",
    "FirstPassword",
    "create_account",
    "disable",
    "enable",
    "first_start",
    "get_account",
    "has_accounts",
    "list_accounts",
    "reset_password",
    "set_apps",
    "set_password",
    "set_role",
    "sign_in",
    "unchanged_first_accounts",
]

FIRST_ACCOUNTS: tuple[tuple[str, str, Role], ...] = (
    ("admin", "Administration", "admin"),
    ("sachbearbeitung", "Sachbearbeitung", "sachbearbeitung"),
    ("ansicht", "Ansicht", "viewer"),
)
"""Name, name on the pages and role of the accounts that the first start makes."""
MOST_SHOWN_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class FirstPassword:
    """An account of the first start with the password that is printed once.

    Args:
        username: Name for signing in.
        role: Its role in the home municipality.
        password: To be changed at the first login.
    """

    username: str
    role: Role
    password: str = field(repr=False)


def create_account(
    engine: Engine,
    username: str,
    display_name: str,
    roles_by_tenant: Mapping[str, Role],
    password: str | None = None,
    app_grants: Mapping[str, frozenset[str]] | None = None,
    *,
    now: datetime,
) -> tuple[Account, str | None]:
    """Make an account; return it, and the password made for it, which must be changed.

    Args:
        engine: The database.
        username: Name for signing in.
        display_name: Name on the pages.
        roles_by_tenant: Its role in each municipality.
        password: What the person has chosen; None makes one.
        app_grants: The apps that it may open, by municipality; all where none are named.
        now: The moment.

    Raises:
        AccountNameInvalid: The name has other characters than allowed.
        AccountNameTaken: Another account has it.
        AccountRightsInvalid: Unknown role or municipality, or no app at all.
        PasswordGuessable: The password is common, or one of the names.
        PasswordLength: It is too short or too long.
        TextInvalid: The name on the pages holds characters that no text has.
        TextTooLong: It is empty, or too long.
    """
    name = checked_account_name(username)
    shown = checked_text(display_name, MOST_SHOWN_CHARACTERS)
    rights = checked_rights(roles_by_tenant, app_grants or {})
    made = None if password is not None else new_password()
    plain = passwords.checked(password if password is not None else str(made), (name, shown))
    row = _new_row(name, shown, plain, now, must_change=made is not None)
    account_id = row.id
    try:
        with session_scope(engine) as session:
            session.add(row)
            session.flush()
            write_rights(session, account_id, rights)
    except IntegrityError as error:
        raise AccountNameTaken(name=name) from error
    return get_account(engine, name), made


def sign_in(
    engine: Engine, username: str, password: str, *, ip_prefix: str, now: datetime
) -> Account:
    """Return the account of a name and a password; the work is the same for unknown names.

    Args:
        engine: The database.
        username: What the person typed.
        password: What the person typed.
        ip_prefix: Network of the browser, from `attempts.ip_prefix`.
        now: The moment.

    Raises:
        SignInRefused: Wrong, blocked, or disabled; it does not say which.
    """
    counted = account_name(username) or username
    plain = passwords.normalised(password)
    if plain is None or not attempts.begin(engine, counted, ip_prefix, now):
        raise SignInRefused()
    found = find_row(engine, named(username))
    kept = passwords.NOBODYS_HASH if found is None else found.password_hash
    is_right = passwords.fits(kept, plain)
    if found is None or not is_right or found.disabled:
        with session_scope(engine) as session:
            session.execute(change(named(username), failed_count=AccountRow.failed_count + 1))
        raise SignInRefused()
    attempts.succeeded(engine, counted, ip_prefix)
    account = get_account(engine, found.username)
    values: dict[str, Any] = {"failed_count": 0}
    if passwords.is_outdated(kept):
        values["password_hash"] = passwords.hash_password(plain)
    own = (AccountRow.id == found.id) & (AccountRow.password_hash == kept)
    if not _put(engine, own & AccountRow.disabled.is_(False), **values):
        # It was changed, locked or hashed anew while this one was looked at.
        return sign_in(engine, username, password, ip_prefix=ip_prefix, now=now)
    return account


def set_password(
    engine: Engine, account_id: str, old: str, new: str, now: datetime, *, keep: str = ""
) -> None:
    """Change a password; the person's other sessions end.

    Args:
        engine: The database.
        account_id: Whose.
        old: The password until now.
        new: What the person has chosen.
        now: The moment.
        keep: Name of the session that goes on.

    Raises:
        AccountUnknown: There is no such account.
        OldPasswordWrong: It is not the one until now, or there were too many attempts.
        PasswordGuessable: The new one is common, or the person's name.
        PasswordLength: It is too short or too long.
        PasswordUnchanged: It is the one until now.
    """
    found = required_row(engine, AccountRow.id == account_id)
    plain = passwords.checked(new, (found.username, found.display_name))
    plain_old = passwords.normalised(old)
    if plain_old is None or not attempts.begin(engine, account_id, "", now):
        raise OldPasswordWrong()
    if not passwords.fits(found.password_hash, plain_old):
        raise OldPasswordWrong()
    attempts.succeeded(engine, account_id, "")
    if plain == plain_old:
        raise PasswordUnchanged()
    own = (AccountRow.id == account_id) & (AccountRow.password_hash == found.password_hash)
    if not _put_password(engine, own, account_id, plain, now, must_change=False, keep=keep):
        raise OldPasswordWrong()


def reset_password(engine: Engine, username: str, now: datetime) -> str:
    """Make a new password, which must be changed, and return it; the person's sessions end.

    Args:
        engine: The database.
        username: Whose.
        now: The moment.

    Raises:
        AccountUnknown: There is no such account.
    """
    found, made = required_row(engine, named(username)), new_password()
    _put_password(engine, AccountRow.id == found.id, found.id, made, now, must_change=True)
    return made


def disable(engine: Engine, username: str, now: datetime) -> None:
    """Let nobody sign in with an account any more; its sessions end.

    Args:
        engine: The database.
        username: Whose.
        now: The moment.

    Raises:
        AccountUnknown: There is no such account.
        LastAdmin: A municipality would have no administration any more.
    """
    with rights_to_change(engine, username, now) as (session, account_id, rights):
        administered = [tenant for tenant, role in rights.roles.items() if role == ADMIN]
        keep_an_admin(session, account_id, administered)
        session.execute(change(AccountRow.id == account_id, disabled=True))
        session.execute(_sessions_of(account_id))


def enable(engine: Engine, username: str, now: datetime) -> None:
    """Let a person sign in again with a disabled account; see `disable`."""
    found = required_row(engine, named(username))
    _put(engine, AccountRow.id == found.id, disabled=False, changed_at=now)


def first_start(engine: Engine, now: datetime) -> list[FirstPassword]:
    """Make the first accounts where there is none at all, and return their passwords.

    Of several processes that start at once one makes them; the others return nothing.

    Args:
        engine: The database.
        now: The moment.
    """
    if has_accounts(engine):
        return []
    made = [FirstPassword(name, role, new_password()) for name, _, role in FIRST_ACCOUNTS]
    rows = [
        _new_row(one.username, shown, one.password, now, must_change=True, is_first=True)
        for one, (_, shown, _) in zip(made, FIRST_ACCOUNTS, strict=True)
    ]
    rights = {
        row.id: Rights({HOME_TENANT: one.role}, {}) for row, one in zip(rows, made, strict=True)
    }
    try:
        with session_scope(engine) as session:
            insert_home_tenant(session)
            # Whoever came first holds the lock until its accounts are there.
            if session.scalar(select(AccountRow.id).limit(1)) is not None:
                return []
            session.add_all(rows)
            session.flush()
            for account_id, some in rights.items():
                write_rights(session, account_id, some)
    except IntegrityError:
        return []  # on PostgreSQL the faster one's names are taken
    return made


def unchanged_first_accounts(engine: Engine) -> list[str]:
    """Return the names of accounts that can sign in with the password that was printed."""
    query = select(AccountRow.username).where(
        AccountRow.is_first, AccountRow.must_change, AccountRow.disabled.is_(False)
    )
    with read_scope(engine) as session:
        return list(session.scalars(query.order_by(AccountRow.username)))


def has_accounts(engine: Engine) -> bool:
    """Say whether there is any account, so that the first start makes none."""
    with read_scope(engine) as session:
        return session.scalar(select(AccountRow.id).limit(1)) is not None


def _new_row(
    name: str, shown: str, plain: str, now: datetime, *, must_change: bool, is_first: bool = False
) -> AccountRow:
    return AccountRow(
        id=new_id(round(now.timestamp() * 1000)),
        username=name,
        display_name=shown,
        password_hash=passwords.hash_password(plain),
        must_change=must_change,
        is_first=is_first,
        disabled=False,
        failed_count=0,
        created_at=now,
        changed_at=now,
    )


def _put_password(
    engine: Engine,
    whose: ColumnElement[bool],
    account_id: str,
    plain: str,
    now: datetime,
    *,
    must_change: bool,
    keep: str = "",
) -> bool:
    """Change a password and end the sessions that began with the old one: both, or none."""
    hashed = passwords.hash_password(plain)
    # A password that was made anew is no longer the one that the first start has printed.
    values = {"must_change": must_change, "changed_at": now, "is_first": False}
    with session_scope(engine) as session:
        done = session.execute(change(whose, password_hash=hashed, **values))
        if has_changed := cast("CursorResult[Any]", done).rowcount > 0:
            session.execute(_sessions_of(account_id, but=keep))
        return has_changed


def _sessions_of(account_id: str, *, but: str = "") -> Delete:
    return delete(SessionRow).where(SessionRow.subject == account_id, SessionRow.id != but)


def _put(engine: Engine, whose: ColumnElement[bool], **values: Any) -> bool:  # noqa: ANN401
    """Change an account and say whether there was one."""
    with session_scope(engine) as session:
        done = session.execute(change(whose, **values))
        return cast("CursorResult[Any]", done).rowcount > 0
