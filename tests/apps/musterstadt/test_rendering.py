"""Tiles rendered by the command: in other processes, each once, and only what is missing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from apps.musterstadt.place import central_tiles, wanted_tiles
from shared.demo_city import CitySettings, CityStore
from shared.settings import REPOSITORY

SOME = """
import json, sys
from apps.musterstadt.place import central_tiles
from apps.musterstadt.rendering import render_missing

if __name__ == "__main__":
    told = []
    count = int(sys.argv[1])
    made = render_missing(central_tiles()[:count], lambda *state: told.append(state))
    print(json.dumps([made, told]))
"""
BUILD = """
import sys
from apps.musterstadt import __main__ as command
from apps.musterstadt.place import central_tiles

if __name__ == "__main__":
    command.central_tiles = lambda: central_tiles()[:1]
    sys.exit(command.main(["build"]))
"""


@pytest.fixture
def own_store(built: CityStore, tmp_path: Path) -> CityStore:
    """A town of the test's own, without images."""
    folder = tmp_path / built.folder.name
    shutil.copytree(built.folder, folder, ignore=shutil.ignore_patterns("*.tif", "*.lock"))
    return CityStore(tmp_path, CitySettings())


def run(store: CityStore, script: str, *words: str) -> object:
    """Run a script as a program of its own, as other processes begin with the main program."""
    path = store.folder.parent / "script.py"
    path.write_text(script, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(path), *words],
        cwd=REPOSITORY,
        env=os.environ
        | {"URBANKI_DEMO_CITY_DIR": str(store.folder.parent), "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        check=True,
        timeout=240,
    )
    return json.loads(done.stdout)


def images(store: CityStore) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in store.folder.rglob("*.tif")}


def test_only_missing_tiles_are_rendered(own_store: CityStore) -> None:
    assert run(own_store, SOME, "1") == [1, [[1, 1]]]
    first = images(own_store)
    assert run(own_store, SOME, "2") == [1, [[2, 2]]]
    assert all(own_store.is_ready(tile) for tile in central_tiles()[:2])
    both = images(own_store)
    assert {path: both[path] for path in first} == first
    assert run(own_store, SOME, "2") == [0, []]
    assert images(own_store) == both


def test_build_makes_the_centre_of_the_newest_flight(own_store: CityStore) -> None:
    assert {tile.vintage for tile in central_tiles()} == {"2026"}
    assert set(central_tiles()) < set(wanted_tiles())
    told = run(own_store, BUILD)
    assert told == {"folder": str(own_store.folder), "built": False, "rendered": 1}
