"""What the city and the scenes are made from: the only place with ranges."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date
from typing import Final

CRS: Final = "EPSG:25832"
MUNICIPALITY_KEY: Final = "05999000"
"""Invented official municipality key (AGS); state code 05 with a county that does not exist."""
POSTCODE: Final = "59999"
FORMAT_VERSION: Final = 1
"""Raised when the same settings give another city."""


@dataclass(frozen=True, slots=True)
class CitySettings:
    """Settings of the demo city; equal settings give the same city, byte for byte.

    Args:
        seed: Seed from 0.
        origin_m: Easting and northing of the lower left corner [m, EPSG:25832].
        size_m: Width and height of the city [m].
        core_bounds_m: Part with the fine images: west, south, east, north [m, EPSG:25832].
        gsd_m: Ground sampling distance of the whole city [m].
        core_gsd_m: Ground sampling distance of the part with the fine images [m].
        flights: Days of the two flights, older first.
    """

    seed: int = 2026
    origin_m: tuple[float, float] = (380_000.0, 5_720_000.0)
    size_m: float = 4_000.0
    core_bounds_m: tuple[float, float, float, float] = (
        381_500.0,
        5_721_500.0,
        382_500.0,
        5_722_500.0,
    )
    gsd_m: float = 0.2
    core_gsd_m: float = 0.1
    flights: tuple[date, date] = (date(2023, 9, 5), date(2026, 5, 9))

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that name the city these settings give."""
        text = json.dumps([FORMAT_VERSION, asdict(self)], default=str, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
