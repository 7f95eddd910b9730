"""What a model has said about the same pixels before; a cache that fails costs only time."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from numpy.typing import NDArray

from shared.errors import StorageFull, StorageUnreachable
from shared.geo.cache import TileCache, tile_cache
from shared.settings import Settings

_LOG = logging.getLogger(__name__)

Arrays = Mapping[str, NDArray[Any]]


class KnownTiles:
    """The cache of tiles, read and written as far as that works.

    Args:
        cache: The cache; None knows nothing and keeps nothing.
        folder: Where it lies, for the log.
    """

    def __init__(self, cache: TileCache | None, folder: Path) -> None:
        self._cache = cache
        self._folder = folder

    @classmethod
    def of(cls, settings: Settings, *, use_cache: bool) -> KnownTiles:
        """Return the tiles of this installation.

        Args:
            settings: Settings of the house.
            use_cache: False asks a model about every tile again.
        """
        return cls(tile_cache(settings) if use_cache else None, settings.data_dir / "cache")

    def find(self, key: str) -> dict[str, NDArray[Any]] | None:
        """Return the result of a tile; None where there is none, or none that can be read.

        Args:
            key: See `tile_key`.
        """
        if self._cache is None:
            return None
        try:
            return self._cache.find(key)
        except OSError as error:  # for example a folder of somebody else
            WARNING.log(self._folder, error)
            return None

    def keep(self, key: str, arrays: Arrays) -> None:
        """Keep the result of a tile where that is possible.

        Args:
            key: See `tile_key`.
            arrays: Arrays by name; numbers only.
        """
        if self._cache is None:
            return
        try:
            self._cache.keep(key, arrays)
        except (OSError, StorageFull, StorageUnreachable) as error:
            WARNING.log(self._folder, error)


class OneWarning:
    """Log each fault once in a process; every tile has the same, and several threads look."""

    def __init__(self) -> None:
        self._told: set[tuple[Path, str]] = set()
        self._lock = Lock()

    def log(self, folder: Path, error: Exception) -> None:
        """Log that the cache does not work, unless that is told already.

        Args:
            folder: Where it lies.
            error: What went wrong.
        """
        reason = type(error).__name__
        with self._lock:
            is_new = (folder, reason) not in self._told
            self._told.add((folder, reason))
        if is_new:
            _LOG.warning("the cache of tiles in %s cannot be used: %s", folder, reason)


WARNING = OneWarning()
