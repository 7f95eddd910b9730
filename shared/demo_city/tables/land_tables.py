"""Tables of districts, parcels, land cover and trees."""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import numpy as np
import shapely

from shared.demo_city.labels import LAND_COVERS
from shared.demo_city.render.painting import COVERS, ground_material
from shared.demo_city.settings import MUNICIPALITY_KEY
from shared.demo_city.tables.people import COUNTS
from shared.demo_city.tables.people_grid import district_people
from shared.demo_city.tables.snapshot import SLIVER_M2, Snapshot
from shared.demo_city.trees.vegetation import SPECIES, plant_trees

SEALED: Final = {cover.key: cover.sealed for cover in LAND_COVERS}


def districts(snapshot: Snapshot) -> gpd.GeoDataFrame:
    """Return the districts with their people; together they are the city."""
    made = snapshot.first.plan.districts
    ids = [snapshot.district_ids[one.number] for one in made]
    people = district_people(snapshot).groupby("district_id")[list(COUNTS)].sum()
    people = people.reindex(ids, fill_value=0)
    return snapshot.frame(
        {
            "district_id": ids,
            "name": [one.name for one in made],
            "area_m2": [one.area.area for one in made],
            **{name: people[name].to_numpy() for name in COUNTS},
        },
        [one.area for one in made],
    )


def parcels(snapshot: Snapshot) -> gpd.GeoDataFrame:
    """Return the parcels; `use` is what they are planned for."""
    made = snapshot.first.parcels
    return snapshot.frame(
        {
            "parcel_id": [one.parcel_id for one in made],
            "flur": [one.district for one in made],
            "number": [one.number for one in made],
            "area_m2": [one.area.area for one in made],
            "use": [one.use for one in made],
            "district_id": [snapshot.district_ids[one.district] for one in made],
            "street_id": [snapshot.street_ids[street] for street in snapshot.street_of_parcel],
        },
        [one.area for one in made],
    )


def land_cover(snapshot: Snapshot) -> gpd.GeoDataFrame:
    """Return what lies on the ground; together the area of the city.

    `cover` is what it is, `material` the key in `materials.toml` of what is seen there. `sealed` is
    the sealed share of a surface, empty where only a part of it is known to be sealed.
    """
    made, seed = snapshot.town.surfaces, snapshot.town.plan.seed
    labels = [COVERS[one.cover][0] for one in made]
    plots = snapshot.first.parcels
    layer = snapshot.frame(
        {
            "label": labels,
            "material": [ground_material(seed, one) for one in made],
            "cover": [one.cover for one in made],
            "sealed": np.array([SEALED[label] for label in labels], dtype=np.float64),
            "parcel_id": [plots[one.parcel].parcel_id if one.parcel >= 0 else "" for one in made],
        },
        [one.area for one in made],
    ).explode(ignore_index=True)
    layer = layer[layer.area > SLIVER_M2].reset_index(drop=True)
    # Numbers run within a parcel, so that a change on one plot leaves the ids of all others.
    place = layer.groupby("parcel_id").cumcount() + 1
    owner = layer["parcel_id"].replace("", MUNICIPALITY_KEY)
    layer.insert(0, "surface_id", owner + "-F" + place.astype(str).str.zfill(5))
    layer.insert(4, "area_m2", layer.area)
    return layer


def trees(snapshot: Snapshot) -> gpd.GeoDataFrame:
    """Return the trees and shrubs; the id of each follows from its place."""
    made = plant_trees(snapshot.town)
    counts: dict[tuple[int, int], int] = {}
    ids = []
    for east, north in np.round(made.place * 10).astype(int).tolist():
        counts[east, north] = number = counts.get((east, north), 0) + 1
        ids.append(f"B{east:06d}{north:06d}-{number}")
    return snapshot.frame(
        {
            "tree_id": ids,
            "crown_m": 2 * made.radius,
            "height_m": made.height,
            "species": np.array(SPECIES)[made.species],
        },
        shapely.points(made.place),
    )
