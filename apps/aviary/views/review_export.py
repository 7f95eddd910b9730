"""Take reviewed finds along as training data."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import PurePath

from apps.aviary.finds.analysis import Result
from apps.aviary.review_export import to_coco, to_yolo
from apps.aviary.views.run import ShownRun, origin_of
from shared.contracts.provenance import LOCAL_ZONE
from shared.store.decisions import current
from shared.ui import AppContext, Download, export_bar, file_name

Write = Callable[..., bytes]


def show_review_export(
    ctx: AppContext, shown: ShownRun, result: Result, threshold: float, min_area_m2: float
) -> None:
    """Offer the reviewed finds; a file holds what is decided when somebody asks for it.

    To be called outside of what runs again after each decision: a download that is made anew while
    somebody asks for it is lost.

    Args:
        ctx: Context of the page.
        shown: The run with its result.
        result: What was found with the settings in force.
        threshold: Least score in force.
        min_area_m2: Least ground area in force [m2].
    """
    t, analysis = ctx.t, shown.analysis
    origin = origin_of(shown, ctx.tenant, threshold, min_area_m2)
    day = origin.created_at.astimezone(LOCAL_ZONE).date()
    name = partial(file_name, ctx.manifest.id, f"gesichtet-{PurePath(shown.run.title).stem}", day)

    def make(write: Write) -> bytes:
        decided = current(ctx.principal, ctx.store, shown.run.id)
        verdicts = {key: one.value for key, one in decided.items()}
        return write(analysis.info, analysis.recipe, result.objects, verdicts, origin)

    kinds: list[tuple[str, str, str, Write]] = [
        (t("Geprüfte Funde (COCO)"), "json", "application/json", to_coco),
        (t("Geprüfte Funde (YOLO)"), "zip", "application/zip", to_yolo),
    ]
    export_bar(
        ctx,
        [
            Download(label, name(ending), mime, partial(make, write))
            for label, ending, mime, write in kinds
        ],
        run_id=shown.run.id,
        note=t("Zum Trainieren von Modellen. Beide Dateien nennen ihre Herkunft."),
    )
