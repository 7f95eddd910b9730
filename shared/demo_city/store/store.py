"""Keeps the images of the demo city on disk: tiles that are rendered once and read as windows.

The folder belongs to the installation, not to a municipality: the city is the same for all. It can
be deleted at any time; what is missing is made again.
"""

from __future__ import annotations

import fcntl
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.demo_city.city import DemoCity, build_city
from shared.demo_city.render.painted import Painted, load_painted, save_painted
from shared.demo_city.render.view import city_view
from shared.demo_city.render.window import Window, render_alone
from shared.demo_city.settings import CitySettings
from shared.demo_city.store.city_folder import BUILT, folder_of_city
from shared.demo_city.store.tile_files import LAST, Layer, layer_path, read_tile, write_tile
from shared.demo_city.store.tiles import Tile, all_tiles, flight_of, tiles_of, vintages
from shared.errors import StorageFull
from shared.store.local_files import disk_errors

FREE_BYTES: Final = 2_000_000_000
HELD_PAINTINGS: Final = 2
DRAFT_AGE_S: Final = 3_600
"""Nothing is written to for so long; an older draft was left by a killed process."""
Bounds = tuple[float, float, float, float]
_log = logging.getLogger(__name__)


class CityStore:
    """The stored images of one city.

    Args:
        folder: Folder of all demo cities of this installation.
        settings: The city.
    """

    def __init__(self, folder: Path, settings: CitySettings) -> None:
        self.settings = settings
        self.folder = folder_of_city(folder, settings)

    @property
    def is_built(self) -> bool:
        """Say whether tables and paintings are there, without looking into them."""
        return self._built.is_file()

    def build(self) -> None:
        """Make tables and paintings unless they are there; others wait meanwhile.

        Raises:
            StorageFull: There is no space left, or the folder may not be written.
            StorageUnreachable: Any other fault of the disk.
        """
        with _only_one(self.folder / "build.lock"):
            if not self.is_built:
                self._build()

    def city(self) -> DemoCity:
        """Return the city with its tables; those that are missing are made."""
        return build_city(self.settings, self.folder.parent)

    def tile(self, key: str) -> Tile:
        """Return the tile of a name.

        Raises:
            ValueError: The city has none of that name.
        """
        for tile in all_tiles(self.settings):
            if tile.key == key:
                return tile
        message = f"no tile is named {key[:40]!r}"
        raise ValueError(message)

    def path(self, tile: Tile, layer: Layer) -> Path:
        """Return where a layer of a tile lies."""
        return layer_path(self.folder, tile, layer)

    def is_ready(self, tile: Tile) -> bool:
        """Say whether a tile is there."""
        return self.path(tile, LAST).is_file()

    def ready_in(self, vintage: str, bounds_m: Sequence[float]) -> tuple[Tile, ...]:
        """Return the tiles of a flight that are there and meet a part of the town.

        Args:
            vintage: Year of the flight.
            bounds_m: West, south, east, north within the town [m].
        """
        return tuple(
            tile
            for tile in tiles_of(self.settings, vintage)
            if _overlap(self._bounds_m(tile), bounds_m) and self.is_ready(tile)
        )

    def ready_share(self, vintage: str, bounds_m: Sequence[float]) -> float:
        """Return the share of a part of the town whose tiles are there, 0 to 1.

        Args:
            vintage: Year of the flight.
            bounds_m: West, south, east, north within the town [m].
        """
        covered = 0.0
        for tile in self.ready_in(vintage, bounds_m):
            part = _overlap(self._bounds_m(tile), bounds_m)
            if part and not tile.is_fine(self.settings):
                covered += (part[2] - part[0]) * (part[3] - part[1])
        west, south, east, north = bounds_m
        return covered / ((east - west) * (north - south))

    def prepare(self, tile: Tile, now: datetime) -> bool:
        """Render a tile and keep it; whoever wants the same tile meanwhile waits for it.

        Args:
            tile: One of `all_tiles`.
            now: The moment, with zone; it stands in the files.

        Returns:
            False where it was there already.

        Raises:
            StorageFull: There is too little space, or the folder cannot be written.
            StorageUnreachable: Any other fault of the disk.
        """
        if self.is_ready(tile):
            return False
        self._check_space()
        with _only_one(self.folder / tile.vintage / f"{tile.key}.lock"), one_thread():
            if self.is_ready(tile):
                return False
            self._remove_drafts(now)
            write_tile(self.folder, tile, self.render(tile), self.settings, now)
        return True

    def render(self, tile: Tile) -> Window:
        """Render a tile."""
        painted, view = (
            self.painted(tile.vintage),
            city_view(flight_of(self.settings, tile.vintage)),
        )
        pixels = tile.pixels(self.settings)
        return render_alone(painted.painting, painted.trees, pixels, view, painted.seed)

    def painted(self, vintage: str) -> Painted:
        """Return what the renderer needs; it is built if it is not there or damaged.

        Args:
            vintage: Year of the flight.
        """
        self.build()
        path = self._painted_path(vintage)
        try:
            return _painted(path, path.stat().st_mtime_ns)
        except (OSError, ValueError) as cause:
            _log.warning("%s is made anew: %s", path.name, cause)
        self._built.unlink(missing_ok=True)
        self.build()
        return _painted(path, path.stat().st_mtime_ns)

    def read(
        self, vintage: str, bounds_m: Sequence[float], size_px: tuple[int, int]
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Read a picture of the stored tiles, the finer ones where they are needed and there.

        A damaged tile counts as not stored from then on, so that `prepare` makes it anew.

        Args:
            vintage: Year of the flight.
            bounds_m: West, south, east, north within the town [m].
            size_px: Width and height of the picture [px].

        Returns:
            Red, green, blue and near infrared as uint8 of shape (height, width, 4), and which
            pixels are stored.
        """
        width, height = size_px
        picture = np.zeros((height, width, 4), np.uint8)
        seen = np.zeros((height, width), np.bool_)
        west, south, east, north = bounds_m
        scale_x, scale_y = width / (east - west), height / (north - south)
        wants_fine = 1 / scale_x < self.settings.gsd_m
        for tile in self.ready_in(vintage, bounds_m):
            part = _overlap(self._bounds_m(tile), bounds_m)
            if part is None or (tile.is_fine(self.settings) and not wants_fine):
                continue
            columns = slice(round((part[0] - west) * scale_x), round((part[2] - west) * scale_x))
            rows = slice(round((north - part[3]) * scale_y), round((north - part[1]) * scale_y))
            shape = rows.stop - rows.start, columns.stop - columns.start
            if min(shape) > 0 and (image := self._part(tile, part, shape)) is not None:
                picture[rows, columns] = image
                seen[rows, columns] = True
        return picture, seen

    def _part(
        self, tile: Tile, bounds_m: Bounds, shape: tuple[int, int]
    ) -> NDArray[np.uint8] | None:
        try:
            return read_tile(self.folder, tile, self.settings, bounds_m, shape)
        except OSError as cause:
            _log.warning("%s is damaged, it will be rendered anew: %s", tile.key, cause)
            with suppress(OSError):
                self.path(tile, LAST).unlink()
            return None

    def _bounds_m(self, tile: Tile) -> Bounds:
        return tile.pixels(self.settings).bounds_m

    @property
    def _built(self) -> Path:
        return self.folder / BUILT

    def _painted_path(self, vintage: str) -> Path:
        return self.folder / f"painted-{vintage}.npz"

    def _build(self) -> None:
        city = self.city()
        for vintage in vintages(self.settings):
            save_painted(self._painted_path(vintage), Painted.of(city.town(vintage)))
        self._built.touch()
        self._remove_other_versions()

    def _check_space(self) -> None:
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            free = shutil.disk_usage(self.folder).free
        if free < FREE_BYTES:
            raise StorageFull(folder=self.folder.name)

    def _remove_drafts(self, now: datetime) -> None:
        """Remove what killed processes have left."""
        for draft in self.folder.rglob(".part-*"):
            with suppress(FileNotFoundError):
                if draft.stat().st_mtime < now.timestamp() - DRAFT_AGE_S:
                    shutil.rmtree(draft, ignore_errors=True)

    def _remove_other_versions(self) -> None:
        """Remove the same city as other versions of this software made it."""
        for folder in self.folder.parent.glob(f"{self.settings.fingerprint()}-*"):
            if folder != self.folder:
                _log.info("removed: %s, made by another version", folder.name)
                shutil.rmtree(folder, ignore_errors=True)


def prepare_city(
    settings: CitySettings,
    store: CityStore,
    progress: Callable[[int, int], None],
    *,
    now: datetime,
    tiles: Sequence[Tile] | None = None,
) -> int:
    """Render tiles that are missing; where none is, it costs nothing.

    Args:
        settings: The city.
        store: Where its tiles are kept.
        progress: Called with the number of finished tiles and of all.
        now: The moment, with zone; it stands in the files.
        tiles: The tiles, in their order; None: all of the city.

    Returns:
        Number of tiles that were rendered.

    Raises:
        StorageFull: There is too little space, or the folder cannot be written.
        StorageUnreachable: Any other fault of the disk.
        ValueError: The store is of another city.
    """
    if store.settings != settings:
        message = "the store is of another city"
        raise ValueError(message)
    tiles = all_tiles(settings) if tiles is None else tiles
    made = 0
    for done, tile in enumerate(tiles, 1):
        made += store.prepare(tile, now)
        progress(done, len(tiles))
    return made


def demo_paths(store: CityStore) -> dict[str, tuple[Path, ...]]:
    """Return the stored images by the year of their flight, the finer ones behind the others.

    Args:
        store: Where they are kept.
    """
    return {
        vintage: tuple(
            store.path(tile, "image")
            for tile in tiles_of(store.settings, vintage)
            if store.is_ready(tile)
        )
        for vintage in vintages(store.settings)
    }


def _overlap(one: Sequence[float], other: Sequence[float]) -> Bounds | None:
    """Return the common part of two rectangles; None where they only touch."""
    part = (
        max(one[0], other[0]),
        max(one[1], other[1]),
        min(one[2], other[2]),
        min(one[3], other[3]),
    )
    return part if part[2] > part[0] and part[3] > part[1] else None


@lru_cache(maxsize=HELD_PAINTINGS)
def _painted(path: Path, changed_ns: int) -> Painted:
    del changed_ns  # part of the cache key only
    return load_painted(path)


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Let others wait who want the same; faults of the disk become errors of the house."""
    with disk_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as opened:
            fcntl.flock(opened, fcntl.LOCK_EX)
            yield


_threads: list[int] = []
"""How many threads OpenCV used when each of those began who render now."""
_threads_lock = Lock()


@contextmanager
def one_thread() -> Iterator[None]:
    """Leave the other cores to other workers; OpenCV would take all, in the whole process."""
    with _threads_lock:
        _threads.append(cv2.getNumThreads())
        cv2.setNumThreads(1)
    try:
        yield
    finally:
        with _threads_lock:
            # Whoever ends last gives back what the first one has found.
            last = _threads.pop()
            if not _threads:
                cv2.setNumThreads(last)
