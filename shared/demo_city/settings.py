"""What the city and the scenes are made from: the only place with ranges."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Final, Literal

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


Split = Literal["train", "val", "test", "extreme"]
SPLITS: Final[tuple[Split, ...]] = ("train", "val", "test", "extreme")
Layout = Literal[
    "village", "suburb", "grid", "block", "ring_town", "linear_village", "industrial_port"
]
Season = Literal["early_spring", "spring", "summer", "late_summer", "winter"]
Range = tuple[float, float]
"""From the first value to below the second."""


@dataclass(frozen=True, slots=True)
class SplitRanges:
    """What scenes of a split are drawn from; ranges of train and test do not meet.

    Args:
        seeds: Seeds.
        sun_elevation_deg: Height of the sun above the horizon.
        sun_azimuth_deg: Compass direction of the sun.
        seasons: Seasons.
        blur_px: Standard deviation of the point spread function.
        jpeg_quality: Quality of the compression.
        gamma: Exponent of the tone curve.
        layouts: How the town is laid out.
        gsd_m: Ground sampling distances: one range, or single values as empty ranges.
        has_unseen_materials: Whether materials occur that training never shows.
    """

    seeds: tuple[int, int]
    sun_elevation_deg: tuple[Range, ...]
    sun_azimuth_deg: tuple[Range, ...]
    seasons: tuple[Season, ...]
    blur_px: tuple[Range, ...]
    jpeg_quality: tuple[Range, ...]
    gamma: tuple[Range, ...]
    layouts: tuple[Layout, ...]
    gsd_m: tuple[Range, ...]
    has_unseen_materials: bool


def split_ranges(split: Split) -> SplitRanges:
    """Return what the scenes of a split are drawn from.

    Args:
        split: Its name. Validation differs from training by its seeds alone.
    """
    return _RANGES[split]


_TRAIN = SplitRanges(
    seeds=(0, 900_000),
    sun_elevation_deg=((25.0, 38.0), (44.0, 60.0)),
    sun_azimuth_deg=((90.0, 150.0), (170.0, 270.0)),
    seasons=("early_spring", "summer"),
    blur_px=((0.45, 0.7),),
    jpeg_quality=((80.0, 95.0),),
    gamma=((0.85, 1.15),),
    layouts=("village", "suburb", "grid", "block"),
    gsd_m=((0.08, 0.22),),
    has_unseen_materials=False,
)
_RANGES: Final[dict[Split, SplitRanges]] = {
    "train": _TRAIN,
    "val": replace(_TRAIN, seeds=(900_000, 950_000)),
    "test": SplitRanges(
        seeds=(950_000, 990_000),
        sun_elevation_deg=((38.0, 44.0),),
        sun_azimuth_deg=((150.0, 170.0),),
        seasons=("spring", "late_summer"),
        blur_px=((0.7, 0.85),),
        jpeg_quality=((72.0, 80.0),),
        gamma=((0.8, 0.85), (1.15, 1.25)),
        layouts=("ring_town", "linear_village"),
        gsd_m=((0.1, 0.1), (0.15, 0.15), (0.2, 0.2)),
        has_unseen_materials=True,
    ),
    "extreme": SplitRanges(
        seeds=(990_000, 1_000_000),
        sun_elevation_deg=((12.0, 20.0),),
        sun_azimuth_deg=((90.0, 270.0),),
        seasons=("winter",),
        blur_px=((1.2, 1.2),),
        jpeg_quality=((45.0, 45.0),),
        gamma=((0.8, 1.25),),
        layouts=("industrial_port",),
        gsd_m=((0.3, 0.3), (0.4, 0.4)),
        has_unseen_materials=True,
    ),
}


@dataclass(frozen=True, slots=True)
class SceneSettings:
    """Settings of one scene; all else is drawn from the ranges of its split by the seed.

    Args:
        seed: Within `split_ranges(split).seeds`.
        split: Which side it is on.
        gsd_m: Ground sampling distance [m]; None draws it.
        size_px: Width and height [px].
    """

    seed: int
    split: Split = "train"
    gsd_m: float | None = None
    size_px: int = 640
