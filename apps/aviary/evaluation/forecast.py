"""How well the preview foretells the duration of a run: both as the page does them."""

from __future__ import annotations

import base64
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.aviary.evaluation.runtime import GSD_M, write_square
from apps.aviary.evaluation.squares import musterstadt
from apps.aviary.evaluation.town_runs import (
    installation,
    keep_image,
    order_run,
    seconds_until_done,
)
from apps.aviary.inputs.image_check import cut_out_tiff, look_over
from apps.aviary.parameters import make_parameters
from apps.aviary.pinned import PinnedModel, pin_model
from apps.aviary.plan import plan_run
from apps.aviary.preview import preview_box, try_out
from apps.aviary.recipes import Recipe, find_recipe
from shared.clients.model_server import ModelServerClient
from shared.geo.raster import OpenOptions

RECIPE = "landcover"


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the preview said about a run: tiles and seconds."""

    tiles: int
    seconds: float


def measure_forecast(side_m: int) -> dict[str, Any]:
    """Take a preview of a square, order its run, and compare both durations.

    Args:
        side_m: Length of its side [m], whole blocks of 100 m.

    Raises:
        ModelServerError: The model server cannot answer.
        TrialStuck: The run did not end, or not well.
    """
    recipe = find_recipe(RECIPE)
    with tempfile.TemporaryDirectory(prefix="urbanki-") as name:
        image = Path(name) / "square.tif"
        write_square(musterstadt(), image, side_m)
        with installation(Path(name) / "installation") as trial:
            with ModelServerClient(trial.settings) as client:
                model = pin_model(client, recipe)
                told = take_preview(image, recipe, model, client, trial.settings.job_workers)
            run = order_run(trial, keep_image(trial, image), recipe, model)
            took_s = seconds_until_done(trial, run.id)
    return {
        "square_km": (side_m / 1000) ** 2,
        "gsd_m": GSD_M,
        "recipe": RECIPE,
        "tiles": told.tiles,
        "forecast_s": round(told.seconds, 1),
        "run_s": round(took_s, 1),
        "error": round(abs(told.seconds / took_s - 1), 4),
    }


def take_preview(
    image: Path, recipe: Recipe, model: PinnedModel, client: ModelServerClient, at_once: int
) -> Forecast:
    """Work on two tiles in the middle of an image and foretell the rest, as the page does.

    Args:
        image: The image; it has a place on the map.
        recipe: What is looked for.
        model: The model that answers.
        client: Its server.
        at_once: Tiles that a run works on at the same time.
    """
    content, options = image.read_bytes(), OpenOptions()
    info = look_over(content, recipe, options, name=image.name, force=False).info
    box = preview_box(info, recipe, model.gsd_m, None)
    part = image.with_name("preview.tif")
    part.write_bytes(
        base64.b64decode(cut_out_tiff(content, recipe, options, name=image.name, box=box))
    )
    parameters = make_parameters(recipe, model, options, force=False, use_cache=False)
    preview = try_out(part, {}, parameters, client, at_once=at_once, clock=time.monotonic)
    tiles = len(plan_run(info, recipe, gsd_m=model.gsd_m).tiles)
    return Forecast(tiles, preview.pace.forecast_s(tiles, info.megapixels))
