"""Only one supervisor per database works; another watches and takes over when it is gone.

The owner counts `beat` up; who watches compares it by its own monotonic clock, so that clocks that
jump or differ do no harm. Every transaction of the owner counts up as well and thereby makes sure
that the lease is still its own: a supervisor that was believed dead cannot write any more.
"""

from __future__ import annotations

import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from shared.jobs.runner import SUPERVISOR
from shared.store.engine import read_scope, session_scope
from shared.store.models import LeaseRow

BEAT_EVERY_S = 5.0
TAKE_OVER_AFTER_S = 20.0
_PROC = Path("/proc")
_MOST_HOST = 64


class LeaseLost(Exception):
    """Another supervisor works now; this one must not write any more."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A process in a way that tells later whether it still lives.

    Args:
        place: Host, its boot and the name space of process ids.
        process: Process id and start time in ticks since boot.
        token: Random, differs for each lease that this process takes.
    """

    place: str
    process: str
    token: str

    def __str__(self) -> str:
        return "|".join((self.place, self.process, self.token))

    @classmethod
    def this_process(cls) -> Owner:
        """Describe the process that calls."""
        return cls(_place(), _process(os.getpid()), secrets.token_hex(8))

    @classmethod
    def parse(cls, text: str) -> Owner | None:
        """Read what `str` wrote; None for anything else."""
        parts = text.split("|")
        return cls(*parts) if len(parts) == 3 else None

    def is_gone(self) -> bool:
        """Say whether the process surely has ended; False for one on another machine."""
        process_id = self.process.partition(":")[0]
        if self.place != _place() or not process_id.isdigit():
            return False
        return _process(int(process_id)) != self.process


def _place() -> str:
    boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{socket.gethostname()[:_MOST_HOST]}/{boot}/{(_PROC / 'self/ns/pid').stat().st_ino}"


def _process(process_id: int) -> str:
    try:
        text = (_PROC / str(process_id) / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    state, *fields = text.rpartition(")")[2].split()
    started = fields[18]  # field 22 of proc(5), counted in ticks since boot: no clock can jump
    return "" if state in "ZX" else f"{process_id}:{started}"


class Lease:
    """The right to work on the jobs of a database.

    Args:
        engine: The database.
        owner: Who wants it.
        clock: Monotonic seconds.
    """

    def __init__(
        self, engine: Engine, owner: Owner, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.owner = owner
        self._engine = engine
        self._clock = clock
        self._details: dict[str, object] = {}
        self._seen: tuple[str, int] | None = None
        self._seen_at = 0.0
        self._beat_at = float("-inf")

    def try_take(self) -> bool:
        """Look once whether nobody works, and take the lease then.

        Raises:
            DatabaseUnreachable: The database does not answer.
        """
        with read_scope(self._engine) as session:
            row = session.scalars(select(LeaseRow).where(LeaseRow.name == SUPERVISOR)).one_or_none()
            found = None if row is None else (row.owner, row.beat)
        if found is None:
            return self._insert()
        return self._is_abandoned(*found) and self._replace(*found)

    def _is_abandoned(self, owner: str, beat: int) -> bool:
        if (owner, beat) != self._seen:
            self._seen, self._seen_at = (owner, beat), self._clock()
        holder = Owner.parse(owner)
        if holder is None or holder == self.owner or holder.is_gone():
            return True
        return self._clock() - self._seen_at >= TAKE_OVER_AFTER_S

    def _insert(self) -> bool:
        row = LeaseRow(
            name=SUPERVISOR,
            owner=str(self.owner),
            beat=1,
            beat_at=datetime.now(UTC),
            details_json=self._details,
        )
        try:
            with session_scope(self._engine) as session:
                session.add(row)
        except IntegrityError:  # another one was faster
            return False
        return True

    def _replace(self, owner: str, beat: int) -> bool:
        with session_scope(self._engine) as session:
            changed = session.connection().execute(
                update(LeaseRow)
                .where(LeaseRow.name == SUPERVISOR, LeaseRow.owner == owner, LeaseRow.beat == beat)
                .values(owner=str(self.owner), beat=beat + 1, beat_at=datetime.now(UTC))
            )
            return changed.rowcount == 1

    def describe(self, details: Mapping[str, object]) -> None:
        """Keep what pages read about this supervisor; written with the next beat."""
        if dict(details) != self._details:
            self._details = dict(details)
            self._beat_at = float("-inf")

    def check(self, session: Session) -> None:
        """Make sure within a transaction that writes that this supervisor still works alone.

        The row stays locked until the end of the transaction.

        Raises:
            LeaseLost: Another one took over.
        """
        changed = session.connection().execute(
            update(LeaseRow)
            .where(LeaseRow.name == SUPERVISOR, LeaseRow.owner == str(self.owner))
            .values(beat=LeaseRow.beat + 1, beat_at=datetime.now(UTC), details_json=self._details)
        )
        if changed.rowcount != 1:
            raise LeaseLost
        self._beat_at = self._clock()

    def beat(self) -> None:
        """Give a sign of life when the last one is 5 s old.

        Raises:
            LeaseLost: Another one took over.
            DatabaseUnreachable: The database does not answer.
        """
        if self._clock() - self._beat_at >= BEAT_EVERY_S:
            with session_scope(self._engine) as session:
                self.check(session)

    def release(self) -> None:
        """Let the next one work at once.

        Raises:
            DatabaseUnreachable: The database does not answer.
        """
        with session_scope(self._engine) as session:
            session.connection().execute(
                update(LeaseRow)
                .where(LeaseRow.name == SUPERVISOR, LeaseRow.owner == str(self.owner))
                .values(owner="", beat=LeaseRow.beat + 1, beat_at=datetime.now(UTC))
            )
