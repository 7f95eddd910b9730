"""`detection.json`: what a run found, enough to count again for any threshold without a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from pydantic import TypeAdapter, ValidationError
from shapely import MultiPolygon, Polygon

from apps.aviary.finds.analysis import Analysis
from apps.aviary.finds.joining import FoundObject
from apps.aviary.objects import Corners, FailedTile, TileFinds, collect
from apps.aviary.plan import plan_run
from apps.aviary.recipes import Recipe
from shared.contracts.finding import Finding
from shared.contracts.provenance import ModelUse
from shared.errors import FileDamaged
from shared.geo.raster import RasterInfo

DETECTION_FILE = "detection.json"
FORMAT: Final = 1
DIGITS = 3

Rings = tuple[Corners, ...]


class WholeObject(NamedTuple):
    """An object that a method made whole; stands in the file as a JSON list.

    Args:
        class_key: Kind of object.
        score: 0 to 1.
        rings: Outer ring and holes [px], each closed.
        doubtful: True where a person should look twice.
        domain_distance: See `FoundObject`.
        figures: See `FoundObject`.
    """

    class_key: str
    score: float
    rings: Rings
    doubtful: bool
    domain_distance: float | None
    figures: tuple[tuple[str, float], ...]

    def found(self, file: DetectionFile) -> FoundObject:
        """Return it as it is counted."""
        polygon = Polygon(self.rings[0], self.rings[1:])
        pixel_m2 = (file.info.pixel_width_m or 0.0) * (file.info.pixel_height_m or 0.0)
        return FoundObject(
            object_id=0,
            class_key=self.class_key,
            score=self.score,
            polygon=polygon,
            area_px=polygon.area,
            area_m2=polygon.area * pixel_m2,
            bbox_px=polygon.bounds,
            doubtful=self.doubtful,
            domain_distance=self.domain_distance,
            figures=self.figures,
        )


@dataclass(frozen=True, slots=True)
class DetectionFile:
    """Content of the file.

    Args:
        format: Version of this format.
        info: The image.
        recipe: What was looked for, whole: a later version of the recipe changes no old result.
        findings: Result of the checks.
        nodata_share: Share of the image without data, 0 to 1.
        threshold: Least score of a find unless a person says otherwise.
        model: The model that was asked; None where the recipe has none.
        model_gsd_m: Ground sampling distance of the tiles [m].
        area_px: Polygons that count, each its outer ring and its holes [px]; None for all.
        tiles: Finds of every tile that has a result.
        failed: The other tiles.
        whole: Objects at any score that a method made whole; None where the model finds parts.
        inputs: Name and SHA-256 of each other file that took part.
    """

    format: Literal[1]
    info: RasterInfo
    recipe: Recipe
    findings: tuple[Finding, ...]
    nodata_share: float
    threshold: float
    model: ModelUse | None
    model_gsd_m: float
    area_px: tuple[Rings, ...] | None
    tiles: tuple[TileFinds, ...]
    failed: tuple[FailedTile, ...]
    whole: tuple[WholeObject, ...] | None = None
    inputs: tuple[tuple[str, str], ...] = ()

    def analysis(self) -> Analysis:
        """Return the same as an object that can be counted."""
        area = None if self.area_px is None else _area(self.area_px)
        plan = plan_run(self.info, self.recipe, gsd_m=self.model_gsd_m, area_px=area)
        return Analysis(
            info=self.info,
            nodata_share=self.nodata_share,
            recipe=self.recipe,
            findings=self.findings,
            threshold=self.threshold,
            detection=collect(plan, self.tiles, self.failed, self.model),
            area_px=area,
            whole=None if self.whole is None else tuple(one.found(self) for one in self.whole),
            inputs=self.inputs,
        )


def write_detection(content: DetectionFile) -> bytes:
    """Write the file; the same content gives the same bytes."""
    return _adapter().dump_json(content) + b"\n"


def read_detection(content: bytes) -> Analysis:
    """Read the file.

    Args:
        content: All bytes.

    Raises:
        FileDamaged: It is no such file, or one of another version.
    """
    try:
        return _adapter().validate_json(content).analysis()
    except (ValidationError, KeyError) as cause:
        raise FileDamaged(name=DETECTION_FILE) from cause


def whole_object(one: FoundObject) -> WholeObject:
    """Return an object as it stands in the file; corners keep a thousandth of a pixel."""
    return WholeObject(
        one.class_key,
        round(one.score, 6),
        tuple(
            tuple((round(x, DIGITS), round(y, DIGITS)) for x, y in ring.coords)
            for ring in (one.polygon.exterior, *one.polygon.interiors)
        ),
        one.doubtful,
        one.domain_distance,
        tuple((key, round(value, 6)) for key, value in one.figures),
    )


def area_rings(area: MultiPolygon | None) -> tuple[Rings, ...] | None:
    """Return an area as plain numbers."""
    if area is None:
        return None
    return tuple(
        tuple(tuple((x, y) for x, y in ring.coords) for ring in (one.exterior, *one.interiors))
        for one in area.geoms
    )


def _area(polygons: Sequence[Rings]) -> MultiPolygon:
    return MultiPolygon([Polygon(rings[0], rings[1:]) for rings in polygons])


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[DetectionFile]:
    return TypeAdapter(DetectionFile)
