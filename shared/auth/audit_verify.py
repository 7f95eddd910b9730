"""Looks for rows of the audit that somebody changed, removed, added or moved.

The chain shows that without anything else, except for rows cut off its end: those are found as far
as the copy beside the logs tells of them. Whoever restores a backup reads the same there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

from sqlalchemy import Engine, func, select

from shared.auth import audit_chain, audit_log
from shared.auth.audit import UNRECORDED, Event
from shared.auth.audit_chain import GENESIS, Entry, audit_keys, is_genuine
from shared.errors import FileMissing
from shared.settings import Settings
from shared.store.engine import read_scope
from shared.store.identity_models import AuditPermitRow, AuditRow

MOST_FAULTS = 1000
"""So many are listed; after that they are only counted."""
Kind = Literal[
    "changed", "missing", "unlinked", "start", "cut", "replaced", "unrecorded", "copy", "permit"
]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was written.

    Args:
        kind: `changed`: a row has another content, or nobody of us wrote it. `missing`: rows are
            not there. `unlinked`: a row does not follow the one before it. `start`: rows before
            the first one are missing, and no purge removed them. `cut`: rows at the end are
            missing. `replaced`: the copy has another row of this
            number. `unrecorded`: the
            database did not take an event. `copy`: a line of the copy is damaged or foreign.
            `permit`: the audit stands open for deletions.
        ordinal: Number of the row, or of the first of them; 0 where there is none.
        count: Rows.
        day: Of the copy's file; empty for the database.
    """

    kind: Kind
    ordinal: int
    count: int = 1
    day: str = ""


@dataclass(slots=True)
class Verification:
    """What was found.

    Args:
        rows: Rows of the database.
        first: Number of the first one; 0 when there is none.
        last: Number of the last one.
        without_copy: Rows that the copy of this machine lacks: its disk was full, or another
            machine wrote them.
        found: Number of faults.
        faults: The first of them.
    """

    rows: int = 0
    first: int = 0
    last: int = 0
    without_copy: int = 0
    found: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """True when nothing was found."""
        return not self.found

    def add(self, fault: Fault) -> None:
        """Count a fault, and keep it if it is one of the first."""
        self.found += 1
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(fault)


def verify(engine: Engine, settings: Settings) -> Verification:
    """Read every row and the whole copy; nothing is changed, and nobody has to wait.

    Args:
        engine: The database.
        settings: Secret of the installation, folder of the logs.

    Raises:
        DatabaseUnreachable: The database does not answer.
        FileMissing: The copy cannot be read.
        SecretUnusable: The installation's secret cannot be read.
    """
    found, key = Verification(), audit_keys(settings).chain
    with read_scope(engine) as session:
        if session.scalar(select(func.count()).select_from(AuditPermitRow)):
            found.add(Fault("permit", 0))
    _check_chain(engine, key, found)
    folder = audit_log.log_folder(settings)
    try:
        copied = sum(_check_copy(engine, key, folder, day, found) for day in audit_log.days(folder))
    except OSError as error:
        raise FileMissing(name=folder.name) from error
    found.without_copy = max(0, found.rows - copied)
    return found


def _check_chain(engine: Engine, key: bytes, found: Verification) -> None:
    first = previous = anchor = None
    for entry in audit_chain.entries(engine):
        found.rows += 1
        first = first or entry
        is_own = is_genuine(key, entry)
        if not is_own:
            found.add(Fault("changed", entry.ordinal))
        elif entry.event == Event.AUDIT_PURGE:
            anchor = entry
        if previous is not None:
            _check_link(previous, entry, found)
        previous = entry
    if first is not None and previous is not None:
        found.first, found.last = first.ordinal, previous.ordinal
        begins_after = f"{first.ordinal - 1}:{first.prev_mac}"
        if begins_after != (f"0:{GENESIS}" if anchor is None else anchor.object_id):
            found.add(Fault("start", first.ordinal))


def _check_link(previous: Entry, entry: Entry, found: Verification) -> None:
    gap = entry.ordinal - previous.ordinal - 1
    if gap:
        found.add(Fault("missing", previous.ordinal + 1, gap))
    elif entry.prev_mac != previous.mac:
        found.add(Fault("unlinked", entry.ordinal))


def _check_copy(engine: Engine, key: bytes, folder: Path, day: date, found: Verification) -> int:
    """Compare the file of a day with the database; return how many rows both have alike."""
    copied: dict[int, str] = {}
    twice: set[int] = set()
    for line in audit_log.lines(folder, day):
        entry = audit_chain.from_line(line)
        if entry is None or not is_genuine(key, entry):
            found.add(Fault("copy", 0, day=day.isoformat()))
        elif entry.ordinal == UNRECORDED:
            found.add(Fault("unrecorded", 0, day=day.isoformat()))
        elif copied.setdefault(entry.ordinal, entry.mac) != entry.mac:
            twice.add(entry.ordinal)
    # Read after the file: the database takes each row before the copy does.
    kept, last = _macs(engine, copied)
    for ordinal in sorted(copied.keys() & kept.keys()):
        if kept[ordinal] != copied[ordinal] or ordinal in twice:
            found.add(Fault("replaced", ordinal, day=day.isoformat()))
    # Others that are missing were purged, or the chain has shown it.
    if cut := [ordinal for ordinal in copied if ordinal > last]:
        found.add(Fault("cut", min(cut), len(cut), day.isoformat()))
    return len(copied.items() & kept.items())


def _macs(engine: Engine, ordinals: dict[int, str]) -> tuple[dict[int, str], int]:
    """Return the HMACs of rows by number, and the number of the last row of all."""
    with read_scope(engine) as session:
        last = session.scalar(select(func.max(AuditRow.ordinal))) or 0
    if not ordinals:
        return {}, last
    between = AuditRow.ordinal.between(min(ordinals), max(ordinals))
    rows = audit_chain.stream_rows(engine, select(AuditRow.ordinal, AuditRow.mac).where(between))
    return {ordinal: mac for ordinal, mac in rows if ordinal in ordinals}, last
