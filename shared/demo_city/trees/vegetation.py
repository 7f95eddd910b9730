"""Trees and shrubs, and the direction in which fields are worked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import STRtree

from shared.demo_city.ground_objects.outlines import Areas, Flags, Places
from shared.demo_city.ground_objects.roadside import Roadside
from shared.demo_city.ground_objects.yards import Ground
from shared.demo_city.town import Town
from shared.demo_city.trees.planting import plant_green, plant_rows
from shared.demo_city.trees.species import SPECIES, TABLE, Plants
from shared.demo_city.vectors.frames import Frame
from shared.demo_city.vectors.ground import Surface

FROM_WALL_M: Final = 1.0
OVER_ROOF_M: Final = 0.7
"""How far a crown reaches over a roof's edge at most."""
FROM_MODULES_M: Final = 9.0
LEAST_RADIUS_M: Final = 0.35
FLAT_THINGS: Final = frozenset(
    {"road_mark", "zebra", "manhole", "gully", "patch", "track", "rail", "car", "van", "truck",
     "bus", "bus_bay", "mast", "tramline", "furrow", "hedge", "road_section", "water_depth"}
)  # fmt: skip
"""Things that a trunk may stand in: those that are flat, move or are green themselves."""

__all__ = ["SPECIES", "Trees", "furrow_direction", "plant_trees"]


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """Trees of a town, ordered by their height.

    Args:
        place: Easting and northing of the trunk, per tree [m].
        radius: Radius of the crown [m].
        height: Height [m].
        species: Index into `SPECIES`, which names the material, and into `species.TABLE`.
        leafless: How bare the crown is in winter, 0 (evergreen) to 1.
    """

    place: NDArray[np.float64]
    radius: NDArray[np.float64]
    height: NDArray[np.float64]
    species: NDArray[np.uint8]
    leafless: NDArray[np.float32]


def plant_trees(town: Town, *, has_unseen: bool = True) -> Trees:
    """Plant the trees of a town on its green, in its woods and along its streets and waters.

    Args:
        town: The town.
        has_unseen: Whether species grow that no training scene shows.

    Returns:
        Trees, none of which stands in a building or on a thing that needs its place.
    """
    standing = tuple(one for i, one in enumerate(town.buildings) if i not in town.gone)
    ground = Ground(town.plan.seed, town.surfaces, standing, town.parcels)
    roadside = Roadside(town.plan.seed, town.network, town.parcels)
    plants = Plants.joined(plant_rows(town.plan, ground, roadside) + plant_green(ground))
    plants = _beside_walls(plants, ground.walls)
    plants = plants.kept(~_on_things(plants.at, town) & ~_near_modules(plants.at, town))
    if not has_unseen:
        plants = plants.without_unseen()
    order = np.lexsort((plants.at[:, 0], plants.at[:, 1], plants.height))
    plants = plants.kept(order)
    leafless = np.array([one.leafless for one in TABLE], np.float32)[plants.species]
    return Trees(plants.at, plants.radius, plants.height, plants.species, leafless)


def _beside_walls(plants: Plants, walls: Areas) -> Plants:
    """Make crowns near walls smaller and drop the trees that would stand in them."""
    if not len(walls) or not len(plants.at):
        return plants
    (index, _), far = STRtree(walls).query_nearest(
        shapely.points(plants.at), max_distance=9.0, return_distance=True, all_matches=False
    )
    room = np.full(len(plants.at), 99.0)
    room[index] = far
    radius = np.minimum(plants.radius, room + OVER_ROOF_M)
    height = plants.height * (0.4 + 0.6 * radius / plants.radius)
    shrunk = Plants(plants.at, radius, height, plants.species)
    return shrunk.kept((room > FROM_WALL_M) & (radius > LEAST_RADIUS_M))


def _on_things(at: Places, town: Town) -> Flags:
    things: Areas = np.array(
        [one.area for one in town.things if one.building < 0 and one.kind not in FLAT_THINGS],
        object,
    )
    on_thing = np.zeros(len(at), bool)
    if len(things):
        on_thing[STRtree(things).query(shapely.points(at), predicate="intersects")[0]] = True
    return on_thing


def _near_modules(at: Places, town: Town) -> Flags:
    """Return which places lie among rows of modules: no tree shades them."""
    rows: Areas = np.array([one.area for one in town.things if one.kind == "pv_ground"], object)
    near = np.zeros(len(at), bool)
    if len(rows):
        found, _ = STRtree(rows).query(
            shapely.points(at), predicate="dwithin", distance=FROM_MODULES_M
        )
        near[found] = True
    return near


def furrow_direction(surface: Surface) -> tuple[float, float]:
    """Return the unit vector across the furrows of a field or the stripes of a mown meadow.

    Fields are worked along their long side.

    Args:
        surface: The field.
    """
    x, y = Frame.around(surface.area).across
    return float(x), float(y)
