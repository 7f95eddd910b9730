"""Things that stand on the ground or lie on a roof: what they are and how they are painted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from shapely import Polygon

from shared.demo_city.labels import SolarKind
from shared.demo_city.roofs.planes import Slope

LEVEL: Slope = Slope(0.0, 0.0, 0.0)
PLAIN: Final = (1.0, 1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Part:
    """One painted face of a thing.

    Args:
        area: From above [m].
        material: Key of its material.
        label: Land cover it shows; None keeps what lies below it.
        slope: Its place in space, heights above ground [m].
        direction: Vector across the lines of its pattern; its length is how many of them take the
            room of one of the material.
        anchor: Where the lines of its pattern begin [m].
        wear: How much age shows, 0 (new) to 1.
        tint: Gain of red, green, blue and near infrared on the colour of the material.
    """

    area: Polygon
    material: str
    label: str | None = None
    slope: Slope = LEVEL
    direction: tuple[float, float] = (1.0, 0.0)
    anchor: tuple[float, float] = (0.0, 0.0)
    wear: float = 0.3
    tint: tuple[float, float, float, float] = PLAIN


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing that is seen from above.

    Args:
        kind: What it is: "car", "chimney", "roof_window", "dormer", "pv", "pool", ...
        area: Its outline from above [m].
        parts: How it is painted, the lowest first.
        number: A number that stays the same whatever else is added; drawn colours follow it.
        building: Place in `Town.buildings` of the building it is on; -1 on the ground.
        plane: Place in the planes of the roof it lies on; -1 where it lies on none.
        parcel: Place in `Town.parcels` of the parcel it is on; -1 outside parcels.
        solar: Which kind of solar unit it is.
    """

    kind: str
    area: Polygon
    parts: tuple[Part, ...]
    number: int
    building: int = -1
    plane: int = -1
    parcel: int = -1
    solar: SolarKind = "none"
