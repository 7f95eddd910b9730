"""The demo city Musterstadt: one synthetic municipality that all apps share, and its renderer."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from shared.demo_city.settings import CitySettings, SceneSettings

if TYPE_CHECKING:
    from shared.demo_city.city import DemoCity, LayerInfo, build_city
    from shared.demo_city.city_window import render_window
    from shared.demo_city.scenes import Scene, render_scene
    from shared.demo_city.store import CityStore, demo_paths, prepare_city
    from shared.demo_city.window import Window

_LATE = {
    "CityStore": "store",
    "DemoCity": "city",
    "LayerInfo": "city",
    "Scene": "scenes",
    "Window": "window",
    "build_city": "city",
    "demo_paths": "store",
    "prepare_city": "store",
    "render_scene": "scenes",
    "render_window": "city_window",
}
"""Where the names live that are imported when they are first used: geopandas takes a second."""

__all__ = [
    "CitySettings",
    "CityStore",
    "DemoCity",
    "LayerInfo",
    "Scene",
    "SceneSettings",
    "Window",
    "build_city",
    "demo_paths",
    "prepare_city",
    "render_scene",
    "render_window",
]


def __getattr__(name: str) -> object:
    if name not in _LATE:
        raise AttributeError(name)
    return getattr(importlib.import_module(f"shared.demo_city.{_LATE[name]}"), name)
