"""Speed, memory, cache and seams of the recipe `landcover` on a square of Musterstadt."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import rasterio
from rasterio.transform import from_origin
from rasterio.windows import Window as RasterWindow

from apps.aviary.evaluation.scenes import Codes, start_recipe
from apps.aviary.evaluation.squares import musterstadt
from shared.demo_city import CRS, DemoCity, render_window, vintages
from shared.settings import Settings

GSD_M = 0.2
SIDE_M = 1000
BLOCK_M = 100
SHIFT_PX = (168, 232)
"""Columns and rows; whole cells of the model, but other tiles."""
LOOK_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class TimedRun:
    """A run of the command: seconds by the clock and most memory of its processes [bytes]."""

    seconds: float
    peak_bytes: int


def measure_runtime(settings: Settings, side_m: int = SIDE_M) -> dict[str, Any]:
    """Map a square twice and once more with other tiles.

    Args:
        settings: Lead to a model server that answers, and to a data folder without a cache.
        side_m: Length of its side [m], whole blocks of 100 m.

    Raises:
        RuntimeError: The command failed.
    """
    with tempfile.TemporaryDirectory(prefix="urbanki-") as name:
        folder = Path(name)
        image, cut = folder / "square.tif", folder / "cut.tif"
        write_square(musterstadt(), image, side_m)
        write_cut(image, cut)
        words = ["--recipe", "landcover", "--image"]
        first = timed_run(settings, [*words, str(image), "--out", str(folder / "first")])
        second = timed_run(settings, [*words, str(image), "--out", str(folder / "second")])
        timed_run(settings, [*words, str(cut), "--out", str(folder / "cut")])
        square_km = (side_m / 1000) ** 2
        return {
            "square_km": square_km,
            "gsd_m": GSD_M,
            "seconds_per_square_km": round(first.seconds / square_km, 1),
            "peak_mib": round(max(first.peak_bytes, second.peak_bytes) / 2**20),
            "second_run_faster": round(first.seconds / second.seconds, 1),
            "tiles_disagree": round(disagreement(folder / "first", folder / "cut"), 6),
        }


def write_square(city: DemoCity, target: Path, side_m: int) -> None:
    """Write the middle of the city as a GeoTIFF without near infrared.

    Args:
        city: The city.
        target: New file.
        side_m: Length of the side [m].
    """
    east, north = city.settings.origin_m
    offset = (city.settings.size_m - side_m) // 2
    west_m, north_m = east + offset, north + offset + side_m
    side_px, block_px = round(side_m / GSD_M), round(BLOCK_M / GSD_M)
    profile = {
        "driver": "GTiff", "width": side_px, "height": side_px, "count": 3, "dtype": "uint8",
        "crs": CRS, "transform": from_origin(west_m, north_m, GSD_M, GSD_M), "tiled": True,
        "photometric": "RGB",
    }  # fmt: skip
    vintage = max(vintages(city.settings))
    with rasterio.open(target, "w", **profile) as raster:
        for down in range(0, side_m, BLOCK_M):
            for across in range(0, side_m, BLOCK_M):
                top, left = north_m - down, west_m + across
                bounds = (left, top - BLOCK_M, left + BLOCK_M, top)
                window = render_window(city, vintage, bounds, GSD_M)
                place = RasterWindow(round(across / GSD_M), round(down / GSD_M), block_px, block_px)
                raster.write(np.moveaxis(window.rgbi[..., :3], -1, 0), window=place)


def write_cut(source: Path, target: Path) -> None:
    """Write an image without its first columns and rows, so that its tiles lie elsewhere."""
    columns, rows = SHIFT_PX
    with rasterio.open(source) as raster:
        place = RasterWindow(columns, rows, raster.width - columns, raster.height - rows)
        profile = raster.profile | {
            "width": place.width,
            "height": place.height,
            "transform": raster.window_transform(place),
        }
        with rasterio.open(target, "w", **profile) as cut:
            cut.write(raster.read(window=place))


def disagreement(whole: Path, cut: Path) -> float:
    """Return the share of pixels that another tiling maps otherwise, away from the cut itself.

    Args:
        whole: Result folder of the image.
        cut: Result folder of the image without its first columns and rows.
    """
    columns, rows = SHIFT_PX
    with rasterio.open(whole / "classes.tif") as one, rasterio.open(cut / "classes.tif") as other:
        first: Codes = one.read(1)[rows:, columns:]
        second: Codes = other.read(1)
    inner = (slice(rows, None), slice(columns, None))
    return float(np.mean(first[inner] != second[inner]))


def timed_run(settings: Settings, words: list[str]) -> TimedRun:
    """Run the command and watch its memory.

    Args:
        settings: Lead to a model server that answers, and to a data folder.
        words: Words after `run`.

    Raises:
        RuntimeError: It failed.
    """
    began = time.monotonic()
    peak = 0
    with start_recipe(settings, words) as process:
        watched, said = psutil.Process(process.pid), ""
        while process.returncode is None:
            peak = max(peak, _memory(watched))
            with contextlib.suppress(subprocess.TimeoutExpired):
                said = process.communicate(timeout=LOOK_EVERY_S)[1]
    if process.returncode != 0:
        message = f"aviary ended with {process.returncode}: {said[-200:]}"
        raise RuntimeError(message)
    return TimedRun(time.monotonic() - began, peak)


def _memory(process: psutil.Process) -> int:
    total = 0
    try:
        for one in (process, *process.children(recursive=True)):
            total += one.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return total
