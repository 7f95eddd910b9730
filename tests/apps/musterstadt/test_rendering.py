"""Tiles rendered by the command: in other processes, each once, and only what is missing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.musterstadt import __main__ as command
from apps.musterstadt.place import central_tiles, city_store, wanted_tiles
from apps.musterstadt.rendering import render_missing
from shared.demo_city import CityStore
from shared.settings import get_settings


@pytest.fixture
def own_store(
    built: CityStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[CityStore]:
    """A town of the test's own, without images."""
    folder = tmp_path / built.folder.name
    shutil.copytree(built.folder, folder, ignore=shutil.ignore_patterns("*.tif", "*.lock"))
    monkeypatch.setenv("URBANKI_DEMO_CITY_DIR", str(tmp_path))
    get_settings.cache_clear()
    yield city_store()
    get_settings.cache_clear()


def test_only_missing_tiles_are_rendered(own_store: CityStore) -> None:
    told: list[tuple[int, int]] = []
    tiles = central_tiles()[:2]
    assert render_missing(tiles, lambda *state: told.append(state)) == 2
    assert told == [(1, 2), (2, 2)]
    assert all(own_store.is_ready(tile) for tile in tiles)
    written = {path: path.stat().st_mtime_ns for path in own_store.folder.rglob("*.tif")}
    assert render_missing(tiles, lambda *state: told.append(state)) == 0
    assert {path: path.stat().st_mtime_ns for path in own_store.folder.rglob("*.tif")} == written


def test_build_makes_the_centre_of_the_newest_flight(
    own_store: CityStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert {tile.vintage for tile in central_tiles()} == {"2026"}
    assert set(central_tiles()) < set(wanted_tiles())
    monkeypatch.setattr(command, "central_tiles", lambda: central_tiles()[:1])
    assert command.main(["build"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"folder": str(own_store.folder), "built": False, "rendered": 1}
