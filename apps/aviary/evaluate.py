"""`python -m apps.aviary.evaluate` measures the recipe and writes `evaluation.json`.

Painted scenes with known truth give figures of this software; the figure on real images is copied
from the model's card and marked as copied.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from shapely.geometry import box

from apps.aviary.analysis import count
from apps.aviary.headless import analyse
from apps.aviary.outputs import objects_geojson, to_json
from apps.aviary.recipes import Recipe, find_recipe
from apps.aviary.sample import SAMPLE_GSD_M, SAMPLE_NAME, SampleScene, render_sample, sample_png
from shared import __version__
from shared.clients.catalog import find_entry
from shared.clients.model_server import ModelServerClient
from shared.clients.server_process import ensure_model_server
from shared.contracts.model_catalog import CatalogEntry
from shared.errors import ModelMissing, ModelServerError
from shared.geo.metrics import Matches, average_precision, match_objects, wilson_interval
from shared.geo.raster import OpenOptions
from shared.settings import get_settings

COMMAND = "python -m apps.aviary.evaluate"
OUT = Path(__file__).resolve().parent / "evaluation.json"
FIRST_SEED = 1001
SCENES, QUICK_SCENES = 10, 2
LOWEST_SCORE = 0.01
HIT_IOU = 0.5
NO_SERVER = 3
REAL_METRIC = "AP50"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SceneMeasure:
    """What was measured on one painted scene.

    Args:
        scores: Scores of all finds from 0.01 on.
        hits: Whether each of them is true (box IoU 0.5).
        truth: Number of painted arrays.
        at_threshold: Matches at the calibrated threshold.
        found_m2: Area found at the threshold [m2].
        true_m2: Painted area [m2].
        hectares: Ground area of the scene.
        seconds_per_tile: Duration of the run divided by its tiles.
        repeated: True where a second run gave the same bytes.
    """

    scores: tuple[float, ...]
    hits: tuple[bool, ...]
    truth: int
    at_threshold: Matches
    found_m2: float
    true_m2: float
    hectares: float
    seconds_per_tile: float
    repeated: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write the file.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    parser = argparse.ArgumentParser(prog=COMMAND)
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK_SCENES} statt {SCENES} Szenen"
    )
    parser.add_argument("--date", type=date.fromisoformat, default=date.today())
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args(arguments)
    try:
        with (
            ensure_model_server(get_settings()) as server,
            ModelServerClient(server.settings) as client,
        ):
            content = evaluate(client, QUICK_SCENES if options.quick else SCENES, options.date)
    except (ModelServerError, ModelMissing) as error:
        sys.stderr.write(f"{error} {error.remedy}\n")
        return NO_SERVER
    options.out.write_text(to_json(content), encoding="utf-8")
    sys.stdout.write(to_json(content))
    return 0


def evaluate(client: ModelServerClient, scenes: int, measured_on: date) -> Json:
    """Measure painted scenes with and without solar arrays.

    Args:
        client: Open client of the model server.
        scenes: Number of scenes of each kind.
        measured_on: Day of the measurement.

    Raises:
        ModelServerError: The model server cannot answer.
        ModelMissing: It has no model for the recipe.
    """
    recipe = find_recipe("solar")
    entry = find_entry(client.models(), recipe.model)
    if entry is None:
        raise ModelMissing(model=recipe.model)
    seeds = range(FIRST_SEED, FIRST_SEED + scenes)
    solar = [measure(client, recipe, render_sample(seed)) for seed in seeds]
    bare = [measure(client, recipe, render_sample(seed, with_solar=False)) for seed in seeds]
    return {
        "figures": [
            figure | {"measured_on": figure.get("measured_on", measured_on.isoformat())}
            for figure in (*_copied(entry), *_painted(solar), *_alarms(bare))
        ],
        "model": {"name": entry.name, "version": entry.version, "sha256": entry.sha256},
        "recipe": {"id": recipe.recipe_id, "version": recipe.version},
        "seconds_per_tile": round(sum(one.seconds_per_tile for one in solar) / len(solar), 3),
        "same_bytes_on_repeat": all(one.repeated for one in solar),
        "seeds": [seeds.start, seeds.stop - 1],
        "software_version": __version__,
    }


def measure(client: ModelServerClient, recipe: Recipe, scene: SampleScene) -> SceneMeasure:
    """Run the recipe twice over a painted scene and compare with what was painted.

    Args:
        client: Open client of the model server.
        recipe: What is looked for.
        scene: Image with its truth.
    """
    with tempfile.TemporaryDirectory(prefix="urbanki-") as folder:
        image = Path(folder) / SAMPLE_NAME
        image.write_bytes(sample_png(scene))
        options = OpenOptions(gsd_m=SAMPLE_GSD_M)
        started = time.monotonic()
        analyses = [analyse(image, recipe, lambda: client, options) for _ in range(2)]
        seconds = (time.monotonic() - started) / 2
    analysis = analyses[0]
    every = count(analysis, threshold=LOWEST_SCORE, min_area_m2=0)
    chosen = count(analysis, threshold=analysis.threshold, min_area_m2=recipe.min_area_m2)
    texts = [
        objects_geojson(one, count(one, threshold=0.1, min_area_m2=0), threshold=0.1)
        for one in analyses
    ]
    truth = [box(*one.polygon.bounds) for one in scene.objects]
    scores = [one.score for one in every.objects]
    matched = match_objects([box(*one.bbox_px) for one in every.objects], scores, truth, HIT_IOU)
    return SceneMeasure(
        scores=tuple(scores),
        hits=tuple(hit is not None for hit in matched.hits),
        truth=len(truth),
        at_threshold=match_objects(
            [box(*one.bbox_px) for one in chosen.objects],
            [one.score for one in chosen.objects],
            truth,
            HIT_IOU,
        ),
        found_m2=sum(chosen.area_m2.values()),
        true_m2=sum(one.polygon.area for one in scene.objects) * SAMPLE_GSD_M**2,
        hectares=scene.rgb.shape[0] * scene.rgb.shape[1] * SAMPLE_GSD_M**2 / 10_000,
        seconds_per_tile=seconds / len(analysis.detection.plan.tiles),
        repeated=texts[0] == texts[1],
    )


def _copied(entry: CatalogEntry) -> list[Json]:
    """Copy the figure on real images from the model's card."""
    metric = next((one for one in entry.metrics if one.name.startswith(REAL_METRIC)), None)
    if metric is None:
        return []
    return [
        {
            "name": "Erkennungsgüte auf echten Luftbildern (AP50, aus der Modellkarte übernommen)",
            "name_en": "Detection quality on real aerial images (AP50, copied from the model card)",
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


def _painted(measures: Sequence[SceneMeasure]) -> list[Json]:
    scores = [score for one in measures for score in one.scores]
    hits = [hit for one in measures for hit in one.hits]
    truth = sum(one.truth for one in measures)
    correct = sum(one.at_threshold.correct for one in measures)
    finds = correct + sum(one.at_threshold.false for one in measures)
    found_m2, true_m2 = (
        sum(one.found_m2 for one in measures),
        sum(one.true_m2 for one in measures),
    )
    data = {
        "data": f"{len(measures)} künstlich gemalte Szenen mit {truth} Anlagen",
        "data_en": f"{len(measures)} painted scenes with {truth} installations",
        "command": COMMAND,
    }
    return [
        data
        | {
            "name": "Erkennungsgüte auf gemalten Szenen (AP50)",
            "name_en": "Detection quality on painted scenes (AP50)",
            "value": round(average_precision(scores, hits, truth) or 0.0, 4),
            "items": truth,
        },
        data | _share("Trefferquote", "Recall", correct, truth),
        data | _share("Anteil richtiger Funde", "Precision", correct, finds),
        data
        | {
            "name": "Flächenfehler in der Summe auf gemalten Szenen",
            "name_en": "Area error in total on painted scenes",
            "value": round(found_m2 / true_m2 - 1, 4),
            "unit": "percent",
            "digits": 0,
            "items": len(measures),
        },
    ]


def _share(name: str, name_en: str, successes: int, trials: int) -> Json:
    return {
        "name": f"{name} auf gemalten Szenen bei voreingestellter Sicherheit",
        "name_en": f"{name_en} on painted scenes at the default certainty",
        "value": round(successes / trials, 4) if trials else 0.0,
        "unit": "percent",
        "digits": 0,
        "interval_95": wilson_interval(successes, trials),
        "items": max(1, trials),
    }


def _alarms(measures: Sequence[SceneMeasure]) -> list[Json]:
    false = sum(one.at_threshold.false for one in measures)
    hectares = sum(one.hectares for one in measures)
    return [
        {
            "name": "Fehlalarme je Hektar auf gemalten Szenen ohne Anlagen",
            "name_en": "False alarms per hectare on painted scenes without installations",
            "value": round(false / hectares, 3),
            "digits": 1,
            "data": f"{len(measures)} künstlich gemalte Szenen ohne Anlagen, mit Verwechslungen",
            "data_en": f"{len(measures)} painted scenes without installations, with look-alikes",
            "items": len(measures),
            "command": COMMAND,
        }
    ]


if __name__ == "__main__":
    sys.exit(main())
