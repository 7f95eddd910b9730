"""Read regions, order and text of PAGE XML, the format of the ground truth of OCR-D."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MIN_LETTER_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Region:
    """One text region.

    Args:
        box: Left, top, right, bottom in pixels.
        text: Its text with line breaks; empty where the ground truth has none.
    """

    box: tuple[int, int, int, int]
    text: str

    @property
    def area(self) -> int:
        """Area of the box in square pixels."""
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])


def read_regions(path: Path) -> list[Region]:
    """Return the text regions that have a place in the reading order, in that order.

    Args:
        path: PAGE XML of the development data, trusted.
    """
    root = ElementTree.parse(path).getroot()  # noqa: S314  # a file of the development folder
    space = root.tag.partition("}")[0] + "}"
    found = {
        element.get("id"): Region(
            _box(element.find(f"{space}Coords")), _text(element.find(f"{space}TextEquiv"), space)
        )
        for element in root.iter(f"{space}TextRegion")
    }
    ordered = [element.get("regionRef") for element in root.iter(f"{space}RegionRefIndexed")]
    return [found[name] for name in ordered if name in found]


def order_agreement(places: Sequence[tuple[float, float]], regions: Sequence[Region]) -> list[bool]:
    """Compare the order of lines with the order of the regions they lie in.

    Args:
        places: Centre (x, y) of each line in the order read.
        regions: Regions in their true order.

    Returns:
        For each pair of lines of different regions, whether the earlier one was read first.
    """
    numbers = [number for place in places if (number := _region_of(place, regions)) is not None]
    return [
        earlier < later
        for index, earlier in enumerate(numbers)
        for later in numbers[index + 1 :]
        if earlier != later
    ]


def is_formula(line: str) -> bool:
    """Say whether a line is mostly signs, digits and single letters.

    Args:
        line: One line of text.
    """
    words = line.split()
    letters = sum(len(word) for word in words if len(word) > 2 and word.strip(".,;:()").isalpha())
    return letters < MIN_LETTER_SHARE * sum(len(word) for word in words)


def _region_of(place: tuple[float, float], regions: Sequence[Region]) -> int | None:
    x, y = place
    around = [
        number
        for number, region in enumerate(regions)
        if region.box[0] <= x <= region.box[2] and region.box[1] <= y <= region.box[3]
    ]
    return min(around, key=lambda number: regions[number].area, default=None)


def _box(coords: ElementTree.Element | None) -> tuple[int, int, int, int]:
    points = [] if coords is None else (coords.get("points") or "").split()
    pairs = [tuple(map(int, point.split(","))) for point in points]
    if not pairs:
        return 0, 0, 0, 0
    xs, ys = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    return min(xs), min(ys), max(xs), max(ys)


def _text(equivalent: ElementTree.Element | None, space: str) -> str:
    if equivalent is None:
        return ""
    return (equivalent.findtext(f"{space}Unicode") or "").strip()
