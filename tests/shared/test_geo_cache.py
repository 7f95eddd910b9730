"""Results of tiles: found again by their pixels, bounded, and safe with two processes."""

import os
import pickle
import signal
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from shared.errors import StorageFull
from shared.geo.cache import TileCache, tile_cache, tile_key
from shared.settings import REPOSITORY, Settings

MODEL = "ab" * 32
PARAMETERS = {"gsd_m": 0.2, "classes": ["pv", "thermal"]}
TILE = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
RESULT = {"scores": np.linspace(0, 1, 6, dtype=np.float32), "file": np.array([[1, 2]])}

KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from shared.geo.cache import TileCache
from shared.store import file_cache

file_cache.move = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
TileCache(Path(sys.argv[1])).keep(sys.argv[2], {"a": np.zeros(1000)})
"""

SHARING = """
import sys
from pathlib import Path
import numpy as np
from shared.geo.cache import TileCache

cache = TileCache(Path(sys.argv[1]), limit_bytes=60_000)
start, wrong = int(sys.argv[2]), 0
for number in range(start, start + 60):
    key = f"{number % 20:02x}" * 32
    found = cache.find(key)
    wrong += found is not None and int(found["a"][0]) != number % 20
    cache.keep(key, {"a": np.full(1000, number % 20, dtype=np.int64)})
    cache.trim()
print(wrong)
"""


def key(pixels=TILE, model=MODEL, parameters=PARAMETERS):
    return tile_key(pixels, model, parameters)


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


class Clock:
    def __init__(self, now=1_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


def test_a_result_is_found_by_its_pixels_model_and_parameters(tmp_path):
    cache = TileCache(tmp_path)
    assert cache.find(key()) is None
    cache.keep(key(), RESULT)
    found = TileCache(tmp_path).find(key())
    assert found is not None
    assert sorted(found) == ["file", "scores"]
    for name, array in RESULT.items():
        assert found[name].dtype == array.dtype
        assert np.array_equal(found[name], array)


def test_the_cache_of_an_installation_lies_in_its_data_folder(tmp_path):
    tile_cache(Settings(_env_file=None, data_dir=tmp_path)).keep(key(), RESULT)
    assert tile_cache(Settings(_env_file=None, data_dir=tmp_path)).find(key()) is not None
    assert len(files(tmp_path / "cache" / "tiles")) == 1


def test_each_part_of_the_key_counts():
    changed = TILE.copy()
    changed[0, 0, 0] += 1
    keys = [
        key(),
        key(pixels=changed),
        key(pixels=TILE.reshape(5, 4, 3)),
        key(pixels=TILE.astype(np.int8)),
        key(model="cd" * 32),
        key(parameters={**PARAMETERS, "gsd_m": 0.1}),
        key(parameters={}),
    ]
    assert len(set(keys)) == len(keys)


def test_the_same_tile_has_the_same_key_whatever_its_memory_and_order_of_parameters():
    wide = np.zeros((4, 9, 3), dtype=np.uint8)
    wide[:, 2:7] = TILE
    assert key(pixels=wide[:, 2:7]) == key()
    assert key(parameters=dict(reversed(PARAMETERS.items()))) == key()


def test_no_pickle_is_written_or_read(tmp_path):
    cache = TileCache(tmp_path)
    with pytest.raises(ValueError, match="Object arrays"):
        cache.keep(key(), {"a": np.array([{}], dtype=object)})
    assert files(tmp_path) == []
    cache.keep(key(), RESULT)
    (stored,) = files(tmp_path)
    stored.write_bytes(pickle.dumps({"scores": 1}))
    assert cache.find(key()) is None
    assert not stored.exists()


@pytest.mark.parametrize("kept", [0, 1, 40, 200, -1])
def test_a_damaged_entry_counts_as_none_and_vanishes(tmp_path, kept):
    cache = TileCache(tmp_path)
    cache.keep(key(), RESULT)
    (stored,) = files(tmp_path)
    content = stored.read_bytes()
    stored.write_bytes(content[:kept])
    assert cache.find(key()) is None
    cache.keep(key(), RESULT)
    assert cache.find(key()) is not None


def test_a_flipped_bit_is_noticed(tmp_path):
    cache = TileCache(tmp_path)
    cache.keep(key(), {"a": np.zeros(1000)})
    (stored,) = files(tmp_path)
    content = bytearray(stored.read_bytes())
    content[4000] ^= 1
    stored.write_bytes(content)
    assert cache.find(key()) is None


def test_no_flipped_byte_passes_for_a_result(tmp_path):
    cache = TileCache(tmp_path)
    cache.keep(key(), {"a": np.zeros(3), "b": np.ones(2)})
    (stored,) = files(tmp_path)
    content = stored.read_bytes()
    for at in range(len(content)):
        stored.write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
        assert cache.find(key()) is None


@pytest.mark.parametrize("name", ["../../x", "..", "/etc/passwd", "a\0b", "", "x" * 300, "A" * 64])
def test_what_is_no_key_reaches_no_file(tmp_path, name):
    cache = TileCache(tmp_path)
    with pytest.raises(ValueError, match="no key"):
        cache.find(name)
    with pytest.raises(ValueError, match="no key"):
        cache.keep(name, RESULT)
    assert files(tmp_path) == []


def test_a_process_killed_while_it_writes_leaves_only_whole_results(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), key()],
        cwd=REPOSITORY,
        check=False,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL
    assert len(files(tmp_path)) == 1  # its draft, which goes with the unused
    cache = TileCache(tmp_path)
    assert cache.find(key()) is None
    cache.keep(key(), RESULT)
    assert cache.find(key()) is not None


def test_above_the_limit_the_longest_unused_vanish(tmp_path):
    clock = Clock()
    cache = TileCache(tmp_path, limit_bytes=30_000, clock=clock)
    keys = [key(parameters={"n": n}) for n in range(5)]
    for one in keys:
        cache.keep(one, {"a": np.zeros(10_000, dtype=np.uint8)})
        clock.now += 1
    # The files' own times are those of the machine; set them as if used one after the other.
    for age, one in enumerate(keys):
        path = tmp_path / "tiles" / one[:2] / one
        os.utime(path, (clock.now - 5000 + 1000 * age, path.stat().st_mtime))
    assert cache.find(keys[0]) is not None  # asked for again, so it is the youngest now
    cache.trim()
    assert [cache.find(one) is not None for one in keys] == [True, False, False, False, True]
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 30_000


def test_keeping_makes_room_by_itself_at_most_once_a_minute(tmp_path):
    clock = Clock(4_000_000_000.0)
    cache = TileCache(tmp_path, limit_bytes=15_000, clock=clock)
    for number in range(4):
        cache.keep(key(parameters={"n": number}), {"a": np.zeros(10_000, dtype=np.uint8)})
        clock.now += 61
    assert len(files(tmp_path)) <= 1


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageFull):
        TileCache(tmp_path).keep(key(), RESULT)
    assert files(tmp_path) == []


def test_two_processes_share_one_folder(tmp_path):
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", SHARING, str(tmp_path), start],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        for start in ("0", "7")
    ]
    assert [worker.communicate(timeout=120)[0] for worker in workers] == ["0\n", "0\n"]
    assert [worker.returncode for worker in workers] == [0, 0]
    for path in files(tmp_path):
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None


def test_two_municipalities_share_only_what_both_have(tmp_path):
    """A key says nothing that its finder did not know: pixels, model and parameters."""
    cache = TileCache(tmp_path)
    cache.keep(key(), RESULT)
    other = TILE.copy()
    other[-1, -1, -1] ^= 1
    assert cache.find(key(pixels=other)) is None
    (stored,) = files(tmp_path)
    assert stored.name == key()
    assert TILE.tobytes() not in stored.read_bytes()
