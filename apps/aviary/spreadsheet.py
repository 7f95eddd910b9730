"""The found objects as a CSV file that German Excel opens by double click."""

from __future__ import annotations

from apps.aviary.analysis import Analysis, Result
from shared.report.csv_out import Cell, write_csv

COLUMNS = (
    "Nr.",
    "Art",
    "Sicherheit",
    "zweifelhaft",
    "Fläche m²",
    "Fläche Bildpunkte",
    "links",
    "oben",
    "rechts",
    "unten",
    "Bild",
    "Bild SHA-256",
    "Modell",
    "Schwelle",
    "Hinweis",
)


def objects_csv(analysis: Analysis, result: Result, *, threshold: float, note: str) -> bytes:
    """Write one row per object: semicolons, decimal commas, UTF-8 with byte order mark.

    Args:
        analysis: The image after the model looked at it.
        result: Objects and totals for the threshold.
        threshold: Least score of the reported objects.
        note: What every reader must know, for example that the image is invented.
    """
    model = analysis.detection.model
    used = f"{model.name} {model.version} {model.sha256[:12]}" if model else analysis.recipe.model
    info = analysis.info
    rows: list[tuple[Cell, ...]] = [
        (
            one.object_id,
            analysis.recipe.title(one.class_key),
            round(one.score, 4),
            one.doubtful,
            round(one.area_m2, 2),
            round(one.area_px, 1),
            *(round(edge, 1) for edge in one.bbox_px),
            info.name,
            info.sha256,
            used,
            threshold,
            note,
        )
        for one in result.objects
    ]
    return write_csv(COLUMNS, rows)
