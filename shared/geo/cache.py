"""Keep what a model said about a tile, so that the same tile is not computed twice.

The key is made of the tile's own pixels: whoever finds an entry has these pixels and the model, and
would have computed the same. So one cache may serve all municipalities; all that a stranger with
the same pixels could learn from its speed is that somebody has already had them evaluated.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.settings import Settings
from shared.store.file_cache import LIMIT_BYTES, FileCache

Arrays = Mapping[str, NDArray[Any]]
FORM = "urbanki-tile/2"
SHELF = "tiles"
DIGEST_BYTES = 32
"""Each entry starts with the SHA-256 of the rest, so that no damage passes for a result."""
_KEY = re.compile(r"[0-9a-f]{64}")
LONGEST_UNUSED_S = 30 * 86_400.0


def tile_key(pixels: NDArray[Any], model_sha256: str, parameters: Mapping[str, object]) -> str:
    """Return the name of a result, 64 hexadecimal digits.

    Args:
        pixels: What the model is given, of any shape.
        model_sha256: Hash of its weights, 64 hexadecimal digits.
        parameters: What changes its raw output, for example the resolution it assumes. Thresholds
            and least areas are applied afterwards, so they are not part of it.

    Raises:
        TypeError: A parameter is nothing that JSON knows.
    """
    told = [FORM, model_sha256, pixels.dtype.str, list(pixels.shape), dict(parameters)]
    text = json.dumps(told, sort_keys=True, ensure_ascii=True)
    digest = hashlib.sha256(text.encode("ascii"))
    digest.update(hashlib.sha256(np.ascontiguousarray(pixels).data).digest())
    return digest.hexdigest()


class TileCache:
    """Results of tiles on this machine; several processes may share one folder.

    Args:
        folder: Where the results lie; made at the first use.
        limit_bytes: Size above which those vanish that nobody has asked for the longest.
        clock: Gives Unix time in seconds.
    """

    def __init__(
        self,
        folder: Path,
        limit_bytes: int = LIMIT_BYTES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._files = FileCache(
            folder, limit_bytes, clock, in_use_s=0, longest_unused_s=LONGEST_UNUSED_S
        )

    def find(self, key: str) -> dict[str, NDArray[Any]] | None:
        """Return the result of a tile; None where there is none, or where it is damaged.

        Args:
            key: See `tile_key`.

        Raises:
            ValueError: The key is none.
        """
        path = self._files.find(_place(key))
        if path is None:
            return None
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None  # another process has just made room
        except OSError:
            content = b""
        digest, packed = content[:DIGEST_BYTES], content[DIGEST_BYTES:]
        if digest != hashlib.sha256(packed).digest():
            self._files.forget(_place(key))
            return None
        with np.load(io.BytesIO(packed), allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}

    def keep(self, key: str, arrays: Arrays) -> None:
        """Keep the result of a tile; readers see all of it or nothing.

        Args:
            key: See `tile_key`.
            arrays: Arrays by name; numbers only.

        Raises:
            ValueError: An array holds objects, or the key is none.
            StorageFull: There is no space left, or the folder may not be written.
            StorageUnreachable: Any other fault of the disk.
        """
        place, target = _place(key), io.BytesIO()
        # Names of arrays could be taken for the function's own, so they are written one by one.
        with zipfile.ZipFile(target, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w") as member:
                    np.lib.format.write_array(member, np.asarray(array), allow_pickle=False)
        packed = target.getvalue()
        draft = self._files.write(SHELF, hashlib.sha256(packed).digest() + packed)
        self._files.keep(draft.path, place)

    def trim(self) -> None:
        """Make room now; otherwise that happens once a minute while results are kept."""
        self._files.trim()


def tile_cache(settings: Settings) -> TileCache:
    """Return the cache of this installation.

    Args:
        settings: Settings of the house.
    """
    return TileCache(settings.data_dir.resolve() / "cache" / SHELF)


def _place(key: str) -> str:
    if not _KEY.fullmatch(key):
        message = f"{key!r} is no key of a tile"
        raise ValueError(message)
    return f"{SHELF}/{key[:2]}/{key}"
