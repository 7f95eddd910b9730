"""How the stored images of the demo city are divided: one tile is one chunk of the renderer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from shared.demo_city.render.grid import CHUNK_PX, Pixels
from shared.demo_city.settings import CitySettings

CENTRE_M: Final = 1_000.0
"""The tiles within this distance of the centre, east and north, are rendered first."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A stored piece of one flight.

    Args:
        vintage: Year of the flight.
        gsd_cm: Ground sampling distance [cm].
        column: Number of its chunk from the west.
        row: Number of its chunk from the north.
    """

    vintage: str
    gsd_cm: int
    column: int
    row: int

    @property
    def key(self) -> str:
        """Its name, for files and for the units of a job."""
        return f"{self.vintage}-{self.gsd_cm}-{self.column}-{self.row}"

    def pixels(self, settings: CitySettings) -> Pixels:
        """Return its place on the pixel grid."""
        place = self.column * CHUNK_PX, self.row * CHUNK_PX
        return Pixels(self.gsd_cm / 100, settings.size_m, *place, CHUNK_PX, CHUNK_PX)

    @property
    def gsd_m(self) -> float:
        """Ground sampling distance [m]."""
        return self.gsd_cm / 100

    def is_central(self, settings: CitySettings) -> bool:
        """Say whether a visitor sees it first: newest flight, whole town, near its centre."""
        if self.vintage != vintages(settings)[-1] or self.is_fine(settings):
            return False
        west, south, east, north = self.pixels(settings).bounds_m
        middle = settings.size_m / 2
        far = max(abs((west + east) / 2 - middle), abs((south + north) / 2 - middle))
        return far < CENTRE_M

    def is_fine(self, settings: CitySettings) -> bool:
        """Say whether it belongs to the part with the finest images."""
        return self.gsd_m < settings.gsd_m


def vintages(settings: CitySettings) -> tuple[str, ...]:
    """Return the years of the flights, the older first."""
    return tuple(str(day.year) for day in settings.flights)


def flight_of(settings: CitySettings, vintage: str) -> date:
    """Return the day of a flight.

    Args:
        settings: The city.
        vintage: Year of the flight, for example "2026".

    Raises:
        KeyError: There was no flight in that year.
    """
    return {str(day.year): day for day in settings.flights}[vintage]


def all_tiles(settings: CitySettings) -> tuple[Tile, ...]:
    """Return all tiles: the centre of the newest flight, its other tiles, then the older flight."""
    return tuple(
        sorted(
            (tile for vintage in vintages(settings) for tile in tiles_of(settings, vintage)),
            key=lambda tile: (
                not tile.is_central(settings),
                -int(tile.vintage),
                -tile.gsd_cm,
                tile.row,
                tile.column,
            ),
        )
    )


def tiles_of(settings: CitySettings, vintage: str) -> Iterator[Tile]:
    """Yield the tiles of a flight, those of the whole town first.

    Args:
        settings: The city.
        vintage: Year of the flight.
    """
    origin_east, origin_north = settings.origin_m
    west, south, east, north = settings.core_bounds_m
    core = west - origin_east, south - origin_north, east - origin_east, north - origin_north
    town = 0.0, 0.0, settings.size_m, settings.size_m
    for gsd_m, (left, low, right, high) in ((settings.gsd_m, town), (settings.core_gsd_m, core)):
        side_m = gsd_m * CHUNK_PX
        columns = range(int(left // side_m), -int(-right // side_m))
        for row in range(
            int((settings.size_m - high) // side_m), -int(-(settings.size_m - low) // side_m)
        ):
            yield from (Tile(vintage, round(gsd_m * 100), column, row) for column in columns)
