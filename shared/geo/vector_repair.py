"""Make foreign geometries usable and say what was changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray

from shared.contracts.finding import Finding
from shared.errors import N_, GeometryMissing
from shared.geo.vector_content import VectorContent

FARTHEST_M = 4e7
"""Circumference of the earth; no coordinate in metres lies beyond."""
LISTED = 10
"""How many numbers or ids a finding names."""
ID_NAMES = (
    "id", "kennung", "flstkennz", "parcel_id", "building_id", "unit_id", "object_id", "objectid",
    "gid", "oid", "uuid", "gml_id",
)  # fmt: skip
"""Columns taken for the key of a layer, where nobody names one; the first that is there."""

_EMPTY = Finding(
    "hint",
    "geometrie_leer",
    N_("Objekte ohne brauchbare Geometrie wurden ausgelassen. Anzahl: {count} (Nr. {numbers})."),
    N_("Bitte prüfen Sie diese Objekte in den Ausgangsdaten."),
)
_MENDED = Finding(
    "hint",
    "geometrie_repariert",
    N_(
        "Geometrien, die sich selbst überschnitten, wurden repariert. "
        "Anzahl: {count} (Nr. {numbers}). "
        "Ihre Fläche änderte sich zusammen um {change} m²."
    ),
)
_HEIGHTS = Finding(
    "ok", "hoehe_entfernt", N_("Höhen wurden weggelassen. Anzahl der Geometrien: {count}.")
)
_SPLIT = Finding(
    "hint",
    "mehrteilig_geteilt",
    N_("Mehrteilige Objekte wurden in ihre Teile zerlegt: {count} in {parts}."),
)
_CURVES = Finding("hint", "kurven_ersetzt", N_("Bögen wurden durch kurze gerade Strecken ersetzt."))
_COLLECTIONS = Finding(
    "hint",
    "sammlung_vereinfacht",
    N_("Gemischte Geometrien wurden auf Flächen (sonst Linien) beschränkt. Anzahl: {count}."),
)
_SAME_ID = Finding(
    "hint",
    "kennung_doppelt",
    N_("Kennungen in der Spalte „{column}“ kommen mehrfach vor. Anzahl: {count} ({values})."),
    N_("Bitte prüfen Sie, ob Objekte doppelt geliefert wurden."),
)
_SAME_PLACE = Finding(
    "hint",
    "geometrie_doppelt",
    N_("Objekte haben dieselbe Geometrie wie andere. Anzahl: {count} (Nr. {numbers})."),
    N_("Flächen würden doppelt zählen."),
)


def repair(
    content: VectorContent, *, split_multi: bool = False, id_column: str = ""
) -> VectorContent:
    """Return a layer of valid geometries without Z; findings tell every change.

    Numbers in findings count the objects of the file from 1.

    Args:
        content: The layer as it was read; coordinates in metres, or the change of area would be
            told in another unit.
        split_multi: True makes an object of each part of a multipart geometry.
        id_column: Column that names each object once; empty looks for a usual name.

    Raises:
        GeometryMissing: No object has a usable geometry.
    """
    content = flatten(content)
    findings = list(content.findings)
    numbers = np.arange(1, len(content.geometries) + 1)
    shapes = _mend(_array(content.geometries), findings)
    usable = _usable(shapes)
    if not usable.any():
        raise GeometryMissing()
    if not usable.all():
        findings.append(_counted(_EMPTY, numbers[~usable]))
    rows = np.flatnonzero(usable)
    _list_duplicates(content, shapes, rows, id_column, findings)
    shapes, rows = _parts(shapes[rows], rows, split_multi, findings)
    return replace(
        content,
        columns={name: [cells[row] for row in rows] for name, cells in content.columns.items()},
        geometries=list(shapes),
        findings=tuple(findings),
    )


def flatten(content: VectorContent) -> VectorContent:
    """Return a layer without Z and M; findings tell of them and of curves.

    Args:
        content: The layer as it was read, in any system.
    """
    findings = list(content.findings)
    if content.curved:
        findings.append(_CURVES)
    shapes = _array(content.geometries)
    raised = shapely.has_z(shapes) | shapely.has_m(shapes)
    if raised.any():
        findings.append(replace(_HEIGHTS, details={"count": int(raised.sum())}))
    flat = list(shapely.force_2d(shapes))
    return replace(content, geometries=flat, findings=tuple(findings), curved=False)


def outside_of(
    geometries: Sequence[shapely.Geometry], area: shapely.Geometry
) -> tuple[list[int], list[Finding]]:
    """Find objects that do not lie within an image.

    Args:
        geometries: Objects in metres.
        area: Area of the image in the same system.

    Returns:
        Positions of the objects that lie wholly outside, from 0; findings for people.
    """
    shapely.prepare(area)
    shapes = _array(geometries)
    outside = np.flatnonzero(~shapely.intersects(area, shapes))
    partly = np.flatnonzero(shapely.intersects(area, shapes) & ~shapely.covers(area, shapes))
    findings = []
    if outside.size:
        level = _ALL_OUTSIDE if outside.size == len(shapes) else _OUTSIDE
        findings.append(_counted(level, outside + 1))
    if partly.size:
        findings.append(_counted(_PARTLY, partly + 1))
    return [int(one) for one in outside], findings


_OUTSIDE = Finding(
    "hint",
    "objekte_ausserhalb",
    N_("Objekte außerhalb des Bildes haben kein Ergebnis. Anzahl: {count} (Nr. {numbers})."),
)
_ALL_OUTSIDE = Finding(
    "stop",
    "objekte_ausserhalb",
    N_("Kein Objekt liegt im Bild. Anzahl: {count} (Nr. {numbers})."),
    N_("Bitte prüfen Sie, ob Bild und Geodaten zum selben Ort gehören."),
)
_PARTLY = Finding(
    "hint",
    "objekte_angeschnitten",
    N_("Objekte ragen über den Rand des Bildes hinaus. Anzahl: {count} (Nr. {numbers})."),
    N_("Ihre Fläche außerhalb zählt als „außerhalb“."),
)


def _array(geometries: Sequence[shapely.Geometry | None]) -> NDArray[np.object_]:
    # A list of multipart geometries alone would become an array of their parts.
    return np.array([*geometries, None], dtype=object)[:-1]


def _usable(shapes: NDArray[np.object_]) -> NDArray[np.bool_]:
    present = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    on_earth = (np.abs(shapely.bounds(shapes)) < FARTHEST_M).all(axis=1)
    return np.asarray(present & on_earth, dtype=bool)


def _mend(shapes: NDArray[np.object_], findings: list[Finding]) -> NDArray[np.object_]:
    mixed = shapely.get_type_id(shapes) == shapely.GeometryType.GEOMETRYCOLLECTION
    for row in np.flatnonzero(mixed):
        shapes[row] = _highest(shapes[row])
    if mixed.any():
        findings.append(replace(_COLLECTIONS, details={"count": int(mixed.sum())}))
    broken = np.flatnonzero(_usable(shapes) & ~shapely.is_valid(shapes))
    if not broken.size:
        return shapes
    before = shapely.area(shapes[broken]).sum()
    valid = shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False)
    shapes[broken] = [_highest(one) for one in valid]
    change = abs(float(shapely.area(shapes[broken]).sum() - before))
    finding = _counted(_MENDED, broken + 1)
    findings.append(replace(finding, details={**finding.details, "change": round(change, 1)}))
    return shapes


def _highest(geometry: shapely.Geometry) -> shapely.Geometry:
    """Return the parts of a geometry with the most dimensions as one geometry."""
    if geometry.geom_type != "GeometryCollection":
        return geometry
    parts = [inner for part in geometry.geoms for inner in shapely.get_parts(part)]
    if not parts:
        return geometry
    most = max(shapely.get_dimensions(parts))
    return shapely.union_all([one for one in parts if shapely.get_dimensions(one) == most])


def _parts(
    shapes: NDArray[np.object_],
    rows: NDArray[np.intp],
    split_multi: bool,
    findings: list[Finding],
) -> tuple[NDArray[np.object_], NDArray[np.intp]]:
    """Unwrap multipart geometries of one part, and split the others where asked."""
    counts = shapely.get_num_geometries(shapes)
    single = counts == 1
    shapes[single] = shapely.get_geometry(shapes[single], 0)
    if not split_multi or single.all():
        return shapes, rows
    details = {"count": int((~single).sum()), "parts": int(counts[~single].sum())}
    findings.append(replace(_SPLIT, details=details))
    parts, origin = shapely.get_parts(shapes, return_index=True)
    return parts, rows[origin]


def _list_duplicates(
    content: VectorContent,
    shapes: NDArray[np.object_],
    rows: NDArray[np.intp],
    id_column: str,
    findings: list[Finding],
) -> None:
    names = {name.lower(): name for name in content.columns}
    column = id_column or next((names[one] for one in ID_NAMES if one in names), "")
    if column in content.columns:
        cells = content.columns[column]
        counted = Counter(str(cells[row]) for row in rows if cells[row] is not None)
        twice = [value for value, count in counted.items() if count > 1]
        if twice:
            details = {"count": len(twice), "column": column, "values": _listed(twice)}
            findings.append(replace(_SAME_ID, details=details))
    _, first, inverse = np.unique(
        shapely.to_wkb(shapely.normalize(shapes[rows])), return_index=True, return_inverse=True
    )
    again = np.flatnonzero(first[inverse] != np.arange(len(rows)))
    if again.size:
        findings.append(_counted(_SAME_PLACE, rows[again] + 1))


def _counted(finding: Finding, numbers: NDArray[np.intp]) -> Finding:
    named = [str(number) for number in numbers[: LISTED + 1]]
    return replace(finding, details={"count": len(numbers), "numbers": _listed(named)})


def _listed(values: Sequence[str]) -> str:
    shown = ", ".join(value[:40] for value in values[:LISTED])
    return f"{shown} …" if len(values) > LISTED else shown
