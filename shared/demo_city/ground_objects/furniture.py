"""Everything that stands or is painted on the ground of a town."""

from __future__ import annotations

from shared.demo_city.ground_objects.borders import enclose_plots
from shared.demo_city.ground_objects.courtyards import furnish_courtyards
from shared.demo_city.ground_objects.gardens import furnish_gardens
from shared.demo_city.ground_objects.open_land import furnish_fields
from shared.demo_city.ground_objects.outlines import clear_of
from shared.demo_city.ground_objects.pitches import mark_pitches
from shared.demo_city.ground_objects.rail_things import lay_tracks, moor_boats, put_trains
from shared.demo_city.ground_objects.road_surfaces import resurface
from shared.demo_city.ground_objects.roadside import Roadside
from shared.demo_city.ground_objects.street_marks import mark_streets
from shared.demo_city.ground_objects.vehicles import park_vehicles
from shared.demo_city.ground_objects.water_depth import deepen_waters
from shared.demo_city.ground_objects.yard_things import (
    construction_sites,
    furnish_market,
    furnish_yards,
)
from shared.demo_city.ground_objects.yards import Ground, yard_bays
from shared.demo_city.things import Thing
from shared.demo_city.vectors.buildings import Building
from shared.demo_city.vectors.ground import Surface
from shared.demo_city.vectors.parcels import Parcel
from shared.demo_city.vectors.plan import TownPlan
from shared.demo_city.vectors.streets import StreetNetwork


def furnish_ground(
    plan: TownPlan,
    network: StreetNetwork,
    parcels: tuple[Parcel, ...],
    buildings: tuple[Building, ...],
    surfaces: tuple[Surface, ...],
) -> tuple[Thing, ...]:
    """Furnish the ground of a town.

    Args:
        plan: The plan of the town.
        network: Its streets and waters.
        parcels: Its parcels.
        buildings: Its buildings.
        surfaces: What lies on the ground.

    Returns:
        Things in the order of painting. None that needs a place of its own stands in a building or
        on another one.
    """
    ground = Ground(plan.seed, surfaces, buildings, parcels)
    roadside = Roadside(plan.seed, network, parcels)
    bays = yard_bays(ground)
    below = resurface(plan, roadside, ground) + deepen_waters(plan, ground)
    marks = mark_streets(roadside, ground, bays) + mark_pitches(ground) + lay_tracks(plan, ground)
    land = furnish_fields(plan, ground) + construction_sites(ground, parcels)
    standing = put_trains(plan, ground) + moor_boats(plan, ground)
    standing += furnish_market(plan, ground) + furnish_yards(ground)
    gardens = enclose_plots(ground, parcels) + furnish_gardens(ground) + furnish_courtyards(ground)
    vehicles = park_vehicles(roadside, ground, bays)
    batches = clear_of(below + land + marks + standing + gardens + vehicles, ground.walls)
    return tuple(thing for batch in batches for thing in batch.things())
