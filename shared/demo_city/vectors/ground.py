"""Pieces of ground, and how they are laid one after the other without gap or overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Polygon, STRtree
from shapely.geometry.base import BaseGeometry

from shared.demo_city.vectors.frames import Frame
from shared.demo_city.vectors.overlay import polygons, split

Cover = Literal[
    "building", "carriageway", "parking", "pavement", "path", "asphalt_yard", "setts", "paving",
    "slabs", "open_paving", "grass_pavers", "gravel_garden", "gravel_yard", "ballast", "water",
    "pool", "lawn", "meadow", "bed", "artificial_turf", "running_track", "field_crop",
    "field_stubble", "field_soil", "wood", "sand",
]  # fmt: skip
"""What lies on the ground; `materials.toml` says how each looks, `labels` which class it is."""


TOLERANCE_M2: Final = 1e-5
EMPTY: Final = Polygon()
HOUSES: Final = frozenset({"detached", "semi", "row", "villa", "farm"})
"""Kinds of buildings with a garden of their own."""


@dataclass(frozen=True, slots=True)
class Surface:
    """A piece of ground.

    Args:
        cover: What lies on it.
        area: The piece [m].
        parcel: Index of its parcel, -1 outside parcels.
    """

    cover: Cover
    area: Polygon
    parcel: int = -1


class Layers:
    """Surfaces that are laid one after the other: each takes what is still free.

    Args:
        ground: The ground to be covered.
        parcel: Index of its parcel, -1 outside parcels.
    """

    def __init__(self, ground: BaseGeometry, parcel: int = -1) -> None:
        self._ground = ground
        self._parcel = parcel
        self._covers: list[Cover] = []
        self._areas: list[BaseGeometry] = []
        self._boxes: dict[int, tuple[tuple[float, float], ...]] = {}

    def lay(self, cover: Cover, area: BaseGeometry) -> None:
        """Cover what is still free of an area."""
        if not area.is_empty:
            self._covers.append(cover)
            self._areas.append(area)

    def lay_box(
        self, cover: Cover, frame: Frame, along_m: float, across_m: float, length_m: float,
        width_m: float,
    ) -> None:  # fmt: skip
        """Cover what is still free of a rectangle of a frame; arguments as for `Frame.box`."""
        self._boxes[len(self._areas)] = frame.corners(along_m, across_m, length_m, width_m)
        self._covers.append(cover)
        self._areas.append(EMPTY)

    def _shapes(self) -> NDArray[np.object_]:
        """Return the areas as they were laid; boxes are made at once because that is quicker."""
        areas = np.array(self._areas, dtype=object)
        if self._boxes:
            areas[list(self._boxes)] = shapely.polygons(np.array(list(self._boxes.values())))
        return areas

    def lay_rest(self, cover: Cover, *, in_turn: bool = False) -> list[Surface]:
        """Cover all that is free and return all surfaces.

        Args:
            cover: What covers the rest.
            in_turn: Whether layer after layer is cut out of the ground, which is quicker where
                each of them reaches over all of it.
        """
        pieces, rest = ([], self._ground) if in_turn else self._at_once()
        laid = sum(piece.area for piece in pieces) + rest.area
        if in_turn or abs(laid - self._ground.area) > TOLERANCE_M2:
            pieces, rest = self._in_turn()
        return [
            Surface(name, part, self._parcel)
            for name, piece in zip([*self._covers, cover], [*pieces, rest], strict=True)
            for part in polygons(piece)
        ]

    def _at_once(self) -> tuple[list[BaseGeometry], BaseGeometry]:
        """Cut each layer only by those it meets, and all of them out of the ground in one step."""
        if not self._areas:
            return [], self._ground
        areas = self._shapes()
        shapely.prepare(self._ground)
        within = shapely.contains_properly(self._ground, areas)
        areas[~within] = shapely.intersection(self._ground, areas[~within])
        later, earlier = STRtree(areas).query(areas, predicate="intersects")
        pieces = areas.copy()
        for index in np.unique(later[later > earlier]):
            above = areas[earlier[(later == index) & (earlier < index)]]
            cutter = above[0] if len(above) == 1 else shapely.union_all(above)
            pieces[index] = shapely.difference(areas[index], cutter)
        return list(pieces), shapely.difference(self._ground, shapely.union_all(areas))

    def _in_turn(self) -> tuple[list[BaseGeometry], BaseGeometry]:
        pieces, free = [], self._ground
        for area in self._shapes():
            piece, free = split(free, area)
            pieces.append(piece)
        return pieces, free
