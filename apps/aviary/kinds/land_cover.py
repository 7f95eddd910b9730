"""The classes of land cover that derived recipes build on, as every such model must name them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

CODES: Mapping[str, int] = MappingProxyType(
    {
        "roof_pitched": 0,
        "roof_flat": 1,
        "roof_green": 2,
        "asphalt": 3,
        "paved": 4,
        "gravel_rail": 5,
        "water": 6,
        "grass": 7,
        "tree": 8,
        "bare_soil": 9,
    }
)
