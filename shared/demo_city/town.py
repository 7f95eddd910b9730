"""A town as vectors, with an index of where everything is."""

from __future__ import annotations

from dataclasses import dataclass

from shared.demo_city.garbage_pause import collector_paused
from shared.demo_city.ground_objects.furniture import furnish_ground
from shared.demo_city.roofs.objects import furnish_roofs
from shared.demo_city.roofs.roofscape import Roof, put_roofs
from shared.demo_city.things import Thing
from shared.demo_city.vectors.buildings import Building
from shared.demo_city.vectors.ground import Surface
from shared.demo_city.vectors.houses import place_buildings
from shared.demo_city.vectors.parcels import Parcel, cut_parcels
from shared.demo_city.vectors.plan import TownPlan
from shared.demo_city.vectors.streets import StreetNetwork, lay_streets
from shared.demo_city.vectors.surfaces import partition_ground


@dataclass(frozen=True, slots=True)
class Town:
    """Everything of a town that stands or lies still, in metres from its lower left corner.

    Args:
        plan: What it was built from.
        network: Streets, rail and waters with the blocks between them.
        parcels: Parcels.
        buildings: Buildings; their places in this list never change, new ones follow at the end.
        roofs: One roof per building, in their order.
        surfaces: What lies on the ground; together the area of the town.
        things: Things on roofs and on the ground.
        gone: Places in `buildings` of those that do not stand (no longer or not yet).
    """

    plan: TownPlan
    network: StreetNetwork
    parcels: tuple[Parcel, ...]
    buildings: tuple[Building, ...]
    roofs: tuple[Roof, ...]
    surfaces: tuple[Surface, ...]
    things: tuple[Thing, ...] = ()
    gone: frozenset[int] = frozenset()


@collector_paused()
def build_town(plan: TownPlan) -> Town:
    """Build a town from its plan."""
    network = lay_streets(plan)
    parcels = cut_parcels(plan, network)
    buildings = place_buildings(plan, parcels)
    roofs = put_roofs(plan, buildings)
    surfaces = partition_ground(plan, network, parcels, buildings)
    things = furnish_roofs(plan.seed, buildings, roofs)
    things += furnish_ground(plan, network, parcels, buildings, surfaces)
    return Town(plan, network, parcels, buildings, roofs, surfaces, things)
