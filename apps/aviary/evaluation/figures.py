"""What was measured, as the figures that cards and Steckbrief show in German and English."""

from __future__ import annotations

from typing import Any

from shared.contracts.model_catalog import CatalogEntry

REAL_METRIC = "AP50"

Json = dict[str, Any]


_SCENES = (
    ("landcover", "künstliche Szenen", "rendered scenes"),
    ("landcover_extreme", "künstliche Szenen mit harten Bedingungen", "rendered hard scenes"),
)


def class_figures(measures: Json) -> list[Json]:
    """Return the figures on land cover.

    Args:
        measures: Hold `landcover` and `landcover_extreme`.
    """
    figures = [_class_overlap(measures[key], *words) for key, *words in _SCENES]
    one = measures["landcover"]
    figures.append(
        {
            "name": "Landbedeckung: Abweichung der genannten Sicherheit (ECE)",
            "name_en": "Land cover: error of the stated confidence (ECE)",
            "value": one["expected_calibration_error"],
            "digits": 3,
            "data": f"{one['scenes']} künstliche Szenen, Modell {one['model']}",
            "data_en": f"{one['scenes']} rendered scenes, model {one['model']}",
            "items": one["scenes"],
        }
    )
    share = one["sealed_share"]
    figures.append(
        {
            "name": "Versiegelter Anteil je Grundstück: mittlere Abweichung",
            "name_en": "Sealed share per plot: mean deviation",
            "value": share["mean_absolute_error"],
            "unit": "percent",
            "digits": 1,
            "data": f"{share['polygons']} Flächen von 200 bis 2.000 m², künstliche Szenen",
            "data_en": f"{share['polygons']} areas of 200 to 2,000 m², rendered scenes",
            "items": share["polygons"],
        }
    )
    return figures


def _class_overlap(one: Json, german: str, english: str) -> Json:
    return {
        "data": f"{one['scenes']} {german}, 20 cm je Bildpunkt, Modell {one['model']}",
        "data_en": f"{one['scenes']} {english}, 20 cm per pixel, model {one['model']}",
        "digits": 2,
        "items": one["scenes"],
        "name": "Landbedeckung: mittlere Übereinstimmung der Klassen (mIoU)",
        "name_en": "Land cover: mean overlap of the classes (mIoU)",
        "value": one["mean_iou"],
    }


def copied_figures(entry: CatalogEntry) -> list[Json]:
    """Copy the figure on real images from the card of the solar model; none where it has none.

    Args:
        entry: The model in the catalogue.
    """
    metric = next((one for one in entry.metrics if one.name.startswith(REAL_METRIC)), None)
    if metric is None:
        return []
    return [
        {
            "name": "Solaranlagen auf echten Luftbildern (AP50, aus der Modellkarte übernommen)",
            "name_en": "Solar installations on real aerial images (AP50, copied from the card)",
            "value": metric.value,
            "digits": 2,
            "interval_95": metric.interval_95,
            "data": metric.data,
            "data_en": "solar_tiles_train; tiles that the respective model had not seen",
            "items": metric.items,
            "command": metric.command,
            "measured_on": metric.measured_on,
            "copied_from": f"{entry.name} {entry.version} {metric.name}",
        }
    ]


def solar_figures(one: Json) -> list[Json]:
    """Return the figures on rendered solar installations.

    Args:
        one: Summary of `SolarFigures`.
    """
    data = {
        "data": f"{one['scenes']} künstliche Szenen, {one['installations']} Anlagen ab 5 m²",
        "data_en": f"{one['scenes']} rendered scenes, {one['installations']} units from 5 m²",
        "items": max(1, one["installations"]),
    }
    rows = (
        ("Solaranlagen: Trefferquote", "Solar: recall", "recall", "percent", 0),
        ("Solaranlagen: Anteil richtiger Funde", "Solar: precision", "precision", "percent", 0),
        ("Solaranlagen: F1", "Solar: F1", "f1", "", 2),
        (
            "Solaranlagen: mittlere Genauigkeit (AP50)",
            "Solar: average precision (AP50)",
            "average_precision_50",
            "",
            2,
        ),
        ("Solaranlagen: Übereinstimmung (IoU)", "Solar: overlap (IoU)", "pixel_iou", "", 2),
        ("Solaranlagen: Flächenfehler", "Solar: area error", "area_error", "percent", 0),
        (
            "Solaranlagen: Fehlalarme je Hektar ohne Anlagen",
            "Solar: false alarms per hectare without installations",
            "false_per_hectare_without_solar",
            "",
            1,
        ),
    )
    figures = _rows(rows, one, data)
    for figure in figures:
        if figure["name_en"] == "Solar: recall":
            figure["interval_95"] = one["recall_interval_95"]
    return figures


def change_figures(one: Json) -> list[Json]:
    """Return the figures on changes between the two flights of Musterstadt.

    Args:
        one: What `measure_change` returned.
    """
    data = {
        "data": f"{one['squares']} Quadrate von 25 ha der Musterstadt, beide Jahrgänge, "
        f"{one['visible']} sichtbare Ereignisse, Modell {one['model']}",
        "data_en": f"{one['squares']} squares of 25 ha of Musterstadt, both vintages, "
        f"{one['visible']} visible events, model {one['model']}",
        "items": max(1, one["visible"]),
    }
    rows = (
        (
            "Veränderungen: gefundene Ereignisse ab 10 m²",
            "Changes: events found, from 10 m²",
            "recall",
            "percent",
            0,
        ),
        (
            "Veränderungen: richtiger Anteil der gemeldeten Fläche",
            "Changes: right share of the reported area",
            "precision_by_area",
            "percent",
            0,
        ),
        (
            "Veränderungen: Fehlalarme je Hektar auf Grundstücken ohne Ereignis",
            "Changes: false alarms per hectare on plots without event",
            "false_per_hectare_without_event",
            "",
            1,
        ),
    )
    figures = _rows(rows, one, data)
    for figure in figures:
        if figure["name_en"].startswith("Changes: events found"):
            figure["interval_95"] = one["recall_interval_95"]
    return figures


def runtime_figures(one: Json) -> list[Json]:
    """Return the figures on speed, cache, memory and tiling.

    Args:
        one: What `measure_runtime` returned.
    """
    rows = (
        ("Dauer je km² [s]", "Duration per km² [s]", "seconds_per_square_km", "", 0),
        (
            "Zweiter Lauf schneller um den Faktor",
            "Second run faster by",
            "second_run_faster",
            "",
            0,
        ),
        ("Arbeitsspeicher [MiB]", "Memory [MiB]", "peak_mib", "", 0),
        (
            "Bildpunkte, die bei anderer Kachelung anders sind",
            "Pixels that differ with other tiles",
            "tiles_disagree",
            "percent",
            3,
        ),
    )
    return _rows(rows, one, _square(one))


def forecast_figures(one: Json) -> list[Json]:
    """Return how well the preview foretells the duration.

    Args:
        one: What `measure_forecast` returned.
    """
    rows = (
        (
            "Vorhersage der Dauer nach der Vorschau: Abweichung",
            "Forecast of the duration after the preview: deviation",
            "error",
            "percent",
            0,
        ),
    )
    return _rows(rows, one, _square(one))


def _square(one: Json) -> Json:
    return {
        "data": f"{one['square_km']} km² Musterstadt, 20 cm je Bildpunkt",
        "data_en": f"{one['square_km']} km² of Musterstadt, 20 cm per pixel",
        "items": 1,
    }


def _rows(rows: tuple[tuple[str, str, str, str, int], ...], one: Json, data: Json) -> list[Json]:
    """Return a figure for each row whose value is known.

    Args:
        rows: German name, English name, key of the value, unit, digits.
        one: Values by key.
        data: What all figures share.
    """
    return [
        data | {"name": name, "name_en": name_en, "value": one[key], "unit": unit, "digits": digits}
        for name, name_en, key, unit, digits in rows
        if one[key] is not None
    ]
