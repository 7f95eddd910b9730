"""State of jobs, database and files, asked at most once in five seconds by all pages together."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from sqlalchemy import text

from shared.errors import N_, DatabaseBusy, StorageFull, UrbanKiError
from shared.jobs.runner import runner_state
from shared.store.engine import read_scope
from shared.store.store import Store, process_store
from shared.ui.probe import Probe

JobsState = Literal["unknown", "running", "waiting", "away"]
DatabaseState = Literal["unknown", "ready", "busy", "away"]
StorageState = Literal["unknown", "ready", "full", "away"]

JOBS_TEXTS: dict[JobsState, str] = {
    "unknown": N_("Auftragsdienst wird geprüft"),
    "running": N_("Auftragsdienst läuft"),
    "waiting": N_("Auftragsdienst wartet"),
    "away": N_("Auftragsdienst läuft nicht"),
}
DATABASE_TEXTS: dict[DatabaseState, str] = {
    "unknown": N_("Datenbank wird geprüft"),
    "ready": N_("Datenbank bereit"),
    "busy": N_("Datenbank belegt"),
    "away": N_("Datenbank nicht erreichbar"),
}
STORAGE_TEXTS: dict[StorageState, str] = {
    "unknown": N_("Ablage wird geprüft"),
    "ready": N_("Ablage bereit"),
    "full": N_("Ablage voll oder nicht beschreibbar"),
    "away": N_("Ablage nicht erreichbar"),
}


@dataclass(frozen=True, slots=True)
class HouseStatus:
    """What pages show about the parts that keep and work.

    Args:
        jobs: Whether a process works on the jobs; it waits, for example, for its cluster.
        database: Whether the database answers.
        storage: Whether files can be kept.
        workers: Units that the runner works on at the same time; None when unknown.
    """

    jobs: JobsState = "unknown"
    database: DatabaseState = "unknown"
    storage: StorageState = "unknown"
    workers: int | None = None


def ask_house(store: Store) -> HouseStatus:
    """Ask database, job runner and place of the files.

    Args:
        store: What is asked.
    """
    database = _database_state(store)
    if database != "ready":
        return HouseStatus("unknown", database, _storage_state(store))
    try:
        runner = runner_state(store)
    except UrbanKiError:
        return HouseStatus("unknown", "away", _storage_state(store))
    jobs: JobsState = "away"
    if runner.works:
        jobs = "waiting" if runner.message_code else "running"
    return HouseStatus(jobs, database, _storage_state(store), runner.workers)


@lru_cache(maxsize=1)
def house_probe() -> Probe[HouseStatus]:
    """Return the one probe of this process."""
    return Probe(lambda: ask_house(process_store()), HouseStatus())


def _database_state(store: Store) -> DatabaseState:
    try:
        with read_scope(store.engine) as session:
            session.execute(text("SELECT 1"))
    except DatabaseBusy:
        return "busy"
    except UrbanKiError:
        return "away"
    return "ready"


def _storage_state(store: Store) -> StorageState:
    try:
        store.files.check_reachable()
        free = shutil.disk_usage(store.settings.data_dir).free
    except StorageFull:
        return "full"
    except (OSError, UrbanKiError):
        return "away"
    return "full" if free < store.settings.min_free_mb * 1_000_000 else "ready"
