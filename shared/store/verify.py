"""Compares database and files: which are missing, damaged, or there without anybody naming them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from sqlalchemy import select

from shared.errors import FileDamaged, FileGone
from shared.store.engine import read_scope
from shared.store.local_files import Entry
from shared.store.models import ArtifactRow
from shared.store.store import Store

SETTLED = timedelta(minutes=10)
"""A younger file without row may belong to a unit of which the result is being noted."""
_ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found.

    Args:
        files: Stored files that are as they should be.
        bytes: Their size.
        missing: Keys of files that the database names and that are not there.
        damaged: Keys of files with other content than was stored.
        extra: Keys of files that the database does not name.
        unsettled: Files that it does not name yet, because they are younger than ten minutes.
    """

    files: int
    bytes: int
    missing: tuple[str, ...]
    damaged: tuple[str, ...]
    extra: tuple[str, ...]
    unsettled: int

    @property
    def is_sound(self) -> bool:
        """True when database and files fit."""
        return not (self.missing or self.damaged or self.extra)


@dataclass(frozen=True, slots=True)
class _Named:
    id: str
    tenant: str
    sha256: str
    bytes: int
    key: str


def verify(store: Store, now: datetime) -> Verification:
    """Read every stored file and compare it with its row; changes nothing.

    Args:
        store: What is verified.
        now: The moment, with zone.

    Raises:
        DatabaseUnreachable: The database does not answer.
        StorageUnreachable: The place of the files does not answer.
    """
    files = size = 0
    missing: list[str] = []
    damaged: list[str] = []
    for row in _named_files(store):
        try:
            store.files.verify(row.tenant, row.sha256, row.key)
        except (FileGone, FileDamaged) as error:
            if _known_keys(store, [row.key]):  # else it was deleted meanwhile
                (missing if isinstance(error, FileGone) else damaged).append(row.key)
        else:
            files, size = files + 1, size + row.bytes
    extra = list(_extra(store))
    settled = [entry.key for entry in extra if entry.changed_at <= now - SETTLED]
    return Verification(
        files=files,
        bytes=size,
        missing=tuple(missing),
        damaged=tuple(damaged),
        extra=tuple(settled),
        unsettled=len(extra) - len(settled),
    )


def _named_files(store: Store) -> Iterator[_Named]:
    columns = (ArtifactRow.id, ArtifactRow.tenant, ArtifactRow.sha256, ArtifactRow.bytes)
    last = ""
    while True:
        query = select(*columns, ArtifactRow.storage_key).where(ArtifactRow.id > last)
        with read_scope(store.engine) as session:
            found = session.execute(query.order_by(ArtifactRow.id).limit(_ROWS_AT_ONCE))
            rows = [_Named(*row) for row in found]
        if not rows:
            return
        yield from rows
        last = rows[-1].id


def _extra(store: Store) -> Iterator[Entry]:
    entries = store.files.entries()
    while some := list(islice(entries, _ROWS_AT_ONCE)):
        known = _known_keys(store, [entry.key for entry in some])
        yield from (entry for entry in some if entry.key not in known)


def _known_keys(store: Store, keys: Sequence[str]) -> set[str]:
    query = select(ArtifactRow.storage_key).where(ArtifactRow.storage_key.in_(keys))
    with read_scope(store.engine) as session:
        return set(session.scalars(query))
