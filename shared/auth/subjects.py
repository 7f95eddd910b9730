"""What is kept about a person: handed out, or erased (articles 15 and 17 GDPR).

Erasing takes the account, its sessions and the link to the pseudonym in the audit; runs get a
pseudonym of their own. The audit's rows stay as they are and its chain stays valid, but nobody can
say any more whose they were, see `shared.auth.pseudonyms`. That holds for the copy beside the logs
too, but not for backups made before. Decisions name only roles; attempts to sign in end in a day.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TextIO, cast

from sqlalchemy import CursorResult, Engine, delete, func, select, update
from sqlalchemy.orm import Session

from shared.auth import audit_chain, pseudonyms
from shared.auth.audit_chain import audit_keys
from shared.auth.randomness import new_token
from shared.errors import DeletionIncomplete, InputError
from shared.settings import Settings
from shared.store.engine import read_scope, session_scope
from shared.store.identity_models import (
    AccountAppRow,
    AccountRoleRow,
    AccountRow,
    AuditRow,
    SessionRow,
)
from shared.store.models import RunRow
from shared.store.orderers import ERASED
from shared.store.sqlite_files import empty_journal
from shared.store.texts import checked_text

_MOST_CHARACTERS = 255
_ACCOUNT = (
    *(AccountRow.id, AccountRow.username, AccountRow.display_name, AccountRow.must_change),
    *(AccountRow.disabled, AccountRow.failed_count, AccountRow.created_at, AccountRow.changed_at),
)
_SESSION = (
    *(SessionRow.id, SessionRow.display_name, SessionRow.kind, SessionRow.mode),
    *(SessionRow.claims_json, SessionRow.active_tenant, SessionRow.ip_prefix),
    *(SessionRow.created_at, SessionRow.seen_at, SessionRow.absolute_expires_at),
)
_RUN = (
    *(RunRow.id, RunRow.tenant, RunRow.app, RunRow.job, RunRow.title, RunRow.state),
    *(RunRow.parameters_json, RunRow.created_at, RunRow.started_at, RunRow.finished_at),
)


@dataclass(frozen=True, slots=True)
class ErasedSubject:
    """What an erasing did.

    Args:
        accounts: Accounts removed.
        sessions: Sessions ended.
        runs: Runs that no longer name the person.
        audit_rows: Rows of the audit that nobody can assign any more.
    """

    accounts: int
    sessions: int
    runs: int
    audit_rows: int


def export_subject(engine: Engine, settings: Settings, subject: str, stream: TextIO) -> int:
    """Write all that is kept about a person as JSON lines, and return their number.

    Each line is an object with `record`: account, role, app, session, run or audit. Secrets, as
    hashes of passwords, are not among it.

    Args:
        engine: The database.
        settings: Secret of the installation.
        subject: Who: an account's id, or what the provider calls her.
        stream: Where; only a few rows are in memory.

    Raises:
        DatabaseUnreachable: The database does not answer.
        InputError: Nothing is kept about her.
        SecretUnusable: The installation's secret cannot be read.
        TextInvalid: The id holds characters that no id has.
        TextTooLong: It is too long.
    """
    checked_text(subject, _MOST_CHARACTERS, empty=True)
    with read_scope(engine) as session:
        pseudonym = pseudonyms.find(session, audit_keys(settings).subject, subject)
    count = 0
    with closing(_kept(engine, subject, pseudonym)) as lines:
        for line in lines:
            stream.write(f"{line}\n")
            count += 1
    if not count:
        raise _nothing_kept()
    return count


def erase_subject(engine: Engine, settings: Settings, subject: str) -> ErasedSubject:
    """Make sure that nothing leads to a person any more; all in one transaction.

    Args:
        engine: The database.
        settings: Secret of the installation.
        subject: Who: an account's id, or what the provider calls her.

    Raises:
        DatabaseBusy: Another process holds the database.
        DatabaseUnreachable: The database does not answer.
        DeletionIncomplete: It is done, but somebody reads from the journal of SQLite.
        InputError: Nothing is kept about her, or she could still sign in.
        SecretUnusable: The installation's secret cannot be read.
        TextInvalid: The id holds characters that no id has.
        TextTooLong: It is too long.
    """
    checked_text(subject, _MOST_CHARACTERS, empty=True)
    key = audit_keys(settings).subject
    with session_scope(engine) as session:
        audit_chain.lock(session)
        _refuse_open_account(session, subject)
        pseudonym = pseudonyms.find(session, key, subject)
        erased = ErasedSubject(
            sessions=_changed(session, delete(SessionRow).where(SessionRow.subject == subject)),
            accounts=_changed(session, delete(AccountRow).where(AccountRow.id == subject)),
            runs=_rename_runs(session, subject),
            audit_rows=_audit_rows(session, pseudonym),
        )
        if pseudonym is None and erased == ErasedSubject(0, 0, 0, 0):
            raise _nothing_kept()
        pseudonyms.forget(session, key, subject)
    if not empty_journal(engine):
        raise DeletionIncomplete(rows=0, files=1)
    return erased


def _nothing_kept() -> InputError:
    return InputError(reason="Zu dieser Kennung ist nichts gespeichert.")


def _kept(engine: Engine, subject: str, pseudonym: str | None) -> Generator[str, None, None]:
    sources: tuple[tuple[str, tuple[Any, ...], Any], ...] = (
        ("account", _ACCOUNT, AccountRow.id == subject),
        (
            "role",
            (AccountRoleRow.tenant, AccountRoleRow.role),
            AccountRoleRow.account_id == subject,
        ),
        ("app", (AccountAppRow.tenant, AccountAppRow.app), AccountAppRow.account_id == subject),
        ("session", _SESSION, SessionRow.subject == subject),
        ("run", _RUN, RunRow.started_by == subject),
    )
    for kind, columns, condition in sources:
        query = select(*columns).where(condition)
        with closing(audit_chain.stream_rows(engine, query)) as rows:
            for row in rows:
                yield _line(kind, row._asdict())
    if pseudonym is not None:
        own = AuditRow.subject_hmac == pseudonym
        with closing(audit_chain.entries(engine, own)) as entries:
            for entry in entries:
                yield _line("audit", json.loads(audit_chain.to_line(entry)))


def _line(kind: str, content: dict[str, Any]) -> str:
    return json.dumps({"record": kind} | content, default=_written, separators=(",", ":"))


def _written(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def _refuse_open_account(session: Session, subject: str) -> None:
    """Refuse while she could sign in: with the same account she would be there again at once."""
    query = select(AccountRow.username, AccountRow.disabled).where(AccountRow.id == subject)
    account = session.execute(query.with_for_update()).one_or_none()
    if account is not None and not account.disabled:
        raise InputError(
            reason=f"Das Konto „{account.username}“ ist nicht gesperrt. "
            "Bitte sperren Sie es zuerst."
        )


def _rename_runs(session: Session, subject: str) -> int:
    """Name the person's runs after nobody; the key of equal orders was made with her id."""
    nobody = f"{ERASED}{new_token()}"
    own = update(RunRow).where(RunRow.started_by == subject)
    return _changed(session, own.values(started_by=nobody, idempotency_key=ERASED + RunRow.id))


def _audit_rows(session: Session, pseudonym: str | None) -> int:
    if pseudonym is None:
        return 0
    return session.scalar(select(func.count()).where(AuditRow.subject_hmac == pseudonym)) or 0


def _changed(session: Session, statement: Any) -> int:  # noqa: ANN401
    done = session.execute(statement, execution_options={"synchronize_session": False})
    return cast("CursorResult[Any]", done).rowcount
