"""Where properties lie: addresses of the municipality by street and house number, and a plain plan.

Coordinates are metres in EPSG:25832.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import shapely
from PIL import Image, ImageDraw
from rapidfuzz import fuzz, process

from apps.archivair.search_folding import fold_text

Point = tuple[float, float]
Bounds = tuple[float, float, float, float]
STREET_LEAST: Final = 90.0
"""Least likeness of a misread street, 0 to 100; the house number must agree."""
LEAST_SIDE_M: Final = 400.0
LONGEST_SIDE_PX: Final = 1200
_MARGIN = 1.2
_PAPER, _HOUSE, _EDGE = "#f4f1ea", "#c9bfae", "#8d8371"
_JPEG_QUALITY = 85


@dataclass(frozen=True, slots=True)
class Address:
    """An address.

    Args:
        street: Name of the street.
        number: House number with its letter, "12a".
        place: Easting and northing [m].
    """

    street: str
    number: str
    place: Point


class AddressBook:
    """Addresses by name, also misread.

    Args:
        addresses: Addresses; a street with an old name stands there under both.
    """

    def __init__(self, addresses: Iterable[Address]) -> None:
        self._places: dict[str, dict[str, Point]] = {}
        for one in addresses:
            street = self._places.setdefault(_street_key(one.street), {})
            street.setdefault(_number_key(one.number), one.place)

    def find(self, street: str, number: str) -> Point | None:
        """Return where an address lies; None when it is not known.

        Args:
            street: Name of the street, perhaps misread.
            number: House number.
        """
        key, wanted = _street_key(street), _number_key(number)
        if not key or not wanted:
            return None
        if key not in self._places:
            near = process.extractOne(
                key, self._places.keys(), scorer=fuzz.ratio, score_cutoff=STREET_LEAST
            )
            if near is None:
                return None
            key = near[0]
        return self._places[key].get(wanted)


@dataclass(frozen=True, slots=True)
class Plan:
    """A drawn part of the municipality.

    Args:
        jpeg: The picture.
        width_px: Its width.
        height_px: Its height.
        bounds_m: West, south, east, north.
    """

    jpeg: bytes
    width_px: int
    height_px: int
    bounds_m: Bounds

    def to_pixels(self, place: Point) -> Point:
        """Return a place in pixels of the picture, x right, y down.

        Args:
            place: Easting and northing [m].
        """
        west, south, east, north = self.bounds_m
        return (
            (place[0] - west) / (east - west) * self.width_px,
            (north - place[1]) / (north - south) * self.height_px,
        )


def bounds_around(places: Sequence[Point]) -> Bounds:
    """Return a rectangle around places, with a margin and never smaller than a block.

    Args:
        places: At least one.
    """
    eastings, northings = zip(*places, strict=True)
    middle = (min(eastings) + max(eastings)) / 2, (min(northings) + max(northings)) / 2
    half_x = max(LEAST_SIDE_M, _MARGIN * (max(eastings) - min(eastings))) / 2
    half_y = max(LEAST_SIDE_M, _MARGIN * (max(northings) - min(northings))) / 2
    # A strip would be a picture that is hardly higher than a line.
    half_x, half_y = max(half_x, half_y / 2), max(half_y, half_x / 2)
    return middle[0] - half_x, middle[1] - half_y, middle[0] + half_x, middle[1] + half_y


def draw_plan(houses: Sequence[shapely.Geometry], bounds_m: Bounds) -> Plan:
    """Draw outlines of buildings.

    Args:
        houses: Polygons [m]; those outside are not seen.
        bounds_m: West, south, east, north.
    """
    west, south, east, north = bounds_m
    scale = LONGEST_SIDE_PX / max(east - west, north - south)
    size = round((east - west) * scale), round((north - south) * scale)
    picture = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(picture)
    for house in houses:
        for part in shapely.get_parts(house):
            if part.geom_type == "Polygon":
                ring = [
                    ((x - west) * scale, (north - y) * scale) for x, y, *_ in part.exterior.coords
                ]
                pen.polygon(ring, fill=_HOUSE, outline=_EDGE)
    target = io.BytesIO()
    picture.save(target, "JPEG", quality=_JPEG_QUALITY)
    return Plan(target.getvalue(), *size, bounds_m)


def _street_key(street: str) -> str:
    folded = fold_text(street).replace(" ", "").replace("-", "")
    # Both are written on forms: Mühlenstr. and Mühlenstraße.
    return f"{folded[:-3]}strasse" if folded.endswith("str") else folded


def _number_key(number: str) -> str:
    return "".join(fold_text(number).split()).lstrip("0")
