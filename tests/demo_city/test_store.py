"""Stored tiles: whole or not at all, made once, read back, made anew when damaged."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import signal
import time
from collections import namedtuple
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio

from shared.demo_city.render.painted import load_painted, save_painted
from shared.demo_city.render.window import Window
from shared.demo_city.settings import CitySettings
from shared.demo_city.store import tile_files
from shared.demo_city.store.store import CityStore, demo_paths, one_thread, prepare_city
from shared.demo_city.store.tiles import Tile, all_tiles, tiles_of
from shared.errors import StorageFull
from shared.settings import REPOSITORY
from shared.store import local_files
from shared.store.provenance_reading import read_back

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
SETTINGS = CitySettings()
TILE = Tile("2026", 20, 3, 3)


@pytest.fixture(scope="module")
def built() -> CityStore:
    made = CityStore(REPOSITORY / "var" / "demo_city", SETTINGS)
    made.build()
    return made


@pytest.fixture
def store(built: CityStore, tmp_path: Path) -> CityStore:
    """A store of its own with the built town, without any tile."""
    made = CityStore(tmp_path, SETTINGS)
    made.folder.mkdir()
    for path in built.folder.iterdir():
        if path.is_file():
            os.link(path, made.folder / path.name)
    shutil.copytree(built.folder / "vectors", made.folder / "vectors")
    return made


@pytest.fixture(scope="module")
def window(built: CityStore) -> Window:
    return built.render(TILE)


@pytest.fixture
def quick(store: CityStore, window: Window, monkeypatch: pytest.MonkeyPatch) -> CityStore:
    """A store that need not render."""
    monkeypatch.setattr(CityStore, "render", lambda self, tile: window)
    return store


def test_tiles_cover_the_town_and_its_core_once() -> None:
    tiles = list(tiles_of(SETTINGS, "2023"))
    coarse = [tile for tile in tiles if not tile.is_fine(SETTINGS)]
    fine = [tile for tile in tiles if tile.is_fine(SETTINGS)]
    assert (len(coarse), len(fine)) == (64, 16)
    bounds = [tile.pixels(SETTINGS).bounds_m for tile in fine]
    assert min(one[0] for one in bounds) == 1500
    assert max(one[2] for one in bounds) == 2500
    assert sum((one[2] - one[0]) * (one[3] - one[1]) for one in bounds) == 1_000_000
    assert len({tile.key for tile in all_tiles(SETTINGS)}) == 160


def test_the_centre_of_the_newest_flight_comes_first() -> None:
    first = all_tiles(SETTINGS)[:16]
    assert all(tile.is_central(SETTINGS) for tile in first)
    assert {tile.vintage for tile in all_tiles(SETTINGS)[16:80]} == {"2026"}


@pytest.mark.parametrize("key", ["2026-20-3-3", "2023-10-7-9"])
def test_a_key_names_its_tile(key: str, store: CityStore) -> None:
    assert store.tile(key).key == key


@pytest.mark.parametrize("key", ["", "2026", "2026-20-3", "2026-20-3-x", "../../etc-1-2-3"])
def test_another_word_names_none(key: str, store: CityStore) -> None:
    with pytest.raises(ValueError, match="no tile"):
        store.tile(key)


def test_a_tile_is_made_once_and_read_back(store: CityStore, window: Window) -> None:
    assert store.prepare(TILE, NOW)
    path = store.path(TILE, "image")
    made = path.stat().st_mtime_ns
    assert not store.prepare(TILE, NOW)
    assert path.stat().st_mtime_ns == made
    with rasterio.open(path) as image:
        assert image.crs.to_epsg() == 25832
        assert image.transform.c == 380_000 + 1_500
        assert image.transform.f == 5_720_000 + 2_500
        assert image.overviews(1)
        assert image.profile["blockxsize"] == 512
        stored = np.moveaxis(image.read(), 0, -1).astype(int)
    assert np.abs(stored - window.rgbi[..., :3]).mean() < 4
    with rasterio.open(store.path(TILE, "labels")) as labels:
        assert (labels.read() == [window.labels, window.ground, window.solar]).all()
    with rasterio.open(store.path(TILE, "heights")) as heights:
        assert heights.shape == (1_000, 1_000)
        assert heights.res == pytest.approx((0.5, 0.5))
        assert heights.bounds == pytest.approx((381_500, 5_722_000, 382_000, 5_722_500))
        coarse = heights.read(1) / 100
    # Five pixels of 0.2 m are two cells, so ten by ten pixels have the mean of four by four cells.
    means = [values.reshape(250, -1, 250, values.shape[1] // 250).mean(axis=(1, 3))
             for values in (coarse, window.ndsm)]  # fmt: skip
    assert means[0] == pytest.approx(means[1], abs=0.006)
    assert read_back(path)["sample_data"] is True


def test_a_window_is_read_at_any_size(quick: CityStore) -> None:
    store = quick
    store.prepare(TILE, NOW)
    whole = (1_500.0, 2_000.0, 2_000.0, 2_500.0)
    picture, seen = store.read("2026", whole, (500, 500))
    assert seen.all()
    small, _ = store.read("2026", (1_600.0, 2_100.0, 1_700.0, 2_200.0), (100, 100))
    assert np.abs(small.astype(int) - picture[300:400, 100:200]).mean() < 6
    half, half_seen = store.read("2026", (1_250.0, 2_000.0, 1_750.0, 2_500.0), (200, 200))
    assert half_seen[:, 100:].all()
    assert not half_seen[:, :100].any()
    assert (half[:, :100] == 0).all()
    assert store.ready_share("2026", (1_250.0, 2_000.0, 1_750.0, 2_500.0)) == pytest.approx(0.5)
    assert store.ready_share("2023", whole) == 0


def test_nothing_is_half_stored(quick: CityStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store = quick
    written = tile_files.write_jpeg_cog

    def fails_at_the_image(path: Path, *rest: object) -> None:
        if path.name.endswith("-image.tif"):
            raise StorageFull(folder=str(path.parent))
        written(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(tile_files, "write_jpeg_cog", fails_at_the_image)
    with pytest.raises(StorageFull):
        store.prepare(TILE, NOW)
    assert not store.is_ready(TILE)
    monkeypatch.setattr(tile_files, "write_jpeg_cog", written)
    assert store.prepare(TILE, NOW)


def test_too_little_space_is_said_before_anything_is_written(
    store: CityStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 10**12, 1_999_999_999))
    with pytest.raises(StorageFull):
        store.prepare(TILE, NOW)
    assert not (store.folder / "2026").exists()


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 nothing"])
def test_a_damaged_painting_is_made_anew(
    store: CityStore, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    whole = load_painted(store.folder / "painted-2026.npz")
    (store.folder / "painted-2026.npz").unlink()
    if content is not None:
        (store.folder / "painted-2026.npz").write_bytes(content)
    made: list[str] = []

    def build(self: CityStore) -> None:
        made.append("built")
        save_painted(self.folder / "painted-2026.npz", whole)
        self._built.touch()

    monkeypatch.setattr(CityStore, "_build", build)
    assert len(store.painted("2026").painting.areas) == len(whole.painting.areas)
    assert made == ["built"]


def test_a_painted_town_is_the_same_after_reading(store: CityStore, tmp_path: Path) -> None:
    painted = load_painted(store.folder / "painted-2023.npz")
    save_painted(tmp_path / "again.npz", painted)
    again = load_painted(tmp_path / "again.npz")
    assert (again.painting.areas == painted.painting.areas).all()
    for name in ("material", "label", "thing", "slope", "direction", "wear"):
        assert (getattr(again.painting, name) == getattr(painted.painting, name)).all()
    assert (again.trees.place == painted.trees.place).all()
    assert sorted(path.name for path in tmp_path.glob("*.npz")) == ["again.npz"]


def test_preparing_goes_on_where_it_ended(quick: CityStore) -> None:
    store = quick
    tiles = all_tiles(SETTINGS)[:2]
    store.prepare(tiles[0], NOW)
    seen: list[tuple[int, int]] = []
    made = prepare_city(
        store.settings,
        store,
        lambda done, total: seen.append((done, total)),
        now=NOW,
        tiles=tiles,
    )
    assert made == 1
    assert seen == [(1, 2), (2, 2)]
    assert [path.name for path in demo_paths(store)["2026"]] == [
        f"{tile.key}-image.tif" for tile in sorted(tiles, key=lambda one: (one.row, one.column))
    ]


def test_tiles_of_another_city_are_not_rendered(store: CityStore) -> None:
    with pytest.raises(ValueError, match="another city"):
        prepare_city(CitySettings(seed=1), store, lambda *_: None, now=NOW, tiles=[])


WHOLE = (1_500.0, 2_000.0, 2_000.0, 2_500.0)


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("layer", ["image", "infrared"])
@pytest.mark.parametrize("damage", [cut, Path.unlink, lambda path: os.truncate(path, 0)],
                         ids=["cut", "missing", "empty"])  # fmt: skip
def test_a_damaged_tile_counts_as_not_stored_and_is_made_anew(
    quick: CityStore,
    layer: tile_files.Layer,
    damage: Callable[[Path], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    quick.prepare(TILE, NOW)
    damage(quick.path(TILE, layer))
    with caplog.at_level(logging.WARNING):
        picture, seen = quick.read("2026", WHOLE, (2_500, 2_500))
    assert not seen.any()
    assert not picture.any()
    assert not quick.is_ready(TILE)
    assert (TILE.key in caplog.text) is ((layer, damage) != ("image", Path.unlink))
    assert quick.prepare(TILE, NOW)
    assert quick.read("2026", WHOLE, (100, 100))[1].all()


def in_another_process(work: Callable[[], object]) -> int:
    """Start work in a copy of this process and return its number."""
    number = os.fork()
    if number == 0:
        try:
            work()
        finally:
            os._exit(0)
    return number


def test_a_killed_process_leaves_no_half_tile(
    quick: CityStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = local_files.move

    def dies_at_the_image(draft: Path, target: Path, *, durable: bool) -> None:
        if target.name.endswith("-image.tif"):
            os.kill(os.getpid(), signal.SIGKILL)
        moved(draft, target, durable=durable)

    with monkeypatch.context() as patched:
        patched.setattr(local_files, "move", dies_at_the_image)
        _, status = os.waitpid(in_another_process(lambda: quick.prepare(TILE, NOW)), 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert not quick.is_ready(TILE)
    assert len(list(quick.folder.rglob(".part-*"))) == 1
    # A draft may still be written to for a while; later it is removed.
    now = datetime.now(UTC)
    assert quick.prepare(TILE, now)
    assert len(list(quick.folder.rglob(".part-*"))) == 1
    assert quick.prepare(Tile("2026", 20, 3, 4), now + timedelta(hours=2))
    assert not list(quick.folder.rglob(".part-*"))


def test_a_killed_job_goes_on_and_renders_one_tile_twice_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Acceptance 3: the process is killed from outside at 40 % of the tiles."""
    tiles, marks = all_tiles(SETTINGS)[:20], tmp_path / "rendered"
    plain = np.full((64, 64), 3, np.uint8)
    rgbi, is_any = np.stack([plain] * 4, axis=2), plain > 0
    small = Window(
        rgbi, plain.astype(np.float32), plain, plain, plain, plain, plain.astype(np.int32),
        is_any, is_any, rasterio.Affine.identity(),
    )  # fmt: skip

    def rendered() -> list[str]:
        return marks.read_text().split() if marks.exists() else []

    def render(self: CityStore, tile: Tile) -> Window:
        with marks.open("a") as file:
            file.write(f"{tile.key}\n")
        while os.getpid() != ours and len(rendered()) > 0.4 * len(tiles):
            time.sleep(0.01)  # in the middle of a tile, until the process is killed
        return small

    def prepare() -> int:
        store = CityStore(tmp_path / "cities", SETTINGS)
        return prepare_city(SETTINGS, store, lambda *_: None, now=NOW, tiles=tiles)

    ours = os.getpid()
    monkeypatch.setattr(CityStore, "render", render)
    killed = in_another_process(prepare)
    while len(rendered()) <= 0.4 * len(tiles):
        time.sleep(0.01)
    os.kill(killed, signal.SIGKILL)
    os.waitpid(killed, 0)
    stopped_at = rendered()[-1]
    assert prepare() == 12
    assert rendered() == [tile.key for tile in tiles[:9]] + [tile.key for tile in tiles[8:]]
    assert rendered().count(stopped_at) == 2
    assert prepare() == 0


def test_two_processes_make_a_tile_once(
    quick: CityStore, window: Window, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    marks = tmp_path / "rendered"

    def render(self: CityStore, tile: Tile) -> Window:
        with marks.open("a") as file:
            file.write(f"{tile.key}\n")
        time.sleep(0.5)
        return window

    monkeypatch.setattr(CityStore, "render", render)
    other = in_another_process(lambda: quick.prepare(TILE, NOW))
    quick.prepare(TILE, NOW)
    os.waitpid(other, 0)
    assert marks.read_text() == f"{TILE.key}\n"


def test_a_folder_that_is_deleted_meanwhile_is_made_anew(quick: CityStore) -> None:
    quick.prepare(TILE, NOW)
    shutil.rmtree(quick.folder)
    assert not quick.read("2026", WHOLE, (100, 100))[1].any()
    assert quick.prepare(TILE, NOW)
    assert quick.read("2026", WHOLE, (100, 100))[1].all()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_refuses_the_town_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refused(self: CityStore) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(CityStore, "_build", refused)
    with pytest.raises(StorageFull):
        CityStore(tmp_path, SETTINGS).build()


def test_a_tile_takes_one_core(
    quick: CityStore, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []

    def render(self: CityStore, tile: Tile) -> Window:
        threads.append(cv2.getNumThreads())
        return window

    monkeypatch.setattr(CityStore, "render", render)
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        quick.prepare(TILE, NOW)
        threads.append(cv2.getNumThreads())
    finally:
        cv2.setNumThreads(before)
    assert threads == [1, 2]


def test_who_ends_last_gives_the_threads_back() -> None:
    """Two threads of a process render at once, and the one that began first ends first."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        first, second = one_thread(), one_thread()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert cv2.getNumThreads() == 1
        second.__exit__(None, None, None)
        assert cv2.getNumThreads() == 2
    finally:
        cv2.setNumThreads(before)
