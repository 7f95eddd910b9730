"""Results of earlier commands: the same order over the same files is not worked on twice."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Self

import numpy as np

from shared.errors import StorageFull, StorageUnreachable
from shared.geo.cache import TileCache
from shared.geo.raster import hash_file
from shared.settings import REPOSITORY, Settings

SHELF = "results"
LIMIT_BYTES = 1 << 30
MOST_BYTES = 64 << 20
"""Larger results are not kept; they would be held in memory several times."""
REFERRING = frozenset({".vrt"})
"""Files of these kinds show what lies in other files, which may change."""
PROGRAM = ("apps/aviary", "shared")
_MODEL = "model"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeptResults:
    """Results on this machine by their order.

    Args:
        cache: Where they lie.
    """

    cache: TileCache

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the results of this installation."""
        return cls(TileCache(settings.data_dir.resolve() / "cache" / SHELF, LIMIT_BYTES))

    def find(self, key: str) -> tuple[str, dict[str, bytes]] | None:
        """Return the model and the files of a result; None where there is none.

        Args:
            key: See `order_key`.
        """
        try:
            known = self.cache.find(key)
        except OSError:  # a folder of somebody else: the image is worked on again
            _LOG.info("kept results cannot be read", exc_info=True)
            return None
        if known is None:
            return None
        files = {name: content.tobytes() for name, content in known.items()}
        return files.pop(_MODEL).decode(), files

    def keep(self, key: str, model: str, files: Mapping[str, str | bytes]) -> None:
        """Keep a result unless it is large or cannot be kept, which costs only time later.

        Args:
            key: See `order_key`.
            model: The model that answered, with everything that its card says.
            files: Content by name.
        """
        told = {_MODEL: model, **files}
        content = {
            name: one.encode() if isinstance(one, str) else one for name, one in told.items()
        }
        if sum(map(len, content.values())) <= MOST_BYTES:
            arrays = {name: np.frombuffer(one, np.uint8) for name, one in content.items()}
            try:
                self.cache.keep(key, arrays)
            except (OSError, StorageFull, StorageUnreachable):
                _LOG.info("a result cannot be kept", exc_info=True)


def order_key(told: Sequence[object], files: Mapping[str, Path]) -> str | None:
    """Return the name of a result, 64 hexadecimal digits.

    Args:
        told: Everything that was ordered, apart from files; each says in its text all that it is.
        files: The files by what they are for. What lies beside one under its name counts too, for
            example a world file.

    Returns:
        None where files refer to others, or one is a pipe or device that might never end.

    Raises:
        OSError: A file cannot be read.
    """
    seen = []
    for role, path in sorted(files.items()):
        if path.suffix.lower() in REFERRING or not path.is_file():
            return None
        beside = [one for one in path.parent.iterdir() if one.name.startswith(f"{path.stem}.")]
        seen.append([role, path.name, hash_file(path)])
        others = sorted(one for one in beside if one.is_file() and one != path)
        seen += [[role, one.name, hash_file(one)] for one in others]
    text = json.dumps([program_digest(), *(repr(one) for one in told), seen])
    return hashlib.sha256(text.encode()).hexdigest()


@lru_cache(maxsize=1)
def program_digest() -> str:
    """Name the state of the program: another one may come to other results."""
    digest = hashlib.sha256()
    for folder in PROGRAM:
        for path in sorted((REPOSITORY / folder).rglob("*.py")):
            state = path.stat()
            digest.update(f"{path}:{state.st_size}:{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()
