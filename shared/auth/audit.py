"""The audit: who did what, in a table that is only added to, and in a copy beside the logs.

People stand in it as pseudonyms, see `shared.auth.pseudonyms`; addresses are cut to their network.
What a row names are ids and codes. Anything that does not look like one - a name of a file, a
token, a sentence - is replaced by an HMAC, which tells equal ones from others and nothing else.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import unicodedata
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Literal, TextIO, cast
from weakref import WeakKeyDictionary

from sqlalchemy import CursorResult, Engine, delete, func, insert, select
from sqlalchemy.event import listen
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shared.auth import audit_chain, audit_log, pseudonyms
from shared.auth.attempts import ip_prefix
from shared.auth.audit_chain import GENESIS, AuditKeys, Entry, audit_keys
from shared.auth.audit_repeats import TOLD_SINGLY, RepeatKey, Repeats, has_row
from shared.contracts.identity.principal import Principal
from shared.errors import UrbanKiError
from shared.settings import Settings
from shared.store.engine import session_scope
from shared.store.identity_models import AuditPermitRow, AuditRow
from shared.store.ids import new_id

UNRECORDED = 0
"""Number of a row that stands in the copy only, because the database did not take it."""
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_WORDS = r"[a-z0-9_]+(?:[/:][a-z0-9_]+)*"
# No dots and no hyphens: names of files, made passwords and tokens have them.
_OBJECT = re.compile(f"{_UUID}|{_WORDS}")
_CODE = re.compile(rf"{_WORDS}|\d+(?:\.\d+)+")
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_HMAC_CHARACTERS = 24
_repeats: WeakKeyDictionary[Engine, Repeats] = WeakKeyDictionary()
_log = logging.getLogger(__name__)


class Event(StrEnum):
    """Everything that the audit tells of."""

    ACCOUNT_CHANGE = "account_change"
    AUDIT_EXPORT = "audit_export"
    AUDIT_PURGE = "audit_purge"
    """The anchor of the chain: `object_id` is number and HMAC of the last row removed."""
    BACKCHANNEL_LOGOUT = "backchannel_logout"
    DATASPACE_PUBLISH = "dataspace_publish"
    DELETE = "delete"
    DENIED = "denied"
    EXPORT = "export"
    HEADLESS_COMMAND = "headless_command"
    KEY_ROTATION = "key_rotation"
    KIOSK_RESET = "kiosk_reset"
    LOGIN = "login"
    LOGOUT = "logout"
    MODEL_CALLS = "model_calls"
    """Of one job: `object_id` is the run, `reason_code` task and number, as in `segment:250`."""
    SESSION_END = "session_end"
    SETTINGS_CHANGE = "settings_change"
    START = "start"
    """`object_id` is the mode, `reason_code` the version."""
    SUBJECT_ERASE = "subject_erase"
    SUBJECT_EXPORT = "subject_export"
    TENANT_SWITCH = "tenant_switch"
    TOKEN_ISSUE = "token_issue"  # noqa: S105
    UPLOAD = "upload"


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Something that happened.

    Args:
        event: What.
        principal: Who; None where nobody is known, as at a refused login.
        tenant: Where; empty takes the active municipality of the principal.
        app: App id.
        object_id: Id of what it was done to; never a name that a person gave.
        outcome: Whether it was done.
        reason_code: Why not, or how: a code of `shared.errors`, a version.
        ip: Address of the browser, or its network.
        request_id: Name of the request.
    """

    event: Event
    principal: Principal | None = None
    tenant: str = ""
    app: str = ""
    object_id: str = ""
    outcome: Literal["ok", "refused"] = "ok"
    reason_code: str = ""
    ip: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge has removed.

    Args:
        rows: Rows of the audit.
        held: Old rows that stay, because one before them bears a later moment: a clock was wrong.
        files: Files of the copy.
        subjects: Links to pseudonyms that no row has any more.
    """

    rows: int
    held: int
    files: int
    subjects: int


def write(engine: Engine, settings: Settings, event: AuditEvent, *, now: datetime) -> None:
    """Add an event: first to the database, then to the copy.

    Refusals that repeat have ever fewer rows, see `shared.auth.audit_repeats`:
    `keine_berechtigung:40` is the 40th of its minute. A copy that cannot be written is logged and
    loses nothing. An event that the database does not take is noted in the copy, `audit_verify`
    reports it, and the error goes on to the caller.

    Args:
        engine: The database.
        settings: Secret of the installation, folder of the logs.
        event: What happened.
        now: The moment, with zone.

    Raises:
        DatabaseBusy: Another process holds the database.
        DatabaseUnreachable: The database does not answer.
        StorageFull: The database has no space left.
        SecretUnusable: The installation's secret cannot be read.
    """
    number = _number(engine, event, now)
    if not has_row(number):
        return
    if number >= TOLD_SINGLY:
        event = replace(event, reason_code=f"{event.reason_code}:{number}".lstrip(":"))
    keys = audit_keys(settings)
    draft = _draft(event, keys, now)
    try:
        with session_scope(engine) as session:
            entry = _append(session, keys, event, draft)
    except (UrbanKiError, SQLAlchemyError):
        _copy(settings, audit_chain.sealed(keys.chain, draft))
        raise
    _copy(settings, entry)


def add(session: Session, settings: Settings, event: AuditEvent, *, now: datetime) -> None:
    """Add an event in a transaction of the caller: both are written or neither; then the copy.

    Args:
        session: The transaction. Nobody else adds rows until it ends, and it must not hold locks
            of runs unless it took the lock of the audit before them, see `audit_chain.lock`.
        settings: Secret of the installation, folder of the logs.
        event: What happened.
        now: The moment, with zone.

    Raises:
        SecretUnusable: The installation's secret cannot be read.
    """
    keys = audit_keys(settings)
    entry = _append(session, keys, event, _draft(event, keys, now))
    listen(session, "after_commit", lambda _session: _copy(settings, entry), once=True)


def _number(engine: Engine, event: AuditEvent, now: datetime) -> int:
    """Return the how manieth of its minute a refusal is; 1 for everything else."""
    if event.outcome != "refused":
        return 1
    principal = event.principal
    who = ip_prefix(event.ip.partition("/")[0]) if principal is None else principal.subject
    return _repeats.setdefault(engine, Repeats()).number(
        RepeatKey(event.event, who, event.reason_code), now
    )


def _append(session: Session, keys: AuditKeys, event: AuditEvent, draft: Entry) -> Entry:
    audit_chain.lock(session)
    subject = "" if event.principal is None else event.principal.subject
    pseudonym = pseudonyms.give(session, keys.subject, subject)
    return audit_chain.append(session, keys.chain, replace(draft, subject_hmac=pseudonym))


def export(engine: Engine, from_: datetime, to: datetime, stream: TextIO) -> int:
    """Write the rows of a time as JSON lines, in order, and return their number.

    Args:
        engine: The database.
        from_: Its beginning, with zone.
        to: Its end, which is no longer part of it.
        stream: Where; only a few rows are in memory.

    Raises:
        DatabaseUnreachable: The database does not answer.
    """
    count = 0
    with closing(audit_chain.entries(engine, AuditRow.ts >= from_, AuditRow.ts < to)) as entries:
        for entry in entries:
            stream.write(f"{audit_chain.to_line(entry)}\n")
            count += 1
    return count


def purge(engine: Engine, settings: Settings, before: datetime, *, now: datetime) -> Purged:
    """Remove whole UTC days from the beginning, and anchor the rest of the chain.

    May be broken off anywhere and run again.

    Args:
        engine: The database.
        settings: Secret of the installation, folder of the logs.
        before: The day of this moment and all after it stay; with zone, not after `now`.
        now: The moment.

    Raises:
        DatabaseBusy: Another process holds the database.
        DatabaseUnreachable: The database does not answer.
        SecretUnusable: The installation's secret cannot be read.
    """
    if before > now:
        raise ValueError("what has not happened yet cannot be purged")
    first_day = before.astimezone(UTC).date()
    cut = datetime.combine(first_day, time(), UTC)
    keys = audit_keys(settings)
    anchor: Entry | None = None
    with session_scope(engine) as session:
        audit_chain.lock(session)
        last, mac = _last_to_remove(session, cut)
        if last:
            # Before anything goes: also after all other rows the chain goes on from its end.
            event = AuditEvent(Event.AUDIT_PURGE, object_id=f"{last}:{mac}")
            anchor = audit_chain.append(session, keys.chain, _draft(event, keys, now))
        rows = _remove(session, last)
        held = session.scalar(select(func.count()).where(AuditRow.ts < cut)) or 0
        subjects = pseudonyms.forget_unused(session)
    if anchor is not None:
        _copy(settings, anchor)
    files = audit_log.remove_before(audit_log.log_folder(settings), first_day)
    if held:
        _log.warning("%d old rows of the audit stay: a row before them has a later moment", held)
    return Purged(rows, held, files, subjects)


def oldest_kept(settings: Settings, now: datetime) -> datetime:
    """Return the moment from which on the settings keep the audit; for `purge`."""
    return now - timedelta(days=settings.retention_audit_days)


def _draft(event: AuditEvent, keys: AuditKeys, now: datetime) -> Entry:
    principal, key = event.principal, keys.subject
    active, role = ("", "") if principal is None else (principal.active_tenant, principal.role)
    return Entry(
        id=new_id(round(now.timestamp() * 1000)),
        ordinal=UNRECORDED,
        ts=now.astimezone(UTC),
        event=Event(event.event).value,
        subject_hmac="",
        tenant=_named(event.tenant or active, _NAME, 64, key),
        role=role,
        app=_named(event.app, _NAME, 32, key),
        object_id=_named(event.object_id, _OBJECT, 200, key),
        outcome=event.outcome,
        reason_code=_named(event.reason_code, _CODE, 64, key),
        ip_prefix=ip_prefix(event.ip.partition("/")[0]),
        request_id=_named(event.request_id, _NAME, 64, key),
        prev_mac=GENESIS,
    )


def _named(text: str, pattern: re.Pattern[str], limit: int, key: bytes) -> str:
    """Return an id without characters that nobody sees, or an HMAC in place of other texts."""
    visible = "".join(one for one in text if unicodedata.category(one)[0] != "C")
    if not visible or (len(visible) <= limit and pattern.fullmatch(visible)):
        return visible
    content = visible.encode("utf-8")
    return f"hmac:{hmac.new(key, content, hashlib.sha256).hexdigest()[:_HMAC_CHARACTERS]}"


def _copy(settings: Settings, entry: Entry) -> None:
    try:
        folder = audit_log.log_folder(settings)
        audit_log.append(folder, entry.ts.date(), audit_chain.to_line(entry))
    except OSError:
        _log.exception("row %d of the audit is missing in its copy", entry.ordinal)


def _last_to_remove(session: Session, cut: datetime) -> tuple[int, str]:
    """Return number and HMAC of the last of the old rows at the beginning; 0 for none."""
    first_kept = session.scalar(select(func.min(AuditRow.ordinal)).where(AuditRow.ts >= cut))
    if first_kept is None:
        return audit_chain.last_link(session)
    before = select(AuditRow.ordinal, AuditRow.mac).where(AuditRow.ordinal == first_kept - 1)
    found = session.execute(before).one_or_none()
    return (0, GENESIS) if found is None else (found.ordinal, found.mac)


def _remove(session: Session, last: int) -> int:
    session.execute(insert(AuditPermitRow).values(purpose="purge"))
    done = session.execute(
        delete(AuditRow).where(AuditRow.ordinal <= last),
        execution_options={"synchronize_session": False},
    )
    session.execute(delete(AuditPermitRow))
    return cast("CursorResult[Any]", done).rowcount
