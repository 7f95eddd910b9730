"""The demo city Musterstadt: one synthetic municipality that all apps share, and its renderer.

Apps use the names of this module and nothing below it. What takes long to import is imported when
it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

from shared.demo_city.settings import CRS, CitySettings, SceneSettings

if TYPE_CHECKING:
    from shared.demo_city.building_files.city_files import render_file
    from shared.demo_city.building_files.eras import PAGE_CLASSES, file_split
    from shared.demo_city.building_files.facts import FileFacts, draw_facts
    from shared.demo_city.building_files.scans import (
        FileScan,
        iter_batch,
        render_batch,
        render_seed_file,
    )
    from shared.demo_city.building_files.truth import (
        DocumentTruth,
        LineTruth,
        PageTruth,
        ScannedPage,
        SpanTruth,
    )
    from shared.demo_city.city import DemoCity, LayerInfo, build_city
    from shared.demo_city.labels import (
        FINE,
        FINE_NAMES,
        LABELS,
        LAND_COVERS,
        NO_DATA,
        PARTLY_SEALED,
        SEALED,
        SOLAR,
        SOLAR_NAMES,
        LandCover,
    )
    from shared.demo_city.render.grid import Pixels
    from shared.demo_city.render.painted import Painted
    from shared.demo_city.render.window import Window
    from shared.demo_city.scenes.quality import DRAWN_HOMES, measure_split
    from shared.demo_city.scenes.scene import Scene, render_scene
    from shared.demo_city.store.city_folder import folder_of_city, is_city_built
    from shared.demo_city.store.city_window import render_window
    from shared.demo_city.store.store import CityStore, demo_paths, prepare_city
    from shared.demo_city.store.tiles import Tile, all_tiles, vintages

_LATE: Final = {
    "building_files.city_files": ("render_file",),
    "building_files.eras": ("PAGE_CLASSES", "file_split"),
    "building_files.facts": ("FileFacts", "draw_facts"),
    "building_files.scans": ("FileScan", "iter_batch", "render_batch", "render_seed_file"),
    "building_files.truth": (
        "DocumentTruth", "LineTruth", "PageTruth", "ScannedPage", "SpanTruth",
    ),
    "city": ("DemoCity", "LayerInfo", "build_city"),
    "store.city_folder": ("folder_of_city", "is_city_built"),
    "store.city_window": ("render_window",),
    "render.grid": ("Pixels",),
    "labels": (
        "FINE", "FINE_NAMES", "LABELS", "LAND_COVERS", "NO_DATA", "PARTLY_SEALED", "SEALED",
        "SOLAR", "SOLAR_NAMES", "LandCover",
    ),
    "render.painted": ("Painted",),
    "scenes.quality": ("DRAWN_HOMES", "measure_split"),
    "scenes.scene": ("Scene", "render_scene"),
    "store.store": ("CityStore", "demo_paths", "prepare_city"),
    "store.tiles": ("Tile", "all_tiles", "vintages"),
    "render.window": ("Window",),
}  # fmt: skip
"""Modules whose names are imported when they are first used: geopandas alone takes a second."""

__all__ = [
    "CRS",
    "DRAWN_HOMES",
    "FINE",
    "FINE_NAMES",
    "LABELS",
    "LAND_COVERS",
    "NO_DATA",
    "PAGE_CLASSES",
    "PARTLY_SEALED",
    "SEALED",
    "SOLAR",
    "SOLAR_NAMES",
    "CitySettings",
    "CityStore",
    "DemoCity",
    "DocumentTruth",
    "FileFacts",
    "FileScan",
    "LandCover",
    "LayerInfo",
    "LineTruth",
    "PageTruth",
    "Painted",
    "Pixels",
    "ScannedPage",
    "Scene",
    "SceneSettings",
    "SpanTruth",
    "Tile",
    "Window",
    "all_tiles",
    "build_city",
    "demo_paths",
    "draw_facts",
    "file_split",
    "folder_of_city",
    "is_city_built",
    "iter_batch",
    "measure_split",
    "prepare_city",
    "render_batch",
    "render_file",
    "render_scene",
    "render_seed_file",
    "render_window",
    "vintages",
]


def __getattr__(name: str) -> object:
    for module, names in _LATE.items():
        if name in names:
            return getattr(importlib.import_module(f"shared.demo_city.{module}"), name)
    raise AttributeError(name)
