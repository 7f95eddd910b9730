"""What the torture looks at: effects noted by the database itself, and the hash of a result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import Engine, select, text

from shared.contracts.identity.principal import Principal
from shared.contracts.jobs import JsonObject, StoredFile
from shared.errors import DatabaseBusy
from shared.jobs.definition import JobDefinition
from shared.jobs.inline import InlineFile, run_inline
from shared.settings import Settings
from shared.store import artifacts, runs
from shared.store.engine import make_engine, read_scope, session_scope
from shared.store.models import LeaseRow
from shared.store.store import Store

_SQLITE = (
    "CREATE TABLE trial_effect (run_id TEXT, ordinal INTEGER)",
    "CREATE TRIGGER trial_unit AFTER UPDATE OF state ON unit WHEN NEW.state = 'done' "
    "BEGIN INSERT INTO trial_effect VALUES (NEW.run_id, NEW.ordinal); END",
    "CREATE TRIGGER trial_run AFTER UPDATE OF state ON run WHEN NEW.state = 'done' "
    "BEGIN INSERT INTO trial_effect VALUES (NEW.id, -1); END",
)
_POSTGRESQL = (
    "CREATE TABLE trial_effect (run_id text, ordinal integer)",
    "CREATE FUNCTION trial_unit_done() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN INSERT INTO trial_effect VALUES (NEW.run_id, NEW.ordinal); RETURN NULL; END $$",
    "CREATE FUNCTION trial_run_done() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN INSERT INTO trial_effect VALUES (NEW.id, -1); RETURN NULL; END $$",
    "CREATE TRIGGER trial_unit AFTER UPDATE OF state ON unit FOR EACH ROW "
    "WHEN (NEW.state = 'done') EXECUTE FUNCTION trial_unit_done()",
    "CREATE TRIGGER trial_run AFTER UPDATE OF state ON run FOR EACH ROW "
    "WHEN (NEW.state = 'done') EXECUTE FUNCTION trial_run_done()",
)
_SQLITE_GONE = ("DROP TRIGGER trial_unit", "DROP TRIGGER trial_run", "DROP TABLE trial_effect")
_POSTGRESQL_GONE = (
    "DROP FUNCTION trial_unit_done() CASCADE",
    "DROP FUNCTION trial_run_done() CASCADE",
    "DROP TABLE trial_effect",
)
_CUT = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)

_LOOK = text(
    "SELECT units_done, units_failed, "
    "(SELECT count(*) FROM unit WHERE run_id = :run_id AND state = 'leased') AS leased, "
    "(SELECT count(*) FROM unit WHERE run_id = :run_id AND crashes > 0 "
    "AND state IN ('queued', 'leased')) AS suspects, "
    "(SELECT count(*) FROM unit WHERE run_id = :run_id AND state = 'done') AS done, "
    "(SELECT count(*) FROM unit WHERE run_id = :run_id AND state = 'failed') AS failed, "
    "(SELECT count(*) FROM unit WHERE run_id = :run_id "
    "AND (state = 'done') = (result_json IS NULL)) AS odd "
    "FROM run WHERE id = :run_id"
)
_EXTRA_FILES = text(
    "SELECT count(*) FROM artifact WHERE kind IN ('intermediate', 'result') "
    "AND id NOT IN (SELECT artifact_id FROM unit WHERE artifact_id IS NOT NULL) "
    "AND id NOT IN (SELECT artifact_id FROM run_file)"
)
_SHORT_S = 0.2


class Outcome(Protocol):
    """What a unit gave, however it was run."""

    @property
    def ordinal(self) -> int:
        """Its place."""

    @property
    def key(self) -> str:
        """The unit."""

    @property
    def data(self) -> JsonObject | None:
        """Its values."""

    @property
    def file(self) -> StoredFile | None:
        """Its file."""

    @property
    def error_code(self) -> str | None:
        """Why it failed."""


@dataclass(frozen=True, slots=True)
class Effects:
    """How often results of a run were written.

    Args:
        doubled: Units that were written more than once.
        written: Units that were written.
        finished: How often the run became "done".
    """

    doubled: int
    written: int
    finished: int


@dataclass(frozen=True, slots=True)
class Look:
    """How a run stands at one moment.

    Args:
        finished: Units that are over, as the run counts them.
        leased: Units that are handed out.
        suspects: Units without result that have ended their process.
        is_torn: True when states, results and counts do not fit together.
    """

    finished: int
    leased: int
    suspects: int
    is_torn: bool


def look(engine: Engine, run_id: str) -> Look:
    """Look at a run in one statement, which sees one moment.

    Args:
        engine: The database.
        run_id: The run.
    """
    with read_scope(engine) as session:
        row = session.execute(_LOOK, {"run_id": run_id}).one()
    is_torn = (row.units_done, row.units_failed, 0) != (row.done, row.failed, row.odd)
    return Look(row.units_done + row.units_failed, row.leased, row.suspects, is_torn)


def extra_files(engine: Engine) -> int:
    """Return how many files of units and runs are noted that none of them names."""
    with read_scope(engine) as session:
        return int(session.scalar(_EXTRA_FILES) or 0)


def is_locked(settings: Settings) -> bool:
    """Say whether a SQLite database is held by a transaction.

    A process that is stopped within one keeps everybody out until it goes on or ends, and with
    SQLite it cannot be otherwise; PostgreSQL ends such a transaction by itself.

    Args:
        settings: The database.
    """
    impatient = make_engine(settings, busy_timeout_s=_SHORT_S)
    try:
        if impatient.dialect.name == "sqlite":
            with session_scope(impatient) as session:
                session.execute(select(LeaseRow.beat))
    except DatabaseBusy:
        return True
    finally:
        impatient.dispose()
    return False


def note_effects(engine: Engine) -> None:
    """Let the database note each unit and each run that becomes "done"."""
    with engine.execution_options(writes=True).begin() as connection:
        for statement in _SQLITE if engine.dialect.name == "sqlite" else _POSTGRESQL:
            connection.exec_driver_sql(statement)


def forget_effects(engine: Engine) -> None:
    """Remove what `note_effects` made."""
    with engine.execution_options(writes=True).begin() as connection:
        for statement in _SQLITE_GONE if engine.dialect.name == "sqlite" else _POSTGRESQL_GONE:
            connection.exec_driver_sql(statement)


def cut_connections(engine: Engine) -> None:
    """End all other connections to a PostgreSQL database, whatever they are doing."""
    with engine.begin() as connection:
        connection.exec_driver_sql(_CUT)


def effects(engine: Engine, run_id: str) -> Effects:
    """Return what was noted of a run.

    Args:
        engine: The database.
        run_id: The run.
    """
    query = text(
        "SELECT ordinal, count(*) FROM trial_effect WHERE run_id = :run_id GROUP BY ordinal"
    )
    with read_scope(engine) as session:
        counts = {row[0]: row[1] for row in session.execute(query, {"run_id": run_id})}
    finished = counts.pop(-1, 0)
    return Effects(sum(count > 1 for count in counts.values()), len(counts), finished)


def result_hash(
    outcomes: Iterable[Outcome], summary: JsonObject | None, files: Iterable[StoredFile]
) -> str:
    """Return one hash over everything that a run gave.

    Args:
        outcomes: Its units in their order.
        summary: Its figures.
        files: Its files.
    """
    digest = hashlib.sha256()
    for one in outcomes:
        facts = [one.ordinal, one.key, one.data, _named(one.file), one.error_code]
        digest.update(json.dumps(facts, sort_keys=True).encode())
    facts = [summary, [_named(file) for file in files]]
    digest.update(json.dumps(facts, sort_keys=True).encode())
    return digest.hexdigest()


def _named(file: StoredFile | None) -> list[object] | None:
    return None if file is None else [file.name, file.media_type, file.sha256, file.bytes]


def stored_hash(principal: Principal, store: Store, run_id: str) -> str:
    """Return the hash of a stored run; every file is read, and with that checked.

    Args:
        principal: Whose run it is.
        store: Where it is kept.
        run_id: The run.

    Raises:
        FileDamaged: A file has another content than its row says.
        FileGone: A file is missing.
    """
    outcomes = runs.units(principal, store, run_id)
    files = list(runs.result_files(principal, store, run_id).values())
    for file in (*files, *(one.file for one in outcomes if one.file is not None)):
        artifacts.read(principal, store, file)
    return result_hash(outcomes, runs.get(principal, store, run_id).summary, files)


def inline_hash(
    definition: JobDefinition, file: InlineFile, parameters: JsonObject, folder: Path
) -> str:
    """Return the hash of the same run without database, Dask and faults.

    Args:
        definition: The job.
        file: Its input.
        parameters: What would be chosen.
        folder: Empty folder for its files.
    """
    with run_inline(definition, [file], parameters, folder=folder, is_example=True) as result:
        return result_hash(result.outcomes(), result.summary.data, result.summary.files)
