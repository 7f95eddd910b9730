"""Render tiles in several processes, for commands; the gallery itself does it as a job."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from typing import TYPE_CHECKING

from apps.musterstadt.place import city_store

if TYPE_CHECKING:
    from shared.demo_city import Tile

MOST_PROCESSES = 4
"""Each holds about 700 MB while it renders."""


def render_missing(tiles: Sequence[Tile], progress: Callable[[int, int], None]) -> int:
    """Render the tiles that are missing; where none is, it costs nothing.

    Args:
        tiles: The tiles, in their order.
        progress: Called with the number of finished tiles and of all.

    Returns:
        Number of tiles that were rendered.

    Raises:
        StorageFull: There is too little space, or the folder cannot be written.
        StorageUnreachable: Any other fault of the disk.
    """
    store = city_store()
    missing = [tile.key for tile in tiles if not store.is_ready(tile)]
    made, done = 0, len(tiles) - len(missing)
    if missing:
        store.build()  # once, before several processes ask for it
        processes = min(os.cpu_count() or 1, MOST_PROCESSES, len(missing))
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            for rendered in pool.map(_render, missing):
                made, done = made + rendered, done + 1
                progress(done, len(tiles))
    return made


def _render(key: str) -> bool:
    store = city_store()
    return store.prepare(store.tile(key), datetime.now(UTC))
