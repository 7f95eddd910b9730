"""Write buildings with their roofs (LoD2) as CityJSON 2.0 or as minimal CityGML 2.0."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

from shared.demo_city.roofs.roofscape import Roof
from shared.demo_city.roofs.solids import DIGITS, BodySurface, Corner, build_body, is_closed
from shared.demo_city.settings import CRS
from shared.store.local_files import whole_file

SCALE: Final = 10.0**-DIGITS
"""Size of one step of the whole numbers in CityJSON [m]."""
JSON_CRS: Final = f"https://www.opengis.net/def/crs/EPSG/0/{CRS.rpartition(':')[2]}"
GML_CRS: Final = f"urn:ogc:def:crs:EPSG::{CRS.rpartition(':')[2]}"
SPACES: Final = {
    "core": "http://www.opengis.net/citygml/2.0",
    "bldg": "http://www.opengis.net/citygml/building/2.0",
    "gen": "http://www.opengis.net/citygml/generics/2.0",
    "gml": "http://www.opengis.net/gml",
    "xlink": "http://www.w3.org/1999/xlink",
}
EXAMPLE: Final = "Beispieldaten: erfundene Gebäude von Musterstadt"


@dataclass(frozen=True, slots=True)
class _Body:
    name: str
    roof: Roof
    surfaces: list[BodySurface]

    @property
    def height_m(self) -> float:
        return max(corner[2] for surface in self.surfaces for corner in surface.ring)

    @property
    def attributes(self) -> dict[str, str | float]:
        return {"roof_form": self.roof.form, "roof_material": self.roof.material}


def export_lod2(
    path: Path, roofs: Sequence[Roof], names: Sequence[str], origin_m: tuple[float, float]
) -> None:
    """Write buildings as closed bodies of roof, wall and ground surfaces.

    Roof surfaces carry `azimuth_deg` and `slope_deg`. Heights are above ground, which is level.
    A body that does not close is written as surfaces without a solid.

    Args:
        path: File to write: ".json" makes CityJSON, ".gml" makes CityGML.
        roofs: Roofs of the buildings, in local metres.
        names: Their building ids, in the same order.
        origin_m: Easting and northing of the local origin [m, EPSG:25832].

    Raises:
        ValueError: The suffix is another one, the lists differ in length, or a name occurs twice.
        StorageFull: There is no space left, or the folder may not be written.
        StorageUnreachable: Any other fault of the disk.
    """
    if path.suffix not in {".json", ".gml"}:
        raise ValueError(path.suffix)
    if len(set(names)) != len(names):
        raise ValueError("names")
    bodies = [_Body(n, roof, build_body(roof)) for n, roof in zip(names, roofs, strict=True)]
    with whole_file(path) as draft:
        if path.suffix == ".json":
            text = json.dumps(_city_json(bodies, origin_m), ensure_ascii=False)
            draft.write_text(text, encoding="utf-8")
        else:
            for prefix, space in SPACES.items():
                ElementTree.register_namespace(prefix, space)
            tree = ElementTree.ElementTree(_city_gml(bodies, origin_m))
            tree.write(draft, encoding="utf-8", xml_declaration=True)


def _city_json(bodies: Sequence[_Body], origin_m: tuple[float, float]) -> dict[str, Any]:
    places: dict[tuple[int, ...], int] = {}
    objects = {body.name: _json_object(body, places) for body in bodies}
    return {
        "type": "CityJSON",
        "version": "2.0",
        "metadata": {"referenceSystem": JSON_CRS, "title": EXAMPLE},
        "transform": {"scale": [SCALE] * 3, "translate": [*origin_m, 0.0]},
        "CityObjects": objects,
        "vertices": [list(place) for place in places],
    }


def _json_object(body: _Body, places: dict[tuple[int, ...], int]) -> dict[str, Any]:
    shells = [[_numbers(surface.ring, places)] for surface in body.surfaces]
    kinds = [
        {"type": s.kind, **(_direction(s) if s.kind == "RoofSurface" else {})}
        for s in body.surfaces
    ]
    values = list(range(len(shells)))
    has_solid = is_closed(body.surfaces)
    geometry = {
        "type": "Solid" if has_solid else "MultiSurface",
        "lod": "2",
        "boundaries": [shells] if has_solid else shells,
        "semantics": {"surfaces": kinds, "values": [values] if has_solid else values},
    }
    attributes = {"measuredHeight": round(body.height_m, 2), **body.attributes}
    return {"type": "Building", "attributes": attributes, "geometry": [geometry]}


def _numbers(ring: Iterable[Corner], places: dict[tuple[int, ...], int]) -> list[int]:
    steps = [tuple(round(value / SCALE) for value in corner) for corner in ring]
    return [places.setdefault(step, len(places)) for step in steps]


def _direction(surface: BodySurface) -> dict[str, float]:
    return {
        "azimuth_deg": round(surface.azimuth_deg, 2),
        "slope_deg": round(surface.slope_deg, 2),
    }


def _tag(name: str) -> str:
    prefix, _, local = name.partition(":")
    return f"{{{SPACES[prefix]}}}{local}"


def _add(
    parent: ElementTree.Element, kind: str, text: str = "", **marks: str
) -> ElementTree.Element:
    """Add an element; the two underscores of a mark stand for the colon of its prefix."""
    element = ElementTree.SubElement(parent, _tag(kind))
    element.text = text or None
    for mark, value in marks.items():
        element.set(_tag(mark.replace("__", ":")) if "__" in mark else mark, value)
    return element


def _city_gml(bodies: Sequence[_Body], origin_m: tuple[float, float]) -> ElementTree.Element:
    root = ElementTree.Element(_tag("core:CityModel"))
    _add(root, "gml:description", EXAMPLE)
    for body in bodies:
        _add_building(_add(root, "core:cityObjectMember"), body, origin_m)
    return root


def _add_building(member: ElementTree.Element, body: _Body, origin_m: tuple[float, float]) -> None:
    building = _add(member, "bldg:Building", gml__id=body.name)
    for name, value in body.attributes.items():
        _add(_add(building, "gen:stringAttribute", name=name), "gen:value", str(value))
    _add(building, "bldg:measuredHeight", f"{body.height_m:.2f}", uom="m")
    names = [f"{body.name}-{number}" for number in range(len(body.surfaces))]
    if is_closed(body.surfaces):
        solid = _add(
            _add(building, "bldg:lod2Solid"), "gml:Solid", srsName=GML_CRS, srsDimension="3"
        )
        shell = _add(_add(solid, "gml:exterior"), "gml:CompositeSurface")
        for name in names:
            _add(shell, "gml:surfaceMember", xlink__href=f"#{name}")
    for name, surface in zip(names, body.surfaces, strict=True):
        bounded = _add(_add(building, "bldg:boundedBy"), f"bldg:{surface.kind}")
        if surface.kind == "RoofSurface":
            for attribute, number in _direction(surface).items():
                _add(_add(bounded, "gen:doubleAttribute", name=attribute), "gen:value", str(number))
        _add_polygon(_add(bounded, "bldg:lod2MultiSurface"), name, surface, origin_m)


def _add_polygon(
    parent: ElementTree.Element, name: str, surface: BodySurface, origin_m: tuple[float, float]
) -> None:
    many = _add(parent, "gml:MultiSurface", srsName=GML_CRS, srsDimension="3")
    polygon = _add(_add(many, "gml:surfaceMember"), "gml:Polygon", gml__id=name)
    ring = _add(_add(polygon, "gml:exterior"), "gml:LinearRing")
    values = [
        f"{x + origin_m[0]:.{DIGITS}f} {y + origin_m[1]:.{DIGITS}f} {z:.{DIGITS}f}"
        for x, y, z in (*surface.ring, surface.ring[0])
    ]
    _add(ring, "gml:posList", " ".join(values), srsDimension="3")
