"""Tables: columns of the specification, ids that join, sums that add up."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import example, given, settings
from pyproj import Transformer
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from shared.demo_city.city import DemoCity
from shared.demo_city.materials import materials
from shared.demo_city.render.painting import COVERS, paint_town
from shared.demo_city.settings import CitySettings
from shared.demo_city.tables.building_facts import _energy_class, fact_rules
from shared.demo_city.tables.people_grid import COUNTS
from shared.demo_city.tables.registry import TABLES
from shared.demo_city.tables.street_tables import _graph
from shared.demo_city.town import build_town
from shared.demo_city.vectors.buildings import Kind
from shared.demo_city.vectors.ground import Cover
from shared.demo_city.vectors.plan import TownPlan
from shared.demo_city.vectors.streets import lay_streets
from tests.demo_city.small_towns import plans, small_town

# Key columns of section 4 of the specification; more may be there. A point is a geometry.
COLUMNS = {
    "districts": "district_id name geometry",
    "streets": "street_id name class width_m surface speed_kmh oneway geometry",
    "road_graph": "edge_id from_node to_node street_id length_m speed_kmh car bus bike foot "
    "oneway geometry",
    "road_nodes": "node_id geometry",
    "parcels": "parcel_id flur number area_m2 use district_id street_id geometry",
    "addresses": "address_id street house_number suffix plz city building_id parcel_id geometry",
    "buildings": "building_id address_id parcel_id function_code use dwellings floors "
    "height_m year_built usable_area_m2 monument heating energy_class geometry valid_from valid_to",
    "roof_planes": "plane_id building_id form azimuth_deg slope_deg area_m2 footprint_m2 "
    "material colour covered_since geometry",
    "solar_units": "unit_id building_id kind area_m2 kwp azimuth_deg slope_deg "
    "commissioned_on in_register geometry",
    "land_cover": "surface_id label material geometry",
    "trees": "crown_m height_m geometry",
    "events": "event_id kind building_id parcel_id date note",
    "places": "place_id category name district_id address_id opening_hours phone wheelchair lift "
    "tactile induction_loop toilet_eurokey capacity geometry",
    "plans": "plan_id kind number name status date grz gravel_garden_ban green_roof_duty "
    "solar_rule geometry",
    "region": "region_id name kind inhabitants geometry",
    "people_grid": "cell_id x_3035 y_3035 inhabitants under_18 over_64 households cars "
    "jobs geometry",
    "people_grid_noisy": "cell_id x_3035 y_3035 inhabitants under_18 over_64 households cars "
    "jobs geometry",
    "people_pieces": "cell_id district_id inhabitants under_18 over_64 households cars jobs",
    "building_files": "file_id building_id address_id parcel_id era case_number applicant "
    "applied_on approved_on accepted_on floors dwellings usable_area_m2",
    "building_file_contradictions": "file_id field in_file in_register",
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_columns_of_the_specification(name: str, city: DemoCity) -> None:
    assert set(COLUMNS[name].split()) <= set(city.table(name).columns)


@pytest.mark.parametrize("name", TABLES)
def test_layers_lie_in_the_city(name: str, city: DemoCity) -> None:
    table = city.table(name)
    assert table.attrs["is_example"] is True
    assert isinstance(table, gpd.GeoDataFrame) == TABLES[name].is_layer
    if isinstance(table, gpd.GeoDataFrame):
        assert table.crs == "EPSG:25832"
        assert table.geometry.notna().all()
        assert table.geometry.is_valid.all()
        # The county reaches 13 km beyond the city.
        beyond = 13_000 if name == "region" else 200
        west, south, east, north = table.total_bounds
        assert west >= 380_000 - beyond
        assert south >= 5_720_000 - beyond
        assert east <= 384_000 + beyond
        assert north <= 5_724_000 + beyond


def test_districts_and_land_cover_are_the_city(city: DemoCity) -> None:
    for name in ("districts", "land_cover"):
        layer = city.layer(name)
        assert layer.area.sum() == pytest.approx(16_000_000, abs=1)
        whole = shapely.union_all(layer.geometry.to_numpy(), grid_size=1e-4)
        assert whole.area == pytest.approx(16_000_000, abs=1)


def test_materials_of_the_ground_are_those_that_are_painted() -> None:
    """Of a small town: the material of each piece is the one that its image is painted with."""
    plan = small_town(7, 1, 260, 0.2, 6.0, "car_park", has_rail=True)
    city = DemoCity(CitySettings())
    city.first_town = replace(build_town(plan), things=(), gone=frozenset())
    town = city.as_of(city.settings.flights[0]).town("2023")
    surfaces = {id(one.area) for one in town.surfaces}
    painting = paint_town(town)
    ground = np.array([id(area) in surfaces for area in painting.areas])
    names = np.array(list(materials()))[painting.material[ground]]
    pieces = shapely.STRtree(painting.areas[ground])
    layer = city.as_of(city.settings.flights[0]).layer("land_cover")
    west, south = city.settings.origin_m
    # Points that lie well inside; all others lie in slivers.
    inner = layer.buffer(-0.05)
    layer, inner = layer[~inner.is_empty], inner[~inner.is_empty]
    inside = inner.representative_point().translate(-west, -south).to_numpy()
    found, piece = pieces.query(inside, predicate="within")
    assert found.tolist() == list(range(len(layer)))
    assert (layer["material"].to_numpy() == names[piece]).all()
    assert set(layer["material"]) <= set(materials())
    assert {"asphalt", "asphalt_worn", "paving_grey"} < set(layer["material"])
    assert set(layer["cover"]) <= set(COVERS)


def test_buildings_lie_on_their_parcel_and_district(city: DemoCity) -> None:
    buildings = city.layer("buildings")
    plots = city.layer("parcels").set_index("parcel_id").geometry.loc[buildings["parcel_id"]]
    outside = buildings.geometry.difference(gpd.GeoSeries(plots.to_numpy(), crs=buildings.crs))
    assert outside.area.max() < 0.05


def test_facts_of_buildings(city: DemoCity) -> None:
    buildings = city.table("buildings")
    assert set(buildings["use"]) == {
        "residential", "non_residential", "municipal", "state", "mixed",
    }  # fmt: skip
    assert buildings["function_code"].str.fullmatch(r"(31001|51009|51001)_\d{4}").all()
    houses = buildings[buildings["use"] == "residential"]
    assert (houses["dwellings"] >= 1).all()
    assert (buildings["usable_area_m2"] > 0).all()
    assert (buildings["height_m"] > 1.5).all()
    assert buildings["year_built"].between(1400, 2026).all()
    heated = buildings["heating"] != ""
    assert (heated == (buildings["energy_class"] != "")).all()
    assert 0.01 < buildings.query("is_main")["monument"].mean() < 0.08


def test_no_house_is_younger_than_its_roof(city: DemoCity) -> None:
    planes = city.table("roof_planes").set_index("building_id")
    built = city.table("buildings").set_index("building_id")["year_built"]
    assert (planes["covered_since"].dt.year >= built.loc[planes.index]).all()


def test_the_register_of_outlines_lags_behind(city: DemoCity) -> None:
    buildings = city.table("buildings")
    events = city.table("events")
    changed = events[events["kind"].isin(["new_building", "extension"])].set_index("building_id")
    rows = buildings.set_index("building_id").loc[changed.index]
    lag = (rows["registered_on"] - changed["date"]).dt.days
    assert lag.between(28, 550).all()
    assert rows["registered_on"].gt(pd.Timestamp(2026, 5, 9)).any()


def test_demolished_buildings_have_an_end(city: DemoCity) -> None:
    events = city.table("events").query("kind == 'demolition'").set_index("building_id")["date"]
    buildings = city.table("buildings").set_index("building_id")
    assert (buildings["valid_to"].dropna().sort_index() == events.sort_index()).all()
    then = city.as_of(city.settings.flights[0]).table("buildings")
    assert set(events.index) <= set(then["building_id"])
    assert then["valid_to"].isna().all()


def test_roof_planes_cover_their_roof(city: DemoCity) -> None:
    planes = city.layer("roof_planes")
    assert np.allclose(planes["footprint_m2"], planes.area, atol=1e-3)
    slope = np.radians(planes["slope_deg"])
    assert np.allclose(planes["area_m2"] * np.cos(slope), planes["footprint_m2"], rtol=1e-6)
    assert planes["azimuth_deg"].between(0, 360, inclusive="left").all()


def test_solar_units(city: DemoCity) -> None:
    units = city.table("solar_units")
    assert set(units["kind"]) <= {"pv", "thermal", "ground"}
    modules = units[units["kind"] != "thermal"]
    assert np.allclose(modules["kwp"], modules["area_m2"] * 0.21, atol=0.006)
    assert (units.loc[units["kind"] == "thermal", "kwp"] == 0).all()
    assert 0.02 < 1 - units["in_register"].mean() < 0.12
    assert units["commissioned_on"].max() < pd.Timestamp(2026, 5, 9)


def test_new_units_were_commissioned_on_the_day_of_the_event(city: DemoCity) -> None:
    events = city.table("events")
    for event_kind, kind in (("pv_added", "pv"), ("thermal_added", "thermal")):
        added = events[events["kind"] == event_kind].set_index("building_id")["date"]
        units = city.table("solar_units")
        new = units[(units["kind"] == kind) & units["building_id"].isin(added.index)]
        assert set(new["building_id"]) == set(added.index)
        assert (new["commissioned_on"] == added.loc[new["building_id"]].to_numpy()).all()


def test_old_units_are_the_same_on_both_days(city: DemoCity) -> None:
    first, newest = (city.as_of(day).table("solar_units") for day in city.settings.flights)
    both = first.merge(newest, on="unit_id", suffixes=("", "_now"))
    touched = set(city.table("events")["building_id"]) - {""}
    same = both[~both["building_id"].isin(touched)]
    assert len(same) == (~first["building_id"].isin(touched)).sum() > 500
    for column in ("area_m2", "azimuth_deg", "commissioned_on", "in_register"):
        assert (same[column] == same[f"{column}_now"]).all()


def test_people_add_up(city: DemoCity) -> None:
    grid, pieces = city.table("people_grid"), city.table("people_pieces")
    districts = city.table("districts").set_index("district_id")
    assert 14_000 <= grid["inhabitants"].sum() <= 20_000
    for name in COUNTS:
        assert grid[name].sum() == districts[name].sum() == pieces[name].sum()
        by_cell = pieces.groupby("cell_id")[name].sum()
        assert (by_cell == grid.set_index("cell_id")[name].loc[by_cell.index]).all()
        by_district = pieces.groupby("district_id")[name].sum()
        assert (by_district == districts[name].loc[by_district.index]).all()
    assert (grid["under_18"] + grid["over_64"] <= grid["inhabitants"]).all()
    assert (grid["households"] <= grid["inhabitants"]).all()
    assert 0.13 < grid["under_18"].sum() / grid["inhabitants"].sum() < 0.21
    assert 0.17 < grid["over_64"].sum() / grid["inhabitants"].sum() < 0.27


def test_noisy_people_do_not_add_up(city: DemoCity) -> None:
    exact, noisy = city.table("people_grid"), city.table("population_grid", noisy=True)
    assert list(exact["cell_id"]) == list(noisy["cell_id"])
    for name in COUNTS:
        assert not noisy[name].isin([1, 2]).any()
        assert (noisy[name] - exact[name]).abs().max() <= 2
        assert (noisy[name] != exact[name]).mean() > 0.2
    # One sum may come out right by chance.
    assert sum(noisy[name].sum() != exact[name].sum() for name in COUNTS) >= 4


def test_cells_are_named_by_their_corner(city: DemoCity) -> None:
    grid = city.layer("people_grid")
    to_grid = Transformer.from_crs("EPSG:25832", "EPSG:3035", always_xy=True)
    corners = shapely.get_coordinates(grid.geometry)
    east, north = to_grid.transform(corners[:, 0], corners[:, 1])
    owner = np.repeat(np.arange(len(grid)), shapely.get_num_coordinates(grid.geometry))
    low = pd.DataFrame({"e": east, "n": north}).groupby(owner).min().round().astype(int)
    assert list(grid["cell_id"]) == [f"CRS3035RES100mN{n}E{e}" for e, n in low.to_numpy()]
    assert (grid["x_3035"].to_numpy() == low["e"].to_numpy() + 50).all()
    assert (grid["y_3035"].to_numpy() == low["n"].to_numpy() + 50).all()
    assert ((low % 100) == 0).all(axis=None)


def test_road_graph_is_connected(city: DemoCity) -> None:
    edges, nodes = city.layer("road_graph"), city.layer("road_nodes")
    places = pd.Series(range(len(nodes)), index=nodes["node_id"])
    ends = places.loc[edges["from_node"]].to_numpy(), places.loc[edges["to_node"]].to_numpy()
    matrix = coo_array((np.ones(len(edges)), ends), shape=(len(nodes), len(nodes)))
    assert connected_components(matrix, directed=False)[0] == 1
    assert np.allclose(edges["length_m"], edges.length, atol=1e-3)
    for column, at in (("from_node", 0), ("to_node", -1)):
        node = nodes.geometry.to_numpy()[places.loc[edges[column]]]
        assert shapely.distance(node, shapely.get_point(edges.geometry.to_numpy(), at)).max() < 0.01


@given(plans)
@example(small_town(3078, 3, 345.682, 0.104151, -10.1394, "kita", has_rail=True))
@example(small_town(7564, 3, 308.975191, 0.0416297, -1.1738423, "kita", has_rail=False))
@settings(max_examples=10, deadline=None)
def test_streets_of_any_town_are_one_graph(plan: TownPlan) -> None:
    """In the first two a street ends on another one, up to what a number can hold."""
    streets = lay_streets(plan).streets
    graph = _graph(streets)
    ends = graph.ends.T
    matrix = coo_array((np.ones(len(graph.ends)), ends), shape=(len(graph.nodes),) * 2)
    assert connected_components(matrix, directed=False)[0] == 1
    lines = shapely.STRtree([one.line for one in streets])
    for line, (start, end) in zip(graph.lines, graph.ends, strict=True):
        for node, place in ((start, line.coords[0]), (end, line.coords[-1])):
            assert np.hypot(*(graph.nodes[node] - place)) < 0.0015
        assert lines.geometries[lines.nearest(line.centroid)].distance(line) < 0.002


def test_rules_name_every_kind_of_building() -> None:
    assert set(fact_rules()["kinds"]) == set(get_args(Kind))
    for periods in fact_rules()["districts"].values():
        assert sum(share for *_, share in periods) == pytest.approx(1)
        assert all(first <= last for first, last, _ in periods)
    for district, shares in fact_rules()["heating"].items():
        if isinstance(shares, dict):
            assert sum(shares.values()) == pytest.approx(1), district


def test_rules_name_every_district(city: DemoCity) -> None:
    assert set(city.table("districts")["name"]) == set(fact_rules()["districts"])


def test_every_cover_has_a_label() -> None:
    assert set(get_args(Cover)) == set(COVERS)


@pytest.mark.parametrize(
    ("year", "renewed", "need", "expected"),
    [
        (1965, 0.9, 0.5, "G"),  # 205 kWh/m2: class G lies between 200 and 250 (GEG, annex 10)
        (1965, 0.1, 0.5, "D"),  # renewed: 205 * 0.62 = 127.1, below 130
        (2000, 0.1, 0.5, "D"),  # 102, not below 100; too young to be renewed
        (2020, 0.5, 0.5, "A"),  # 42, below 50
        (1900, 0.9, 1.0, "H"),  # 215 * 1.2 = 258, above 250
    ],
)
def test_energy_classes(year: int, renewed: float, need: float, expected: str) -> None:
    assert _energy_class(year, renewed, need) == expected
