"""Runs over an image in an installation of their own, ordered as the page orders them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from apps.aviary.ordering import make_order
from apps.aviary.pinned import PinnedModel
from apps.aviary.recipes import Recipe
from shared.contracts.jobs import StoredFile
from shared.geo.raster import OpenOptions, RasterLimits
from shared.jobs.trial import PRINCIPAL, Trial, TrialStuck
from shared.jobs.trial_processes import ModelServerProcess, free_port
from shared.store import artifacts, runs
from shared.store.run_views import RunView

MEDIA_TYPE = "image/tiff"
RUN_WITHIN_S = 3600.0


@contextmanager
def installation(folder: Path) -> Iterator[Trial]:
    """Give an installation whose jobs run, with a model server of its own that is ready.

    Args:
        folder: Takes everything; empty or yet to be made.

    Raises:
        TrialStuck: Something did not get ready.
    """
    port = free_port()
    settings = {"model_server_port": port, "model_server_url": f"http://127.0.0.1:{port}"}
    with Trial(folder, settings=settings) as trial, ModelServerProcess(trial) as server:
        trial.start_supervisor()
        trial.wait_ready()
        server.wait_ready()
        yield trial


def keep_image(trial: Trial, image: Path) -> StoredFile:
    """Store an image as an upload.

    Args:
        trial: The installation.
        image: A GeoTIFF.
    """
    with image.open("rb") as stream:
        return artifacts.save(
            PRINCIPAL,
            trial.store,
            stream,
            name=image.name,
            media_type=MEDIA_TYPE,
            kind="upload",
            is_example=False,
            now=datetime.now(UTC),
        )


def order_run(
    trial: Trial,
    image: StoredFile,
    recipe: Recipe,
    model: PinnedModel,
    *,
    limits: RasterLimits | None = None,
    repeat: bool = False,
) -> RunView:
    """Order a run.

    Args:
        trial: The installation.
        image: The stored image.
        recipe: What is looked for.
        model: The model that must answer.
        limits: How large the image may be; None takes the usual ones.
        repeat: Work once more although an equal run is done.
    """
    options = OpenOptions() if limits is None else OpenOptions(limits=limits)
    order = make_order(image, recipe, model, options, is_example=False)
    return runs.submit(PRINCIPAL, trial.store, order, now=datetime.now(UTC), repeat=repeat)


def seconds_until_done(trial: Trial, run_id: str) -> float:
    """Wait for a run and return how long it took from its first tile on [s].

    Raises:
        TrialStuck: It did not end, or not well.
    """
    run = trial.wait_run(run_id, RUN_WITHIN_S)
    if run.state != "done" or run.units_failed or not (run.started_at and run.finished_at):
        raise TrialStuck(f"the run ended as {run.state} with {run.units_failed} failed tiles")
    return (run.finished_at - run.started_at).total_seconds()
