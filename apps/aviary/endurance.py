"""`python -m apps.aviary.endurance`: limits that a run must keep, tried on large images.

Without another word a large image is a job while its processes are killed: an image of invented
neighbourhoods is evaluated once undisturbed, and again while every process that works on it is
ended with signal 9, one after the other: each worker, the supervisor and the model server. The page
is tried in a process of its own that takes the image as an upload. Prints JSON: whether both
results are the same to the byte, how many finished tiles each kill cost, and the most memory that
each kind of process held.

The other checks: `memory` watches the command on a larger image, `seams` compares tiled with whole
and looks for polygons that were cut, `again` gives every order twice, `cancel` stops runs. Exit
code 1 when a limit is not kept.

Everything lies in a temporary folder; the real installation is not touched.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from apps.aviary.evaluation.limits import check_again, check_cancel, check_memory, check_seams
from apps.aviary.finds.detection_file import DETECTION_FILE
from apps.aviary.jobs import RUN
from apps.aviary.painted.endurance_image import MEDIA_TYPE, write_image
from apps.aviary.parameters import PAGE_DECODED_MEGAPIXELS, make_parameters
from apps.aviary.pinned import pin_model
from apps.aviary.recipes import find_recipe
from shared.clients.model_server import ModelServerClient
from shared.contracts.jobs import StoredFile
from shared.geo.raster import OpenOptions, RasterLimits
from shared.jobs.trial import PRINCIPAL, Trial, TrialStuck, wait_until
from shared.jobs.trial_processes import MemoryWatch, ModelServerProcess, free_port
from shared.registry.manifest import load_manifest
from shared.settings import REPOSITORY, Settings, get_settings
from shared.store import artifacts, runs
from shared.store.run_views import RunOrder

SIDE_PX = 10_000
LIMIT_MIB = 1536
RUN_WITHIN_S = 3600.0
GO_ON_WITHIN_S = 180.0

Json = dict[str, Any]


class Endurance:
    """One installation with a large image.

    Args:
        trial: The installation.
        server: Its model server.
        image: The stored image.
    """

    def __init__(self, trial: Trial, server: ModelServerProcess, image: StoredFile) -> None:
        self._trial = trial
        self._server = server
        self._image = image

    def family(self) -> Mapping[str, Sequence[psutil.Process]]:
        """Return the processes that live now."""
        supervisor = self._trial.active_supervisor()
        return {
            "worker": self._trial.workers(),
            "supervisor": [] if supervisor is None else [supervisor],
            "model_server": self._server.family(),
        }

    def order(self) -> str:
        """Order the run as the page does, once more where there is an equal one."""
        recipe = find_recipe("solar")
        megapixels = load_manifest(Path(__file__).with_name("app.toml")).limits.megapixels
        limits = RasterLimits(
            decoded_megapixels=PAGE_DECODED_MEGAPIXELS, windowed_megapixels=megapixels
        )
        self._server.wait_ready()
        with ModelServerClient(self._trial.settings) as client:
            model = pin_model(client, recipe)
        order = RunOrder(
            app=RUN.app,
            job=RUN.name,
            title=self._image.name,
            inputs=(self._image,),
            parameters=make_parameters(
                recipe, model, OpenOptions(limits=limits), force=False, use_cache=False
            ),
        )
        now = datetime.now(UTC)
        return runs.submit(PRINCIPAL, self._trial.store, order, now=now, repeat=True).id

    def finish(self, run_id: str) -> Json:
        """Wait for the end of a run and describe it."""
        run = self._trial.wait_run(run_id, RUN_WITHIN_S)
        files = runs.result_files(PRINCIPAL, self._trial.store, run_id)
        began, ended = run.started_at, run.finished_at
        return {
            "state": run.state,
            "units": run.units_total,
            "failed": run.units_failed,
            "seconds": round((ended - began).total_seconds(), 1) if began and ended else None,
            "seconds_per_unit": run.seconds_per_unit,
            "detection_sha256": files[DETECTION_FILE].sha256 if DETECTION_FILE in files else None,
            "summary": run.summary,
        }

    def kill_in_turn(self, run_id: str) -> dict[str, int]:
        """Kill each process once, and wait each time until units are finished again.

        Returns:
            For each killed process how many finished tiles were lost by it.
        """
        killed: dict[str, int] = {}
        workers = len(self._trial.workers())
        for turn in range(workers):
            self._wait_for_progress(run_id)
            self._trial.wait_ready()
            killed[f"worker {turn + 1}"] = self._lost(run_id, self._trial.workers()[turn].kill)
        self._wait_for_progress(run_id)
        killed["supervisor"] = self._lost(run_id, self._trial.wait_ready().kill)
        self._trial.start_supervisor()
        self._wait_for_progress(run_id)
        killed["model server"] = self._lost(run_id, self._server.kill)
        self._server.start()
        self._wait_for_progress(run_id)
        return killed

    def _lost(self, run_id: str, kill: Callable[[], None]) -> int:
        """Kill a process and return how many finished tiles are not finished any more."""
        before = self._trial.look(run_id).units_done
        kill()
        return max(0, before - self._trial.look(run_id).units_done)

    def _wait_for_progress(self, run_id: str) -> None:
        """Wait until a twelfth of all units more is done; five turns leave enough for the end."""

        def done() -> int:
            return self._trial.look(run_id).units_done

        total = self._trial.look(run_id).units_total or 12
        wanted = done() + max(1, total // 12)
        wait_until(lambda: done() >= wanted, GO_ON_WITHIN_S, "no unit was finished any more")


@dataclass(frozen=True, slots=True)
class Check:
    """One of the checks beside the killing.

    Args:
        run: Takes settings, an empty folder, columns and rows, and names of recipes.
        side_px: Columns and rows where nobody says otherwise.
        recipes: Recipes where nobody says otherwise.
    """

    run: Callable[[Settings, Path, int, Sequence[str]], Json]
    side_px: int
    recipes: tuple[str, ...]


KILL = "kill"
CHECKS: Mapping[str, Check] = {
    "memory": Check(check_memory, 20_000, ("landcover", "buildings", "trees", "solar")),
    "seams": Check(check_seams, 5_000, ("landcover", "buildings", "trees", "solar")),
    "again": Check(check_again, 5_000, ("landcover", "solar")),
    "cancel": Check(check_cancel, 5_000, ("landcover", "solar")),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it and print what came out.

    Args:
        arguments: Words after the program's name; None takes the process's own.
    """
    parser = argparse.ArgumentParser(prog="python -m apps.aviary.endurance")
    parser.add_argument("check", nargs="?", choices=(KILL, *CHECKS), default=KILL)
    parser.add_argument("--side", type=int, default=None, help="Spalten und Zeilen des Bildes")
    parser.add_argument("--recipes", default="", help="Namen von Rezepten, mit Komma getrennt")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="urbanki-endurance-") as folder:
        if options.check == KILL:
            content = measure(Path(folder), options.side or SIDE_PX)
        else:
            content = _check(CHECKS[options.check], Path(folder), options.side, options.recipes)
    sys.stdout.write(json.dumps(content, ensure_ascii=False, indent=2) + "\n")
    return 0 if content.get("same_result", True) and content["within_limit"] else 1


def _check(check: Check, folder: Path, side_px: int | None, named: str) -> Json:
    recipes = tuple(named.split(",")) if named else check.recipes
    # Whatever works in this process keeps its cache there too.
    os.environ["URBANKI_DATA_DIR"] = str(folder / "data")
    get_settings.cache_clear()
    return check.run(get_settings(), folder, side_px or check.side_px, recipes)


def measure(folder: Path, side_px: int) -> Json:
    """Make the image and do everything.

    Args:
        folder: Empty folder for everything.
        side_px: Columns and rows of the image.

    Raises:
        TrialStuck: Something did not go on.
    """
    image = folder / "bild.tif"
    write_image(image, side_px)
    port = free_port()
    settings = {"model_server_port": port, "model_server_url": f"http://127.0.0.1:{port}"}
    with Trial(folder, settings=settings) as trial, ModelServerProcess(trial) as server:
        return _measure(trial, server, image)


def _measure(trial: Trial, server: ModelServerProcess, image: Path) -> Json:
    with image.open("rb") as stream:
        stored = artifacts.save(
            PRINCIPAL,
            trial.store,
            stream,
            name=image.name,
            media_type=MEDIA_TYPE,
            kind="upload",
            is_example=False,
            now=datetime.now(UTC),
        )
    endurance = Endurance(trial, server, stored)
    trial.start_supervisor()
    trial.wait_ready()
    with MemoryWatch(endurance.family) as watch:
        quiet = endurance.finish(endurance.order())
        disturbed_id = endurance.order()
        killed = endurance.kill_in_turn(disturbed_id)
        disturbed = endurance.finish(disturbed_id)
    page = _try_page(trial, image)
    peaks = watch.peaks_mib | {"page": page["peak_mib"]}
    return {
        "image": {"bytes": stored.bytes, "sha256": stored.sha256},
        "quiet": quiet,
        "disturbed": disturbed,
        "lost_by_kill": killed,
        "same_result": quiet["detection_sha256"] is not None
        and quiet["detection_sha256"] == disturbed["detection_sha256"]
        and not quiet["failed"]
        and not disturbed["failed"],
        "page": page,
        "peaks_mib": peaks,
        "limit_mib": LIMIT_MIB,
        "within_limit": all(held <= LIMIT_MIB for held in peaks.values()),
    }


def _try_page(trial: Trial, image: Path) -> Json:
    done = subprocess.run(
        [sys.executable, "-m", "tests.apps.aviary.endurance_page", str(image)],
        cwd=REPOSITORY,
        env=trial.variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    if not lines:
        raise TrialStuck(f"the page ended with code {done.returncode}: {done.stderr[-500:]}")
    content: Json = json.loads(lines[-1])
    return content


if __name__ == "__main__":
    sys.exit(main())
