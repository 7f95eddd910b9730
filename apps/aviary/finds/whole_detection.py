"""The result of a run whose method makes whole objects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shapely import MultiPolygon

from apps.aviary.finds.detection_file import FORMAT, DetectionFile, area_rings, whole_object
from apps.aviary.finds.joining import FoundObject
from apps.aviary.finds.whole_objects import mark_doubtful
from apps.aviary.kinds.ground import stands_in
from apps.aviary.objects import FailedTile, TileFinds
from apps.aviary.work import Work
from shared.contracts.finding import Finding
from shared.contracts.provenance import ModelUse


def whole_detection(
    work: Work,
    area: MultiPolygon | None,
    found: Iterable[FoundObject],
    *,
    tiles: Sequence[TileFinds],
    failed: Sequence[FailedTile],
    nodata_share: float,
    findings: Sequence[Finding] = (),
) -> DetectionFile:
    """Put together what stands in `detection.json`.

    Args:
        work: The run.
        area: Part of the image that counts [px]; None for all of it.
        found: Its objects at any score.
        tiles: What is known about the tiles that were looked at.
        failed: The other tiles.
        nodata_share: Share of the pixels that count about which nothing is known, 0 to 1.
        findings: What the method itself has to say.
    """
    recipe, parameters, plan = work.recipe, work.parameters, work.plan()
    return DetectionFile(
        format=FORMAT,
        info=work.image.info,
        recipe=recipe,
        findings=(
            *work.image.check(recipe, force=parameters.force),
            *findings,
            *stands_in(work),
        ),
        nodata_share=nodata_share,
        threshold=recipe.threshold,
        model=ModelUse(parameters.model, parameters.model_version, parameters.model_sha256),
        model_gsd_m=plan.gsd_m,
        area_px=area_rings(area),
        tiles=tuple(tiles),
        failed=tuple(failed),
        whole=tuple(whole_object(one) for one in mark_doubtful(found, plan, tiles, recipe)),
    )
