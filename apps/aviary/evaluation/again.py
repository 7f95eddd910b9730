"""What a second look costs: the same order again, and another threshold."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

from apps.aviary.commands.batch import collect_images, run
from apps.aviary.commands.order import Order
from apps.aviary.evaluation.runtime import timed_run
from apps.aviary.evaluation.town_runs import keep_image, order_run, seconds_until_done
from apps.aviary.pinned import pin_model
from apps.aviary.recipes import find_recipe
from shared.clients.model_server import ModelServerClient
from shared.geo.raster import OpenOptions
from shared.jobs.trial import Trial
from shared.settings import Settings

MOVED_BY = 0.2
LEAST_S = 0.001


def measure_command(settings: Settings, image: Path, name: str, folder: Path) -> dict[str, Any]:
    """Give one order twice to the command, and once more with another threshold.

    Args:
        settings: Lead to a model server that answers, and to a data folder without a cache. They
            must be those of this process.
        image: The image; it has a place on the map.
        name: Name of the recipe.
        folder: Takes the results.

    Raises:
        RuntimeError: The command failed.
    """
    recipe = find_recipe(name)
    words = ["--recipe", name, "--image", str(image), "--out"]
    first, second = (
        timed_run(settings, [*words, str(folder / f"{name}-{turn}")]) for turn in ("1", "2")
    )
    threshold = recipe.threshold - MOVED_BY if recipe.threshold > MOVED_BY else MOVED_BY
    order = Order(
        recipe=recipe,
        options=OpenOptions(),
        threshold=threshold,
        min_area_m2=recipe.min_area_m2,
        area=None,
        out=folder / f"{name}-3",
        force=False,
    )
    with (
        ModelServerClient(settings) as client,
        patch.object(client, "segment", wraps=client.segment) as asked,
    ):
        began = time.monotonic()
        run(collect_images([image]), order, lambda: client, time.monotonic)
        moved_s = time.monotonic() - began
    return {
        "first_s": round(first.seconds, 2),
        "second_s": round(second.seconds, 2),
        "faster": round(first.seconds / second.seconds, 1),
        "moved_threshold_s": round(moved_s, 2),
        "moved_threshold_model_calls": asked.call_count,
    }


def measure_job(trial: Trial, image: Path, name: str) -> dict[str, Any]:
    """Give one order twice to the service of jobs; the second finds the first one's result.

    Args:
        trial: An installation whose jobs run and whose settings lead to a model server.
        image: The image.
        name: Name of the recipe.

    Raises:
        TrialStuck: A run did not end, or not well.
    """
    recipe = find_recipe(name)
    stored = keep_image(trial, image)
    with ModelServerClient(trial.settings) as client:
        model = pin_model(client, recipe)
    began = time.monotonic()
    first = order_run(trial, stored, recipe, model)
    seconds_until_done(trial, first.id)
    between = time.monotonic()
    second = order_run(trial, stored, recipe, model)
    seconds_until_done(trial, second.id)
    ended = time.monotonic()
    repeated = order_run(trial, stored, recipe, model, repeat=True)
    return {
        "first_s": round(between - began, 2),
        "second_s": round(ended - between, 3),
        "faster": round((between - began) / max(ended - between, LEAST_S), 1),
        "same_run": first.id == second.id,
        "worked_on_anew_s": round(seconds_until_done(trial, repeated.id), 2),
    }
