"""Bodies of buildings, and files of them read back."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import shapely

from shared.demo_city.roofs.lod2 import SPACES, export_lod2
from shared.demo_city.roofs.planes import Form, RoofPlane, build_roof
from shared.demo_city.roofs.roofscape import Roof, put_roofs
from shared.demo_city.roofs.solids import BodySurface, build_body, is_closed
from shared.demo_city.roofs.wings import build_winged_roof
from shared.demo_city.vectors.houses import place_buildings
from shared.demo_city.vectors.parcels import cut_parcels
from shared.demo_city.vectors.streets import lay_streets
from tests.demo_city.small_towns import small_town

ORIGIN = (380_000.0, 5_720_000.0)
HOUSE = shapely.box(10, 20, 22, 28)
FORMS: tuple[Form, ...] = ("gabled", "hip", "half_hip", "flat", "mono_pitch", "pyramid", "shed")


def roof_of(form: Form, planes: list[RoofPlane], outline: shapely.Polygon = HOUSE) -> Roof:
    return Roof(0, form, "tile_red", outline, 5.0, tuple(planes))


def roof_with(form: Form) -> Roof:
    return roof_of(form, build_roof(HOUSE, form, 1.0 if form == "flat" else 30.0, 5.0))


def winged() -> Roof:
    outline = shapely.Polygon([(0, 0), (20, 0), (20, 9), (8, 9), (8, 17), (0, 17)])
    planes = build_winged_roof(outline, 35.0, 5.0)
    assert planes is not None
    return roof_of("complex", planes, outline)


@cache
def town_roofs() -> tuple[Roof, ...]:
    """Roofs of an old town with many houses around corners."""
    plan = small_town(13, 0, 350.0, 0.6, 7.0, "church", has_rail=False)
    return put_roofs(plan, place_buildings(plan, cut_parcels(plan, lay_streets(plan))))


def many_roofs() -> list[Roof]:
    corners = [roof for roof in town_roofs() if roof.form == "complex"]
    assert len(corners) > 15
    return [*(roof_with(form) for form in FORMS), winged(), *corners]


def roof_surfaces(roofs: list[Roof]) -> int:
    return sum(s.kind == "RoofSurface" for roof in roofs for s in build_body(roof))


def direction_of(ring: np.ndarray) -> tuple[float, float]:
    """Azimuth and slope of a ring by Newell's sum over its corners."""
    after = np.roll(ring, -1, axis=0)
    x = ((ring[:, 1] - after[:, 1]) * (ring[:, 2] + after[:, 2])).sum()
    y = ((ring[:, 2] - after[:, 2]) * (ring[:, 0] + after[:, 0])).sum()
    z = ((ring[:, 0] - after[:, 0]) * (ring[:, 1] + after[:, 1])).sum()
    assert z > 0, "roof surfaces look up"
    slope = np.degrees(np.arctan2(np.hypot(x, y), z))
    return float(np.degrees(np.arctan2(x, y)) % 360), float(slope)


def assert_near(found: tuple[float, float], stated: tuple[float, float]) -> None:
    assert abs(found[1] - stated[1]) <= 0.5
    assert abs((found[0] - stated[0] + 180) % 360 - 180) <= 0.5


@pytest.mark.parametrize("form", FORMS)
def test_bodies_are_closed(form: Form) -> None:
    assert is_closed(build_body(roof_with(form)))


def test_body_of_an_l_shaped_house_is_closed() -> None:
    assert is_closed(build_body(winged()))


def test_all_bodies_of_a_town_are_closed_and_hold_its_volume() -> None:
    for roof in town_roofs():
        body = build_body(roof)
        assert is_closed(body), roof.building
        volume = sum(
            plane.area.area * plane.slope.height_m(*plane.area.centroid.coords[0])
            for plane in roof.planes
        )
        assert volume_of(body) == pytest.approx(volume, rel=1e-3)


def volume_of(body: list[BodySurface]) -> float:
    """Volume by the divergence theorem, over triangles from the first corner of each surface."""
    total = 0.0
    for surface in body:
        ring = np.array(surface.ring) - body[0].ring[0]
        total += np.einsum("i,ni->", ring[0], np.cross(ring[1:-1], ring[2:]))
    return total / 6


def test_open_body_is_noticed() -> None:
    assert not is_closed(build_body(roof_with("gabled"))[1:])


def test_gabled_body_by_hand() -> None:
    surfaces = build_body(roof_with("gabled"))
    kinds = [surface.kind for surface in surfaces]
    # Two planes; walls below both eaves and two halves of each gable; one ground.
    assert kinds.count("RoofSurface") == 2
    assert kinds.count("WallSurface") == 6
    assert kinds.count("GroundSurface") == 1
    top = max(corner[2] for surface in surfaces for corner in surface.ring)
    assert top == pytest.approx(5.0 + 4.0 * np.tan(np.radians(30)), abs=1e-3)


def test_city_json_read_back(tmp_path: Path) -> None:
    path = tmp_path / "city.json"
    roofs = many_roofs()
    export_lod2(path, roofs, [f"B{n}" for n in range(len(roofs))], ORIGIN)
    model = json.loads(path.read_text(encoding="utf-8"))
    assert (model["type"], model["version"]) == ("CityJSON", "2.0")
    places = np.array(model["vertices"]) * model["transform"]["scale"]
    places += model["transform"]["translate"]
    assert places[:, 0].min() == pytest.approx(380_000, abs=1e-6)
    read = 0
    for thing in model["CityObjects"].values():
        geometry = thing["geometry"][0]
        assert geometry["type"] == "Solid"
        for surface, kind in zip(
            geometry["boundaries"][0], geometry["semantics"]["values"][0], strict=True
        ):
            stated = geometry["semantics"]["surfaces"][kind]
            if stated["type"] == "RoofSurface":
                ring = places[surface[0]]
                found = direction_of(ring - ring.mean(axis=0))
                assert_near(found, (stated["azimuth_deg"], stated["slope_deg"]))
                read += 1
    assert read == roof_surfaces(roofs)


def test_city_gml_read_back(tmp_path: Path) -> None:
    path = tmp_path / "city.gml"
    roofs = many_roofs()
    names = [f"B{n}" for n in range(len(roofs))]
    roofs[0] = replace(roofs[0], material='A&<"Ziegel">')
    export_lod2(path, roofs, names, ORIGIN)
    root = ElementTree.parse(path).getroot()  # noqa: S314  # own file
    buildings = root.findall(".//bldg:Building", SPACES)
    marks = [one.get(f"{{{SPACES['gml']}}}id") for one in buildings]
    assert marks == names
    assert 'A&<"Ziegel">' in [value.text for value in root.findall(".//gen:value", SPACES)]
    polygons = {
        one.get(f"{{{SPACES['gml']}}}id") for one in root.iter(f"{{{SPACES['gml']}}}Polygon")
    }
    links = {
        str(one.get(f"{{{SPACES['xlink']}}}href"))[1:]
        for one in root.findall(".//gml:CompositeSurface/gml:surfaceMember", SPACES)
    }
    assert links == polygons
    surfaces = root.findall(".//bldg:RoofSurface", SPACES)
    assert len(surfaces) == roof_surfaces(roofs)
    for surface in surfaces:
        stated = {
            str(one.get("name")): float(one.findtext("gen:value", "", SPACES))
            for one in surface.findall("gen:doubleAttribute", SPACES)
        }
        text = surface.findtext(".//gml:posList", "", SPACES)
        ring = np.array(text.split(), dtype=float).reshape(-1, 3)
        assert (ring[0] == ring[-1]).all()
        found = direction_of(ring[:-1] - ring.mean(axis=0))
        assert_near(found, (stated["azimuth_deg"], stated["slope_deg"]))


def test_known_directions(tmp_path: Path) -> None:
    path = tmp_path / "house.json"
    export_lod2(path, [roof_with("gabled")], ["B"], (0.0, 0.0))
    model = json.loads(path.read_text(encoding="utf-8"))
    surfaces = model["CityObjects"]["B"]["geometry"][0]["semantics"]["surfaces"]
    roofs = [s for s in surfaces if s["type"] == "RoofSurface"]
    # The house is 12 m from west to east: its ridge runs there, its planes fall south and north.
    assert sorted(s["azimuth_deg"] for s in roofs) == [0.0, 180.0]
    assert [s["slope_deg"] for s in roofs] == [30.0, 30.0]


def test_open_body_is_written_without_a_solid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.demo_city.roofs.lod2.is_closed", lambda _: False)
    for suffix in (".json", ".gml"):
        export_lod2(tmp_path / f"open{suffix}", [roof_with("gabled")], ["B"], ORIGIN)
    model = json.loads((tmp_path / "open.json").read_text(encoding="utf-8"))
    assert model["CityObjects"]["B"]["geometry"][0]["type"] == "MultiSurface"
    assert "Solid" not in (tmp_path / "open.gml").read_text(encoding="utf-8")


def test_bad_requests_leave_no_file(tmp_path: Path) -> None:
    roof = roof_with("flat")
    with pytest.raises(ValueError, match="xyz"):
        export_lod2(tmp_path / "city.xyz", [roof], ["B"], ORIGIN)
    with pytest.raises(ValueError, match="names"):
        export_lod2(tmp_path / "city.json", [roof, roof], ["B", "B"], ORIGIN)
    with pytest.raises(ValueError, match="zip"):
        export_lod2(tmp_path / "city.json", [roof], [], ORIGIN)
    assert not list(tmp_path.iterdir())
