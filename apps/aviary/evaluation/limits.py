"""Limits that a run must keep: memory, seams, a second look, the time until it stops."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from apps.aviary.evaluation.again import measure_command, measure_job
from apps.aviary.evaluation.runtime import GSD_M, timed_run, write_square
from apps.aviary.evaluation.scenes import start_recipe
from apps.aviary.evaluation.seams import measure_seams
from apps.aviary.evaluation.squares import musterstadt
from apps.aviary.evaluation.town_runs import installation, keep_image, order_run
from apps.aviary.painted.endurance_image import write_image
from apps.aviary.pinned import pin_model
from apps.aviary.recipes import find_recipe
from shared.clients.model_server import ModelServerClient
from shared.clients.server_process import start_model_server
from shared.jobs.trial import PRINCIPAL, Trial, wait_until
from shared.jobs.trial_processes import MemoryWatch
from shared.settings import Settings
from shared.store import runs

MEMORY_MIB = 1536
DISAGREE = 0.001
FASTER = 20.0
STOP_WITHIN_S = 5.0
PROGRESS_WITHIN_S = 300.0
STOPPED = 4
"""Exit code of a command that was stopped."""

Json = dict[str, Any]


def check_memory(settings: Settings, folder: Path, side_px: int, recipes: Sequence[str]) -> Json:
    """Run recipes over a large painted image, and watch the memory of command and model server.

    Args:
        settings: Their data folder holds the cache.
        folder: Takes image and results.
        side_px: Columns and rows of the image.
        recipes: Names of recipes that need no file beside the image.

    Raises:
        RuntimeError: The command failed.
    """
    image, runs_of = folder / "image.tif", {}
    write_image(image, side_px)
    with start_model_server(settings) as server:
        family = psutil.Process(server.process_id)
        watch = MemoryWatch(lambda: {"server": [family, *family.children(recursive=True)]})
        with watch:
            for name in recipes:
                words = ["--recipe", name, "--image", str(image), "--out", str(folder / name)]
                one = timed_run(server.settings, words)
                runs_of[name] = {
                    "seconds": round(one.seconds, 1),
                    "peak_mib": round(one.peak_bytes / 2**20),
                }
    peaks = [one["peak_mib"] for one in runs_of.values()]
    return {
        "side_px": side_px,
        "recipes": runs_of,
        "largest_server_process_mib": watch.peaks_mib["server"],
        "limit_mib": MEMORY_MIB,
        "within_limit": max(*peaks, watch.peaks_mib["server"]) <= MEMORY_MIB,
    }


def check_seams(settings: Settings, folder: Path, side_px: int, recipes: Sequence[str]) -> Json:
    """Compare tiled and whole on a square of Musterstadt, and look for polygons that were cut.

    Args:
        settings: Their data folder holds the cache.
        folder: Takes image and results.
        side_px: Columns and rows of the image, whole blocks of 500.
        recipes: Recipes whose polygons are looked at.

    Raises:
        RuntimeError: The command failed.
    """
    image = _square(folder, side_px)
    with start_model_server(settings) as server:
        found = measure_seams(server.settings, image, folder, recipes)
    is_whole = found["tiled_differs_from_whole"] <= DISAGREE
    none_cut = not any(found["polygons_cut_at_tiles"].values())
    return {**found, "limit": DISAGREE, "within_limit": is_whole and none_cut}


def check_again(settings: Settings, folder: Path, side_px: int, recipes: Sequence[str]) -> Json:
    """Give each order twice, to the command and to the service of jobs.

    Args:
        settings: Those of this process; their data folder holds the cache.
        folder: Takes image and results.
        side_px: Columns and rows of a square of Musterstadt, whole blocks of 500.
        recipes: Names of recipes that need no file beside the image.

    Raises:
        RuntimeError: The command failed.
        TrialStuck: A job did not end, or not well.
    """
    image = _square(folder, side_px)
    command, job = {}, {}
    with start_model_server(settings) as server:
        for name in recipes:
            command[name] = measure_command(server.settings, image, name, folder)
    with installation(folder / "installation") as trial:
        for name in recipes:
            job[name] = measure_job(trial, image, name)
    calls = sum(one["moved_threshold_model_calls"] for one in command.values())
    factors = [one["faster"] for one in (*command.values(), *job.values())]
    return {
        "side_px": side_px,
        "command": command,
        "job": job,
        "limit": FASTER,
        "within_limit": min(factors) >= FASTER and calls == 0,
    }


def check_cancel(settings: Settings, folder: Path, side_px: int, recipes: Sequence[str]) -> Json:
    """Stop a run of the command and one of the service of jobs while they work.

    Args:
        settings: Their data folder holds the cache.
        folder: Takes image and results.
        side_px: Columns and rows of a painted image.
        recipes: Names of recipes that need no file beside the image.

    Raises:
        TrialStuck: A run did not begin or not stop.
    """
    image, took = folder / "image.tif", {}
    write_image(image, side_px)
    with installation(folder / "installation") as trial:
        for name in recipes:
            took[f"{name}, job"] = _cancel_job(trial, image, name)
    with start_model_server(settings) as server:
        for name in recipes:
            words = ["--recipe", name, "--image", str(image), "--out", str(folder / name)]
            took[f"{name}, command"] = _stop_command(server.settings, words)
    return {
        "side_px": side_px,
        "stopped_after_s": took,
        "limit_s": STOP_WITHIN_S,
        "within_limit": max(took.values()) <= STOP_WITHIN_S,
    }


def _square(folder: Path, side_px: int) -> Path:
    image = folder / "square.tif"
    write_square(musterstadt(), image, round(side_px * GSD_M))
    return image


def _cancel_job(trial: Trial, image: Path, name: str) -> float:
    recipe = find_recipe(name)
    with ModelServerClient(trial.settings) as client:
        model = pin_model(client, recipe)
    ordered = order_run(trial, keep_image(trial, image), recipe, model)
    wait_until(
        lambda: trial.look(ordered.id).units_done > 0, PROGRESS_WITHIN_S, "no tile was finished"
    )
    began = time.monotonic()
    runs.request_cancel(PRINCIPAL, trial.store, ordered.id, now=datetime.now(UTC))
    trial.wait_run(ordered.id, PROGRESS_WITHIN_S, states=("cancelled",))
    return round(time.monotonic() - began, 2)


def _stop_command(settings: Settings, words: list[str]) -> float:
    """Stop the command as Ctrl+C does, as soon as a tile lies in the cache."""
    tiles = settings.data_dir / "cache"
    before = _count(tiles)
    with start_recipe(settings, words) as process:
        wait_until(lambda: _count(tiles) > before, PROGRESS_WITHIN_S, "no tile was finished")
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=PROGRESS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        took_s = time.monotonic() - began
    if process.returncode != STOPPED:
        message = f"aviary ended with {process.returncode} instead of {STOPPED}"
        raise RuntimeError(message)
    return round(took_s, 2)


def _count(folder: Path) -> int:
    return sum(len(files) for _, _, files in os.walk(folder))
