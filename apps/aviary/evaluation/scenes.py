"""Rendered test scenes of Musterstadt as files, and the headless command run on them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from shared.demo_city import SceneSettings, render_scene
from shared.settings import REPOSITORY, Settings

Split = Literal["test", "extreme"]
FIRST_SEEDS: dict[Split, int] = {"test": 950_000, "extreme": 990_000}
RUN_WITHIN_S = 1800
Codes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class TestScene:
    """A rendered scene and what is known about it.

    Args:
        stem: Name of its image without ending.
        size_px: Width and height [px].
        gsd_m: Ground sampling distance [m].
        labels: True land cover of each pixel, 255 where the image has no data.
        solar: True kind of solar unit of each pixel, 0 none, 255 no data.
        objects: Polygons [px] with `solar` and `visible`.
    """

    stem: str
    size_px: int
    gsd_m: float
    labels: Codes
    solar: Codes
    objects: gpd.GeoDataFrame


def write_scenes(
    folder: Path, split: Split, count: int, *, gsd_m: float, size_px: int, first: int = 0
) -> Iterator[TestScene]:
    """Render scenes, write their images as PNG and yield what is known about them.

    Args:
        folder: Existing folder for the images.
        split: Which side.
        count: Number of scenes.
        gsd_m: Ground sampling distance [m].
        size_px: Width and height [px].
        first: Seeds to skip.
    """
    start = FIRST_SEEDS[split] + first
    for seed in range(start, start + count):
        scene = render_scene(SceneSettings(seed, split, gsd_m, size_px))
        stem = f"{split}_{seed:06d}"
        Image.fromarray(scene.window.rgbi[..., :3]).save(folder / f"{stem}.png", compress_level=1)
        valid = scene.window.valid
        yield TestScene(
            stem,
            size_px,
            gsd_m,
            np.where(valid, scene.window.labels, np.uint8(255)).astype(np.uint8),
            np.where(valid, scene.window.solar, np.uint8(255)).astype(np.uint8),
            scene.objects,
        )


def run_recipe(settings: Settings, words: Sequence[str]) -> None:
    """Run `python -m apps.aviary run` as people do.

    Args:
        settings: Lead to a model server that answers, and to a data folder.
        words: Words after `run`.

    Raises:
        RuntimeError: It failed; carries its last line.
    """
    with start_recipe(settings, words) as process:
        said = process.communicate(timeout=RUN_WITHIN_S)[1]
    if process.returncode != 0:
        lines = said.strip().splitlines()
        message = f"aviary ended with {process.returncode}: {lines[-1] if lines else ''}"
        raise RuntimeError(message)


def start_recipe(settings: Settings, words: Sequence[str]) -> subprocess.Popen[str]:
    """Start `python -m apps.aviary run`.

    Args:
        settings: Lead to a model server that answers, and to a data folder.
        words: Words after `run`.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "apps.aviary", "run", *words],
        cwd=REPOSITORY,
        env=os.environ | environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def environment(settings: Settings) -> dict[str, str]:
    """Return what leads a command to the same model server and data folder."""
    return {
        "URBANKI_DATA_DIR": str(settings.data_dir),
        "URBANKI_MODEL_SERVER_URL": settings.model_server_address,
    }


def read_codes(path: Path) -> Codes:
    """Return the codes of a `classes.png` or `confidence.png`."""
    with Image.open(path) as image:
        return np.asarray(image, dtype=np.uint8)


def read_model(folder: Path) -> str:
    """Return name and version of the model that answered for a result folder."""
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return f"{summary['model']['name']} {summary['model']['version']}"
