"""Objects with their places: what the geodata formats of a report carry."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from pydantic import ConfigDict

from shared.report.blocks import LONGEST_TITLE, MOST_COLUMNS, STRICT, Column, LegendEntry
from shared.report.checks import (
    Cell,
    check_count,
    check_key,
    check_text,
    check_unique,
    require,
    typed_cells,
)
from shared.report.geometry import Geometry, check_family

MOST_FEATURES = 200_000
Crs = Literal["EPSG:25831", "EPSG:25832", "EPSG:25833"]


@dataclass(frozen=True, slots=True)
class Feature:
    """An object with its place.

    Args:
        geometry: Shapely geometry in the layer's coordinates [m].
        cells: Values in the order of the layer's columns.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    geometry: Geometry
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """Objects with their places, for the geodata formats.

    Args:
        name: Name for programs, unique in the report.
        title: Name for people.
        columns: Columns in order.
        features: The objects; all points, all lines or all areas.
        style: Colours; with `value` for each value of `style_column`, else one for all.
        style_column: Key of the column that decides the colour.
        crs: Coordinate system of the geometries.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    name: str
    title: str
    columns: tuple[Column, ...]
    features: tuple[Feature, ...]
    style: tuple[LegendEntry, ...] = ()
    style_column: str = ""
    crs: Crs = "EPSG:25832"

    def __post_init__(self) -> None:
        """Refuse mixed geometries and cells that do not fit."""
        check_key(self.name)
        check_text(self.title, "Eine Ebene", LONGEST_TITLE)
        check_count(len(self.columns), f"Spalten der Ebene „{self.title}“", 1, MOST_COLUMNS)
        check_count(len(self.features), f"Objekte der Ebene „{self.title}“", 0, MOST_FEATURES)
        keys = [column.key for column in self.columns]
        check_unique(keys, "Spalten")
        require(
            not self.style_column or self.style_column in keys,
            f"Die Ebene „{self.title}“ hat keine Spalte „{self.style_column}“.",
        )
        kinds = [column.kind for column in self.columns]
        check_family([feature.geometry for feature in self.features], self.title)
        features = tuple(
            replace(one, cells=typed_cells(one.cells, kinds, self.title)) for one in self.features
        )
        object.__setattr__(self, "features", features)
