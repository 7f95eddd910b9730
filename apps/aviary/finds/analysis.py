"""What is known after the model looked once, and how it is counted for any threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from shapely import MultiPolygon

from apps.aviary.finds.joining import FoundObject, find_objects, in_order
from apps.aviary.finds.tile_marks import TileMarks, find_marks
from apps.aviary.objects import Detection
from apps.aviary.preflight import outside_checked_range
from apps.aviary.recipes import Recipe
from shared.contracts.finding import Finding
from shared.errors import (
    N_,
    InputError,
    ResolutionMissing,
    ResolutionUnsuitable,
)
from shared.geo.polygons import union_area
from shared.geo.raster import RasterInfo

BOXES_ONLY = Finding(
    "hint",
    "nur_rechtecke",
    N_("Das Modell liefert aufrechte Rechtecke, keine Umrisse."),
    N_("Flächen schräg liegender Anlagen sind dadurch zu groß."),
)


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is known about an image after the model looked at it once.

    Args:
        info: The image.
        nodata_share: Share of what counts without data, 0 to 1.
        recipe: What was looked for.
        findings: Result of the checks.
        threshold: Least score of a find unless a person says otherwise.
        detection: What the model found at any score.
        area_px: Part of the image that counts [px]; None for all of it.
        whole: Objects at any score that a method made whole; None where the model finds parts.
        inputs: Name and SHA-256 of each other file that took part.
    """

    info: RasterInfo
    nodata_share: float
    recipe: Recipe
    findings: tuple[Finding, ...]
    threshold: float
    detection: Detection
    area_px: MultiPolygon | None
    whole: tuple[FoundObject, ...] | None = None
    inputs: tuple[tuple[str, str], ...] = ()

    @property
    def complete(self) -> bool:
        """True where every tile has a result."""
        return not self.detection.failed

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Everything a reader of the result must know."""
        hints = tuple(finding for finding in self.findings if finding.level != "ok")
        return (*hints, BOXES_ONLY) if self.detection.boxes_only else hints

    @property
    def marks(self) -> TileMarks:
        """Tiles that are hatched in pictures."""
        seen = self.detection
        return find_marks(self.info, self.recipe, seen.plan.gsd_m, seen.failed, seen.unusual_tiles)

    @property
    def outside_checked_range(self) -> bool:
        """True where the resolution lies outside the recipe's range."""
        return outside_checked_range(self.info, self.recipe)


@dataclass(frozen=True, slots=True)
class Result:
    """Objects and totals for one threshold.

    Args:
        objects: Found objects, best first.
        counts: Number of objects per class key, all classes of the recipe.
        area_m2: Ground area per class key; overlapping objects count once [m2].
        share: Share of the pixels with data per class key, 0 to 1.
        mean_confidence: Mean score of the objects; None without objects.
    """

    objects: tuple[FoundObject, ...]
    counts: Mapping[str, int]
    area_m2: Mapping[str, float]
    share: Mapping[str, float]
    mean_confidence: float | None


def refuse(findings: Sequence[Finding], info: RasterInfo, recipe: Recipe) -> None:
    """Raise the error that belongs to the first finding that says stop.

    Raises:
        InputError: There is such a finding.
    """
    first = next((finding for finding in findings if finding.level == "stop"), None)
    if first is None:
        return
    errors: dict[str, InputError] = {
        ResolutionMissing.code: ResolutionMissing(),
        ResolutionUnsuitable.code: ResolutionUnsuitable(
            found=info.gsd_m or 0.0, minimum=recipe.gsd_min_m, maximum=recipe.gsd_max_m
        ),
    }
    raise errors.get(first.code, InputError(reason=first.german))


def count(analysis: Analysis, *, threshold: float, min_area_m2: float) -> Result:
    """Join what was found and count it; asks no model.

    Args:
        analysis: The image after the model looked at it.
        threshold: Least score, 0 to 1.
        min_area_m2: Least ground area [m2].
    """
    info = analysis.info
    objects = _objects(analysis, threshold, min_area_m2)
    pixel_m2 = (info.pixel_width_m or 0.0) * (info.pixel_height_m or 0.0)
    counted_px = info.width * info.height if analysis.area_px is None else analysis.area_px.area
    with_data_m2 = counted_px * pixel_m2 * (1 - analysis.nodata_share)
    keys = [one.key for one in analysis.recipe.classes]
    keys += sorted({one.class_key for one in objects} - set(keys))
    area_m2 = {
        key: union_area([one.polygon for one in objects if one.class_key == key]) * pixel_m2
        for key in keys
    }
    return Result(
        objects=objects,
        counts={key: sum(one.class_key == key for one in objects) for key in keys},
        area_m2=area_m2,
        share={key: min(1.0, area_m2[key] / with_data_m2) if with_data_m2 else 0.0 for key in keys},
        mean_confidence=float(np.mean([one.score for one in objects])) if objects else None,
    )


def _objects(analysis: Analysis, threshold: float, min_area_m2: float) -> tuple[FoundObject, ...]:
    if analysis.whole is not None:
        return in_order(
            one for one in analysis.whole if one.score >= threshold and one.area_m2 >= min_area_m2
        )
    return find_objects(
        analysis.detection,
        analysis.info,
        analysis.recipe,
        threshold=threshold,
        min_area_m2=min_area_m2,
        area_px=analysis.area_px,
    )
