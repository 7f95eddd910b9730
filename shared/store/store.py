"""What the repositories work on: database, files, settings."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Engine

from shared.settings import Settings, get_settings
from shared.store.engine import make_engine
from shared.store.file_store import FileStore


@dataclass(frozen=True, slots=True)
class Store:
    """Database and files of an installation.

    Args:
        engine: The database.
        files: The files.
        settings: Settings of the house.
    """

    engine: Engine
    files: FileStore
    settings: Settings


def open_store(settings: Settings) -> Store:
    """Open the store of the settings; nothing is connected yet.

    Args:
        settings: Settings of the house.
    """
    return Store(make_engine(settings), FileStore(settings), settings)


@lru_cache(maxsize=1)
def process_store() -> Store:
    """Return the store that everything in this process shares."""
    return open_store(get_settings())


def _start_anew() -> None:
    """Open a store of its own in a forked process: two cannot talk over one connection."""
    if process_store.cache_info().currsize:
        process_store().engine.dispose(close=False)
        process_store.cache_clear()


os.register_at_fork(after_in_child=_start_anew)
