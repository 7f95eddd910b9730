"""`python -m apps.aviary.evaluate` measures the recipes and writes `evaluation.json`.

Rendered test scenes, which no model was trained on, give figures of known truth; the figure on real
images is copied from the model's card and marked as copied.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from apps.aviary.evaluation.classes import measure_classes
from apps.aviary.evaluation.runtime import SIDE_M, measure_runtime
from apps.aviary.evaluation.solar import measure_solar
from apps.aviary.outputs import to_json
from apps.aviary.recipes import find_recipe
from shared import __version__
from shared.clients.catalog import find_entry
from shared.clients.model_server import ModelServerClient
from shared.clients.server_process import start_model_server
from shared.contracts.model_catalog import CatalogEntry
from shared.errors import ModelMissing, ModelServerError
from shared.settings import Settings, get_settings

COMMAND = "python -m apps.aviary.evaluate"
OUT = Path(__file__).resolve().parent / "evaluation.json"
SCENES, QUICK_SCENES = 200, 20
QUICK_SIDE_M = 300
NO_SERVER = 3
REAL_METRIC = "AP50"

Json = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write the file.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    parser = argparse.ArgumentParser(prog=COMMAND)
    help_text = f"{QUICK_SCENES} statt {SCENES} Szenen, {QUICK_SIDE_M} statt {SIDE_M} m Seite"
    parser.add_argument("--quick", action="store_true", help=help_text)
    parser.add_argument("--date", type=date.fromisoformat, default=date.today())
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args(arguments)
    size = (QUICK_SCENES, QUICK_SIDE_M) if options.quick else (SCENES, SIDE_M)
    command = f"{COMMAND} --quick" if options.quick else COMMAND
    try:
        with tempfile.TemporaryDirectory(prefix="urbanki-") as name:
            own = get_settings().model_copy(update={"data_dir": Path(name)})
            with start_model_server(own) as server:
                content = evaluate(server.settings, *size, options.date, command)
    except (ModelServerError, ModelMissing) as error:
        sys.stderr.write(f"{error} {error.remedy}\n")
        return NO_SERVER
    options.out.write_text(to_json(content), encoding="utf-8")
    sys.stdout.write(to_json(content))
    return 0


def evaluate(
    settings: Settings, scenes: int, side_m: int, measured_on: date, command: str = COMMAND
) -> Json:
    """Measure rendered test scenes and a square of the demo city.

    Args:
        settings: Lead to a model server that answers, and to a data folder without a cache.
        scenes: Number of scenes for each question; half as many of the extreme ones.
        side_m: Length of the side of the square [m], whole blocks of 100 m.
        measured_on: Day of the measurement.
        command: What repeats it.

    Raises:
        ModelServerError: The model server cannot answer.
        ModelMissing: It has no model for the recipe `solar`.
        RuntimeError: A run failed.
    """
    recipe = find_recipe("solar")
    with ModelServerClient(settings) as client:
        entry = find_entry(client.models(), recipe.model)
    if entry is None:
        raise ModelMissing(model=recipe.model)
    measures: Json = {
        "landcover": measure_classes(settings, "test", scenes).summary(),
        "landcover_extreme": measure_classes(settings, "extreme", scenes // 2).summary(),
        "solar": measure_solar(settings, scenes).summary(),
        "runtime": measure_runtime(settings, side_m),
    }
    figures = [*_of_classes(measures), *_of_solar(measures["solar"]), *_of_runtime(measures)]
    common = {"command": command, "measured_on": measured_on.isoformat()}
    return {
        "figures": [common | figure for figure in (*_copied(entry), *figures)],
        "measures": measures,
        "software_version": __version__,
    }


def _copied(entry: CatalogEntry) -> list[Json]:
    """Copy the figure on real images from the model's card."""
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


def _of_classes(measures: Json) -> list[Json]:
    figures = []
    for key, german, english in (
        ("landcover", "künstliche Szenen", "rendered scenes"),
        ("landcover_extreme", "künstliche Szenen mit harten Bedingungen", "rendered hard scenes"),
    ):
        one = measures[key]
        data = {
            "data": f"{one['scenes']} {german}, 20 cm je Bildpunkt, Modell {one['model']}",
            "data_en": f"{one['scenes']} {english}, 20 cm per pixel, model {one['model']}",
            "digits": 2,
            "items": one["scenes"],
        }
        figures.append(
            data
            | {
                "name": "Landbedeckung: mittlere Übereinstimmung der Klassen (mIoU)",
                "name_en": "Land cover: mean overlap of the classes (mIoU)",
                "value": one["mean_iou"],
            }
        )
    one = measures["landcover"]
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


def _of_solar(one: Json) -> list[Json]:
    data = {
        "data": f"{one['scenes']} künstliche Szenen, {one['installations']} Anlagen ab 5 m²",
        "data_en": f"{one['scenes']} rendered scenes, {one['installations']} units from 5 m²",
        "items": max(1, one["installations"]),
    }
    rows = (
        ("Solaranlagen: Trefferquote", "Solar: recall", "recall", "percent", 0),
        ("Solaranlagen: Anteil richtiger Funde", "Solar: precision", "precision", "percent", 0),
        ("Solaranlagen: F1", "Solar: F1", "f1", "", 2),
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
    return [
        data | {"name": name, "name_en": name_en, "value": one[key], "unit": unit, "digits": digits}
        for name, name_en, key, unit, digits in rows
        if one[key] is not None
    ]


def _of_runtime(measures: Json) -> list[Json]:
    one = measures["runtime"]
    data = {
        "data": f"{one['square_km']} km² Musterstadt, 20 cm je Bildpunkt",
        "data_en": f"{one['square_km']} km² of Musterstadt, 20 cm per pixel",
        "items": 1,
    }
    rows = (
        ("Dauer je km² [s]", "Duration per km² [s]", "seconds_per_square_km", 0),
        ("Zweiter Lauf schneller um den Faktor", "Second run faster by", "second_run_faster", 0),
        ("Arbeitsspeicher [MiB]", "Memory [MiB]", "peak_mib", 0),
    )
    return [
        data | {"name": name, "name_en": name_en, "value": one[key], "unit": "", "digits": digits}
        for name, name_en, key, digits in rows
    ]


if __name__ == "__main__":
    sys.exit(main())
