"""Where Musterstadt lies on this installation; what is heavy is imported when it is needed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from shared.demo_city import CitySettings, folder_of_city
from shared.settings import get_settings

if TYPE_CHECKING:
    from shared.demo_city import CityStore, Tile


def town_folder() -> Path:
    """Return the folder of the town, whether or not it is there."""
    return folder_of_city(get_settings().demo_city_folder, CitySettings())


def city_store() -> CityStore:
    """Return the stored town of this installation."""
    from shared.demo_city import CityStore

    return CityStore(get_settings().demo_city_folder, CitySettings())


def wanted_tiles() -> tuple[Tile, ...]:
    """Return the tiles that this installation renders, in their order."""
    from shared.demo_city import all_tiles

    wants_all = get_settings().demo_city_images == "all"
    return all_tiles(CitySettings()) if wants_all else central_tiles()


def central_tiles() -> tuple[Tile, ...]:
    """Return the tiles of the centre on the newest flight, in their order."""
    from shared.demo_city import all_tiles

    city = CitySettings()
    return tuple(tile for tile in all_tiles(city) if tile.is_central(city))
